"""Worked examples of authorities and other tools: their figures must come out of the library.

The case files say what their columns are and whose figures they hold. A case that names an order per year runs under standing orders
recorded on 1 January; one with a selection names when it was recorded, the sale and the lots.
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TypedDict
from zoneinfo import ZoneInfo

import pytest

from ledger.domain.amount import AssetCode
from ledger.domain.election import Election, EvidenceGrade, LotPick, PickOrder, Selection, StandingOrder
from ledger.domain.facts import GainRow
from ledger.domain.ids import AccountId, ElectionId, EventId, SourceId, WalletId
from ledger.domain.lot import Acquisition, Departure, DepartureKind, Disposal, Gap, LotOrigin, Movement, OwnTransfer
from ledger.domain.time.period import CALENDAR_YEAR
from ledger.lots.average import MovingAverage, TotalAverage
from ledger.lots.matching import BY_WALLET, UNIVERSAL, Matched, Picking, match
from ledger.lots.pools import timeline_order
from ledger.ports import MatchingRule
from ledger.tax.uk_matching import ShareMatching
from reports.uk.day_disposals import DayDisposal, day_disposals

HERE = Path(__file__).parent
CENT = Decimal("0.005")
D = Decimal


class Case(TypedDict, total=False):
    id: str
    rule: str
    scope: str
    rows: list[str]
    pieces: list[str]
    left: list[str]
    missing: str
    orders: dict[str, str]
    selection: list[str]
    differs: str
    ours: str
    disposals: list[str]
    pools: list[str]
    years: list[str]


class Head(TypedDict):
    event_id: EventId
    source_id: SourceId
    leg: int
    sequence: int | None
    occurred_at: datetime
    asset: AssetCode
    quantity: Decimal
    account: AccountId
    wallet: WalletId


def head(number: int, ident: str, *, at: str, asset: str, units: str, wallet: str) -> Head:
    return Head(
        event_id=EventId(f"{number:016x}" * 2),
        source_id=SourceId(ident),
        leg=1,
        sequence=None,
        occurred_at=instant(at),
        asset=AssetCode(asset),
        quantity=D(units),
        account=AccountId(wallet),
        wallet=WalletId(wallet),
    )


def cases(name: str, *, differing: bool = False) -> list[Case]:
    found: list[Case] = json.loads((HERE / name).read_text(encoding="utf-8"))["cases"]
    return [case for case in found if ("differs" in case) is differing]


def name_of(case: Case) -> str:
    return case["id"]


def instant(text: str) -> datetime:
    if "T" in text:
        return datetime.fromisoformat(text).astimezone(UTC)
    return datetime.fromisoformat(f"{text}T12:00:00+00:00")


def movement(number: int, row: str) -> Movement:
    ident, at, kind, wallet, units, figure, *_ = row.split()
    common = head(number, ident, at=at, asset="X", units=units, wallet=wallet)
    if kind == "in":
        return Acquisition(cost_basis=D(figure), acquired_at=instant(at), origin=LotOrigin.PURCHASE, **common)
    if kind == "out":
        return Departure(kind=DepartureKind.SALE, proceeds=D(figure), **common)
    return OwnTransfer(to_account=AccountId(figure), to_wallet=WalletId(figure), **common)


def elections_of(case: Case) -> Iterator[Election]:
    for year, order in case.get("orders", {}).items():
        start = datetime(int(year), 1, 1, tzinfo=UTC)
        yield StandingOrder(
            election_id=ElectionId(year), recorded_at=start, grade=EvidenceGrade.OWN, order=PickOrder(order), effective_from=start
        )
    if "selection" in case:
        recorded_at, sale, *lots = case["selection"]
        picks = tuple(LotPick(lot=lot, quantity=D(units)) for lot, units in map(str.split, lots))
        recorded = instant(recorded_at)
        yield Selection(election_id=ElectionId("s"), recorded_at=recorded, grade=EvidenceGrade.OWN, picks=picks, sale=SourceId(sale))


def picked(case: Case) -> Matched:
    scope = UNIVERSAL if case["scope"] == "universal" else BY_WALLET
    rule = Picking(PickOrder(case["rule"]), universal_until=scope, elections=tuple(elections_of(case)))
    return match(timeline_order(movement(number, row) for number, row in enumerate(case["rows"])), rule)


def agrees(piece: Disposal, expected: str) -> bool:
    at, acquired, units, proceeds, cost = expected.split()
    assert piece.proceeds is not None
    assert piece.cost_basis is not None
    return (
        piece.disposed_at == instant(at)
        and (None if piece.acquired_at is None else str(piece.acquired_at.date())) == (None if acquired == "-" else acquired)
        and piece.quantity == D(units)
        and (proceeds == "-" or abs(piece.proceeds - D(proceeds)) < CENT)
        and abs(piece.cost_basis - D(cost)) < CENT
    )


@pytest.mark.parametrize("case", cases("picking.json"), ids=name_of)
def test_lots_are_taken_as_published(case: Case) -> None:
    matched = picked(case)
    gone = [piece for piece in matched.disposals if piece.gap is Gap.MISSING_BASIS]
    assert sum(piece.quantity for piece in gone) == D(case.get("missing", "0"))
    if "pieces" in case:
        wrong = [(piece, each) for piece, each in zip(matched.disposals, undated(case, matched), strict=True) if not agrees(piece, each)]
        assert wrong == []
    if "left" in case:
        left = sorted((lot.quantity_open, lot.cost_open, str(lot.acquired_at.date())) for lot in matched.lots_open)
        assert left == sorted((D(units), D(cost), day) for units, cost, day in map(str.split, case["left"]))


def undated(case: Case, matched: Matched) -> list[str]:
    """The expected pieces; where the source names no date of acquisition, any will do."""
    expected = []
    for piece, each in zip(matched.disposals, case["pieces"], strict=True):
        at, acquired, *rest = each.split()
        known = acquired if acquired != "-" else str(piece.acquired_at.date()) if piece.acquired_at else "-"
        expected.append(" ".join((at, known, *rest)))
    return expected


@pytest.mark.parametrize("case", cases("picking.json", differing=True), ids=name_of)
def test_a_cost_per_unit_counts_fees_where_another_tool_orders_lots_by_price(case: Case) -> None:
    pieces = picked(case).disposals
    assert any(agrees(piece, case["ours"]) for piece in pieces)
    assert len(pieces) != len(case["pieces"]) or not all(map(agrees, pieces, case["pieces"]))


RULES: dict[str, MatchingRule] = {
    "average": MovingAverage(universal=True),
    "total-average": TotalAverage(year_start=CALENDAR_YEAR, zone=ZoneInfo("Asia/Tokyo")),
}


@pytest.mark.parametrize("case", cases("averages.json"), ids=name_of)
def test_averages_come_out_as_published(case: Case) -> None:
    matched = match(timeline_order(movement(number, row) for number, row in enumerate(case["rows"])), RULES[case["rule"]])
    assert [each for piece, each in zip(matched.disposals, case["pieces"], strict=True) if not agrees(piece, each)] == []
    assert {piece.matched_by for piece in matched.disposals} == {"pool"}
    if "left" in case:
        assert [f"{lot.quantity_open.normalize():f} {lot.cost_open:.0f}" for lot in matched.lots_open] == case["left"]


# --- United Kingdom --------------------------------------------------------------------------------------------------

LONDON = ZoneInfo("Europe/London")


def token_movement(number: int, row: str) -> Movement:
    ident, day, kind, asset, units, figure, *costs = row.split()
    common = head(number, ident, at=day, asset=asset, units=units, wallet="w")
    if kind == "in":
        return Acquisition(cost_basis=D(figure), acquired_at=instant(day), origin=LotOrigin.PURCHASE, **common)
    (cost,) = map(D, costs)
    return Departure(kind=DepartureKind.SALE, proceeds=D(figure) - cost, selling_costs=cost, **common)


def gain_row(piece: Disposal) -> GainRow:
    assert piece.proceeds is not None
    assert piece.cost_basis is not None
    return GainRow(
        disposal=piece,
        date_acquired=None if piece.acquired_at is None else piece.acquired_at.astimezone(LONDON).date(),
        date_disposed=piece.disposed_at.astimezone(LONDON).date(),
        year=0,
        term=None,
        box="",
        adjustment=None,
        gain=piece.proceeds - piece.cost_basis,
        finding="",
    )


def shares_matched(case: Case) -> dict[str, Matched]:
    movements = [token_movement(number, row) for number, row in enumerate(case["rows"])]
    assets = sorted({each.asset for each in movements})
    rule = ShareMatching(LONDON)
    return {asset: match(timeline_order(each for each in movements if each.asset == asset), rule) for asset in assets}


def near(found: Decimal | None, expected: str) -> bool:
    return found is not None and abs(found - D(expected)) < CENT


def agrees_with(disposal: DayDisposal, expected: str) -> bool:
    day, asset, units, proceeds, costs, *matches = expected.split()
    figures = (disposal.day == date.fromisoformat(day), disposal.asset == asset, disposal.quantity == D(units))
    rules = [match.split(":") for match in matches]
    found = [(each.matched_by, each.quantity, each.cost) for each in disposal.matches]
    is_matched = not rules or (
        len(rules) == len(found)
        and all(
            rule == by and D(quantity) == part and near(cost, basis)
            for (rule, quantity, basis), (by, part, cost) in zip(rules, found, strict=True)
        )
    )
    return all(figures) and near(disposal.proceeds, proceeds) and near(disposal.allowable_costs, costs) and is_matched


@pytest.mark.parametrize("case", cases("uk.json"), ids=name_of)
def test_shares_are_matched_as_published(case: Case) -> None:
    matched = shares_matched(case)
    disposals = [each for asset in matched for each in day_disposals(map(gain_row, matched[asset].disposals))]
    assert [each for each in zip(disposals, case["disposals"], strict=True) if not agrees_with(*each)] == []
    for pool in case["pools"]:
        asset, units, cost = pool.split()
        open_lots = matched[asset].lots_open
        assert sum(lot.quantity_open for lot in open_lots) == D(units)
        assert near(sum((lot.cost_open or D(0) for lot in open_lots), start=D(0)), cost)
