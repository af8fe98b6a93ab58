"""Serve one history in every dialect of the sandbox, with all faults, and compare the books with one another and with the history.

For each seed each venue has a book of its own, filled by real `lotwright sync` processes, of which some are killed with SIGKILL at
instants drawn from the seed. Then every posting of each book must be one of the sandbox's own account and the other way round, as
often as there; so nothing is lost, nothing doubled, and the books agree. Ids are compared by what they stand for. No run may end
with findings, `lotwright check` must find nothing, and the venue must have nothing to complain of. Waits for the venue's rate are
leapt over by client and venue together (see `leap`). Prints a line for each seed; ends with 0 when all books are right.
"""

import argparse
import json
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from leap import Ended, LeapClock, run_command

from ledger.book import Book as BookOfLedger
from ledger.config import ConnectionSettings, add_connection, load_settings, write_private
from ledger.domain.amount import subtracted, text_of
from ledger.domain.event import Side
from ledger.domain.ids import AccountId, VenueName
from ledger.sandbox.account import SandboxAccount, seeded_account
from ledger.sandbox.calls import ViolationKind
from ledger.sandbox.coinbase_advanced.rows import Identities as AdvancedIdentities
from ledger.sandbox.faults import KIND_BY_FAULT, Fault, FaultPlan
from ledger.sandbox.history.plans import FILLS_MIN
from ledger.sandbox.history.rows import SandboxFill, SandboxTransfer, TransferKind, instant_text
from ledger.sandbox.kraken.names import Identities as KrakenIdentities
from ledger.sandbox.server import DIALECTS, Sandbox
from ledger.sandbox.wire import Patience

SYNCS_MAX = 8
QUICK = Patience(drip_seconds=0.05, stall_seconds=0.1)
UNAVAILABLE = 4  # the exit code of a run that the venue would not serve
RATE_SECONDS = 61.0  # in which the slowest of the venues forgets a call
REST_SECONDS = 300.0  # for which a person leaves such a venue alone
SINCE = "2024-01-01"
SPELLINGS: tuple[tuple[Fault, ...], ...] = ((), (Fault.EXPONENTS,), (Fault.JSON_NUMBERS,))  # of figures; seeds take turns
POSTINGS = """
    SELECT event.source_id, entry.occurred_at, posting.debit, posting.credit, posting.asset, posting.amount
    FROM posting JOIN entry ON entry.seq = posting.entry_seq JOIN event ON event.seq = entry.event_seq
    WHERE entry.reverses IS NULL AND entry.entry_id NOT IN (SELECT reverses FROM entry WHERE reverses IS NOT NULL)
"""

PostingRow = tuple[str, str, str, str, str, str]  # what happened, when, debit, credit, asset, amount
Postings = Counter[PostingRow]


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What became of one venue's book: `wrong` says in words what is not as it should be."""

    venue: str
    postings: Postings = field(default_factory=Counter)
    runs: int = 0
    kills: int = 0
    faults: int = 0
    seconds: float = 0.0
    seconds_leapt: float = 0.0
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What is tried: how many events, how many runs to kill of each book, and how long an undisturbed run takes at each venue.

    `blank` is the folder of a book into which nobody has written.
    """

    blank: Path
    events: int
    kills: int
    venues: tuple[str, ...]
    seconds_by_venue: Mapping[str, float]


def main() -> None:
    """Try all seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="1:11", metavar="A:B", help="from A up to and without B (default: %(default)s)")
    parser.add_argument("--events", type=int, default=20_000, help="fills and transfers of each history (default: %(default)s)")
    parser.add_argument("--kills", type=int, default=2, help="runs to kill of each book (default: %(default)s)")
    parser.add_argument("--venues", default=",".join(sorted(DIALECTS)), help="which dialects (default: %(default)s)")
    parser.add_argument("--done", type=Path, help="file of lines of seeds that were done: they are passed over, others added")
    options = parser.parse_args()
    first, _, end = options.seeds.partition(":")
    wanted = [seed for seed in range(int(first), int(end or int(first) + 1)) if seed not in seeds_done(options.done)]
    work = Path(tempfile.mkdtemp(prefix="lotwright-dialects-"))
    try:
        sys.exit(tried(work, wanted, options))
    finally:
        shutil.rmtree(work)


def seeds_done(path: Path | None) -> set[int]:
    """Return the seeds of which a file has lines."""
    lines = path.read_text(encoding="utf-8").splitlines() if path and path.exists() else []
    return {int(line.split()[1].rstrip(":")) for line in lines if line.startswith("seed ")}


def tried(work: Path, seeds: list[int], options: argparse.Namespace) -> int:
    """Try seed after seed; print and keep a line of each; return 1 when a book is wrong."""
    venues, blank = tuple(options.venues.split(",")), work / "blank"
    BookOfLedger.create(blank, time_zone="America/New_York").close()
    calm = {venue: probed(blank, work / "probe", venue, options.events) for venue in venues} if seeds and options.kills else {}
    trial = Trial(blank=blank, events=options.events, kills=options.kills, venues=venues, seconds_by_venue=calm)
    failed, totals = 0, Counter[str]()
    for seed in seeds:
        outcomes = seed_tried(work / f"seed-{seed}", seed, trial)
        line = line_of(seed, trial, outcomes)
        print(line, flush=True)
        if options.done:
            with options.done.open("a", encoding="utf-8") as target:
                print(line, file=target)
        failed += any(outcome.wrong for outcome in outcomes)
        totals += Counter(
            runs=sum(outcome.runs for outcome in outcomes),
            kills=sum(outcome.kills for outcome in outcomes),
            faults=sum(outcome.faults for outcome in outcomes),
            postings=sum(outcome.postings.total() for outcome in outcomes),
        )
    print(
        f"{len(seeds)} seeds of {options.events} events in {len(venues)} dialects: {len(seeds) - failed} right, {failed} wrong; "
        f"{totals['postings']} postings, {totals['runs']} runs of which {totals['kills']} were killed, {totals['faults']} faults"
    )
    return 1 if failed else 0


def line_of(seed: int, trial: Trial, outcomes: list[Outcome]) -> str:
    """Tell a seed in one line."""
    wrong = "; ".join(f"{outcome.venue}: {', '.join(outcome.wrong)}" for outcome in outcomes if outcome.wrong)
    each = ", ".join(
        f"{one.venue} {one.runs} runs {one.kills} killed {one.faults} faults {one.seconds:.0f} s (leapt {one.seconds_leapt:.0f} s)"
        for one in outcomes
    )
    return f"seed {seed}: {trial.events} events: {'WRONG ' + wrong if wrong else 'all agree'}: {each}"


def probed(blank: Path, folder: Path, venue: str, events: int) -> float:
    """Return how many seconds an undisturbed run takes."""
    clock = LeapClock(clock_of(folder / venue))
    with Sandbox(venue=venue, fills=fills_of(events), wall=clock.wall, monotonic=clock.monotonic) as sandbox:
        probe = Book(blank, folder / venue, sandbox, clock)
        began = time.monotonic()
        probe.sync()
        shutil.rmtree(folder)
        return time.monotonic() - began


def fills_of(events: int) -> int:
    """Return how many fills a history of so many events has; its transfers are always the same number."""
    return events - sum(1 for one in seeded_account(1, FILLS_MIN).transfers if one.moved_at)


def seed_tried(folder: Path, seed: int, trial: Trial) -> list[Outcome]:
    """Fill a book at each venue, and compare."""
    account = seeded_account(seed, fills_of(trial.events))
    truth = Counter(true_postings(account))
    outcomes = [venue_tried(folder / venue, venue, seed, trial) for venue in trial.venues]
    for outcome in outcomes:
        outcome.wrong += differences(truth, outcome.postings)
    shutil.rmtree(folder)
    return outcomes


def differences(truth: Postings, found: Postings) -> list[str]:
    """Say what is lost and what is there too often, with the first of each."""
    lost, doubled = truth - found, found - truth
    told = [("lost", lost), ("too many", doubled)]
    return [f"{rows.total()} postings {word}, first {min(rows)}" for word, rows in told if rows]


def venue_tried(folder: Path, venue: str, seed: int, trial: Trial) -> Outcome:
    """Fill one book: runs that are killed first, then runs until one finds nothing new."""
    outcome = Outcome(venue=venue)
    dice = random.Random(f"{seed}/{venue}")  # noqa: S311 - the same instants again
    clock = LeapClock(clock_of(folder))
    began = time.monotonic()
    plan = plan_of(seed)
    with Sandbox(
        venue=venue, seed=seed, fills=fills_of(trial.events), faults=plan, patience=QUICK, wall=clock.wall, monotonic=clock.monotonic
    ) as sandbox:
        book = Book(trial.blank, folder, sandbox, clock)
        killed_at = []
        for _ in range(trial.kills):
            outcome.runs += 1
            if book.killed(after=dice.uniform(0, trial.seconds_by_venue[venue])):
                killed_at.append(clock.monotonic())
        outcome.kills = len(killed_at)
        outcome.wrong += run_to_the_end(book, outcome)
        outcome.wrong += book.faults_found()
        outcome.faults = sum(sandbox.fault_counts().values())
        outcome.wrong += complaints(sandbox, killed_at)
        outcome.postings = Counter(book.postings(NAMES[venue](sandbox.account)))
    outcome.seconds, outcome.seconds_leapt = time.monotonic() - began, clock.leapt
    return outcome


def complaints(sandbox: Sandbox, killed_at: list[float]) -> list[str]:
    """Say what the venue complains of, but for the minute after a kill.

    A killed run cannot tell the next one how long the venue wanted to be left alone, nor which call it had just made.
    """
    found = set()
    calls = sandbox.calls
    for one in sandbox.violations:
        is_after_kill = any(0 <= calls[one.call - 1].received_at - at < RATE_SECONDS for at in killed_at)
        if not (is_after_kill and one.kind in {ViolationKind.RETRY_TOO_EARLY, ViolationKind.RATE_EXCEEDED}):
            found.add(one.kind)
    return [f"the venue complains of {kind}" for kind in sorted(found)]


def run_to_the_end(book: "Book", outcome: Outcome) -> list[str]:
    """Run until a run finds nothing new; return what is wrong with the last run."""
    for _ in range(SYNCS_MAX):
        told = book.sync()
        outcome.runs += 1
        if told["exit_code"] == UNAVAILABLE:
            book.clock.sleep(REST_SECONDS)
        elif not (told["new"] or told["revised"]):
            wrong = [f"{told['doubtful']} doubtful"] if told["doubtful"] else []
            return wrong + ([f"sync ended with exit {told['exit_code']}: {told}"] if told["exit_code"] else [])
    return [f"{SYNCS_MAX} runs did not come to an end: {told}"]


def plan_of(seed: int) -> FaultPlan:
    """Return all faults from which a correct client recovers, and a spelling of figures."""
    spelling = SPELLINGS[seed % len(SPELLINGS)]
    kinds = [kind for kind in KIND_BY_FAULT.values() if kind.is_mended or kind.fault in spelling]
    return FaultPlan(seed=seed, kinds=kinds)


# --- what should be there --------------------------------------------------------------------------------------------


def true_postings(account: SandboxAccount) -> Iterator[PostingRow]:
    """Yield what the books must hold, straight from the sandbox's own account."""
    for fill in account.fills:
        yield from true_postings_of_fill(fill)
    for transfer in account.transfers:
        yield from true_postings_of_transfer(transfer)


def true_postings_of_fill(fill: SandboxFill) -> Iterator[PostingRow]:
    """Yield what came in, what went out, and fee or rebate."""
    about, at, trading = str(fill.trade_id), instant_text(fill.occurred_at), "equity:trading:main"
    base, money = (fill.base, text_of(fill.size)), (fill.money, text_of(fill.money_amount))
    received, given = (base, money) if fill.side is Side.BUY else (money, base)
    yield about, at, "assets:main", trading, *received
    yield about, at, trading, "assets:main", *given
    if fill.fee > 0:
        yield about, at, "expenses:fees:trading", "assets:main", fill.money, text_of(fill.fee)
    elif fill.fee < 0:
        yield about, at, "assets:main", "income:rebate", fill.money, text_of(-fill.fee)


def true_postings_of_transfer(transfer: SandboxTransfer) -> Iterator[PostingRow]:
    """Yield what came in or left, and the fee of the network; nothing for what was canceled."""
    if transfer.moved_at is None:
        return
    about, at = transfer.transfer_id, second_of(instant_text(transfer.moved_at))
    other = "equity:funding" if transfer.asset == "USD" else "equity:clearing:transfers"
    if transfer.kind is TransferKind.DEPOSIT:
        yield about, at, "assets:main", other, transfer.asset, text_of(transfer.amount)
        return
    yield about, at, other, "assets:main", transfer.asset, text_of(subtracted(transfer.amount, transfer.fee))
    if transfer.fee:
        yield about, at, "expenses:fees:transfers", "assets:main", transfer.asset, text_of(transfer.fee)


def second_of(instant: str) -> str:
    """Cut an instant to the second: some venues tell no more of a transfer."""
    return datetime.fromisoformat(instant).replace(microsecond=0).isoformat()


# --- what a venue calls it -------------------------------------------------------------------------------------------


def kraken_names(account: SandboxAccount) -> dict[str, str]:
    """Return the account's own ids by Kraken's."""
    ids = KrakenIdentities(account.seed)
    moved = {ids.transfer(one.transfer_id): one.transfer_id for one in account.transfers}
    return moved | {ids.trade(fill): str(fill.trade_id) for fill in account.fills}


def advanced_names(account: SandboxAccount) -> dict[str, str]:
    """Return the account's own ids by Coinbase Advanced's, of rows that were told anew too."""
    ids = AdvancedIdentities(account.seed)
    moved = {one.transfer_id: one.transfer_id for one in account.transfers}
    return moved | {ids.entry(fill, kind): str(fill.trade_id) for fill in account.fills for kind in ("FILL", "CORRECTION")}


def own_names(account: SandboxAccount) -> dict[str, str]:
    """Return the account's own ids by those of a venue that has the same."""
    names = [*(str(fill.trade_id) for fill in account.fills), *(one.transfer_id for one in account.transfers)]
    return dict(zip(names, names, strict=True))


NAMES: Mapping[str, Callable[[SandboxAccount], dict[str, str]]] = {
    "binance": own_names,
    "coinbase-advanced": advanced_names,
    "coinbase-exchange": own_names,
    "kraken": kraken_names,
}
TIERS = {"kraken": "pro"}


# --- a book ----------------------------------------------------------------------------------------------------------


def clock_of(folder: Path) -> Path:
    """Return the place of the clock of what happens in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "clock"


class Book:
    """A copy of a blank book with one connection, worked on by real processes."""

    def __init__(self, blank: Path, folder: Path, sandbox: Sandbox, clock: LeapClock) -> None:
        self.clock = clock
        self._folder, self._clock_path = Path(shutil.copytree(blank, folder / "book")), clock_of(folder)
        texts = {"KEY": sandbox.key, "SECRET": sandbox.secret, "PASSPHRASE": sandbox.passphrase}
        write_private(self._folder / "main.secrets.toml", "".join(f"{name} = {json.dumps(text)}\n" for name, text in texts.items()))
        connection = ConnectionSettings(
            name=AccountId("main"),
            venue=VenueName(sandbox.venue),
            base_url=sandbox.rest_url,
            secrets="file:main.secrets.toml",
            share=1.0,
            tier=TIERS.get(sandbox.venue, ""),
        )
        add_connection(load_settings(self._folder), connection)

    def sync(self) -> dict[str, object]:
        """Run to the end and return the summary."""
        told = json.loads(self.run("sync", "--since", SINCE, "--json", codes=(0, 1, UNAVAILABLE)).out)
        assert isinstance(told, dict), told
        return told

    def killed(self, *, after: float) -> bool:
        """Start a run and kill it after some seconds; tell whether it was still there to be killed."""
        return self.run("sync", "--since", SINCE, codes=None, killed_after=after).code is None

    def faults_found(self) -> list[str]:
        """Return what `check` has to say, if it ends otherwise than clean."""
        done = self.run("check", codes=None)
        return [f"check ended with exit {done.code}: {done.err.strip()}"] if done.code else []

    def postings(self, names: Mapping[str, str]) -> Iterator[PostingRow]:
        """Yield the postings that stand, by the account's own ids; of a transfer the instant is cut to the second."""
        fills = set(names.values())
        with closing(sqlite3.connect(self._folder / "book.sqlite3")) as connection:
            for source_id, at, debit, credit, asset, amount in connection.execute(POSTINGS):
                about = names.get(source_id, f"unknown {source_id}")
                is_fill = about in fills and about.isdecimal()
                yield about, at if is_fill else second_of(at), debit, credit, asset, amount

    def run(self, *arguments: str, codes: tuple[int, ...] | None = (0,), killed_after: float | None = None) -> Ended:
        """Run a command on the book in a process of its own; it must end with one of some exit codes, None: any."""
        done = run_command(self._clock_path, "-q", "--book", str(self._folder), *arguments, killed_after=killed_after)
        assert codes is None or done.code in codes, done
        return done


if __name__ == "__main__":
    main()
