"""What is asked for and cannot be meant: days beyond the calendar, assets in small letters, names that the book has never seen."""

import pytest

from ledger.sandbox.server import Sandbox

from .conftest import BookFolder, Shell

COINBASE = "portfolio,trade id,product,side,created at,size,size unit,price,fee,total,price/fee/total unit"
FILL = "default,1042,BTC-USD,SELL,2021-11-27T18:25:30.797Z,0.50000000,BTC,40000.00,50,19950,USD"
CODE = "is not an asset code (1 to 32 characters of A-Z, 0-9, '.', '-', '_', '$')"


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("report", "gains", "--from", "0001-01-01"), "--from is 0001-01-01"),
        (("report", "gains", "--from", "1899-12-31"), "--from is 1899-12-31"),
        (("report", "gains", "--to", "9999-12-31"), "--to is 9999-12-31"),
        (("sync", "--since", "0001-01-01"), "--since is '0001-01-01'"),
        (("sync", "--until", "9999-12-31T23:00:00-05:00"), "--until is '9999-12-31T23:00:00-05:00'"),
    ],
)
def test_a_day_that_nobody_can_mean_ends_with_2(zone: str, arguments: tuple[str, ...], found: str, shell: Shell) -> None:
    shell.run("init", ".", "--time-zone", zone).ok()
    assert shell.run(*arguments).refused(2) == f"lotwright: {found}\n  mend: use a year from 1900 to 9998\n"


def test_the_first_and_the_last_day_that_can_be_meant_are_taken(shell: Shell) -> None:
    shell.run("init", ".", "--time-zone", "Asia/Tokyo").ok()
    shell.run("report", "gains", "--from", "1900-01-01", "--to", "9998-12-31").ok()


@pytest.mark.parametrize("command", [("report", "gains"), ("lots", "list")])
@pytest.mark.parametrize(("asset", "mend"), [("btc", "did you mean BTC?"), ("b!t", "write the code as the venue does, like BTC")])
def test_an_asset_that_is_none_is_refused_with_a_cure(command: tuple[str, ...], asset: str, mend: str, synced: BookFolder) -> None:
    assert synced.run(*command, "--asset", asset).refused(2) == f"lotwright: --asset: '{asset}' {CODE}\n  mend: {mend}\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--bot", "mian-bot"), "the book knows no bot 'mian-bot'; did you mean 'main-bot'?\n"),
        (("--account", "cold2"), "the book knows no account 'cold2'; did you mean 'cold'?\n"),
        (("--account", "zzz"), "the book knows no account 'zzz'; it knows cold, main\n"),
        (("--asset", "LTCX"), "the book knows no asset 'LTCX'; did you mean 'LTC'?\n"),
    ],
)
def test_a_name_that_the_book_has_never_seen_is_told_beside_the_empty_report(
    arguments: tuple[str, ...], told: str, synced: BookFolder
) -> None:
    ran = synced.run("report", "gains", "--format", "csv", *arguments).ok()
    assert (ran.rows(), ran.err) == ([], told)
    assert synced.run("report", "gains", "--format", "csv", *arguments, "-q").ok().err == ""


def test_a_name_that_stands_in_events_or_settings_is_known(synced: BookFolder) -> None:
    for arguments in (("--bot", "main-bot"), ("--bot", ""), ("--account", "main"), ("--account", "cold"), ("--asset", "USD")):
        assert synced.run("report", "gains", *arguments).ok().err == ""


def test_the_list_of_lots_tells_of_strange_names_too(synced: BookFolder) -> None:
    told = synced.run("lots", "list", "--account", "mian").ok().err
    assert told == "the book knows no account 'mian'; did you mean 'main'?\n"


def test_an_export_that_no_connection_of_its_venue_will_meet_is_told(book: BookFolder) -> None:
    with Sandbox(seed=3, fills=400) as sandbox:
        book.connect(sandbox, "main")
    path = book.shell.home / "fills.csv"
    path.write_text(f"{COINBASE}\n{FILL}\n", encoding="utf-8")
    hint = "  hint: booked in 'default', where the fills that a connection pulls never meet them; connections of coinbase-exchange: main\n"
    dry = book.run("import", path, "--dry-run")
    assert dry.err.startswith(f"{hint}  mend: if they are the same account, import with --account main\n")
    named = book.run("import", path, "--dry-run", "--account", "main")
    assert "hint: " not in named.err
    stored = book.run("import", path)
    assert stored.err.startswith(f"{hint}  mend: if they are the same account, make a new book and import there with --account main\n")


def test_a_file_of_no_venue_and_a_book_without_connections_give_no_hint(book: BookFolder) -> None:
    path = book.shell.home / "fills.csv"
    path.write_text(f"{COINBASE}\n{FILL}\n", encoding="utf-8")
    assert "hint: " not in book.run("import", path, "--dry-run").err
    with Sandbox(seed=3, fills=400) as sandbox:
        book.connect(sandbox, "main")
    assert "hint: " not in book.import_rows("t1,2025-03-01T12:00:00Z,deposit,cold,,USD,5,,,,,,,,").err


def test_a_book_may_lie_in_a_folder_of_any_name(shell: Shell) -> None:
    for name in ("a?b", "100%", "a%3Fb"):
        shell.run("init", name).ok()
        assert {path.name for path in (shell.home / name).iterdir()} == {"book.sqlite3", "lotwright.toml"}
        shell.run("--book", shell.home / name, "status").ok()
    assert sorted(path.name for path in shell.home.iterdir()) == ["100%", "a%3Fb", "a?b"]
