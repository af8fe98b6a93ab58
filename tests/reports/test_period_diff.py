"""A closed year as filed and now: rows that came, went and changed, paired by disposal and lot, and totals over all rows."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ledger.domain.errors import UnsupportedCase
from ledger.domain.facts import GainRow, IncomeRow
from ledger.domain.ids import LotId
from ledger.domain.lot import Lot
from ledger.ports import ReportInput
from reports.period_diff import PeriodDiff

Rows = list[dict[str, object]]
NEXT_DAY = datetime(2025, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def differences(book_of: Callable[..., ReportInput]) -> Callable[..., list[Rows]]:
    """Return what gives the tables of two sides as rows by column name."""

    def told(filed: dict[str, object], now: dict[str, object]) -> list[Rows]:
        document = PeriodDiff().document(book_of(sides=(book_of(**filed), book_of(**now))))
        return [
            [dict(zip([column.name for column in table.columns], row, strict=True)) for row in table.rows()] for table in document.tables
        ]

    return told


def of_lot(row: GainRow, lot: str) -> GainRow:
    return replace(row, disposal=replace(row.disposal, lot_id=LotId(lot)))


def test_rows_that_agree_are_left_out_and_others_say_what_they_were(
    differences: Callable[..., list[Rows]], gain: Callable[..., GainRow]
) -> None:
    same, gone, new = gain("a", number="1" * 16), gain("b", number="2" * 16), gain("c", number="3" * 16)
    before, after = gain("d", number="4" * 16, disposed=NEXT_DAY), gain("d", number="4" * 16, cost="70", box="L", disposed=NEXT_DAY)
    rows = differences({"gain_rows": (same, gone, before)}, {"gain_rows": (same, new, after)})[0]
    assert [(row["change"], row["event"], str(row["gain_filed"]), str(row["gain_now"]), str(row["gain_difference"])) for row in rows] == [
        ("gone", "b", "40", "None", "-40"),
        ("added", "c", "None", "40", "40"),
        ("changed", "d", "40", "30", "-10"),
    ]
    assert (rows[2]["box_filed"], rows[2]["box_now"], rows[2]["term_filed"], rows[2]["term_now"]) == ("I", "L", "short", "long")


def test_pieces_of_a_disposal_are_paired_by_lot_and_then_in_their_order(
    differences: Callable[..., list[Rows]], gain: Callable[..., GainRow]
) -> None:
    piece = gain()
    filed = [of_lot(piece, lot) for lot in ("L-1", "L-2")]
    now = [of_lot(gain(cost=cost), lot) for cost, lot in (("60", "L-2"), ("50", "L-3"), ("40", "L-4"))]
    rows = differences({"gain_rows": filed}, {"gain_rows": now})[0]
    assert [(row["change"], row["lot_filed"], row["lot_now"]) for row in rows] == [("changed", "L-1", "L-3"), ("added", None, "L-4")]


def test_a_finding_or_a_bot_is_no_figure(differences: Callable[..., list[Rows]], gain: Callable[..., GainRow]) -> None:
    row = gain()
    other = replace(row, finding="x", disposal=replace(row.disposal, bot="grid", matched_by="lifo"))
    assert differences({"gain_rows": (row,)}, {"gain_rows": (other,)})[0] == []


def test_totals_hold_all_rows_by_term_and_box_short_first(differences: Callable[..., list[Rows]], gain: Callable[..., GainRow]) -> None:
    long = gain(number="2" * 16, box="L")
    totals = differences({"gain_rows": (gain(), long)}, {"gain_rows": (gain(cost="50", adjustment=("W", "5")), long)})[1]
    told = [(row["box"], row["figure"], str(row["filed"]), str(row["now"]), str(row["difference"])) for row in totals]
    assert told[:4] == [
        ("I", "Proceeds", "100", "100", "0"),
        ("I", "Cost basis", "60", "50", "-10"),
        ("I", "Adjustment", "0", "5", "5"),
        ("I", "Gain or loss", "40", "55", "15"),
    ]
    assert [(row["box"], row["term"]) for row in totals] == [("I", "short")] * 4 + [("L", "long")] * 4


def test_receipts_and_lots_that_differ_are_told(
    book: ReportInput, differences: Callable[..., list[Rows]], open_lot: Callable[..., Lot]
) -> None:
    receipts: list[IncomeRow] = sorted(book.income(), key=lambda row: (row.occurred_at, row.source_id))
    changed = [replace(receipts[0], value=None), *receipts[1:-1]]
    lot = open_lot()
    _, _, income, lots = differences(
        {"income_rows": receipts, "lot_rows": (lot,)}, {"income_rows": changed, "lot_rows": (replace(lot, cost_open=None),)}
    )
    assert [(row["change"], row["event"], row["value_now"]) for row in income] == [
        ("changed", receipts[0].source_id, None),
        ("gone", receipts[-1].source_id, None),
    ]
    assert [(row["change"], row["cost_open_filed"], row["cost_open_now"]) for row in lots] == [("changed", lot.cost_open, None)]


def test_a_period_that_is_no_closed_year_is_refused(book: ReportInput) -> None:
    with pytest.raises(UnsupportedCase, match="is no tax year that was closed") as refused:
        PeriodDiff().document(book)
    assert "period list" in refused.value.mend
