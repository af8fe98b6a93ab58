"""Coinbase Advanced Trade's dialect, call by call: who is let in, what is told, how pages run and mislead."""

import base64
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.calls import Answer, ViolationKind
from ledger.sandbox.coinbase_advanced.dialect import CoinbaseAdvanced
from ledger.sandbox.coinbase_advanced.rows import Identities, moved_by, product_id_of
from ledger.sandbox.exchange import Clocks, Exchange
from ledger.sandbox.faults import Fault, FaultPlan, FaultStep
from ledger.sandbox.history.rows import TransferKind

from .conftest import NOON

V3 = "/api/v3/brokerage"
FILLS = f"{V3}/orders/historical/fills"
HOST = "sandbox.example"
Row = dict[str, object]


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


@dataclass
class Local:
    """An exchange without a socket, on a clock that the test turns; signs with code of the tests' own."""

    account: SandboxAccount
    plan: FaultPlan = field(default_factory=FaultPlan)
    wall: float = NOON
    monotonic: float = 0.0
    seconds_per_call: float = 0.2
    calls: int = 0

    def __post_init__(self) -> None:
        self.dialect = CoinbaseAdvanced(self.account)
        self.exchange = Exchange(self.dialect, self.plan, Clocks(wall=lambda: self.wall, monotonic=lambda: self.monotonic))
        key = load_pem_private_key(self.dialect.credentials.secret.encode(), password=None)
        assert isinstance(key, EllipticCurvePrivateKey)
        self.key = key

    def token(self, target: str, *, method: str = "GET", skew: float = 0.0) -> str:
        self.calls += 1
        name, at = self.dialect.credentials.key, int(self.wall + skew)
        head = {"alg": "ES256", "typ": "JWT", "kid": name, "nonce": str(self.calls)}
        uri = f"{method} {HOST}{target.partition('?')[0]}"
        claims = {"sub": name, "iss": "cdp", "nbf": at, "exp": at + 120, "uri": uri}
        message = ".".join(encoded(json.dumps(part).encode()) for part in (head, claims))
        one, other = decode_dss_signature(self.key.sign(message.encode(), ECDSA(SHA256())))
        return f"{message}.{encoded(one.to_bytes(32) + other.to_bytes(32))}"

    def get(self, target: str, *, method: str = "GET", token: str | None = None, skew: float = 0.0) -> Answer:
        """Call, slowly enough for every bucket."""
        self.monotonic += self.seconds_per_call
        token = self.token(target, method=method, skew=skew) if token is None else token
        headers = {"host": HOST, "authorization": f"Bearer {token}"}
        return self.exchange.receive(method=method, target=target, headers=headers, body=b"").answer

    def said(self, target: str) -> dict[str, object]:
        answer = self.get(target)
        assert answer.status == 200, answer.body
        said = json.loads(answer.body)
        assert isinstance(said, dict)
        return said

    def rows(self, target: str, key: str) -> list[Row]:
        rows = self.said(target)[key]
        assert isinstance(rows, list)
        return rows

    def fills(self, **query: str | int) -> list[Row]:
        return [row for page in self.pages(**query) for row in page]

    def pages(self, **query: str | int) -> Iterator[list[Row]]:
        cursor: object = ""
        while True:
            said = self.said(f"{FILLS}?{urlencode(query | ({'cursor': str(cursor)} if cursor else {}))}")
            assert isinstance(said["fills"], list)
            yield said["fills"]
            cursor = said["cursor"]
            if not cursor:
                return

    def wallet(self, asset: str) -> str:
        return next(str(row["id"]) for row in self.rows("/v2/accounts?limit=100", "data") if row["balance"]["currency"] == asset)  # type: ignore[index] # as JSON


@pytest.fixture
def local(account: SandboxAccount) -> Local:
    return Local(account)


@pytest.fixture
def faulty(account: SandboxAccount) -> Callable[..., Local]:
    """Return a maker of exchanges whose first call that goes to `path` (any, by default) is struck."""

    def make(fault: Fault, *, path: str = "/", times: int = 1) -> Local:
        return Local(account, plan=FaultPlan(steps=[FaultStep(fault=fault, path=f"GET {path}", times=times)]))

    return make


# --- who is let in -----------------------------------------------------------------------------------------------------


def test_a_good_token_is_let_in_and_a_used_one_is_not(local: Local) -> None:
    token = local.token(f"{V3}/accounts")
    assert local.get(f"{V3}/accounts?limit=1", token=token).status == 200
    again = local.get(f"{V3}/accounts?limit=1", token=token)
    assert (again.status, again.body, again.content_type) == (401, b"Unauthorized\n", "text/plain; charset=utf-8")
    assert local.exchange.violations == []


@pytest.mark.parametrize("skew", [-121, 2, 3600])
def test_a_token_out_of_its_time_is_refused_without_a_reason(local: Local, skew: float) -> None:
    assert local.get(f"{V3}/accounts", skew=skew).body == b"Unauthorized\n"


def test_a_token_for_another_call_is_a_violation(local: Local) -> None:
    assert local.get("/v2/accounts", token=local.token(f"{V3}/accounts")).status == 401
    assert [one.kind for one in local.exchange.violations] == [ViolationKind.SIGNATURE_MISMATCH]


def test_public_calls_need_no_token(local: Local) -> None:
    assert local.get(f"{V3}/time", token="").status == 200
    assert local.get(f"{V3}/key_permissions", token="").status == 401


def test_a_write_call_is_refused_and_a_violation(local: Local) -> None:
    assert local.get(f"{V3}/orders", method="POST").status == 403
    assert [one.kind for one in local.exchange.violations] == [ViolationKind.WRITE_CALL]


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        (Fault.KEY_REVOKED, 401, b"Unauthorized"),
        (Fault.IP_REFUSED, 403, b"address is not allowed"),
        (Fault.PERMISSION_LACKING, 403, b"missing required scopes"),
        (Fault.RATE_LIMITED, 429, b"rate_limit_exceeded"),
    ],
)
def test_a_key_that_is_refused_hears_the_venues_words(faulty: Callable[..., Local], fault: Fault, status: int, words: bytes) -> None:
    answer = faulty(fault).get(f"{V3}/accounts")
    assert (answer.status, words in answer.body) == (status, True)


def test_too_many_calls_are_refused_and_a_violation(local: Local) -> None:
    local.seconds_per_call = 0.0
    told = [dict(local.get(f"{V3}/accounts?limit=1").headers) for _ in range(30)]
    assert [one["x-ratelimit-remaining"] for one in told] == [str(left) for left in range(29, -1, -1)]
    refused = local.get(f"{V3}/accounts?limit=1")
    assert refused.status == 429
    limits = {"x-ratelimit-limit": "30", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}
    assert limits.items() <= dict(refused.headers).items()
    assert [one.kind for one in local.exchange.violations] == [ViolationKind.RATE_EXCEEDED]
    assert dict(local.get("/v2/accounts").headers)["x-ratelimit-remaining"] == "9999"


@pytest.mark.parametrize(("target", "limit"), [(f"{V3}/accounts", "30"), ("/v2/accounts", "10000")])
def test_a_refusal_by_fault_tells_the_limits_too(target: str, limit: str, faulty: Callable[..., Local]) -> None:
    refused = faulty(Fault.RATE_LIMITED).get(target)
    assert refused.status == 429
    told = dict(refused.headers)
    assert (told["x-ratelimit-limit"], told["x-ratelimit-remaining"]) == (limit, str(int(limit) - 1))


def test_a_key_may_look_only_unless_the_fault_says_otherwise(local: Local, faulty: Callable[..., Local]) -> None:
    rights = ("can_view", "can_trade", "can_transfer")
    assert [local.said(f"{V3}/key_permissions")[right] for right in rights] == [True, False, False]
    assert [faulty(Fault.KEY_CAN_WITHDRAW).said(f"{V3}/key_permissions")[right] for right in rights] == [True, True, True]


# --- what is told ------------------------------------------------------------------------------------------------------


def base_of(row: Row) -> Decimal:
    size, price = Decimal(str(row["size"])), Decimal(str(row["price"]))
    return size / price if row["size_in_quote"] else size


def test_fills_are_those_of_the_account_newest_first(local: Local, account: SandboxAccount) -> None:
    rows = local.fills(limit=150)
    ids = Identities(account.seed)
    expected = [
        (ids.entry(fill), fill.order_id, fill.side.value.upper(), product_id_of(fill), fill.size, fill.price, fill.fee)
        for fill in account.fills
    ]
    named = ("entry_id", "order_id", "side", "product_id")
    found = [(*(row[name] for name in named), base_of(row), *(Decimal(str(row[name])) for name in ("price", "commission"))) for row in rows]
    assert found == expected[::-1]
    assert {row["size_in_quote"] for row in rows} == {True, False}
    stamps = [str(row["sequence_timestamp"]) for row in rows]
    assert stamps == sorted(set(stamps), reverse=True)
    assert len({row["trade_id"] for row in rows}) == len(rows) - 1  # a self-trade has two sides


def test_money_that_is_not_the_book_s_own_gives_the_market_its_twin_s_name(local: Local, account: SandboxAccount) -> None:
    twins = Counter(product_id_of(fill) for fill in account.fills if fill.money == "USDC" and fill.product != "USDC-USD")
    assert {row["product_id"] for row in local.fills()} > set(twins)
    assert len(local.fills(product_id="BTC-USDC")) == twins["BTC-USDC"]


def test_what_was_written_since_can_be_asked_for(local: Local) -> None:
    every = local.fills()
    wanted = local.fills(start_sequence_timestamp=str(every[9]["sequence_timestamp"]), limit=4)
    assert wanted == every[:10]


def test_wallets_tell_of_every_fill_and_transfer(local: Local, account: SandboxAccount) -> None:
    for asset in account.assets:
        rows: list[Row] = []
        uri: object = f"/v2/accounts/{local.wallet(asset)}/transactions?limit=100"
        while uri:
            said = local.said(str(uri))
            rows += said["data"]  # type: ignore[operator] # a list
            uri = said["pagination"]["next_uri"]  # type: ignore[index] # an object
        fills = [fill for fill in account.fills if asset in {fill.base, fill.money}]
        transfers = [one for one in account.transfers if one.asset == asset]
        assert len(rows) == len(fills) + len(transfers)
        completed = [row for row in rows if row["status"] == "completed"]
        assert sum(Decimal(row["amount"]["amount"]) for row in completed) == account.balance(asset)  # type: ignore[index] # an object
        expected = Counter("send" if one.network != "wire" else f"fiat_{one.kind.value}" for one in transfers)
        assert Counter(row["type"] for row in rows) == expected + Counter({"advanced_trade_fill": len(fills)})
        assert sum(moved_by(fill, asset) for fill in fills) == account.balance(asset) - sum(
            one.amount * (1 if one.kind is TransferKind.DEPOSIT else -1) for one in transfers if one.moved_at
        )


def test_orders_are_found_by_their_ids(local: Local, account: SandboxAccount) -> None:
    wanted = [account.orders[3], account.orders[7]]
    query = urlencode([("order_ids", order.order_id) for order in [*wanted, account.orders[3]]] + [("order_ids", "none such")])
    rows = local.rows(f"{V3}/orders/historical/batch?{query}", "orders")
    assert [row["client_order_id"] for row in rows[:2]] == [order.client_order_id for order in wanted]


def test_orders_of_another_status_than_filled_are_none(local: Local) -> None:
    assert local.rows(f"{V3}/orders/historical/batch?order_status=OPEN&order_status=CANCELLED", "orders") == []
    assert local.rows(f"{V3}/orders/historical/batch?order_status=OPEN&order_status=FILLED&limit=3", "orders")


@pytest.mark.parametrize(("name", "kind"), [("deposits", TransferKind.DEPOSIT), ("withdrawals", TransferKind.WITHDRAWAL)])
def test_a_wallet_of_money_lists_what_came_from_a_bank_and_what_went_there(
    name: str, kind: TransferKind, local: Local, account: SandboxAccount
) -> None:
    wallets = {row["currency"]: row["uuid"] for row in local.rows(f"{V3}/accounts", "accounts")}
    rows = local.rows(f"/v2/accounts/{wallets['USD']}/{name}?limit=100", "data")
    wires = [one for one in account.transfers if one.kind is kind and one.network == "wire"]
    assert wires
    assert [row["id"] for row in rows] == [one.transfer_id for one in reversed(wires)]
    subtotals = [row["subtotal"] for row in rows]
    assert [Decimal(one["amount"]) for one in subtotals if isinstance(one, dict)] == [one.amount for one in reversed(wires)]
    first = local.rows(f"/v2/accounts/{wallets['USD']}/{name}?limit=1", "data")
    second = local.rows(f"/v2/accounts/{wallets['USD']}/{name}?limit=1&starting_after={rows[0]['id']}", "data")
    assert [*first, *second] == rows[:2]
    assert local.rows(f"/v2/accounts/{wallets['BTC']}/{name}", "data") == []


def test_both_clocks_tell_the_same_second(local: Local) -> None:
    assert local.said("/v2/time")["data"] == {"iso": local.said(f"{V3}/time")["iso"], "epoch": int(NOON)}


def test_accounts_hold_the_account_s_balances_page_by_page(local: Local, account: SandboxAccount) -> None:
    held: dict[object, Decimal] = {}
    cursor, has_next = "", True
    while has_next:
        said = local.said(f"{V3}/accounts?limit=3&cursor={cursor}")
        held |= {row["currency"]: Decimal(row["available_balance"]["value"]) for row in said["accounts"]}  # type: ignore[attr-defined] # a list
        cursor, has_next = str(said["cursor"]), bool(said["has_next"])
    assert held == {**{asset: account.balance(asset) for asset in account.assets}, "DAI": Decimal(0)}


# --- how pages run and mislead -----------------------------------------------------------------------------------------


def test_the_cursor_is_digits_beyond_53_bits_and_empty_at_the_end(local: Local) -> None:
    first = local.said(f"{FILLS}?limit=250")
    assert int(str(first["cursor"])) > 2**53
    last = local.said(f"{FILLS}?limit=250&cursor={first['cursor']}")
    assert last["cursor"] == ""


def test_a_cursor_may_follow_the_last_page_and_leads_to_nothing(faulty: Callable[..., Local]) -> None:
    exchange = faulty(Fault.CURSOR_AFTER_LAST, path=FILLS, times=9)
    pages = list(exchange.pages(limit=250))
    assert [len(page) for page in pages] == [250, 150, 0]


def test_paging_faults_look_as_they_do_at_the_venue(faulty: Callable[..., Local]) -> None:
    onward = f"{FILLS}?limit=100&cursor="
    plain = faulty(Fault.GZIP)
    first = plain.said(f"{FILLS}?limit=100")
    second = plain.said(f"{onward}{first['cursor']}")
    expired = faulty(Fault.CURSOR_EXPIRED, path=onward).get(f"{onward}{first['cursor']}")
    assert (expired.status, b"cursor is expired" in expired.body) == (400, True)
    assert faulty(Fault.EMPTY_PAGE, path=onward).said(f"{onward}{first['cursor']}") == {"fills": [], "cursor": ""}
    doubled = faulty(Fault.DUPLICATE_ROW, path=onward).rows(f"{onward}{first['cursor']}", "fills")
    assert doubled[0] == first["fills"][-1]  # type: ignore[index] # a list
    short = faulty(Fault.SHORT_PAGE, path=onward).said(f"{onward}{first['cursor']}")
    assert (len(short["fills"]), short["cursor"] != second["cursor"]) == (50, True)  # type: ignore[arg-type] # a list
    same = faulty(Fault.SAME_CURSOR, path=onward)
    again = same.said(f"{onward}{same.said(f'{FILLS}?limit=100')['cursor']}")
    assert (again["cursor"], again["fills"]) == (first["cursor"], second["fills"])


def test_unsettled_fills_are_told_wrong_then_taken_back_and_told_again(faulty: Callable[..., Local], account: SandboxAccount) -> None:
    exchange = faulty(Fault.UNSETTLED, path=FILLS)
    first = exchange.rows(f"{FILLS}?limit=5", "fills")
    assert [Decimal(str(row["commission"])) for row in first[:3]] == [0, 0, 0]
    then = exchange.rows(f"{FILLS}?limit=12", "fills")
    assert [row["trade_type"] for row in then[:9]] == ["CORRECTION"] * 3 + ["REVERSAL"] * 3 + ["FILL"] * 3
    assert [row["trade_id"] for row in then[:3]] == [row["trade_id"] for row in then[3:6]] == [row["trade_id"] for row in first[:3]]
    assert [Decimal(str(row["commission"])) for row in then[:3]] == [fill.fee for fill in account.fills[-1:-4:-1]]
    assert then[6:9] == first[:3]
    assert len({row["entry_id"] for row in then}) == 12


@pytest.mark.parametrize(
    "target", [f"{FILLS}?limit=0", f"{FILLS}?cursor=x", f"{FILLS}?start_sequence_timestamp=2025-01-01", f"{V3}/accounts?cursor=x"]
)
def test_what_cannot_be_read_is_refused_in_the_words_of_v3(local: Local, target: str) -> None:
    answer = local.get(target)
    assert (answer.status, json.loads(answer.body)["error"]) == (400, "INVALID_ARGUMENT")


def test_what_v2_does_not_have_is_refused_in_its_words(local: Local) -> None:
    wallet = local.wallet("BTC")
    for target, status in (("/v2/accounts/none/transactions", 404), (f"/v2/accounts/{wallet}/transactions?starting_after=x", 400)):
        answer = local.get(target)
        assert answer.status == status
        assert set(json.loads(answer.body)) == {"errors"}
    assert local.get("/v2/accounts?starting_after=x").status == 400
    assert local.get("/v2/nothing").status == 404


# --- the market ----------------------------------------------------------------------------------------------------------


def test_candles_are_served_under_both_names_and_within_limits(local: Local) -> None:
    start = 1_714_640_400
    query = f"start={start}&end={start + 349 * 60}&granularity=ONE_MINUTE"
    candles = local.rows(f"{V3}/products/BTC-USD/candles?{query}", "candles")
    assert candles == local.rows(f"{V3}/products/BTC-USDC/candles?{query}", "candles")
    starts = [int(str(row["start"])) for row in candles]
    assert 300 < len(starts) <= 350
    assert starts == sorted(starts, reverse=True)
    assert local.get(f"{V3}/products/BTC-USD/candles?start={start}&end={start + 350 * 60}&granularity=ONE_MINUTE").status == 400
    assert local.get(f"{V3}/products/BTC-USD/candles?start={start}").status == 400
    assert local.get(f"{V3}/products/DOGE-USD/candles?{query}").status == 404


def test_markets_are_listed_with_their_twins(local: Local) -> None:
    names = {row["product_id"] for row in local.rows(f"{V3}/products", "products")}
    assert {"BTC-USD", "BTC-USDC", "ETH-BTC", "USDC-USD"} <= names
    assert "LTC-USD" not in names
    assert local.said(f"{V3}/products/BTC-USDC")["alias"] == "BTC-USD"
    assert local.get(f"{V3}/products/LTC-USD").status == 404
