"""Connections: adding, removing and trying them."""

import os
import time
from collections.abc import Mapping, Sequence

from ledger import config, plugins
from ledger.book.core import BookCore
from ledger.config import SHARE_DEFAULT, ConnectionSettings
from ledger.domain.errors import TransientError
from ledger.domain.ids import AccountId, BotId, VenueName, WalletId
from ledger.pipeline.nightly import origin_of_run
from ledger.pipeline.opening import closures_of, opened, secrets_of
from ledger.pipeline.proof.keys import note_key, origin_of_key
from ledger.pipeline.unverified import unverified_accounts
from ledger.ports import KeyReport

CHECK_SECONDS_MAX = 10.0  # a person waits for the answer


class Connections(BookCore):
    """What a book does with its API keys."""

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
        symbols: Sequence[str] = (),
        options: Mapping[str, str] | None = None,
    ) -> None:
        """Write a connection into the settings; `secrets` is a reference such as ``env:PREFIX``, never a value.

        Raises:
            InputError: when the name is taken, the venue has no connector, or a value is impossible.
            BookBusy: when another run holds the book.
        """
        factory = plugins.connector(venue)
        plugins.check_options(factory, options or {}, where=f"connection {name}")
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
            tier=plugins.tier_of(factory, tier, where=f"connection {name}"),
            symbols=tuple(symbols),
            options=options or {},
        )
        with self.store.hold():
            self.settings = config.add_connection(config.load_settings(self.settings.folder), connection)

    def remove_connection(self, name: str) -> None:
        """Take a connection out of the settings; what it brought stays in the book."""
        with self.store.hold():
            self.settings = config.remove_connection(config.load_settings(self.settings.folder), name)
            with self.store.write() as writer:
                for origin in (origin_of_key(name), origin_of_run(name)):
                    writer.replace_findings(origin, [], self._now())

    def check_connection(self, name: str, *, allow_withdraw: bool = False, environment: Mapping[str, str] = os.environ) -> KeyReport:
        """Sign one harmless call and return what the venue told of the key, within `CHECK_SECONDS_MAX`.

        The book keeps it: later syncs are compared with it. With `allow_withdraw` they use the key although it can withdraw.

        Raises:
            KeyRefused, TransientError, InputError: as the venue and the settings have it.
            BookBusy: when another run holds the book.
        """
        report = self._asked(name, environment)
        with self.store.hold():
            note_key(self.store, report, name, now=self._now(), allows_withdraw=allow_withdraw)
        return report

    def _asked(self, name: str, environment: Mapping[str, str]) -> KeyReport:
        settings, closures = self.settings.connection(name), closures_of(self.settings.folder)
        if seconds := closures.seconds_left(settings.venue, settings.base_url):
            raise TransientError(
                f"{settings.venue} asked us to stay away, for {seconds:.0f} s more",
                mend="ask again after that time: each call before it makes it longer",
                retry_after_seconds=seconds,
            )
        deadline = time.monotonic() + CHECK_SECONDS_MAX
        secrets = secrets_of(settings, folder=self.settings.folder, environment=environment)
        connector = opened(settings, plugins.connector(settings.venue), secrets, folder=self.settings.folder, deadline=deadline)
        try:
            return connector.check_key()
        except TransientError as failure:
            if failure.retry_after_seconds:
                closures.close(settings.venue, settings.base_url, seconds=failure.retry_after_seconds)
            raise TransientError(
                f"{name} gave no good answer within {CHECK_SECONDS_MAX:g} seconds: {failure.message}",
                mend="is base_url right, and the network up? If so, ask again later",
            ) from failure
        finally:
            connector.close()

    def unverified(self) -> tuple[str, ...]:
        """Return the accounts whose history nobody vouches for, sorted."""
        with self.store.read() as reader:
            return unverified_accounts(reader)
