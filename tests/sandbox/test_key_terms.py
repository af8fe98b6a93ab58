"""What may differ between keys: the user's tier, a window for nonces, and the kind of key; our connectors keep to it."""

import base64
import hashlib
import hmac
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from random import Random
from typing import Any
from urllib.parse import urlencode

import pytest
from click.testing import CliRunner

from ledger.cli.main import cli
from ledger.connectors.binance.connector import Binance
from ledger.connectors.coinbase_advanced.connector import CoinbaseAdvanced
from ledger.connectors.kraken.connector import Kraken
from ledger.domain.errors import InputError
from ledger.domain.ids import AccountId
from ledger.domain.secrets import Secrets
from ledger.ports import ConnectionTerms, PullWindow
from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.binance.key import ed25519_credentials_of, rsa_credentials_of
from ledger.sandbox.calls import Credentials, ViolationKind
from ledger.sandbox.exchange import Clocks, Exchange
from ledger.sandbox.faults import Fault, FaultPlan, FaultStep
from ledger.sandbox.key_terms import KeyTerms
from ledger.sandbox.kraken.dialect import Kraken as KrakenDialect
from ledger.sandbox.server import Sandbox
from ledger.transport.pace import ManualClock

from .conftest import NOON

START = datetime(2026, 1, 1, tzinfo=UTC)


class Local:
    """Kraken without a socket, on a clock that the test turns."""

    def __init__(self, account: SandboxAccount, terms: KeyTerms, plan: FaultPlan | None = None) -> None:
        self.seconds = 0.0
        self.dialect = KrakenDialect(account, terms)
        clocks = Clocks(wall=lambda: NOON, monotonic=lambda: self.seconds)
        self.exchange = Exchange(self.dialect, plan or FaultPlan(), clocks)

    def post(self, name: str, *, nonce: int) -> dict[str, Any]:
        body, path = urlencode({"nonce": str(nonce)}).encode(), f"/0/private/{name}"
        inner = hashlib.sha256(str(nonce).encode() + body).digest()
        sign = hmac.new(base64.b64decode(self.dialect.credentials.secret), path.encode() + inner, hashlib.sha512).digest()
        headers = {"api-key": self.dialect.credentials.key, "api-sign": base64.b64encode(sign).decode()}
        reply = self.exchange.receive(method="POST", target=path, headers=headers, body=body)
        self.exchange.sent(reply)
        said = json.loads(reply.answer.body)
        assert isinstance(said, dict)
        return said

    def errors(self, *nonces: int) -> list[list[str]]:
        return [self.post("Balance", nonce=nonce)["error"] for nonce in nonces]


# --- tiers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tier", "maximum", "seconds"), [("starter", 15, 3.1), ("intermediate", 20, 2.01), ("pro", 20, 1.01), ("", 20, 1.01)]
)
def test_a_tier_has_its_own_maximum_and_decay(tier: str, maximum: int, seconds: float, account: SandboxAccount) -> None:
    local = Local(account, KeyTerms(tier=tier))
    assert local.errors(*range(1, maximum + 1)) == [[]] * maximum
    assert local.errors(100) == [["EAPI:Rate limit exceeded"]]
    local.seconds += seconds - 0.1
    assert local.errors(101) == [["EAPI:Rate limit exceeded"]]
    local.seconds += 0.1
    assert local.errors(102) == [[]]


@contextmanager
def pulled(*, tier: str, connector_tier: str) -> Iterator[Sandbox]:
    """Pull all that Kraken has, on one clock that only waiting moves."""
    clock = ManualClock(start=START)
    wall, monotonic = (lambda: START.timestamp() + clock.seconds), (lambda: clock.seconds)
    with Sandbox(venue="kraken", seed=5, fills=300, tier=tier, wall=wall, monotonic=monotonic) as sandbox:
        secrets = Secrets(key=sandbox.key, secret=sandbox.secret)
        terms = ConnectionTerms(account=AccountId("main"), secrets=secrets, share=1, base_url=sandbox.rest_url, tier=connector_tier)
        connector = Kraken(terms, clock=clock, rng=Random(1))  # noqa: S311 - a seed makes the pauses the same in every run
        for stream in connector.streams():
            for _ in connector.pull(stream, cursor=None, window=PullWindow()):
                pass
        connector.close()
        yield sandbox


@pytest.mark.parametrize("tier", ["starter", "intermediate", "pro"])
def test_our_connector_keeps_to_the_limit_of_its_tier(tier: str) -> None:
    with pulled(tier=tier, connector_tier=tier) as sandbox:
        assert sum(call.cost for call in sandbox.calls if call.bucket == "private") > 40
        assert sandbox.violations == []


def test_a_connector_that_believes_in_a_higher_tier_than_its_user_has_breaks_the_limit() -> None:
    with pulled(tier="starter", connector_tier="pro") as sandbox:
        assert {one.kind for one in sandbox.violations} == {ViolationKind.RATE_EXCEEDED}


# --- the window of nonces ------------------------------------------------------------------------------------------


def test_a_nonce_may_lie_below_the_highest_by_less_than_the_window(account: SandboxAccount) -> None:
    local = Local(account, KeyTerms(nonce_window=10))
    assert local.errors(100, 91, 95, 101) == [[]] * 4
    assert local.errors(91, 90) == [["EAPI:Invalid nonce"]] * 2
    assert local.errors(92) == [[]]


def test_without_a_window_nonces_rise(account: SandboxAccount) -> None:
    assert Local(account, KeyTerms()).errors(100, 100, 99, 101) == [[], ["EAPI:Invalid nonce"], ["EAPI:Invalid nonce"], []]


def test_a_nonce_of_another_program_lies_beyond_every_window(account: SandboxAccount) -> None:
    plan = FaultPlan(steps=[FaultStep(fault=Fault.NONCE_USED, call=1)])
    local = Local(account, KeyTerms(nonce_window=5_000_000), plan)
    assert local.errors(100, 200) == [["EAPI:Invalid nonce"]] * 2


def test_the_window_is_told_with_the_key(account: SandboxAccount) -> None:
    assert Local(account, KeyTerms(nonce_window=7)).post("GetApiKeyInfo", nonce=1)["result"]["nonce_window"] == "7"


# --- kinds of keys -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "drawn"), [("ed25519", ed25519_credentials_of), ("RSA", rsa_credentials_of)])
def test_a_binance_key_of_the_kind_asked_for_is_handed_out_and_our_connector_logs_in(
    kind: str, drawn: Callable[[str, int], Credentials]
) -> None:
    with Sandbox(venue="binance", seed=2, fills=60, key_kind=kind) as sandbox:
        assert (sandbox.key, sandbox.secret) == (drawn("binance", 2).key, drawn("binance", 2).secret)
        secrets = Secrets(key=sandbox.key, secret=sandbox.secret)
        connector = Binance(ConnectionTerms(account=AccountId("main"), secrets=secrets, share=1, base_url=sandbox.rest_url))
        assert connector.check_key().may_read
        connector.close()
        assert sandbox.violations == []


def test_a_coinbase_key_of_the_kind_asked_for_is_handed_out_and_our_connector_logs_in() -> None:
    with Sandbox(venue="coinbase-advanced", seed=2, fills=60) as usual:
        assert "EC PRIVATE KEY" in usual.secret
    with Sandbox(venue="coinbase-advanced", seed=2, fills=60, key_kind="ed25519") as sandbox:
        assert "PRIVATE KEY" not in sandbox.secret
        secrets = Secrets(key=sandbox.key, secret=sandbox.secret)
        connector = CoinbaseAdvanced(ConnectionTerms(account=AccountId("main"), secrets=secrets, share=1, base_url=sandbox.rest_url))
        assert connector.check_key().may_read
        connector.close()
        assert sandbox.violations == []


# --- what no venue has ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("venue", "options", "words"),
    [
        ("kraken", {"tier": "gold"}, "has no tier 'gold'"),
        ("kraken", {"key_kind": "rsa"}, "has no kind of key 'rsa'"),
        ("binance", {"key_kind": "dsa"}, "has no kind of key 'dsa'"),
        ("binance", {"tier": "pro"}, "has no tier 'pro'"),
        ("binance", {"nonce_window": 5}, "no nonces"),
        ("coinbase-exchange", {"nonce_window": 5}, "no nonces"),
        ("coinbase-advanced", {"key_kind": "hmac"}, "has no kind of key 'hmac'"),
    ],
)
def test_terms_that_a_venue_does_not_know_are_refused(venue: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Sandbox(venue=venue, fills=60, **options)


def test_the_command_hands_the_terms_on() -> None:
    serve = "import sys; from ledger.cli.main import main; main(sys.argv[1:])"
    arguments = ["sandbox", "serve", "--venue", "binance", "--fills", "60", "--seed", "3", "--key", "rsa"]
    with subprocess.Popen([sys.executable, "-c", serve, *arguments], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        ready = json.loads(child.stdout.readline())
        child.send_signal(signal.SIGINT)
        assert child.wait(timeout=30) == 0
    pair = rsa_credentials_of("binance", 3)
    assert (ready["key"], ready["secret"]) == (pair.key, pair.secret)


@pytest.mark.parametrize("option", ["--tier=gold", "--key=rsa"])
def test_the_command_refuses_them_too(option: str) -> None:
    ran = CliRunner().invoke(cli, ["sandbox", "serve", "--venue", "kraken", "--fills", "60", option])
    assert isinstance(ran.exception, InputError)
    assert option.partition("=")[2] in str(ran.exception)
