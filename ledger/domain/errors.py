"""Everything that can stop the work, in one tree; the branch says who must act.

LedgerError
  InputError           the user: a file, an option, a setting            exit 2
    NumberRefused      a text that should be a number or an asset code
  BookError            the user or the operator: the book itself         exit 2
    BookBusy           another run holds the book                        exit 5
  UnsupportedCase      the law or the venue needs a rule that we lack    exit 2
  ConnectorError       a venue
    TransientError     asked again later it may answer                   exit 4
    TerminalError      it will not answer this call
      KeyRefused       the venue refused the key or its rights           exit 3

Only ``cli`` catches these, and ``nightly`` around one connection. A bug is an ``AssertionError`` or any other exception
and ends with exit 70.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass


class LedgerError(Exception):
    """The root: what stopped the work and how to mend it."""

    exit_code = 2

    def __init__(self, message: str, *, mend: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.message}\n  mend: {self.mend}" if self.mend else self.message


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFault:
    """One bad place of a file: line (1 = header) and column as the file counts them, what is wrong, how to mend it."""

    line: int
    column: str
    message: str
    mend: str = ""

    def __str__(self) -> str:
        where = f"line {self.line}, column {self.column}" if self.column else f"line {self.line}"
        return f"{where}: {self.message}" + (f" ({self.mend})" if self.mend else "")


class InputError(LedgerError):
    """A file, an option or a setting cannot be used. `faults` lists the bad rows of a file, in file order."""

    def __init__(self, message: str, *, mend: str = "", faults: Sequence[RowFault] = ()) -> None:
        super().__init__(message, mend=mend)
        self.faults = tuple(faults)


_SHOWN_MAX = 60  # characters of a refused text that a message repeats


class NumberRefused(InputError):
    """A text is not the number or code that it should be; carries the text and the reason."""

    def __init__(self, text: str, reason: str) -> None:
        shown = text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 3] + "..."
        super().__init__(f"{shown!r} {reason}")
        self.text = text
        self.reason = reason


class BookError(LedgerError):
    """The book cannot be opened, read or written as it is."""


class BookBusy(BookError):
    """Another run holds the book."""

    exit_code = 5


class UnsupportedCase(LedgerError):
    """The law or a venue needs a rule that we do not have: never guessed."""


class ConnectorError(LedgerError):
    """A venue did not give what was asked."""

    exit_code = 4


class TransientError(ConnectorError):
    """The venue may answer later: rate limit, outage, broken connection, unreadable answer.

    `retry_after_seconds` is the venue's own wish, or None. `is_overload`: it counted more calls of ours than it takes.
    """

    is_overload = False

    def __init__(self, message: str, *, mend: str = "", retry_after_seconds: float | None = None) -> None:
        super().__init__(message, mend=mend)
        self.retry_after_seconds = retry_after_seconds


class TerminalError(ConnectorError):
    """The venue will not answer this call; `status` is the HTTP status, or None."""

    exit_code = 2

    def __init__(self, message: str, *, mend: str = "", status: int | None = None) -> None:
        super().__init__(message, mend=mend)
        self.status = status


class KeyRefused(TerminalError):
    """The venue refused the key, its signature or its rights."""

    exit_code = 3


def nearest(word: str, known: Sequence[str]) -> str:
    """Return a question for the known word that looks most like this one; empty where none does."""
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}?" if close else ""
