"""A book's settings: where it is, what it says, and how a secret is fetched from where it is kept.

`lotwright.toml` never holds a secret. It is read with the standard library and changed with a library that keeps the
user's own comments and order.
"""

import difflib
import json
import os
import re
import stat
import subprocess
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import tomlkit

from ledger.domain.amount import FIAT, AssetCode
from ledger.domain.errors import InputError
from ledger.domain.ids import IN_TRANSIT, AccountId, BotId, VenueName, WalletId
from ledger.domain.period import YearStart, year_start_of
from ledger.domain.secrets import Secrets

SETTINGS_NAME = "lotwright.toml"
SHARE_DEFAULT = 0.5

_OWNER_ONLY_FILE = 0o600
_OWNER_ONLY_FOLDER = 0o700
_SECRET_NAMES = ("KEY", "SECRET", "PASSPHRASE")
_NAME_LENGTH_MAX = 64
_COMMAND_SECONDS_MAX = 60
_PASSWORD = re.compile(r"[^:/]*:[^@]+@|[^?]*\?.*password=[^&]")  # in what follows ``://``, as SQLAlchemy parts it


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSettings:
    """One API key at one venue. `name` is the account. `secrets` is a reference, never a value. `tier`: see `ConnectionTerms`."""

    name: AccountId
    venue: VenueName
    bot: BotId | None = None
    wallet: WalletId | None = None
    secrets: str | None = None
    share: float = SHARE_DEFAULT
    base_url: str | None = None
    tier: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BotRule:
    """Fills whose client order id matches the shell pattern belong to this bot."""

    name: BotId
    client_order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BookSettings:
    """What `lotwright.toml` says. `database` is an absolute SQLAlchemy URL. `year_start` None: tax years begin as the regime has it."""

    folder: Path
    database: str
    currency: AssetCode
    time_zone: str = "UTC"
    regime: str = "us"
    method: str = "fifo"
    scope: str = "wallet"
    year_start: YearStart | None = None
    connections: tuple[ConnectionSettings, ...] = ()
    bots: tuple[BotRule, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        """The book's time zone: tax dates are taken in it."""
        return ZoneInfo(self.time_zone)

    @property
    def wallets(self) -> dict[AccountId, WalletId]:
        """Which wallet pools the lots of which account."""
        return {one.name: one.wallet for one in self.connections if one.wallet is not None}

    def connection(self, name: str) -> ConnectionSettings:
        """Return a connection by name.

        Raises:
            InputError: when there is none of that name.
        """
        for one in self.connections:
            if one.name == name:
                return one
        names = [str(one.name) for one in self.connections]
        raise InputError(
            f"no connection named {name!r} in {self.folder / SETTINGS_NAME}",
            mend=_nearest(name, names) or "see `lotwright connect list`, or add one with `lotwright connect add`",
        )


# --- finding and reading ---------------------------------------------------------------------------------------------


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
    return _Reader(path).settings(read)


class _Reader:
    """Turns parsed TOML into settings; every complaint names the file and the key."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def settings(self, read: dict[str, object]) -> BookSettings:
        self._only(read, "", ("book", "connections", "bots"))
        book = self._table(read, "book")
        self._only(book, "book", ("database", "currency", "time_zone", "regime", "method", "scope", "year_start"))
        connections = self._table(read, "connections")
        return BookSettings(
            folder=self.path.parent,
            database=self._database(self._text(book, "book", "database", "sqlite:///book.sqlite3")),
            currency=self._currency(self._text(book, "book", "currency", "USD")),
            time_zone=self._zone(self._text(book, "book", "time_zone", "UTC")),
            regime=self._text(book, "book", "regime", "us"),
            method=self._text(book, "book", "method", "fifo"),
            scope=self._text(book, "book", "scope", "wallet"),
            year_start=self._year_start(self._text(book, "book", "year_start", "")),
            connections=tuple(self._connection(name, self._table(connections, name, "connections.")) for name in connections),
            bots=tuple(self._bot(number, one) for number, one in enumerate(self._list(read, "bots"), start=1)),
        )

    def _connection(self, name: str, table: dict[str, object]) -> ConnectionSettings:
        where = f"connections.{name}"
        self._only(table, where, ("venue", "bot", "wallet", "secrets", "share", "base_url", "tier"))
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
            base_url=self._text(table, where, "base_url", "") or None,
            tier=self._text(table, where, "tier", ""),
        )

    def _bot(self, number: int, table: object) -> BotRule:
        where = f"bots #{number}"
        if not isinstance(table, dict):
            raise self._wrong(where, "is not a table", "write [[bots]] with name and client_order_id")
        self._only(table, where, ("name", "client_order_id"))
        return BotRule(
            name=BotId(self._name(table, where, "name", None)),
            client_order_id=self._text(table, where, "client_order_id", None),
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
            raise self._wrong("book.currency", f"is {text!r}", _nearest(text.upper(), sorted(FIAT)) or "use an ISO 4217 code such as USD")
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

    def _share(self, share: object, where: str) -> float:
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share <= 1:
            raise self._wrong(f"{where}.share", f"is {share!r}", "use a number above 0 and at most 1, such as 0.5")
        return float(share)

    def _only(self, table: dict[str, object], where: str, known: tuple[str, ...]) -> None:
        for key in table:
            if key not in known:
                full = f"{where}.{key}" if where else key
                raise self._wrong(full, "is no setting", _nearest(key, known) or f"known here: {', '.join(known)}")

    def _table(self, tables: dict[str, object], key: str, prefix: str = "") -> dict[str, object]:
        found = tables.get(key, {})
        if not isinstance(found, dict):
            raise self._wrong(prefix + key, f"is {found!r}", f"make it a table: [{prefix}{key}]")
        return found

    def _list(self, table: dict[str, object], key: str) -> list[object]:
        found = table.get(key, [])
        if not isinstance(found, list):
            raise self._wrong(key, f"is {found!r}", f"make it a list of tables: [[{key}]]")
        return found

    def _text(self, table: dict[str, object], where: str, key: str, default: str | None) -> str:
        found = table.get(key, default)
        if found is None:
            raise self._wrong(f"{where}.{key}", "is missing", "add it")
        if not isinstance(found, str):
            raise self._wrong(f"{where}.{key}", f"is {found!r}", "write it as text in quotes")
        return found

    def _name(self, table: dict[str, object], where: str, key: str, default: str | None) -> str:
        text = self._text(table, where, key, default)
        return text if text == default else check_name(text, what=f"{self.path}: {where}.{key}")

    def _wrong(self, key: str, found: str, mend: str) -> InputError:
        return InputError(f"{self.path}: {key} {found}", mend=mend)


def _nearest(word: str, known: tuple[str, ...] | list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}?" if close else ""


def check_name(name: str, *, what: str) -> str:
    """Return a name of an account, a wallet or a bot when it is printable, at most 64 characters and without a colon.

    Raises:
        InputError: otherwise, and for the name that units on their way between wallets are kept under.
    """
    if name == IN_TRANSIT:
        raise InputError(f"{what} is {name!r}", mend="choose another name: this one is kept for units on their way between wallets")
    if not name or len(name) > _NAME_LENGTH_MAX or not name.isprintable() or ":" in name or name != name.strip():
        raise InputError(f"{what} is {name!r}", mend="use 1 to 64 printable characters without ':' and without space at the ends")
    return name


# --- writing ---------------------------------------------------------------------------------------------------------

_FIRST_SETTINGS = """\
# Settings of a Lotwright book. No secrets here: connections name where a secret is kept.

[book]
database  = {database}    # relative to this file; or postgresql+psycopg://user@host/name
currency  = {currency}    # reporting currency
time_zone = {time_zone}   # tax dates are taken in this zone; instants are kept in UTC
regime    = {regime}      # a tax regime plug-in; see `lotwright plugins`
method    = {method}      # for what no election covers
scope     = {scope}       # which accounts share one pool of lots
# year_start = "07-01"    # first day of a tax year, for a regime that leaves it to you (generic); else 1 January
"""


def write_first_settings(folder: Path, values: Mapping[str, str]) -> BookSettings:
    """Write the settings of a new book, folder and file for the owner only, and return them as read back.

    `values` gives database, currency, time_zone, regime, method and scope.

    Raises:
        InputError: when the folder already has settings, cannot be written, or a value is impossible (nothing stays).
    """
    path = folder / SETTINGS_NAME
    if path.exists():
        raise InputError(f"{path} is there already", mend="use that book, or choose another folder")
    try:
        if not folder.exists():
            folder.mkdir(parents=True, mode=_OWNER_ONLY_FOLDER)
        text = _FIRST_SETTINGS.format(**{name: json.dumps(value, ensure_ascii=False) for name, value in values.items()})
        write_private(path, text)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}", mend="choose a folder that you may write to") from error
    try:
        return load_settings(folder)
    except InputError:
        path.unlink()
        raise


def add_connection(settings: BookSettings, connection: ConnectionSettings) -> BookSettings:
    """Write a new connection into the settings and return them as read back; the file's comments stay.

    Raises:
        InputError: when the name is taken or a value is impossible; the file is then as it was.
    """
    if any(one.name == connection.name for one in settings.connections):
        raise InputError(f"there is a connection named {connection.name!r} already", mend="choose another name, or remove it first")
    table = tomlkit.table()
    table["venue"] = str(connection.venue)
    for key in ("bot", "wallet", "secrets", "base_url", "tier"):
        if getattr(connection, key):
            table[key] = str(getattr(connection, key))
    table["share"] = connection.share

    def change(document: tomlkit.TOMLDocument) -> None:
        connections = document.setdefault("connections", tomlkit.table(is_super_table=True))
        connections[str(connection.name)] = table

    return _rewritten(settings.folder, change)


def remove_connection(settings: BookSettings, name: str) -> BookSettings:
    """Take a connection out of the settings; what was pulled through it stays in the book.

    Raises:
        InputError: when there is no such connection.
    """
    settings.connection(name)

    def change(document: tomlkit.TOMLDocument) -> None:
        connections = document["connections"]
        assert isinstance(connections, dict), connections
        del connections[name]

    return _rewritten(settings.folder, change)


def _rewritten(folder: Path, change: Callable[[tomlkit.TOMLDocument], None]) -> BookSettings:
    path = folder / SETTINGS_NAME
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8"))
        change(document)
        text = tomlkit.dumps(document)
        settings = _Reader(path).settings(tomllib.loads(text))
        write_private(path, text)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}", mend="free some room, and check the rights of the folder") from error
    return settings


def write_private(path: Path, text: str) -> None:
    """Write a text file for the owner only, whole or not at all (a new file is renamed over the old one, or what it links to)."""
    path = path.resolve()
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY_FILE), "w", encoding="utf-8") as target:
            target.write(text)
            target.flush()
            os.fsync(target.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


# --- secrets ---------------------------------------------------------------------------------------------------------


def check_reference(reference: str, *, where: str) -> None:
    """Check the form of a secrets reference without fetching anything.

    Raises:
        InputError: when it is none; the text itself is not repeated, as it may be a secret pasted by mistake.
    """
    scheme, colon, rest = reference.partition(":")
    if not colon or scheme not in _SCHEMES or not rest:
        raise InputError(
            f"{where} is no reference to secrets",
            mend="use env:PREFIX, keyring:SERVICE, file:PATH or cmd:COMMAND; a key itself must never stand in settings or options",
        )


def resolve_secrets(connection: ConnectionSettings, *, folder: Path, environment: Mapping[str, str]) -> Secrets | None:
    """Fetch the secrets that a connection refers to; None when it refers to none.

    Raises:
        InputError: when they are not there, not complete, or kept in a file that others may read.
    """
    if connection.secrets is None:
        return None
    scheme, _, rest = connection.secrets.partition(":")
    where = f"connection {connection.name}"
    found = _SCHEMES[scheme](rest, where, folder, environment)
    for name in ("KEY", "SECRET"):
        if not found.get(name):
            raise InputError(f"{where}: {connection.secrets} gives no {name}", mend=_MENDS[scheme].format(rest=rest, name=name))
    return Secrets(key=found["KEY"], secret=found["SECRET"], passphrase=found.get("PASSPHRASE", ""))


def _from_environment(prefix: str, _where: str, _folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    return {name: environment.get(f"{prefix}_{name}", "") for name in _SECRET_NAMES}


def _from_file(place: str, where: str, folder: Path, _environment: Mapping[str, str]) -> dict[str, str]:
    path = (folder / Path(place).expanduser()).resolve()
    try:
        mode = path.stat().st_mode
        if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise InputError(f"{where}: others may read {path} (mode {stat.S_IMODE(mode):04o})", mend=f"chmod 600 {path}")
        return _from_toml(path.read_text(encoding="utf-8"), f"{where}: {path}")
    except OSError as error:
        raise InputError(f"{where}: cannot read {path}: {error.strerror}", mend="make the file, mode 0600, with KEY and SECRET") from error


def _from_keyring(service: str, where: str, _folder: Path, _environment: Mapping[str, str]) -> dict[str, str]:
    import keyring  # noqa: PLC0415  # loading its backends takes long and most books never use them
    from keyring.errors import KeyringError  # noqa: PLC0415  # as above

    try:
        return {name: keyring.get_password(service, name) or "" for name in _SECRET_NAMES}
    except KeyringError as error:
        raise InputError(f"{where}: the keyring does not answer: {error}", mend="unlock it, or use env: or file:") from error


def _from_command(command: str, where: str, folder: Path, _environment: Mapping[str, str]) -> dict[str, str]:
    try:
        done = subprocess.run(  # noqa: S602  # the user's own command line from the user's own settings
            command,
            shell=True,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(f"{where}: the secrets command took over {_COMMAND_SECONDS_MAX} seconds", mend="run it by hand") from error
    if done.returncode != 0:
        raise InputError(f"{where}: the secrets command ended with exit {done.returncode}", mend="run it by hand and mend it")
    return _from_toml(done.stdout, f"{where}: the secrets command's output")


def _from_toml(text: str, what: str) -> dict[str, str]:
    try:
        read = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        # The parser's own message may repeat a part of the text, and the text holds secrets.
        raise InputError(f"{what} is not valid TOML", mend='write lines such as KEY = "..." and SECRET = "..."') from None
    return {name: str(found) for name in _SECRET_NAMES if (found := read.get(name, read.get(name.lower())))}


_SCHEMES: dict[str, Callable[[str, str, Path, Mapping[str, str]], dict[str, str]]] = {
    "env": _from_environment,
    "file": _from_file,
    "keyring": _from_keyring,
    "cmd": _from_command,
}
_MENDS = {
    "env": "set the environment variable {rest}_{name}",
    "file": "add a line {name} to {rest}",
    "keyring": "store it: keyring set {rest} {name}",
    "cmd": "let the command print a line {name}",
}
