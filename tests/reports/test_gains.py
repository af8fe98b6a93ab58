"""The gains report: the contract's columns, and totals that every other report repeats."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.document import Cell, Table
from ledger.domain.facts import GainRow
from ledger.ports import ReportInput
from reports.bots import Bots
from reports.gains import Gains
from reports.summary import Summary

CONTRACT = (
    "disposal,event,asset,quantity,account,wallet,bot,acquired_at,date_acquired,disposed_at,date_disposed,proceeds,cost_basis,"
    "adjustment_code,adjustment,gain,term,box,lot,lot_event,matched_by,finding"
)
FIGURES = ("proceeds", "cost_basis", "adjustment", "gain")


def column_sums(table: Table) -> list[Decimal]:
    """The sums of the four figures, found by the names of the columns."""
    names = [column.name for column in table.columns]
    rows = list(table.rows())
    return [sum((row[names.index(figure)] or 0 for row in rows), Decimal(0)) for figure in FIGURES]


def cell(table: Table, name: str) -> Cell:
    (row,) = table.rows()
    return row[[column.name for column in table.columns].index(name)]


def test_columns_are_those_of_the_contract_in_that_order(book: ReportInput) -> None:
    main = Gains().document(book).tables[0]
    assert ",".join(column.name for column in main.columns) == CONTRACT


def test_units_without_acquisition_have_cost_zero_no_lot_and_a_finding(
    book_of: Callable[..., ReportInput], gain: Callable[..., GainRow]
) -> None:
    main = Gains().document(book_of(gain_rows=(gain(acquired=None, cost="0"),))).tables[0]
    assert (cell(main, "lot"), cell(main, "cost_basis"), cell(main, "finding")) == (None, 0, "missing-basis")


def test_row_without_price_has_empty_gain(book_of: Callable[..., ReportInput], gain: Callable[..., GainRow]) -> None:
    main = Gains().document(book_of(gain_rows=(gain(proceeds=None),))).tables[0]
    assert (cell(main, "proceeds"), cell(main, "gain"), cell(main, "cost_basis")) == (None, None, 60)


def test_regime_without_terms_leaves_term_and_box_empty(book_of: Callable[..., ReportInput], gain: Callable[..., GainRow]) -> None:
    main = Gains().document(book_of(gain_rows=(gain(box=""),))).tables[0]
    assert (cell(main, "term"), cell(main, "box")) == (None, "")


def test_gain_is_proceeds_less_cost_plus_adjustment_in_every_row(book: ReportInput) -> None:
    main = Gains().document(book).tables[0]
    names = [column.name for column in main.columns]
    places = [names.index(figure) for figure in FIGURES]
    priced = [figures for row in main.rows() if None not in (figures := [row[place] for place in places])]
    assert len(priced) == 7
    assert all(proceeds - cost + adjustment == result for proceeds, cost, adjustment, result in priced)


def test_rows_are_made_while_they_are_read(book_of: type[ReportInput], gain: Callable[..., GainRow]) -> None:
    class Endless(book_of):
        def gains(self) -> Iterator[GainRow]:
            while True:
                yield gain()

    assert len(list(islice(Gains().document(Endless()).tables[0].rows(), 5))) == 5


amounts = st.decimals(min_value=0, max_value=10**9, places=9).map(str)
drawn_rows = st.lists(
    st.tuples(amounts, amounts, st.sampled_from([None, "grid-1", "dca"]), st.sampled_from(["BTC", "ETH"]), st.sampled_from("CFIL")),
    max_size=30,
)


@given(drawn_rows)
def test_summary_and_bots_add_up_to_the_gains_columns_to_the_last_digit(
    book_of: Callable[..., ReportInput], gain: Callable[..., GainRow], drawn: list[tuple[str, ...]]
) -> None:
    rows = tuple(gain(proceeds=proceeds, cost=cost, bot=bot, asset=asset, box=box) for proceeds, cost, bot, asset, box in drawn)
    book = book_of(gain_rows=rows)
    exact = column_sums(Gains().document(book).tables[0])
    assert column_sums(Gains().document(book).tables[1]) == exact
    summary = Summary().document(book)
    assert column_sums(summary.tables[0]) == exact
    assert column_sums(summary.tables[1]) == exact
    bots = Bots().document(book)
    assert column_sums(bots.tables[0]) == exact
    assert [row[1] for row in bots.tables[2].rows()] == exact
    assert [row[2] for row in bots.tables[2].rows()] == exact
    assert not any(row[3] for row in bots.tables[2].rows())
