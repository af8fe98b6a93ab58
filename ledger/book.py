"""The Python face: open a book and use the verbs of the pipeline as methods. The command line does no more than this.

``with Book.open(Path("my-book")) as book:`` gives a book; ``book.import_files([Path("fills.csv")], account="main")`` takes
in a file; ``book.frame("gains", Selection(period=book.period_of(2025)))`` gives a year's gains as a data frame.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ledger import __version__, config, plugins
from ledger.config import BookSettings, ConnectionSettings
from ledger.domain.document import ReportDocument
from ledger.domain.errors import InputError, TransientError
from ledger.domain.finding import Finding
from ledger.domain.ids import AccountId, BotId, VenueName, WalletId
from ledger.domain.lot import Lot
from ledger.domain.period import Period
from ledger.journal.checks import Reconciliation
from ledger.pipeline.check import check_book
from ledger.pipeline.coverage import StreamCoverage, coverage_of
from ledger.pipeline.explain import Explanation, explain
from ledger.pipeline.import_files import FileImport, FileOutcome
from ledger.pipeline.interpret import Attribution
from ledger.pipeline.match import MatchResult, Rebuild, is_current, match_book, match_into
from ledger.pipeline.names import strange_names
from ledger.pipeline.nightly import ConnectionOutcome, Night, NightSummary
from ledger.pipeline.progress import Progress, Silent
from ledger.pipeline.report import BookInput, Selection
from ledger.pipeline.status import BookStatus, status_of
from ledger.pipeline.sync import reconciliation
from ledger.pipeline.terms import terms_of
from ledger.plugins import Plugin
from ledger.ports import ConnectionTerms, Exporter, FileTerms, KeyReport, PullWindow
from ledger.storage.store import Store, Writer

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "FIRST_VALUES",
    "SHARE_DEFAULT",
    "Book",
    "BookStatus",
    "ConnectionOutcome",
    "ConnectionSettings",
    "Explanation",
    "FileOutcome",
    "NightSummary",
    "Plugin",
    "Progress",
    "Reconciliation",
    "Selection",
    "Silent",
    "StreamCoverage",
    "exporter",
    "exporter_names",
    "plugins_installed",
    "report_titles",
]

SHARE_DEFAULT = config.SHARE_DEFAULT
CHECK_SECONDS_MAX = 10.0  # a person waits for the answer
EVERYTHING = Selection()
SILENT = Silent()


def utc_now() -> datetime:
    """Return our clock's instant, in UTC."""
    return datetime.now(UTC)


class Book:
    """One taxpayer's ledger; a context manager, or `close` it.

    Methods that write hold the book while they do and raise `BookBusy` when another run holds it.
    """

    def __init__(self, settings: BookSettings, store: Store, *, now: Callable[[], datetime] = utc_now) -> None:
        self.settings = settings
        self.store = store
        self.regime = plugins.tax_regime(settings.regime)
        self._now = now

    @classmethod
    def create(cls, folder: Path, **values: str) -> Self:
        """Write the settings of a new book and create its database at the newest schema.

        `values` may name database, currency, time_zone, regime, method and scope; the rest is as the regime begins, else as in
        `FIRST_VALUES`.

        Raises:
            InputError: when a value is impossible or the folder holds a book already.
            BookError: when the database cannot be made or holds a book already. No settings stay behind then.
        """
        regime = plugins.tax_regime(values.get("regime", FIRST_VALUES["regime"]))
        settings = config.write_first_settings(folder, {**FIRST_VALUES, **regime.first_values, **values})
        with ExitStack() as undo:
            undo.callback((folder / config.SETTINGS_NAME).unlink)
            regime.rule(terms_of(settings))
            book = cls(settings, Store.create(settings.database, recorded_at=utc_now(), currency=settings.currency))
            undo.pop_all()
        return book

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the book in a folder.

        Raises:
            InputError: for settings that cannot be used, another currency than the book was made in among them.
            BookError: when there is no database, or a newer Lotwright wrote it.
        """
        settings = config.load_settings(folder)
        plugins.tax_regime(settings.regime).rule(terms_of(settings))
        store = Store.open(settings.database)
        with ExitStack() as undo:
            undo.callback(store.close)
            _check_currency(settings, store)
            undo.pop_all()
        return cls(settings, store)

    @classmethod
    def find(cls, folder: str | None = None, *, environment: Mapping[str, str] = os.environ) -> Self:
        """Open the book that an option, ``LOTWRIGHT_BOOK`` or the current folder names."""
        return cls.open(config.find_book(folder, environment=environment, here=Path.cwd()))

    def close(self) -> None:
        """Close the database."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # --- taking in -------------------------------------------------------------------------------------------------

    def sync(
        self,
        names: Sequence[str] = (),
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        budget_seconds: float | None = None,
        environment: Mapping[str, str] = os.environ,
        progress: Progress = SILENT,
    ) -> NightSummary:
        """Pull what is new from the named connections (none named: all), book it, price it and match lots.

        `since` (included) and `until` (excluded) narrow what is asked for.

        Raises:
            InputError: for an unknown connection, or one whose secrets or venue are not there; nothing is pulled then.
        """
        connections = [self.settings.connection(name) for name in dict.fromkeys(names)]
        connections = connections or [one for one in self.settings.connections if one.secrets]
        if not connections:
            raise InputError(
                "this book has no connection with secrets", mend="add one: lotwright connect add NAME --venue VENUE --secrets env:PREFIX"
            )
        night = Night(
            store=self.store,
            settings=self.settings,
            regime=self.regime,
            factory_of=plugins.connector,
            environment=environment,
            window=PullWindow(since=since, until=until),
            budget_seconds=budget_seconds,
            now=self._now,
            progress=progress,
        )
        with self.store.hold():
            return night.run(connections)

    def import_files(
        self,
        paths: Sequence[Path],
        *,
        account: str | None = None,
        bot: str | None = None,
        format_name: str | None = None,
        dry_run: bool = False,
        progress: Progress = SILENT,
    ) -> tuple[FileOutcome, ...]:
        """Import files, all of them or none, and match lots; `dry_run` tells what would come of it and stores nothing.

        Raises:
            InputError: for any fault in any file; `faults` lists the bad rows.
        """
        files = FileImport(
            store=self.store,
            formats=plugins.file_formats(),
            terms=FileTerms(
                account=AccountId(config.check_name(account, what="the account")) if account is not None else None,
                bot=BotId(config.check_name(bot, what="the bot")) if bot is not None else None,
                zone=self.settings.zone,
            ),
            attribution=Attribution.of_book(self.settings),
            recorded_at=self._now(),
            progress=progress,
            format_name=format_name,
        )
        with self.store.hold():
            return files.run(paths, lambda writer: self._derived(writer, progress), dry_run=dry_run)

    def rebuild(self, *, progress: Progress = SILENT) -> None:
        """Match all lots anew from the journal; the result is the same unless the settings or the program changed."""
        with self.store.hold():
            self._derive(progress, Rebuild.ALL)

    def _derive(self, progress: Progress, rebuild: Rebuild = Rebuild.CHANGED) -> None:
        match_book(self.store, self.settings, self.regime, now=self._now, progress=progress, rebuild=rebuild)

    def _derived(self, writer: Writer, progress: Progress) -> MatchResult:
        return match_into(writer, self.settings, self.regime, now=self._now(), progress=progress)

    # --- connections -----------------------------------------------------------------------------------------------

    def add_connection(
        self,
        name: str,
        *,
        venue: str,
        bot: str | None = None,
        wallet: str | None = None,
        secrets: str | None = None,
        base_url: str | None = None,
        share: float = SHARE_DEFAULT,
        tier: str = "",
    ) -> None:
        """Write a connection into the settings; `secrets` is a reference such as ``env:PREFIX``, never a value.

        Raises:
            InputError: when the name is taken, the venue has no connector, or a value is impossible.
            BookBusy: when another run holds the book.
        """
        plugins.connector(venue)
        if secrets is not None:
            config.check_reference(secrets, where="the secrets reference")
        connection = ConnectionSettings(
            name=AccountId(config.check_name(name, what="the connection's name")),
            venue=VenueName(venue),
            bot=BotId(config.check_name(bot, what="the bot")) if bot is not None else None,
            wallet=WalletId(config.check_name(wallet, what="the wallet")) if wallet is not None else None,
            secrets=secrets,
            share=share,
            base_url=base_url,
            tier=tier,
        )
        with self.store.hold():
            self.settings = config.add_connection(config.load_settings(self.settings.folder), connection)

    def remove_connection(self, name: str) -> None:
        """Take a connection out of the settings; what it brought stays in the book."""
        with self.store.hold():
            self.settings = config.remove_connection(config.load_settings(self.settings.folder), name)

    def check_connection(self, name: str, *, environment: Mapping[str, str] = os.environ) -> KeyReport:
        """Sign one harmless call and return what the venue told of the key, within `CHECK_SECONDS_MAX`.

        Raises:
            KeyRefused, TransientError, InputError: as the venue and the settings have it.
        """
        settings = self.settings.connection(name)
        terms = ConnectionTerms(
            account=settings.name,
            secrets=config.resolve_secrets(settings, folder=self.settings.folder, environment=environment),
            share=settings.share,
            base_url=settings.base_url,
            deadline=time.monotonic() + CHECK_SECONDS_MAX,
            tier=settings.tier,
            folder=self.settings.folder,
        )
        connector = plugins.connector(settings.venue)(terms)
        try:
            return connector.check_key()
        except TransientError as failure:
            raise TransientError(
                f"{name} gave no good answer within {CHECK_SECONDS_MAX:g} seconds: {failure.message}",
                mend="is base_url right, and the network up? If so, ask again later",
            ) from failure
        finally:
            connector.close()

    # --- looking ---------------------------------------------------------------------------------------------------

    def status(self) -> BookStatus:
        """Return what is in the book."""
        with self.store.read() as reader:
            return status_of(reader, self.settings)

    def coverage(self) -> tuple[StreamCoverage, ...]:
        """Return what was pulled of each stream."""
        with self.store.read() as reader:
            return coverage_of(reader)

    def reconcile(self) -> Reconciliation:
        """Compare the book's balances with the newest that the venues told."""
        with self.store.read() as reader:
            return reconciliation(reader)

    def check(self, *, progress: Progress = SILENT) -> tuple[Finding, ...]:
        """Run every invariant and return all open findings."""
        self._refresh()
        with self.store.hold():
            return check_book(self.store, self.settings, self.regime, now=self._now, progress=progress)

    def strange_names(self, selection: Selection) -> tuple[str, ...]:
        """Return a line for each bot, asset or account of a selection that the book has never seen: likely a typing error."""
        with self.store.read() as reader:
            return strange_names(reader, self.settings, selection)

    def findings(self) -> tuple[Finding, ...]:
        """Return the open findings by severity, code and subject."""
        with self.store.read() as reader:
            return tuple(finding for _, finding in reader.findings())

    def explain(self, ident: str) -> tuple[Explanation, ...]:
        """Return the chain from a disposal, lot, entry or event down to the bytes received."""
        with self.store.read() as reader:
            return explain(reader, ident)

    def period_of(self, year: int) -> Period:
        """Return the days of a tax year, named by the calendar year in which it begins."""
        return self.regime.period_of(year, terms_of(self.settings))

    def lots(self) -> tuple[Lot, ...]:
        """Return the open lots by asset, wallet and acquisition."""
        self._refresh()
        with self.store.read() as reader:
            return tuple(reader.lots())

    # --- reports ---------------------------------------------------------------------------------------------------

    @contextmanager
    def report(self, name: str, selection: Selection = EVERYTHING) -> Iterator[ReportDocument]:
        """Yield a report over one snapshot of the book; its rows can be read until the block ends.

        Raises:
            InputError: when no report of that name is installed.
        """
        generator = plugins.report(name)
        self._refresh()
        with self.store.read() as reader:
            source = BookInput(reader=reader, settings=self.settings, regime=self.regime, selection=selection, version=__version__)
            yield generator.document(source)

    def frame(self, name: str, selection: Selection = EVERYTHING) -> "pd.DataFrame":
        """Return a report's main table as a data frame; money and quantities stay exact (`Decimal` objects)."""
        import pandas as pd  # noqa: PLC0415  # takes half a second to load, which no command should pay

        with self.report(name, selection) as document:
            table = document.tables[0]
            return pd.DataFrame.from_records(list(table.rows()), columns=[column.name for column in table.columns])

    def _refresh(self) -> None:
        """Match anew when settings changed, or when a run was killed between booking and matching."""
        with self.store.read() as reader:
            current = is_current(reader, self.settings, self.regime)
        if not current:
            with self.store.hold():
                self._derive(SILENT)


def _check_currency(settings: BookSettings, store: Store) -> None:
    """Refuse another currency: the values that files told are in the one in which the book was made."""
    with store.read() as reader:
        currency = reader.currency()
    if currency != settings.currency:
        raise InputError(
            f"{settings.folder / config.SETTINGS_NAME}: book.currency is {settings.currency}, the book was made in {currency}",
            mend="set it back; for another currency make a new book",
        )


def plugins_installed() -> tuple[Plugin, ...]:
    """Return what is installed, from which distribution."""
    return plugins.installed()


def report_titles() -> dict[str, str]:
    """Return the title of every installed report by its name, sorted."""
    return {name: plugins.report(name).title for name in plugins.names("lotwright.reports")}


def exporter_names() -> tuple[str, ...]:
    """Return the names of the installed file formats for reports, sorted."""
    return plugins.names("lotwright.exporters")


def exporter(name: str) -> Exporter:
    """Return what writes a report in a format; InputError when there is none of that name."""
    return plugins.exporter(name)


FIRST_VALUES: Mapping[str, str] = {
    "database": "sqlite:///book.sqlite3",
    "currency": "USD",
    "time_zone": "UTC",
    "regime": "us",
    "method": "fifo",
    "scope": "wallet",
}
