"""`-q` leaves results and errors, `-v` adds the log; both work before a command and after it."""

import pytest

from ledger.sandbox.server import Sandbox

from .conftest import FILLS, BookFolder
from .test_exit_codes import closed_port

DEPOSIT = "t1,2025-03-01T12:00:00Z,deposit,cold,,ETH,5,,,,,,,,"
SALE = "s1,2025-03-02T12:00:00Z,sell,cold,,BTC,1,USD,60000,,,,,,"


@pytest.fixture
def doubtful(book: BookFolder) -> BookFolder:
    """A book with an error (a sale of what nobody bought) and with a warning or a note (a deposit from nowhere)."""
    assert book.import_rows(DEPOSIT, SALE).code == 1
    return book


@pytest.mark.parametrize("command", [("-q", "check"), ("check", "-q"), ("check", "--quiet", "--all"), ("-q", "import", "rows.csv")])
def test_a_quiet_command_that_fails_still_tells_the_errors_and_only_them(command: tuple[str, ...], doubtful: BookFolder) -> None:
    words = [str(doubtful.shell.home / word) if word.endswith(".csv") else word for word in command]
    loud = doubtful.run("check")
    quiet = doubtful.run(*words)
    assert (loud.code, quiet.code) == (1, 1)
    told = [line for line in quiet.err.splitlines() if not line.startswith("  ")]
    assert told == [line for line in loud.err.splitlines() if line.startswith("error: ")] != []
    assert len(told) < len([line for line in loud.err.splitlines() if not line.startswith("  ")])
    assert quiet.err.count("\n  mend: ") == len(told)


@pytest.mark.parametrize("command", [("-q", "sync"), ("sync", "-q")])
def test_a_quiet_sync_that_is_stopped_says_why(command: tuple[str, ...], book: BookFolder) -> None:
    with Sandbox(seed=6, fills=FILLS) as sandbox:
        book.connect(sandbox, base_url=f"http://127.0.0.1:{closed_port()}")
    ran = book.run(*command, "--budget", "2")
    assert ran.code == 4
    assert "STOPPED" in ran.out
    assert "  mend: is base_url right, and the network up?" in ran.err


@pytest.mark.parametrize(
    "command",
    [
        ("-q", "connect", "list"),
        ("connect", "-q", "list"),
        ("connect", "list", "-q"),
        ("connect", "list", "--quiet"),
        ("connect", "list", "-qv", "-q"),
    ],
    ids=" ".join,
)
def test_quiet_works_before_and_after_commands_and_those_below_them(command: tuple[str, ...], book: BookFolder) -> None:
    assert book.run("connect", "list").ok().err.startswith("no connection yet")
    assert book.run(*command).ok().err == ""


@pytest.mark.parametrize("command", [("-vv", "connect", "check"), ("connect", "-vv", "check"), ("connect", "check", "-v", "--verbose")])
def test_verbose_works_before_and_after_commands_and_those_below_them(command: tuple[str, ...], book: BookFolder) -> None:
    with Sandbox(seed=6, fills=FILLS) as sandbox:
        book.connect(sandbox)
        assert "DEBUG" not in book.run("connect", "check").ok().err
        assert "DEBUG" in book.run(*command).ok().err


def test_manuals_tell_of_quiet_and_verbose_once(book: BookFolder) -> None:
    assert "--quiet" in book.run("--help").ok().out
    for command in (("status",), ("connect",), ("connect", "add")):
        assert "--quiet" not in book.run(*command, "--help").ok().out
