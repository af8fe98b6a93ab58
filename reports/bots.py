"""What each bot did and made; its gains add up to the tax total, because they are the same rows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from operator import attrgetter

from ledger.domain.amount import ZERO, AssetCode, added, subtracted
from ledger.domain.document import CellKind, Column, ReportDocument, Row, Table
from ledger.domain.facts import BotActivity, BotResult, GainRow
from ledger.domain.ids import BotId
from ledger.ports import ReportInput
from reports.cover import document_of
from reports.totals import GAIN_COLUMNS, WITHOUT_PRICE_NOTE, GainTally

NO_BOT = "(no bot)"
_Key = tuple[BotId | None, AssetCode, str]  # bot, asset, month

_BOT = Column(name="bot", title="Bot", kind=CellKind.OUTSIDE)
_COLUMNS = (_BOT, Column(name="fills", title="Fills", kind=CellKind.INTEGER, total=True), *GAIN_COLUMNS)
_MONTH = Column(name="month", title="Month")
_ASSET = Column(name="asset", title="Asset")
_MONTH_COLUMNS = (
    *(_BOT, _ASSET, _MONTH),
    Column(name="fills", title="Fills", kind=CellKind.INTEGER, total=True),
    Column(name="gain", title="Gain or loss", kind=CellKind.MONEY, total=True),
    Column(name="own_result", title="Own result", kind=CellKind.MONEY, total=True),
    Column(name="difference", title="Difference", kind=CellKind.MONEY, total=True),
)
_VOLUME_COLUMNS = (
    *(_BOT, _ASSET, _MONTH),
    Column(name="quote_asset", title="Quote asset"),
    Column(name="volume", title="Volume", kind=CellKind.QUANTITY),
)
_FEE_COLUMNS = (
    *(_BOT, _ASSET, _MONTH),
    Column(name="fee_asset", title="Fee asset"),
    Column(name="fees", title="Fees paid", kind=CellKind.QUANTITY),
)
_OWN_COLUMNS = (
    _BOT,
    Column(name="own_result", title="Own result", kind=CellKind.MONEY, total=True),
    Column(name="proceeds_not_bought", title="Proceeds of units not bought", kind=CellKind.MONEY, total=True),
    Column(name="gain", title="Gain or loss", kind=CellKind.MONEY, total=True),
    Column(name="difference", title="Difference", kind=CellKind.MONEY, total=True),
    Column(name="other_lots", title="Of other lots", kind=CellKind.MONEY, total=True),
    Column(name="without_price", title="Without price", kind=CellKind.INTEGER, total=True),
)
_NOT_BOUGHT_COLUMNS = (
    *(_BOT, _ASSET, _MONTH),
    Column(name="quantity", title="Quantity", kind=CellKind.QUANTITY),
    Column(name="proceeds", title="Proceeds", kind=CellKind.MONEY, total=True),
)
_TIE_OUT_COLUMNS = (
    Column(name="figure", title="Figure"),
    Column(name="bots", title="All bots together", kind=CellKind.MONEY),
    Column(name="summary", title="Summary", kind=CellKind.MONEY),
    Column(name="difference", title="Difference", kind=CellKind.PRICE),
)
_FIGURES = ("Proceeds", "Cost basis", "Adjustment", "Gain or loss")


_NOTES = (
    f"{NO_BOT} holds what no bot decided; with it the bots add up to the summary of the same period and filters.",
    (
        "Fees are those of the fills in the period, in the asset in which they were paid; rebates are negative. Volume is what fills paid"
        " or received before fees, in the quote asset."
    ),
    (
        "The own result is what a bot made as if it had a wallet of its own: it sells first what it bought first, and nothing of others."
        " Gain or loss goes by the lots that the tax takes, which others may have bought, with the adjustments of forms; the difference is"
        " gain or loss less own result, and own results and differences add up to the total gain or loss."
    ),
    (
        "Units that a bot sold and never bought stand in no own result, but in a table of their own. The difference is their proceeds and,"
        " of other lots, what the tax's lots cost less (negative: more) than those that the bot bought itself, with the adjustments."
    ),
)


class Bots:
    """What bots did and made by bot, asset and month, tied out to the summary, beside what each made by itself."""

    name = "bots"
    title = "Bots"

    def document(self, source: ReportInput) -> ReportDocument:
        """Return a row per bot, what it did by asset and month, and the proofs that all adds up; reads the gains once."""
        gains = _Gains(source.gains())
        activity, results = tuple(source.bot_activity()), tuple(source.bot_results())
        fills = _sums((one.bot, one.fills) for one in activity)
        bots = sorted({*gains.by_bot, *fills, *(one.bot for one in results)}, key=_without_bot_last)
        main = [(bot or NO_BOT, fills.get(bot, 0), *gains.by_bot.get(bot, GainTally()).cells()) for bot in bots]
        return document_of(
            self,
            source,
            tables=(
                _table("bots", "Gains by bot", _COLUMNS, main),
                _table("bot-fees", "Fees by bot, asset and month", _FEE_COLUMNS, _amount_rows(activity, attrgetter("fees"))),
                _table("bots-tie-out", "Tie-out to the summary", _TIE_OUT_COLUMNS, _tie_out_rows(gains.by_bot, gains.overall)),
                _table("bot-own", "Own results and gains", _OWN_COLUMNS, _own_rows(bots, gains.by_bot, results)),
                _table("bot-months", "By bot, asset and month", _MONTH_COLUMNS, _month_rows(gains.by_month, activity, results)),
                _table("bot-volume", "Volume by bot, asset and month", _VOLUME_COLUMNS, _amount_rows(activity, attrgetter("volumes"))),
                _table("bot-not-bought", "Units sold that the bot never bought", _NOT_BOUGHT_COLUMNS, _not_bought_rows(results)),
            ),
            notes=(*_NOTES, *([WITHOUT_PRICE_NOTE] if gains.overall.without_price else ())),
        )


class _Gains:
    """Totals of gains, of each bot, of each bot, asset and month, and of all."""

    def __init__(self, gains: Iterable[GainRow]) -> None:
        self.by_bot: dict[BotId | None, GainTally] = {}
        self.by_month: dict[_Key, Decimal] = {}
        self.overall = GainTally()
        for row in gains:
            piece = row.disposal
            self.by_bot.setdefault(piece.bot, GainTally()).add(row)
            self.overall.add(row)
            key = piece.bot, piece.asset, f"{row.date_disposed:%Y-%m}"
            self.by_month[key] = added(self.by_month.get(key, ZERO), row.gain or ZERO)


def _table(name: str, title: str, columns: tuple[Column, ...], rows: Sequence[Row]) -> Table:
    return Table(name=name, title=title, columns=columns, rows=lambda: iter(rows))


def _without_bot_last(bot: BotId | None) -> tuple[bool, str]:
    return bot is None, bot or ""


def _in_order(key: _Key) -> tuple[bool, str, str, str]:
    return (*_without_bot_last(key[0]), *key[1:])


def _sums(counts: Iterable[tuple[BotId | None, int]]) -> dict[BotId | None, int]:
    found: dict[BotId | None, int] = {}
    for bot, count in counts:
        found[bot] = found.get(bot, 0) + count
    return found


def _amount_rows(activity: Iterable[BotActivity], amounts: Callable[[BotActivity], Sequence[tuple[AssetCode, Decimal]]]) -> list[Row]:
    ordered = sorted(activity, key=lambda one: _in_order((one.bot, one.asset, one.month)))
    return [(one.bot or NO_BOT, one.asset, one.month, asset, amount) for one in ordered for asset, amount in sorted(amounts(one))]


def _month_rows(gains: Mapping[_Key, Decimal], activity: Iterable[BotActivity], results: Iterable[BotResult]) -> list[Row]:
    fills = {(one.bot, one.asset, one.month): one.fills for one in activity}
    own = {(one.bot, one.asset, one.month): one.gain for one in results}
    rows: list[Row] = []
    for key in sorted({*gains, *fills, *own}, key=_in_order):
        gain, mine = gains.get(key, ZERO), own.get(key, ZERO)
        rows.append((key[0] or NO_BOT, *key[1:], fills.get(key, 0), gain, mine, subtracted(gain, mine)))
    return rows


def _own_rows(bots: Iterable[BotId | None], tallies: Mapping[BotId | None, GainTally], results: Sequence[BotResult]) -> list[Row]:
    rows: list[Row] = []
    for bot in bots:
        mine = [one for one in results if one.bot == bot]
        own, gain = added(*(one.gain for one in mine)) if mine else ZERO, tallies.get(bot, GainTally()).gain
        not_bought = added(*(one.proceeds_not_bought for one in mine)) if mine else ZERO
        difference = subtracted(gain, own)
        other_lots, without_price = subtracted(difference, not_bought), sum(one.without_price for one in mine)
        rows.append((bot or NO_BOT, own, not_bought, gain, difference, other_lots, without_price))
    return rows


def _not_bought_rows(results: Iterable[BotResult]) -> list[Row]:
    ordered = sorted(results, key=lambda one: _in_order((one.bot, one.asset, one.month)))
    found = [one for one in ordered if one.quantity_not_bought]
    return [(one.bot or NO_BOT, one.asset, one.month, one.quantity_not_bought, one.proceeds_not_bought) for one in found]


def _tie_out_rows(tallies: Mapping[BotId | None, GainTally], overall: GainTally) -> tuple[Row, ...]:
    sums = [added(*column) for column in zip(*(tally.figures() for tally in tallies.values()), strict=True)] or [ZERO] * len(_FIGURES)
    pairs = zip(_FIGURES, sums, overall.figures(), strict=True)
    return tuple((figure, by_bot, total, subtracted(by_bot, total)) for figure, by_bot, total in pairs)
