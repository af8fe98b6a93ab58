"""Pull a long history for the first time, at the whole of a venue's rate, and measure what it is bound by.

One real `lotwright sync` process (see `leap`) reads so many fills, and all else that the venue tells of them, from the sandbox. Time
passes by the CPU seconds of that process, and by what it waits for the venue's rate. Prints for each venue the seconds to the last
page of a history and the pace as a part of what the rate model allows (1: the venue alone is what is waited for); of the whole run,
lots and prices too, CPU seconds, these for a second of that time, and peak memory. Ends with 0 when a sync ended clean and the venue
had nothing to complain of. Read the figures: nothing else passes or fails here.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path

from dialects import TIERS, Book
from leap import LeapClock

from ledger.book import Book as BookOfLedger
from ledger.sandbox.calls import CallRecord
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
        calls = history_calls(sandbox.calls)
        seconds = calls[-1].received_at - calls[0].received_at
        is_clean = ended.code == 0 and not sandbox.violations and json.loads(ended.out)["new"] >= fills
        print(
            f"{venue + ' ' + TIERS.get(venue, ''):20}{fills:10}{len(calls):8}{seconds:10.1f}{pace_of(calls, sandbox.rates):12.3f}"
            f"{ended.cpu_seconds:8.1f}{ended.cpu_seconds / (clock.leapt + ended.cpu_seconds):12.3f}{ended.peak_mib:10.0f}"
        )
        if not is_clean:
            print(ended, sandbox.violations[:3])
    return is_clean


def history_calls(calls: Sequence[CallRecord]) -> list[CallRecord]:
    """Return the calls of the back-fill itself: to the last page of a history, without prices, for which lots are matched first."""
    last = max(place for place, call in enumerate(calls) if call.rows)
    return [call for call in calls[: last + 1] if call.bucket != "public"]


def pace_of(calls: Sequence[CallRecord], rates: Mapping[str, Rate | WeightRate]) -> float:
    """Return the least seconds that the venue's limits leave for these calls, as a part of those that they took.

    The limits are spent one after the other, all unused at first. Where weight is counted within a window, the calls of the last one
    are left out: it is not full, so nothing holds them back.
    """
    calls_by_bucket: defaultdict[str, list[CallRecord]] = defaultdict(list)
    for call in calls:
        calls_by_bucket[call.bucket].append(call)
    least, taken = 0.0, calls[-1].received_at - calls[0].received_at
    for bucket, own in calls_by_bucket.items():
        rate, cost = rates[bucket], sum(call.cost for call in own)
        if isinstance(rate, Rate):
            least += max(0, cost - rate.burst) / rate.per_second
        elif windows := (cost - 1) // rate.limit:
            least += windows * rate.seconds
            costs = accumulate(call.cost for call in own)
            opened_at = next(call.received_at for call, so_far in zip(own, costs, strict=True) if so_far > windows * rate.limit)
            taken -= own[-1].received_at - opened_at
    return least / taken


if __name__ == "__main__":
    main()
