"""What proves that a book is complete: lines of venues' own ledgers, and the comparisons of balances that were made."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from itertools import starmap
from typing import Any

from sqlalchemy import Connection, Select, delete, func, select

from ledger.domain.amount import AssetCode
from ledger.domain.ids import AccountId
from ledger.domain.payload import PayloadKind
from ledger.domain.time.instant import instant_text
from ledger.domain.values.quick import made_in_order
from ledger.storage.backend import Backend, BulkRow
from ledger.storage.columns import decimal_text, decimal_text_or_none
from ledger.storage.nouns import BalanceAssertion, StoredLine
from ledger.storage.tables import assertion, entry, event, evidence, ledger_line, payload, posting

_LINES = 2_000  # fetched at a time
_line = made_in_order(StoredLine)  # two or three for each fill pass here
_COMPARED = [column for column in assertion.columns if column.name != "seq"]


class ProofReader:
    """Questions about proof; part of `Reader`."""

    _connection: Connection
    _backend: Backend

    def ledger_wallets(self, account: str, *, after_payload_seq: int = 0) -> list[str]:
        """Return the wallets of an account whose ledgers have lines, sorted; only those with lines of payloads after a place."""
        told = select(ledger_line.c.wallet).distinct().where(ledger_line.c.account == account)
        later = told.where(ledger_line.c.payload_seq > after_payload_seq) if after_payload_seq else told
        return list(self._connection.execute(later.order_by(ledger_line.c.wallet)).scalars())

    def payload_seq(self, payload_id: str) -> int:
        """Return the place of a payload that the book has."""
        seq: int = self._connection.execute(select(payload.c.seq).where(payload.c.payload_id == payload_id)).scalar_one()
        return seq

    def is_evidence(self, payload_seq: int) -> bool:
        """Tell whether any event was told by the payload of a place."""
        told = select(evidence.c.payload_seq).where(evidence.c.payload_seq == payload_seq).limit(1)
        return self._connection.execute(told).first() is not None

    def is_newest_word(self, event_id: str, payload_seq: int) -> bool:
        """Tell whether a page is the newest of the pages of its stream that told of an event, and not the only one."""
        this = payload.alias()
        told = (
            select(payload.c.fetched_at, payload.c.seq, this.c.fetched_at.label("this_at"))
            .distinct()
            .select_from(evidence.join(event).join(payload, evidence.c.payload_seq == payload.c.seq))
            .join(this, this.c.seq == payload_seq)
            .where(event.c.event_id == event_id, this.c.kind == PayloadKind.PAGE.value)
            .where(*(payload.c[name] == this.c[name] for name in ("kind", "venue", "account", "stream", "symbol")))
        )
        others = [row for row in self._connection.execute(told) if row.seq != payload_seq]
        return bool(others) and all((row.fetched_at, row.seq) < (row.this_at, payload_seq) for row in others)

    def places_in_files(self, event_id: str) -> list[tuple[str, str]]:
        """Return the files that tell of an event, of any of its revisions, with the place in each."""
        told = select(payload.c.payload_id, evidence.c.locator).distinct().select_from(evidence.join(event).join(payload))
        in_files = told.where(event.c.event_id == event_id, payload.c.kind == PayloadKind.FILE.value)
        return [(row.payload_id, row.locator) for row in self._connection.execute(in_files.order_by(*in_files.selected_columns))]

    def formats_telling(self, account: str, source_id: str) -> set[str]:
        """Return the formats of the files that tell of an event of an account under a source's id."""
        told = select(payload.c.stream).distinct().select_from(evidence.join(event).join(payload, evidence.c.payload_seq == payload.c.seq))
        of_files = told.where(event.c.source_id == source_id, event.c.account == account, payload.c.kind == PayloadKind.FILE.value)
        return set(self._connection.execute(of_files).scalars())

    def ledger_payload_last(self, account: str) -> int:
        """Return the place of the newest payload with lines of an account's ledgers; 0: there is none."""
        newest = select(func.coalesce(func.max(ledger_line.c.payload_seq), 0)).where(ledger_line.c.account == account)
        last: int = self._connection.execute(newest).scalar_one()
        return last

    def ledger_lines(
        self, account: str, wallet: str, *, since: datetime | None = None, until: datetime | None = None
    ) -> Iterator[StoredLine]:
        """Yield the lines of one wallet in the venue's order; those from `since` to `until`, both included."""
        statement = select(ledger_line).where(ledger_line.c.account == account, ledger_line.c.wallet == wallet)
        if since is not None:
            statement = statement.where(ledger_line.c.occurred_at >= since)
        if until is not None:
            statement = statement.where(ledger_line.c.occurred_at <= until)
        yield from self._lines(statement.order_by(ledger_line.c.sequence, ledger_line.c.occurred_at, ledger_line.c.line_id))

    def ledger_line_last(self, account: str, wallet: str) -> StoredLine | None:
        """Return the newest line with a balance of one wallet."""
        told = select(ledger_line).where(
            ledger_line.c.account == account, ledger_line.c.wallet == wallet, ledger_line.c.balance.is_not(None)
        )
        newest = (ledger_line.c.sequence.desc(), ledger_line.c.occurred_at.desc(), ledger_line.c.line_id.desc())
        return next(self._lines(told.order_by(*newest).limit(1)), None)

    def lines_explaining(self, account: str, *, after_payload_seq: int) -> Iterator[StoredLine]:
        """Yield the lines of payloads after a place that belong to events, by what they explain."""
        told = select(ledger_line).where(ledger_line.c.account == account, ledger_line.c.explains != "")
        later = told.where(ledger_line.c.payload_seq > after_payload_seq)
        yield from self._lines(later.order_by(ledger_line.c.explains, ledger_line.c.wallet, ledger_line.c.line_id))

    def lines_of_payloads(self, account: str, stream: str, *, after_seq: int) -> Iterator[StoredLine]:
        """Yield the lines that belong to events, of payloads of a stream after a place, by payload."""
        pages = payload.c.account == account, payload.c.stream == stream, payload.c.seq > after_seq
        told = select(ledger_line).join(payload, ledger_line.c.payload_seq == payload.c.seq).where(*pages)
        yield from self._lines(told.where(ledger_line.c.explains != "").order_by(payload.c.seq))

    def moves(
        self,
        name: str,
        *,
        event_ids: Collection[str] | None = None,
        asset: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[tuple[str, str, str, Decimal]]:
        """Yield (event id, kind of event, asset, signed amount) of what was booked on the ledger account `name`, reversals too.

        Only of some events, of an asset, of entries from `since` to `until`, both included.
        """
        columns = (event.c.event_id, event.c.kind, posting.c.asset, posting.c.debit, posting.c.amount)
        touching = (posting.c.debit == name) | (posting.c.credit == name)
        conditions = [
            touching,
            *([] if event_ids is None else [self._backend.among(event.c.event_id, list(event_ids))]),
            *([] if asset is None else [posting.c.asset == asset]),
            *([] if since is None else [entry.c.occurred_at >= since]),
            *([] if until is None else [entry.c.occurred_at <= until]),
        ]
        joined = posting.join(entry, posting.c.entry_seq == entry.c.seq).join(event, entry.c.event_seq == event.c.seq)
        statement = select(*columns).select_from(joined).where(*conditions).order_by(posting.c.entry_seq, posting.c.line)
        with self._connection.execute(statement, execution_options={"yield_per": _LINES}) as result:
            for event_id, kind, moved, debit, amount in result:
                yield event_id, kind, moved, amount if debit == name else -amount

    def moved(self, name: str, asset: str) -> Iterator[tuple[datetime, Decimal]]:
        """Yield (when, signed amount) of what was booked in an asset on the ledger account `name`, in order of time."""
        touching = (posting.c.debit == name) | (posting.c.credit == name)
        joined = posting.join(entry, posting.c.entry_seq == entry.c.seq)
        told = select(entry.c.occurred_at, posting.c.debit, posting.c.amount).select_from(joined).where(touching, posting.c.asset == asset)
        with self._connection.execute(told.order_by(entry.c.occurred_at), execution_options={"yield_per": _LINES}) as result:
            for row in result:
                occurred_at: datetime = row[0]
                yield occurred_at, row[2] if row[1] == name else -row[2]

    def agreed_at(self, account: AccountId, asset: AssetCode) -> datetime | None:
        """Return when the book's balance was last the venue's; None: never."""
        agreed = select(assertion.c.observed_at, assertion.c.difference).where(assertion.c.account == account, assertion.c.asset == asset)
        for observed_at, difference in self._connection.execute(agreed.order_by(assertion.c.observed_at.desc(), assertion.c.seq.desc())):
            if difference == 0:
                instant: datetime = observed_at
                return instant
        return None

    def assertions(self, account: str | None = None) -> Iterator[BalanceAssertion]:
        """Yield the comparisons made, in order of making; of one account, or of all (None)."""
        statement = select(*_COMPARED).order_by(assertion.c.seq)
        if account is not None:
            statement = statement.where(assertion.c.account == account)
        for row in self._connection.execute(statement):
            yield BalanceAssertion(**row._mapping)  # noqa: SLF001  # SQLAlchemy's public name for a row as a mapping

    def _lines(self, statement: Select[*tuple[Any, ...]]) -> Iterator[StoredLine]:
        with self._connection.execute(statement, execution_options={"yield_per": _LINES}) as result:
            yield from starmap(_line, result)


class ProofWriter:
    """Additions of proof; part of `Writer`."""

    _connection: Connection
    _backend: Backend

    def add_ledger_lines(self, lines: Sequence[StoredLine]) -> None:
        """Store lines of a venue's ledger; one that a later payload tells otherwise takes the place of the one before: they are derived.

        A line that once was told to belong to an event goes on doing so.
        """
        before = {_line_key(line): line for line in self._known_lines(lines)}
        told: dict[tuple[str, str, str], StoredLine] = {}
        for line in lines:
            known = told.get(_line_key(line)) or before.get(_line_key(line))
            if known is not None and known.payload_seq > line.payload_seq:
                continue
            kept = line if known is None else replace(line, explains=line.explains or known.explains)
            if known is None or kept != replace(known, payload_seq=kept.payload_seq):
                told[_line_key(line)] = kept
        for gone in before.keys() & told.keys():
            condition = [column == part for column, part in zip(ledger_line.primary_key.columns, gone, strict=True)]
            self._connection.execute(delete(ledger_line).where(*condition))
        self._backend.insert(self._connection, ledger_line, [_line_row(line) for line in told.values()])

    def _known_lines(self, lines: Sequence[StoredLine]) -> list[StoredLine]:
        if not lines:
            return []
        parts = [sorted(set(part)) for part in zip(*map(_line_key, lines), strict=True)]
        keys = zip(ledger_line.primary_key.columns, parts, strict=True)
        statement = select(ledger_line).where(*(self._backend.among(column, part) for column, part in keys))
        return [StoredLine(**row._mapping) for row in self._connection.execute(statement)]  # noqa: SLF001  # as above

    def add_assertions(self, compared: Sequence[BalanceAssertion]) -> None:
        """Store comparisons of balances."""
        first: int = self._connection.execute(select(func.coalesce(func.max(assertion.c.seq), 0))).scalar_one()
        self._backend.insert(self._connection, assertion, (_assertion_row(seq, one) for seq, one in enumerate(compared, first + 1)))


def _line_key(line: StoredLine) -> tuple[str, str, str]:
    return line.account, line.wallet, line.line_id


def _line_row(line: StoredLine) -> BulkRow:
    return (
        line.account,
        line.wallet,
        line.line_id,
        line.asset,
        instant_text(line.occurred_at),
        line.sequence,
        line.kind,
        decimal_text(line.amount),
        decimal_text_or_none(line.balance),
        line.explains,
        line.payload_seq,
    )


def _assertion_row(seq: int, one: BalanceAssertion) -> BulkRow:
    return (
        seq,
        one.account,
        one.asset,
        instant_text(one.observed_at),
        decimal_text(one.balance_book),
        decimal_text_or_none(one.balance_venue),
        decimal_text_or_none(one.difference),
        instant_text(one.asserted_at),
    )
