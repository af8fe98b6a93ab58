"""Who decided what: attributions beside the events, which may be derived again, and what bots' databases say of orders."""

from collections.abc import Collection, Iterator, Sequence

from sqlalchemy import ColumnElement, Connection, delete, exists, insert, or_, select

from ledger.domain.ids import BotId, EventId
from ledger.storage.backend import Backend
from ledger.storage.nouns import Attributable, BotOrder
from ledger.storage.tables import attributed, attribution, bot_order, event, payload

_COLUMNS = (
    *(event.c.seq, event.c.account, event.c.source_id, event.c.order_id, event.c.client_order_id, event.c.assets),
    *(event.c.bot.label("told"), attribution.c.bot, attribution.c.why),
)


class BotReader:
    """Questions about attributions; part of `Reader`."""

    _connection: Connection
    _backend: Backend

    def attributed_by(self) -> str | None:
        """Return the rules that the stored attributions stand for; None: nothing was attributed yet."""
        return self._connection.execute(select(attributed.c.rules)).scalar_one_or_none()

    def attributables(self, *, after_seq: int, limit: int) -> list[Attributable]:
        """Return the next `limit` live events after a place, in order of arrival."""
        statement = (
            select(*_COLUMNS)
            .outerjoin(attribution, attribution.c.event_seq == event.c.seq)
            .where(event.c.seq > after_seq, _is_live())
            .order_by(event.c.seq)
            .limit(limit)
        )
        return [Attributable(**row._mapping) for row in self._connection.execute(statement)]  # noqa: SLF001  # SQLAlchemy's public name

    def attributables_named(self, names: Collection[str]) -> list[Attributable]:
        """Return the live events whose order, client order or source's own id is one of `names`, in order of arrival."""
        named = or_(*(self._backend.among(event.c[name], names) for name in ("order_id", "client_order_id", "source_id")))
        statement = (
            select(*_COLUMNS).outerjoin(attribution, attribution.c.event_seq == event.c.seq).where(named, _is_live()).order_by(event.c.seq)
        )
        return [Attributable(**row._mapping) for row in self._connection.execute(statement)]  # noqa: SLF001  # as above

    def decided(self, event_ids: Collection[EventId]) -> dict[EventId, tuple[BotId | None, BotId | None]]:
        """Return, by event, the bot that its source told and the one that it is attributed to."""
        statement = select(event.c.event_id, event.c.bot, attribution.c.bot)
        joined = statement.outerjoin(attribution, attribution.c.event_seq == event.c.seq)
        wanted = joined.where(self._backend.among(event.c.event_id, event_ids), _is_live())
        return {event_id: (told, bot) for event_id, told, bot in self._connection.execute(wanted)}

    def why_attributed(self, event_id: EventId) -> str | None:
        """Return why the live revision of an event is attributed to its bot; None: its source says so, or nobody."""
        statement = select(attribution.c.why).join(event).where(event.c.event_id == event_id)
        return self._connection.execute(statement.order_by(event.c.revision.desc()).limit(1)).scalar_one_or_none()

    def has_bot_orders(self) -> bool:
        """Tell whether any bot's database was taken in."""
        return bool(self._connection.execute(select(exists().where(bot_order.c.payload_seq > 0))).scalar())

    def bot_orders(self, subjects: Collection[str]) -> list[BotOrder]:
        """Return what bots' databases say of orders and fills, sorted by bot, payload's content and place: not by arrival."""
        columns = [bot_order.c[name] for name in ("payload_seq", "account", "subject", "bot", "locator")]
        statement = select(*columns).join(payload).where(self._backend.among(bot_order.c.subject, subjects))
        ordered = statement.order_by(bot_order.c.bot, payload.c.payload_id, bot_order.c.locator)
        return [BotOrder(**row._mapping) for row in self._connection.execute(ordered)]  # noqa: SLF001  # as above

    def all_bot_orders(self) -> Iterator[BotOrder]:
        """Yield all that bots' databases say, by arrival of the databases, place and subject."""
        columns = [bot_order.c[name] for name in ("payload_seq", "account", "subject", "bot", "locator")]
        ordered = select(*columns).order_by(bot_order.c.payload_seq, bot_order.c.locator, bot_order.c.subject)
        return iter([BotOrder(**row._mapping) for row in self._connection.execute(ordered)])  # noqa: SLF001  # as above

    def bot_databases(self) -> dict[int, tuple[str, str]]:
        """Return (file's name, format) of the databases taken in, by the place of their payload."""
        taken_in = select(payload.c.seq, payload.c.name, payload.c.stream).where(payload.c.seq.in_(select(bot_order.c.payload_seq)))
        return {seq: (name, stream) for seq, name, stream in self._connection.execute(taken_in)}


class BotWriter(BotReader):
    """Additions and replacements of attributions; part of `Writer`."""

    def replace_attributions(self, seqs: Collection[int], found: Sequence[tuple[int, str, str]]) -> None:
        """Forget the attributions of these events and store (event's place, bot, why)."""
        self._connection.execute(delete(attribution).where(self._backend.among(attribution.c.event_seq, seqs)))
        self.add_attributions(found)

    def add_attributions(self, found: Sequence[tuple[int, str, str]]) -> None:
        """Store (event's place, bot, why) of events that have none yet."""
        self._backend.insert(self._connection, attribution, found)

    def put_attributed_by(self, rules: str) -> None:
        """Say which rules the stored attributions stand for from now on."""
        self._connection.execute(delete(attributed))
        self._connection.execute(insert(attributed), {"id": 1, "rules": rules})

    def add_bot_orders(self, told: Sequence[BotOrder]) -> None:
        """Store what a bot's database says; what is known is passed over."""
        rows = [(one.payload_seq, one.account, one.subject, one.bot, one.locator) for one in told]
        self._backend.insert_unknown(self._connection, bot_order, rows)


def _is_live() -> ColumnElement[bool]:
    later = event.alias("later")
    return ~exists().where(later.c.event_id == event.c.event_id, later.c.revision > event.c.revision)
