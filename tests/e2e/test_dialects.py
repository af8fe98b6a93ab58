"""One history, served in all four dialects with faults, its syncs killed: four books that agree with it to the last posting."""

import re
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path
from types import ModuleType

import pytest

from ledger.domain.amount import units_of
from ledger.sandbox.account import seeded_account
from ledger.sandbox.server import DIALECTS

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
EVENTS = 120
SEED = 4


@pytest.fixture
def dialects(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import dialects  # noqa: PLC0415 - a program that lies beside the package

    return dialects


@pytest.mark.parametrize("venue", sorted(DIALECTS))  # each against the one account that all have, so with one another
def test_four_books_agree_on_every_posting_whatever_goes_wrong_and_wherever_they_were_killed(venue: str) -> None:
    options = {"seeds": SEED, "events": EVENTS, "kills": 1, "venues": venue}
    command = [sys.executable, str(BENCHMARKS / "dialects.py"), *(f"--{name}={choice}" for name, choice in options.items())]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=170, check=False)
    assert (ran.returncode, ran.stderr) == (0, ""), ran
    line, summary = ran.stdout.splitlines()
    assert line.startswith(f"seed {SEED}: {EVENTS} events: all agree: {venue} "), ran
    books = rf"1 seeds of {EVENTS} events in 1 dialects: 1 right, 0 wrong"
    found = re.fullmatch(rf"{books}; (\d+) postings, (\d+) runs of which \d+ were killed, (\d+) faults", summary)
    assert found, summary
    assert int(found[1]) > 2 * EVENTS
    assert int(found[2]) > 1
    assert int(found[3]) > 0


def test_a_posting_that_is_lost_and_one_that_is_doubled_are_told(dialects: ModuleType) -> None:
    truth = Counter(dialects.true_postings(seeded_account(SEED, 60)))
    first, *_, last = sorted(truth)
    assert dialects.differences(truth, Counter(truth)) == []
    assert dialects.differences(truth, truth - Counter([first])) == [f"1 postings lost, first {first}"]
    assert dialects.differences(truth, truth + Counter([last])) == [f"1 postings too many, first {last}"]


def test_what_the_books_must_hold_adds_up_to_the_balances_of_the_account(dialects: ModuleType) -> None:
    account = seeded_account(SEED, 200)
    units: Counter[str] = Counter()
    for _, _, debit, credit, asset, amount in dialects.true_postings(account):
        units[asset] += units_of(Decimal(amount)) * ((debit == "assets:main") - (credit == "assets:main"))
    assert units == {asset: units_of(account.balance(asset)) for asset in account.assets}
