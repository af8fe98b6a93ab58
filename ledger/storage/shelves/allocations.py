"""The taxpayer's documents that put lots into wallets: stored once an asset, never changed."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from ledger.domain.law.allocation import Allocation, AllocationKind, allotments_of, allotments_text
from ledger.storage.rows import AnyRow
from ledger.storage.tables import allocation


class AllocationReader:
    """Questions about allocations; part of `Reader`."""

    _connection: Connection

    def allocations(self) -> tuple[Allocation, ...]:
        """Return all allocations, by asset."""
        return tuple(map(_allocation_of, self._connection.execute(select(allocation).order_by(allocation.c.asset))))


class AllocationWriter(AllocationReader):
    """Additions; part of `Writer`."""

    def add_allocations(self, allocations: Sequence[Allocation], *, payload_seq: int, stored_at: datetime) -> None:
        """Store documents of assets that have none yet, and the file that they stand in."""
        last: int = self._connection.execute(select(func.coalesce(func.max(allocation.c.seq), 0))).scalar_one()
        rows = [
            {
                "seq": seq,
                "allocation_id": one.allocation_id,
                "asset": one.asset,
                "kind": one.kind.value,
                "recorded_at": one.recorded_at,
                "described_at": one.described_at,
                "evidence": one.evidence,
                "body": allotments_text(one.allotments),
                "payload_seq": payload_seq,
                "stored_at": stored_at,
            }
            for seq, one in enumerate(allocations, last + 1)
        ]
        self._connection.execute(insert(allocation), rows)


def _allocation_of(row: AnyRow) -> Allocation:
    return Allocation(
        allocation_id=row.allocation_id,
        asset=row.asset,
        kind=AllocationKind(row.kind),
        recorded_at=row.recorded_at,
        evidence=row.evidence,
        allotments=allotments_of(row.body),
        described_at=row.described_at,
    )
