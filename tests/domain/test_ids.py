"""Ids come from content: the same content gives the same id in every run, other content another one."""

import pytest

from ledger.domain.ids import (
    AccountId,
    EventId,
    VenueName,
    coinbase_fill_id,
    content_hash,
    disposal_id,
    entry_id,
    event_id,
    hash_of,
    lot_id,
    payload_id,
)

HEAD = {"venue": "file", "account": "main", "product_line": "spot", "kind": "event", "scope": "", "source_id": "t1"}


def identity(**other: str) -> EventId:
    parts = HEAD | other
    return event_id(
        venue=VenueName(parts["venue"]),
        account=AccountId(parts["account"]),
        product_line=parts["product_line"],
        kind=parts["kind"],
        scope=parts["scope"],
        source_id=parts["source_id"],
    )


def test_ids_are_the_same_in_every_run_of_every_version() -> None:
    event = identity()
    assert event == "b31869b80bcad34dec48fa9ddc650e7e"  # of SHA-256 over file|main|spot|event||t1, parted by unit separators
    assert (lot_id(event, 1), disposal_id(event, 2)) == (f"L-{event[:16]}-1", f"D-{event[:16]}-2")
    assert (entry_id(event, revision=0), entry_id(event, revision=3, reversal=True)) == (f"E-{event[:16]}-0", f"E-{event[:16]}-3r")


@pytest.mark.parametrize("field", HEAD)
def test_every_part_of_an_identity_counts(field: str) -> None:
    assert identity(**{field: "other"}) != identity()


def test_parts_cannot_be_moved_from_one_field_to_the_next() -> None:
    assert hash_of("ab", "c") != hash_of("a", "bc") != hash_of("abc")
    assert identity(scope="t", source_id="1") != identity(scope="", source_id="t1")


def test_a_self_trade_is_two_fills_and_trade_ids_are_unique_per_product() -> None:
    def fill(product: str, side: str) -> str:
        return coinbase_fill_id(account=AccountId("main"), product=product, side=side, trade_id="74")

    assert len({fill("ETH-USD", "buy"), fill("ETH-USD", "sell"), fill("BTC-USD", "buy"), fill("BTC-USD", "sell")}) == 4


def test_the_same_bytes_from_two_accounts_or_requests_are_two_payloads() -> None:
    content = content_hash(b"[]")
    places = [("a", "GET /1"), ("b", "GET /1"), ("a", "GET /2"), ("a", "")]
    assert len({payload_id(account=AccountId(account), request=request, content=content) for account, request in places}) == 4
