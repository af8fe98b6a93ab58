"""What each bot did and made; its gains add up to the tax total, because they are the same rows."""

from collections.abc import Iterable, Mapping

from ledger.domain.amount import ZERO, added, subtracted
from ledger.domain.document import CellKind, Column, ReportDocument, Row, Table
from ledger.domain.facts import BotActivity, GainRow
from ledger.domain.ids import BotId
from ledger.ports import ReportInput
from reports.cover import document_of
from reports.totals import GAIN_COLUMNS, WITHOUT_PRICE_NOTE, GainTally

NO_BOT = "(no bot)"

_BOT = Column(name="bot", title="Bot", kind=CellKind.OUTSIDE)
_COLUMNS = (_BOT, Column(name="fills", title="Fills", kind=CellKind.INTEGER, total=True), *GAIN_COLUMNS)
_FEE_COLUMNS = (
    _BOT,
    Column(name="asset", title="Fee asset"),
    Column(name="fees", title="Fees paid", kind=CellKind.QUANTITY),
)
_TIE_OUT_COLUMNS = (
    Column(name="figure", title="Figure"),
    Column(name="bots", title="All bots together", kind=CellKind.MONEY),
    Column(name="summary", title="Summary", kind=CellKind.MONEY),
    Column(name="difference", title="Difference", kind=CellKind.PRICE),
)
_FIGURES = ("Proceeds", "Cost basis", "Adjustment", "Gain or loss")


class Bots:
    """Gains, fills and fees by bot, tied out to the summary."""

    name = "bots"
    title = "Bots"

    def document(self, source: ReportInput) -> ReportDocument:
        """Return a row per bot, the fees by asset, and the proof that the bots add up to the summary; reads the gains once."""
        tallies, overall = _tallies(source.gains())
        activity = {each.bot: each for each in source.bot_activity()}
        bots = sorted({*tallies, *activity}, key=_without_bot_last)
        main: tuple[Row, ...] = tuple(_row(bot, tallies.get(bot, GainTally()), activity.get(bot)) for bot in bots)
        fees: tuple[Row, ...] = tuple(fee for bot in bots if bot in activity for fee in _fee_rows(activity[bot]))
        tie_out = _tie_out_rows(tallies, overall)
        return document_of(
            self,
            source,
            tables=(
                Table(name="bots", title="Gains by bot", columns=_COLUMNS, rows=lambda: iter(main)),
                Table(name="bot-fees", title="Fees by bot and asset", columns=_FEE_COLUMNS, rows=lambda: iter(fees)),
                Table(name="bots-tie-out", title="Tie-out to the summary", columns=_TIE_OUT_COLUMNS, rows=lambda: iter(tie_out)),
            ),
            notes=(
                f"{NO_BOT} holds what no bot decided; with it the bots add up to the summary of the same period and filters.",
                "Fees are those of the fills in the period, in the asset in which they were paid; rebates are negative.",
                *([WITHOUT_PRICE_NOTE] if overall.without_price else ()),
            ),
        )


def _tallies(gains: Iterable[GainRow]) -> tuple[dict[BotId | None, GainTally], GainTally]:
    tallies: dict[BotId | None, GainTally] = {}
    overall = GainTally()
    for row in gains:
        tallies.setdefault(row.disposal.bot, GainTally()).add(row)
        overall.add(row)
    return tallies, overall


def _without_bot_last(bot: BotId | None) -> tuple[bool, str]:
    return bot is None, bot or ""


def _row(bot: BotId | None, tally: GainTally, activity: BotActivity | None) -> Row:
    return (bot or NO_BOT, activity.fills if activity else 0, *tally.cells())


def _fee_rows(activity: BotActivity) -> Iterable[Row]:
    return [(activity.bot or NO_BOT, asset, fee) for asset, fee in sorted(activity.fees)]


def _tie_out_rows(tallies: Mapping[BotId | None, GainTally], overall: GainTally) -> tuple[Row, ...]:
    sums = [added(*column) for column in zip(*(tally.figures() for tally in tallies.values()), strict=True)] or [ZERO] * len(_FIGURES)
    pairs = zip(_FIGURES, sums, overall.figures(), strict=True)
    return tuple((figure, by_bot, total, subtracted(by_bot, total)) for figure, by_bot, total in pairs)
