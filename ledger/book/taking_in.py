"""Taking in: sync, import, and matching all anew."""

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from ledger import config, plugins
from ledger.book.core import SILENT, BookCore
from ledger.domain.errors import InputError
from ledger.domain.ids import AccountId, BotId
from ledger.pipeline.bots.attribution import Attribution
from ledger.pipeline.explain_file import FileExplanation, explain_file
from ledger.pipeline.import_files import FileImport, FileOutcome
from ledger.pipeline.match import Rebuild
from ledger.pipeline.nightly import Night, NightSummary
from ledger.pipeline.progress import Progress
from ledger.pipeline.proof.replay import Changes, Replay
from ledger.ports import FileTerms, PullWindow


class TakingIn(BookCore):
    """What brings something into a book."""

    def sync(
        self,
        names: Sequence[str] = (),
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        budget_seconds: float | None = None,
        again: bool = False,
        environment: Mapping[str, str] = os.environ,
        progress: Progress = SILENT,
    ) -> NightSummary:
        """Pull what is new from the named connections (none named: all), book it, price it and match lots.

        `since` (included) and `until` (excluded) narrow what is asked for. `again` walks every history anew from its newest row,
        which fills holes that the venue can still fill.

        Raises:
            InputError: for an unknown connection, one whose secrets or venue are not there, or no time at all; nothing is pulled then.
        """
        if budget_seconds is not None and not budget_seconds > 0:  # also what is no number
            raise InputError(f"the time budget is {budget_seconds:g} seconds", mend="give a number above 0")
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
            again=again,
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
            price_files=plugins.price_files(),
        )
        with self.store.hold():
            return files.run(paths, lambda writer, held: self._derived(writer, progress, held), dry_run=dry_run)

    def explain_file(self, path: Path) -> FileExplanation:
        """Return what a file seems to be, with a sample that holds no values; nothing is stored.

        Raises:
            InputError: when it cannot be read as a table.
        """
        return explain_file(path, plugins.file_formats())

    def rebuild(self, *, progress: Progress = SILENT) -> Changes:
        """Interpret all payloads again, take in what is read differently now as revisions, and match all lots anew.

        Returns what changed: nothing, unless the program or the settings did. Gone events are told and stay booked.
        """
        with self.store.hold():
            changes = self._replay(progress).run(take_in=True)
            self._derive(progress, Rebuild.ALL)
        return changes

    def rebuild_diff(self, *, progress: Progress = SILENT) -> Changes:
        """Return what `rebuild` would change, and change nothing."""
        return self._replay(progress).run(take_in=False)

    def _replay(self, progress: Progress) -> Replay:
        return Replay(
            store=self.store,
            interpreter_of=plugins.interpreter,
            venues=plugins.names("lotwright.connectors"),
            formats=plugins.file_formats(),
            terms=FileTerms(account=None, bot=None, zone=self.settings.zone),
            attribution=Attribution.of_book(self.settings),
            recorded_at=self._now(),
            progress=progress,
        )
