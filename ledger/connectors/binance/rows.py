"""What one row of each stream of Binance says: one small function per kind of row, a sample beside it.

Which reader reads which stream stands in the table of `parse`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from ledger.connectors.binance.ids import ID_SCOPES
from ledger.domain.amount import Amount, AssetCode, added, asset_code, multiplied
from ledger.domain.errors import InputError
from ledger.domain.event import BalanceSnapshot, Event, Fill, Side, SourceRank, Transfer
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import AccountId, EventId, OrderId, SourceId, VenueName
from ledger.domain.json_text import (
    Row,
    cell_number,
    cell_number_or_none,
    cell_positive,
    cell_text,
    cell_text_or_none,
    cell_whole,
    shown,
)
from ledger.domain.time.instant import instant_of_micros, instant_text

_MICROSECONDS_FROM = 10**14  # 16 digits are microseconds, 13 milliseconds
_EARN_PREFIX = "LD"
_BNB_VENUE = VenueName("binance")  # where small amounts become BNB unless another asset is named
_MEND_UNKNOWN = "book what it means from a lotwright-events file, or ask for a rule for this type; the payload is kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a row stands: what the payload knows and the row does not. `number` counts the rows of a page from 1, `twin` those of one id.

    `context` is what the connector knew when it asked: `base` and `quote` of a symbol, and what concerns balances.
    """

    venue: VenueName
    account: AccountId
    stream: str
    symbol: str
    context: Mapping[str, str]
    fetched_at: datetime
    number: int
    twin: int = 1

    def subject(self, row_id: str) -> str:
        """Name the row for a finding."""
        return "/".join(part for part in (self.account, self.stream, self.symbol, row_id) if part)

    def id_of(self, record: str, source_id: str, **parts: str) -> EventId:
        """Return the id of the event that this row tells of, a record of one of `ID_SCOPES`; `parts` are those of its scope."""
        return ID_SCOPES[record].id_of(venue=self.venue, account=self.account, source_id=source_id, **parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one row says."""

    events: tuple[Event, ...] = ()
    findings: tuple[Finding, ...] = ()


def finding(code: str, subject: str, message: str, mend: str, *, severity: Severity = Severity.ERROR) -> Finding:
    """Return a finding, an error unless told otherwise."""
    return Finding(code=code, severity=severity, subject=subject, message=message, mend=mend)


def unknown_row(place: Place, row_id: str, message: str, *, mend: str = _MEND_UNKNOWN) -> Reading:
    """Return a finding about a row that nobody here understands."""
    return Reading(findings=(finding("unknown-row", place.subject(row_id), message, mend),))


# --- trades --------------------------------------------------------------------------------------------------------


def read_trade(row: Row, place: Place) -> Reading:
    """Read one execution. `commission` is positive when paid, in `commissionAsset`, which may be neither base nor quote.

    Ids are unique in their symbol; a self-trade gives a row of each side under one id.

    {"symbol": "ETHUSDT", "id": 1412345678, "orderId": 17543219876, "orderListId": -1, "price": "3421.55000000",
     "qty": "0.35000000", "quoteQty": "1197.54250000", "commission": "0.00136420", "commissionAsset": "BNB",
     "time": 1717430412345, "isBuyer": true, "isMaker": false, "isBestMatch": true}
    """
    trade_id, symbol = cell_whole(row, "id"), cell_text(row, "symbol")
    if symbol != place.symbol:
        raise InputError(f'"symbol" is {symbol!r}, and {place.symbol!r} was asked for')
    side = Side.BUY if _flag(row, "isBuyer") else Side.SELL
    quantity, price, fee = cell_positive(row, "qty"), cell_positive(row, "price"), cell_number(row, "commission")
    paid = cell_number_or_none(row, "quoteQty")
    if paid is not None and paid < 0:
        raise InputError(f'"quoteQty" is negative: {paid}')
    fill = Fill(
        event_id=place.id_of("trade", str(trade_id), symbol=symbol, side=side),
        source_id=SourceId(str(trade_id)),
        venue=place.venue,
        account=place.account,
        occurred_at=instant_in(row, "time"),
        rank=SourceRank.VENUE,
        sequence=trade_id,
        order_id=OrderId(str(cell_whole(row, "orderId"))),
        side=side,
        base=Amount(quantity=quantity, asset=asset_code(place.context.get("base", ""))),
        quote=Amount(quantity=multiplied(quantity, price) if paid is None else paid, asset=asset_code(place.context.get("quote", ""))),
        fee=Amount(quantity=fee, asset=asset_in(row, "commissionAsset")) if fee else None,
    )
    return Reading(events=(fill,))


# --- deposits and withdrawals --------------------------------------------------------------------------------------

_DEPOSIT_ARRIVED = frozenset({1, 6})
_DEPOSIT_NOT = frozenset({0, 2, 7, 8})  # pending, rejected, wrong, waiting for its sender's confirmation
_WITHDRAWAL_LEFT = 6
_WITHDRAWAL_NOT = frozenset({0, 1, 2, 3, 4, 5})  # mail sent, cancelled, awaiting, rejected, processing, failed


def read_deposit(row: Row, place: Place) -> Reading:
    """Read one deposit of coins; one that is pending or was rejected moved nothing. Credited (6) is there, but may still change.

    {"id": "4615329", "amount": "0.01844487", "coin": "BCH", "network": "BCH", "status": 1, "address": "1NYx..",
     "addressTag": "", "txId": "bafc59..", "insertTime": 1610784980000, "completeTime": 1610785012000, "transferType": 0,
     "walletType": 0}
    """
    source_id, status = deposit_id(row), cell_whole(row, "status")
    if status in _DEPOSIT_NOT:
        return Reading()
    if status not in _DEPOSIT_ARRIVED:
        return unknown_row(place, source_id, f"a deposit of the unknown status {status}: {shown(row)}")
    transfer = Transfer(
        event_id=place.id_of("deposit", source_id),
        source_id=SourceId(source_id),
        venue=place.venue,
        account=place.account,
        occurred_at=instant_in(row, "completeTime" if row.get("completeTime") else "insertTime"),
        rank=SourceRank.VENUE,
        provisional=status != 1,
        from_account=None,
        to_account=_wallet_of(row, place),
        amount=Amount(quantity=cell_positive(row, "amount"), asset=asset_in(row, "coin")),
        chain_hash=cell_text_or_none(row, "txId"),
        address=cell_text_or_none(row, "address"),
    )
    return Reading(events=(transfer,))


_SPOT, _FUNDING = 0, 1  # ``walletType``, which rows of older years lack


def _wallet_of(row: Row, place: Place) -> AccountId:
    """Return the account of the wallet that coins came into or left; that of another wallet than spot is an account of its own."""
    kind = _SPOT if row.get("walletType") in (None, "") else cell_whole(row, "walletType")
    if kind not in {_SPOT, _FUNDING}:
        raise InputError(f'"walletType" is {kind}, of which nobody knows the wallet')
    return wallet(place, "MAIN" if kind == _SPOT else "FUNDING")


def wallet(place: Place, name: str) -> AccountId:
    """Return the account of a wallet by its name: MAIN is the spot wallet, any other is an account of its own."""
    return place.account if name == "MAIN" else AccountId(f"{place.account}-{name.lower()}")


def deposit_id(row: Row) -> str:
    """Return the venue's id; rows of older years have none but that of the chain."""
    raw = row.get("id")
    return cell_text(row, "txId") if raw in (None, "") else word_in(row, "id")


def read_withdrawal(row: Row, place: Place) -> Reading:
    """Read one withdrawal of coins: `amount` went out, `transactionFee` of the same coin besides; times are UTC.

    {"id": "69e53ad305124b96b43668ceab158a18", "amount": "28.75", "transactionFee": "0.25", "coin": "XRP", "status": 6,
     "address": "r3T7..", "txId": "19A5..", "applyTime": "2021-04-15 12:09:16", "network": "XRP", "transferType": 0}
    """
    source_id, status, coin = word_in(row, "id"), cell_whole(row, "status"), asset_in(row, "coin")
    if status in _WITHDRAWAL_NOT:
        return Reading()
    if status != _WITHDRAWAL_LEFT:
        return unknown_row(place, source_id, f"a withdrawal of the unknown status {status}: {shown(row)}")
    fee = cell_number(row, "transactionFee")
    if fee < 0:
        raise InputError('"transactionFee" is below zero')
    transfer = Transfer(
        event_id=place.id_of("withdrawal", source_id),
        source_id=SourceId(source_id),
        venue=place.venue,
        account=place.account,
        occurred_at=utc_text_in(row, "applyTime"),
        rank=SourceRank.VENUE,
        from_account=_wallet_of(row, place),
        to_account=None,
        amount=Amount(quantity=cell_positive(row, "amount"), asset=coin),
        fee=Amount(quantity=fee, asset=coin) if fee else None,
        chain_hash=cell_text_or_none(row, "txId"),
        address=cell_text_or_none(row, "address"),
    )
    return Reading(events=(transfer,))


# --- conversions and dust ------------------------------------------------------------------------------------------

_CONVERTED = frozenset({"SUCCESS", "ACCEPT_SUCCESS"})
CONVERSION_WAITS = frozenset({"PROCESS", "PENDING", "CREATED"})
_NOT_CONVERTED = CONVERSION_WAITS | {"FAIL", "FAILED", "EXPIRED", "CANCELED", "CANCELLED", "REJECTED"}


def read_conversion(row: Row, place: Place) -> Reading:
    """Read one conversion: what came is bought with what went; its cost is in the ratio. Binance.US says Coin for Asset.

    {"quoteId": "f3b91c..", "orderId": 940708407462087195, "orderStatus": "SUCCESS", "fromAsset": "USDT", "fromAmount": "20",
     "toAsset": "BNB", "toAmount": "0.06154036", "ratio": "0.00307702", "inverseRatio": "324.99", "createTime": 1624248872184}
    """
    source_id, status = word_in(row, "orderId"), cell_text(row, "orderStatus").upper()
    if status in _NOT_CONVERTED:
        return Reading()
    if status not in _CONVERTED:
        return unknown_row(place, source_id, f"a conversion of the unknown status {status!r}: {shown(row)}")
    word = "Asset" if "fromAsset" in row else "Coin"
    fill = Fill(
        event_id=place.id_of("conversion", source_id),
        source_id=SourceId(source_id),
        venue=place.venue,
        account=place.account,
        occurred_at=instant_in(row, "createTime"),
        rank=SourceRank.VENUE,
        order_id=OrderId(source_id),
        side=Side.BUY,
        base=Amount(quantity=cell_positive(row, "toAmount"), asset=asset_in(row, f"to{word}")),
        quote=Amount(quantity=cell_positive(row, "fromAmount"), asset=asset_in(row, f"from{word}")),
    )
    return Reading(events=(fill,))


def read_dust(row: Row, place: Place) -> Reading:
    """Read one batch of small amounts turned into BNB or another asset that is named; `transferedAmount` is before the charge.

    Binance.US names the asset (``toAsset``); there it is never taken for BNB.

    {"operateTime": 1627575731000, "totalServiceChargeAmount": "0.00001453", "totalTransferedAmount": "0.00072693",
     "transId": 70899815863, "userAssetDribbletDetails": [{"fromAsset": "LTC", "amount": "0.000006", "transId": 70899815863,
     "transferedAmount": "0.00000267", "serviceChargeAmount": "0.00000005", "operateTime": 1627575731000}]}
    """
    details = row.get("userAssetDribbletDetails")
    if not isinstance(details, list) or not details:
        raise InputError(f'"userAssetDribbletDetails" is no list of rows: {shown(row)}')
    of_batch = {key: cell for key, cell in row.items() if key in _OF_BATCH}
    grains = [_attempt_grain(of_batch | (detail if isinstance(detail, dict) else {}), place) for detail in details]
    return Reading(
        events=tuple(event for grain in grains for event in grain.events),
        findings=tuple(finding for grain in grains for finding in grain.findings),
    )


_OF_BATCH = frozenset({"operateTime", "transId", "tranId", "targetAsset", "toAsset"})  # what may be told of the batch alone


def _attempt_grain(row: Row, place: Place) -> Reading:
    """Read one coin of a batch; one that cannot be read leaves the others of its batch."""
    try:
        return Reading(events=(_grain(row, place),))
    except InputError as refused:
        subject = place.subject("/".join(shown(row.get(key)).strip("'") for key in ("transId", "tranId", "fromAsset") if key in row))
        message = f"a small amount turned into another asset cannot be read: {refused.message}: {shown(row)}"
        return Reading(findings=(finding("unreadable-row", subject, message, _MEND_UNKNOWN),))


def _dust_target(row: Row, *, is_bnb: bool) -> AssetCode:
    """Return the asset that small amounts were turned into; `is_bnb`: BNB where none is named."""
    named = cell_text_or_none(row, "targetAsset") or cell_text_or_none(row, "toAsset")
    return asset_code("BNB") if named is None and is_bnb else asset_code(named or cell_text(row, "toAsset"))


def _grain(row: Row, place: Place) -> Fill:
    given, got = asset_in(row, "fromAsset"), _dust_target(row, is_bnb=place.venue == _BNB_VENUE)
    source_id = f"{word_in(row, 'transId' if 'transId' in row else 'tranId')}/{given}"
    charge = cell_number(row, "serviceChargeAmount")
    return Fill(
        event_id=place.id_of("dust", source_id),
        source_id=SourceId(source_id),
        venue=place.venue,
        account=place.account,
        occurred_at=instant_in(row, "operateTime"),
        rank=SourceRank.VENUE,
        side=Side.BUY,
        base=Amount(quantity=cell_positive(row, "transferedAmount"), asset=got),
        quote=Amount(quantity=cell_positive(row, "amount"), asset=given),
        fee=Amount(quantity=charge, asset=got) if charge else None,
    )


# --- balances -------------------------------------------------------------------------------------------------------


def read_balance(row: Row, place: Place) -> Reading:
    """Read what the account holds of one asset at the instant of asking; zero only of an asset that the account ever touched.

    The context names these (`touched`), and what flexible earn holds: the venue mirrors it as an asset LD + code.

    {"asset": "BTC", "free": "4723846.89208129", "locked": "0.00000000"}
    """
    asset = cell_text(row, "asset")
    if asset in place.context:
        return Reading()
    held = [cell_number(row, "free"), cell_number(row, "locked")]
    held += [Decimal(text) for code, text in place.context.items() if code == f"{_EARN_PREFIX}{asset}"]
    balance = added(*held)
    if not balance and asset not in place.context.get("touched", asset).split():
        return Reading()
    source_id = f"{asset}@{instant_text(place.fetched_at)}"
    snapshot = BalanceSnapshot(
        event_id=place.id_of("balance", source_id),
        source_id=SourceId(source_id),
        venue=place.venue,
        account=place.account,
        occurred_at=place.fetched_at,
        rank=SourceRank.VENUE,
        balance=Amount(quantity=balance, asset=asset_code(asset)),
    )
    return Reading(events=(snapshot,))


# --- cells ---------------------------------------------------------------------------------------------------------


def asset_in(row: Row, key: str) -> AssetCode:
    """Return the asset that a cell names."""
    return asset_code(cell_text(row, key))


def _flag(row: Row, key: str) -> bool:
    raw = row.get(key)
    if not isinstance(raw, bool):
        raise InputError(f'"{key}" is neither true nor false: {shown(raw)}')
    return raw


def word_in(row: Row, key: str) -> str:
    """Return an id that comes as text or as a whole number."""
    raw = row.get(key)
    return str(cell_whole(row, key)) if isinstance(raw, int) and not isinstance(raw, bool) else cell_text(row, key)


def instant_in(row: Row, key: str) -> datetime:
    """Read a time of the venue: milliseconds since 1970, or microseconds where it was asked for them."""
    figure = cell_whole(row, key)
    return instant_of_micros(figure if figure >= _MICROSECONDS_FROM else figure * 1000)


def utc_text_in(row: Row, key: str) -> datetime:
    """Read ``2021-04-15 12:09:16``, which is UTC without saying so."""
    text = cell_text(row, key)
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError as refused:
        raise InputError(f'"{key}" is no time: {shown(text)}') from refused
