"""Rows of brokers' statements matched with disposal pieces: by the id of the sale, else by account, asset, day and units.

A pass goes from the surest likeness to the least; what one pass has matched, the next leaves alone. Pieces of one sale or order may
share a row, and take their parts of it by units. The result depends on neither the order of rows nor that of files.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from itertools import groupby
from operator import attrgetter

from ledger.domain.amount import added, allocate, cents_half_up
from ledger.domain.facts import GainRow
from ledger.domain.ids import AccountId, DisposalId
from ledger.domain.law.statement import StatementRow, Told

_DAY = timedelta(days=1)

PieceKey = tuple[DisposalId, int]
Target = tuple[GainRow, ...]  # pieces that one row may tell of


@dataclass(frozen=True, slots=True, kw_only=True)
class LotsOfDay:
    """All that is told, and all that the book has, of an asset sold from an account on a day: units add up, lots do not agree."""

    rows: tuple[StatementRow, ...]
    pieces: Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What statements say of pieces, and what either side has alone.

    `covered` are the accounts and years of which there is a statement. `rows_alone` and `pieces_alone` have no counterpart;
    `day_differs` were found a day apart; in `lots_differ` only the units of a day add up, not the lots.
    """

    covered: frozenset[tuple[AccountId, int]] = frozenset()
    told: dict[PieceKey, Told] = field(default_factory=dict)
    rows_alone: tuple[StatementRow, ...] = ()
    pieces_alone: tuple[GainRow, ...] = ()
    day_differs: tuple[StatementRow, ...] = ()
    lots_differ: tuple[LotsOfDay, ...] = ()


def live_rows(rows: Iterable[StatementRow]) -> list[StatementRow]:
    """Return the rows that count: of each account and year those issued last, in an order of their own."""
    live: list[StatementRow] = []
    for _, of_year in groupby(sorted(rows, key=attrgetter("account", "year", "row_id")), key=attrgetter("account", "year")):
        told = list(of_year)
        issued = max((row.issued for row in told if row.issued), default=None)
        live += [row for row in told if row.issued == issued]
    return sorted(live, key=attrgetter("account", "asset", "date_sold", "quantity", "proceeds", "row_id"))


def compared(rows: Sequence[StatementRow], gains: Iterable[GainRow]) -> Comparison:
    """Compare live rows with the taxable pieces of the accounts and years that they are about, in the order of time."""
    matching = _Matching(rows=list(rows), pieces=list(gains))
    matching.run()
    return Comparison(
        covered=frozenset((row.account, row.year) for row in rows),
        told=matching.told,
        rows_alone=tuple(matching.rows),
        pieces_alone=tuple(piece for piece in matching.pieces if _key(piece) not in matching.told),
        day_differs=tuple(matching.day_differs),
        lots_differ=tuple(matching.lots_differ),
    )


@dataclass(slots=True, kw_only=True)
class _Matching:
    rows: list[StatementRow]
    pieces: list[GainRow]
    told: dict[PieceKey, Told] = field(default_factory=dict)
    day_differs: list[StatementRow] = field(default_factory=list)
    lots_differ: list[LotsOfDay] = field(default_factory=list)

    def run(self) -> None:
        single: list[Target] = [(piece,) for piece in self.pieces]
        sales = _gathered(self.pieces, lambda piece: piece.disposal.disposal_id)
        orders = _gathered((piece for piece in self.pieces if piece.disposal.order_id), _order)
        for targets, row_key, target_keys in (
            (sales, _named, _names),
            (single, _named_since, _names_since),
            (single, _named, _names),
            (sales, _paid, _payments),
            (single, _since, _sinces),
            (sales, _sold, _sales),
            (orders, _sold, _sales),
            (single, _sold, _sales),
        ):
            self._pass(targets, row_key, target_keys)
        self.day_differs = self._pass(sales, _sold, _sales_nearby)
        self._match_days()

    def _pass(
        self, targets: Sequence[Target], row_key: Callable[[StatementRow], Hashable], target_keys: Callable[[Target], Iterable[Hashable]]
    ) -> list[StatementRow]:
        """Match the rows left with targets of the same key; return those matched."""
        waiting: defaultdict[Hashable, deque[Target]] = defaultdict(deque)
        for target in targets:
            for key in target_keys(target):
                waiting[key].append(target)
        matched = [row for row in self.rows if self._match_first(row, waiting.get(row_key(row)))]
        gone = {row.row_id for row in matched}
        self.rows = [row for row in self.rows if row.row_id not in gone]
        return matched

    def _match_first(self, row: StatementRow, waiting: deque[Target] | None) -> bool:
        while waiting:
            target = waiting.popleft()
            if not any(_key(piece) in self.told for piece in target):
                self._tell(target, [row])
                return True
        return False

    def _match_days(self) -> None:
        """Match all that is left of an account, an asset and a day, where the units add up and all rows are of one form."""
        free = (piece for piece in self.pieces if _key(piece) not in self.told)
        days = {_day(target[0]): target for target in _gathered(free, _day)}
        left: list[StatementRow] = []
        for day, of_day in groupby(self.rows, key=attrgetter("account", "asset", "date_sold")):
            rows = list(of_day)
            target = days.get(day, ())
            units = added(*(row.quantity for row in rows)) == _units(target)
            if units and len({row.form for row in rows}) == 1 and not any(row.code for row in rows):
                self._tell(target, rows)
                if len(rows) > 1 and any(row.cost_basis is not None for row in rows):
                    self.lots_differ.append(LotsOfDay(rows=tuple(rows), pieces=target))
            else:
                left += rows
        self.rows = left

    def _tell(self, target: Target, rows: Sequence[StatementRow]) -> None:
        """Give each piece its share; of several rows together nobody can say which term or basis is whose."""
        only = rows[0] if len(rows) == 1 else None
        weights = [piece.disposal.quantity for piece in target]
        proceeds = allocate(added(*(row.proceeds for row in rows)), weights)
        basis = _shares(only.cost_basis if only else None, weights)
        adjustment = _shares(only.adjustment if only else None, weights)
        for place, piece in enumerate(target):
            self.told[_key(piece)] = Told(
                form=rows[0].form,
                proceeds=proceeds[place],
                cost_basis=basis[place],
                term=only.term if only else None,
                code=only.code if only else "",
                adjustment=adjustment[place],
                date_acquired=only.date_acquired if only else None,
                lots_differ=only is None and any(row.cost_basis is not None for row in rows),
            )


def _shares(total: Decimal | None, weights: Sequence[Decimal]) -> Sequence[Decimal | None]:
    return [None] * len(weights) if total is None else allocate(total, weights)


def _gathered(pieces: Iterable[GainRow], key: Callable[[GainRow], Hashable]) -> list[Target]:
    gathered: dict[Hashable, list[GainRow]] = {}
    for piece in pieces:
        gathered.setdefault(key(piece), []).append(piece)
    return [tuple(target) for target in gathered.values()]


def _key(piece: GainRow) -> PieceKey:
    return piece.disposal.disposal_id, piece.disposal.piece


def _units(target: Target) -> Decimal:
    return added(*(piece.disposal.quantity for piece in target))


def _day(piece: GainRow) -> tuple[Hashable, ...]:
    return piece.disposal.account, piece.disposal.asset, piece.date_disposed


def _order(piece: GainRow) -> Hashable:
    return *_day(piece), piece.disposal.order_id


# --- likenesses: the key of a row, and the keys of a target -----------------------------------------------------------


def _named(row: StatementRow) -> Hashable:
    return None if row.sale is None else (row.account, row.asset, row.sale, row.quantity)


def _names(target: Target) -> Iterable[Hashable]:
    sale = target[0].disposal
    return ((sale.account, sale.asset, sale.source_id, _units(target)),)


def _named_since(row: StatementRow) -> Hashable:
    return None if row.sale is None else (row.account, row.asset, row.sale, row.quantity, row.date_acquired)


def _names_since(target: Target) -> Iterable[Hashable]:
    sale = target[0].disposal
    return ((sale.account, sale.asset, sale.source_id, _units(target), target[0].date_acquired),)


def _sold(row: StatementRow) -> Hashable:
    return row.account, row.asset, row.date_sold, row.quantity


def _sales(target: Target) -> Iterable[Hashable]:
    return ((*_day(target[0]), _units(target)),)


def _since(row: StatementRow) -> Hashable:
    return row.account, row.asset, row.date_sold, row.quantity, row.date_acquired


def _sinces(target: Target) -> Iterable[Hashable]:
    return ((*_day(target[0]), _units(target), target[0].date_acquired),)


def _paid(row: StatementRow) -> Hashable:
    return row.account, row.asset, row.date_sold, row.quantity, cents_half_up(row.proceeds)


def _payments(target: Target) -> Iterable[Hashable]:
    known = [piece.disposal.proceeds for piece in target if piece.disposal.proceeds is not None]
    net = added(*known)
    gross = added(net, *(piece.disposal.selling_costs for piece in target))
    return {(*_day(target[0]), _units(target), cents_half_up(proceeds)): None for proceeds in (net, gross)}


def _sales_nearby(target: Target) -> Iterable[Hashable]:
    account, asset, _ = _day(target[0])
    day = target[0].date_disposed
    return [(account, asset, near, _units(target)) for near in (day - _DAY, day + _DAY)]
