"""Rows of brokers' statements find the disposal pieces that they tell of, in whatever order they come."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.amount import AssetCode
from ledger.domain.facts import GainRow
from ledger.domain.ids import AccountId, DisposalId, EventId, LotId, OrderId, SourceId, StatementRowId, WalletId
from ledger.domain.law.statement import BrokerForm, StatementRow
from ledger.domain.lot import DepartureKind, Disposal, HoldingTerm
from ledger.lots.statements import Comparison, compared, live_rows

D = Decimal


def row(name: str, text: str, **changes: object) -> StatementRow:
    """``sold units proceeds [acquired]``."""
    sold, units, proceeds, *acquired = text.split()
    plain = StatementRow(
        row_id=StatementRowId(name),
        account=AccountId("main"),
        year=2025,
        form=BrokerForm.DIGITAL,
        asset=AssetCode("BTC"),
        quantity=D(units),
        date_acquired=date.fromisoformat(acquired[0]) if acquired else None,
        date_sold=date.fromisoformat(sold),
        proceeds=D(proceeds),
        cost_basis=None,
        term=None,
        sale=None,
        code="",
        adjustment=None,
        issued=None,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # any field of a row


def piece(name: str, text: str, *, order: str | None = None, costs: str = "0") -> GainRow:
    """``sale/piece sold units proceeds acquired``."""
    sold, units, proceeds, acquired = text.split()
    sale, _, number = name.partition("/")
    disposal = Disposal(
        disposal_id=DisposalId(f"D-{sale}"),
        piece=int(number or 1),
        event_id=EventId(sale),
        source_id=SourceId(sale),
        asset=AssetCode("BTC"),
        quantity=D(units),
        account=AccountId("main"),
        wallet=WalletId("main"),
        bot=None,
        kind=DepartureKind.SALE,
        acquired_at=datetime.fromisoformat(f"{acquired}T12:00:00+00:00"),
        disposed_at=datetime.fromisoformat(f"{sold}T12:00:00+00:00").astimezone(UTC),
        proceeds=D(proceeds),
        cost_basis=D(1),
        lot_id=LotId("L"),
        lot_source_id=SourceId("b"),
        matched_by="fifo",
        selling_costs=D(costs),
        order_id=None if order is None else OrderId(order),
    )
    return GainRow(
        disposal=disposal,
        date_acquired=date.fromisoformat(acquired),
        date_disposed=date.fromisoformat(sold),
        year=2025,
        term=HoldingTerm.SHORT,
        box="I",
        adjustment=None,
        gain=D(0),
        finding="",
    )


def told(found: Comparison) -> dict[str, str]:
    """Each piece with the proceeds told of it."""
    return {f"{sale.removeprefix('D-')}/{number}": f"{said.proceeds.normalize():f}" for (sale, number), said in found.told.items()}


BOUGHT = "2025-01-02"
CASES: dict[str, tuple[list[StatementRow], list[GainRow], dict[str, str]]] = {
    "one row, one sale": ([row("r", "2025-03-01 1 100")], [piece("s", f"2025-03-01 1 99 {BOUGHT}")], {"s/1": "100"}),
    "a row for each lot": (
        [row("a", f"2025-03-01 1 60 {BOUGHT}"), row("b", "2025-03-01 1 40 2025-02-01")],
        [piece("s/1", "2025-03-01 1 50 2025-02-01"), piece("s/2", f"2025-03-01 1 50 {BOUGHT}")],
        {"s/2": "60", "s/1": "40"},
    ),
    "one row for a sale out of two lots": (
        [row("r", "2025-03-01 3 90")],
        [piece("s/1", f"2025-03-01 1 30 {BOUGHT}"), piece("s/2", f"2025-03-01 2 60 {BOUGHT}")],
        {"s/1": "30", "s/2": "60"},
    ),
    "sales alike are told by their proceeds": (
        [row("a", "2025-03-01 1 102"), row("b", "2025-03-01 1 101")],
        [piece("s", f"2025-03-01 1 101 {BOUGHT}"), piece("t", f"2025-03-01 1 100 {BOUGHT}", costs="2")],
        {"s/1": "101", "t/1": "102"},
    ),
    "the id of the sale goes first": (
        [row("a", "2025-03-01 1 100", sale="t"), row("b", "2025-03-01 1 100", sale="s")],
        [piece("s", f"2025-03-01 1 100 {BOUGHT}"), piece("t", f"2025-03-01 1 100 {BOUGHT}")],
        {"t/1": "100", "s/1": "100"},
    ),
    "rows for the lots of a named sale": (
        [row("a", "2025-03-01 1 70 2025-02-01", sale="s"), row("b", f"2025-03-01 2 80 {BOUGHT}", sale="s")],
        [piece("s/1", f"2025-03-01 2 75 {BOUGHT}"), piece("s/2", "2025-03-01 1 75 2025-02-01")],
        {"s/2": "70", "s/1": "80"},
    ),
    "one row for the fills of an order": (
        [row("r", "2025-03-01 3 90")],
        [piece("s", f"2025-03-01 1 29 {BOUGHT}", order="o"), piece("t", f"2025-03-01 2 60 {BOUGHT}", order="o")],
        {"s/1": "30", "t/1": "60"},
    ),
    "a day apart": ([row("r", "2025-03-02 1 100")], [piece("s", f"2025-03-01 1 100 {BOUGHT}")], {"s/1": "100"}),
    "only the units of the day add up": (
        [row("a", "2025-03-01 1 10"), row("b", "2025-03-01 2 20")],
        [piece("s/1", f"2025-03-01 0.5 9 {BOUGHT}"), piece("s/2", f"2025-03-01 2.5 21 {BOUGHT}")],
        {"s/1": "5", "s/2": "25"},
    ),
    "other units": ([row("r", "2025-03-01 2 100")], [piece("s", f"2025-03-01 1 100 {BOUGHT}")], {}),
    "two days apart": ([row("r", "2025-03-03 1 100")], [piece("s", f"2025-03-01 1 100 {BOUGHT}")], {}),
    "another asset": ([row("r", "2025-03-01 1 100", asset="ETH")], [piece("s", f"2025-03-01 1 100 {BOUGHT}")], {}),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_rows_find_the_pieces_that_they_tell_of(case: str) -> None:
    rows, pieces, expected = CASES[case]
    assert told(compared(live_rows(rows), pieces)) == expected
    assert told(compared(live_rows(rows[::-1]), pieces)) == expected


def test_what_has_no_counterpart_is_left_on_either_side() -> None:
    found = compared(live_rows([row("r", "2025-03-01 2 100")]), [piece("s", f"2025-03-01 1 100 {BOUGHT}")])
    assert [one.row_id for one in found.rows_alone] == ["r"]
    assert [one.disposal.disposal_id for one in found.pieces_alone] == ["D-s"]
    assert found.covered == {("main", 2025)}


def test_a_day_apart_is_said() -> None:
    found = compared(live_rows([row("r", "2025-03-02 1 100")]), [piece("s", f"2025-03-01 1 100 {BOUGHT}")])
    assert [one.row_id for one in found.day_differs] == ["r"]


def test_lots_that_differ_are_said_where_the_form_has_a_basis_and_neither_basis_nor_term_is_taken() -> None:
    rows = [
        row("a", "2025-03-01 1 10", cost_basis=D(1), term=HoldingTerm.LONG),
        row("b", "2025-03-01 2 20", cost_basis=D(2), term=HoldingTerm.LONG),
    ]
    pieces = [piece("s/1", f"2025-03-01 0.5 9 {BOUGHT}"), piece("s/2", f"2025-03-01 2.5 21 {BOUGHT}")]
    found = compared(live_rows(rows), pieces)
    (day,) = found.lots_differ
    assert ([one.row_id for one in day.rows], list(day.pieces)) == (["a", "b"], pieces)
    assert {(said.cost_basis, said.term) for said in found.told.values()} == {(None, None)}


def test_one_row_of_all_that_was_sold_on_a_day_is_compared_as_a_whole() -> None:
    one = row("r", "2025-03-01 3 30", cost_basis=D(9))
    found = compared([one], [piece("s1", f"2025-03-01 1 10 {BOUGHT}"), piece("s2", f"2025-03-01 2 20 {BOUGHT}")])
    assert (found.lots_differ, found.rows_alone, found.pieces_alone) == ((), (), ())
    assert [(said.cost_basis, said.lots_differ) for said in found.told.values()] == [(D(3), False), (D(6), False)]


def test_rows_of_several_forms_are_not_taken_together() -> None:
    rows = [row("a", "2025-03-01 1 10"), row("b", "2025-03-01 2 20", form=BrokerForm.DIGITAL_BASIS)]
    pieces = [piece("s/1", f"2025-03-01 0.5 9 {BOUGHT}"), piece("s/2", f"2025-03-01 2.5 21 {BOUGHT}")]
    assert compared(live_rows(rows), pieces).told == {}


def test_basis_and_adjustment_are_shared_out_by_units_and_add_up() -> None:
    one = row("r", "2025-03-01 3 90", cost_basis=D(10), adjustment=D(1), code="W", term=HoldingTerm.SHORT)
    found = compared([one], [piece("s/1", f"2025-03-01 1 30 {BOUGHT}"), piece("s/2", f"2025-03-01 2 60 {BOUGHT}")])
    shares = list(found.told.values())
    assert [(said.code, said.term) for said in shares] == [("W", HoldingTerm.SHORT)] * 2
    assert sum(said.cost_basis or D(0) for said in shares) == 10
    assert sum(said.adjustment or D(0) for said in shares) == 1


def test_the_statement_issued_last_counts_as_a_whole() -> None:
    first = [row("a", "2025-03-01 1 100"), row("b", "2025-03-02 1 100")]
    corrected = [row("c", "2025-03-01 1 101", issued=date(2026, 2, 1))]
    other_year = [row("d", "2024-03-01 1 100", year=2024)]
    again = [row("e", "2025-03-01 1 102", issued=date(2026, 4, 1))]
    assert [one.row_id for one in live_rows([*first, *corrected, *other_year])] == ["d", "c"]
    assert [one.row_id for one in live_rows([*again, *other_year, *corrected, *first])] == ["d", "e"]


ROWS = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4)), max_size=8)


@given(ROWS, ROWS, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter_and_proceeds_told_are_all_there(
    drawn: Sequence[tuple[int, int, int]], sold: Sequence[tuple[int, int, int]], random: object
) -> None:
    rows = [row(f"r{number}", f"2025-03-0{day} {units} {money}") for number, (day, units, money) in enumerate(drawn)]
    sales = enumerate(sorted(sold))
    pieces = [piece(f"s{number}/{1}", f"2025-03-0{day} {units} {money} {BOUGHT}") for number, (day, units, money) in sales]
    found = compared(live_rows(rows), pieces)
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis' own random numbers
    assert compared(live_rows(shuffled), pieces) == found
    alone = {one.row_id for one in found.rows_alone}
    assert sum(said.proceeds for said in found.told.values()) == sum(one.proceeds for one in rows if one.row_id not in alone)
    assert len(found.told) + len(found.pieces_alone) == len(pieces)
