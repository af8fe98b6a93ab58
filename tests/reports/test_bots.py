"""Gains by bot."""

from decimal import Decimal

from ledger.ports import ReportInput
from reports.bots import NO_BOT, Bots


def test_bot_with_fills_but_no_disposals_has_a_row(book: ReportInput) -> None:
    rows = {row[0]: row[1:3] for row in Bots().document(book).tables[0].rows()}
    assert rows["idle"] == (0, 0)


def test_bot_with_disposals_but_no_fills_has_a_row(book: ReportInput) -> None:
    rows = {row[0]: row[1:3] for row in Bots().document(book).tables[0].rows()}
    assert rows["@dca"] == (0, 1)


def test_what_no_bot_decided_stands_last(book: ReportInput) -> None:
    assert [row[0] for row in Bots().document(book).tables[0].rows()][-1] == NO_BOT


def test_fees_are_listed_by_asset_with_rebates_negative(book: ReportInput) -> None:
    fees = [(*cells, str(fee)) for *cells, fee in Bots().document(book).tables[1].rows()]
    assert fees == [
        ("grid-1", "BTC", "2025-05", "BNB", "2.2E-7"),
        ("grid-1", "BTC", "2025-05", "USD", "-0.25"),
        (NO_BOT, "ETH", "2025-05", "USD", "1.5"),
    ]


def test_own_results_and_differences_add_up_to_the_gains(book: ReportInput) -> None:
    tables = {table.name: [*table.rows()] for table in Bots().document(book).tables}
    gains = {row[0]: row[-1] for row in tables["bots"]}
    assert {row[0]: row[3] for row in tables["bot-own"]} == gains
    for row in [*tables["bot-own"], *((*row[:1], row[5], None, row[4], row[6]) for row in tables["bot-months"])]:
        assert row[1] + row[4] == row[3]  # type: ignore[operator]  # money
    for _, _, not_bought, _, difference, other_lots, _ in tables["bot-own"]:
        assert not_bought + other_lots == difference  # type: ignore[operator]  # money
    assert tables["bot-not-bought"] == [("grid-1", "BTC", "2025-05", Decimal("0.25"), Decimal("17.5"))]
