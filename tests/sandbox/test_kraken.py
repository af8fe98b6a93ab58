"""The sandbox's Kraken as any client meets it: who comes in, what is counted, and what is held against the client."""

import base64
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest

from ledger.domain.amount import AssetCode
from ledger.sandbox.account import SandboxAccount, seeded_account
from ledger.sandbox.calls import ViolationKind
from ledger.sandbox.exchange import Clocks, Exchange
from ledger.sandbox.faults import Fault, FaultPlan, FaultStep
from ledger.sandbox.history.market import PRODUCT_BY_NAME
from ledger.sandbox.kraken.dialect import Kraken
from ledger.sandbox.kraken.key import signature_of

NOON = 1_780_000_000.0  # a moment of 2026, seconds since 1970


@dataclass
class Local:
    """An exchange without a socket, on a clock that the test turns; signs with code of the tests' own."""

    account: SandboxAccount
    plan: FaultPlan = field(default_factory=FaultPlan)
    seconds: float = 0.0
    seconds_per_call: float = 3.0
    nonce: int = 0

    def __post_init__(self) -> None:
        self.dialect = Kraken(self.account)
        self.exchange = Exchange(self.dialect, self.plan, Clocks(wall=lambda: NOON, monotonic=lambda: self.seconds))

    def post(self, name: str, *, secret: str | None = None, answered: bool = True, nonce: int | None = None, **form: str) -> dict[str, Any]:
        self.seconds += self.seconds_per_call
        self.nonce = self.nonce + 1 if nonce is None else nonce
        body, path = urlencode({"nonce": str(self.nonce), **form}).encode(), f"/0/private/{name}"
        inner = hashlib.sha256(str(self.nonce).encode() + body).digest()
        sign = hmac.new(base64.b64decode(secret or self.dialect.credentials.secret), path.encode() + inner, hashlib.sha512).digest()
        headers = {"api-key": self.dialect.credentials.key, "api-sign": base64.b64encode(sign).decode(), "user-agent": "sandbox-tests/1"}
        reply = self.exchange.receive(method="POST", target=path, headers=headers, body=body)
        if answered:
            self.exchange.sent(reply)
        assert reply.answer.status == 200
        told = json.loads(reply.answer.body)
        assert isinstance(told, dict)
        return told

    def get(self, name: str) -> dict[str, Any]:
        self.seconds += self.seconds_per_call
        reply = self.exchange.receive(method="GET", target=f"/0/public/{name}", headers={"user-agent": "sandbox-tests/1"}, body=b"")
        told = json.loads(reply.answer.body)
        assert isinstance(told, dict)
        return told

    @property
    def violations(self) -> list[ViolationKind]:
        return [one.kind for one in self.exchange.violations]


@pytest.fixture(scope="module")
def account() -> SandboxAccount:
    return seeded_account(1, 200)


@pytest.fixture
def local(account: SandboxAccount) -> Local:
    return Local(account)


@pytest.fixture
def faulty(account: SandboxAccount) -> Callable[[Fault], Local]:
    return lambda fault: Local(account, plan=FaultPlan(steps=[FaultStep(fault=fault, path="POST", times=99)]))


def test_its_signature_is_that_of_the_venues_guide() -> None:
    secret = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
    body = b"nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25"
    expected = "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ=="
    assert signature_of(secret=secret, path="/0/private/AddOrder", nonce="1616492376594", body=body) == expected


def test_a_nonce_must_rise(local: Local) -> None:
    assert local.post("Balance", nonce=5)["error"] == []
    for nonce in (5, 4, 0):
        assert local.post("Balance", nonce=nonce)["error"] == ["EAPI:Invalid nonce"]
    assert local.post("Balance", nonce=6)["error"] == []


def test_a_wrong_signature_is_refused_and_held_against_the_client(local: Local) -> None:
    assert local.post("Balance", secret="d3Jvbmc=")["error"] == ["EAPI:Invalid signature"]
    assert local.violations == [ViolationKind.SIGNATURE_MISMATCH]


@pytest.mark.parametrize("name", ["AddOrder", "CancelAll", "Withdraw", "WalletTransfer", "Earn/Allocate", "RemoveExport"])
def test_what_would_change_something_is_refused_and_held_against_the_client(name: str, local: Local) -> None:
    assert local.post(name)["error"] == ["EGeneral:Permission denied"]
    assert local.violations == [ViolationKind.WRITE_CALL]


@pytest.mark.parametrize("name", ["AddExport", "ExportStatus", "Earn/Strategies", "DepositMethods"])
def test_a_call_that_reads_what_the_key_may_not_see_is_refused_and_no_violation(name: str, local: Local) -> None:
    assert local.post(name)["error"] == ["EGeneral:Permission denied"]
    assert local.violations == []


def test_the_account_is_worth_its_balances_at_the_last_prices(account: SandboxAccount, local: Local) -> None:
    minute = int(NOON) // 60
    prices = {asset: account.prices.price(PRODUCT_BY_NAME[f"{asset}-USD"], minute) for asset in account.assets if asset != "USD"}
    dollars = sum((account.balance(asset) * prices.get(asset, Decimal(1)) for asset in account.assets), start=Decimal(0))
    told = local.post("TradeBalance")["result"]
    assert {told[name] for name in ("eb", "tb", "e", "mf")} == {f"{dollars:.4f}"}
    assert local.post("TradeBalance", asset="XBT")["result"]["eb"] == f"{dollars / prices[AssetCode('BTC')]:.4f}"
    assert local.post("TradeBalance", asset="XDG")["error"] == ["EQuery:Unknown asset"]


def test_fees_are_told_of_the_pairs_that_are_asked_for(local: Local) -> None:
    told = local.post("TradeVolume", pair="XBTUSD,ETH/XBT")["result"]
    assert {name: row["fee"] for name, row in told["fees"].items()} == {"XXBTZUSD": "0.2500", "XETHXXBT": "0.2500"}
    assert {row["fee"] for row in told["fees_maker"].values()} == {"0.1600"}
    assert "fees" not in local.post("TradeVolume")["result"]
    assert local.post("TradeVolume", pair="NOPE")["error"] == ["EQuery:Unknown asset pair"]


def test_no_position_is_open(local: Local) -> None:
    assert local.post("OpenPositions") == {"error": [], "result": {}}
    assert local.post("OpenPositions", consolidation="market") == {"error": [], "result": []}


def test_two_calls_in_flight_are_held_against_the_client(local: Local) -> None:
    local.post("Balance", answered=False)
    local.post("Balance")
    assert local.violations == [ViolationKind.CONCURRENT_CALLS]


def test_history_costs_two_of_a_counter_that_falls_by_one_a_second(account: SandboxAccount) -> None:
    local = Local(account, seconds_per_call=0.0)
    assert [local.post("Ledgers")["error"] for _ in range(10)] == [[]] * 10
    assert local.post("Balance")["error"] == ["EAPI:Rate limit exceeded"]
    assert local.violations == [ViolationKind.RATE_EXCEEDED]
    local.seconds += 1
    assert local.post("Balance")["error"] == []
    local.seconds += 1
    assert local.post("Ledgers")["error"] == ["EAPI:Rate limit exceeded"]


@pytest.mark.parametrize(("name", "key", "total"), [("TradesHistory", "trades", 200), ("Ledgers", "ledger", 409)])
def test_pages_hold_50_rows_newest_first_and_the_count_of_all(name: str, key: str, total: int, local: Local) -> None:
    times, ids = [], []
    for offset in range(0, total, 50):
        result = local.post(name, ofs=str(offset))["result"]
        assert result["count"] == total
        ids += list(result[key])
        times += [row["time"] for row in result[key].values()]
    assert (len(ids), len(set(ids))) == (total, total)
    assert times == sorted(times, reverse=True)


def test_start_is_exclusive_and_end_inclusive(local: Local) -> None:
    rows = local.post("TradesHistory")["result"]["trades"]
    newest, older = next(iter(rows)), list(rows)[20]
    part = local.post("TradesHistory", start=str(rows[older]["time"]), end=str(rows[newest]["time"]))["result"]
    assert newest in part["trades"]
    assert older not in part["trades"]


def test_the_ledger_adds_up_to_the_balances(account: SandboxAccount, local: Local) -> None:
    sums: Counter[str] = Counter()
    for offset in range(0, 450, 50):
        for row in local.post("Ledgers", ofs=str(offset))["result"]["ledger"].values():
            sums[row["asset"]] += Decimal(row["amount"]) - Decimal(row["fee"])  # type: ignore[assignment] # a counter of figures
    told = {asset: Decimal(text) for asset, text in local.post("Balance")["result"].items()}
    assert set(told) == {"AVAX", "SOL", "USDC", "XETH", "XLTC", "XXBT", "ZUSD"}
    assert dict(sums) == told
    assert sorted(told.values()) == sorted(account.balance(asset) for asset in account.assets)


def test_what_is_delisted_has_vanished_from_the_pairs(local: Local) -> None:
    assert "XXBTZUSD" in local.get("AssetPairs")["result"]
    assert "XLTCZUSD" not in local.get("AssetPairs")["result"]
    assert local.get("OHLC?pair=XLTCZUSD")["error"] == ["EQuery:Unknown asset pair"]


def test_candles_reach_720_minutes_back_whatever_is_asked_for(local: Local) -> None:
    rows = local.get("OHLC?pair=XBTUSD&interval=1&since=1710000000")["result"]["XXBTZUSD"]
    assert 600 < len(rows) <= 720
    assert rows[0][0] > NOON - 721 * 60


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.KEY_REVOKED, "EAPI:Invalid key"),
        (Fault.PERMISSION_LACKING, "EGeneral:Permission denied"),
        (Fault.NONCE_USED, "EAPI:Invalid nonce"),
        (Fault.THROTTLED, f"EService: Throttled: {int(NOON) + 2}"),
        (Fault.SERVICE_UNAVAILABLE, "EService:Unavailable"),
        (Fault.RATE_LIMITED, "EAPI:Rate limit exceeded"),
    ],
)
def test_a_fault_has_the_venues_words_and_status_200(fault: Fault, words: str, faulty: Callable[[Fault], Local]) -> None:
    assert faulty(fault).post("Balance")["error"] == [words]
