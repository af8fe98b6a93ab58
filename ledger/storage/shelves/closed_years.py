"""Closed years in the database, and what tells whether anything has arrived that could touch them."""

from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy import Connection, func, select

from ledger.storage.backend import Backend
from ledger.storage.nouns import ClosedYear
from ledger.storage.tables import closed_year, disposal, event, price

_COLUMNS = tuple(column for column in closed_year.columns if column.name != "content")


class ClosedYearReader:
    """Questions about closed years; a part of `Reader`."""

    _connection: Connection
    _backend: Backend

    def closed_years(self) -> list[ClosedYear]:
        """Return all closings in the order in which they were made."""
        found = self._connection.execute(select(*_COLUMNS).order_by(closed_year.c.seq))
        return [ClosedYear(**row._mapping) for row in found]  # noqa: SLF001  # SQLAlchemy's public name

    def closed_content(self, seq: int) -> bytes:
        """Return the compressed figures of a closing."""
        content: bytes = self._connection.execute(select(closed_year.c.content).where(closed_year.c.seq == seq)).scalar_one()
        return content

    def earliest_change(self, *, after_event_seq: int, after_price_seq: int) -> datetime | None:
        """Return the earliest instant that events or quotes stored after these places are of, or were of as told before.

        None: nothing was stored.
        """
        new = event.c.seq > after_event_seq
        revised = select(event.c.event_id).where(new, event.c.revision > 0)
        statements = (
            select(func.min(event.c.occurred_at)).where(new),
            select(func.min(event.c.occurred_at)).where(event.c.event_id.in_(revised)),
            select(func.min(price.c.observed_at)).where(price.c.seq > after_price_seq),
        )
        moments = [self._connection.execute(statement).scalar_one() for statement in statements]
        return min((moment for moment in moments if moment is not None), default=None)

    def final_after(self, *, since: datetime, until: datetime) -> date | None:
        """Return the last day on which the match of any disposal of a stretch of time can change; None: all are final."""
        inside = (disposal.c.disposed_at >= since, disposal.c.disposed_at < until)
        last: date | None = self._connection.execute(select(func.max(disposal.c.provisional_until)).where(*inside)).scalar_one()
        return last

    def first_told(self, source_ids: Collection[str]) -> dict[tuple[str, str], datetime]:
        """Return the earliest instant of the events that bear a source's id, by account and id."""
        statement = (
            select(event.c.account, event.c.source_id, func.min(event.c.occurred_at))
            .where(self._backend.among(event.c.source_id, list(source_ids)))
            .group_by(event.c.account, event.c.source_id)
        )
        return {(account, source_id): moment for account, source_id, moment in self._connection.execute(statement)}
