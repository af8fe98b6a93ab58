"""The Binance dialect by itself: who is let in, what is refused in the venue's own codes, what each page holds."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ledger.domain.amount import AssetCode
from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.binance.dialect import Binance
from ledger.sandbox.binance.key import credentials_of, ed25519_credentials_of, rsa_credentials_of, signed_part
from ledger.sandbox.calls import Answer, ViolationKind
from ledger.sandbox.exchange import Clocks, Exchange
from ledger.sandbox.faults import Fault, FaultPlan, FaultStep

NOON = 1_765_000_000.0  # a moment of December 2025
DAY = 86_400_000


@dataclass
class Local:
    """An exchange without a socket, on a clock that the test turns; signs as the documentation says, with code of its own."""

    account: SandboxAccount
    plan: FaultPlan = field(default_factory=FaultPlan)
    wall: float = NOON
    monotonic: float = 0.0

    def __post_init__(self) -> None:
        self.dialect = Binance(self.account)
        self.exchange = Exchange(self.dialect, self.plan, Clocks(wall=lambda: self.wall, monotonic=lambda: self.monotonic))

    def signed(self, target: str, *, stamp: float | None = None, window: str = "5000", extra: str = "") -> str:
        path, _, query = target.partition("?")
        stamped = f"{query}{'&' if query else ''}recvWindow={window}&timestamp={int((self.wall if stamp is None else stamp) * 1000)}"
        signature = hmac.new(self.dialect.credentials.secret.encode(), stamped.encode(), hashlib.sha256).hexdigest()
        return f"{path}?{stamped}{extra}&signature={signature}"

    def send(self, target: str, *, method: str = "GET", **headers: str) -> Answer:
        told = {"x-mbx-apikey": self.dialect.credentials.key} | {name.replace("_", "-"): text for name, text in headers.items()}
        return self.exchange.receive(method=method, target=target, headers=told, body=b"").answer

    def get(self, target: str, **headers: str) -> Answer:
        return self.send(self.signed(target), **headers)

    def code(self, answer: Answer) -> tuple[int, int]:
        return answer.status, json.loads(answer.body)["code"]

    def ids(self, target: str) -> list[int]:
        return [row["id"] for row in json.loads(self.get(target).body)]


@pytest.fixture
def local(account: SandboxAccount) -> Local:
    return Local(account)


def header(answer: Answer, name: str) -> str:
    return dict(answer.headers)[name]


# --- the gate ------------------------------------------------------------------------------------------------------


def test_a_signed_call_is_let_in_and_told_its_weight(local: Local) -> None:
    answer = local.get("/api/v3/account")
    assert (answer.status, header(answer, "X-MBX-USED-WEIGHT-1M"), header(answer, "X-MBX-USED-WEIGHT")) == (200, "20", "20")
    spent = local.get("/sapi/v1/capital/withdraw/history")
    assert header(spent, "X-SAPI-USED-UID-WEIGHT-1M") == "18000"
    assert not any(name.startswith("X-MBX-") for name, _ in spent.headers)


def test_an_ed25519_signature_is_verified(local: Local) -> None:
    pair = ed25519_credentials_of("binance", local.account.seed)
    key = load_pem_private_key(pair.secret.encode(), password=None)
    assert isinstance(key, Ed25519PrivateKey)
    payload = f"timestamp={int(NOON * 1000)}"
    signature = quote(base64.b64encode(key.sign(payload.encode())).decode(), safe="")
    assert local.send(f"/api/v3/account?{payload}&signature={signature}", x_mbx_apikey=pair.key).status == 200
    assert local.code(local.send(f"/api/v3/account?{payload}1&signature={signature}", x_mbx_apikey=pair.key)) == (400, -1021)


def test_an_rsa_signature_is_verified(local: Local) -> None:
    pair = rsa_credentials_of("binance", local.account.seed)
    key = load_pem_private_key(pair.secret.encode(), password=None)
    assert isinstance(key, RSAPrivateKey)
    payload = f"timestamp={int(NOON * 1000)}"
    signature = base64.b64encode(key.sign(payload.encode(), PKCS1v15(), SHA256())).decode()
    assert local.send(f"/api/v3/account?{payload}&signature={quote(signature, safe='')}", x_mbx_apikey=pair.key).status == 200
    spoilt = quote(signature.swapcase(), safe="")  # unlike the digits of the other kind, its letters differ by case
    assert local.code(local.send(f"/api/v3/account?{payload}&signature={spoilt}", x_mbx_apikey=pair.key)) == (400, -1022)
    of_another = local.signed("/api/v3/account")
    assert local.code(local.send(of_another, x_mbx_apikey=pair.key)) == (400, -1022)


def test_keys_of_all_kinds_are_drawn_from_the_seed() -> None:
    kinds = (credentials_of, ed25519_credentials_of, rsa_credentials_of)
    first, again, other = ([kind("binance", seed).texts for kind in kinds] for seed in (1, 1, 2))
    assert first == again
    assert len({text for texts in (*first, *other) for text in texts}) == 12


def test_what_was_not_signed_is_refused_and_noted(local: Local) -> None:
    answer = local.send(local.signed("/api/v3/account", extra="&omitZeroBalances=true"))
    assert local.code(answer) == (400, -1022)
    assert [one.kind for one in local.exchange.violations] == [ViolationKind.SIGNATURE_MISMATCH]


@pytest.mark.parametrize("symbol", ["\uff11\uff12", "BTC USD", 'BTC"USD', "BTC%ZZ"])
def test_a_payload_that_was_not_percent_encoded_before_signing_is_refused(symbol: str, local: Local) -> None:
    assert local.code(local.get(f"/api/v3/myTrades?symbol={symbol}")) == (400, -1022)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [({"x_mbx_apikey": ""}, (401, -2014)), ({"x_mbx_apikey": "short"}, (401, -2014)), ({"x_mbx_apikey": "A" * 64}, (401, -2015))],
)
def test_a_wrong_key_is_refused(headers: dict[str, str], expected: tuple[int, int], local: Local) -> None:
    assert local.code(local.get("/api/v3/account", **headers)) == expected


@pytest.mark.parametrize(("behind", "is_good"), [(4.9, True), (5.1, False), (-0.9, True), (-1.1, False)])
def test_a_time_stamp_is_good_within_its_window(behind: float, is_good: bool, local: Local) -> None:  # noqa: FBT001 - a table of cases
    answer = local.send(local.signed("/api/v3/account", stamp=NOON - behind))
    assert answer.status == 200 if is_good else local.code(answer) == (400, -1021)


def test_the_signed_part_is_query_and_body_without_the_signature_and_with_nothing_between() -> None:
    target = "/api/v3/order?symbol=LTCBTC&timeInForce=GTC"
    assert signed_part(f"{target}&signature=ab%2Fcd", b"quantity=1") == (b"symbol=LTCBTC&timeInForce=GTCquantity=1", "ab/cd")
    assert signed_part(target, b"quantity=1&signature=ab%2Fcd") == (b"symbol=LTCBTC&timeInForce=GTCquantity=1", "ab/cd")


@pytest.mark.parametrize("path", ["/sapi/v1/margin/allPairs", "/sapi/v1/margin/isolated/allPairs"])
def test_pairs_of_margin_want_a_key_and_no_signature_and_there_are_none(path: str, local: Local) -> None:
    assert json.loads(local.send(path).body) == []
    assert local.code(local.send(path, x_mbx_apikey="A" * 64)) == (401, -2015)


@pytest.mark.parametrize("path", ["/fapi/v1/exchangeInfo", "/dapi/v1/exchangeInfo"])
def test_no_futures_are_listed_and_who_asks_pays_from_another_allowance(path: str, local: Local) -> None:
    answer = local.send(path)
    assert json.loads(answer.body)["symbols"] == []
    assert header(answer, "X-MBX-USED-WEIGHT-1M") == "1"
    assert header(local.send("/api/v3/ping"), "X-MBX-USED-WEIGHT-1M") == "1"


def test_all_coins_are_listed_with_what_is_held_of_them(local: Local) -> None:
    rows = {row["coin"]: row for row in json.loads(local.get("/sapi/v1/capital/config/getall").body)}
    assert {asset: Decimal(rows[asset]["free"]) for asset in local.account.assets} == {
        asset: local.account.balance(asset) for asset in local.account.assets
    }
    assert [asset for asset, row in rows.items() if row["isLegalMoney"]] == ["USD"]
    assert {row["network"] for row in rows["BTC"]["networkList"]} == {one.network for one in local.account.transfers if one.asset == "BTC"}


def test_fees_are_told_of_one_symbol_and_of_all_that_are_listed(local: Local) -> None:
    listed = [row["symbol"] for row in json.loads(local.send("/api/v3/exchangeInfo").body)["symbols"]]
    assert [row["symbol"] for row in json.loads(local.get("/sapi/v1/asset/tradeFee").body)] == listed
    one = json.loads(local.get("/sapi/v1/asset/tradeFee?symbol=BTCUSD").body)
    assert one == [{"symbol": "BTCUSD", "makerCommission": "0.001", "takerCommission": "0.001"}]


def test_the_venue_says_that_it_is_open(local: Local) -> None:
    assert json.loads(local.send("/sapi/v1/system/status").body) == {"status": 0, "msg": "normal"}


def test_orders_come_upwards_from_an_id_within_times_or_the_newest(local: Local) -> None:
    def orders(more: str) -> list[int]:
        return [row["orderId"] for row in json.loads(local.get(f"/api/v3/allOrders?symbol=BTCUSD{more}").body)]

    every = orders("&orderId=0&limit=1000")
    assert len(every) == sum(one.product == "BTC-USD" and one.money == "USD" for one in local.account.orders)
    assert every == sorted(set(every))
    assert orders("&limit=5") == every[-5:]
    assert orders(f"&orderId={every[3]}&limit=5") == every[3:8]
    first = json.loads(local.get("/api/v3/allOrders?symbol=BTCUSD&orderId=0&limit=1").body)[0]["time"]
    assert orders(f"&startTime={first}&endTime={first}") == every[:1]
    assert local.code(local.get("/api/v3/allOrders?symbol=NOPE")) == (400, -1121)


@dataclass(frozen=True)
class Placed:
    """Where the parameters of a call and its signature stand: `query` and `body` with `{}` for the signature."""

    query: str
    body: str

    def sent(self, local: Local, path: str, *, method: str, stamp: int = int(NOON * 1000)) -> Answer:
        query, body = (text.replace("STAMP", str(stamp)) for text in (self.query, self.body))
        bare = "".join("&".join(part for part in text.split("&") if part != "signature={}") for text in (query, body))
        signature = hmac.new(local.dialect.credentials.secret.encode(), bare.encode(), hashlib.sha256).hexdigest()
        headers = {"x-mbx-apikey": local.dialect.credentials.key, "content-type": "application/x-www-form-urlencoded"}
        target = f"{path}?{query.format(signature)}" if query else path
        return local.exchange.receive(method=method, target=target, headers=headers, body=body.format(signature).encode()).answer


PLACES = [
    Placed("timestamp=STAMP&asset=BTC&signature={}", ""),
    Placed("signature={}&timestamp=STAMP&asset=BTC", ""),
    Placed("timestamp=STAMP&signature={}&asset=BTC", ""),
    Placed("", "asset=BTC&timestamp=STAMP&signature={}"),
    Placed("", "signature={}&asset=BTC&timestamp=STAMP"),
    Placed("asset=BTC", "timestamp=STAMP&signature={}"),
    Placed("timestamp=STAMP&signature={}", "asset=BTC"),
    Placed("asset=BTC&signature={}", "asset=ETH&timestamp=STAMP"),
]


@pytest.mark.parametrize("placed", PLACES)
def test_parameters_and_signature_may_stand_anywhere_in_query_and_body(placed: Placed, local: Local) -> None:
    answer = placed.sent(local, "/sapi/v3/asset/getUserAsset", method="POST")
    assert [(row["asset"], Decimal(row["free"])) for row in json.loads(answer.body)] == [("BTC", local.account.balance(AssetCode("BTC")))]
    assert local.exchange.violations == []


def test_a_call_for_a_page_may_have_its_parameters_in_the_body(local: Local) -> None:
    placed = Placed("", "symbol=BTCUSD&limit=5&fromId=0&timestamp=STAMP&signature={}")
    answer = placed.sent(local, "/api/v3/myTrades", method="GET")
    assert [row["id"] for row in json.loads(answer.body)] == local.ids("/api/v3/myTrades?symbol=BTCUSD&fromId=0&limit=5")


@pytest.mark.parametrize(
    ("placed", "code"),
    [
        (Placed("", "asset=BTC&signature={}"), -1102),
        (Placed("", "asset=BTC&timestamp=STAMP"), -1102),
        (Placed("", 'asset=B"TC&timestamp=STAMP&signature={}'), -1022),
        (Placed("", "asset=BTC&timestamp=STAMP&signature=00{}"), -1022),
    ],
)
def test_a_body_is_held_to_the_same_rules_as_a_query(placed: Placed, code: int, local: Local) -> None:
    assert local.code(placed.sent(local, "/sapi/v3/asset/getUserAsset", method="POST")) == (400, code)


def test_what_the_body_says_is_signed_too(local: Local) -> None:
    headers = {"x-mbx-apikey": local.dialect.credentials.key}
    target = local.signed("/sapi/v3/asset/getUserAsset")
    answer = local.exchange.receive(method="POST", target=target, headers=headers, body=b"asset=BTC").answer
    assert local.code(answer) == (400, -1022)
    assert [one.kind for one in local.exchange.violations] == [ViolationKind.SIGNATURE_MISMATCH]


def test_the_funding_wallet_holds_what_was_moved_there(account: SandboxAccount) -> None:
    held = [Local(account, plan=FaultPlan.parse(faults, seed=1)) for faults in ("none", "sundry-rows")]
    target = "/sapi/v1/asset/get-funding-asset"
    answers = [json.loads(one.send(one.signed(target), method="POST").body) for one in held]
    assert [[(row["asset"], row["free"]) for row in rows] for rows in answers] == [[], [("XRP", "7")]]


# --- allowances ----------------------------------------------------------------------------------------------------


def test_weight_above_the_limit_is_refused_with_a_time_to_wait_and_who_does_not_wait_is_banned(local: Local) -> None:
    for _ in range(10):
        assert local.get("/sapi/v1/capital/withdraw/history").status == 200
    late = local.get("/sapi/v1/capital/withdraw/history")
    assert (local.code(late), header(late, "Retry-After")) == ((429, -1003), "1")
    assert header(late, "X-SAPI-USED-UID-WEIGHT-1M") == "180000"
    banned = local.get("/sapi/v1/capital/deposit/hisrec")
    assert local.code(banned) == (418, -1003)
    assert b"IP banned until 17650" in banned.body
    kinds = [one.kind for one in local.exchange.violations]
    assert kinds == [ViolationKind.RATE_EXCEEDED, ViolationKind.RETRY_TOO_EARLY]
    local.monotonic += 61
    assert local.get("/sapi/v1/capital/withdraw/history").status == 200


def test_each_endpoint_below_sapi_has_an_allowance_of_its_own(local: Local) -> None:
    for path in ("/sapi/v1/capital/withdraw/history", "/sapi/v1/fiat/orders?transactionType=0", "/sapi/v1/capital/deposit/hisrec"):
        assert local.get(path).status == 200
    assert local.exchange.violations == []


def test_a_write_call_is_a_violation(local: Local) -> None:
    assert local.send("/api/v3/order?symbol=BTCUSD", method="POST").status == 401
    assert [one.kind for one in local.exchange.violations] == [ViolationKind.WRITE_CALL]


# --- pages ---------------------------------------------------------------------------------------------------------


def test_trades_come_upwards_from_an_id_that_is_included(local: Local) -> None:
    every = sorted(fill.trade_id for fill in local.account.fills if (fill.base, fill.money) == ("BTC", "USD"))
    assert local.ids("/api/v3/myTrades?symbol=BTCUSD&fromId=0&limit=1000") == every
    assert local.ids(f"/api/v3/myTrades?symbol=BTCUSD&fromId={every[10]}&limit=5") == every[10:15]
    assert local.ids("/api/v3/myTrades?symbol=BTCUSD&limit=5") == every[-5:]


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("/api/v3/myTrades", -1102),
        ("/api/v3/myTrades?symbol=NOPE", -1121),
        ("/api/v3/myTrades?symbol=BTCUSD&limit=1001", -1130),
        (f"/api/v3/myTrades?symbol=BTCUSD&startTime=0&endTime={DAY + 1}", -1127),
        ("/api/v3/myTrades?symbol=BTCUSD&fromId=1&startTime=1", -1128),
        ("/api/v3/myTrades?symbol=BTCUSD&fromId=x", -1100),
        (f"/sapi/v1/capital/deposit/hisrec?startTime=0&endTime={91 * DAY}", -1127),
        (f"/sapi/v1/capital/withdraw/history?startTime=0&endTime={91 * DAY}", -1127),
        (f"/sapi/v1/convert/tradeFlow?startTime=0&endTime={31 * DAY}", -1127),
        ("/sapi/v1/convert/tradeFlow", -1102),
        (f"/sapi/v1/asset/assetDividend?startTime=0&endTime={181 * DAY}", -1127),
        (f"/sapi/v1/simple-earn/flexible/history/rewardsRecord?startTime=0&endTime={31 * DAY}", -6021),
        ("/sapi/v1/fiat/orders", -1102),
        ("/sapi/v1/asset/transfer", -1102),
    ],
)
def test_what_the_venue_will_not_answer_has_its_code(target: str, code: int, local: Local) -> None:
    assert local.code(local.get(target)) == (400, code)


def test_an_empty_list_of_payments_is_missing_altogether(local: Local) -> None:
    assert json.loads(local.get("/sapi/v1/fiat/payments?transactionType=0").body) == {"code": "000000", "message": "success", "total": 0}


def test_a_delisted_symbol_is_out_of_reach_when_it_is_told_to_be(account: SandboxAccount) -> None:
    gone = Local(account, plan=FaultPlan.parse("delisted", seed=1))
    assert gone.code(gone.get("/api/v3/myTrades?symbol=LTCUSD&fromId=0")) == (400, -1121)
    assert Local(account).ids("/api/v3/myTrades?symbol=LTCUSD&fromId=0")


def test_times_are_microseconds_for_who_asks(local: Local) -> None:
    target = "/api/v3/myTrades?symbol=BTCUSD&fromId=0&limit=2"
    plain, fine = (json.loads(local.get(target, **more).body)[0]["time"] for more in ({}, {"x_mbx_time_unit": "MICROSECOND"}))
    assert (plain, len(str(fine))) == (fine // 1000, 16)


def test_a_silent_minute_has_a_candle_without_volume(local: Local) -> None:
    start = 1_714_640_400_000
    rows = json.loads(local.send(f"/api/v3/klines?symbol=BTCUSD&interval=1m&startTime={start}&limit=60").body)
    assert [row[0] for row in rows] == [start + 60_000 * number for number in range(60)]
    silent = [number for number, row in enumerate(rows) if float(row[5]) == 0]
    assert silent
    assert all(rows[number][4] == rows[number - 1][4] for number in silent if number)


@pytest.mark.parametrize("fault", [Fault.EMPTY_PAGE, Fault.SHORT_PAGE, Fault.DUPLICATE_ROW, Fault.SAME_CURSOR, Fault.NEW_FILL])
def test_pages_mislead_once_and_are_right_again(fault: Fault, account: SandboxAccount) -> None:
    every = Local(account).ids("/api/v3/myTrades?symbol=BTCUSD&fromId=0&limit=1000")
    misled = Local(account, plan=FaultPlan(steps=[FaultStep(fault=fault, call=2)]))
    target = f"/api/v3/myTrades?symbol=BTCUSD&fromId={every[-20]}&limit=1000"
    misled.ids(f"/api/v3/myTrades?symbol=BTCUSD&fromId={every[-40]}&limit=1000")
    assert misled.ids(target) != every[-20:]
    assert misled.ids(target) == every[-20:]
