"""Brokers' statements beside the book: what they tell of its disposals, and a finding for whatever either side has alone."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import chain

from ledger.domain.amount import text_of
from ledger.domain.facts import GainRow
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import AccountId
from ledger.domain.law.statement import StatementRow
from ledger.domain.lot import Disposal
from ledger.domain.period import start_of_day
from ledger.lots.statements import Comparison, compared, live_rows
from ledger.pipeline.gains.law import GainsLaw
from ledger.ports import BookTerms, TaxRegime
from ledger.storage.store import Reader

_ONE_DAY = timedelta(days=1)
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
        "the loss belongs to the basis of the units bought instead: no rule here adds it, enter it when these are sold",
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
    return [
        *map(_row_alone, found.rows_alone),
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
    """Yield one finding for each account, year and code that a form needs: of a year there may be thousands of rows."""
    law = GainsLaw(regime, terms, found)
    for account, year in sorted(found.covered):
        rows: dict[str, list[GainRow]] = {}
        for row in map(law.gain, _disposals(reader, regime, terms, account, year)):
            for code in row.adjustment.codes if row.adjustment else "":
                rows.setdefault(code, []).append(row)
        for code, coded in sorted(rows.items()):
            yield _code_needed(account, year, code, coded)


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


def _row_alone(row: StatementRow) -> Finding:
    return Finding(
        code="statement-row-alone",
        severity=Severity.ERROR,
        subject=f"{row.account}/{row.year}/{row.row_id}",
        message=f"the broker's form {row.form} of {row.account} tells of {text_of(row.quantity)} {row.asset} sold on {row.date_sold}"
        f" for {text_of(row.proceeds)}, and no disposal of the book is like it",
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


def _lots_differ(row: StatementRow) -> Finding:
    return Finding(
        code="statement-lots-differ",
        severity=Severity.ERROR,
        subject=f"{row.account}/{row.year}/{row.row_id}",
        message=f"the broker's form {row.form} parts the {row.asset} of {row.account} sold on {row.date_sold} into other lots than the"
        " book, so that its basis cannot be compared",
        mend="enter the reported basis of these rows by hand, with code B where it differs; or name lots to the broker before the sale",
    )
