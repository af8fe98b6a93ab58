"""Kill runs at random instants and compare what is left with a book that was never disturbed.

The exchange has every fault that passes: limits of rate, outages, broken lines, a clock that jumps, pages that mislead. Each
round makes a new book, kills its sync and then its import with SIGKILL at instants drawn from a seed, until a run comes to its
end by itself; then every report must be the undisturbed book's byte by byte, no row of the journal may be there twice,
and `check` must find no error. Ends with 0 when all books are equal.
"""

import argparse
import json
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ledger.sandbox.calls import ViolationKind
from ledger.sandbox.server import Sandbox
from ledger.sandbox.wire import Patience

COMMAND = str(Path(sys.executable).with_name("lotwright"))
REPORTS = ("gains", "journal", "lots", "balances")
TABLES = ("entry", "posting", "price", "lot", "disposal")  # pages pulled again are kept again, and so are balances
HEADER = "id,time,type,account,asset,amount,quote_asset,quote_amount"
START = datetime(2024, 1, 2, tzinfo=UTC)
KILLS_A_JOB_MAX = 8
OWNER_ONLY = 0o600
PASSING_FAULTS = "1,2,3,4,6"  # groups of the sandbox: rate, outage, transport, clock, paging
QUICK = Patience(drip_seconds=0.05, stall_seconds=0.1)
SYNC = ("sync",)

Likeness = dict[str, str]


@dataclass(slots=True, kw_only=True)
class Round:
    """One disturbed book: how often its runs were killed, and in what it differs from the undisturbed one."""

    kills: int
    differences: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A command on a book, and how long it takes undisturbed."""

    arguments: tuple[str, ...]
    seconds: float


def main() -> None:
    """Run as many rounds as the wanted number of kills takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="how many runs to kill (default: %(default)s)")
    parser.add_argument("--fills", type=int, default=400, help="fills of the exchange and rows of the file (default: %(default)s)")
    parser.add_argument(
        "--faults", default=PASSING_FAULTS, help="faults of the exchange, as in `lotwright sandbox serve` (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="draws the instants (default: %(default)s)")
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="lotwright-kill-"))
    try:
        with Sandbox(seed=options.seed, fills=options.fills, faults=options.faults, patience=QUICK) as sandbox:
            failed = run(work, sandbox, kills=options.kills, dice=random.Random(options.seed))  # noqa: S311 - the same instants again
    finally:
        shutil.rmtree(work)
    sys.exit(failed)


def run(work: Path, sandbox: Sandbox, *, kills: int, dice: random.Random) -> int:
    """Disturb book after book until so many runs were killed; print each difference and a summary; return 1 for any."""
    source = work / "rows.csv"
    write_rows(source, len(sandbox.account.fills))
    calm = new_book(work / "calm", sandbox)
    jobs = [timed(calm, SYNC), timed(calm, ("import", str(source)))]
    output(calm, *SYNC)
    expected = likeness_of(calm)
    rounds: list[Round] = []
    while sum(one.kills for one in rounds) < kills:
        wanted = kills - sum(one.kills for one in rounds)
        rounds.append(disturbed(new_book(work / f"round-{len(rounds) + 1}", sandbox), jobs, expected, wanted=wanted, dice=dice))
        for difference in rounds[-1].differences:
            print(f"round {len(rounds)}: {difference}")
    killed_runs, differing = sum(one.kills for one in rounds), sum(bool(one.differences) for one in rounds)
    faults = sum(sandbox.fault_counts().values())
    # A killed run cannot tell the next one how long the exchange wanted to be left alone.
    violations = len([one for one in sandbox.violations if one.kind is not ViolationKind.RETRY_TOO_EARLY])
    print(
        f"{killed_runs} runs killed in {len(rounds)} books: {len(rounds) - differing} books equal the undisturbed one, "
        f"{differing} differ; the exchange misbehaved {faults} times and complains {violations} times"
    )
    return 1 if differing or violations else 0


def disturbed(book: Path, jobs: list[Job], expected: Likeness, *, wanted: int, dice: random.Random) -> Round:
    """Do the jobs on a book, each killed a few times before it may end; compare."""
    done = Round(kills=0, differences=[])
    for job in jobs:
        for _ in range(min(KILLS_A_JOB_MAX, wanted - done.kills)):
            if not killed(book, job, after=dice.uniform(0, job.seconds)):
                break
            done.kills += 1
        timed(book, job.arguments)
    output(book, *SYNC)  # what came to the exchange while it was read is there at the next reading
    found = likeness_of(book)
    done.differences = [f"{name} differs" for name in expected if found[name] != expected[name]]
    shutil.rmtree(book.parent)
    return done


def killed(book: Path, job: Job, *, after: float) -> bool:
    """Start a job and kill it after some seconds; tell whether it was still there to be killed."""
    with subprocess.Popen(command(book, job.arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:  # noqa: S603 - our own command
        try:
            code = child.wait(timeout=after)
        except subprocess.TimeoutExpired:
            child.kill()
            return True
        assert code == 0, (job.arguments, code)
        return False


def timed(book: Path, arguments: tuple[str, ...]) -> Job:
    """Run a job to its end and return it with the seconds that it took."""
    began = time.monotonic()
    output(book, *arguments)
    return Job(arguments=arguments, seconds=time.monotonic() - began)


def likeness_of(book: Path) -> Likeness:
    """Return all by which two books are compared."""
    likeness = {name: output(book, "report", name, "--format", "csv") for name in REPORTS}
    with closing(sqlite3.connect(book / "book.sqlite3")) as connection:
        for table in TABLES:
            likeness[f"number of rows of {table}"] = str(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - our own tables
    likeness["check"] = output(book, "check")
    return likeness


def new_book(folder: Path, sandbox: Sandbox) -> Path:
    """Make a book with one connection, all of the same name, in a new folder."""
    book = folder / "book"
    subprocess.run([COMMAND, "-q", "init", str(book), "--time-zone", "America/New_York"], check=True)  # noqa: S603 - our own command
    secrets = book / "main.secrets.toml"
    secrets.touch(mode=OWNER_ONLY)
    texts = {"KEY": sandbox.key, "SECRET": sandbox.secret, "PASSPHRASE": sandbox.passphrase}
    secrets.write_text("".join(f"{name} = {json.dumps(text)}\n" for name, text in texts.items()), encoding="utf-8")
    options = ("--venue", sandbox.venue, "--base-url", sandbox.rest_url, "--secrets", f"file:{secrets.name}", "--share", "1.0")
    output(book, "connect", "add", "main", *options)
    return book


def write_rows(path: Path, rows: int) -> None:
    """Write purchases and sales of a second account."""
    with path.open("w", encoding="utf-8", newline="") as target:
        print(HEADER, file=target)
        for number in range(rows):
            at = (START + number * timedelta(hours=7)).isoformat()
            trade = "sell" if number % 3 == 2 else "buy"  # noqa: PLR2004 - every third, so that no more is sold than held
            print(f"r{number},{at},{trade},cold,LTC,{number % 9 + 1}.5,USD,{number % 90 + 400}", file=target)


def command(book: Path, arguments: tuple[str, ...]) -> list[str]:
    """Return the words of a command on a book."""
    return [COMMAND, "-q", "--book", str(book), *arguments]


def output(book: Path, *arguments: str) -> str:
    """Run a command that must not fail and return what it prints."""
    done = subprocess.run(command(book, arguments), capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    assert done.returncode == 0, done
    return done.stdout


if __name__ == "__main__":
    main()
