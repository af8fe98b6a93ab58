"""What the answers of Binance and Binance.US say, in our words: pure, so that a stored payload can be read again at any time.

One table leads from the stream to the place of its rows in an answer, to their reader and to what a walk must know of them. A row
that cannot be read, or that nobody understands, becomes a finding that names it; the other rows of its page are kept. Shapes are
those of the spot REST reference (account trade list, account information) and of the wallet, convert, fiat and simple earn
references of 2026; those of Binance.US, where they differ, of its REST reference of 2023.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ledger.connectors.binance.income import read_dividend, read_reward
from ledger.connectors.binance.money import US_FIAT_IN, US_FIAT_OUT, read_fiat, read_payment, read_us_fiat
from ledger.connectors.binance.moves import MOVE_WAITS, SUB_MOVE_WAITS, read_move, read_sub_move
from ledger.connectors.binance.rows import (
    CONVERSION_WAITS,
    Place,
    Reading,
    deposit_id,
    finding,
    instant_in,
    read_balance,
    read_conversion,
    read_deposit,
    read_dust,
    read_trade,
    read_withdrawal,
    utc_text_in,
    word_in,
)
from ledger.domain.amount import AssetCode, added, text_of
from ledger.domain.errors import InputError
from ledger.domain.finding import Finding, Severity
from ledger.domain.json_text import Json, Row, cell_number, cell_positive, cell_text, cell_whole, json_of, object_of, shown
from ledger.domain.payload import Payload
from ledger.domain.price import PriceQuote
from ledger.ports import Interpretation
from ledger.ports.candles import CANDLES

UNKNOWN_SYMBOL = -1121
SHORT = "short"  # in a payload's context: that, and how, the venue gives fewer rows than it should
SUB_MOVES = "sub-moves"
REFUSED = "refused"  # in the context of a page that says only that this key does not get the list, with the code of it

_NOT_FOR_THIS_KEY = frozenset({404, -1002, -2015})  # no such address; not authorised; no such right
_OF_SUB_ACCOUNTS = ("sub-account", "sub account", "subaccount", "not authorized", "unsupported operation")
_FAULTS_OF_CALLS = range(-1199, -1099)  # parameters that the venue does not take

_DONE_CODES = frozenset({"000000", "0", "200"})
_DUST_MAX = 100
_COUNT_DIGITS_MAX = 9
_EARN_PREFIX = "LD"
_KLINE_CELLS = 6
_KLINE_CLOSE, _KLINE_VOLUME = 4, 5
_MEND_UNREADABLE = "look at the payload; if the venue changed its format, a newer Lotwright may read it (nothing has to be pulled again)"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowMark:
    """What a walk over pages must know of a row: its id, time, the assets that it moved, and whether it waits to be done."""

    row_id: str
    occurred_at: datetime
    assets: tuple[str, ...] = ()
    waits: bool = False


def interpret(payload: Payload) -> Interpretation:
    """Return what a page of any stream says; events keep the order of the rows. Never raises for what a venue sent."""
    if payload.stream == CANDLES:
        return Interpretation()  # prices, no events
    shape = _SHAPES.get(payload.stream)
    if shape is None:
        return Interpretation(findings=(_unreadable_page(payload, f"nobody reads pages of a stream {payload.stream!r}"),))
    if REFUSED in dict(payload.context):
        return Interpretation(findings=_not_given(payload))
    try:
        answer = json_of(payload.content)
        if isinstance(answer, dict) and answer.get("code") == UNKNOWN_SYMBOL:
            return Interpretation(findings=(_out_of_reach(payload),))
        rows = shape.rows(answer)
        twins = _twins(shape, rows, total=total_of(answer))
    except InputError as unreadable:
        return Interpretation(findings=(_unreadable_page(payload, f"the page {unreadable.message}"),))
    readings = [(number, _reading(payload, shape, row, number, twins[number - 1])) for number, row in enumerate(rows, start=1)]
    findings = [finding for _, reading in readings for finding in reading.findings]
    return Interpretation(
        events=tuple((event, f"row {number}") for number, reading in readings for event in reading.events),
        findings=(*findings, *_dust_lost(payload, answer), *_short(payload)),
    )


def _twins(shape: "_Shape", rows: Sequence[Json], *, total: int | None) -> list[int]:
    """Return for each row of a page its number among those that say the same.

    Two rows without ids of their own may say the same and be two. On a page of more rows than the venue counts, one is told twice.
    """
    if not shape.is_nameless or (total is not None and len(rows) > total):
        return [1] * len(rows)
    counted, numbers = Counter[str](), []
    for row in rows:
        try:
            row_id = shape.row_id(object_of(row))
        except InputError:
            row_id = repr(row)
        counted[row_id] += 1
        numbers.append(counted[row_id])
    return numbers


def _reading(payload: Payload, shape: "_Shape", row: Json, number: int, twin: int) -> Reading:
    place = Place(
        venue=payload.venue,
        account=payload.account,
        stream=payload.stream,
        symbol=payload.symbol,
        context=dict(payload.context),
        fetched_at=payload.fetched_at,
        number=number,
        twin=twin,
    )
    try:
        return shape.read(object_of(row), place)
    except InputError as refused:
        subject = place.subject(_shown_id(row) or f"{payload.payload_id} row {number}")
        message = f"row {number} of {payload.payload_id} cannot be read: {refused.message}"
        return Reading(findings=(finding("unreadable-row", subject, message, _MEND_UNREADABLE),))


def _unreadable_page(payload: Payload, message: str) -> Finding:
    return finding("unreadable-page", f"{payload.account}/{payload.stream}/{payload.payload_id}", message, _MEND_UNREADABLE)


def _out_of_reach(payload: Payload) -> Finding:
    message = f"{payload.venue} no longer gives the trades of {payload.symbol}: the symbol is delisted, or its name is wrong"
    mend = f"if it was traded, import the venue's trade export for {payload.symbol}"
    return finding("symbol-unreachable", f"{payload.account}/{payload.symbol}", message, mend, severity=Severity.WARNING)


def _short(payload: Payload) -> tuple[Finding, ...]:
    """Say so when the venue counted more rows than it gave, or no longer gives some."""
    told = dict(payload.context).get(SHORT)
    if told is None:
        return ()
    stream = f"{payload.stream} {payload.symbol}".rstrip()
    message = f"{payload.venue} gives fewer rows of {stream} than there should be: {told}"
    mend = "sync again; if it stays, compare with the venue's own export of this history"
    subject = "/".join(part for part in (payload.account, payload.stream, payload.symbol) if part)
    return (finding("history-short", subject, message, mend, severity=Severity.WARNING),)


def _not_given(payload: Payload) -> tuple[Finding, ...]:
    """Tell of a list that this key does not get, unless it was to be expected: most accounts are no sub-accounts."""
    code, words = int(dict(payload.context)[REFUSED]), shown(payload.content.decode(errors="replace"))
    if code in _NOT_FOR_THIS_KEY or (payload.stream == SUB_MOVES and any(one in words.lower() for one in _OF_SUB_ACCOUNTS)):
        return ()
    severity = Severity.WARNING if code in _FAULTS_OF_CALLS else Severity.NOTE
    what = f"{payload.stream} {payload.symbol}".rstrip()
    mend = "nothing, if the account has none; else import the venue's export of the account's statement"
    message = f"{payload.venue} does not give this key its {what}: {words}"
    return (finding("list-not-given", f"{payload.account}/{payload.stream}/{payload.symbol}", message, mend, severity=severity),)


def _dust_lost(payload: Payload, answer: Json) -> tuple[Finding, ...]:
    """Say so when the account has more batches than the venue gives: the newest hundred."""
    if payload.stream != "dust" or not isinstance(answer, dict) or "userDustConvertHistory" in answer:
        return ()
    total = cell_whole(answer, "total") if str(answer.get("total", "")).isdigit() else 0
    if total <= _DUST_MAX:
        return ()
    message = f"{payload.venue} gives the newest {_DUST_MAX} of {total} conversions of small amounts; older ones are out of its reach"
    mend = "import the venue's export of the account's statement for the years before"
    return (finding("dust-unreachable", f"{payload.account}/dust", message, mend),)


# --- the table of streams ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """Where the rows of a stream stand in an answer, who reads one, and where a row has its time and its assets.

    `keys` are tried in their order; none: the answer is the list itself. `is_nameless`: rows have no ids, what they say is theirs.
    `waiting` are the words of `status` of a row that may yet come to move something, in capitals.
    """

    read: Callable[[Row, Place], Reading]
    keys: tuple[str, ...] = ()
    time: Callable[[Row], datetime] = lambda row: instant_in(row, "time")
    row_id: Callable[[Row], str] = lambda row: word_in(row, "id")
    assets: tuple[str, ...] = ()
    may_lack_rows: bool = False
    is_nameless: bool = False
    status: str = "status"
    waiting: frozenset[str] = frozenset()

    def waits(self, row: Row) -> bool:
        """Tell whether a row must be asked for again, however old it is."""
        return str(row.get(self.status)).upper() in self.waiting

    def rows(self, answer: Json) -> list[Json]:
        """Return the rows of an answer.

        Raises:
            InputError: when they are not where they belong.
        """
        found = answer
        if self.keys:
            fields = object_of(answer)
            _refuse_failure(fields)
            found = next((fields[key] for key in self.keys if key in fields), [] if self.may_lack_rows else None)
        if self.may_lack_rows and found is None:
            return []
        if not isinstance(found, list):
            raise InputError("has no list of rows")
        return found


def _refuse_failure(fields: Row) -> None:
    """Refuse an answer that says, with status 200, that the call failed: the rows that it lacks are not none."""
    code = fields.get("code")
    if fields.get("success") is False or (code is not None and str(code) not in _DONE_CODES):
        raise InputError(f"says that the call failed: {shown(fields)}")


def _first_of(*keys: str) -> Callable[[Row], datetime]:
    return lambda row: instant_in(row, next((key for key in keys if row.get(key) not in (None, "")), keys[-1]))


def _id_at(*keys: str) -> Callable[[Row], str]:
    return lambda row: word_in(row, next((key for key in keys if row.get(key) not in (None, "")), keys[-1]))


def _reward_id(row: Row) -> str:
    return "/".join((word_in(row, "projectId"), cell_text(row, "asset"), word_in(row, "time"), text_of(cell_number(row, "rewards"))))


def _number_of_trade(row: Row) -> str:
    return str(cell_whole(row, "id"))


def _nothing(_row: Row, _place: Place) -> Reading:
    """Say nothing of the first trade of a symbol, which shows that there are some: the stream of its fills tells of it."""
    return Reading()


_SHAPES: dict[str, _Shape] = {
    "deposits": _Shape(read=read_deposit, time=_first_of("completeTime", "insertTime"), row_id=deposit_id, assets=("coin",)),
    "withdrawals": _Shape(read=read_withdrawal, time=lambda row: utc_text_in(row, "applyTime"), assets=("coin",)),
    "fiat": _Shape(
        read=read_fiat,
        keys=("data",),
        time=_first_of("createTime"),
        row_id=_id_at("orderNo"),
        assets=("fiatCurrency",),
        may_lack_rows=True,
    ),
    **{
        stream: _Shape(
            read=read_us_fiat,
            keys=("assetLogRecordList",),
            time=_first_of("createTime"),
            row_id=_id_at("orderId"),
            assets=("fiatCurrency",),
        )
        for stream in (US_FIAT_IN, US_FIAT_OUT)
    },
    "payments": _Shape(
        read=read_payment,
        keys=("data",),
        time=_first_of("createTime"),
        row_id=_id_at("orderNo"),
        assets=("fiatCurrency", "cryptoCurrency"),
        may_lack_rows=True,
    ),
    "conversions": _Shape(
        read=read_conversion,
        keys=("list", "rows"),
        time=_first_of("createTime"),
        row_id=_id_at("orderId"),
        assets=("fromAsset", "toAsset", "fromCoin", "toCoin"),
        status="orderStatus",
        waiting=CONVERSION_WAITS,
    ),
    "dust": _Shape(
        read=read_dust,
        keys=("userAssetDribblets", "userDustConvertHistory"),
        time=_first_of("operateTime"),
        row_id=_id_at("transId", "tranId"),
    ),
    "dividends": _Shape(read=read_dividend, keys=("rows",), time=_first_of("divTime"), row_id=_id_at("id", "tranId"), assets=("asset",)),
    "rewards": _Shape(
        read=read_reward,
        keys=("rows",),
        row_id=_reward_id,
        assets=("asset",),
        is_nameless=True,
    ),
    "moves": _Shape(
        read=read_move,
        keys=("rows",),
        time=_first_of("timestamp"),
        row_id=_id_at("tranId"),
        assets=("asset",),
        may_lack_rows=True,
        waiting=frozenset({MOVE_WAITS}),
    ),
    SUB_MOVES: _Shape(read=read_sub_move, row_id=_id_at("tranId"), assets=("asset",), waiting=frozenset({SUB_MOVE_WAITS})),
    "symbols": _Shape(read=_nothing, row_id=_number_of_trade),
    "fills": _Shape(read=read_trade, row_id=_number_of_trade),
    "balances": _Shape(read=read_balance, keys=("balances",), row_id=lambda row: cell_text(row, "asset")),
}


# --- what a walk must know -----------------------------------------------------------------------------------------


def rows_of(stream: str, answer: Json) -> list[Json]:
    """Return the rows of an answer.

    Raises:
        InputError: when they are not where they belong.
    """
    return _SHAPES[stream].rows(answer)


def marks_of(stream: str, rows: Iterable[Json]) -> tuple[RowMark, ...]:
    """Return the marks of the rows of a page in their order, without those that cannot be read: `interpret` reports them."""
    shape, marks = _SHAPES[stream], []
    for row in rows:
        try:
            fields = object_of(row)
            assets = _dust_assets(fields) if stream == "dust" else tuple(cell_text(fields, key) for key in shape.assets if key in fields)
            row_id, at = shape.row_id(fields), shape.time(fields)
            marks.append(RowMark(row_id=row_id, occurred_at=at, assets=assets, waits=shape.waits(fields)))
        except InputError:
            continue  # a walk goes by the rows that it can read
    return tuple(marks)


def _dust_assets(row: Row) -> tuple[str, ...]:
    details = row.get("userAssetDribbletDetails")
    rows = [row, *map(object_of, details)] if isinstance(details, list) else []
    names = ("targetAsset", "toAsset", "fromAsset")
    return ("BNB", *(cell_text(one, name) for one in rows for name in names if one.get(name)))


def total_of(answer: Json) -> int | None:
    """Return the venue's own count of the rows that were asked for, None where it tells none."""
    told = str(answer.get("total")) if isinstance(answer, dict) else ""
    return int(told) if told.isascii() and told.isdigit() and len(told) <= _COUNT_DIGITS_MAX else None


def has_more(answer: Json) -> bool:
    """Tell whether the venue says that an answer holds not all rows of its window."""
    return isinstance(answer, dict) and answer.get("moreData") is True


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """One market: its name and the two assets that it trades."""

    name: str
    base: str
    quote: str


def symbols_of(answer: Json) -> tuple[Symbol, ...]:
    """Return the symbols that are listed now, also those whose trading is halted, in the venue's order.

    One that cannot be read is passed over: nobody could ask for its trades, and balances tell if there were any.

    Raises:
        InputError: when there is no list, or nothing in it that can be read.
    """
    listed = object_of(answer).get("symbols")
    if not isinstance(listed, list):
        raise InputError("has no list of symbols")
    symbols = tuple(symbol for symbol in map(_symbol_of, listed) if symbol is not None)
    if listed and not symbols:
        raise InputError("has no symbol that can be read")
    return symbols


def _symbol_of(row: Json) -> Symbol | None:
    names = [row.get(name) for name in ("symbol", "baseAsset", "quoteAsset")] if isinstance(row, dict) else []
    texts = [name for name in names if isinstance(name, str) and name]
    return Symbol(name=texts[0], base=texts[1], quote=texts[2]) if len(texts) == len(names) > 0 else None


def minute_weight_of(answer: Json) -> int | None:
    """Return how much weight the calls of a minute may have by address, as the list of symbols tells; None where it does not.

    {"rateLimits": [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000}]}
    """
    told = answer.get("rateLimits") if isinstance(answer, dict) else None
    wanted = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1}
    limits = [row.get("limit") for row in told if isinstance(row, dict) and wanted.items() <= row.items()] if isinstance(told, list) else []
    return next((limit for limit in limits if isinstance(limit, int) and not isinstance(limit, bool)), None)


def held_assets(answer: Json) -> tuple[str, ...]:
    """Return the assets of which the account holds any.

    Raises:
        InputError: when a balance cannot be read; without it no list of symbols is complete.
    """
    rows = [object_of(row) for row in rows_of("balances", answer)]
    return tuple(cell_text(row, "asset") for row in rows if added(cell_number(row, "free"), cell_number(row, "locked")) != 0)


def earn_balances(answer: Json, *, listed: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """Return what flexible earn holds, as (LD + code, amount): the venue mirrors it among the balances.

    An asset that is listed itself, such as LDO, is no mirror.

    Raises:
        InputError: when a balance cannot be read.
    """
    rows = [object_of(row) for row in rows_of("balances", answer)]
    codes = {cell_text(row, "asset") for row in rows}
    return tuple(
        (code, text_of(added(cell_number(row, "free"), cell_number(row, "locked"))))
        for row in rows
        if (code := cell_text(row, "asset")).startswith(_EARN_PREFIX)
        and code not in listed
        and code.removeprefix(_EARN_PREFIX) in codes | listed
    )


def instant_of_venue(answer: Json) -> datetime:
    """Read the venue's clock: ``{"serverTime": 1499827319559}``.

    Raises:
        InputError: when the answer does not tell the time.
    """
    return instant_in(object_of(answer), "serverTime")


def quotes_of(rows: Json, *, asset: AssetCode, currency: AssetCode, source: str) -> tuple[PriceQuote, ...]:
    """Return the quotes of a page of candles in order of time: a candle is quoted at its start with its close.

    A row is ``[1499040000000, "0.0163", "0.8", "0.0157", "0.0158", "148976.1", 1499644799999, ...]``: time, open, high, low,
    close, volume. A minute without trades has a candle of no volume here, which is no price of that minute.

    Raises:
        InputError: when a candle cannot be read; a price left out would look like a silent minute.
    """
    if not isinstance(rows, list):
        raise InputError("the answer is no list of candles")
    quotes = []
    for row in rows:
        if not isinstance(row, list) or len(row) < _KLINE_CELLS:
            raise InputError(f"a candle is not {_KLINE_CELLS} numbers or more: {shown(row)}")
        cells: Row = {"time": row[0], "close": row[_KLINE_CLOSE], "volume": row[_KLINE_VOLUME]}
        at, close = instant_in(cells, "time"), cell_positive(cells, "close")
        if cell_number(cells, "volume") > Decimal(0):
            quotes.append(PriceQuote(asset=asset, currency=currency, observed_at=at, price=close, source=source))
    return tuple(sorted(quotes, key=lambda quote: quote.observed_at))


def _shown_id(row: Json) -> str:
    """Return the id that a broken row still shows, or an empty text."""
    if not isinstance(row, dict):
        return ""
    for key in ("id", "orderNo", "orderId", "tranId", "transId", "asset"):
        raw = row.get(key)
        if isinstance(raw, (str, int)) and not isinstance(raw, bool) and raw != "":
            return shown(raw).strip("'")
    return ""
