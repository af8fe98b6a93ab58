"""Which format a file has: by its header alone, and where none fits, how far it is from the nearest one.

Venues change their exports without notice. A header that is nearly known is therefore the most common fault of all, and
guessing is the worst answer to it: the message names the columns that differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from ledger.connectors.files.cells import shown
from ledger.domain.errors import InputError
from ledger.ports import FileFormat

_LISTED_MAX = 12  # columns that a message lists before it only counts them
_COMPARED_MAX = 60  # characters of a column's name that are compared


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderDifference:
    """What parts a header from a known format: columns it lacks, and columns that the format does not know, in their order."""

    file_format: FileFormat
    missing: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many columns differ."""
        return len(self.missing) + len(self.unknown)

    def __str__(self) -> str:
        known = _known_columns(self.file_format)
        parts = []
        if self.missing:
            parts.append("missing: " + _listed([shown(column) for column in self.missing[:_LISTED_MAX]], len(self.missing)))
        if self.unknown:
            parts.append("unknown: " + _listed([_with_nearest(column, known) for column in self.unknown[:_LISTED_MAX]], len(self.unknown)))
        return "; ".join(parts) or "the columns stand in another order"


def recognise(header: tuple[str, ...], formats: Sequence[FileFormat], *, name: str, wanted: str | None = None) -> FileFormat:
    """Return the format of a header: the first of `formats` that knows it, or the one `wanted` by its name.

    `name` is the file's, for messages.

    Raises:
        InputError: when no format, or not the wanted one, knows the header; with the nearest format and the columns that
            differ. Also when no format has the wanted name.
    """
    if wanted is not None:
        return _wanted(header, formats, name=name, wanted=wanted)
    for file_format in formats:
        if file_format.recognises(header):
            return file_format
    nearest = min((difference_from(header, file_format) for file_format in formats), key=lambda found: (found.size, found.file_format.name))
    title = f"{nearest.file_format.name} ({nearest.file_format.title})"
    raise InputError(f"{name}: the header is of no known format; nearest is {title}: {nearest}", mend=_known_formats(formats))


def difference_from(header: tuple[str, ...], file_format: FileFormat) -> HeaderDifference:
    """Compare a header with that of a format's generations to which it comes nearest."""
    known = _known_columns(file_format)
    unknown = tuple(column for column in header if column not in known)
    lacking = (tuple(column for column in generation if column not in header) for generation in file_format.headers)
    return HeaderDifference(file_format=file_format, missing=min(lacking, key=len), unknown=unknown)


def _wanted(header: tuple[str, ...], formats: Sequence[FileFormat], *, name: str, wanted: str) -> FileFormat:
    by_name = {file_format.name: file_format for file_format in formats}
    if wanted not in by_name:
        raise InputError(f"no file format has the name {_with_nearest(wanted, tuple(by_name))}", mend=_known_formats(formats))
    file_format = by_name[wanted]
    if not file_format.recognises(header):
        difference = difference_from(header, file_format)
        raise InputError(
            f"{name}: the header is not that of {file_format.name} ({file_format.title}): {difference}",
            mend="correct the header, or let the format be recognised by leaving --format out",
        )
    return file_format


def _known_columns(file_format: FileFormat) -> tuple[str, ...]:
    return tuple(dict.fromkeys(column for generation in file_format.headers for column in generation))


def _known_formats(formats: Sequence[FileFormat]) -> str:
    return "correct the header or export the file again; known formats: " + ", ".join(sorted(known.name for known in formats))


def _listed(names: Sequence[str], count: int) -> str:
    return ", ".join(names) + (f" and {count - len(names):,} more" if count > len(names) else "")


def _with_nearest(name: str, known: Sequence[str]) -> str:
    by_lower = {column.lower(): column for column in known}
    close = get_close_matches(name.lower()[:_COMPARED_MAX], by_lower, n=1, cutoff=0.5)
    return f"{shown(name)} (nearest: {shown(by_lower[close[0]])})" if close else shown(name)
