"""Lots and disposals are derived: stored, asked for in many ways, deleted and stored again."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from ledger.domain.ids import DisposalId
from ledger.domain.lot import Caveat, DepartureKind, Disposal, Gap, Lot, LotOrigin
from ledger.storage.store import Computation, Store

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

Lots = Callable[..., Lot]
Disposals = Callable[..., Disposal]


def lot_places(lots: Iterable[Lot]) -> list[tuple[str, str, int]]:
    """Return what identifies each lot."""
    return [(one.lot_id, one.wallet, one.part) for one in lots]


def pieces(disposals: Iterable[Disposal]) -> list[tuple[DisposalId, int]]:
    """Return what identifies each piece."""
    return [(one.disposal_id, one.piece) for one in disposals]


def test_lots_of_every_origin_come_back_as_they_were(store: Store, lot: Lots) -> None:
    known = [lot(f"L-{origin}", origin=origin) for origin in LotOrigin]
    unknown = lot("L-unpriced", cost_basis=None, cost_open=None, gap=Gap.MISSING_PRICE, quantity_open=Decimal("0.1"))
    with store.write() as writer:
        writer.add_lots([*known, unknown])
        assert [writer.lot(one.lot_id) for one in (*known, unknown)] == [[one] for one in (*known, unknown)]


def test_disposals_of_every_kind_come_back_as_they_were(store: Store, disposal: Disposals) -> None:
    full = [disposal(f"D-{kind}", kind=kind) for kind in sorted(DepartureKind)]
    bare = disposal(
        "D-~",
        bot=None,
        acquired_at=None,
        proceeds=None,
        cost_basis=Decimal(0),
        lot_id=None,
        lot_source_id=None,
        matched_by="missing",
        gap=Gap.MISSING_BASIS,
    )
    with store.write() as writer:
        writer.add_disposals([bare, *full])
        assert list(writer.disposals()) == [*full, bare]


@pytest.mark.parametrize("caveat", [None, *Caveat])
def test_what_a_piece_says_beside_its_figures_comes_back_as_it_was(store: Store, disposal: Disposals, caveat: Caveat | None) -> None:
    final = disposal("D-1", selling_costs=Decimal("-0.000000000000000001"), caveat=caveat)
    open_yet = disposal("D-2", selling_costs=Decimal("12.5"), provisional_until=date(2024, 2, 29), caveat=caveat)
    with store.write() as writer:
        writer.add_disposals([final, open_yet])
        assert list(writer.disposals()) == [final, open_yet]


def test_lots_are_sorted_by_asset_wallet_acquisition_and_id(store: Store, lot: Lots) -> None:
    with store.write() as writer:
        writer.add_lots(
            [
                lot("L-3"),
                lot("L-2", acquired_at=NOON + HOUR),
                lot("L-1", wallet="binance"),
                lot("L-3", part=1),
                lot("L-3", wallet="binance"),
                lot("L-0", asset="ETH"),
            ],
        )
    with store.read() as reader:
        assert lot_places(reader.lots()) == [
            ("L-1", "binance", 0),
            ("L-3", "binance", 0),
            ("L-3", "coinbase", 0),
            ("L-3", "coinbase", 1),
            ("L-2", "coinbase", 0),
            ("L-0", "coinbase", 0),
        ]
        assert lot_places(reader.lot(lot("L-3").lot_id)) == [("L-3", "binance", 0), ("L-3", "coinbase", 0), ("L-3", "coinbase", 1)]


def test_lots_are_filtered_and_closed_ones_left_out(store: Store, lot: Lots) -> None:
    with store.write() as writer:
        writer.add_lots([lot("L-1"), lot("L-2", quantity_open=Decimal("0.00")), lot("L-3", asset="ETH", wallet="cold", account="alt")])
    with store.read() as reader:
        assert lot_places(reader.lots()) == [("L-1", "coinbase", 0), ("L-3", "cold", 0)]
        assert len(list(reader.lots(include_closed=True))) == 3
        assert lot_places(reader.lots(asset="ETH")) == lot_places(reader.lots(wallet="cold")) == lot_places(reader.lots(account="alt"))
        assert lot_places(reader.lots(asset="ETH")) == [("L-3", "cold", 0)]


def test_disposals_are_sorted_by_time_disposal_lot_and_piece(store: Store, disposal: Disposals) -> None:
    with store.write() as writer:
        writer.add_disposals(
            [
                disposal("D-2", piece=1, lot_id="L-2"),
                disposal("D-2", piece=2, lot_id="L-1"),
                disposal("D-2", piece=3, lot_id=None),
                disposal("D-2", piece=4, lot_id="L-1"),
                disposal("D-1", disposed_at=NOON + HOUR),
                disposal("D-3", disposed_at=NOON - HOUR),
            ],
        )
    with store.read() as reader:
        assert pieces(reader.disposals()) == [("D-3", 1), ("D-2", 3), ("D-2", 2), ("D-2", 4), ("D-2", 1), ("D-1", 1)]


FILTERED: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["D-1", "D-2", "D-3"]),
    ({"since": NOON + HOUR}, ["D-2", "D-3"]),
    ({"until": NOON + HOUR}, ["D-1"]),
    ({"since": NOON + HOUR, "until": NOON + 2 * HOUR}, ["D-2"]),
    ({"asset": "ETH"}, ["D-2"]),
    ({"account": "alt"}, ["D-3"]),
    ({"bot": "grid-1"}, ["D-1", "D-3"]),
    ({"kinds": [DepartureKind.GIFT, DepartureKind.FEE]}, ["D-2"]),
    ({"kinds": ["sale"]}, ["D-1", "D-3"]),
    ({"disposal_id": "D-3"}, ["D-3"]),
    ({"event_id": "e-9"}, ["D-2"]),
    ({"asset": "ETH", "bot": "grid-1"}, []),
]


def test_disposals_are_filtered(store: Store, disposal: Disposals) -> None:
    with store.write() as writer:
        writer.add_disposals(
            [
                disposal("D-1"),
                disposal("D-2", disposed_at=NOON + HOUR, asset="ETH", bot=None, kind=DepartureKind.GIFT, event_id="e-9"),
                disposal("D-3", disposed_at=NOON + 2 * HOUR, account="alt"),
            ],
        )
        found = [(filters, [one.disposal_id for one in writer.disposals(**filters)]) for filters, _ in FILTERED]
    assert found == FILTERED


def test_matches_of_some_assets_are_cleared_and_no_others(store: Store, lot: Lots, disposal: Disposals) -> None:
    assets = ["BTC", "ETH", "SOL"]
    with store.write() as writer:
        writer.add_lots([lot(f"L-{asset}", asset=asset) for asset in assets])
        writer.add_disposals([disposal(f"D-{asset}", asset=asset) for asset in assets])
        writer.clear_matches([])
        assert writer.counts()["lot"] == 3
        writer.clear_matches(["BTC", "SOL"])
        assert ([one.asset for one in writer.lots()], [one.asset for one in writer.disposals()]) == (["ETH"], ["ETH"])
        writer.clear_matches(None)
        assert (writer.counts()["lot"], writer.counts()["disposal"]) == (0, 0)


def test_the_newest_computation_counts(store: Store) -> None:
    with store.write() as writer:
        assert writer.computation() is None
        for event_seq in (5, 9):
            done = Computation(
                regime="us", version="1", options='{"method":"fifo"}', event_seq=event_seq, price_seq=3, election_seq=0, computed_at=NOON
            )
            writer.put_computation(done)
        assert writer.computation() == done


def test_assets_without_a_price_are_those_of_lots_and_disposals_alike(store: Store, lot: Lots, disposal: Disposals) -> None:
    unpriced, unknown = {"gap": Gap.MISSING_PRICE}, {"gap": Gap.MISSING_BASIS}
    with store.write() as writer:
        writer.add_lots([lot("L-1"), lot("L-2", asset="ADA", **unknown)])
        writer.add_lots([lot("L-3", asset="ETH", cost_basis=None, cost_open=None, **unpriced)])
        writer.add_disposals([disposal("D-1"), disposal("D-2", asset="SOL", proceeds=None, **unpriced)])
        writer.add_disposals([disposal("D-3", asset="DOT", cost_basis=None, **unpriced)])
        writer.add_disposals([disposal("D-4", asset="XRP", proceeds=None, **unknown)])
        assert writer.assets_without_price() == {"DOT", "ETH", "SOL", "XRP"}
