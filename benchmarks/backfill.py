"""Pull a long history for the first time, at the whole of a venue's rate, and measure what it is bound by.

One real `lotwright sync` process (see `leap`) reads so many fills, and all else that the venue tells of them, from the sandbox. Time
passes by the CPU seconds of that process, and by what it waits for the venue's rate. Prints for each venue the pace as a part of what
its rate model allows (1: the venue alone is what is waited for), CPU seconds for a second of that time, and peak memory. Ends with 0
when a sync ended clean and the venue had nothing to complain of. Read the figures: nothing else passes or fails here.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from dialects import TIERS, Book
from leap import LeapClock

from ledger.book import Book as BookOfLedger
from ledger.sandbox.limits import Rate, WeightRate
from ledger.sandbox.server import DIALECTS, Sandbox


def main() -> None:
    """Pull from each venue."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fills", type=int, default=50_000, help="fills of the history (default: %(default)s)")
    parser.add_argument("--venues", default=",".join(sorted(DIALECTS)), help="which dialects (default: %(default)s)")
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="lotwright-backfill-"))
    try:
        BookOfLedger.create(work / "blank").close()
        print(f"{'venue':20}{'fills':>10}{'calls':>8}{'seconds':>10}{'of the pace':>12}{'cpu':>8}{'cpu/second':>12}{'peak MiB':>10}")
        failed = [venue for venue in options.venues.split(",") if not pulled(work, venue, options.fills)]
    finally:
        shutil.rmtree(work)
    sys.exit(f"not clean: {', '.join(failed)}" if failed else 0)


def pulled(work: Path, venue: str, fills: int) -> bool:
    """Pull one history; print what it took; tell whether all was well."""
    folder = work / venue
    folder.mkdir()
    clock = LeapClock(folder / "clock", of_work=True)
    with Sandbox(venue=venue, fills=fills, wall=clock.wall, monotonic=clock.monotonic) as sandbox:
        ended = Book(work / "blank", folder, sandbox, clock).run("sync", "--since", "2024-01-01", "--json", codes=None)
        calls = [call for call in sandbox.calls if call.bucket != "public"]
        seconds = calls[-1].received_at - calls[0].received_at
        pace = seconds_allowed(sandbox) / seconds
        is_clean = ended.code == 0 and not sandbox.violations and json.loads(ended.out)["new"] >= fills
        print(
            f"{venue + ' ' + TIERS.get(venue, ''):20}{fills:10}{len(calls):8}{seconds:10.1f}{pace:12.3f}"
            f"{ended.cpu_seconds:8.1f}{ended.cpu_seconds / clock.monotonic():12.3f}{ended.peak_mib:10.0f}"
        )
        if not is_clean:
            print(ended, sandbox.violations[:3])
    return is_clean


def seconds_allowed(sandbox: Sandbox) -> float:
    """Return the least seconds in which the venue would have let these calls come, one bucket after the other, all full at first."""
    costs: Counter[str] = Counter()
    for call in sandbox.calls:
        costs[call.bucket] += call.cost
    return sum(bucket_seconds(sandbox.rates[bucket], cost) for bucket, cost in costs.items() if bucket != "public")


def bucket_seconds(rate: Rate | WeightRate, cost: int) -> float:
    """Return the least seconds that calls of so much cost take."""
    if isinstance(rate, WeightRate):
        return max(0, cost - rate.limit) / rate.limit * rate.seconds
    return max(0, cost - rate.burst) / rate.per_second


if __name__ == "__main__":
    main()
