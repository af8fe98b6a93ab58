"""What each venue says besides fills: snapshots, balances, heartbeats, answers to requests."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ledger.sandbox.binance.key import Gate, Refused, ed25519_credentials_of, rsa_credentials_of
from ledger.sandbox.calls import Credentials
from ledger.sandbox.coinbase_advanced.key import key_ring_of
from ledger.sandbox.server import Sandbox

from .conftest import (
    NOON,
    QUICK,
    TAIL,
    Heard,
    Message,
    OfBinance,
    OfCoinbaseAdvanced,
    OfCoinbaseExchange,
    OfKraken,
    encoded,
    heard_all,
    talk,
)

Serve = Callable[..., Sandbox]

EXCHANGE, KRAKEN, BINANCE, ADVANCED = "coinbase-exchange", "kraken", "binance", "coinbase-advanced"


def of_channel(heard: Heard, channel: str, kind: str | None = None) -> list[Message]:
    return [one for one in heard.messages if one.get("channel") == channel and kind in {None, one.get("type")}]


# --- Kraken


def test_kraken_greets_answers_and_shows_the_fifty_fills_before(serve: Serve) -> None:
    sandbox, tongue = serve(KRAKEN, fills=120), OfKraken()
    heard = heard_all(sandbox, tongue)
    status, answer, trades = heard.messages[:3]
    assert (status["channel"], status["data"][0]["system"]) == ("status", "online")
    assert (answer["success"], answer["req_id"], answer["result"]["channel"]) == (True, 7, "executions")
    assert (trades["type"], trades["sequence"], len(trades["data"])) == ("snapshot", 1, 50)
    by_calls: dict[str, Any] = {}
    for offset in (0, 50):
        by_calls |= tongue.call(sandbox, "TradesHistory", ofs=str(offset))["trades"]
    assert [row["exec_id"] for row in trades["data"]] == list(by_calls)[TAIL : TAIL + 50]


def test_kraken_shows_no_fills_unless_asked(serve: Serve) -> None:
    sandbox, tongue = serve(KRAKEN), OfKraken()
    heard = talk(sandbox, tongue.requests(sandbox, snap_trades=False, snap_orders=False), until=lambda heard: len(heard.messages) > 2)
    assert heard.messages[2]["data"] == []


def test_an_order_at_kraken_opens_fills_and_is_done_in_this_order(serve: Serve) -> None:
    sandbox, tongue = serve(KRAKEN, fills=120), OfKraken()
    heard = heard_all(sandbox, tongue)
    kinds: dict[str, list[str]] = {}
    for message in of_channel(heard, "executions", "update"):
        for row in message["data"]:
            kinds.setdefault(row["order_id"], []).append(row["exec_type"])
    whole = [found for found in kinds.values() if found[0] == "pending_new" and found[-1] == "filled"]
    assert whole
    assert all(found[1] == "new" and set(found[2:-1]) == {"trade"} for found in whole)
    few = talk(sandbox, tongue.requests(sandbox, order_status=False), until=lambda heard: len(heard.told(tongue)) == TAIL)
    told = {row["exec_type"] for message in of_channel(few, "executions", "update") for row in message["data"]}
    assert told == {"new", "trade", "filled"}


def test_balances_of_kraken_are_rows_of_its_ledger_and_end_where_the_calls_are(serve: Serve) -> None:
    sandbox, tongue = serve(KRAKEN, fills=120), OfKraken()
    request: Message = tongue.requests(sandbox)[0] | {"req_id": 1}
    request["params"] |= {"channel": "balances"}
    wanted = {asset: sandbox.account.balance(asset) for asset in sandbox.account.assets}
    heard = talk(sandbox, [request], until=lambda heard: len(entries(heard)) >= 2 * TAIL and last_balances(heard) == wanted)
    assert last_balances(heard) == wanted
    ledger: dict[str, Any] = {}
    for offset in (0, 50):
        ledger |= tongue.call(sandbox, "Ledgers", ofs=str(offset))["ledger"]
    told = [row for row in entries(heard) if row["ledger_id"] in ledger]
    assert len(told) >= 2 * TAIL
    for row in told:
        known = ledger[row["ledger_id"]]
        assert (row["ref_id"], row["type"]) == (known["refid"], known["type"])
        assert [row[name] for name in ("amount", "fee", "balance")] == [Decimal(known[name]) for name in ("amount", "fee", "balance")]


def entries(heard: Heard) -> list[Message]:
    return [row for message in of_channel(heard, "balances", "update") for row in message["data"]]


def last_balances(heard: Heard) -> dict[str, Decimal]:
    """Return the balances after all that was told; each row agrees with its asset's balance before it."""
    snapshot = of_channel(heard, "balances", "snapshot")
    balances = {row["asset"]: Decimal(row["balance"]) for message in snapshot for row in message["data"]}
    for row in entries(heard):
        assert row["balance"] == balances[row["asset"]] + row["amount"] - row["fee"]
        balances[row["asset"]] = Decimal(row["balance"])
    return balances


def test_kraken_sends_heartbeats_to_subscribers_when_nothing_else_is_to_be_said(serve: Serve) -> None:
    sandbox, tongue = serve(KRAKEN), OfKraken()
    assert of_channel(talk(sandbox, [], seconds=0.3), "heartbeat") == []
    heard = talk(sandbox, tongue.requests(sandbox), until=lambda heard: len(of_channel(heard, "heartbeat")) >= 2)
    assert len(of_channel(heard, "heartbeat")) == 2


def test_kraken_answers_a_ping(serve: Serve) -> None:
    sandbox = serve(KRAKEN)
    answer = talk(sandbox, [{"method": "ping", "req_id": 9}], until=lambda heard: len(heard.messages) == 2).messages[1]
    assert (answer["method"], answer["req_id"], answer["time_in"]) == ("pong", 9, answer["time_out"])


def test_kraken_says_that_a_channel_is_subscribed_to_already(serve: Serve) -> None:
    sandbox, tongue = serve(KRAKEN), OfKraken()
    heard = talk(sandbox, tongue.requests(sandbox) * 2, until=lambda heard: any(map(tongue.is_refusal, heard.messages)))
    assert [one["error"] for one in heard.messages if tongue.is_refusal(one)] == ["Already subscribed"]


def test_kraken_has_no_other_channels(serve: Serve) -> None:
    sandbox, tongue = serve(KRAKEN), OfKraken()
    heard = talk(sandbox, tongue.requests(sandbox, channel="level3"), until=lambda heard: len(heard.messages) > 1)
    assert heard.messages[1]["error"] == "EGeneral:Invalid arguments:channel"


# --- Binance


def events(heard: Heard, kind: str) -> list[Message]:
    return [one["event"] for one in heard.messages if one.get("event", {}).get("e") == kind]


def test_binance_wraps_events_and_numbers_the_subscription(serve: Serve) -> None:
    sandbox, tongue = serve(BINANCE), OfBinance()
    heard = heard_all(sandbox, tongue)
    assert heard.messages[0] == {"id": "one", "status": 200, "result": {"subscriptionId": 0}}
    assert {one["subscriptionId"] for one in heard.messages[1:]} == {0}
    assert {one["E"] for one in events(heard, "executionReport")} == {int(NOON * 1000)}


def test_balances_of_binance_end_where_the_calls_are(serve: Serve) -> None:
    sandbox, tongue = serve(BINANCE, fills=120), OfBinance()
    moved = {asset for fill in sandbox.account.fills[-TAIL:] for asset in (fill.base, fill.money)}

    def last(heard: Heard) -> dict[str, Decimal]:
        return {row["a"]: Decimal(row["f"]) for event in events(heard, "outboundAccountPosition") for row in event["B"]}

    wanted = {asset: sandbox.account.balance(asset) for asset in moved}
    heard = talk(sandbox, tongue.requests(sandbox), until=lambda heard: wanted.items() <= last(heard).items())
    assert wanted.items() <= last(heard).items()


def test_binance_tells_deposits_and_withdrawals_as_changes_of_a_balance(serve: Serve) -> None:
    sandbox, tongue = serve(BINANCE, fills=60), OfBinance()
    since = sandbox.account.fills[-TAIL].occurred_at
    moved = [one for one in sandbox.account.transfers if one.moved_at is not None and one.moved_at >= since]
    assert moved
    heard = talk(sandbox, tongue.requests(sandbox), until=lambda heard: len(events(heard, "balanceUpdate")) == len(moved))
    found = sorted((one["a"], abs(Decimal(one["d"]))) for one in events(heard, "balanceUpdate"))
    assert found == sorted((one.asset, one.amount) for one in moved)


def logon(sandbox: Sandbox, method: str, *, key: Credentials | None = None) -> Message:
    """Sign with the Ed25519 key that a sandbox accepts besides."""
    own = key or ed25519_credentials_of(BINANCE, sandbox.account.seed)
    params: Message = {"apiKey": own.key, "timestamp": int(NOON * 1000)}
    private = load_pem_private_key(own.secret.encode(), password=None)
    assert isinstance(private, Ed25519PrivateKey)
    payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
    return {"id": method, "method": method, "params": params | {"signature": base64.b64encode(private.sign(payload.encode())).decode()}}


def test_an_ed25519_key_logs_on_for_a_session(serve: Serve) -> None:
    sandbox, tongue = serve(BINANCE), OfBinance()
    requests = [logon(sandbox, "session.logon"), {"id": 2, "method": "userDataStream.subscribe"}]
    heard = talk(sandbox, requests, until=lambda heard: len(heard.told(tongue)) == TAIL)
    assert heard.messages[0]["result"]["apiKey"] == requests[0]["params"]["apiKey"]
    assert heard.messages[0]["result"]["authorizedSince"] == int(NOON * 1000)
    assert heard.told(tongue) == heard_all(sandbox, tongue).told(tongue)


def test_an_ed25519_key_can_sign_a_subscription_too(serve: Serve) -> None:
    sandbox, tongue = serve(BINANCE), OfBinance()
    request = logon(sandbox, "userDataStream.subscribe.signature")
    assert talk(sandbox, [request], until=lambda heard: bool(heard.told(tongue))).messages[0]["status"] == 200


def test_an_hmac_key_cannot_log_on_and_who_has_not_cannot_subscribe_without_a_signature(serve: Serve) -> None:
    sandbox, tongue = serve(BINANCE), OfBinance()
    requests = [*tongue.requests(sandbox, method="session.logon"), {"id": 2, "method": "userDataStream.subscribe"}]
    heard = talk(sandbox, requests, until=lambda heard: len(heard.messages) == 2)
    assert [one["error"]["code"] for one in heard.messages] == [-4056, -2015]
    assert [one["status"] for one in heard.messages] == [400, 401]


def test_an_rsa_key_signs_a_subscription_and_cannot_log_on(serve: Serve) -> None:
    sandbox, tongue = serve(BINANCE), OfBinance()
    own = rsa_credentials_of(BINANCE, sandbox.account.seed)
    private = load_pem_private_key(own.secret.encode(), password=None)
    assert isinstance(private, RSAPrivateKey)
    params: Message = {"apiKey": own.key, "timestamp": int(NOON * 1000)}
    payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
    params["signature"] = base64.b64encode(private.sign(payload.encode(), PKCS1v15(), SHA256())).decode()
    requests = [{"id": method, "method": method, "params": params} for method in ("session.logon", "userDataStream.subscribe.signature")]
    heard = talk(sandbox, requests, until=lambda heard: bool(heard.told(tongue)))
    assert heard.messages[0]["error"]["code"] == -4056
    assert heard.messages[1]["status"] == 200


def test_who_logs_out_must_log_on_again(serve: Serve) -> None:
    sandbox = serve(BINANCE)
    requests: list[Message | str] = [logon(sandbox, "session.logon"), {"id": 2, "method": "session.logout"}]
    requests += [{"id": 3, "method": "session.status"}, {"id": 4, "method": "userDataStream.subscribe"}]
    heard = talk(sandbox, requests, until=lambda heard: len(heard.messages) == 4)
    assert heard.messages[2]["result"] == {
        "apiKey": None,
        "authorizedSince": None,
        "connectedSince": int(NOON * 1000),
        "returnRateLimits": False,
        "serverTime": int(NOON * 1000),
        "userDataStream": False,
    }
    assert heard.messages[3]["status"] == 401


def test_binance_answers_requests_that_need_no_key(serve: Serve) -> None:
    sandbox = serve(BINANCE)
    requests: list[Message | str] = [{"id": name, "method": name} for name in ("ping", "time", "trades.recent")]
    heard = talk(sandbox, [*requests, "no request"], until=lambda heard: len(heard.messages) == 4)
    assert heard.messages[0] == {"id": "ping", "status": 200, "result": {}}
    assert heard.messages[1]["result"] == {"serverTime": int(NOON * 1000)}
    assert [one["error"]["code"] for one in heard.messages[2:]] == [-1000, -1135]


def test_binance_has_one_subscription_at_a_time(serve: Serve) -> None:
    sandbox, tongue = serve(BINANCE), OfBinance()
    heard = talk(sandbox, tongue.requests(sandbox) * 2, until=lambda heard: any(map(tongue.is_refusal, heard.messages)))
    assert [one["error"]["code"] for one in heard.messages if tongue.is_refusal(one)] == [-2035]


def test_the_published_example_of_a_signed_request_is_verified() -> None:
    """Source: the venue's WebSocket API, request security, SIGNED request example (HMAC)."""
    params = {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.01000000",
        "price": "52000.00",
        "newOrderRespType": "ACK",
        "recvWindow": "100",
        "timestamp": "1645423376532",
        "apiKey": "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
        "signature": "cc15477742bd704c29492d96c7ead9414dfd8e0ec4a00f947bb5bb454ddbd08a",
    }
    gate = Gate(BINANCE, 1)
    gate.credentials = Credentials(key=params["apiKey"], secret="NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j")
    gate.admit_request(params, now=1645423376.532, faults=())
    with pytest.raises(Refused, match="Signature"):
        gate.admit_request(params | {"price": "52000.01"}, now=1645423376.532, faults=())


# --- Coinbase Advanced Trade


def test_coinbase_advanced_numbers_its_messages_over_all_channels(serve: Serve) -> None:
    sandbox, tongue = serve(ADVANCED), OfCoinbaseAdvanced()
    requests: list[Message | str] = [{"type": "subscribe", "channel": "heartbeats"}, *tongue.requests(sandbox)]
    heard = talk(sandbox, requests, until=lambda heard: len(of_channel(heard, "heartbeats")) == 3)
    assert [one["sequence_num"] for one in heard.messages] == list(range(len(heard.messages)))
    assert [one["events"][0]["heartbeat_counter"] for one in of_channel(heard, "heartbeats")] == [1, 2, 3]
    subscriptions = [one["events"][0]["subscriptions"] for one in of_channel(heard, "subscriptions")]
    assert [sorted(one) for one in subscriptions] == [["heartbeats"], ["heartbeats", "user"]]


def test_orders_that_are_open_stand_in_the_snapshot_and_go_on(serve: Serve) -> None:
    for seed in range(1, 9):
        sandbox, tongue = serve(ADVANCED, seed=seed), OfCoinbaseAdvanced()
        heard = heard_all(sandbox, tongue)
        snapshot, *updates = [event for one in of_channel(heard, "user") for event in one["events"]]
        assert (snapshot["type"], {one["type"] for one in updates}) == ("snapshot", {"update"})
        for order in snapshot["orders"]:
            first = next(one["orders"][0] for one in updates if one["orders"][0]["order_id"] == order["order_id"])
            assert (order["status"], int(first["number_of_fills"])) == ("OPEN", int(order["number_of_fills"]) + 1)
            assert Decimal(order["cumulative_quantity"]) + Decimal(order["leaves_quantity"]) == Decimal(
                first["cumulative_quantity"]
            ) + Decimal(first["leaves_quantity"])
            return
    raise AssertionError("no seed has an order that is open")


def test_a_subscription_of_coinbase_advanced_can_name_products(serve: Serve) -> None:
    sandbox, tongue = serve(ADVANCED, fills=120), OfCoinbaseAdvanced()
    wanted = [known for known in tongue.by_calls(sandbox) if known[2] == "BTC-USD"]
    heard = talk(sandbox, tongue.requests(sandbox, product_ids=["BTC-USD"]), until=lambda heard: len(heard.told(tongue)) == len(wanted))
    assert heard.told(tongue) == wanted
    unknown = talk(sandbox, tongue.requests(sandbox, product_ids=["DOGE-USD"]), until=lambda heard: bool(heard.messages))
    assert unknown.messages == [{"type": "error", "message": "invalid product id"}]


def test_heartbeats_keep_a_connection_open(serve: Serve) -> None:
    sandbox = serve(ADVANCED, rhythm=replace(QUICK, silence_seconds=1.0))
    assert talk(sandbox, [{"type": "subscribe", "channel": "heartbeats"}], seconds=1.3).closed_with is None


def test_an_ed25519_key_of_coinbase_advanced_is_admitted(serve: Serve) -> None:
    sandbox, tongue = serve(ADVANCED), OfCoinbaseAdvanced()
    own = key_ring_of(ADVANCED, sandbox.account.seed).ed25519
    private = Ed25519PrivateKey.from_private_bytes(base64.b64decode(own.secret)[:32])
    head = {"alg": "EdDSA", "typ": "JWT", "kid": own.key, "nonce": "n"}
    claims = {"sub": own.key, "iss": "cdp", "nbf": int(NOON), "exp": int(NOON) + 120}
    message = ".".join(encoded(json.dumps(part).encode()) for part in (head, claims))
    requests = tongue.requests(sandbox, jwt=f"{message}.{encoded(private.sign(message.encode()))}")
    assert talk(sandbox, requests, until=lambda heard: bool(heard.told(tongue))).told(tongue)


# --- Coinbase Exchange


def test_coinbase_exchange_answers_what_is_subscribed_to(serve: Serve) -> None:
    sandbox, tongue = serve(EXCHANGE), OfCoinbaseExchange()
    channels = ["user", {"name": "heartbeat", "product_ids": ["ETH-USD"]}]
    heard = talk(sandbox, tongue.requests(sandbox, channels=channels), until=lambda heard: bool(heard.messages))
    assert heard.messages[0] == {
        "type": "subscriptions",
        "channels": [
            {"name": "user", "product_ids": tongue.listed(sandbox), "account_ids": None},
            {"name": "heartbeat", "product_ids": ["ETH-USD"], "account_ids": None},
        ],
    }


def test_matches_are_public_and_tell_the_side_of_the_maker(serve: Serve) -> None:
    sandbox, tongue = serve(EXCHANGE, fills=120), OfCoinbaseExchange()
    mine = {(one[0], one[1]): one for one in heard_all(sandbox, tongue).told(tongue)}
    request: Message = {"type": "subscribe", "product_ids": tongue.listed(sandbox), "channels": ["matches"]}
    heard = talk(sandbox, [request], until=lambda heard: len(of_type(heard, "match")) == len(mine))
    for match in of_type(heard, "match"):
        _, _, order_id, price, size, *_, side, liquidity = mine[match["product_id"], match["trade_id"]]
        taken = {"buy": "sell", "sell": "buy"}[str(side)]
        assert (match["price"], match["size"]) == (price, size)
        assert match["side"] == (side if liquidity == "M" else taken)
        assert match["maker_order_id" if liquidity == "M" else "taker_order_id"] == order_id
        assert not {"user_id", "profile_id", "taker_fee_rate", "maker_fee_rate"} & match.keys()
    assert of_type(heard, "last_match")
    public = httpx.get(f"{sandbox.rest_url}/products").json()
    assert {one["product_id"] for one in of_type(heard, "last_match")} <= {one["id"] for one in public}


def of_type(heard: Heard, kind: str) -> list[Message]:
    return [one for one in heard.messages if one["type"] == kind]


def test_the_full_channel_needs_a_key_and_tells_what_the_user_channel_tells(serve: Serve) -> None:
    sandbox, tongue = serve(EXCHANGE), OfCoinbaseExchange()
    mine = heard_all(sandbox, tongue)
    full = talk(sandbox, tongue.requests(sandbox, channels=["full"]), until=lambda heard: len(heard.messages) == len(mine.messages))
    assert full.messages[1:] == mine.messages[1:]
    heard = talk(sandbox, tongue.requests(sandbox, channels=["full"], signature=""))
    assert [one["reason"] for one in heard.messages] == ["full channel requires authentication"]


def test_fees_are_told_as_rates(serve: Serve) -> None:
    sandbox, tongue = serve(EXCHANGE, fills=120), OfCoinbaseExchange()
    fills = {(fill.product, fill.trade_id, fill.order_id): fill for fill in sandbox.account.fills[-TAIL:]}
    heard = heard_all(sandbox, tongue)
    assert of_type(heard, "match")
    for match in of_type(heard, "match"):
        role = "maker" if "maker_fee_rate" in match else "taker"
        fill = fills[match["product_id"], match["trade_id"], match[f"{role}_order_id"]]
        assert abs(Decimal(match[f"{role}_fee_rate"]) * fill.money_amount - fill.fee) < Decimal("1E-15")


def test_an_order_is_received_then_open_then_matched_then_done(serve: Serve) -> None:
    sandbox, tongue = serve(EXCHANGE, fills=120), OfCoinbaseExchange()
    heard = heard_all(sandbox, tongue)
    for product in tongue.listed(sandbox):
        numbers = [one["sequence"] for one in heard.messages if one.get("product_id") == product]
        assert all(later - earlier == 1 for earlier, later in pairwise(numbers))
    kinds: dict[str, list[str]] = {}
    for one in heard.messages[1:]:
        order = one.get("order_id") or one["maker_order_id" if "maker_fee_rate" in one else "taker_order_id"]
        kinds.setdefault(order, []).append(one["type"])
    whole = [found for found in kinds.values() if found[0] == "received" and found[-1] == "done"]
    assert {tuple(dict.fromkeys(found)) for found in whole} <= {("received", "open", "match", "done"), ("received", "match", "done")}
    assert any("open" in found for found in whole)


def test_heartbeats_count_with_the_messages(serve: Serve) -> None:
    sandbox, tongue = serve(EXCHANGE), OfCoinbaseExchange()
    requests = tongue.requests(sandbox, channels=["user", "heartbeat"])
    wanted = len(tongue.by_calls(sandbox))
    products = len(tongue.listed(sandbox))

    def has_counted_all(heard: Heard) -> bool:
        return len(heard.told(tongue)) == wanted and {one["type"] for one in heard.messages[-products:]} == {"heartbeat"}

    heard = talk(sandbox, requests, until=has_counted_all)
    first = {
        product: next(one["sequence"] for one in heard.messages if one.get("product_id") == product) for product in tongue.listed(sandbox)
    }
    told: dict[str, Message] = {}
    for one in heard.messages[1:]:
        last = told.get(one["product_id"])
        if one["type"] == "heartbeat":
            assert one["sequence"] == (last["sequence"] if last else first[one["product_id"]])
        else:
            told[one["product_id"]] = one
    assert told
    last_trades = {one["product_id"]: one["last_trade_id"] for one in of_type(heard, "heartbeat")}
    for product in told:
        assert last_trades[product] == sandbox.account.fills_of(product)[-1].trade_id


REFUSALS = {
    "user channel requires authentication": {"signature": ""},
    "level2 is not a valid channel": {"channels": ["level2"]},
    "DOGE-USD is not a valid product": {"product_ids": ["DOGE-USD"]},
    "no channels or products provided": {"product_ids": []},
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_coinbase_exchange_says_why_not_and_hangs_up(serve: Serve, reason: str) -> None:
    sandbox, tongue = serve(EXCHANGE), OfCoinbaseExchange()
    heard = talk(sandbox, tongue.requests(sandbox, **REFUSALS[reason]))
    assert heard.messages == [{"type": "error", "message": "Failed to subscribe", "reason": reason}]
    assert heard.closed_with == 1000
