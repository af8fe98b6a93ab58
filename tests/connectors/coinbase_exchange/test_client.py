"""The signature, the clock and the secrets of a Coinbase Exchange key."""

import base64
import logging
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from ledger.connectors.coinbase_exchange.client import CoinbaseExchangeAuth
from ledger.connectors.coinbase_exchange.connector import CoinbaseExchange
from ledger.domain.errors import InputError, KeyRefused, LedgerError
from ledger.domain.ids import AccountId
from ledger.domain.secrets import Secrets
from ledger.ports import ConnectionTerms, PullWindow, StreamKey
from ledger.transport.pace import ManualClock

if TYPE_CHECKING:
    from conftest import Venue

ALL = PullWindow()
FILLS = StreamKey(stream="fills", symbol="ETH-USD")

# A published test vector for this venue's signature.
VECTOR = Secrets(
    key="0c9618dbe16af57d9316a6cc78f431cc",
    secret="QiM6irV9cW5NJo3xei+MLD0a4GLnsz+HSFwucGXdt+c8gZwRUxTltMfh09w8pZ2VHXKdM8LzqxhaMUg4WHSsvQ==",
    passphrase="3628c235c9b5",
)
VECTOR_BODY = b'{"from":"86602c68-306a-4500-ac73-4ce56a91d83c","to":"e87429d3-f0a7-4f28-8dff-8dd93d383de1","currency":"ETH","amount":100}'
VECTOR_AT = datetime(2019, 11, 13, 13, 58, 41, 402000, tzinfo=UTC)  # 1573653521.402


def signed(request: httpx.Request, *, at: datetime) -> httpx.Request:
    auth = CoinbaseExchangeAuth(VECTOR, account="main", clock=ManualClock(start=at))
    return next(auth.auth_flow(request))


def test_the_published_vector_is_signed_as_published() -> None:
    request = signed(httpx.Request("POST", "https://x.example/profiles/transfer", content=VECTOR_BODY), at=VECTOR_AT)
    assert request.headers["CB-ACCESS-SIGN"] == "xBQCYBLmE0rX9tKUzNL4vgeuX7kIlpMdqILMftUiFzU="
    assert request.headers["CB-ACCESS-TIMESTAMP"] == "1573653521.402"
    assert request.headers["CB-ACCESS-KEY"] == VECTOR.key
    assert request.headers["CB-ACCESS-PASSPHRASE"] == VECTOR.passphrase


def test_the_query_is_part_of_what_is_signed() -> None:
    one, other = (httpx.Request("GET", f"https://x.example/fills?limit={limit}") for limit in (1, 2))
    signatures = {signed(request, at=VECTOR_AT).headers["CB-ACCESS-SIGN"] for request in (one, other)}
    assert len(signatures) == 2


@pytest.mark.parametrize("symbol", ["ETH-USD", "A/B-USD", "Ä,:+ %2F-USD"])
def test_the_bytes_that_go_out_are_the_bytes_that_are_signed(venue: "Venue", connect: Callable[..., CoinbaseExchange], symbol: str) -> None:
    list(connect().pull(StreamKey(stream="fills", symbol=symbol), cursor=None, window=ALL))
    assert len(venue.targets) == 1  # the venue checks the signature over the raw target: an unequal byte would be refused
    assert venue.targets[0].startswith("/fills?product_id=")


SECRETS = {
    "secret-no-base64": (replace(VECTOR, secret="not base64!"), "the secret is not base64"),
    "secret-cut-short": (replace(VECTOR, secret=VECTOR.secret[:-3]), "the secret is not base64"),
    "no-key": (replace(VECTOR, key=""), "the key is missing"),
    "no-secret": (replace(VECTOR, secret=""), "the secret is missing"),
    "no-passphrase": (replace(VECTOR, passphrase=""), "the passphrase is missing"),
    "key-with-line-break": (replace(VECTOR, key=f"{VECTOR.key}\n"), "the key is missing, or holds blanks"),
    "passphrase-with-accent": (replace(VECTOR, passphrase="sésame"), "the passphrase is missing, or holds blanks or characters"),
}


@pytest.mark.parametrize("case", SECRETS)
def test_secrets_of_the_wrong_form_are_refused_before_any_call_and_not_shown(case: str) -> None:
    secrets, words = SECRETS[case]
    with pytest.raises(InputError, match=words) as raised:
        CoinbaseExchange(ConnectionTerms(account=AccountId("main"), secrets=secrets))
    shown = "".join(traceback.format_exception(raised.value))
    for text in (secrets.key, secrets.secret, secrets.passphrase):
        assert not text.strip() or text.strip() not in shown
    assert raised.value.mend


def test_a_connection_without_secrets_is_refused() -> None:
    with pytest.raises(InputError, match="connection 'main' has no secrets"):
        CoinbaseExchange(ConnectionTerms(account=AccountId("main"), secrets=None))


# --- the clock -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("skew", [40, -40, 3600, -3600])
def test_an_expired_time_stamp_is_signed_anew_by_the_venues_clock(
    venue: "Venue", connect: Callable[..., CoinbaseExchange], skew: int
) -> None:
    venue.skew = timedelta(seconds=skew)
    connector = connect()
    list(connector.pull(FILLS, cursor=None, window=ALL))
    list(connector.pull(FILLS, cursor=None, window=ALL))
    assert [target.split("?")[0] for target in venue.targets] == ["/fills", "/time", "/fills", "/fills"]


def test_a_clock_that_jumps_again_in_the_same_call_is_followed(venue: "Venue", connect: Callable[..., CoinbaseExchange]) -> None:
    def jump(seconds: int) -> Callable[["Venue"], None]:
        def jumped(server: "Venue") -> None:
            server.skew = timedelta(seconds=seconds)

        return jumped

    venue.faults = {1: jump(60), 3: jump(-60)}
    assert list(connect().pull(FILLS, cursor=None, window=ALL))
    assert [target.split("?")[0] for target in venue.targets] == ["/fills", "/time", "/fills", "/time", "/fills"]


def test_a_stamp_refused_by_a_clock_that_stands_is_final(venue: "Venue", connect: Callable[..., CoinbaseExchange]) -> None:
    expired = (401, b'{"message":"request timestamp expired"}', {})
    venue.faults = {call: lambda _: expired for call in (1, 3, 5, 7)}
    with pytest.raises(KeyRefused, match="HTTP 401: request timestamp expired"):
        list(connect().pull(FILLS, cursor=None, window=ALL))
    assert [target.split("?")[0] for target in venue.targets] == ["/fills", "/time", "/fills", "/time"]


# --- refusals and secrets ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"key": "another-key"}, "HTTP 401: Invalid API Key"), ({"passphrase": "wrong-words"}, "HTTP 401: Invalid Passphrase")],
)
def test_a_refused_key_is_final_with_the_venues_words(
    venue: "Venue", connect: Callable[..., CoinbaseExchange], wrong: dict[str, str], words: str
) -> None:
    with pytest.raises(KeyRefused, match=words):
        connect(**wrong).check_key()
    assert venue.targets == ["/time", "/accounts"]


def test_no_secret_stands_in_any_log_error_payload_or_address(
    venue: "Venue", connect: Callable[..., CoinbaseExchange], fill: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    headers: dict[str, str] = {}

    def echo(server: "Venue") -> tuple[int, bytes, dict[str, str]]:
        headers.update(server.headers_seen[-1])
        said = " ".join(text for name, text in headers.items() if name.startswith("cb-access"))
        return 400, b'{"message":"you sent ' + said.encode() + b'"}', {}

    venue.fills = {"ETH-USD": [fill(number) for number in range(1, 8)]}
    with caplog.at_level(logging.DEBUG):
        connector = connect()
        pages = list(connector.pull(FILLS, cursor=None, window=ALL))
        venue.faults = {len(venue.targets) + 1: echo}
        with pytest.raises(LedgerError) as raised:
            list(connector.pull(FILLS, cursor=None, window=ALL))
    told = "".join(traceback.format_exception(raised.value)) + repr(raised.value) + repr(vars(raised.value)) + caplog.text
    told += repr(connector) + "".join(repr(page) for page in pages) + "".join(venue.targets) + headers["user-agent"]
    assert "you sent [redacted]" in told
    for secret in (
        headers["cb-access-key"],
        headers["cb-access-passphrase"],
        base64.b64encode(b"thirty-two secret bytes, no more").decode(),
    ):
        assert secret not in told
