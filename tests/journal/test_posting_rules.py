"""Every kind of event, as postings: what is debited, credited and by how much."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ledger.domain.amount import Amount, AssetCode, text_of
from ledger.domain.event import (
    BalanceSnapshot,
    Charge,
    ChargeKind,
    Event,
    Fill,
    Income,
    IncomeKind,
    Opening,
    OpeningKind,
    Side,
    SourceRank,
    Transfer,
)
from ledger.domain.event_text import HeadFields
from ledger.domain.ids import AccountId, EventId, SourceId, VenueName
from ledger.journal.balances import balances_of_entries
from ledger.journal.chart import account_of_assets, assets_of_account, income_account, trading_of_account
from ledger.journal.posting_rules import entry_of, postings_of, reversal_of

HEAD = HeadFields(
    event_id=EventId("0123456789abcdef" * 2),
    source_id=SourceId("t1"),
    venue=VenueName("file"),
    account=AccountId("main"),
    occurred_at=datetime(2025, 3, 1, 12, tzinfo=UTC),
    rank=SourceRank.FILE,
    sequence=None,
    order_id=None,
    client_order_id=None,
    bot=None,
    note=None,
    provisional=False,
)
Line = tuple[str, str, str]  # debit, credit, amount
HELD, TRADING, REBATE = "assets:main", "equity:trading:main", "income:rebate"


def amount(text: str) -> Amount:
    quantity, asset = text.split()
    return Amount(quantity=Decimal(quantity), asset=AssetCode(asset))


def fill(side: Side, base: str, quote: str, fee: str | None = None) -> Fill:
    return Fill(side=side, base=amount(base), quote=amount(quote), fee=None if fee is None else amount(fee), **HEAD)


def transfer(sender: str | None, receiver: str | None, units: str, fee: str | None = None) -> Transfer:
    return Transfer(
        from_account=None if sender is None else AccountId(sender),
        to_account=None if receiver is None else AccountId(receiver),
        amount=amount(units),
        fee=None if fee is None else amount(fee),
        **HEAD,
    )


def charge(kind: ChargeKind) -> Charge:
    return Charge(kind=kind, amount=amount("2 ETH"), fee=amount("1 USD"), **HEAD)


def lines(event: Event) -> list[Line]:
    return [(each.debit, each.credit, f"{text_of(each.amount.quantity)} {each.amount.asset}") for each in postings_of(event)]


FEE = ("expenses:fees:other", HELD, "1 USD")
CASES: dict[str, tuple[Event, list[Line]]] = {
    "a buy with the fee in a third asset": (
        fill(Side.BUY, "0.10 BTC", "6000 USDT", "0.002 BNB"),
        [(HELD, TRADING, "0.1 BTC"), (TRADING, HELD, "6000 USDT"), ("expenses:fees:trading", HELD, "0.002 BNB")],
    ),
    "a sale with the fee in the quote": (
        fill(Side.SELL, "0.1 BTC", "6000 USD", "6 USD"),
        [(HELD, TRADING, "6000 USD"), (TRADING, HELD, "0.1 BTC"), ("expenses:fees:trading", HELD, "6 USD")],
    ),
    "a rebate": (
        fill(Side.BUY, "0.1 BTC", "6000 USD", "-6 USD"),
        [(HELD, TRADING, "0.1 BTC"), (TRADING, HELD, "6000 USD"), (HELD, REBATE, "6 USD")],
    ),
    "a fee of zero": (fill(Side.BUY, "0.1 BTC", "6 USD", "0 USD"), [(HELD, TRADING, "0.1 BTC"), (TRADING, HELD, "6 USD")]),
    "a fill for nothing": (fill(Side.SELL, "0.1 BTC", "0 USD"), [(TRADING, HELD, "0.1 BTC")]),
    "a transfer passes through clearing, its fee does not": (
        transfer("main", "vault", "1 BTC", "0.1 BTC"),
        [
            ("equity:clearing:transfers", HELD, "1 BTC"),
            ("assets:vault", "equity:clearing:transfers", "1 BTC"),
            ("expenses:fees:transfers", HELD, "0.1 BTC"),
        ],
    ),
    "money between own accounts passes through clearing": (
        transfer("main", "vault", "1 USD"),
        [("equity:clearing:transfers", HELD, "1 USD"), ("assets:vault", "equity:clearing:transfers", "1 USD")],
    ),
    "a lone withdrawal of units": (transfer("main", None, "1 BTC"), [("equity:clearing:transfers", HELD, "1 BTC")]),
    "a lone deposit of units, its fee paid by the receiver": (
        transfer(None, "main", "1 BTC", "0.1 BTC"),
        [(HELD, "equity:clearing:transfers", "1 BTC"), ("expenses:fees:transfers", HELD, "0.1 BTC")],
    ),
    "money that goes to a bank": (transfer("main", None, "5 USD"), [("equity:funding", HELD, "5 USD")]),
    "money that comes from a bank": (transfer(None, "main", "5 USD"), [(HELD, "equity:funding", "5 USD")]),
    "income": (
        Income(kind=IncomeKind.STAKING, amount=amount("2 ETH"), fee=amount("1 USD"), **HEAD),
        [(HELD, "income:staking", "2 ETH"), FEE],
    ),
    "spending": (charge(ChargeKind.SPEND), [("expenses:spending", HELD, "2 ETH"), FEE]),
    "a fee by itself": (charge(ChargeKind.FEE), [("expenses:fees:other", HELD, "2 ETH"), FEE]),
    "a gift": (charge(ChargeKind.GIFT_OUT), [("equity:gifts:given", HELD, "2 ETH"), FEE]),
    "a donation": (charge(ChargeKind.DONATION), [("expenses:donations", HELD, "2 ETH"), FEE]),
    "a loss": (charge(ChargeKind.LOST), [("expenses:losses", HELD, "2 ETH"), FEE]),
    "an opening": (
        Opening(kind=OpeningKind.OPENING, amount=amount("2 ETH"), cost_basis=None, acquired_at=None, **HEAD),
        [(HELD, "equity:opening", "2 ETH")],
    ),
    "a gift received": (
        Opening(kind=OpeningKind.GIFT_IN, amount=amount("2 ETH"), cost_basis=None, acquired_at=None, **HEAD),
        [(HELD, "equity:gifts:received", "2 ETH")],
    ),
    "a balance": (BalanceSnapshot(balance=amount("2 ETH"), **HEAD), []),
}


@pytest.mark.parametrize(("event", "expected"), CASES.values(), ids=CASES)
def test_events_are_booked_as_the_chart_says(event: Event, expected: list[Line]) -> None:
    assert lines(event) == expected


def test_an_entry_names_its_event_and_revision() -> None:
    event = fill(Side.BUY, "1 BTC", "5 USD")
    entry = entry_of(event, 2)
    assert entry is not None
    assert (entry.entry_id, entry.event_id, entry.occurred_at) == ("E-0123456789abcdef-2", event.event_id, event.occurred_at)
    assert (entry.postings, entry.reverses) == (postings_of(event), None)


def test_a_balance_snapshot_has_no_entry() -> None:
    assert entry_of(BalanceSnapshot(balance=amount("2 ETH"), **HEAD), 1) is None


def test_a_reversal_names_its_target_and_leaves_nothing_of_it() -> None:
    entry = entry_of(fill(Side.BUY, "1 BTC", "5 USD", "1 BNB"), 1)
    assert entry is not None
    reversal = reversal_of(entry, EventId("f" * 32), 3)
    assert (reversal.entry_id, reversal.reverses, reversal.event_id) == ("E-ffffffffffffffff-3r", entry.entry_id, "f" * 32)
    assert balances_of_entries([entry, reversal]) == {}


def test_a_reversal_is_not_reversed() -> None:
    entry = entry_of(fill(Side.BUY, "1 BTC", "5 USD"), 1)
    assert entry is not None
    with pytest.raises(AssertionError):
        reversal_of(reversal_of(entry, entry.event_id, 1), entry.event_id, 2)


@pytest.mark.parametrize("account", ["main", "a:b", "a%3Ab", "%", ":", "Binance (spot) / €", "a b"])
def test_account_names_say_which_account_they_stand_for(account: str) -> None:
    name = assets_of_account(AccountId(account))
    assert name.count(":") == 1
    assert account_of_assets(name) == account
    assert trading_of_account(AccountId(account)).count(":") == 2


def test_only_asset_accounts_stand_for_an_account() -> None:
    assert account_of_assets(income_account(IncomeKind.REBATE)) is None
