"""Where results go: standard output, whose faults are the world's and not ours, and the file of `-o`."""

import io
import os
import shutil
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from stat import S_ISREG
from tempfile import TemporaryFile, gettempdir, mkstemp
from typing import IO, TYPE_CHECKING

import click

from ledger.domain.errors import InputError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_PLACE_MISSING = (FileNotFoundError, NotADirectoryError, PermissionError)


class ReaderGone(Exception):  # no error: whoever read our output has read enough (`| head`)
    """Standard output leads nowhere any more."""


class _StandardOutput(io.FileIO):
    """Standard output that says so when it fails; what is written afterwards, also at exit, goes nowhere."""

    def write(self, content: "ReadableBuffer", /) -> int:
        """Write, as any file does.

        Raises:
            ReaderGone: when nobody reads any more.
            InputError: for any other failure of the system.
        """
        try:
            return super().write(content)
        except OSError as failure:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
            if isinstance(failure, BrokenPipeError):
                raise ReaderGone from failure
            raise InputError(f"cannot write standard output: {failure.strerror}", mend="free some room, or send it elsewhere") from failure


def check_standard_output() -> None:
    """Refuse to work for a result that nobody can receive, on a descriptor that the next file to be opened would get.

    Raises:
        InputError: when standard output is closed.
    """
    if sys.stdout is None:
        raise InputError("standard output is closed", mend="send it to /dev/null if it is not wanted")


def guard_standard_output() -> None:
    """Let failures of standard output be told from all others; for the process of a command, once."""
    plain = sys.stdout
    if plain is not None:
        raw = _StandardOutput(plain.fileno(), "wb", closefd=False)
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(raw), encoding=plain.encoding, errors=plain.errors, line_buffering=plain.isatty())


def print_columns(rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows as aligned columns, two spaces apart."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@contextmanager
def opened(output: Path | None, *, binary: bool, own: Collection[Path]) -> Iterator[IO[bytes]]:
    """Give a stream to write a result to: standard output (None), a file, or what stands in its place.

    A file is for the owner only and appears whole or not at all. A link stays, and what it leads to is replaced. What is no
    file (a device, a pipe) is written into. `binary` formats go back in what they have written: a stream gets the finished bytes.
    `own` are the book's own files, which are not replaced.

    Raises:
        InputError: when it cannot be written, or is one of the book's own files.
    """
    if output is None:
        with _finished(sys.stdout.buffer) if binary else nullcontext(sys.stdout.buffer) as target:
            yield target
        return
    try:
        if _is_stream(output):
            with output.open("wb") as stream, _finished(stream) if binary else nullcontext(stream) as target:
                yield target
        else:
            path = output.resolve()
            if path in own:
                raise InputError(f"{output} is one of the book's own files", mend="choose another name for the result")
            with _replacement(path) as target:
                yield target
    except OSError as error:
        mend = "choose a folder that you may write to" if isinstance(error, _PLACE_MISSING) else "free some room, or choose another folder"
        raise InputError(f"cannot write {output}: {error.strerror}", mend=mend) from error


def _is_stream(output: Path) -> bool:
    try:
        return not S_ISREG(output.stat().st_mode)
    except FileNotFoundError:
        return False


@contextmanager
def _finished(stream: IO[bytes]) -> Iterator[IO[bytes]]:
    """Give a temporary file, and copy it to the stream when it is whole."""
    with TemporaryFile() as whole:
        try:
            yield whole
            whole.seek(0)
        except OSError as error:
            place = gettempdir()
            raise InputError(f"cannot write by way of {place}: {error.strerror}", mend="free some room there, or set TMPDIR") from error
        shutil.copyfileobj(whole, stream)


@contextmanager
def _replacement(path: Path) -> Iterator[IO[bytes]]:
    """Give a new file, and rename it over the old one when it is whole."""
    handle, name = mkstemp(dir=path.parent, prefix=".lotwright-", suffix=".new")
    try:
        with os.fdopen(handle, "w+b") as target:
            yield target
        Path(name).replace(path)
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()
