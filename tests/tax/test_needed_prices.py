"""Prices are asked for where a figure hangs on them and nowhere else."""

from decimal import Decimal

import pytest

from ledger.domain.event import (
    BalanceSnapshot,
    ChargeKind,
    Event,
    Opening,
    OpeningKind,
)
from ledger.domain.lot import Acquisition, Departure, Gap
from ledger.domain.price import Worth

from .conftest import HEAD, TERMS, US, amount, buy, charge, income, movements, sell, transfer

NEEDS: dict[str, tuple[Event, tuple[tuple[str, str, Decimal], ...]]] = {
    "cash purchase": (buy("2 BTC", "100 USD", "1 USD"), ()),
    "cash purchase, fee withheld": (buy("2 BTC", "100 USD", "0.1 BTC"), ()),
    "cash sale, fee in the asset sold": (sell("2 BTC", "100 USD", "0.1 BTC"), ()),
    "cash sale, fee in a third asset": (sell("2 BTC", "100 USD", "0.5 BNB"), (("fee", "BNB", Decimal("0.5")),)),
    "cash sale, rebate in a third asset": (sell("2 BTC", "100 USD", "-0.5 BNB"), (("fee", "BNB", Decimal("0.5")),)),
    "cash sale, fee told": (sell("2 BTC", "100 USD", "0.5 BNB", fee_value="3"), ()),
    "exchange": (sell("2 BTC", "4 ETH"), (("value", "ETH", Decimal(4)),)),
    "exchange, value told": (sell("2 BTC", "4 ETH", value="100"), ()),
    "exchange, fee in cash": (buy("4 ETH", "2 BTC", "1 USD"), (("value", "ETH", Decimal(4)),)),
    "exchange, fee in a trade asset": (sell("2 BTC", "4 ETH", "1 ETH"), (("value", "ETH", Decimal(4)),)),
    "exchange, fee in a third asset": (
        sell("2 BTC", "4 ETH", "0.5 BNB"),
        (("value", "ETH", Decimal(4)), ("fee", "BNB", Decimal("0.5"))),
    ),
    "purchase with foreign money": (buy("2 BTC", "50 EUR", "1 EUR"), (("value", "EUR", Decimal(50)),)),
    "sale for foreign money": (sell("2 BTC", "50 EUR"), (("value", "EUR", Decimal(50)),)),
    "cash sale, fee in foreign money": (sell("2 BTC", "60 USD", "1 EUR"), (("fee", "EUR", Decimal(1)),)),
    "money for money": (sell("50 EUR", "60 USD", "1 GBP"), ()),
    "money for money, fee in units": (sell("50 EUR", "60 USD", "0.5 BNB"), (("fee", "BNB", Decimal("0.5")),)),
    "fee of nothing": (sell("2 BTC", "100 USD", "0 BNB"), ()),
    "income": (income("2 ETH"), (("value", "ETH", Decimal(2)),)),
    "income in the book's money": (income("2 USD"), ()),
    "income in foreign money is reported at its value": (income("2 EUR"), (("value", "EUR", Decimal(2)),)),
    "income, value told": (income("2 ETH", "100"), ()),
    "income, fee in a third asset": (income("2 ETH", fee="1 BNB"), (("value", "ETH", Decimal(2)), ("fee", "BNB", Decimal(1)))),
    "income, fee told": (income("2 ETH", fee="1 BNB", fee_value="3"), (("value", "ETH", Decimal(2)),)),
    "income, fee in the book's money": (income("2 ETH", fee="1 USD"), (("value", "ETH", Decimal(2)),)),
    "income, fee withheld": (income("2 ETH", fee="0.1 ETH"), (("value", "ETH", Decimal(2)),)),
    "spending": (charge(ChargeKind.SPEND, "2 ETH"), (("value", "ETH", Decimal(2)),)),
    "gift": (charge(ChargeKind.GIFT_OUT, "2 ETH", fee="0.1 ETH"), (("fee", "ETH", Decimal("0.1")),)),
    "gift, fee told": (charge(ChargeKind.GIFT_OUT, "2 ETH", fee="0.1 ETH", fee_value="3"), ()),
    "spending, value told": (charge(ChargeKind.SPEND, "2 ETH", "100"), ()),
    "spending, fee in a third asset": (
        charge(ChargeKind.SPEND, "2 ETH", fee="1 BNB"),
        (("value", "ETH", Decimal(2)), ("fee", "BNB", Decimal(1))),
    ),
    "spending, fee told": (charge(ChargeKind.SPEND, "2 ETH", fee="1 BNB", fee_value="3"), (("value", "ETH", Decimal(2)),)),
    "spending, fee in the same asset": (charge(ChargeKind.SPEND, "2 ETH", fee="1 ETH"), (("value", "ETH", Decimal(2)),)),
    "spending, fee in the book's money": (charge(ChargeKind.SPEND, "2 ETH", fee="1 USD"), (("value", "ETH", Decimal(2)),)),
    "transfer, fee told": (transfer("main", "vault", "2 ETH", "0.1 ETH", "5"), ()),
    "exchange, fee told": (sell("2 BTC", "4 ETH", "0.5 BNB", fee_value="3"), (("value", "ETH", Decimal(4)),)),
    "nothing received": (sell("2 BTC", "0 EUR"), ()),
    "money spent": (charge(ChargeKind.SPEND, "2 EUR"), ()),
    "transfer": (transfer("main", "vault", "2 ETH", "0.1 ETH"), (("fee", "ETH", Decimal("0.1")),)),
    "transfer of money": (transfer("main", None, "2 EUR", "0.1 EUR"), ()),
    "opening": (Opening(kind=OpeningKind.OPENING, amount=amount("2 ETH"), cost_basis=None, acquired_at=None, **HEAD), ()),
    "balance": (BalanceSnapshot(balance=amount("2 ETH"), **HEAD), ()),
}


@pytest.mark.parametrize(("event", "needed"), NEEDS.values(), ids=NEEDS)
def test_prices_are_asked_for_only_where_a_figure_hangs_on_them(event: Event, needed: tuple[tuple[str, str, Decimal], ...]) -> None:
    assert US.priced_assets(event, TERMS) == needed


@pytest.mark.parametrize(("event", "needed"), NEEDS.values(), ids=NEEDS)
def test_prices_asked_for_are_all_that_is_needed(event: Event, needed: tuple[tuple[str, str, Decimal], ...]) -> None:
    names = {name for name, _, _ in needed}
    worth = Worth(value=Decimal(100) if "value" in names else None, fee=Decimal(3) if "fee" in names else None)
    assert [
        each.gap for each in movements(event, worth) if isinstance(each, Acquisition | Departure) and each.gap is Gap.MISSING_PRICE
    ] == []
