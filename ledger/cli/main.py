"""`lotwright`: the command and its exit codes.

0 clean; 1 findings of severity error; 2 usage, settings or input; 3 the venue refused the key; 4 the venue stayed
unavailable; 5 another run holds the book; 70 a fault of ours.
"""

import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import click

from ledger import __version__
from ledger.cli.terminal.output import ReaderGone, check_standard_output, guard_standard_output
from ledger.cli.terminal.session import Session, complaint
from ledger.domain.errors import InputError, LedgerError

_OUR_FAULT = 70
_INTERRUPTED = 130

# command -> module and object: a command's module is loaded when the command is called, so that each starts quickly
_COMMANDS = {
    "init": "ledger.cli.init:init",
    "demo": "ledger.cli.demo:demo",
    "connect": "ledger.cli.connect:connect",
    "sync": "ledger.cli.sync:sync",
    "import": "ledger.cli.imports:import_files",
    "prices": "ledger.cli.prices:prices",
    "bots": "ledger.cli.bots:bots",
    "status": "ledger.cli.inspect:status",
    "coverage": "ledger.cli.proof.coverage:coverage",
    "reconcile": "ledger.cli.inspect:reconcile",
    "check": "ledger.cli.inspect:check",
    "rebuild": "ledger.cli.proof.rebuild:rebuild",
    "report": "ledger.cli.report:report",
    "lots": "ledger.cli.lots:lots",
    "transfers": "ledger.cli.transfers:transfers",
    "period": "ledger.cli.period:period",
    "explain": "ledger.cli.inspect:explain",
    "plugins": "ledger.cli.inspect:plugins",
    "sandbox": "ledger.cli.sandbox:sandbox",
}


class _LazyGroup(click.Group):
    """Lists all commands and loads the one that is called."""

    def invoke(self, ctx: click.Context) -> object:
        """Call the command. Click ends the process with 1 on a broken pipe, which here would mean findings."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as gone:
            raise ReaderGone from gone

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command), command
        return _finished(command)


def _tuned(ctx: click.Context, option: click.Parameter, count: int) -> None:
    """Let `-q` and `-v` after a command count as those before it do."""
    if count:
        session = ctx.ensure_object(Session)
        session.verbosity += count if option.name == "verbose" else -count
        session.start_log()


# The first command's manual tells of them; in every other manual they would only be noise.
_EVERYWHERE = (
    click.Option(["-q", "--quiet"], count=True, expose_value=False, callback=_tuned, hidden=True, help="Print results and errors only."),
    click.Option(["-v", "--verbose"], count=True, expose_value=False, callback=_tuned, hidden=True, help="Log more to standard error."),
)


def _finished(command: click.Command) -> click.Command:
    """Give a command, and those below it, what all of them have: the options of `_EVERYWHERE`, and examples line by line.

    In a raw docstring Click's mark for text whose lines are kept is two characters, not one.
    """
    command.help = command.help and command.help.replace(r"\b", "\b")
    command.params.extend(option for option in _EVERYWHERE if option not in command.params)
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        _finished(below)
    return command


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--book", "folder", metavar="DIR", help="The book's folder; else LOTWRIGHT_BOOK, else the nearest lotwright.toml upward.")
@click.option("-q", "--quiet", count=True, help="Print results and errors only; here or after any command.")
@click.option("-v", "--verbose", count=True, help="Log more to standard error; -vv logs all; here or after any command.")
@click.version_option(__version__, prog_name="lotwright")
@click.pass_context
def cli(ctx: click.Context, folder: str | None, quiet: int, verbose: int) -> None:
    r"""Keep exact, provable books of what trading bots do.

    \b
    A first book, from nothing to a gains report:
      lotwright init my-book --currency USD --time-zone America/New_York
      lotwright --book my-book import fills.csv --account main
      lotwright --book my-book report gains --year 2025 --format csv -o gains.csv

    Lotwright gives no tax advice.
    """
    session = Session(folder=folder, verbosity=verbose - quiet)
    session.start_log()
    ctx.obj = session


cli.help = cli.help and cli.help.replace(r"\b", "\b")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with the contract's code."""
    guard_standard_output()
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; complaints are printed to standard error."""
    try:
        check_standard_output()
        _check_text(arguments)
        ended = cli.main(args=arguments, prog_name="lotwright", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as asked:
        ended = asked.exit_code
    except click.ClickException as wrong:
        wrong.show()
        ended = wrong.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("lotwright: stopped; what was stored is kept, run it again to go on", err=True)
        ended = _INTERRUPTED
    except LedgerError as error:
        click.echo(complaint(error, all_faults="--all" in arguments), err=True)
        ended = error.exit_code
    except (BrokenPipeError, ReaderGone):
        ended = 0
    except Exception as fault:  # noqa: BLE001  # the last line of defence: the contract's exit 70 with a log file
        ended = _confess(fault)
    return ended if isinstance(ended, int) else 0


def _check_text(arguments: Sequence[str]) -> None:
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError as error:
            shown = os.fsencode(argument).decode(errors="backslashreplace")
            mend = "write it in UTF-8; rename a file whose name is in another encoding"
            raise InputError(f"the argument '{shown}' is not UTF-8", mend=mend) from error


def _confess(fault: Exception) -> int:
    handle, name = tempfile.mkstemp(prefix="lotwright-", suffix=".log")
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as log:
        log.write(f"lotwright {__version__}, Python {sys.version}, {datetime.now(UTC).isoformat()}\n")
        log.write("".join(traceback.format_exception(fault)))
    click.echo(
        f"lotwright: a fault of ours: {type(fault).__name__}\n  the book is as it was after the last step; please report {Path(name)}",
        err=True,
    )
    return _OUR_FAULT
