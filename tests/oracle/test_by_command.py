"""Worked examples through the command alone: what a user imports, and what `report gains` then says.

The case file says what its columns are and whose figures they hold.
"""

import csv
import json
from collections import defaultdict
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import TypedDict

import pytest

from ledger.cli.main import run

HEADER = "id,time,type,account,to_account,asset,amount,quote_asset,quote_amount,fee_asset,fee_amount,value,fee_value,kind,acquired"
ELECTIONS = "id,recorded_at,kind,rule,wallet,asset,bot,effective_from,sale,order_id,lot,quantity,evidence"
CENT = Decimal("0.005")
CLEAN_OR_FINDINGS = (0, 1)


class Case(TypedDict, total=False):
    id: str
    source: str
    init: str
    rows: list[str]
    elections: list[str]
    pieces: list[str]
    days: list[str]


def cases(shown_by: str) -> list[Case]:
    found: list[Case] = json.loads((Path(__file__).parent / "by_command.json").read_text(encoding="utf-8"))["cases"]
    return [case for case in found if shown_by in case]


def name_of(case: Case) -> str:
    return case["id"]


def gains(case: Case, folder: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    book = str(folder / "book")
    assert run(["-q", "init", book, *case["init"].split()]) == 0
    for name, header, rows in (("events", HEADER, case["rows"]), ("elections", ELECTIONS, case.get("elections", []))):
        if rows:
            path = folder / f"{name}.csv"
            path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
            assert run(["-q", "--book", book, "import", str(path)]) in CLEAN_OR_FINDINGS, capsys.readouterr().err
    capsys.readouterr()
    assert run(["-q", "--book", book, "report", "gains", "--format", "csv"]) == 0
    return list(csv.DictReader(StringIO(capsys.readouterr().out)))


def close(figure: str, expected: str) -> bool:
    return expected == "-" or abs(Decimal(figure) - Decimal(expected)) < CENT


def agrees(row: dict[str, str], expected: str) -> bool:
    event, acquired, units, proceeds, cost, term = expected.split()
    return (
        event in ("-", row["event"])
        and acquired in ("-", row["date_acquired"])
        and Decimal(row["quantity"]) == Decimal(units)
        and close(row["proceeds"], proceeds)
        and close(row["cost_basis"], cost)
        and term in ("-", row["term"])
    )


@pytest.mark.parametrize("case", cases("pieces"), ids=name_of)
def test_every_piece_is_as_published(case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    left = gains(case, tmp_path, capsys)
    for expected in case["pieces"]:
        found = next((row for row in left if agrees(row, expected)), None)
        assert found is not None, (expected, left)
        left.remove(found)
    assert left == []


@pytest.mark.parametrize("case", cases("days"), ids=name_of)
def test_every_day_is_as_published(case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    units: defaultdict[str, Decimal] = defaultdict(Decimal)
    gained: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in gains(case, tmp_path, capsys):
        day = f"{row['date_disposed']} {row['asset']}"
        units[day] += Decimal(row["quantity"])
        gained[day] += Decimal(row["gain"])
    expected = {f"{day} {asset}": (quantity, gain) for day, asset, quantity, gain in map(str.split, case["days"])}
    assert set(units) == set(expected)
    for day, (quantity, gain) in expected.items():
        assert units[day] == Decimal(quantity)
        assert close(str(gained[day]), gain), day
