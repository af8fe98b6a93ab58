"""Bots: taking in their databases, and what the book has of them."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from ledger import config
from ledger.book.core import SILENT, BookCore
from ledger.domain.ids import AccountId, BotId
from ledger.pipeline.bots.attribution import Attribution
from ledger.pipeline.bots.databases import BotDatabaseOutcome, BotDatabaseTerms, orders_told, take_in, waiting_orders


class Bots(BookCore):
    """What a book knows of bots."""

    def import_bots(self, paths: Sequence[Path], *, account: str, bot: str | None = None) -> tuple[BotDatabaseOutcome, ...]:
        """Take in databases of bots, all or none: whose the orders of an account are. `bot` names the bot of all of them.

        Orders that the book does not know yet wait until their events come.

        Raises:
            InputError: for a file that is no bot's database, or names an impossible bot.
        """
        terms = BotDatabaseTerms(
            account=AccountId(config.check_name(account, what="the account")),
            bot=BotId(config.check_name(bot, what="the bot")) if bot is not None else None,
            recorded_at=self._now(),
        )
        attribution = Attribution.of_book(self.settings)
        with self.store.hold(), self.store.write() as writer:
            found = [take_in(writer, path, terms, attribution) for path in paths]
            touched = {asset for _, assets in found for asset in assets}
            self._derived(writer, SILENT, touched=touched)
        return tuple(outcome for outcome, _ in found)

    def bot_databases(self) -> tuple[tuple[str, str, AccountId, BotId, int], ...]:
        """Return (file's name, format, account, bot, its orders) of the databases taken in."""
        with self.store.read() as reader:
            return tuple(orders_told(reader))

    def waiting_orders(self, limit: int) -> tuple[tuple[AccountId, str, BotId], ...]:
        """Return account, order or fill, and bot of what databases tell and no event of the book has: at most `limit`."""
        with self.store.read() as reader:
            return tuple((one.account, one.subject, one.bot) for one in islice(waiting_orders(reader), limit))
