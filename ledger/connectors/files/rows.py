"""The loop that every file format shares: rows of text -> what each says, faults as values."""

from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import TypeVar

from ledger.connectors.files.cells import CellReader, account_of, bot_of
from ledger.domain.errors import InputError, RowFault
from ledger.domain.event import Event
from ledger.domain.ids import AccountId
from ledger.domain.law.statement import StatementRow
from ledger.ports import FileRow, FileTerms

Pick = Callable[[Sequence[str]], tuple[str, ...]]
Said = TypeVar("Said")


def read_rows(
    rows: Iterator[tuple[int, list[str]]],
    header: tuple[str, ...],
    *,
    columns: Sequence[str],
    terms: FileTerms,
    content_of: Callable[[tuple[str, ...], CellReader], Event | StatementRow | None],
) -> Iterator[FileRow]:
    """Yield what `content_of` makes of each row, as `said_of` does: an event, or a row of a broker's statement."""
    said: Iterator[tuple[int, Event | StatementRow | None, tuple[RowFault, ...]]]
    said = said_of(rows, header, columns=columns, terms=terms, read=content_of)
    return (_file_row(line, content, faults) for line, content, faults in said)


def _file_row(line: int, content: Event | StatementRow | None, faults: tuple[RowFault, ...]) -> FileRow:
    if isinstance(content, StatementRow):
        return FileRow(line=line, event=None, faults=faults, statement=content)
    return FileRow(line=line, event=content, faults=faults)


def said_of(
    rows: Iterator[tuple[int, list[str]]],
    header: tuple[str, ...],
    *,
    columns: Sequence[str],
    terms: FileTerms,
    read: Callable[[tuple[str, ...], CellReader], Said | None],
) -> Iterator[tuple[int, Said | None, tuple[RowFault, ...]]]:
    """Yield (line, what `read` makes of the row, faults): its cells in the order of `columns`, a column that the file lacks being empty.

    What a row says is given only where it has no fault. The terms are checked at once, before the first row is asked for.

    Raises:
        InputError: when the account or bot of the command line is no name of an account or bot.
    """
    _check_terms(terms)
    return _said(rows, width=len(header), pick=_pick(header, columns), reader=CellReader(terms.zone), read=read)


def _said(
    rows: Iterator[tuple[int, list[str]]],
    *,
    width: int,
    pick: Pick,
    reader: CellReader,
    read: Callable[[tuple[str, ...], CellReader], Said | None],
) -> Iterator[tuple[int, Said | None, tuple[RowFault, ...]]]:
    for line, cells in rows:
        if len(cells) != width:
            yield line, None, (_width_fault(line, found=len(cells), width=width),)
            continue
        reader.begin(line)
        said = read(pick([*cells, ""]), reader)
        yield (line, None, tuple(reader.faults)) if reader.faults else (line, said, ())


def _pick(header: tuple[str, ...], columns: Sequence[str]) -> Pick:
    """Return the function that puts the cells of a row, and one empty cell after them, in the order of `columns`."""
    places = {name: place for place, name in enumerate(header)}
    return itemgetter(*(places.get(column, len(header)) for column in columns))


def _width_fault(line: int, *, found: int, width: int) -> RowFault:
    mend = "put text with commas in quotes, and write numbers without separators" if found > width else "fill up the row with commas"
    return RowFault(line=line, column="", message=f"has {found} cells, the header has {width}", mend=mend)


def account_named(terms: FileTerms) -> AccountId:
    """Return the account of the command line, for files that do not say whose they are.

    Raises:
        InputError: when the command line names none.
    """
    if terms.account is None:
        raise InputError("the file does not say which account it is of", mend="name it with --account, like the connection of that account")
    return terms.account


def _check_terms(terms: FileTerms) -> None:
    for option, read, name in (("--account", account_of, terms.account), ("--bot", bot_of, terms.bot)):
        if name is not None:
            try:
                read(name)
            except InputError as error:
                raise InputError(f"{option}: {error.message}", mend=error.mend if name else "write a name") from error
