"""Gains by bot."""

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
    fees = [(bot, asset, str(fee)) for bot, asset, fee in Bots().document(book).tables[1].rows()]
    assert fees == [("grid-1", "BNB", "2.2E-7"), ("grid-1", "USD", "-0.25"), (NO_BOT, "USD", "1.5")]
