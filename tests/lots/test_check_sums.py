"""What the invariants add up and how their findings read, to the last word."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from ledger.domain.amount import AssetCode
from ledger.domain.election import PickOrder
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import WalletId
from ledger.domain.lot import Disposal, Gap, Lot, LotOrigin, Movement
from ledger.lots.checks import lots_unlike_balances, lots_used_too_early, unconserved
from ledger.lots.matching import Matched, Picking, match
from ledger.lots.pools import timeline_order

from .conftest import BTC, got, left

D = Decimal
ETH = AssetCode("ETH")
TWO_SALES = (got("A", 1, "2", "20"), got("B", 2, "3", "60"), got("C", 2, "1", "5"), left("S", 3, "1", "11"), left("T", 4, "1", "12"))
UNKNOWN = tuple(got(name, 1, "2", "0", gap=Gap.MISSING_BASIS, origin=LotOrigin.UNKNOWN) for name in ("U", "V"))


def matched(*movements: Movement) -> Matched:
    return match(timeline_order(movements), Picking(PickOrder.FIFO))


def unlike(movements: tuple[Movement, ...], disposals: tuple[Disposal, ...], lots: tuple[Lot, ...]) -> list[str]:
    return [finding.message for finding in unconserved(movements, disposals, lots)]


def test_several_acquisitions_sales_and_lots_are_added_up() -> None:
    result = matched(*TWO_SALES)
    assert unlike(TWO_SALES, result.disposals, result.lots) == []
    assert unlike(TWO_SALES, (), ()) == [
        "BTC: units acquired 6, but units disposed of and open 0; difference 6",
        "BTC: units that left 2, but units in disposals 0; difference 2",
        "BTC: proceeds 23, but proceeds in disposals 0; difference 23",
        "BTC: cost acquired 85, but cost disposed of and open 0; difference 85",
    ]
    assert unlike((), result.disposals, result.lots) == [
        "BTC: units acquired 0, but units disposed of and open 6; difference -6",
        "BTC: units that left 0, but units in disposals 2; difference -2",
        "BTC: proceeds 0, but proceeds in disposals 23; difference -23",
        "BTC: cost acquired 0, but cost disposed of and open 85; difference -85",
    ]


def test_units_of_unknown_origin_are_found_again_in_disposals_and_in_lots_together() -> None:
    movements = (*UNKNOWN, left("S", 2, "1", "5"), left("T", 3, "2", "5"))
    result = matched(*movements)
    assert unlike(movements, result.disposals, result.lots) == []
    assert unlike(UNKNOWN, (), ()) == ["BTC: units of unknown origin 4, but of them found again 0; difference 4"]
    assert unlike(UNKNOWN, (), matched(*UNKNOWN).lots) == []
    assert unlike(UNKNOWN, (), matched(*UNKNOWN).lots[:1]) == ["BTC: units of unknown origin 4, but of them found again 2; difference 2"]


def test_units_sold_of_unknown_origin_count_as_found_again() -> None:
    movements = (*UNKNOWN, left("S", 2, "3", "5"))
    result = matched(*movements)
    assert unlike(movements, result.disposals, ()) == ["BTC: units of unknown origin 4, but of them found again 3; difference 1"]


def test_what_has_no_price_counts_as_nothing_on_both_sides() -> None:
    movements = (got("A", 1, "2", None), left("S", 2, "1", None))
    result = matched(*movements)
    assert unlike(movements, result.disposals, result.lots) == []


def test_assets_are_balanced_one_by_one_in_the_order_of_their_names() -> None:
    movements = (got("E", 1, "1", "3", asset=ETH), got("B", 1, "2", "4"))
    findings = unconserved(movements, (), ())
    assert [(finding.subject, finding.message.partition(",")[0]) for finding in findings] == [
        ("BTC", "BTC: units acquired 2"),
        ("BTC", "BTC: cost acquired 4"),
        ("ETH", "ETH: units acquired 1"),
        ("ETH", "ETH: cost acquired 3"),
    ]


def test_a_finding_of_conservation_reads_so() -> None:
    (finding,) = unconserved(UNKNOWN[:1], (), ())
    assert finding == Finding(
        code="lots-not-conserved",
        severity=Severity.ERROR,
        subject="BTC",
        message="BTC: units of unknown origin 2, but of them found again 0; difference 2",
        mend="run `lotwright sync` to match again from zero; if it stays, this is a fault of ours: please report it",
    )


def test_all_lots_of_a_wallet_are_added_up_before_they_are_compared() -> None:
    lots = matched(*TWO_SALES, got("V", 5, "7", "1", wallet="v")).lots
    assert lots_unlike_balances(lots, {(WalletId("w"), BTC): D(4), (WalletId("v"), BTC): D(7)}) == []
    assert [finding.subject for finding in lots_unlike_balances(lots, {(WalletId("v"), BTC): D(6)})] == ["v BTC", "w BTC"]


def test_a_wallet_without_lots_has_none_of_what_is_booked() -> None:
    (finding,) = lots_unlike_balances((), {(WalletId("w"), BTC): D(2)})
    assert finding == Finding(
        code="lots-differ-from-balance",
        severity=Severity.ERROR,
        subject="w BTC",
        message="the open lots of wallet w hold 0 BTC, its accounts 2: -2 more in lots than booked",
        mend=(
            "units left that had never come in: look for findings `missing-basis` of this asset, or for a wallet that was overdrawn "
            "while all wallets were one pool, and import what is missing before that"
        ),
    )


def test_a_lot_may_be_used_at_the_instant_of_its_acquisition_and_no_earlier() -> None:
    (piece, _) = matched(*TWO_SALES).disposals
    at_once = replace(piece, acquired_at=piece.disposed_at)
    early = replace(piece, acquired_at=piece.disposed_at + timedelta(microseconds=1))
    ahead = replace(early, matched_by="30-day")
    assert lots_used_too_early([replace(piece, acquired_at=None), at_once, ahead, early]) == [
        Finding(
            code="lot-used-too-early",
            severity=Severity.ERROR,
            subject=f"{piece.disposal_id}/1",
            message=f"1 BTC were disposed of before their lot {piece.lot_id} was acquired",
            mend="correct the date of acquisition of that opening or gift; otherwise this is a fault of ours: please report it",
        )
    ]
