"""What every command shares: the options before it, the terminal, and how results, progress and complaints are printed."""

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import click

from ledger.book import Book, Progress, Selection, Silent
from ledger.domain.amount import AssetCode, asset_code
from ledger.domain.errors import InputError, NumberRefused
from ledger.domain.finding import Finding, Severity

FAULTS_SHOWN = 20
FINDINGS_SHOWN = 10
_CAUSE = "sync-unfinished"  # told before all else: what other findings miss may only not have come yet
YEAR_MIN, YEAR_MAX = 1900, 9998  # beyond lies a typing error, and no room to convert between time zones


@dataclass(slots=True)
class Session:
    """The options before the command. Results go to standard output, all else to standard error."""

    folder: str | None = None
    verbosity: int = 0
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    @property
    def quiet(self) -> bool:
        """Only results and errors are wanted."""
        return self.verbosity < 0

    def book(self) -> Book:
        """Open the book that the options and the current folder name."""
        return Book.find(self.folder, environment=self.environment)

    def say(self, text: str) -> None:
        """Tell a person something that is no result."""
        if not self.quiet:
            click.echo(text, err=True)

    def complain(self, text: str) -> None:
        """Tell a person why the command fails; `-q` does not hide it."""
        click.echo(text, err=True)

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Draw progress while the block runs, on a terminal only."""
        if self.quiet or not sys.stderr.isatty():
            yield Silent()
            return
        from ledger.cli.terminal.bars import Bars  # noqa: PLC0415  # draws with a library that takes long to load

        bars = Bars()
        with bars.drawn:
            yield bars

    def start_log(self) -> None:
        """Send log lines to standard error at the level asked for."""
        level = {-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO}.get(self.verbosity, logging.DEBUG)
        logging.basicConfig(level=level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True)


pass_session = click.make_pass_decorator(Session, ensure=True)


def check_year(year: int, found: str) -> None:
    """Refuse a year in which no day can be meant; `found` says which option holds what.

    Raises:
        InputError: for a year outside of `YEAR_MIN` to `YEAR_MAX`.
    """
    if not YEAR_MIN <= year <= YEAR_MAX:
        raise InputError(found, mend=f"use a year from {YEAR_MIN} to {YEAR_MAX}")


def asset_asked(text: str | None) -> AssetCode | None:
    """Return the asset of an option.

    Raises:
        InputError: when the text is no asset code; for lower case it names the code that may be meant.
    """
    return None if text is None else code_asked(text, "--asset")


def code_asked(text: str, where: str) -> AssetCode:
    """Return the asset code that an option or argument holds; `where` names it.

    Raises:
        InputError: as `asset_asked`.
    """
    try:
        return asset_code(text)
    except NumberRefused as refused:
        raise InputError(f"{where}: {refused.message}", mend=_asset_meant(text)) from refused


def _asset_meant(text: str) -> str:
    try:
        return f"did you mean {asset_code(text.upper())}?"
    except NumberRefused:
        return "write the code as the venue does, like BTC"


def print_strange_names(session: Session, book: Book, selection: Selection) -> None:
    """Say on standard error which names of a selection the book has never seen."""
    for line in book.strange_names(selection):
        session.say(line)


def print_findings(session: Session, findings: tuple[Finding, ...], *, everything: bool = False) -> None:
    """Print findings to standard error, errors first; the first ten unless all are asked for. `-q` leaves the errors."""
    wanted = [finding for finding in findings if finding.severity is Severity.ERROR or not session.quiet]
    wanted.sort(key=lambda finding: finding.code != _CAUSE)
    shown = wanted if everything else wanted[:FINDINGS_SHOWN]
    for finding in shown:
        session.complain(f"{finding.severity}: {finding.code}: {finding.message}\n  mend: {finding.mend}")
    if len(shown) < len(wanted):
        session.complain(f"... and {len(wanted) - len(shown)} more: see `lotwright check`")


def findings_code(findings: tuple[Finding, ...]) -> int:
    """Return the contract's exit code of a command that ended with these findings."""
    return 1 if any(finding.severity is Severity.ERROR for finding in findings) else 0


def complaint(error: Exception, *, all_faults: bool) -> str:
    """Return what to print of an error: what, where, how to mend, and the bad rows of a file."""
    lines = [f"lotwright: {error}"]
    if isinstance(error, InputError) and error.faults:
        shown = error.faults if all_faults else error.faults[:FAULTS_SHOWN]
        lines += [f"  {fault}" for fault in shown]
        if len(shown) < len(error.faults):
            lines.append(f"  ... and {len(error.faults) - len(shown)} more; show them with --all")
    return "\n".join(lines)
