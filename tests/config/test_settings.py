"""Settings: what a file may say, how it is refused, where a book is found, and how the file is changed."""

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import make_url

from ledger.book import FIRST_VALUES
from ledger.config import (
    BookSettings,
    BotRule,
    ConnectionSettings,
    add_connection,
    check_name,
    find_book,
    load_settings,
    remove_connection,
    write_first_settings,
    write_private,
)
from ledger.domain.amount import AssetCode
from ledger.domain.errors import InputError
from ledger.domain.ids import AccountId, BotId, VenueName, WalletId
from ledger.domain.period import YearStart
from ledger.domain.transfers.pairing import PairingLimits

BookWith = Callable[[str], Path]

WHOLE = """\
[book]
database  = "sqlite:///books/main.sqlite3"
currency  = "EUR"
time_zone = "Europe/Berlin"
regime    = "generic"
method    = "fifo"
scope     = "wallet"
year_start = "07-01"

[transfers]
window_hours    = 48
skew_minutes    = 0
tolerance       = "0.000000000000000001"
tolerance_share = "0"

[connections.main]
venue    = "coinbase-exchange"
bot      = "grid-1"
wallet   = "coinbase"
secrets  = "env:COINBASE_MAIN"
share    = 0.25
base_url = "http://127.0.0.1:8080"
symbols  = ["LTCBTC", "ETHBTC"]

[connections.spare]
venue = "coinbase-exchange"
share = 1
forms.2025 = "1099-da"
forms.2026 = "1099-da-basis"

[[bots]]
name = "dca-eth"
client_order_id = "dca-*"

[law]
month_end = true
wash_sales = "analysis"
fees = { 2024 = "ignore" }
"""


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# --- reading ---------------------------------------------------------------------------------------------------------


def test_a_whole_file_is_read_as_it_says(book_with: BookWith) -> None:
    folder = book_with(WHOLE)
    settings = load_settings(folder)
    assert settings == BookSettings(
        folder=folder,
        database=f"sqlite:///{folder}/books/main.sqlite3",
        currency=AssetCode("EUR"),
        time_zone="Europe/Berlin",
        transfers=PairingLimits(
            window=timedelta(hours=48), skew=timedelta(0), tolerance=Decimal("0.000000000000000001"), tolerance_share=Decimal(0)
        ),
        regime="generic",
        method="fifo",
        scope="wallet",
        year_start=YearStart(month=7, day=1),
        connections=(
            ConnectionSettings(
                name=AccountId("main"),
                venue=VenueName("coinbase-exchange"),
                bot=BotId("grid-1"),
                wallet=WalletId("coinbase"),
                secrets="env:COINBASE_MAIN",
                share=0.25,
                base_url="http://127.0.0.1:8080",
                symbols=("LTCBTC", "ETHBTC"),
            ),
            ConnectionSettings(
                name=AccountId("spare"),
                venue=VenueName("coinbase-exchange"),
                share=1.0,
                forms={2025: "1099-da", 2026: "1099-da-basis"},
            ),
        ),
        bots=(BotRule(name=BotId("dca-eth"), client_order_id="dca-*"),),
        law={"month_end": True, "wash_sales": "analysis", "fees": {"2024": "ignore"}},
    )
    assert settings.forms == {"spare": {2025: "1099-da", 2026: "1099-da-basis"}}
    assert settings.zone.key == "Europe/Berlin"
    assert settings.wallets == {"main": "coinbase"}


def test_an_empty_file_gives_the_defaults(book_with: BookWith) -> None:
    folder = book_with("")
    expected = BookSettings(folder=folder, database=f"sqlite:///{folder}/book.sqlite3", currency=AssetCode("USD"))
    assert load_settings(folder) == expected


@pytest.mark.parametrize(
    ("text", "database"),
    [
        ("sqlite:////var/books/a.sqlite3", "sqlite:////var/books/a.sqlite3"),
        ("sqlite:///../a.sqlite3", "sqlite:///{parent}/a.sqlite3"),
        ("postgresql+psycopg://keeper@db.example:5432/books", "postgresql+psycopg://keeper@db.example:5432/books"),
        ("postgresql://db.example:5432/books", "postgresql://db.example:5432/books"),
        ("postgresql:///books?host=/run/postgresql", "postgresql:///books?host=/run/postgresql"),
        ("postgresql://postgres:@/books?host=/run", "postgresql://postgres:@/books?host=/run"),
        ("postgresql:///books?user=keeper&password=", "postgresql:///books?user=keeper&password="),
    ],
)
def test_the_database_stands_beside_the_file_or_on_a_server(book_with: BookWith, text: str, database: str) -> None:
    folder = book_with(f'[book]\ndatabase = "{text}"\n')
    assert load_settings(folder).database == database.format(parent=folder.parent)


@pytest.mark.parametrize("name", ["a?b", "100%", "50%25", "a%3Fb", "a#b c+d@e:f"])
def test_a_folder_may_be_called_anything(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    settings = write_first_settings(folder, FIRST_VALUES)
    assert make_url(settings.database).database == str(folder / "book.sqlite3")
    assert make_url(settings.database).query == {}


def test_the_place_of_a_database_is_a_url_and_may_have_options(book_with: BookWith) -> None:
    folder = book_with('[book]\ndatabase = "sqlite:///a%3Fb.sqlite3?timeout=5"\n')
    url = make_url(load_settings(folder).database)
    assert (url.database, url.query) == (f"{folder}/a?b.sqlite3", {"timeout": "5"})


# --- what is refused: (file, message after the file's name, how to mend it) --------------------------------------------

KEPT_NAME = "choose another name: this one is kept for units on their way between wallets"
REFUSED: dict[str, tuple[str, str, str]] = {
    "an unknown table": ("[boook]\n", "boook is no setting", "did you mean 'book'?"),
    "an unknown key": ('[book]\ncurency = "USD"\n', "book.curency is no setting", "did you mean 'currency'?"),
    "a key like no other": (
        "[book]\nx = 1\n",
        "book.x is no setting",
        "known here: database, currency, time_zone, regime, method, scope, year_start, missing_basis",
    ),
    "an unknown key of a connection": (
        '[connections.a]\nvenue = "v"\nsecret = "s3cr3t"\n',
        "connections.a.secret is no setting",
        "did you mean 'secrets'?",
    ),
    "an unknown key of a bot": (
        '[[bots]]\nname = "a"\npattern = "*"\n',
        "bots #1.pattern is no setting",
        "known here: name, client_order_id, order_id, account",
    ),
    "a number for text": ("[book]\nmethod = 3\n", "book.method is 3", "write it as text in quotes"),
    "a text for a table": ('book = "here"\n', "book is 'here'", "make it a table: [book]"),
    "a text for a connection": ('[connections]\na = "b"\n', "connections.a is 'b'", "make it a table: [connections.a]"),
    "a table for a list": ("[bots]\nname = 'a'\n", "bots is {'name': 'a'}", "make it a list of tables: [[bots]]"),
    "a text for a bot": ('bots = ["a"]\n', "bots #1 is not a table", "write [[bots]] with name and client_order_id"),
    "a bot without a pattern": (
        '[[bots]]\nname = "a"\n',
        "bots #1 says not which events are its own",
        "add one of client_order_id, order_id, account",
    ),
    "a portfolio for a bot": (
        '[[bots]]\nname = "a"\nportfolio = "p"\n',
        "bots #1.portfolio is told of no event",
        "a key sees one portfolio: name its connection with account",
    ),
    "a connection without a venue": ("[connections.a]\n", "connections.a.venue is missing", "add it"),
    "a zone that is none": (
        '[book]\ntime_zone = "New York"\n',
        "book.time_zone is 'New York'",
        "use an IANA name such as America/New_York or Europe/London",
    ),
    "a zone that is a path": (
        '[book]\ntime_zone = "../etc/passwd"\n',
        "book.time_zone is '../etc/passwd'",
        "use an IANA name such as America/New_York or Europe/London",
    ),
    "an empty zone": ('[book]\ntime_zone = ""\n', "book.time_zone is ''", "use an IANA name such as America/New_York or Europe/London"),
    "a currency in lower case": ('[book]\ncurrency = "usd"\n', "book.currency is 'usd'", "did you mean 'USD'?"),
    "a currency that is none": ('[book]\ncurrency = "£££"\n', "book.currency is '£££'", "use an ISO 4217 code such as USD"),
    "a crypto as currency": ('[book]\ncurrency = "BTC"\n', "book.currency is 'BTC'", "use an ISO 4217 code such as USD"),
    "a start of the year that is no day": (
        '[book]\nyear_start = "6 April"\n',
        "book.year_start is '6 April'",
        "use month and day such as 07-01; it cannot be 02-29",
    ),
    "a start of the year on the leap day": (
        '[book]\nyear_start = "02-29"\n',
        "book.year_start is '02-29'",
        "use month and day such as 07-01; it cannot be 02-29",
    ),
    "an option of the law that is a number": (
        "[law]\nx = 1\n",
        "law.x is 1",
        "write true or false, text in quotes, or a table or list of texts",
    ),
    "a table of numbers in the law": ("[law.x]\n2024 = 1\n", "law.x.2024 is 1", "write it as text in quotes"),
    "a form of no year": (
        '[connections.a]\nvenue = "v"\nforms.last = "1099-da"\n',
        "connections.a.forms.last is no year",
        'write the year and the form, such as 2025 = "1099-da"',
    ),
    "a form that is no text": (
        '[connections.a]\nvenue = "v"\nforms.2025 = true\n',
        "connections.a.forms.2025 is True",
        "write it as text in quotes",
    ),
    "symbols that are no list": (
        '[connections.a]\nvenue = "v"\nsymbols = "LTCBTC"\n',
        "connections.a.symbols is 'LTCBTC'",
        'make it a list of different texts in quotes, such as ["LTCBTC"]',
    ),
    "a symbol that is no text": (
        '[connections.a]\nvenue = "v"\nsymbols = ["LTCBTC", 7]\n',
        "connections.a.symbols is ['LTCBTC', 7]",
        'make it a list of different texts in quotes, such as ["LTCBTC"]',
    ),
    "a symbol given twice": (
        '[connections.a]\nvenue = "v"\nsymbols = ["LTCBTC", "LTCBTC"]\n',
        "connections.a.symbols is ['LTCBTC', 'LTCBTC']",
        'make it a list of different texts in quotes, such as ["LTCBTC"]',
    ),
    "a share of nothing": (
        '[connections.a]\nvenue = "v"\nshare = 0\n',
        "connections.a.share is 0",
        "use a number above 0 and at most 1, such as 0.5",
    ),
    "a share above all": (
        '[connections.a]\nvenue = "v"\nshare = 1.5\n',
        "connections.a.share is 1.5",
        "use a number above 0 and at most 1, such as 0.5",
    ),
    "a share that is no number": (
        '[connections.a]\nvenue = "v"\nshare = nan\n',
        "connections.a.share is nan",
        "use a number above 0 and at most 1, such as 0.5",
    ),
    "a share that is a truth": (
        '[connections.a]\nvenue = "v"\nshare = true\n',
        "connections.a.share is True",
        "use a number above 0 and at most 1, such as 0.5",
    ),
    "a wallet that is no name": (
        '[connections.a]\nvenue = "v"\nwallet = "a:b"\n',
        "connections.a.wallet is 'a:b'",
        "use 1 to 64 printable characters without ':' and without space at the ends",
    ),
    "a bot that is no name": (
        '[connections.a]\nvenue = "v"\nbot = " a"\n',
        "connections.a.bot is ' a'",
        "use 1 to 64 printable characters without ':' and without space at the ends",
    ),
    "a bot of a rule that is no name": (
        '[[bots]]\nname = "a\\nb"\nclient_order_id = "*"\n',
        "bots #1.name is 'a\\nb'",
        "use 1 to 64 printable characters without ':' and without space at the ends",
    ),
    "the wallet of units on their way": (
        '[connections.a]\nvenue = "v"\nwallet = "(in transit)"\n',
        "connections.a.wallet is '(in transit)'",
        KEPT_NAME,
    ),
    "a connection called like units on their way": (
        '[connections."(in transit)"]\nvenue = "v"\n',
        "the name of connection is '(in transit)'",
        KEPT_NAME,
    ),
    "an account called like units of one transfer": (
        '[connections."(in transit) main -> vault"]\nvenue = "v"\n',
        "the name of connection is '(in transit) main -> vault'",
        KEPT_NAME,
    ),
    "an unknown setting of transfers": ("[transfers]\nwindow = 24\n", "transfers.window is no setting", "did you mean 'window_hours'?"),
    "a window that is no number": (
        '[transfers]\nwindow_hours = "24"\n',
        "transfers.window_hours is '24'",
        "use a whole number from 0 to 8784",
    ),
    "a window beyond all time": (
        f"[transfers]\nwindow_hours = {10**30}\n",
        f"transfers.window_hours is {10**30}",
        "use a whole number from 0 to 8784",
    ),
    "a skew that runs backwards": (
        "[transfers]\nskew_minutes = -1\n",
        "transfers.skew_minutes is -1",
        "use a whole number from 0 to 527040",
    ),
    "a skew that is a truth": (
        "[transfers]\nskew_minutes = true\n",
        "transfers.skew_minutes is True",
        "use a whole number from 0 to 527040",
    ),
    "a tolerance that has lost digits": ("[transfers]\ntolerance = 0.1\n", "transfers.tolerance is 0.1", "write it as text in quotes"),
    "a tolerance that is no number": (
        '[transfers]\ntolerance = "1%"\n',
        "transfers.tolerance is '1%'",
        'use a number in quotes, such as "0.005"',
    ),
    "a tolerance below nothing": ('[transfers]\ntolerance = "-1"\n', "transfers.tolerance is '-1'", "use 0 or more"),
    "a tolerance of all": (
        '[transfers]\ntolerance_share = "1"\n',
        "transfers.tolerance_share is 1",
        "use a part of what was sent, below 1, such as 0.005",
    ),
    "another kind of database": (
        '[book]\ndatabase = "mysql://root:hunter2@host/books"\n',
        "book.database begins with 'mysql'",
        "use sqlite:///FILE or postgresql+psycopg://user@host/name",
    ),
    "a plain file as database": (
        '[book]\ndatabase = "book.sqlite3"\n',
        "book.database begins with 'book.sqlite3'",
        "use sqlite:///FILE or postgresql+psycopg://user@host/name",
    ),
}
REFUSED |= {
    f"a password in {url}": (
        f'[book]\ndatabase = "{url}"\n',
        "book.database holds a password",
        "take it out; use ~/.pgpass or the environment variable PGPASSWORD",
    )
    for url in (
        "postgresql://keeper:hunter2@host/books",
        "postgresql+psycopg://keeper:hun/ter2@host:5432/books",
        "postgresql://keeper:hunter2?@host/books",
        "postgresql:///books?host=db.example&password=hunter2",
    )
}


@pytest.mark.parametrize(("text", "message", "mend"), REFUSED.values(), ids=REFUSED)
def test_settings_that_cannot_be_are_refused_with_place_and_cure(book_with: BookWith, text: str, message: str, mend: str) -> None:
    folder = book_with(text)
    with pytest.raises(InputError) as refused:
        load_settings(folder)
    assert (refused.value.message, refused.value.mend) == (f"{folder}/lotwright.toml: {message}", mend)
    assert refused.value.exit_code == 2
    for secret in ("hunter2", "s3cr3t"):
        assert secret not in str(refused.value)


PASTED = "4f1e55a0c9d84b7e9a5e0b6a4f6a2d10"


@pytest.mark.parametrize(
    "cell",
    [f'"{PASTED}"', f'"key:{PASTED}"', f'"{PASTED}:{PASTED}"', '"env:"', f'{{ key = "{PASTED}" }}', f'["{PASTED}"]', "41550954"],
)
def test_a_pasted_key_is_refused_and_never_repeated(book_with: BookWith, cell: str) -> None:
    folder = book_with(f'[connections.a]\nvenue = "v"\nsecrets = {cell}\n')
    with pytest.raises(InputError) as refused:
        load_settings(folder)
    assert refused.value.message == f"{folder}/lotwright.toml: connections.a.secrets is no reference to secrets"
    assert "use env:PREFIX, keyring:SERVICE, file:PATH or cmd:COMMAND" in refused.value.mend
    assert PASTED not in str(refused.value)


def test_a_file_that_is_no_toml_is_refused_with_its_line(book_with: BookWith) -> None:
    folder = book_with("[book]\ncurrency = USD\n")
    with pytest.raises(InputError, match=r"lotwright\.toml is not valid TOML: .*line 2"):
        load_settings(folder)


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path, book_with: BookWith) -> None:
    with pytest.raises(InputError, match="cannot read"):
        load_settings(tmp_path)
    folder = book_with("")
    (folder / "lotwright.toml").write_bytes(b"\xff\xfe[\x00")
    with pytest.raises(InputError, match="cannot read"):
        load_settings(folder)


@pytest.mark.parametrize("name", ["", "a" * 65, "a:b", " a", "a ", "a\nb", "a\x1f"])
def test_names_are_printable_short_and_without_colon(name: str) -> None:
    with pytest.raises(InputError, match="the account is ") as refused:
        check_name(name, what="the account")
    assert refused.value.mend == "use 1 to 64 printable characters without ':' and without space at the ends"


@pytest.mark.parametrize("name", ["a", "Grid Bot #1", "ключ", "x" * 64])
def test_names_that_can_be_shown_are_taken(name: str) -> None:
    assert check_name(name, what="the account") == name


def test_a_connection_with_an_impossible_name_is_refused(book_with: BookWith) -> None:
    with pytest.raises(InputError, match=r"lotwright\.toml: the name of connection is 'a:b'"):
        load_settings(book_with('[connections."a:b"]\nvenue = "v"\n'))


def test_an_unknown_connection_names_the_nearest(book_with: BookWith) -> None:
    settings = load_settings(book_with(WHOLE))
    assert settings.connection("main").share == 0.25
    with pytest.raises(InputError, match="no connection named 'mian'") as refused:
        settings.connection("mian")
    assert refused.value.mend == "did you mean 'main'?"
    with pytest.raises(InputError) as refused:
        settings.connection("zzz")
    assert refused.value.mend == "see `lotwright connect list`, or add one with `lotwright connect add`"


# --- finding ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def three_books(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Folders of an option, of the environment, and above the current one."""
    folders = tuple(tmp_path / name for name in ("option", "environment", "above"))
    for folder in folders:
        (folder / "deep" / "down").mkdir(parents=True)
        (folder / "lotwright.toml").touch()
    option, environment, above = folders
    return option, environment, above


def test_the_option_goes_before_the_environment_and_that_before_the_folders_above(three_books: tuple[Path, Path, Path]) -> None:
    option, environment, above = three_books
    here, named = above / "deep" / "down", {"LOTWRIGHT_BOOK": str(environment)}
    assert find_book(str(option), environment=named, here=here) == option
    assert find_book(None, environment=named, here=here) == environment
    assert find_book(None, environment={}, here=here) == above
    assert find_book(None, environment={"LOTWRIGHT_BOOK": ""}, here=above) == above


def test_a_folder_that_is_named_and_holds_no_book_is_refused_whatever_else_there_is(three_books: tuple[Path, Path, Path]) -> None:
    option, _, above = three_books
    empty = option / "deep"
    with pytest.raises(InputError, match=f"--book names {empty}, which holds no lotwright.toml") as refused:
        find_book(str(empty), environment={}, here=above)
    assert refused.value.mend == f"make a book there: lotwright init {empty}"
    with pytest.raises(InputError, match="LOTWRIGHT_BOOK names"):
        find_book(None, environment={"LOTWRIGHT_BOOK": str(empty)}, here=above)


def test_no_book_anywhere_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"no book here: no lotwright.toml in {tmp_path} or above it") as refused:
        find_book(None, environment={}, here=tmp_path)
    assert refused.value.mend == "make one with `lotwright init`, or name one with --book DIR or LOTWRIGHT_BOOK"


# --- writing ---------------------------------------------------------------------------------------------------------


def test_first_settings_are_the_owner_s_alone_and_read_back_as_given(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "book"
    settings = write_first_settings(folder, {**FIRST_VALUES, "time_zone": "Europe/London"})
    assert (mode_of(folder), mode_of(folder / "lotwright.toml")) == (0o700, 0o600)
    assert (settings.time_zone, settings.currency, settings.database) == ("Europe/London", "USD", f"sqlite:///{folder}/book.sqlite3")
    assert [path.name for path in folder.iterdir()] == ["lotwright.toml"]


def test_first_settings_never_replace_those_of_a_book(tmp_path: Path) -> None:
    write_first_settings(tmp_path, FIRST_VALUES)
    before = (tmp_path / "lotwright.toml").read_bytes()
    with pytest.raises(InputError, match="is there already"):
        write_first_settings(tmp_path, FIRST_VALUES)
    assert (tmp_path / "lotwright.toml").read_bytes() == before


def test_impossible_first_settings_leave_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"book\.currency is 'dollars'"):
        write_first_settings(tmp_path, {**FIRST_VALUES, "currency": "dollars"})
    assert list(tmp_path.iterdir()) == []


def test_first_settings_with_quotes_in_them_are_still_toml(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"""book\.time_zone is '"\\\\\\n'"""):
        write_first_settings(tmp_path, {**FIRST_VALUES, "time_zone": '"\\\n'})


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot write"):
        write_first_settings(tmp_path / "file" / "book", FIRST_VALUES)


COMMENTED = """\
# my book
[book]   # the only one
currency = "USD"   # dollars

# nightly at three
[connections.main]
venue = "coinbase-exchange"  # the only venue

[[bots]]
name = "dca"
client_order_id = "dca-*"
"""


def spare() -> ConnectionSettings:
    return ConnectionSettings(
        name=AccountId("spare"),
        venue=VenueName("coinbase-exchange"),
        bot=BotId("grid-1"),
        wallet=WalletId("joint"),
        secrets="file:keys.toml",
        share=0.125,
        base_url="http://127.0.0.1:1",
    )


def test_adding_and_removing_a_connection_keeps_every_comment(book_with: BookWith) -> None:
    folder = book_with(COMMENTED)
    added = add_connection(load_settings(folder), spare())
    assert added.connection("spare") == spare()
    text = (folder / "lotwright.toml").read_text(encoding="utf-8")
    assert all(comment in text for comment in ("# my book", "# the only one", "# dollars", "# nightly at three", "# the only venue"))
    removed = remove_connection(added, "spare")
    assert (folder / "lotwright.toml").read_text(encoding="utf-8") == COMMENTED
    assert removed == load_settings(folder)
    assert [path.name for path in folder.iterdir()] == ["lotwright.toml"]
    assert mode_of(folder / "lotwright.toml") == 0o600


def test_the_first_connection_of_a_book_and_the_last_one(tmp_path: Path) -> None:
    settings = write_first_settings(tmp_path, FIRST_VALUES)
    alone = replace(spare(), bot=None, wallet=None, secrets=None, base_url=None)
    added = add_connection(settings, alone)
    assert added.connections == (alone,)
    assert remove_connection(added, "spare").connections == ()


def test_a_connection_that_is_there_or_cannot_be_leaves_the_file_as_it_was(book_with: BookWith) -> None:
    folder = book_with(COMMENTED)
    settings = load_settings(folder)
    before = (folder / "lotwright.toml").stat()
    with pytest.raises(InputError, match="there is a connection named 'main' already"):
        add_connection(settings, replace(spare(), name=AccountId("main")))
    with pytest.raises(InputError, match=r"connections\.spare\.share is 2"):
        add_connection(settings, replace(spare(), share=2.0))
    with pytest.raises(InputError, match="no connection named 'spare'"):
        remove_connection(settings, "spare")
    assert (folder / "lotwright.toml").read_text(encoding="utf-8") == COMMENTED
    after = (folder / "lotwright.toml").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns), "it was written before it was looked at"


def test_settings_that_find_no_room_are_told_and_stay_as_they_were(book_with: BookWith, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = book_with(COMMENTED)

    def no_room(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_room)
    with pytest.raises(InputError, match=r"cannot write .*lotwright\.toml: No space left on device"):
        add_connection(load_settings(folder), spare())
    assert (folder / "lotwright.toml").read_text(encoding="utf-8") == COMMENTED
    assert [path.name for path in folder.iterdir()] == ["lotwright.toml"]


def test_settings_that_are_a_link_stay_one(book_with: BookWith, tmp_path: Path) -> None:
    folder = book_with(COMMENTED)
    elsewhere = tmp_path / "dotfiles.toml"
    (folder / "lotwright.toml").rename(elsewhere)
    (folder / "lotwright.toml").symlink_to(elsewhere)
    add_connection(load_settings(folder), spare())
    assert (folder / "lotwright.toml").is_symlink()
    assert "[connections.spare]" in elsewhere.read_text(encoding="utf-8")


def test_a_private_file_is_replaced_whole_whatever_an_interrupted_run_left(tmp_path: Path) -> None:
    path = tmp_path / "settings"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o644)
    left = tmp_path / "settings.new"
    left.write_text("half", encoding="utf-8")
    before = os.umask(0)
    try:
        write_private(path, "new")
    finally:
        os.umask(before)
    assert (path.read_text(encoding="utf-8"), mode_of(path), left.exists()) == ("new", 0o600, False)
