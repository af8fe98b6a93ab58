"""Price files -> quotes: all files of one command in one database transaction, all or nothing; the files are kept as payloads."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

from ledger.connectors.files.reading import read_file, read_rows
from ledger.domain.errors import InputError, RowFault
from ledger.domain.ids import AccountId, VenueName, content_hash, payload_id
from ledger.domain.payload import Payload, PayloadKind
from ledger.domain.price import PriceQuote
from ledger.pipeline.progress import Progress
from ledger.ports import PriceFile, PriceRow
from ledger.storage.store import Store, Writer

MANUAL = "manual"  # the source of a price that a person gave
_NO_ACCOUNT = AccountId("")
_CHUNK_ROWS = 10_000
_FAULTS_MAX = 1_000


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
    content = read_file(path, lambda stream: _table(path, stream, formats)[0])
    rows, price_file = _table(path, io.BytesIO(content), formats)
    seq, _ = writer.add_payload(_payload(content, stream=price_file.name, name=path.name, recorded_at=recorded_at))
    before, count = writer.quotes_of_payload(seq), 0
    for quotes in _chunks(price_file.read(rows, path.name), path):
        writer.add_prices(quotes, seq)
        count += len(quotes)
        progress.advance(f"prices {path.name}", count)
    return PriceOutcome(path=path, format_name=price_file.name, quotes=count, new=writer.quotes_of_payload(seq) - before)


def _table(path: Path, stream: BinaryIO, formats: Sequence[PriceFile]) -> tuple[Iterator[tuple[int, list[str]]], PriceFile]:
    """Return the rows of a file from the first one on, and its format."""
    rows = read_rows(stream, name=str(path))
    first = next(rows, None)
    if first is None:
        raise InputError(f"{path}: is empty", mend="export the file again")
    return chain([first], rows), _recognised(path, first[1], formats)


def _recognised(path: Path, first: Sequence[str], formats: Sequence[PriceFile]) -> PriceFile:
    for price_file in formats:
        if price_file.recognises(first, path.name):
            return price_file
    known = "; ".join(f"{one.name} ({one.title}): {one.looks_like}" for one in formats)
    raise InputError(
        f"{path}: is of no known format of prices", mend=f"keep the name and header that it was published with. Known: {known}"
    )


def _chunks(rows: Iterator[PriceRow], path: Path) -> Iterator[list[PriceQuote]]:
    faults: list[RowFault] = []
    while chunk := list(islice(rows, _CHUNK_ROWS)):
        faults += [fault for row in chunk for fault in row.faults]
        if len(faults) > _FAULTS_MAX:
            break
        if not faults:  # after a fault the rest is read only to list what is wrong
            yield [quote for row in chunk for quote in row.quotes]
    if faults:
        what = "1 row is" if len(faults) == 1 else f"{len(faults):,} rows are"
        raise InputError(f"{path}: {what} bad; nothing was imported", mend="correct the file and import it again", faults=faults)


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
