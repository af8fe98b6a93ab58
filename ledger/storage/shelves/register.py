"""The register of elections, and what an election must be held against: booked events by name, and open lots in order."""

from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, or_, select

from ledger.domain.amount import AssetCode
from ledger.domain.election import ORDER, SALE, SELECTION, Election, EvidenceGrade, PickOrder
from ledger.domain.ids import AccountId, ElectionId, EventId, Hash
from ledger.domain.lot import Disposal, Lot
from ledger.domain.time.instant import instant_text
from ledger.storage import rows
from ledger.storage.backend import Backend
from ledger.storage.nouns import RegisteredElection
from ledger.storage.tables import disposal, election, event, lot

_ROWS = 16  # rows fetched at a time: a sale takes a few lots
_OPEN = lot.c.lowest_first.is_not(None)
# As `ledger.lots.orders` has it: what an order likes equally goes by acquisition, place in the timeline, and part.
_ORDERS: dict[PickOrder, tuple[ColumnElement[Any], ...]] = {
    PickOrder.FIFO: (lot.c.acquired_at, lot.c.serial, lot.c.part),
    PickOrder.LIFO: (lot.c.acquired_at.desc(), lot.c.serial.desc(), lot.c.part),
    PickOrder.HIFO: (lot.c.highest_first, lot.c.acquired_at, lot.c.serial, lot.c.part),
    PickOrder.LOFO: (lot.c.lowest_first, lot.c.acquired_at, lot.c.serial, lot.c.part),
}


class RegisterReader:
    """Questions to the register, and to what elections name; part of `Reader`."""

    _connection: Connection
    _backend: Backend

    def election_seq_last(self) -> int:
        """Return the place of the newest election, 0 where there is none."""
        last: int = self._connection.execute(select(func.coalesce(func.max(election.c.seq), 0))).scalar_one()
        return last

    def register_tip(self) -> RegisteredElection | None:
        """Return the election recorded or imported last."""
        row = self._connection.execute(select(election).order_by(election.c.seq.desc()).limit(1)).one_or_none()
        return None if row is None else rows.registered_election(row)

    def register(self) -> Iterator[RegisteredElection]:
        """Yield the whole register in the order of its chain."""
        return map(rows.registered_election, self._connection.execute(select(election).order_by(election.c.seq)))

    def register_as_stored(self) -> Iterator[tuple[str, tuple[str, ...], Hash]]:
        """Yield (election's id, the parts that its row seals, its hash) in the order of the chain, nothing of it understood."""
        for row in self._connection.execute(select(election).order_by(election.c.seq)):
            head = (row.election_id, row.kind, row.subject, instant_text(row.recorded_at), row.grade, row.evidence)
            yield row.election_id, (*head, row.body, row.payload_id or "", instant_text(row.stored_at)), row.hash

    def elections(self, *, subject: str | None = None) -> tuple[Election, ...]:
        """Return elections in the order of the register; all, or only those for one sale or order (empty: standing orders)."""
        statement = select(election) if subject is None else select(election).where(election.c.subject == subject)
        found = self._connection.execute(statement.order_by(election.c.seq))
        return tuple(rows.registered_election(row).election for row in found)

    def elections_to_weigh(self, *, after_seq: int) -> Iterator[Election]:
        """Yield the elections after a place that may mean events which were there before: not own selections, refused if they did."""
        own_selection = (election.c.kind == SELECTION) & (election.c.grade == EvidenceGrade.OWN.value)
        statement = select(election).where(election.c.seq > after_seq, ~own_selection).order_by(election.c.seq)
        return (rows.registered_election(row).election for row in self._connection.execute(statement))

    def registered(self, ids: Collection[str]) -> dict[ElectionId, RegisteredElection]:
        """Return the elections of these ids; the unknown are missing."""
        statement = select(election).where(self._backend.among(election.c.election_id, ids))
        found = map(rows.registered_election, self._connection.execute(statement))
        return {one.election.election_id: one for one in found}

    def booked(self, subjects: Iterable[str]) -> set[tuple[AccountId, AssetCode]]:
        """Return account and asset of what events of these sales and orders move; a source's id may stand for several events."""
        asked = list(subjects)
        sales = [subject.removeprefix(SALE) for subject in asked if subject.startswith(SALE)]
        orders = [subject.removeprefix(ORDER) for subject in asked if subject.startswith(ORDER)]
        named = [self._backend.among(event.c.source_id, sales)] if sales else []
        named += [self._backend.among(column, orders) for column in (event.c.order_id, event.c.client_order_id) if orders]
        statements = (select(event.c.account, event.c.assets).distinct().where(which) for which in named)
        found = (tuple(row) for statement in statements for row in self._connection.execute(statement))
        return {(AccountId(account), AssetCode(asset)) for account, assets in found for asset in assets.split()}

    def assets_moved_since(self, instant: datetime) -> set[str]:
        """Return the assets that events at or after an instant move."""
        statement = select(event.c.assets).distinct().where(event.c.occurred_at >= instant)
        return {asset for assets in self._connection.execute(statement).scalars() for asset in assets.split()}

    def elected_disposals(self, election_id: ElectionId | None = None) -> Iterator[Disposal]:
        """Yield the pieces whose lots an election picked, all of them or those of one, by time, disposal and piece."""
        chosen = or_(*(disposal.c.matched_by.startswith(kind) for kind in ("selection:", "order:")))
        if election_id is not None:
            chosen = disposal.c.matched_by.in_([f"selection:{election_id}", f"order:{election_id}"])
        ordered = select(disposal).where(chosen).order_by(disposal.c.disposed_at, disposal.c.disposal_id, disposal.c.piece)
        return map(rows.disposal_of, self._connection.execute(ordered))

    # --- open lots --------------------------------------------------------------------------------------------------

    def lots_named(self, name: str) -> list[Lot]:
        """Return a lot by its id, or all lots that the events of a source's id acquired, in all wallets; used-up ones too."""
        found = self._lots(lot.c.lot_id == name)
        if found:
            return found
        events = self._connection.execute(select(event.c.event_id).distinct().where(event.c.source_id == name)).scalars()
        return [one for event_id in events for one in self._lots(_acquired_by(EventId(event_id))) if one.source_id == name]

    def wallets_holding(self, asset: str) -> list[str]:
        """Return the wallets that have open lots of an asset, sorted; each is found by a step through the index."""
        wallets: list[str] = []
        while True:
            first = select(func.min(lot.c.wallet)).where(lot.c.asset == asset, _OPEN)
            found = self._connection.execute(first.where(lot.c.wallet > wallets[-1]) if wallets else first).scalar_one()
            if found is None:
                return wallets
            wallets.append(found)

    def lots_in_order(self, order: PickOrder, *, asset: str, wallet: str) -> Generator[Lot, None, None]:
        """Yield the open lots of a wallet in the order in which they would go; reads little more of them than is asked for."""
        statement = select(lot).where(lot.c.asset == asset, lot.c.wallet == wallet, _OPEN).order_by(*_ORDERS[order])
        with self._connection.execute(statement, execution_options={"yield_per": _ROWS}) as result:
            yield from map(rows.lot_of, result)

    def _lots(self, condition: ColumnElement[bool]) -> list[Lot]:
        statement = select(lot).where(condition).order_by(lot.c.lot_id, lot.c.wallet, lot.c.part)
        return [rows.lot_of(row) for row in self._connection.execute(statement)]


class RegisterWriter(RegisterReader):
    """Additions to the register; part of `Writer`."""

    def add_elections(self, registered: Sequence[RegisteredElection]) -> None:
        """Store elections at the end of the chain."""
        self._backend.insert(self._connection, election, map(rows.election_row, registered))


def _acquired_by(event_id: EventId) -> ColumnElement[bool]:
    """Return the condition for lots of an event: their ids begin with its own (see `ledger.domain.ids.lot_id`)."""
    begins = f"L-{event_id[:16]}-"
    return (lot.c.lot_id >= begins) & (lot.c.lot_id < begins[:-1] + chr(ord("-") + 1))
