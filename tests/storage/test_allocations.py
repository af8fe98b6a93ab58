"""Allocations are read back as they were written, and there is one an asset."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy.exc import IntegrityError

from ledger.domain.amount import AssetCode
from ledger.domain.ids import AllocationId, WalletId
from ledger.domain.law.allocation import Allocation, AllocationKind, Allotment
from ledger.storage.store import Store


def test_an_allocation_comes_back_whole(full_store: Store) -> None:
    noon = datetime(2025, 3, 1, 12, tzinfo=UTC)
    with full_store.read() as reader:
        assert reader.allocations() == (
            Allocation(
                allocation_id=AllocationId("AL-1"),
                asset=AssetCode("BTC"),
                kind=AllocationKind.GLOBAL,
                recorded_at=noon,
                described_at=noon,
                evidence="a letter",
                allotments=(Allotment(wallet=WalletId("cold"), lot="b1", quantity=Decimal("1.5"), cost_basis=Decimal(9)),),
            ),
        )


def test_the_database_itself_refuses_a_second_one_of_an_asset(full_store: Store) -> None:
    with full_store.read() as reader:
        (known,) = reader.allocations()
    with pytest.raises(IntegrityError), full_store.write() as writer:
        writer.add_allocations([known], payload_seq=1, stored_at=known.recorded_at)
