"""`make bench`: the whole job as whole processes, beside a plain loop that stores the same rows.

Prints wall seconds, CPU seconds and peak memory of each step, the ratio to the plain loop, and what ten times the fills
cost. Nothing here passes or fails: read the ratios, machines differ.
"""

import argparse
import csv
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

HERE = Path(__file__).parent
WORK = HERE.parent / "bench-out"
HEADER = (
    "id,time,type,account,to_account,bot,order_id,note,asset,amount,"
    "quote_asset,quote_amount,fee_asset,fee_amount,value,fee_value,kind,acquired"
)
ASSETS = ("BTC", "ETH", "SOL")
PRICES = {"BTC": 60_000_00, "ETH": 3_000_00, "SOL": 150_00}  # cents
START = datetime(2024, 1, 2, tzinfo=UTC)
WARM_UP_FILLS = 100
MEBIBYTE = 1024 * 1024
COMMAND = str(Path(sys.executable).with_name("lotwright"))
ENVIRONMENT = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}  # else each run would compile anew


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a finished process took."""

    wall: float
    cpu: float
    peak_mib: float


def main() -> None:
    """Run the benchmark that the options ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fills", type=int, default=100_000, help="fills of the smaller run (default: %(default)s)")
    parser.add_argument("--once", action="store_true", help="leave the run with ten times the fills out")
    options = parser.parse_args()
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir()
    warm_up()
    small = whole_job(options.fills)
    if not options.once:
        large = whole_job(options.fills * 10)
        print(
            f"\nten times the fills: {large.wall / small.wall:.2f} times the seconds, {large.cpu / small.cpu:.2f} times the CPU, "
            f"{large.peak_mib / small.peak_mib:.2f} times the memory"
        )


def warm_up() -> None:
    """Do a small job unmeasured: an installed program is compiled, and each run of it does not begin with that."""
    for step in steps_of(WARM_UP_FILLS).values():
        subprocess.run(step, env=ENVIRONMENT, stdout=subprocess.DEVNULL, check=True)  # noqa: S603  # our own commands


def steps_of(fills: int) -> dict[str, list[str]]:
    """Write a file of so many fills; return the commands of the job by their names."""
    source, book = source_of(fills), WORK / f"book-{fills}"
    write_fills(source, fills)
    command = [COMMAND, "-q"]
    return {
        "init": [*command, "init", str(book), "--time-zone", "America/New_York"],
        "import and match": [*command, "--book", str(book), "import", str(source)],
        "report gains, csv": [*command, "--book", str(book), "report", "gains", "--format", "csv", "-o", str(WORK / f"gains-{fills}.csv")],
    }


def source_of(fills: int) -> Path:
    """Return the place of a file of so many fills."""
    return WORK / f"fills-{fills}.csv"


def whole_job(fills: int) -> Cost:
    """Import, match and report one file of so many fills; return the sum of the steps and the largest peak."""
    steps, source = steps_of(fills), source_of(fills)
    print(f"\n{fills:,} fills, {source.stat().st_size / MEBIBYTE:.1f} MiB of CSV")
    print(f"{'step':24}{'seconds':>10}{'cpu':>10}{'peak MiB':>12}")
    costs = [timed(name, step) for name, step in steps.items()]
    total = Cost(wall=sum(c.wall for c in costs), cpu=sum(c.cpu for c in costs), peak_mib=max(c.peak_mib for c in costs))
    shown("whole job", total)
    plain = timed(
        "plain sqlite3 + csv loop", [sys.executable, str(HERE / "plain_loop.py"), str(source), str(WORK / f"plain-{fills}.sqlite3")]
    )
    print(
        f"ratio to the plain loop: {total.wall / plain.wall:.1f} times the seconds, {total.cpu / plain.cpu:.1f} times the CPU, "
        f"{total.peak_mib / plain.peak_mib:.1f} times the memory"
    )
    return total


def timed(name: str, command: list[str]) -> Cost:
    """Run a process to its end; print and return what it took by the system's own account."""
    began = time.monotonic()
    child = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL)  # noqa: S603  # our own commands
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{name} ended with exit {child.returncode}")
    cost = Cost(wall=time.monotonic() - began, cpu=usage.ru_utime + usage.ru_stime, peak_mib=peak_of(usage))
    shown(name, cost)
    return cost


def peak_of(usage: resource.struct_rusage) -> float:
    """Return the peak memory in MiB; Linux counts KiB, macOS bytes."""
    return usage.ru_maxrss / (MEBIBYTE if sys.platform == "darwin" else 1024)


def shown(name: str, cost: Cost) -> None:
    """Print one line."""
    print(f"{name:24}{cost.wall:10.2f}{cost.cpu:10.2f}{cost.peak_mib:12.0f}")


def write_fills(path: Path, fills: int) -> None:
    """Write a bot's fills: three assets, cash-quoted, three buys to two sells, never more sold than held."""
    dice = random.Random(7)  # noqa: S311  # the same file at each run
    held = dict.fromkeys(ASSETS, 0)
    step = timedelta(seconds=55_000_000 / fills)
    with path.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow(HEADER.split(","))
        for number in range(fills):
            asset = dice.choice(ASSETS)
            size, price = dice.randrange(1_000, 90_000_000), PRICES[asset] * dice.randrange(80, 125) // 100
            sell = held[asset] > size and dice.random() < 0.5  # noqa: PLR2004  # an even bet
            held[asset] += -size if sell else size
            quote = size * price  # 1e-8 units times cents: 1e-10 dollars
            fee = quote // 1_000
            row = {
                "id": f"f{number}",
                "time": (START + step * number).isoformat(timespec="microseconds").replace("+00:00", "Z"),
                "type": "sell" if sell else "buy",
                "account": "main",
                "bot": "grid-1",
                "asset": asset,
                "amount": scaled(size, 8),
                "quote_asset": "USD",
                "quote_amount": scaled(quote, 10),
                "fee_asset": "USD",
                "fee_amount": scaled(fee, 10),
            }
            writer.writerow([row.get(column, "") for column in HEADER.split(",")])


def scaled(units: int, decimals: int) -> str:
    """Write whole units of 10**-decimals as a plain number."""
    whole, rest = divmod(units, 10**decimals)
    return f"{whole}.{rest:0{decimals}d}"


if __name__ == "__main__":
    main()
