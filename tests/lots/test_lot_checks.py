"""The invariants of the lot layer hold on good results and name what is wrong with bad ones."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from ledger.domain.amount import AssetCode
from ledger.domain.election import PickOrder
from ledger.domain.finding import Severity
from ledger.domain.ids import AccountId, EventId, SourceId, WalletId
from ledger.domain.lot import Acquisition, Departure, DepartureKind, Disposal, Gap, Lot, LotOrigin
from ledger.lots.checks import lots_unlike_balances, lots_used_too_early, unconserved
from ledger.lots.matching import Picking, match

NOW = datetime(2025, 1, 1, tzinfo=UTC)
BTC, WALLET = AssetCode("BTC"), WalletId("w")


def got(name: str, units: str, cost: str, *, gap: Gap | None = None, origin: LotOrigin = LotOrigin.PURCHASE) -> Acquisition:
    return Acquisition(
        event_id=EventId(f"{name:0>16}"),
        source_id=SourceId(name),
        leg=1,
        sequence=None,
        occurred_at=NOW,
        asset=BTC,
        quantity=Decimal(units),
        account=AccountId("w"),
        wallet=WALLET,
        cost_basis=Decimal(cost),
        acquired_at=NOW,
        origin=origin,
        gap=gap,
    )


SOLD = Departure(
    event_id=EventId("9" * 16),
    source_id=SourceId("s"),
    leg=1,
    sequence=None,
    occurred_at=NOW + timedelta(days=1),
    asset=BTC,
    quantity=Decimal(2),
    account=AccountId("w"),
    wallet=WALLET,
    kind=DepartureKind.SALE,
    proceeds=Decimal(9),
)
MOVEMENTS = (got("1", "1", "4"), got("2", "3", "6"), SOLD)
MATCHED = match(MOVEMENTS, Picking(PickOrder.FIFO))
FIRST, SECOND = MATCHED.disposals


def test_conserved_results_have_no_findings() -> None:
    assert unconserved(MOVEMENTS, MATCHED.disposals, MATCHED.lots) == []


@pytest.mark.parametrize("origin", [LotOrigin.UNKNOWN, LotOrigin.OPENING])
def test_units_without_basis_are_conserved_too(origin: LotOrigin) -> None:
    movements = (got("1", "1", "0", gap=Gap.MISSING_BASIS, origin=origin), SOLD)
    matched = match(movements, Picking(PickOrder.FIFO))
    assert unconserved(movements, matched.disposals, matched.lots) == []


BROKEN: dict[str, tuple[tuple[Disposal, ...], tuple[Lot, ...], str]] = {
    "a piece lost": ((FIRST,), MATCHED.lots, "units acquired 4, but units disposed of and open 3; difference 1"),
    "a lot lost": (MATCHED.disposals, (), "units acquired 4, but units disposed of and open 2; difference 2"),
    "cost lost": (
        (FIRST, replace(SECOND, cost_basis=Decimal("1.999999999999999999"))),
        MATCHED.lots,
        "cost acquired 10, but cost disposed of and open 9.999999999999999999; difference 0.000000000000000001",
    ),
    "units of a sale lost": ((FIRST,), MATCHED.lots, "units that left 2, but units in disposals 1; difference 1"),
    "proceeds lost": ((FIRST, replace(SECOND, proceeds=Decimal(0))), MATCHED.lots, "proceeds 9, but proceeds in disposals 4.5"),
}


@pytest.mark.parametrize(("disposals", "lots", "message"), BROKEN.values(), ids=BROKEN)
def test_whatever_is_lost_is_named_to_the_last_digit(disposals: tuple[Disposal, ...], lots: tuple[Lot, ...], message: str) -> None:
    findings = unconserved(MOVEMENTS, disposals, lots)
    assert {finding.code for finding in findings} == {"lots-not-conserved"}
    assert any(message in finding.message for finding in findings), findings


@pytest.mark.parametrize(
    ("origin", "message"),
    [
        (LotOrigin.UNKNOWN, "units of unknown origin 5, but of them found again 0"),
        (LotOrigin.OPENING, "units acquired 5, but units disposed of and open 0"),
    ],
)
def test_units_that_arrived_without_basis_cannot_vanish(origin: LotOrigin, message: str) -> None:
    movements = (got("3", "5", "0", gap=Gap.MISSING_BASIS, origin=origin),)
    (finding,) = unconserved(movements, (), ())
    assert message in finding.message


def test_open_lots_agree_with_the_balance_of_their_wallet() -> None:
    assert lots_unlike_balances(MATCHED.lots, {(WALLET, BTC): Decimal("2.0")}) == []


@pytest.mark.parametrize(
    ("balances", "difference"),
    [({(WALLET, BTC): Decimal(3)}, "-1 more in lots"), ({}, "2 more in lots")],
)
def test_a_difference_between_lots_and_balance_is_named(balances: dict[tuple[WalletId, AssetCode], Decimal], difference: str) -> None:
    (finding,) = lots_unlike_balances(MATCHED.lots, balances)
    assert (finding.code, finding.subject) == ("lots-differ-from-balance", "w BTC")
    assert difference in finding.message


def test_a_wallet_below_zero_is_named_instead_of_the_lots_of_others_that_it_used() -> None:
    other = WalletId("v")
    (finding,) = lots_unlike_balances(MATCHED.lots, {(WALLET, BTC): Decimal(3), (other, BTC): Decimal("-0.1")})
    assert (finding.code, finding.subject, finding.severity) == ("wallet-overdrawn", "v BTC", Severity.ERROR)
    assert "wallet v hold -0.1 BTC" in finding.message
    assert "into v" in finding.mend


def test_a_wallet_below_zero_hides_nothing_of_other_assets() -> None:
    eth = AssetCode("ETH")
    found = lots_unlike_balances(MATCHED.lots, {(WALLET, BTC): Decimal(3), (WALLET, eth): Decimal(-1)})
    assert [(one.code, one.subject) for one in found] == [("wallet-overdrawn", "w ETH"), ("lots-differ-from-balance", "w BTC")]


def test_no_lot_is_used_before_it_exists() -> None:
    assert lots_used_too_early(MATCHED.disposals) == []
    early = replace(FIRST, acquired_at=FIRST.disposed_at + timedelta(microseconds=1))
    (finding,) = lots_used_too_early([early, replace(SECOND, acquired_at=None)])
    assert (finding.code, finding.subject) == ("lot-used-too-early", f"{FIRST.disposal_id}/1")
