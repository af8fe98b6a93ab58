"""What drivers raise -> what a person can act upon: the one place that reads database error codes.

Only faults of the world are translated (disk, rights, network, another run). A broken constraint is a fault of ours and
passes through as it is.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError, StatementError

from ledger.domain.errors import BookBusy, BookError, LedgerError

_AGAIN = "nothing of the interrupted step was written; run the command again afterwards"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """How a fault is told; `what` follows the name of the book."""

    what: str
    mend: str
    error: type[BookError] = BookError


_DISK_FULL = Fault(what="cannot grow: the disk is full", mend=f"free some space; {_AGAIN}")
_READ_ONLY = Fault(
    what="cannot be written: it is read-only", mend="check the owner and the rights of the file and its folder, or of the role"
)
_BUSY = Fault(what="is locked by another run", mend="wait until it has ended", error=BookBusy)
_UNREACHABLE = Fault(what="cannot be reached", mend=f"check that the server runs and that host, port and name are right; {_AGAIN}")
_REFUSED = Fault(what="refuses the login", mend="check user, password and the rights of the role")

# By the beginning of SQLite's name of the error, https://www.sqlite.org/rescode.html
_SQLITE_FAULTS: Mapping[str, Fault] = {
    "SQLITE_FULL": _DISK_FULL,
    "SQLITE_READONLY": _READ_ONLY,
    "SQLITE_PERM": _READ_ONLY,
    "SQLITE_BUSY": _BUSY,
    "SQLITE_LOCKED": _BUSY,
    "SQLITE_CANTOPEN": Fault(what="cannot be opened", mend="check that the file and its folder exist and that you may read and write them"),
    "SQLITE_NOTADB": Fault(what="is not a database", mend="restore the file from a backup, or name another one"),
    "SQLITE_CORRUPT": Fault(what="is damaged", mend="restore the file from a backup; payloads and files can be imported again"),
    "SQLITE_IOERR": Fault(what="cannot be read or written: the disk reports an error", mend=f"check the disk; {_AGAIN}"),
}

# By the beginning of the SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html; none: no server answered
_POSTGRESQL_FAULTS: Mapping[str, Fault] = {
    "53": _DISK_FULL,
    "25006": _READ_ONLY,
    "42501": _READ_ONLY,
    "55P03": _BUSY,
    "40001": _BUSY,
    "40P01": _BUSY,
    "28": _REFUSED,
    "3D000": Fault(what="does not exist on the server", mend="create the database first (createdb), then run `lotwright init`"),
    "08": _UNREACHABLE,
    "57P": _UNREACHABLE,
    "58": Fault(what="cannot be read or written: the server reports an error of its disk", mend=f"check the server's log; {_AGAIN}"),
    "XX": Fault(what="is damaged, says the server", mend="check the server's log; restore from a backup"),
}


@contextmanager
def told_as_book_errors(book: str, raw_errors: tuple[type[Exception], ...]) -> Iterator[None]:
    """Turn faults of the world into `BookError`; `book` is how messages name it, `raw_errors` what its driver raises by itself.

    Raises:
        BookError: disk full, read-only, damaged, unreachable, refused.
        BookBusy: locked by another run.
    """
    try:
        yield
    except StatementError as raised:
        if isinstance(raised.orig, LedgerError):
            raise raised.orig from None
        if not isinstance(raised, DBAPIError) or raised.orig is None:
            raise
        _raise_translated(raised.orig, book)
        raise
    except raw_errors as raised:
        _raise_translated(raised, book)
        raise


def _raise_translated(raised: BaseException, book: str) -> None:
    fault = _sqlite_fault(raised) if isinstance(raised, sqlite3.Error) else _postgresql_fault(raised)
    if fault is not None:
        detail = str(raised).strip().partition("\n")[0]
        raise fault.error(f"{book} {fault.what} ({detail})", mend=fault.mend) from raised


def _sqlite_fault(raised: sqlite3.Error) -> Fault | None:
    name = getattr(raised, "sqlite_errorname", "")  # absent where the module, not the library, complains
    return next((fault for begin, fault in _SQLITE_FAULTS.items() if name.startswith(begin)), None)


def _postgresql_fault(raised: BaseException) -> Fault | None:
    state: str | None = getattr(raised, "sqlstate", None)
    if state is None:
        return _UNREACHABLE if type(raised).__name__ == "OperationalError" else None
    return next((fault for begin, fault in _POSTGRESQL_FAULTS.items() if state.startswith(begin)), None)
