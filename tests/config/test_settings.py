"""Settings: what a file may say, and where a book is found."""

from collections.abc import Callable
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
    find_book,
    load_settings,
    write_first_settings,
)
from ledger.domain.amount import AssetCode
from ledger.domain.errors import InputError
from ledger.domain.ids import AccountId, BotId, VenueName, WalletId
from ledger.domain.time.period import YearStart
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


def test_an_unknown_connection_names_the_nearest(book_with: BookWith) -> None:
    settings = load_settings(book_with(WHOLE))
    assert settings.connection("main").share == 0.25
    with pytest.raises(InputError, match="no connection named 'mian'") as refused:
        settings.connection("mian")
    assert refused.value.mend == "did you mean 'main'?"
    with pytest.raises(InputError) as refused:
        settings.connection("zzz")
    assert refused.value.mend == "see `lotwright connect list`, or add one with `lotwright connect add`"


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
