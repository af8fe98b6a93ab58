"""The sandbox's own gains, against figures worked out by hand here."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import ROUND_FLOOR, Decimal

import pytest

from ledger.domain.amount import AssetCode
from ledger.domain.event import Side
from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.history.market import PRODUCT_BY_NAME, PricePath, minute_of
from ledger.sandbox.history.rows import SandboxFill, SandboxTransfer, TransferKind
from ledger.sandbox.truth import gains, rows, totals

DAY = datetime(2024, 6, 3, 14, 20, 31, tzinfo=UTC)  # the minute is a multiple of five, so it is never silent
BUY, SELL = Side.BUY, Side.SELL


def fill(number: int, product: str, side: Side, size: str, price: str, fee: str, *, money: str = "USD") -> SandboxFill:
    return SandboxFill(
        trade_id=number,
        product=product,
        order_id=f"order-{number}",
        client_order_id=f"grid-1-{number}",
        bot="grid-1",
        side=side,
        size=Decimal(size),
        price=Decimal(price),
        fee=Decimal(fee),
        money=AssetCode(money),
        is_maker=False,
        occurred_at=DAY.replace(second=number),
    )


def withdrawal(second: int, asset: str, amount: str, fee: str) -> SandboxTransfer:
    at = DAY.replace(second=second)
    return SandboxTransfer(
        transfer_id="w1",
        kind=TransferKind.WITHDRAWAL,
        asset=AssetCode(asset),
        amount=Decimal(amount),
        fee=Decimal(fee),
        created_at=at,
        completed_at=at.replace(minute=25),
        canceled_at=None,
        network="bitcoin",
        address="btc1",
        chain_hash="00",
    )


def figures(*happenings: SandboxFill | SandboxTransfer) -> list[tuple[str, ...]]:
    account = SandboxAccount(
        seed=1,
        fills=tuple(one for one in happenings if isinstance(one, SandboxFill)),
        orders=(),
        transfers=tuple(one for one in happenings if isinstance(one, SandboxTransfer)),
        ledger={},
        prices=PricePath(1),
    )
    return [tuple(row[name] for name in ("event", "asset", "quantity", "proceeds", "cost", "gain")) for row in gains(account)]


def close(asset: str) -> Decimal:
    return PricePath(1).price(PRODUCT_BY_NAME[f"{asset}-USD"], minute_of(DAY))


def text(number: Decimal) -> str:
    return f"{number.normalize():f}"


def floored(number: Decimal) -> Decimal:
    return number.quantize(Decimal("1E-18"), ROUND_FLOOR)


def test_dollar_fees_go_to_cost_and_proceeds() -> None:
    found = figures(fill(1, "BTC-USD", BUY, "0.5", "60000", "30"), fill(2, "BTC-USD", SELL, "0.5", "62000", "31"))
    assert found == [("2", "BTC", "0.5", "30969", "30030", "939")]


def test_rebates_reduce_cost_and_increase_proceeds() -> None:
    found = figures(fill(1, "SOL-USD", BUY, "10", "150", "-1.5"), fill(2, "SOL-USD", SELL, "10", "160", "-1.6"))
    assert found == [("2", "SOL", "10", "1601.6", "1498.5", "103.1")]


def test_the_oldest_lot_goes_first_and_shares_are_floored_cumulatively() -> None:
    found = figures(
        fill(1, "BTC-USD", BUY, "3", "1", "7"),
        *(fill(number, "BTC-USD", SELL, "1", "5", "0") for number in (2, 3)),
        fill(4, "BTC-USD", BUY, "1", "9", "0"),
        fill(5, "BTC-USD", SELL, "2", "5", "0"),
    )
    assert [row[4] for row in found] == ["3.333333333333333333", "3.333333333333333333", "3.333333333333333334", "9"]
    assert [row[3] for row in found] == ["5", "5", "5", "5"]


def test_one_instant_is_ordered_by_the_number_of_the_trade() -> None:
    one, two = fill(2, "BTC-USD", BUY, "1", "100", "0"), fill(9, "BTC-USD", BUY, "1", "200", "0")
    together = replace(two, occurred_at=one.occurred_at)
    sale = fill(12, "BTC-USD", SELL, "1", "300", "0")
    assert figures(together, one, sale) == [("12", "BTC", "1", "300", "100", "200")]


def test_buying_with_a_coin_disposes_of_the_fee_units_too() -> None:
    value = floored(2 * close("ETH"))
    found = figures(
        fill(1, "BTC-USD", BUY, "1", "60000", "0"),
        fill(2, "ETH-BTC", BUY, "2", "0.05", "0.001", money="BTC"),
        fill(3, "ETH-USD", SELL, "2", "4000", "0"),
    )
    assert found[0] == ("2", "BTC", "0.101", text(value), "6060", text(value - 6060))
    assert found[1] == ("3", "ETH", "2", "8000", text(value), text(8000 - value))


def test_fee_units_withheld_from_what_was_received_leave_that_lot_at_no_gain() -> None:
    value = floored(Decimal("0.1") * close("BTC"))
    share = floored(value * Decimal("0.0003") / Decimal("0.1"))
    found = figures(
        fill(1, "BTC-USD", BUY, "1", "10", "0"),
        fill(2, "ETH-USD", BUY, "2", "3000", "0"),
        fill(3, "ETH-BTC", SELL, "2", "0.05", "0.0003", money="BTC"),
    )
    assert found == [
        ("3", "ETH", "2", text(value - share), "6000", text(value - share - 6000)),
        ("3", "BTC", "0.0003", text(share), text(share), "0"),
    ]


def test_a_dollar_book_funded_by_a_coin_is_a_swap() -> None:
    value = floored(Decimal("0.01") * close("BTC"))
    found = figures(
        fill(1, "USDC-USD", BUY, "1000", "1.0001", "0"),
        fill(2, "BTC-USD", BUY, "0.01", "60000", "2.4", money="USDC"),
    )
    cost = Decimal("602.4") * Decimal("1.0001")
    assert found == [("2", "USDC", "602.4", text(value), text(cost), text(value - cost))]


def test_coins_sent_out_take_their_lots_along_and_their_fee_is_disposed_of_after_them() -> None:
    fee_value = floored(Decimal("0.1") * close("BTC"))
    found = figures(
        fill(1, "BTC-USD", BUY, "1", "50000", "0"),
        fill(2, "BTC-USD", BUY, "1", "60000", "0"),
        withdrawal(3, "BTC", "1.1", "0.1"),
        fill(4, "BTC-USD", SELL, "0.5", "70000", "0"),
    )
    assert found == [
        ("w1", "BTC", "0.1", text(fee_value), "6000", text(fee_value - 6000)),
        ("4", "BTC", "0.5", "35000", "30000", "5000"),
    ]


def test_totals_add_up_to_the_last_digit(account: SandboxAccount) -> None:
    found = gains(account)
    sums = {name: sum(Decimal(row[name]) for row in found) for name in ("proceeds", "cost", "gain")}
    assert totals(found) == {"rows": str(len(found)), **{name: text(Decimal(number)) for name, number in sums.items()}}
    assert sums["proceeds"] - sums["cost"] == sums["gain"]


def test_every_unit_sold_is_in_the_gains(account: SandboxAccount) -> None:
    found = gains(account)
    for asset in ("SOL", "LTC"):
        sold = sum(one.size for one in account.fills if one.base == asset and one.side is SELL)
        assert sum(Decimal(row["quantity"]) for row in found if row["asset"] == asset) == sold


@pytest.mark.parametrize("kind", ["fill", "transfer", "ledger"])
def test_rows_have_neutral_names(account: SandboxAccount, kind: str) -> None:
    wanted = {
        "fill": {"id", "product", "order_id", "bot", "side", "size", "price", "fee", "fee_asset", "time"},
        "transfer": {"id", "direction", "asset", "amount", "fee", "time", "status"},
        "ledger": {"id", "asset", "type", "amount", "balance", "time"},
    }
    found = [row for row in rows(account) if row["kind"] == kind]
    assert found
    assert all(wanted[kind] <= row.keys() for row in found)


def test_there_is_a_row_for_all_that_happened(account: SandboxAccount) -> None:
    kinds = [row["kind"] for row in rows(account)]
    assert kinds.count("fill") == len(account.fills)
    assert kinds.count("transfer") == len(account.transfers)
    assert kinds.count("ledger") == sum(map(len, account.ledger.values()))
