"""How the forms can be asked for; the same words in every report, so that what is asked alike ties out."""

from ledger.domain.document import ReportOption
from ledger.ports import ReportInput

PIECE, SALE, ORDER = "piece", "sale", "order"
_NO, _YES = "no", "yes"
_CENTS, _DOLLARS = "cents", "dollars"
_OTHER, _SEPARATE = "other", "separate"

ROWS = ReportOption(
    name="rows", title="one row for each lot of a sale, for each sale, or for each order and day", choices=(PIECE, SALE, ORDER)
)
AMOUNTS = ReportOption(name="amounts", title="round every amount of the form to cents or to whole dollars", choices=(_CENTS, _DOLLARS))
EXCEPTION_1 = ReportOption(
    name="exception_1",
    title="total sales with reported basis and no adjustment straight on Schedule D, lines 1a and 8a",
    choices=(_NO, _YES),
)
EXCEPTION_2 = ReportOption(
    name="exception_2", title="one row for each box and broker, and the rows as attached statements", choices=(_NO, _YES)
)
FILING = ReportOption(name="filing", title="whose limit of losses: married filing separately, or any other", choices=(_OTHER, _SEPARATE))


def rows_asked(source: ReportInput) -> str:
    """Return what makes one row: `PIECE`, `SALE` or `ORDER`."""
    return source.options[ROWS.name]


def in_dollars(source: ReportInput) -> bool:
    """Tell whether all amounts are rounded to whole dollars."""
    return source.options[AMOUNTS.name] == _DOLLARS


def straight_to_schedule_d(source: ReportInput) -> bool:
    """Tell whether Exception 1 is used."""
    return source.options[EXCEPTION_1.name] == _YES


def with_statements(source: ReportInput) -> bool:
    """Tell whether Exception 2 is used."""
    return source.options[EXCEPTION_2.name] == _YES


def files_separately(source: ReportInput) -> bool:
    """Tell whether the lower limit of losses applies."""
    return source.options[FILING.name] == _SEPARATE
