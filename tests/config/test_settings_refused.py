"""Settings that cannot be: each is refused with its place and a way to mend it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.config import (
    check_name,
    load_settings,
)
from ledger.domain.errors import InputError

BookWith = Callable[[str], Path]


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
    "a password in an address": (
        '[connections.a]\nvenue = "v"\nbase_url = "https://keeper:hunter2@example.com"\n',
        "connections.a.base_url names a user or a password",
        "give scheme and host only, as in https://example.com",
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
