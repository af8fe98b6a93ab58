"""What a file seems to be, for its user and for a bug report: the nearest format, the columns that differ, and a sample without figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ledger.connectors.files.reading import TextTable, opened, read_table
from ledger.connectors.files.recognition import difference_from
from ledger.ports import FileFormat

_SAMPLE_ROWS = 3
_CELL_CHARACTERS_MAX = 60
_DIGITS_MAX = 4  # of a column's name, such as UTC+08:00


@dataclass(frozen=True, slots=True, kw_only=True)
class FileExplanation:
    """What is known of a file by its header. `format_name` is empty where no format knows it; `sample` holds shapes, no values.

    So does `header` where a cell may be no name of a column, and all of it where no format has a column of these names.
    """

    path: Path
    format_name: str
    nearest: str
    difference: str
    header: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]

    def lines(self) -> list[str]:
        """Return the explanation as lines of text."""
        known = f"is read as {self.format_name}" if self.format_name else "is of no known format"
        told = [f"{self.path}: {known}"]
        if not self.format_name:
            told += [f"  nearest: {self.nearest}", f"  columns: {self.difference}"]
        told += [f"  header: {','.join(self.header)}", "  sample, every letter written as a or A and every digit as 9:"]
        return [*told, *(f"    {','.join(cells)}" for cells in self.sample)]


def explain_file(path: Path, formats: Sequence[FileFormat]) -> FileExplanation:
    """Return what a file seems to be; nothing of it is stored.

    Raises:
        InputError: when it cannot be read as a table.
    """
    with opened(path) as stream:
        table = read_table(stream, name=str(path), knows=lambda header: any(one.recognises(header) for one in formats))
        sample = _sample(table)
    header = _told_columns(table.header, formats)
    format_name = next((one.name for one in formats if one.recognises(table.header)), "")
    nearest = min((difference_from(header, one) for one in formats), key=lambda found: (found.size, found.file_format.name))
    return FileExplanation(
        path=path,
        format_name=format_name,
        nearest=f"{nearest.file_format.name} ({nearest.file_format.title})",
        difference=str(nearest),
        header=header,
        sample=sample,
    )


def _told_columns(header: tuple[str, ...], formats: Sequence[FileFormat]) -> tuple[str, ...]:
    """Return the header with what may be no name of a column hidden: files without a header begin with figures, ids and addresses."""
    known = {column.casefold() for one in formats for generation in one.headers for column in generation}
    if not any(column.casefold() in known for column in header):
        return tuple(map(shape_of, header))
    return tuple(column if column.casefold() in known or _is_title(column) else shape_of(column) for column in header)


def _is_title(column: str) -> bool:
    is_plain = column.isprintable() and len(column) <= _CELL_CHARACTERS_MAX and "@" not in column
    return is_plain and any(map(str.isalpha, column)) and sum(map(str.isdigit, column)) <= _DIGITS_MAX


def _sample(table: TextTable) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(shape_of(cell) for cell in cells) for _, cells in islice(table.rows, _SAMPLE_ROWS))


def shape_of(cell: str) -> str:
    """Return a cell with its letters and digits hidden; what holds a comma in quotes.

    >>> shape_of("2024-03-01 12:00 UTC"), shape_of("$1,234.50")
    ('9999-99-99 99:99 AAA', '"$9,999.99"')
    """
    hidden = "".join(_hidden(sign) for sign in cell[:_CELL_CHARACTERS_MAX])
    return f'"{hidden}"' if "," in hidden else hidden


def _hidden(sign: str) -> str:
    if sign.isalpha():
        return "A" if sign.isupper() else "a"
    return "9" if sign.isdigit() else sign if sign.isprintable() and sign.isascii() else "?"
