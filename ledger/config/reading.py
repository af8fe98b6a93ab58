"""Finding a book's settings and reading them; every complaint names the file and the key."""

import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from ledger.config.secrets import check_reference
from ledger.config.values import (
    SETTINGS_NAME,
    SHARE_DEFAULT,
    BookSettings,
    BotRule,
    ConnectionSettings,
    Custody,
    MissingBasis,
    check_name,
)
from ledger.domain.amount import FIAT, AssetCode, decimal_of, text_of
from ledger.domain.election import PickOrder
from ledger.domain.errors import InputError, NumberRefused, nearest
from ledger.domain.ids import AccountId, BotId, VenueName, WalletId
from ledger.domain.law.option import LawOption
from ledger.domain.price import USUAL_PRICES, PricePolicy
from ledger.domain.time.period import YearStart, year_start_of
from ledger.domain.transfers.pairing import USUAL_LIMITS, PairingLimits

_WHOLE_MAX = 100_000
_SPAN_MAX = timedelta(days=366)
_PASSWORD = re.compile(r"[^:/]*:[^@]+@|[^?]*\?.*password=[^&]")  # in what follows ``://``, as SQLAlchemy parts it
_YEAR = re.compile(r"[0-9]{4}", re.ASCII)
_BOT_RULE_KEYS = ("client_order_id", "order_id", "account")


def find_book(explicit: str | None, *, environment: Mapping[str, str], here: Path) -> Path:
    """Return the folder of the book: the option, else ``LOTWRIGHT_BOOK``, else the nearest settings upward from `here`.

    Raises:
        InputError: when no such folder holds settings.
    """
    for source, named in (("--book", explicit), ("LOTWRIGHT_BOOK", environment.get("LOTWRIGHT_BOOK"))):
        if named:
            folder = Path(named).expanduser().resolve()
            if (folder / SETTINGS_NAME).is_file():
                return folder
            raise InputError(f"{source} names {folder}, which holds no {SETTINGS_NAME}", mend=f"make a book there: lotwright init {folder}")
    for folder in (here.resolve(), *here.resolve().parents):
        if (folder / SETTINGS_NAME).is_file():
            return folder
    raise InputError(
        f"no book here: no {SETTINGS_NAME} in {here} or above it",
        mend="make one with `lotwright init`, or name one with --book DIR or LOTWRIGHT_BOOK",
    )


def load_settings(folder: Path) -> BookSettings:
    """Read a book's settings.

    Raises:
        InputError: for unreadable TOML and for every unknown or impossible setting; the message names file and key.
    """
    path = folder / SETTINGS_NAME
    try:
        read = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}", mend="check the file and its rights") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is not valid TOML: {error}", mend="correct that line") from error
    return settings_of(path, read)


def settings_of(path: Path, read: dict[str, object]) -> BookSettings:
    """Return the settings that parsed TOML says; `path` is where it stands.

    Raises:
        InputError: for every unknown or impossible setting.
    """
    return _Reader(path).settings(read)


class _Reader:
    """Turns parsed TOML into settings; every complaint names the file and the key."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def settings(self, read: dict[str, object]) -> BookSettings:
        self._only(read, "", ("book", "transfers", "connections", "bots", "law", "prices"))
        book = self._table(read, "book")
        self._only(book, "book", ("database", "currency", "time_zone", "regime", "method", "scope", "year_start", "missing_basis"))
        connections = self._table(read, "connections")
        return BookSettings(
            folder=self.path.parent,
            database=self._database(self._text(book, "book", "database", "sqlite:///book.sqlite3")),
            currency=self._currency(self._text(book, "book", "currency", "USD")),
            time_zone=self._zone(self._text(book, "book", "time_zone", "UTC")),
            regime=self._text(book, "book", "regime", "us"),
            method=self._text(book, "book", "method", "fifo"),
            scope=self._text(book, "book", "scope", "wallet"),
            missing_basis=self._missing_basis(self._text(book, "book", "missing_basis", MissingBasis.ZERO.value)),
            year_start=self._year_start(self._text(book, "book", "year_start", "")),
            transfers=self._transfers(self._table(read, "transfers")),
            connections=self._agreeing(
                tuple(self._connection(name, self._table(connections, name, "connections.")) for name in connections)
            ),
            bots=tuple(self._bot(number, one) for number, one in enumerate(self._list(read, "bots"), start=1)),
            prices=self._prices(self._table(read, "prices")),
            law={name: self._law_option(f"law.{name}", option) for name, option in self._table(read, "law").items()},
        )

    def _prices(self, table: dict[str, object]) -> PricePolicy:
        self._only(table, "prices", ("gap_minutes", "gap_days", "sources", "stablecoins"))
        usual = USUAL_PRICES
        sources = self._list(table, "sources", where="prices.sources") or list(usual.sources)
        stablecoins = self._text(table, "prices", "stablecoins", "market")
        if stablecoins not in ("market", "par"):
            raise self._wrong("prices.stablecoins", f"is {stablecoins!r}", 'write "market" (a price like any other) or "par" (their money)')
        return PricePolicy(
            gap=timedelta(minutes=self._whole(table, "prices", "gap_minutes", usual.gap // timedelta(minutes=1))),
            gap_fiat=timedelta(days=self._whole(table, "prices", "gap_days", usual.gap_fiat.days)),
            sources=tuple(self._source(source) for source in sources),
            at_par=stablecoins == "par",
        )

    def _source(self, name: object) -> str:
        if not isinstance(name, str) or not name:
            raise self._wrong(
                "prices.sources", f"has {name!r} in it", 'list names of sources, such as ["manual", "ecb"]; see `lotwright prices list`'
            )
        return name

    def _whole(self, table: dict[str, object], where: str, key: str, default: int) -> int:
        found = table.get(key, default)
        if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found <= _WHOLE_MAX:
            raise self._wrong(f"{where}.{key}", f"is {found!r}", f"use a whole number from 0 to {_WHOLE_MAX:,}")
        return found

    def _transfers(self, table: dict[str, object]) -> PairingLimits:
        usual, where = USUAL_LIMITS, "transfers"
        self._only(table, where, ("window_hours", "skew_minutes", "tolerance", "tolerance_share"))
        share = self._number(table, where, "tolerance_share", usual.tolerance_share)
        if share >= 1:
            raise self._wrong(f"{where}.tolerance_share", f"is {text_of(share)}", "use a part of what was sent, below 1, such as 0.005")
        return PairingLimits(
            window=self._span(table, where, "window_hours", timedelta(hours=1), usual.window),
            skew=self._span(table, where, "skew_minutes", timedelta(minutes=1), usual.skew),
            tolerance=self._number(table, where, "tolerance", usual.tolerance),
            tolerance_share=share,
        )

    def _span(self, table: dict[str, object], where: str, key: str, unit: timedelta, default: timedelta) -> timedelta:
        found = table.get(key)
        if found is None:
            return default
        if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found <= _SPAN_MAX // unit:
            raise self._wrong(f"{where}.{key}", f"is {found!r}", f"use a whole number from 0 to {_SPAN_MAX // unit}")
        return found * unit

    def _number(self, table: dict[str, object], where: str, key: str, default: Decimal) -> Decimal:
        """Read a number that is written as text: a number of TOML would lose digits."""
        text = self._text(table, where, key, text_of(default))
        try:
            number = decimal_of(text)
        except NumberRefused as error:
            raise self._wrong(f"{where}.{key}", f"is {text!r}", 'use a number in quotes, such as "0.005"') from error
        if number < 0:
            raise self._wrong(f"{where}.{key}", f"is {text!r}", "use 0 or more")
        return number

    def _connection(self, name: str, table: dict[str, object]) -> ConnectionSettings:
        where = f"connections.{name}"
        self._only(
            table,
            where,
            ("venue", "bot", "wallet", "secrets", "share", "base_url", "tier", "symbols", "options", "forms", "custody", "broker_method"),
        )
        options = self._table(table, "options", f"{where}.")
        secrets = table.get("secrets", "")
        if secrets != "":
            # What is no text is refused in the same words: it may hold a pasted key, and must not be repeated.
            check_reference(secrets if isinstance(secrets, str) else "", where=f"{self.path}: {where}.secrets")
        return ConnectionSettings(
            name=AccountId(check_name(name, what=f"{self.path}: the name of connection")),
            venue=VenueName(self._text(table, where, "venue", None)),
            bot=BotId(bot) if (bot := self._name(table, where, "bot", "")) else None,
            wallet=WalletId(wallet) if (wallet := self._name(table, where, "wallet", "")) else None,
            secrets=str(secrets) or None,
            share=self._share(table.get("share", SHARE_DEFAULT), where),
            base_url=self._base_url(table, where),
            tier=self._text(table, where, "tier", ""),
            symbols=self._texts(table, where, "symbols"),
            options={name: self._text(options, f"{where}.options", name, None) for name in options},
            forms=self._forms(self._table(table, "forms", f"{where}."), f"{where}.forms"),
            custody=self._custody(table, where),
            broker_method=self._broker_method(table, where),
        )

    def _forms(self, table: dict[str, object], where: str) -> dict[int, str]:
        for year in table:
            if not _YEAR.fullmatch(year):
                raise self._wrong(f"{where}.{year}", "is no year", 'write the year and the form, such as 2025 = "1099-da"')
        return {int(year): self._text(table, where, year, None) for year in table}

    def _law_option(self, where: str, option: object) -> LawOption:
        if isinstance(option, (bool, str)):
            return option
        if isinstance(option, list) and all(isinstance(one, str) for one in option):
            return tuple(option)
        if not isinstance(option, dict):
            raise self._wrong(where, f"is {option!r}", "write true or false, text in quotes, or a table or list of texts")
        return {key: self._text(option, where, key, None) for key in option}

    def _custody(self, table: dict[str, object], where: str) -> Custody:
        text = self._text(table, where, "custody", Custody.BROKER.value)
        if text not in list(Custody):
            raise self._wrong(f"{where}.custody", f"is {text!r}", "use broker or unhosted")
        return Custody(text)

    def _broker_method(self, table: dict[str, object], where: str) -> PickOrder | None:
        text = self._text(table, where, "broker_method", "")
        if text and text not in list(PickOrder):
            raise self._wrong(f"{where}.broker_method", f"is {text!r}", f"use one of {', '.join(PickOrder)}, or leave it out")
        if text and self._custody(table, where) is Custody.UNHOSTED:
            raise self._wrong(f"{where}.broker_method", f"is {text!r}, but custody is unhosted", "take one of the two out")
        return PickOrder(text) if text else None

    def _agreeing(self, connections: tuple[ConnectionSettings, ...]) -> tuple[ConnectionSettings, ...]:
        """Refuse connections of one wallet that say different things of who holds it."""
        first: dict[WalletId, ConnectionSettings] = {}
        for one in connections:
            other = first.setdefault(one.pool, one)
            if (one.custody, one.broker_method) != (other.custody, other.broker_method):
                found = f"differs in custody or broker_method from connections.{other.name}, of the same wallet {one.pool}"
                raise self._wrong(f"connections.{one.name}", found, "say the same of both, or give them wallets of their own")
        return connections

    def _base_url(self, table: dict[str, object], where: str) -> str | None:
        text = self._text(table, where, "base_url", "")
        if "@" in text:  # what stands before it is not repeated: it may be a password
            raise self._wrong(f"{where}.base_url", "names a user or a password", "give scheme and host only, as in https://example.com")
        return text or None

    def _bot(self, number: int, table: object) -> BotRule:
        where = f"bots #{number}"
        if not isinstance(table, dict):
            raise self._wrong(where, "is not a table", "write [[bots]] with name and client_order_id")
        portfolio = next((key for key in ("portfolio", "sub_account") if key in table), None)
        if portfolio:
            raise self._wrong(f"{where}.{portfolio}", "is told of no event", "a key sees one portfolio: name its connection with account")
        self._only(table, where, ("name", *_BOT_RULE_KEYS))
        if not any(table.get(key) for key in _BOT_RULE_KEYS):
            raise self._wrong(where, "says not which events are its own", f"add one of {', '.join(_BOT_RULE_KEYS)}")
        return BotRule(
            name=BotId(self._name(table, where, "name", None)),
            client_order_id=self._text(table, where, "client_order_id", "") or None,
            order_id=self._text(table, where, "order_id", "") or None,
            account=AccountId(account) if (account := self._name(table, where, "account", "")) else None,
        )

    def _database(self, url: str) -> str:
        if url.startswith("sqlite:///"):
            place, mark, options = url.removeprefix("sqlite:///").partition("?")
            path = (self.path.parent / Path(unquote(place)).expanduser()).resolve()
            # A folder may be called anything, and these two characters would end the path or stand for another one.
            return f"sqlite:///{str(path).replace('%', '%25').replace('?', '%3F')}{mark}{options}"
        if not url.startswith("postgresql"):
            kind = url.partition(":")[0]  # no more of it is repeated: there may be a password in it
            raise self._wrong("book.database", f"begins with {kind!r}", "use sqlite:///FILE or postgresql+psycopg://user@host/name")
        if _PASSWORD.match(url.partition("://")[2]):
            raise self._wrong("book.database", "holds a password", "take it out; use ~/.pgpass or the environment variable PGPASSWORD")
        return url

    def _currency(self, text: str) -> AssetCode:
        if text not in FIAT:
            raise self._wrong("book.currency", f"is {text!r}", nearest(text.upper(), sorted(FIAT)) or "use an ISO 4217 code such as USD")
        return AssetCode(text)

    def _zone(self, text: str) -> str:
        try:
            ZoneInfo(text)
        except (KeyError, ValueError, OSError) as error:
            raise self._wrong("book.time_zone", f"is {text!r}", "use an IANA name such as America/New_York or Europe/London") from error
        return text

    def _year_start(self, text: str) -> YearStart | None:
        start = year_start_of(text)
        if text and start is None:
            raise self._wrong("book.year_start", f"is {text!r}", "use month and day such as 07-01; it cannot be 02-29")
        return start

    def _missing_basis(self, text: str) -> MissingBasis:
        if text not in list(MissingBasis):
            raise self._wrong("book.missing_basis", f"is {text!r}", f"use {' or '.join(MissingBasis)}")
        return MissingBasis(text)

    def _share(self, share: object, where: str) -> float:
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share <= 1:
            raise self._wrong(f"{where}.share", f"is {share!r}", "use a number above 0 and at most 1, such as 0.5")
        return float(share)

    def _only(self, table: dict[str, object], where: str, known: tuple[str, ...]) -> None:
        for key in table:
            if key not in known:
                full = f"{where}.{key}" if where else key
                raise self._wrong(full, "is no setting", nearest(key, known) or f"known here: {', '.join(known)}")

    def _table(self, tables: dict[str, object], key: str, prefix: str = "") -> dict[str, object]:
        found = tables.get(key, {})
        if not isinstance(found, dict):
            raise self._wrong(prefix + key, f"is {found!r}", f"make it a table: [{prefix}{key}]")
        return found

    def _list(self, table: dict[str, object], key: str, *, where: str | None = None) -> list[object]:
        found = table.get(key, [])
        if not isinstance(found, list):
            raise self._wrong(where or key, f"is {found!r}", "make it a list" if where else f"make it a list of tables: [[{key}]]")
        return found

    def _text(self, table: dict[str, object], where: str, key: str, default: str | None) -> str:
        found = table.get(key, default)
        if found is None:
            raise self._wrong(f"{where}.{key}", "is missing", "add it")
        if not isinstance(found, str):
            raise self._wrong(f"{where}.{key}", f"is {found!r}", "write it as text in quotes")
        return found

    def _texts(self, table: dict[str, object], where: str, key: str) -> tuple[str, ...]:
        found = table.get(key, [])
        if isinstance(found, list):
            texts = tuple(one for one in found if isinstance(one, str) and one and one == one.strip())
            if len(set(texts)) == len(found):
                return texts
        raise self._wrong(f"{where}.{key}", f"is {found!r}", 'make it a list of different texts in quotes, such as ["LTCBTC"]')

    def _name(self, table: dict[str, object], where: str, key: str, default: str | None) -> str:
        text = self._text(table, where, key, default)
        return text if text == default else check_name(text, what=f"{self.path}: {where}.{key}")

    def _wrong(self, key: str, found: str, mend: str) -> InputError:
        return InputError(f"{self.path}: {key} {found}", mend=mend)
