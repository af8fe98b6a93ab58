"""What rows of government money say at Binance and Binance.US: orders of a bank and of a card, a sample beside each reader."""

from decimal import Decimal

from ledger.connectors.binance.rows import Place, Reading, asset_in, finding, instant_in, unknown_row, word_in
from ledger.domain.amount import ZERO, Amount, added, market_value, subtracted
from ledger.domain.event import Fill, Side, SourceRank, Transfer
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import SourceId
from ledger.domain.json_text import Row, cell_number, cell_number_or_none, cell_positive, cell_text, cell_text_or_none, shown

US_FIAT_IN, US_FIAT_OUT = "fiat-deposits", "fiat-withdrawals"  # streams of Binance.US

_MEND_FEE = "look at the order on the venue's web page; if the fee left the account too, book it from a lotwright-events file"
_QUARTER = Decimal("0.25")

_PAYMENT_SIDES = {"0": Side.BUY, "1": Side.SELL}
_FIAT_DONE = frozenset({"successful", "success", "finished", "completed"})
_FIAT_NOT = frozenset({"processing", "pending", "failed", "refunding", "refunded", "expired", "cancelled", "canceled", "rejected"})


def read_fiat(row: Row, place: Place) -> Reading:
    """Read one deposit (symbol 0) or withdrawal (symbol 1) of money.

    `amount` is what came or went, and is booked. Where `indicatedAmount` is the sum of amount and fee, a withdrawal costs the fee
    besides; a fee that it does not explain is told in a warning and not booked.

    {"orderNo": "CJW706452266115170304", "fiatCurrency": "GBP", "indicatedAmount": "101.50", "amount": "100.00",
     "totalFee": "1.50", "method": "bank transfer", "status": "Successful", "createTime": 1620037745000}
    """
    source_id, status = word_in(row, "orderNo"), cell_text(row, "status").lower()
    if status in _FIAT_NOT:
        return Reading()
    if status not in _FIAT_DONE:
        return unknown_row(place, source_id, f"an order of money of the unknown status {status!r}: {shown(row)}")
    amount, fee = cell_positive(row, "amount"), cell_number_or_none(row, "totalFee") or Decimal(0)
    is_explained = not fee or cell_number_or_none(row, "indicatedAmount") == added(amount, fee)
    order = _order(row, place, source_id, amount=amount, is_deposit=place.symbol == "0", fee=fee if is_explained else ZERO)
    return Reading(events=(order,), findings=() if is_explained else (_unexplained_fee(row, place, source_id),))


def _unexplained_fee(row: Row, place: Place, source_id: str) -> Finding:
    message = f"the fee of an order of money is in none of its amounts, and was not booked: {shown(row)}"
    return finding("fee-unexplained", place.subject(source_id), message, _MEND_FEE, severity=Severity.WARNING)


def read_us_fiat(row: Row, place: Place) -> Reading:
    """Read one deposit or withdrawal of dollars at Binance.US, by the name of the stream.

    Whether a fee is in `amount` or comes on top of it the venue does not say: a row with one is never guessed.

    {"orderId": "25ced37075c1470ba8939d0df2316e23", "paymentAccount": "c6a8", "paymentChannel": "TRUST", "paymentMethod": "ACH",
     "orderStatus": "Successful", "fiatCurrency": "USD", "amount": "250.00", "transactionFee": "0.00", "platformFee": "0.00",
     "createTime": 1620037745000}
    """
    source_id, status = word_in(row, "orderId"), cell_text(row, "orderStatus").lower()
    if status in _FIAT_NOT:
        return Reading()
    if status not in _FIAT_DONE:
        return unknown_row(place, source_id, f"an order of money of the unknown status {status!r}: {shown(row)}")
    if any(cell_number_or_none(row, name) for name in ("transactionFee", "platformFee")):
        return unknown_row(
            place, source_id, f"an order of money with a fee, of which nobody knows whether it is in the amount: {shown(row)}"
        )
    amount = cell_positive(row, "amount")
    return Reading(events=(_order(row, place, source_id, amount=amount, is_deposit=place.stream == US_FIAT_IN),))


def _order(row: Row, place: Place, source_id: str, *, amount: Decimal, is_deposit: bool, fee: Decimal = ZERO) -> Transfer:
    """Return money that came from a bank, or went to one; the fee of a deposit never reached the account."""
    currency = asset_in(row, "fiatCurrency")
    return Transfer(
        event_id=place.id_of("fiat", source_id),
        source_id=SourceId(source_id),
        venue=place.venue,
        account=place.account,
        occurred_at=instant_in(row, "createTime"),
        rank=SourceRank.VENUE,
        from_account=None if is_deposit else place.account,
        to_account=place.account if is_deposit else None,
        amount=Amount(quantity=amount, asset=currency),
        fee=Amount(quantity=fee, asset=currency) if fee and not is_deposit else None,
    )


def read_payment(row: Row, place: Place) -> Reading:
    """Read one purchase (symbol 0) or sale (1) by card: the money of it comes in from outside, or goes out there, at once.

    `sourceAmount` is the money of the whole trade, its fee in it; `obtainAmount` is the coins, on both sides.

    {"orderNo": "353fca443f06466db0c4dc89f94f027a", "sourceAmount": "20.0", "fiatCurrency": "EUR", "obtainAmount": "4.462",
     "cryptoCurrency": "LUNA", "totalFee": "0.2", "price": "4.437472", "status": "Completed", "createTime": 1624529919000}
    """
    source_id, status = word_in(row, "orderNo"), cell_text(row, "status").lower()
    if status in _FIAT_NOT:
        return Reading()
    side = _PAYMENT_SIDES.get(place.symbol)
    if status not in _FIAT_DONE or side is None:
        return unknown_row(place, source_id, f"a payment for which there is no rule: {shown(row)}")
    traded = _traded(row, side)
    if traded is None:
        return unknown_row(place, source_id, f"a sale by card whose price agrees with no reading of its fee: {shown(row)}")
    fee, currency = cell_number(row, "totalFee"), asset_in(row, "fiatCurrency")
    of_card = (added if side is Side.BUY else subtracted)(traded, fee)
    if min(traded, of_card) <= 0:
        return unknown_row(place, source_id, f"a payment whose fee is all of its money, or more: {shown(row)}")
    fill = Fill(
        event_id=place.id_of("payment", source_id),
        source_id=SourceId(source_id),
        venue=place.venue,
        account=place.account,
        occurred_at=instant_in(row, "createTime"),
        rank=SourceRank.VENUE,
        side=side,
        base=Amount(quantity=cell_positive(row, "obtainAmount"), asset=asset_in(row, "cryptoCurrency")),
        quote=Amount(quantity=traded, asset=currency),
        fee=Amount(quantity=fee, asset=currency) if fee else None,
    )
    if "cash balance" in (cell_text_or_none(row, "paymentMethod") or "").lower():
        return Reading(events=(fill,))
    card = _of_card(fill, place, of_card)
    return Reading(events=(card, fill) if side is Side.BUY else (fill, card))


def _traded(row: Row, side: Side) -> Decimal | None:
    """Return the money for which the coins changed hands, before the fee; None where the price contradicts all that it can be.

    In a purchase it is `sourceAmount` less the fee, in a sale `sourceAmount`, or that and the fee where the price says so. The
    reference shows no sale: a price that is told must agree with one reading to a quarter of the fee, unless its digits do not
    reach so far.
    """
    source, fee, price = cell_positive(row, "sourceAmount"), cell_number(row, "totalFee"), cell_number_or_none(row, "price")
    if side is Side.BUY:
        return subtracted(source, fee)
    coins, doubt = cell_positive(row, "obtainAmount"), market_value(_QUARTER, abs(fee))
    if not fee or not price or market_value(_last_digit(price), coins) > doubt:
        return source
    worth = market_value(price, coins)
    before, after = added(source, fee), subtracted(source, fee)
    readings = ((source, source), (after, source), (before, before))  # what the price is of, and the money before the fee
    return next((traded for priced, traded in readings if abs(subtracted(worth, priced)) <= doubt), None)


def _last_digit(number: Decimal) -> Decimal:
    return Decimal(1).scaleb(min(0, number.adjusted() - len(number.as_tuple().digits) + 1))


def _of_card(fill: Fill, place: Place, money: Decimal) -> Transfer:
    """Return the money that came from a card for a purchase, or went there after a sale."""
    is_paid_in = fill.side is Side.BUY
    return Transfer(
        event_id=place.id_of("payment-money", fill.source_id),
        source_id=fill.source_id,
        venue=place.venue,
        account=place.account,
        occurred_at=fill.occurred_at,
        rank=SourceRank.VENUE,
        from_account=None if is_paid_in else place.account,
        to_account=place.account if is_paid_in else None,
        amount=Amount(quantity=money, asset=fill.quote.asset),
    )
