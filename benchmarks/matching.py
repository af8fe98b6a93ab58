"""`make bench`, last part: matching alone, of movements that are held in memory, by each rule and with selections.

Prints user CPU seconds, the least of several runs, for so many movements of one pool, twice and four times as many, and the growth from
the first to the last: 4.0 is linear. Nothing here passes or fails.
"""

import argparse
import random
import resource
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import ledger.cli  # noqa: F401  # every command runs with its threshold of garbage collection
from ledger.domain.amount import AssetCode, decimal_of_units, units_of
from ledger.domain.election import Election, EvidenceGrade, LotPick, PickOrder, Selection
from ledger.domain.ids import AccountId, BotId, ElectionId, OrderId, SourceId, VenueName, WalletId, event_id, lot_id
from ledger.domain.lot import Acquisition, Departure, DepartureKind, LotOrigin, Movement
from ledger.domain.time.period import CALENDAR_YEAR
from ledger.lots.average import MovingAverage, TotalAverage
from ledger.lots.matching import Picking
from ledger.ports import MatchingRule

BTC = AssetCode("BTC")
MAIN = "main"
START = datetime(2021, 1, 4, tzinfo=UTC)
YEARS = timedelta(days=5 * 365)
SIZE_MAX = 90_000_000  # units of 1e-8
PRICE_CENTS = 60_000_00
CENTS_PER_ONE = 10**10  # 1e-8 units times cents
SALES_SHARE = 0.45  # so that open lots grow with the history
SELECTIONS_SHARE = 0.5  # of the sales
LOTS_LOOKED_AT = 16  # by the chooser of lots


def main() -> None:
    """Run the benchmark that the options ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fills", type=int, default=1_000_000, help="fills of the largest run (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each, of which the least is shown (default: %(default)s)")
    parser.add_argument("--only", help="the one rule to measure")
    options = parser.parse_args()
    sizes = [options.fills // 4, options.fills // 2, options.fills]
    timelines = [movements_of(size) for size in sizes]
    chosen = [selections_of(timeline) for timeline in timelines]
    print(f"\nmatching in memory; selections: {', '.join(f'{len(one):,}' for one in chosen)}; least user CPU of {options.runs} runs")
    print(f"{'rule':24}" + "".join(f"{size:>12,}" for size in sizes) + f"{'growth':>10}")
    for name in [options.only] if options.only else [*PickOrder, "selections", "average", "total-average"]:
        seconds = [
            min(matched_in(timeline, rule_of(name, elections)) for _ in range(options.runs))
            for timeline, elections in zip(timelines, chosen, strict=True)
        ]
        print(f"{name:24}" + "".join(f"{one:12.2f}" for one in seconds) + f"{seconds[-1] / seconds[0]:10.2f}")


def rule_of(name: str, elections: Sequence[Election]) -> MatchingRule:
    """Return a rule with its elections: ``selections`` is FIFO with selections."""
    match name:
        case "average":
            return MovingAverage(universal=False)
        case "total-average":
            return TotalAverage(year_start=CALENDAR_YEAR, zone=UTC)
        case "selections":
            return Picking(PickOrder.FIFO, elections=elections)
        case _:
            return Picking(PickOrder(name))


def matched_in(timeline: Sequence[Movement], rule: MatchingRule) -> float:
    """Return the user CPU seconds that matching takes; results are counted off, as the book stores and forgets them."""
    began = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    deque(rule.match(timeline), maxlen=0)
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime - began


def movements_of(fills: int) -> list[Movement]:
    """Return the movements of a bot in one wallet: eleven buys to nine sales, never more sold than held."""
    dice = random.Random(7)  # noqa: S311  # the same timeline at each run
    step, held = YEARS / fills, 0
    timeline: list[Movement] = []
    for number in range(fills):
        size, price = dice.randrange(1_000, SIZE_MAX), PRICE_CENTS * dice.randrange(80, 125) // 100
        sell = held > size and dice.random() < SALES_SHARE
        held += -size if sell else size
        timeline.append(_movement(number, START + step * number, size=size, cents=size * price, sell=sell))
    return timeline


def _movement(number: int, occurred_at: datetime, *, size: int, cents: int, sell: bool) -> Movement:
    account, source = AccountId(MAIN), SourceId(f"f{number}")
    event = event_id(venue=VenueName("bench"), account=account, product_line="spot", kind="fill", scope="", source_id=source)
    quantity, money, fee = (Decimal(units).scaleb(-8) for units in (size, cents * 10**8 // CENTS_PER_ONE, cents * 10**5 // CENTS_PER_ONE))
    if sell:
        return Departure(
            event_id=event,
            source_id=source,
            leg=1,
            sequence=number,
            occurred_at=occurred_at,
            asset=BTC,
            quantity=quantity,
            account=account,
            wallet=WalletId(MAIN),
            bot=BotId("grid-1"),
            order_id=OrderId(f"o{number}"),
            client_order_id=OrderId(f"c{number}"),
            kind=DepartureKind.SALE,
            proceeds=money - fee,
            selling_costs=fee,
        )
    return Acquisition(
        event_id=event,
        source_id=source,
        leg=1,
        sequence=number,
        occurred_at=occurred_at,
        asset=BTC,
        quantity=quantity,
        account=account,
        wallet=WalletId(MAIN),
        bot=BotId("grid-1"),
        order_id=OrderId(f"o{number}"),
        client_order_id=OrderId(f"c{number}"),
        cost_basis=money + fee,
        acquired_at=occurred_at,
        origin=LotOrigin.PURCHASE,
    )


def selections_of(timeline: Sequence[Movement]) -> list[Election]:
    """Return selections for a share of the sales, each of one or two open lots, recorded a second before: what a bot would do.

    The other sales go by FIFO, and what they take is no longer open here either.
    """
    dice = random.Random(11)  # noqa: S311  # the same selections at each run
    left: dict[int, int] = {}  # units by the place of the acquisition
    queue: deque[int] = deque()
    newest: deque[int] = deque(maxlen=LOTS_LOOKED_AT)
    elections: list[Election] = []
    for place, movement in enumerate(timeline):
        if isinstance(movement, Acquisition):
            left[place] = units_of(movement.quantity)
            queue.append(place)
            newest.append(place)
            continue
        named = [lot for lot in dice.sample(newest, min(2, len(newest))) if lot in left]
        selected = dice.random() < SELECTIONS_SHARE and sum(left[lot] for lot in named) >= units_of(movement.quantity)
        taken = _taken(left, deque(named) if selected else queue, units_of(movement.quantity))
        if selected:
            elections.append(_selection(place, movement, [(timeline[lot], units) for lot, units in taken]))
    return elections


def _taken(left: dict[int, int], queue: deque[int], units: int) -> list[tuple[int, int]]:
    taken: list[tuple[int, int]] = []
    while units:
        part = min(units, left.get(queue[0], 0))
        units -= part
        if part:
            taken.append((queue[0], part))
            left[queue[0]] -= part
        if not left.get(queue[0]):
            left.pop(queue.popleft(), None)
    return taken


def _selection(number: int, sale: Movement, picks: Sequence[tuple[Movement, int]]) -> Selection:
    by_order = number % 2 == 0  # the others are for the sale itself
    return Selection(
        election_id=ElectionId(f"EL-{number:016x}"),
        recorded_at=sale.occurred_at - timedelta(seconds=1),
        grade=EvidenceGrade.OWN,
        picks=tuple(LotPick(lot=lot_id(lot.event_id, lot.leg), quantity=decimal_of_units(units)) for lot, units in picks),
        sale=None if by_order else sale.source_id,
        order_id=sale.client_order_id if by_order else None,
        wallet=WalletId(MAIN),
        asset=BTC,
    )


if __name__ == "__main__":
    main()
