"""A year's figures as one canonical text, line by line, compressed as it is written and as it is read.

The first line says the schema and the fields of each kind of row; then come cover, gains, income, lots open at the year's end,
activity of bots and their own results, findings and totals, in that order. A million rows need no more memory than ten, but for the
compressed text.
"""

import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import TypeVar

from ledger.domain.amount import text_of
from ledger.domain.errors import BookError
from ledger.domain.facts import BookCover, Figures, FillActivity, GainRow, IncomeRow, OwnResult, YearTotal
from ledger.domain.finding import Finding
from ledger.domain.ids import Hash
from ledger.domain.lot import Lot
from ledger.domain.time.instant import instant_text
from ledger.pipeline.periods.row_text import RowReader, RowWriter, cells_of, fields_of

SCHEMA = 1
KINDS: Mapping[str, type] = {
    "cover": BookCover,
    "gain": GainRow,
    "income": IncomeRow,
    "lot": Lot,
    "activity": FillActivity,
    "own": OwnResult,
    "finding": Finding,
    "total": YearTotal,
}
_PIECE = 1 << 16  # bytes of compressed text that are opened at a time
_JOINT = "\x1f"

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFigures:
    """The compressed text of a year's figures, and the hash of the text."""

    content: bytes
    content_hash: Hash


class FiguresWriter:
    """Takes rows kind by kind in the order of `KINDS`."""

    def __init__(self) -> None:
        names = fields_of(*KINDS.values())
        self._rows = RowWriter(names)
        self._packer = zlib.compressobj()
        self._hash = sha256()
        self._packed: list[bytes] = []
        self._write(json.dumps({"schema": SCHEMA, "fields": names}, sort_keys=True, separators=(",", ":")))

    def add(self, kind: str, rows: Iterable[object]) -> None:
        """Write rows of one kind."""
        for row in rows:
            self._write(self._rows.line(kind, row))

    def finished(self) -> WrittenFigures:
        """Return the whole text; nothing can be added afterwards."""
        self._packed.append(self._packer.flush())
        return WrittenFigures(content=b"".join(self._packed), content_hash=Hash(self._hash.hexdigest()))

    def _write(self, line: str) -> None:
        text = f"{line}\n".encode()
        self._hash.update(text)
        self._packed.append(self._packer.compress(text))


class FiguresReader:
    """Reads rows of one kind at a time, anew at each question."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        head = json.loads(next(lines_of(content)))
        if head["schema"] > SCHEMA:
            raise BookError("a newer Lotwright closed this year", mend="upgrade Lotwright: pip install --upgrade lotwright")
        self._names = head["fields"]
        self._rows = RowReader(self._names)

    def tells_of(self, row: type) -> bool:
        """Tell whether the program that closed the year knew such rows."""
        return row.__name__ in self._names

    def rows(self, kind: str, row: type[Row], *, naming: str = "") -> Iterator[Row]:
        """Yield the rows of a kind; only of lines in which the text `naming` occurs."""
        begins = f'["{kind}",'.encode()
        wanted = naming.encode()
        for line in lines_of(self._content):
            if line.startswith(begins) and wanted in line:
                yield self._rows.row(row, cells_of(line.decode())[1])


def lines_of(content: bytes) -> Iterator[bytes]:
    """Yield the lines of a compressed text; of a damaged one, those before the damage."""
    unpacker, rest = zlib.decompressobj(), b""
    for start in range(0, len(content), _PIECE):
        try:
            rest += unpacker.decompress(content[start : start + _PIECE])
        except zlib.error:
            return
        *whole, rest = rest.split(b"\n")
        yield from whole


def text_hash(content: bytes) -> Hash:
    """Return the hash of a compressed text, as `FiguresWriter` reckons it."""
    whole = sha256()
    for line in lines_of(content):
        whole.update(line + b"\n")
    return Hash(whole.hexdigest())


class FiguresHash:
    """A hash over the figures of rows that pass through, and their number."""

    def __init__(self) -> None:
        self._hash = sha256()
        self.rows = 0

    def through(self, rows: Iterable[Row], figures: Callable[[Row], Figures]) -> Iterator[Row]:
        """Yield the rows and take their figures in."""
        for row in rows:
            self.rows += 1
            self._hash.update((_JOINT.join(map(_text, figures(row))) + "\n").encode())
            yield row

    def over(self, rows: Iterable[Row], figures: Callable[[Row], Figures]) -> Hash:
        """Take the figures of all rows in and return the hash."""
        for _ in self.through(rows, figures):
            pass
        return self.value

    @property
    def value(self) -> Hash:
        """The hash so far."""
        return Hash(self._hash.hexdigest())


def _text(figure: str | int | Decimal | date | datetime | None) -> str:
    match figure:
        case None:
            return ""
        case Decimal():
            return text_of(figure)
        case datetime():
            return instant_text(figure)
        case date():
            return figure.isoformat()
        case _:
            return str(figure)
