"""Worked examples of the regulations, played from event to disposal; figures as published, days ours where they give none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from ledger.domain.amount import Amount, AssetCode, added, subtracted
from ledger.domain.event import Charge, ChargeKind, Event, Fill, Income, IncomeKind, Opening, OpeningKind, Side, SourceRank, Transfer
from ledger.domain.event_text import HeadFields
from ledger.domain.ids import AccountId, SourceId, VenueName, WalletId, event_id
from ledger.domain.lot import Movement
from ledger.domain.price import Worth
from ledger.lots.matching import Matched, match
from ledger.lots.pools import timeline_order
from ledger.ports import BookTerms
from ledger.tax.us import UnitedStates

US = UnitedStates()
TERMS = BookTerms(currency=AssetCode("USD"), zone=ZoneInfo("America/New_York"), method="fifo", scope="wallet", wallets={})


def amount(text: str) -> Amount:
    quantity, asset = text.split()
    return Amount(quantity=Decimal(quantity), asset=AssetCode(asset))


def optional(text: str | None) -> Amount | None:
    return None if text is None else amount(text)


def number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def at_noon(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)


def head(name: str, day: str, account: str = "w") -> HeadFields:
    venue, owner = VenueName("file"), AccountId(account)
    return HeadFields(
        event_id=event_id(venue=venue, account=owner, product_line="spot", kind="event", scope="", source_id=name),
        source_id=SourceId(name),
        venue=venue,
        account=owner,
        occurred_at=at_noon(day),
        rank=SourceRank.FILE,
        sequence=None,
        order_id=None,
        client_order_id=None,
        bot=None,
        note=None,
        provisional=False,
    )


def opening(name: str, day: str, units: str, cost: str, account: str = "w") -> Opening:
    kind = OpeningKind.OPENING
    return Opening(kind=kind, amount=amount(units), cost_basis=Decimal(cost), acquired_at=at_noon(day), **head(name, day, account))


def bought(name: str, day: str, units: str, paid: str, fee: str | None = None, fee_value: str | None = None) -> Fill:
    base, quote = amount(units), amount(paid)
    return Fill(side=Side.BUY, base=base, quote=quote, fee=optional(fee), fee_value=number(fee_value), **head(name, day))


def exchanged(name: str, day: str, given: str, received: str, value: str, *, fee: str | None = None, fee_value: str | None = None) -> Fill:
    return Fill(
        side=Side.SELL,
        base=amount(given),
        quote=amount(received),
        fee=optional(fee),
        value=Decimal(value),
        fee_value=number(fee_value),
        **head(name, day),
    )


def sold(name: str, day: str, units: str, received: str, account: str = "w") -> Fill:
    return Fill(side=Side.SELL, base=amount(units), quote=amount(received), **head(name, day, account))


def spent(name: str, day: str, units: str, value: str, fee: str) -> Charge:
    return Charge(kind=ChargeKind.SPEND, amount=amount(units), value=Decimal(value), fee=amount(fee), **head(name, day))


def moved(name: str, day: str, units: str, sender: str, receiver: str) -> Transfer:
    return Transfer(from_account=AccountId(sender), to_account=AccountId(receiver), amount=amount(units), **head(name, day, sender))


def earned(name: str, day: str, units: str, value: str) -> Income:
    return Income(kind=IncomeKind.AIRDROP, amount=amount(units), value=Decimal(value), **head(name, day))


def played(events: Sequence[Event]) -> dict[str, Matched]:
    movements: dict[str, list[Movement]] = {}
    for event in events:
        for movement in US.movements(event, Worth(), TERMS):
            movements.setdefault(movement.asset, []).append(movement)
    return {asset: match(timeline_order(each), US.rule(TERMS)) for asset, each in movements.items()}


@dataclass(frozen=True)
class Example:
    paragraph: str
    events: tuple[Event, ...]
    pieces: set[tuple[str, str, str, str, str, str]]  # event, asset, quantity, proceeds, basis, lot
    left: dict[str, tuple[str, str]]  # asset: open units and cost


EXAMPLES = (
    Example(
        "1.1001-7(b)(5)(i) services paid for with units, fee in cash",
        (opening("L1", "2025-01-10", "20 A", "10"), spent("D1", "2025-06-01", "10 A", "10", fee="1 USD")),
        {("D1", "A", "10", "9", "5", "L1")},
        {"A": ("10", "5")},
    ),
    Example(
        "1.1001-7(b)(5)(ii) exchange, fee in cash: all of it belongs to the disposition",
        (opening("L1", "2025-01-10", "10 A", "5"), exchanged("X1", "2025-06-01", "10 A", "20 B", "20", fee="2 USD")),
        {("X1", "A", "10", "18", "5", "L1")},
        {"A": ("0", "0"), "B": ("20", "20")},
    ),
    Example(
        "1.1001-7(b)(5)(iii) exchange, fee in a third asset with a cascading fee unit",
        (
            opening("L1", "2025-01-10", "10 A", "5"),
            opening("L2", "2025-01-10", "10 C", "5"),
            exchanged("X1", "2025-06-01", "10 A", "20 B", "20", fee="3 C", fee_value="2"),
        ),
        {("X1", "A", "10", "18", "5", "L1"), ("X1", "C", "3", "2", "1.5", "L2")},
        {"A": ("0", "0"), "B": ("20", "20"), "C": ("7", "3.5")},
    ),
    Example(
        "1.1001-7(b)(5)(iv) exchange, fee withheld from the units given up",
        (opening("L1", "2025-01-10", "10 A", "5"), exchanged("X1", "2025-06-01", "9 A", "18 B", "18", fee="1 A")),
        {("X1", "A", "10", "18", "5", "L1")},
        {"A": ("0", "0"), "B": ("18", "18")},
    ),
    Example(
        "1.1001-7(b)(5)(v) exchange, fee withheld from the units received",
        (opening("L1", "2025-01-10", "10 A", "5"), exchanged("X1", "2025-06-01", "10 A", "20 B", "20", fee="3 B")),
        {("X1", "A", "10", "17", "5", "L1"), ("X1", "B", "3", "3", "3", "X1")},
        {"A": ("0", "0"), "B": ("17", "17")},
    ),
    Example(
        "1.1012-1(j)(5)(ii) no identification in time: the earliest acquired units",
        (
            opening("L1", "2025-01-01", "10 DE", "20"),
            opening("L2", "2026-01-01", "20 DE", "100"),
            sold("S1", "2026-09-02", "10 DE", "100 USD"),
        ),
        {("S1", "DE", "10", "100", "20", "L1")},
        {"DE": ("20", "100")},
    ),
    Example(
        "1.1012-1(j)(5)(iv) units moved in: the day of the move is disregarded",
        (
            opening("L1", "2025-08-01", "10 DE", "90", account="CRX"),
            opening("L2", "2026-01-01", "20 DE", "100", account="BEX"),
            moved("T1", "2027-08-01", "10 DE", "CRX", "BEX"),
            sold("S1", "2027-09-01", "10 DE", "100 USD", account="BEX"),
        ),
        {("S1", "DE", "10", "100", "90", "L1")},
        {"DE": ("20", "100")},
    ),
    Example(
        "1.1012-1(j)(5)(v) and (vi) withheld units come from those just received, older lots or orders notwithstanding",
        (
            opening("L1", "2025-01-01", "10 AB", "10"),
            opening("L2", "2025-01-01", "30 CD", "30"),
            exchanged("X1", "2026-06-30", "10 CD", "10 AB", "20", fee="1 AB"),
        ),
        {("X1", "CD", "10", "18", "10", "L2"), ("X1", "AB", "1", "2", "2", "X1")},
        {"AB": ("19", "28"), "CD": ("20", "20")},
    ),
    Example(
        "1.6045-1(d)(5)(v)(A) fee in the broker's token: proceeds of both disposals",
        (
            opening("L1", "2025-01-01", "15 CM", "15"),
            opening("L2", "2025-01-01", "10 DE", "50"),
            exchanged("X1", "2025-04-28", "10 DE", "100 ST", "80", fee="1 CM", fee_value="2"),
        ),
        {("X1", "DE", "10", "78", "50", "L2"), ("X1", "CM", "1", "2", "1", "L1")},
        {"CM": ("14", "14"), "DE": ("0", "0"), "ST": ("100", "80")},
    ),
    Example(
        "1.6045-1(d)(6)(x)(B) purchase and later exchange, both with the fee in the token",
        (
            bought("B1", "2026-03-09", "20 CM", "20 USD"),
            bought("B2", "2026-03-16", "10 DE", "80 USD", fee="1 CM", fee_value="1"),
            exchanged("X1", "2027-06-12", "10 DE", "50 ST", "100", fee="1 CM", fee_value="2"),
        ),
        {("B2", "CM", "1", "1", "1", "B1"), ("X1", "DE", "10", "98", "81", "B2"), ("X1", "CM", "1", "2", "1", "B1")},
        {"CM": ("18", "18"), "DE": ("0", "0"), "ST": ("50", "100")},
    ),
    Example(
        "1.6045-1(d)(6)(x)(C) withheld units with an older and cheaper lot of the same asset",
        (
            bought("B1", "2026-12-20", "10 A", "20 USD"),
            bought("B2", "2026-12-20", "100 B", "50 USD"),
            exchanged("X1", "2027-07-20", "10 A", "50 B", "50", fee="3 B"),
        ),
        {("X1", "A", "10", "47", "20", "B1"), ("X1", "B", "3", "3", "3", "X1")},
        {"A": ("0", "0"), "B": ("147", "97")},
    ),
    Example(
        "Rev. Rul. 2019-24 situation 2: an airdrop after a hard fork is income and basis",
        (opening("R", "2025-01-01", "50 R", "100"), earned("I1", "2025-06-01", "25 S", "50")),
        set(),
        {"R": ("50", "100"), "S": ("25", "50")},
    ),
    Example(
        "Instructions for Form 8949, column (h) example 5: one unit for another after three years",
        (bought("B1", "2025-06-01", "1 A", "1000 USD"), exchanged("X1", "2028-06-01", "1 A", "1 B", "3000")),
        {("X1", "A", "1", "3000", "1000", "B1")},
        {"A": ("0", "0"), "B": ("1", "3000")},
    ),
)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.paragraph)
def test_regulation_examples_come_out_as_published(example: Example) -> None:
    matched = played(example.events)
    pieces = {
        (piece.source_id, piece.asset, piece.quantity, piece.proceeds, piece.cost_basis, piece.lot_source_id)
        for each in matched.values()
        for piece in each.disposals
    }
    expected = {
        (event, asset, Decimal(quantity), Decimal(proceeds), Decimal(basis), lot)
        for event, asset, quantity, proceeds, basis, lot in example.pieces
    }
    assert pieces == expected
    left = {
        asset: (added(*(lot.quantity_open for lot in each.lots)), added(*(lot.cost_open or Decimal(0) for lot in each.lots)))
        for asset, each in matched.items()
    }
    assert left == {asset: (Decimal(units), Decimal(cost)) for asset, (units, cost) in example.left.items()}


def test_broker_view_of_transferred_units_differs_from_own_truth_by_its_ignorance() -> None:
    own = played(next(each for each in EXAMPLES if "(j)(5)(iv)" in each.paragraph).events)["DE"].disposals[0]
    ignorant = (
        opening("L2", "2026-01-01", "20 DE", "100", account="BEX"),
        opening("T1", "2027-08-01", "10 DE", "0", account="BEX"),
        sold("S1", "2027-09-01", "10 DE", "100 USD", account="BEX"),
    )
    reported = played(ignorant)["DE"].disposals[0]
    gains = [subtracted(piece.proceeds, piece.cost_basis) for piece in (own, reported) if piece.proceeds and piece.cost_basis]
    assert gains == [10, 50]


def test_wallets_of_two_accounts_pool_their_lots() -> None:
    wallet = WalletId("home")
    terms = BookTerms(
        currency=TERMS.currency, zone=TERMS.zone, method="fifo", scope="wallet", wallets={AccountId("a"): wallet, AccountId("b"): wallet}
    )
    events = (opening("L1", "2025-01-01", "1 X", "5", account="a"), sold("S1", "2025-02-01", "1 X", "9 USD", account="b"))
    movements = [movement for event in events for movement in US.movements(event, Worth(), terms)]
    (piece,) = match(timeline_order(movements), US.rule(terms)).disposals
    assert piece.lot_source_id == SourceId("L1")
    assert piece.cost_basis == 5
    assert (piece.account, piece.wallet) == (AccountId("b"), wallet)
