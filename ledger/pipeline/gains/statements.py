"""Brokers' statements beside the book: what they tell of its disposals, and a finding for whatever either side has alone."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import chain

from ledger.domain.amount import AssetCode, added, text_of
from ledger.domain.facts import GainRow
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import AccountId
from ledger.domain.law.statement import StatementRow
from ledger.domain.lot import Disposal
from ledger.domain.time.period import start_of_day
from ledger.lots.statements import Comparison, LotsOfDay, compared, live_rows
from ledger.pipeline.gains.law import LOTS_DIFFER, GainsLaw
from ledger.ports import BookTerms, TaxRegime
from ledger.storage.store import Reader

_ONE_DAY = timedelta(days=1)
_SHOWN_MAX = 5
_ROUTINE = frozenset("ELT")
_CODES = {
    "B": (
        "the broker's basis is not that of the book",
        "look whether the acquisitions in the book are right; where they are, the form corrects the broker",
    ),
    "E": ("the broker's proceeds are before selling costs", "nothing: the form takes the costs off"),
    "L": ("the statement says that the loss does not count", "nothing: the form adds it back"),
    "O": (
        "the broker's proceeds are not those of the book, or the statement says so",
        "look which of the two is right, and keep a note of it",
    ),
    "T": ("the broker has another term", "nothing: the rows stand in the part of the right term"),
    "W": (
        "the statement puts losses off as wash sales",
        (
            "the loss belongs to the basis of the units bought instead, and no rule here adds it: in the row of the statement that tells of"
            " their sale write code O with the loss as adjustment, below zero"
        ),
    ),
}


def reported_law(reader: Reader, regime: TaxRegime, terms: BookTerms) -> GainsLaw:
    """Return the law with all that the statements of the book tell."""
    return GainsLaw(regime, terms, comparison_of(reader, regime, terms))


def comparison_of(reader: Reader, regime: TaxRegime, terms: BookTerms) -> Comparison:
    """Compare the statements of the book with its disposals; under a law that knows none of them, with nothing."""
    rows = live_rows(reader.statement_rows())
    if not rows or not regime.forms:
        return Comparison()
    law = GainsLaw(regime, terms)
    covered = sorted({(row.account, row.year) for row in rows})
    sold = chain.from_iterable(_disposals(reader, regime, terms, account, year) for account, year in covered)
    return compared(rows, map(law.gain, sold))


def statement_findings(reader: Reader, regime: TaxRegime, terms: BookTerms) -> list[Finding]:
    """Return what a person should look at: rows and sales without a counterpart, and figures that differ."""
    rows = reader.statement_rows()
    if rows and not regime.forms:
        return [_unused(rows, regime)]
    found = comparison_of(reader, regime, terms)
    alone = _by_day(found.pieces_alone)
    return [
        *(_row_alone(row, alone.get((row.account, row.asset, row.date_sold), ())) for row in found.rows_alone),
        *map(_sale_alone, found.pieces_alone),
        *map(_day_differs, found.day_differs),
        *map(_lots_differ, found.lots_differ),
        *_coded(reader, regime, terms, found),
    ]


def _disposals(reader: Reader, regime: TaxRegime, terms: BookTerms, account: AccountId, year: int) -> Iterator[Disposal]:
    period = regime.period_of(year, terms)
    assert period.from_day is not None, period
    assert period.to_day is not None, period
    return reader.disposals(
        since=start_of_day(period.from_day, terms.zone),
        until=start_of_day(period.to_day + _ONE_DAY, terms.zone),
        account=account,
        kinds=tuple(sorted(regime.taxable)),
    )


def _coded(reader: Reader, regime: TaxRegime, terms: BookTerms, found: Comparison) -> Iterator[Finding]:
    """Yield one finding for each account, year and code that a form needs, and for days of acquisition that differ.

    Of a year there may be thousands of rows.
    """
    law = GainsLaw(regime, terms, found)
    for account, year in sorted(found.covered):
        rows: dict[str, list[GainRow]] = {}
        otherwise: list[tuple[GainRow, date]] = []
        for row in map(law.gain, _disposals(reader, regime, terms, account, year)):
            for code in row.adjustment.codes if row.adjustment else "":
                rows.setdefault(code, []).append(row)
            told = found.told.get((row.disposal.disposal_id, row.disposal.piece))
            if told and told.date_acquired not in (None, row.date_acquired):
                otherwise.append((row, told.date_acquired))
        for code, coded in sorted(rows.items()):
            yield _code_needed(account, year, code, coded)
        if otherwise:
            yield _acquired_otherwise(account, year, otherwise)


def _code_needed(account: AccountId, year: int, code: str, rows: Sequence[GainRow]) -> Finding:
    why, mend = _CODES[code]
    first = rows[0].disposal
    return Finding(
        code=f"statement-code-{code.lower()}",
        severity=Severity.NOTE if code in _ROUTINE else Severity.WARNING,
        subject=f"{account}/{year}",
        message=f"{len(rows)} disposal pieces of {account} in {year} need code {code}: {why}; the first is {first.disposal_id}"
        f" ({first.source_id}, {first.asset})",
        mend=mend,
    )


def _unused(rows: Sequence[StatementRow], regime: TaxRegime) -> Finding:
    return Finding(
        code="statement-unused",
        severity=Severity.WARNING,
        subject="statements",
        message=f"{len(rows)} rows of brokers' statements are in the book, and regime {regime.name!r} knows no such forms",
        mend='they count in a book with `regime = "us"`',
    )


def _by_day(pieces: Iterable[GainRow]) -> dict[tuple[AccountId, AssetCode, date], list[GainRow]]:
    days: dict[tuple[AccountId, AssetCode, date], list[GainRow]] = {}
    for row in pieces:
        days.setdefault((row.disposal.account, row.disposal.asset, row.date_disposed), []).append(row)
    return days


def _row_alone(row: StatementRow, that_day: Sequence[GainRow]) -> Finding:
    says = (
        f"the broker's form {row.form} of {row.account} tells of {text_of(row.quantity)} {row.asset} sold on {row.date_sold}"
        f" for {text_of(row.proceeds)}"
    )
    subject = f"{row.account}/{row.year}/{row.row_id}"
    if that_day:
        units = text_of(added(*(one.disposal.quantity for one in that_day)))
        sales = ", ".join(dict.fromkeys(one.disposal.source_id for one in that_day[:_SHOWN_MAX]))
        return Finding(
            code="statement-units-differ",
            severity=Severity.ERROR,
            subject=subject,
            message=f"{says}; of that day the book has {units} {row.asset} of which no row tells ({sales})",
            mend="sync or import what is missing, or correct what is wrong; where the broker is wrong, ask it for a corrected form",
        )
    return Finding(
        code="statement-row-alone",
        severity=Severity.ERROR,
        subject=subject,
        message=f"{says}, and no disposal of the book is like it",
        mend="sync or import what is missing; if it is there with other units or another day, correct what is wrong",
    )


def _sale_alone(row: GainRow) -> Finding:
    piece = row.disposal
    return Finding(
        code="sale-not-on-statement",
        severity=Severity.WARNING,
        subject=f"{piece.account}/{piece.source_id}/{piece.disposal_id}/{piece.piece}",
        message=f"{text_of(piece.quantity)} {piece.asset} left {piece.account} on {row.date_disposed} ({piece.kind} {piece.source_id}),"
        f" and the statement of {row.year} does not tell of it; it stands in box {row.box}",
        mend="look at the form again: a broker need not report every disposal, but each that it reports must be matched",
    )


def _day_differs(row: StatementRow) -> Finding:
    return Finding(
        code="statement-day-differs",
        severity=Severity.NOTE,
        subject=f"{row.account}/{row.year}/{row.row_id}",
        message=f"the broker's form {row.form} has {text_of(row.quantity)} {row.asset} of {row.account} sold on {row.date_sold}, the book a"
        " day apart: the broker counts days in another time zone",
        mend="nothing within a year; at its end see that the sale stands in the year of the book's zone",
    )


def _lots_differ(day: LotsOfDay) -> Finding:
    first = day.rows[0]
    told = [(row.quantity, row.date_acquired, row.cost_basis) for row in day.rows]
    ours = [(one.disposal.quantity, one.date_acquired, one.disposal.cost_basis) for one in day.pieces]
    return Finding(
        code=LOTS_DIFFER,
        severity=Severity.ERROR,
        subject=f"{first.account}/{first.year}/{first.row_id}",
        message=f"the broker's form {first.form} parts the {first.asset} of {first.account} sold on {first.date_sold} into other lots than"
        f" the book, so that its basis cannot be compared; the form: {_lots_shown(told)}; the book: {_lots_shown(ours)}",
        mend="enter the reported basis of these rows by hand, with code B where it differs; or name lots to the broker before the sale",
    )


def _lots_shown(lots: Sequence[tuple[Decimal, date | None, Decimal | None]]) -> str:
    shown = [
        f"{text_of(units)} acquired {acquired or '(not said)'} for {'(not said)' if cost is None else text_of(cost)}"
        for units, acquired, cost in lots[:_SHOWN_MAX]
    ]
    return ", ".join(shown) + (f" and {len(lots) - _SHOWN_MAX} more" if len(lots) > _SHOWN_MAX else "")


def _acquired_otherwise(account: AccountId, year: int, rows: Sequence[tuple[GainRow, date]]) -> Finding:
    first, told = rows[0]
    return Finding(
        code="statement-acquired-differs",
        severity=Severity.NOTE,
        subject=f"{account}/{year}",
        message=f"{len(rows)} disposal pieces of {account} in {year} were acquired on another day than the statement says; the first is"
        f" {first.disposal.disposal_id} ({first.disposal.source_id}, {first.disposal.asset}): {first.date_acquired or 'not known'} in the"
        f" book, {told} on the statement",
        mend="nothing where the units were moved in, which a broker counts from then; else look which lots the broker sold",
    )
