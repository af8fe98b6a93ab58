"""`make bench`, second part: what a bot waits for before it sends an order, on a large book that `run.py` has left.

Prints CPU milliseconds and those by the clock, of the first call on a book just opened and the median of the next ones. Elections are
written into that book. Nothing here passes or fails.
"""

import argparse
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from statistics import median

import ledger.cli  # noqa: F401  # every command runs with its threshold of garbage collection
from ledger.book import Book
from ledger.domain.amount import text_of

BTC = "BTC"
CALLS = 30
PRICE = Decimal(60_000)
SALES = (Decimal(1), Decimal(20), Decimal(60))  # a few lots by each rule; some 45; some 140
SELECTED = Decimal("0.00001")
MILLISECONDS = 1000

Clock = Callable[[], float]


def main() -> None:
    """Run the benchmark that the options ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("book", type=Path, help="a book of benchmarks/run.py, as bench-out/book-1000000")
    folder = parser.parse_args().book
    print(f"\nasking {folder.name}: milliseconds of CPU (by the clock)")
    print(f"{'call':36}{'first':>18}{'median':>18}")
    for quantity in SALES:
        with Book.open(folder) as book:
            shown(f"preview {text_of(quantity)} {BTC}", lambda book=book, quantity=quantity: book.preview(BTC, quantity, price=PRICE))
    with Book.open(folder) as book:
        began = str(time.time_ns())  # orders of another run are other orders
        lots = [str(one.piece.lot.lot_id) for one in book.preview(BTC, Decimal(1))[0].pieces if one.piece.lot]
        orders = (f"{began}-{number}" for number in range(CALLS + 1))
        rules = (("hifo", "fifo")[number % 2] for number in range(CALLS + 1))  # the order in force is refused
        shown("elect lots for an order", lambda: book.elect(order=next(orders), lots=dict.fromkeys(lots, SELECTED)))
        shown("elect a standing order", lambda: book.elect(rule=next(rules), wallet="main", bot=f"bot-{began}"))


def shown(name: str, call: Callable[[], object]) -> None:
    """Call often and print one line."""
    costs = [timed(call) for _ in range(CALLS + 1)]
    first, rest = costs[0], [median(column) for column in zip(*costs[1:], strict=True)]
    print(f"{name:36}" + "".join(f"{f'{cpu:.1f} ({wall:.1f})':>18}" for cpu, wall in (first, rest)))


def timed(call: Callable[[], object]) -> tuple[float, float]:
    """Return what a call takes: CPU, and by the clock."""
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    return (time.process_time() - cpu) * MILLISECONDS, (time.perf_counter() - wall) * MILLISECONDS


if __name__ == "__main__":
    main()
