"""Price files -> quotes: all files of one command in one database transaction, all or nothing; the files are kept as payloads."""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

from ledger.connectors.files.reading import opened, read_file, read_rows
from ledger.domain.amount import text_of
from ledger.domain.errors import InputError, RowFault
from ledger.domain.ids import AccountId, VenueName, content_hash, payload_id
from ledger.domain.payload import Payload, PayloadKind
from ledger.domain.price import PriceQuote
from ledger.domain.time.instant import instant_text
from ledger.pipeline.progress import Progress
from ledger.ports import PriceFile, PriceRow
from ledger.storage.store import Store, Writer

MANUAL = "manual"  # the source of a price that a person gave
_NO_ACCOUNT = AccountId("")
_CHUNK_ROWS = 10_000
_FAULTS_MAX = 1_000
_ONE_PRICE = "leave one out; a price in the book stays, and one by `lotwright prices set` goes before it"


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceOutcome:
    """What one price file brought: its format, the number of quotes in it, and how many of them were new."""

    path: Path
    format_name: str
    quotes: int
    new: int


def import_prices(
    store: Store,
    paths: Sequence[Path],
    formats: Sequence[PriceFile],
    *,
    recorded_at: datetime,
    progress: Progress,
) -> tuple[PriceOutcome, ...]:
    """Store the quotes of price files.

    Raises:
        InputError: for any fault in any file; then nothing of any file is stored.
    """
    with store.write() as writer:
        return tuple(_import(path, formats, writer, recorded_at=recorded_at, progress=progress) for path in paths)


def price_format_of(path: Path, formats: Sequence[PriceFile]) -> str | None:
    """Return the name of the format of prices that a file has, None where it has none or cannot be read."""
    try:
        with opened(path) as stream:
            return _table(path, stream, formats).price_file.name
    except InputError:
        return None


def set_price(store: Store, quote: PriceQuote, *, evidence: str, recorded_at: datetime) -> None:
    """Store a price that a person gives, with the words that say where it is from as its payload.

    Raises:
        InputError: when another price was given before for the same moment: facts are not overwritten.
    """
    with store.write() as writer:
        for known in writer.prices(quote.asset, quote.currency, since=quote.observed_at):
            if (known.observed_at, known.source) == (quote.observed_at, quote.source) and known.price != quote.price:
                raise InputError(
                    f"{quote.asset} in {quote.currency} at that moment was given before: {known.price}",
                    mend="give the price of another second of that minute: of two within the gap the newer one counts",
                )
        seq, _ = writer.add_payload(_payload(evidence.encode(), stream=MANUAL, name="", recorded_at=recorded_at))
        writer.add_prices([quote], seq)


def _import(path: Path, formats: Sequence[PriceFile], writer: Writer, *, recorded_at: datetime, progress: Progress) -> PriceOutcome:
    content = read_file(path, lambda stream: _table(path, stream, formats).rows)
    table = _table(path, io.BytesIO(content), formats)
    seq, _ = writer.add_payload(_payload(content, stream=table.price_file.name, name=path.name, recorded_at=recorded_at))
    before, count = writer.quotes_of_payload(seq), 0
    for quotes in _chunks(table.price_file.read(table.rows, table.own_name), path, partial(_contradictions, writer, now=recorded_at)):
        writer.add_prices(quotes, seq)
        count += len(quotes)
        progress.advance(f"prices {path.name}", count)
    if not count:
        raise InputError(f"{path}: holds no price of an asset or currency that is known", mend="export the file again")
    return PriceOutcome(path=path, format_name=table.price_file.name, quotes=count, new=writer.quotes_of_payload(seq) - before)


@dataclass(frozen=True, slots=True, kw_only=True)
class _PriceTable:
    """The rows of a file from the first one on, its own name (in an archive that of the one file) and its format."""

    rows: Iterator[tuple[int, list[str]]]
    own_name: str
    price_file: PriceFile


def _table(path: Path, stream: BinaryIO, formats: Sequence[PriceFile]) -> _PriceTable:
    own_name, rows = read_rows(stream, name=str(path))
    first = next(rows)
    for price_file in formats:
        if price_file.recognises(first[1], own_name):
            return _PriceTable(rows=chain([first], rows), own_name=own_name, price_file=price_file)
    known = "; ".join(f"{one.name} ({one.title}): {one.looks_like}" for one in formats)
    raise InputError(
        f"{path}: is of no known format of prices", mend=f"keep the name and header that it was published with. Known: {known}"
    )


def _chunks(
    rows: Iterator[PriceRow], path: Path, contradictions: Callable[[Sequence[PriceRow]], Iterable[RowFault]]
) -> Iterator[list[PriceQuote]]:
    faults: list[RowFault] = []
    while chunk := list(islice(rows, _CHUNK_ROWS)):
        faults += [fault for row in chunk for fault in row.faults]
        faults += contradictions(chunk)
        if len(faults) > _FAULTS_MAX:
            break
        if not faults:  # after a fault the rest is read only to list what is wrong
            yield [quote for row in chunk for quote in row.quotes]
    if faults:
        lines = len({fault.line for fault in faults})
        what = "1 row is" if lines == 1 else f"{lines:,} rows are"
        raise InputError(f"{path}: {what} bad; nothing was imported", mend="correct the file and import it again", faults=faults)


def _contradictions(writer: Writer, chunk: Sequence[PriceRow], *, now: datetime) -> Iterator[RowFault]:
    """Yield what of rows cannot be: two prices of one moment by one source, a price of what is to come, or of itself."""
    known = _known(writer, [quote for row in chunk for quote in row.quotes])
    for row in chunk:
        for quote in row.quotes:
            said = f"{quote.asset}/{quote.currency} at {instant_text(quote.observed_at)}"
            price, where = known.setdefault(_key(quote), (quote.price, f"in line {row.line}"))
            if quote.asset == quote.currency:
                yield RowFault(line=row.line, column="", message=f"{said}: is a price of itself", mend="name two assets")
            elif quote.observed_at > now:
                yield RowFault(line=row.line, column="", message=f"{said}: is to come", mend="correct the time")
            elif price != quote.price:
                found = f"{said}: is {text_of(quote.price)} here and {text_of(price)} {where}, both by {quote.source}"
                yield RowFault(line=row.line, column="", message=found, mend=_ONE_PRICE)


def _known(writer: Writer, quotes: Sequence[PriceQuote]) -> dict[tuple[str, ...], tuple[Decimal, str]]:
    """Return the prices in the book of the pairs and the span of time of some quotes."""
    if not quotes:
        return {}
    moments = [quote.observed_at for quote in quotes]
    since, until = min(moments), max(moments) + timedelta(microseconds=1)
    pairs = sorted({(quote.asset, quote.currency) for quote in quotes})
    stored = (quote for pair in pairs for quote in writer.prices(*pair, since=since, until=until))
    return {_key(quote): (quote.price, "in the book") for quote in stored}


def _key(quote: PriceQuote) -> tuple[str, ...]:
    return quote.asset, quote.currency, instant_text(quote.observed_at), quote.source


def _payload(content: bytes, *, stream: str, name: str, recorded_at: datetime) -> Payload:
    digest = content_hash(content)
    return Payload(
        payload_id=payload_id(account=_NO_ACCOUNT, request="", content=digest),
        kind=PayloadKind.FILE,
        venue=VenueName("file"),
        account=_NO_ACCOUNT,
        stream=stream,
        symbol="",
        request="",
        name=name,
        content=content,
        content_hash=digest,
        fetched_at=recorded_at,
    )
