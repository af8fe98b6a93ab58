"""What rows of government money say at Binance and Binance.US: orders of a bank and of a card, a sample beside each reader."""

from decimal import Decimal

from ledger.connectors.binance.rows import Place, Reading, asset_in, instant_in, unknown_row, word_in
from ledger.domain.amount import ZERO, Amount, added, subtracted
from ledger.domain.event import Fill, Side, SourceRank, Transfer
from ledger.domain.ids import SourceId
from ledger.domain.json_text import Row, cell_number, cell_number_or_none, cell_positive, cell_text, cell_text_or_none, shown

US_FIAT_IN, US_FIAT_OUT = "fiat-deposits", "fiat-withdrawals"  # streams of Binance.US

_FIAT_DONE = frozenset({"successful", "success", "finished", "completed"})
_FIAT_NOT = frozenset({"processing", "pending", "failed", "refunding", "refunded", "expired", "cancelled", "canceled", "rejected"})


def read_fiat(row: Row, place: Place) -> Reading:
    """Read one deposit (symbol 0) or withdrawal (symbol 1) of money.

    Where `indicatedAmount` is the sum of amount and fee, `amount` is net; a fee that it does not explain is never guessed.

    {"orderNo": "CJW706452266115170304", "fiatCurrency": "GBP", "indicatedAmount": "101.50", "amount": "100.00",
     "totalFee": "1.50", "method": "bank transfer", "status": "Successful", "createTime": 1620037745000}
    """
    source_id, status = word_in(row, "orderNo"), cell_text(row, "status").lower()
    if status in _FIAT_NOT:
        return Reading()
    if status not in _FIAT_DONE:
        return unknown_row(place, source_id, f"an order of money of the unknown status {status!r}: {shown(row)}")
    amount, fee = cell_positive(row, "amount"), cell_number_or_none(row, "totalFee") or Decimal(0)
    if fee and cell_number_or_none(row, "indicatedAmount") != added(amount, fee):
        return unknown_row(place, source_id, f"an order of money whose fee is in none of its amounts: {shown(row)}")
    return Reading(events=(_order(row, place, source_id, amount=amount, is_deposit=place.symbol == "0", fee=fee),))


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
        event_id=place.id_of("transfer", source_id, scope="fiat"),
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
    """Read one purchase with a card (symbol 0): the money comes in from outside, and is paid at once. A sale (1) has no rule yet.

    {"orderNo": "353fca443f06466db0c4dc89f94f027a", "sourceAmount": "20.0", "fiatCurrency": "EUR", "obtainAmount": "4.462",
     "cryptoCurrency": "LUNA", "totalFee": "0.2", "price": "4.437472", "status": "Completed", "createTime": 1624529919000}
    """
    source_id, status = word_in(row, "orderNo"), cell_text(row, "status").lower()
    if status in _FIAT_NOT:
        return Reading()
    if status not in _FIAT_DONE or place.symbol != "0":
        return unknown_row(place, source_id, f"a payment for which there is no rule: {shown(row)}")
    method = (cell_text_or_none(row, "paymentMethod") or "").lower()
    source, fee, money = cell_positive(row, "sourceAmount"), cell_number(row, "totalFee"), asset_in(row, "fiatCurrency")
    at = instant_in(row, "createTime")
    fill = Fill(
        event_id=place.id_of("fill", source_id, scope="payment"),
        source_id=SourceId(source_id),
        venue=place.venue,
        account=place.account,
        occurred_at=at,
        rank=SourceRank.VENUE,
        side=Side.BUY,
        base=Amount(quantity=cell_positive(row, "obtainAmount"), asset=asset_in(row, "cryptoCurrency")),
        quote=Amount(quantity=subtracted(source, fee), asset=money),
        fee=Amount(quantity=fee, asset=money) if fee else None,
    )
    paid_in = Transfer(
        event_id=place.id_of("transfer", source_id, scope="payment"),
        source_id=SourceId(source_id),
        venue=place.venue,
        account=place.account,
        occurred_at=at,
        rank=SourceRank.VENUE,
        from_account=None,
        to_account=place.account,
        amount=Amount(quantity=source, asset=money),
    )
    return Reading(events=(fill,) if "cash balance" in method else (paid_in, fill))
