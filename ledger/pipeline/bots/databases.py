"""Bots' databases -> attributions and evidence, for orders that the book knows now or comes to know later."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby, islice
from pathlib import Path

from ledger.config import check_name
from ledger.connectors.files.bot_databases import BotRow, read_database, rows_in_advance
from ledger.connectors.files.reading import read_file
from ledger.domain.amount import AssetCode
from ledger.domain.errors import InputError
from ledger.domain.ids import AccountId, BotId, VenueName, content_hash, payload_id
from ledger.domain.payload import Payload, PayloadKind
from ledger.pipeline.bots.attribution import Attribution, attribute_again, databases_of, fill_subject, order_subject
from ledger.storage.store import BotOrder, Reader, Writer

_CHUNK_ROWS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BotDatabaseOutcome:
    """What one bot's database brought: its rows, how many of them an event of the book was found for, and orders that wait for one.

    `disputed` are orders and fills that the database of another bot claims too, and whose they are by the databases.
    """

    path: Path
    format_name: str
    rows: int
    joined: int
    waiting: tuple[str, ...]
    disputed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BotDatabaseTerms:
    """What the command line says of a database: its orders' account, and the bot of rows that name none, or of all (`bot`)."""

    account: AccountId
    bot: BotId | None
    recorded_at: datetime


def take_in(writer: Writer, path: Path, terms: BotDatabaseTerms, attribution: Attribution) -> tuple[BotDatabaseOutcome, set[AssetCode]]:
    """Keep a database as payload, join its orders with events; return what came of it and the assets of events that changed hands.

    Raises:
        InputError: for a file that is no bot's database or whose newest rows are in a log beside it, for a row whose bot has no name
            or an impossible one, and for a file that was taken in before with another bot.
    """
    _refuse_log(path)
    content = read_file(path, lambda stream: rows_in_advance(stream, name=str(path)))
    database = read_database(content, name=str(path))
    payload = _payload(path, content, database.format_name, terms)
    seq, is_new = writer.add_payload(payload)
    rows, joined, waiting = 0, 0, []
    disputed: dict[str, str] = {}
    touched: set[AssetCode] = set()
    while chunk := list(islice(database.rows, _CHUNK_ROWS)):
        told = [one for row in chunk for one in _orders_of(row, seq, terms, path)]
        if not is_new:
            _refuse_other_bot(writer, told, path)
        writer.add_bot_orders(told)
        disputed |= _disputed(writer, told)
        places, changed = _join(writer, told, attribution)
        touched |= changed
        rows += len(chunk)
        joined += sum(row.locator in places for row in chunk)
        waiting += [_named(row) for row in chunk if row.locator not in places]
    outcome = BotDatabaseOutcome(
        path=path,
        format_name=database.format_name,
        rows=rows,
        joined=joined,
        waiting=tuple(waiting),
        disputed=tuple(disputed[subject] for subject in sorted(disputed)),
    )
    return outcome, touched


def _disputed(reader: Reader, told: Sequence[BotOrder]) -> dict[str, str]:
    """Return, by order or fill, the words on those that several bots claim. Fills of a disputed order are not told again."""
    accounts = {one.account for one in told}
    bots: defaultdict[str, set[BotId]] = defaultdict(set)
    for claim in reader.bot_orders(sorted({one.subject for one in told})):
        if claim.account in accounts:
            bots[claim.subject].add(BotId(claim.bot))
    found = {subject: sorted(claimed) for subject, claimed in bots.items() if len(claimed) > 1}
    orders = {one.locator for one in told if one.subject in found and one.subject.startswith(order_subject(""))}
    again = {one.subject for one in told if one.locator in orders and not one.subject.startswith(order_subject(""))}
    return {one: f"{one} by {' and '.join(claimed)}; it counts as {claimed[0]}'s" for one, claimed in found.items() if one not in again}


def waiting_orders(reader: Reader) -> Iterator[BotOrder]:
    """Yield what bots' databases say of orders and fills that no event of the book has, of rows nothing of which is found."""
    orders = reader.all_bot_orders()
    while chunk := list(islice(orders, _CHUNK_ROWS)):
        found = _found(reader, chunk)
        yield from (one for one in chunk if (one.payload_seq, one.locator) not in found)


def orders_told(reader: Reader) -> list[tuple[str, str, AccountId, BotId, int]]:
    """Return (file's name, format, account, bot, its orders) of the databases taken in, sorted; ids that one row names are of one order."""
    databases = reader.bot_databases()
    orders: defaultdict[tuple[str, str, AccountId, BotId], _Orders] = defaultdict(_Orders)
    for (seq, _), row in groupby(reader.all_bot_orders(), key=lambda one: (one.payload_seq, one.locator)):
        told = list(row)
        orders[*databases[seq], told[0].account, told[0].bot].add([one.subject for one in told])
    return [(*key, orders[key].count) for key in sorted(orders)]


@dataclass(slots=True)
class _Orders:
    """Orders by their ids, of which rows tell some together."""

    leads: dict[str, str] = field(default_factory=dict)  # from an id to another one of its order, and at the end to itself
    count: int = 0

    def add(self, subjects: Sequence[str]) -> None:
        """Take in the ids that one row names."""
        ends = {self._end(one) for one in subjects if one in self.leads}
        end = min(ends, default=subjects[0])
        self.count += 1 - len(ends)
        self.leads |= dict.fromkeys((*subjects, *ends), end)

    def _end(self, subject: str) -> str:
        while (onward := self.leads[subject]) != subject:
            subject = onward
        return subject


def _refuse_log(path: Path) -> None:
    log = path.with_name(f"{path.name}-wal")
    if log.is_file() and log.stat().st_size:
        raise InputError(
            f"{path}: its newest rows are in {log.name} beside it, and would be left out",
            mend="stop the bot, or copy the database with `.backup`, and import that",
        )


def _refuse_other_bot(reader: Reader, told: Sequence[BotOrder], path: Path) -> None:
    known = {(one.payload_seq, one.subject, one.locator): one.bot for one in reader.bot_orders([one.subject for one in told])}
    for one in told:
        before = known.get((one.payload_seq, one.subject, one.locator), one.bot)
        if before != one.bot:
            raise InputError(
                f"{path}: was taken in before with bot {before}, now with {one.bot}",
                mend="correct it by a rule under [[bots]] in lotwright.toml, which goes before any database",
            )


def _join(writer: Writer, told: Sequence[BotOrder], attribution: Attribution) -> tuple[set[str], set[AssetCode]]:
    events = writer.attributables_named(_names(told))
    databases = databases_of(writer, events)
    evidence = [(event.seq, one.payload_seq, one.locator) for event in events for one in databases.of(event.seq)]
    writer.add_evidence(evidence)
    here = {one.payload_seq for one in told}
    return {place for _, seq, place in evidence if seq in here}, attribute_again(writer, attribution, events, databases)


def _found(reader: Reader, told: Sequence[BotOrder]) -> set[tuple[int, str]]:
    events = reader.attributables_named(_names(told))
    databases = databases_of(reader, events)
    return {(one.payload_seq, one.locator) for event in events for one in databases.of(event.seq)}


def _names(told: Iterable[BotOrder]) -> list[str]:
    """Return the ids that events may have: of an order as it is, of a fill what follows its market."""
    names = {_id_of(one.subject) for one in told}
    return sorted(names)


def _id_of(subject: str) -> str:
    kind, _, name = subject.partition(":")
    return name if kind == "order" else name.split("/", 2)[2]


def _orders_of(row: BotRow, payload_seq: int, terms: BotDatabaseTerms, path: Path) -> Iterator[BotOrder]:
    subjects = [order_subject(order) for order in row.orders]
    if row.trade is not None:
        base, quote, trade = row.trade
        subjects.append(fill_subject(base, quote, trade))
    bot = terms.bot or BotId(_checked(row, path))
    for subject in subjects:
        yield BotOrder(payload_seq=payload_seq, account=terms.account, subject=subject, bot=bot, locator=row.locator)


def _checked(row: BotRow, path: Path) -> str:
    try:
        return check_name(row.bot, what="the bot")
    except InputError as refused:
        raise InputError(f"{path}, {row.locator}: {refused.message}", mend="name the bot of all its orders with --bot NAME") from refused


def _named(row: BotRow) -> str:
    ids = [*row.orders, *([row.trade[2]] if row.trade else [])]
    return f"{row.locator}: {' '.join(ids) or 'no order'}"


def _payload(path: Path, content: bytes, format_name: str, terms: BotDatabaseTerms) -> Payload:
    digest = content_hash(content)
    return Payload(
        payload_id=payload_id(account=terms.account, request="bots", content=digest),
        kind=PayloadKind.FILE,
        venue=VenueName("bot"),
        account=terms.account,
        stream=format_name,
        symbol="",
        request="bots",
        name=path.name,
        content=content,
        content_hash=digest,
        fetched_at=terms.recorded_at,
    )
