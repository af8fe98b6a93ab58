"""An open book, and how it is made, found, opened and closed."""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from ledger import config, plugins
from ledger.config import BookSettings
from ledger.domain.amount import AssetCode
from ledger.domain.errors import InputError
from ledger.pipeline.interpret import HeldEvents
from ledger.pipeline.match import MatchResult, Rebuild, is_current
from ledger.pipeline.periods.derive import derive_book, derive_into
from ledger.pipeline.progress import Progress, Silent
from ledger.pipeline.terms import terms_of
from ledger.storage.store import Store, Writer

SILENT = Silent()
FIRST_VALUES: Mapping[str, str] = {
    "database": "sqlite:///book.sqlite3",
    "currency": "USD",
    "time_zone": "UTC",
    "regime": "us",
    "method": "fifo",
    "scope": "wallet",
}


def utc_now() -> datetime:
    """Return our clock's instant, in UTC."""
    return datetime.now(UTC)


class BookCore:
    """An open book: settings, store, regime and clock; makes lots current. What a book can do stands in the classes above it."""

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
            BookError: when the database cannot be made or holds a book already. No settings and no new folder stay behind then.
        """
        regime = plugins.tax_regime(values.get("regime", FIRST_VALUES["regime"]))
        with ExitStack() as undo:
            undo.callback(_remove_empty, [one for one in (folder, *folder.parents) if not one.exists()])
            settings = config.write_first_settings(folder, {**FIRST_VALUES, **regime.first_values, **values})
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

    def files(self) -> frozenset[Path]:
        """Return the files that the book lives on, which no result may replace: settings, database, secrets. Links are followed."""
        folder = self.settings.folder
        secrets = [config.secrets_file(one, folder=folder) for one in self.settings.connections]
        own = (folder / config.SETTINGS_NAME, *self.store.files, *filter(None, secrets))
        return frozenset(path.resolve() for path in own)

    def close(self) -> None:
        """Close the database."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _derive(self, progress: Progress, rebuild: Rebuild = Rebuild.CHANGED) -> None:
        derive_book(self.store, self.settings, self.regime, now=self._now, progress=progress, rebuild=rebuild)

    def _derived(
        self, writer: Writer, progress: Progress, held: HeldEvents | None = None, *, touched: Collection[AssetCode] = ()
    ) -> MatchResult:
        return derive_into(writer, self.settings, self.regime, now=self._now(), progress=progress, held=held, touched=touched)

    def _refresh(self) -> None:
        """Match anew when settings changed, or when a run was killed between booking and matching."""
        with self.store.read() as reader:
            current = is_current(reader, self.settings, self.regime)
        if not current:
            with self.store.hold():
                self._derive(SILENT)


def _remove_empty(folders: Sequence[Path]) -> None:
    with suppress(OSError):  # not made after all, or no longer empty
        for folder in folders:
            folder.rmdir()


def _check_currency(settings: BookSettings, store: Store) -> None:
    """Refuse another currency: the values that files told are in the one in which the book was made."""
    with store.read() as reader:
        currency = reader.currency()
    if currency != settings.currency:
        raise InputError(
            f"{settings.folder / config.SETTINGS_NAME}: book.currency is {settings.currency}, the book was made in {currency}",
            mend="set it back; for another currency make a new book",
        )
