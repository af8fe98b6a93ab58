"""All disposals of one token on one day, which the law counts as one, from the pieces that the gains report shows.

Held in memory day by day only. Source: TCGA 1992 s105(1)(a); HMRC Cryptoassets Manual CRYPTO22251.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby

from ledger.domain.amount import ZERO, AssetCode, added, subtracted
from ledger.domain.errors import UnsupportedCase
from ledger.domain.facts import GainRow
from ledger.ports import ReportGenerator, ReportInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Units of a day's disposal that were matched alike: under one rule, with the acquisitions of one day or with the pool.

    `proceeds` are before `selling_costs`; `cost` is what the units were bought for. `provisional_until`: the last day on which
    something that happens can still change it. None: a price is missing.
    """

    matched_by: str
    date_acquired: date | None
    quantity: Decimal
    proceeds: Decimal | None
    cost: Decimal | None
    selling_costs: Decimal
    provisional_until: date | None
    findings: tuple[str, ...]

    @property
    def allowable_costs(self) -> Decimal | None:
        """Cost and selling costs together."""
        return None if self.cost is None else added(self.cost, self.selling_costs)

    @property
    def gain(self) -> Decimal | None:
        """Proceeds less allowable costs."""
        costs = self.allowable_costs
        return None if self.proceeds is None or costs is None else subtracted(self.proceeds, costs)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayDisposal:
    """One disposal in the eyes of the law, with its matches in the order in which the rules come."""

    year: int
    day: date
    asset: AssetCode
    matches: tuple[Match, ...]

    @property
    def quantity(self) -> Decimal:
        """The units of all matches."""
        return added(*(match.quantity for match in self.matches))

    @property
    def proceeds(self) -> Decimal | None:
        """Proceeds before selling costs; None where a price is missing."""
        return _sum(match.proceeds for match in self.matches)

    @property
    def allowable_costs(self) -> Decimal | None:
        """What the units were bought for, and selling costs."""
        return _sum(match.allowable_costs for match in self.matches)

    @property
    def gain(self) -> Decimal | None:
        """Proceeds less allowable costs, negative for a loss."""
        return _sum(match.gain for match in self.matches)

    @property
    def provisional_until(self) -> date | None:
        """The last day on which any of its matches can change."""
        return max((match.provisional_until for match in self.matches if match.provisional_until), default=None)

    @property
    def findings(self) -> tuple[str, ...]:
        """The codes of what a reader must know, sorted, each once."""
        return tuple(sorted({code for match in self.matches for code in match.findings}))


def refuse_other_regimes(report: ReportGenerator, source: ReportInput) -> None:
    """Refuse a report over a book that was not matched by the rules of the United Kingdom.

    Raises:
        UnsupportedCase: then.
    """
    regime = source.cover.regime
    if regime.partition(" ")[0] != "uk":
        raise UnsupportedCase(
            f"{report.name}: the book is matched under regime {regime!r}, not by the rules of the United Kingdom",
            mend=f'{report.name} needs a book with `regime = "uk"`; use the reports gains and summary for other countries',
        )


def day_disposals(rows: Iterator[GainRow]) -> Iterator[DayDisposal]:
    """Yield disposals by day, then asset; `rows` come in order of time."""
    for day, of_day in groupby(rows, key=lambda row: row.date_disposed):
        by_asset: dict[AssetCode, list[GainRow]] = {}
        for row in of_day:
            by_asset.setdefault(row.disposal.asset, []).append(row)
        for asset in sorted(by_asset):
            pieces = by_asset[asset]
            yield DayDisposal(year=pieces[0].year, day=day, asset=asset, matches=_matches(pieces))


_RANKS = {"same-day": 0, "30-day": 1, "pool": 2}


def _matches(rows: list[GainRow]) -> tuple[Match, ...]:
    alike: dict[tuple[int, date, str], list[GainRow]] = {}
    for row in rows:
        rule = row.disposal.matched_by
        alike.setdefault((_RANKS.get(rule, len(_RANKS)), row.date_acquired or date.min, rule), []).append(row)
    return tuple(_match(alike[key]) for key in sorted(alike))


def _match(rows: list[GainRow]) -> Match:
    pieces = [row.disposal for row in rows]
    selling_costs = added(*(piece.selling_costs for piece in pieces))
    net = _sum(piece.proceeds for piece in pieces)
    return Match(
        matched_by=pieces[0].matched_by,
        date_acquired=rows[0].date_acquired,
        quantity=added(*(piece.quantity for piece in pieces)),
        proceeds=None if net is None else added(net, selling_costs),
        cost=_sum(piece.cost_basis for piece in pieces),
        selling_costs=selling_costs,
        provisional_until=max((piece.provisional_until for piece in pieces if piece.provisional_until), default=None),
        findings=tuple(sorted({row.finding for row in rows if row.finding})),
    )


def _sum(figures: Iterator[Decimal | None]) -> Decimal | None:
    total = ZERO
    for figure in figures:
        if figure is None:
            return None
        total = added(total, figure)
    return total
