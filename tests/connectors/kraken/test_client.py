"""Signature, settings and words of refusal of Kraken's client."""

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from urllib.parse import parse_qs, quote_plus

import httpx
import pytest

from ledger.connectors.kraken.client import KrakenAuth, signature
from ledger.connectors.kraken.connector import Kraken
from ledger.domain.errors import ConnectorError, InputError, KeyRefused, TerminalError, TransientError
from ledger.domain.secrets import Secrets
from ledger.ports import ConnectionTerms
from ledger.transport.pace import ManualClock

from .conftest import MAIN, START

SECRET = base64.b64encode(b"thirty-two secret bytes, no more").decode()
# From the venue's guide to authentication of spot REST calls: a key of no account, nonce and order as printed there.
GUIDE_SECRET = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
GUIDE_BODY = b"nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25"
GUIDE_SIGN = "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ=="


def test_the_signature_is_that_of_the_venues_guide() -> None:
    assert signature(base64.b64decode(GUIDE_SECRET), path="/0/private/AddOrder", body=GUIDE_BODY) == GUIDE_SIGN


@pytest.mark.parametrize(
    "body",
    [
        b'{"nonce":1616492376594,"pair":"XBTUSD","orders":[{"type":"buy","price":"37500"}]}',
        b'{ "orders": [], "nonce" : "1616492376594" }',
        b"nonce=1616492376594",
    ],
)
def test_a_body_of_any_kind_is_signed_with_the_nonce_that_stands_in_it(body: bytes) -> None:
    key, nonce = base64.b64decode(GUIDE_SECRET), b"1616492376594"
    message = b"/0/private/AddOrderBatch" + hashlib.sha256(nonce + body).digest()
    inner, outer = (bytes(byte ^ mask for byte in key.ljust(128, bytes(1))) for mask in (0x36, 0x5C))  # RFC 2104 by hand
    sign = base64.b64encode(hashlib.sha512(outer + hashlib.sha512(inner + message).digest()).digest()).decode()
    assert signature(key, path="/0/private/AddOrderBatch", body=body, nonce=nonce.decode()) == sign


def test_the_bytes_that_go_out_are_the_bytes_that_are_signed() -> None:
    request = httpx.Request("POST", "https://api.kraken.com/0/private/AddOrder", content=GUIDE_BODY)
    signed = next(KrakenAuth(Secrets(key="key", secret=GUIDE_SECRET), account="main").auth_flow(request))
    assert (signed.headers["API-Key"], signed.headers["API-Sign"], signed.content) == ("key", GUIDE_SIGN, GUIDE_BODY)


class Saying(ThreadingHTTPServer):
    """A venue that says the same to every call, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.words: list[str] = []
        self.status = 200
        self.asked: list[str] = []
        self.bodies: list[bytes] = []
        self.results: dict[str, object] = {}
        self.signs: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: Saying

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.signs.append(self.headers["API-Sign"])
        self._answer()

    def _answer(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        result = self.server.results.get(self.path.rpartition("/")[2], {"unixtime": int(START.timestamp())})
        body = json.dumps({"error": self.server.words, "result": result}).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""


@pytest.fixture
def venue() -> Iterator[Saying]:
    server = Saying()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def connect(venue: Saying) -> Iterator[Callable[..., tuple[Kraken, ManualClock]]]:
    opened: list[Kraken] = []

    def connected(**terms: object) -> tuple[Kraken, ManualClock]:
        clock = ManualClock(start=START)
        usual = {
            "account": MAIN,
            "secrets": Secrets(key="a-key-of-the-venue", secret=SECRET),
            "base_url": f"http://127.0.0.1:{venue.server_address[1]}",
        }
        made = Kraken(ConnectionTerms(**(usual | terms)), clock=clock, rng=Random(1))  # type: ignore[arg-type]  # noqa: S311 - as told; the same pauses
        opened.append(made)
        return made, clock

    yield connected
    for one in opened:
        one.close()


@pytest.mark.parametrize(
    ("words", "kind", "exit_code"),
    [
        ("EAPI:Rate limit exceeded", TransientError, 4),
        ("EGeneral:Too many requests", TransientError, 4),
        ("EService:Unavailable", TransientError, 4),
        ("EService:Busy", TransientError, 4),
        ("EGeneral:Internal error", TransientError, 4),
        ("EDatabase:Internal error", TransientError, 4),
        ("EGeneral:Temporary lockout", TransientError, 4),
        ("EAPI:Invalid key", KeyRefused, 3),
        ("EAPI:Invalid signature", KeyRefused, 3),
        ("EAPI:Invalid nonce", KeyRefused, 3),
        ("EGeneral:Permission denied", KeyRefused, 3),
        ("ESession:Invalid session", KeyRefused, 3),
        ("EQuery:Unknown asset", TerminalError, 2),
        ("EGeneral:Invalid arguments:ofs", TerminalError, 2),
    ],
)
def test_a_word_of_the_venue_is_the_error_it_stands_for(
    words: str, kind: type[ConnectorError], exit_code: int, venue: Saying, connect: Callable[..., tuple[Kraken, ManualClock]]
) -> None:
    connector, _ = connect()
    venue.words = [words]
    with pytest.raises(kind) as refused:
        list(connector.pull(connector.streams()[-1], cursor=None, window=None))  # type: ignore[arg-type] # balances know no window
    assert refused.value.exit_code == exit_code
    assert words in refused.value.message
    assert "POST /0/private/Balance" in refused.value.message


def test_a_lockout_is_not_waited_out_and_a_rate_limit_is(venue: Saying, connect: Callable[..., tuple[Kraken, ManualClock]]) -> None:
    for words, calls, seconds in (("EGeneral:Temporary lockout", 1, 0), ("EAPI:Rate limit exceeded", 8, 159)):
        connector, clock = connect()
        venue.words, venue.asked = [words], []
        with pytest.raises(TransientError):
            list(connector.pull(connector.streams()[-1], cursor=None, window=None))  # type: ignore[arg-type] # as above
        assert len(venue.asked) == calls
        assert clock.seconds >= seconds


def test_a_throttle_is_waited_out_until_the_second_that_the_venue_names(
    venue: Saying, connect: Callable[..., tuple[Kraken, ManualClock]]
) -> None:
    connector, clock = connect()
    until = START + timedelta(seconds=90)
    venue.words = [f"EService: Throttled: {int(until.timestamp())}"]
    with pytest.raises(TransientError):
        list(connector.pull(connector.streams()[-1], cursor=None, window=None))  # type: ignore[arg-type] # as above
    assert max(clock.sleeps) == pytest.approx(90, abs=2)


PASSWORD = "hunter2 & co+"


def test_the_password_of_a_key_goes_into_every_signed_form_and_into_no_request_that_is_kept(
    venue: Saying, connect: Callable[..., tuple[Kraken, ManualClock]]
) -> None:
    connector, _ = connect(secrets=Secrets(key="a-key-of-the-venue", secret=SECRET, passphrase=PASSWORD))
    (page,) = connector.pull(connector.streams()[-1], cursor=None, window=None)  # type: ignore[arg-type] # as above
    with pytest.raises(TransientError, match="cannot be read"):
        connector.check_key()
    for body, sign, path in zip(venue.bodies, venue.signs, ("Balance", "GetApiKeyInfo"), strict=True):
        assert parse_qs(body.decode())["otp"] == [PASSWORD]
        assert sign == signature(base64.b64decode(SECRET), path=f"/0/private/{path}", body=body)
    assert page.payload.request == "POST /0/private/Balance"


def test_a_key_without_a_password_sends_none(venue: Saying, connect: Callable[..., tuple[Kraken, ManualClock]]) -> None:
    connector, _ = connect()
    list(connector.pull(connector.streams()[-1], cursor=None, window=None))  # type: ignore[arg-type] # as above
    assert [list(parse_qs(body.decode())) for body in venue.bodies] == [["nonce"]]


def test_the_password_of_a_key_stands_in_no_error(venue: Saying, connect: Callable[..., tuple[Kraken, ManualClock]]) -> None:
    connector, _ = connect(secrets=Secrets(key="a-key-of-the-venue", secret=SECRET, passphrase=PASSWORD))
    venue.words = [f"EGeneral:Invalid arguments:otp {PASSWORD} {quote_plus(PASSWORD)}"]
    with pytest.raises(TerminalError) as refused:
        list(connector.pull(connector.streams()[-1], cursor=None, window=None))  # type: ignore[arg-type] # as above
    assert "hunter2" not in str(refused.value)
    assert "otp [redacted] [redacted]" in refused.value.message


def test_the_list_of_assets_is_asked_once_and_only_for_names_that_may_be_old_ones(
    venue: Saying, connect: Callable[..., tuple[Kraken, ManualClock]]
) -> None:
    connector, _ = connect()
    venue.results = {"Assets": {"ZETA": {"altname": "ZETA"}, "XABC": {"altname": "ABC"}}, "Balance": {"XXBT": "1", "ZUSD": "2"}}
    for held in ({"XXBT": "1", "XTZ": "2"}, {"ZETA": "3", "XABC": "4", "XOLD": "5"}, {"ZETA": "3"}):
        venue.results["Balance"] = held
        (page,) = connector.pull(connector.streams()[-1], cursor=None, window=None)  # type: ignore[arg-type] # as above
        found = [(finding.subject, finding.severity.value) for finding in connector.interpret(page.payload).findings]
        assert found == ([("main/asset/XABC", "error"), ("main/asset/XOLD", "warning")] if "XOLD" in held else [])
        assert venue.asked.count("GET /0/public/Assets") == ("ZETA" in held)


def test_a_list_of_assets_that_cannot_be_read_is_asked_for_another_time(
    venue: Saying, connect: Callable[..., tuple[Kraken, ManualClock]]
) -> None:
    connector, _ = connect()
    venue.results = {"Assets": [7], "Balance": {"ZETA": "3"}}
    with pytest.raises(TransientError, match="Assets: cannot be read"):
        list(connector.pull(connector.streams()[-1], cursor=None, window=None))  # type: ignore[arg-type] # as above


def test_a_warning_is_no_error(venue: Saying, connect: Callable[..., tuple[Kraken, ManualClock]]) -> None:
    connector, _ = connect()
    venue.words = ["WGeneral:Danger ahead"]
    (page,) = connector.pull(connector.streams()[-1], cursor=None, window=None)  # type: ignore[arg-type] # as above
    assert page.rows == 1


@pytest.mark.parametrize(("status", "kind"), [(502, TransientError), (520, TransientError), (404, TerminalError), (403, KeyRefused)])
def test_a_status_counts_where_the_venue_gives_one(
    status: int, kind: type[ConnectorError], venue: Saying, connect: Callable[..., tuple[Kraken, ManualClock]]
) -> None:
    connector, _ = connect()
    venue.status = status
    with pytest.raises(kind):
        connector.check_key()


def test_a_tier_that_settings_spell_in_capitals_is_the_same_tier(venue: Saying, connect: Callable[..., tuple[Kraken, ManualClock]]) -> None:
    connector, clock = connect(tier="Pro", share=1.0)
    venue.words = ["EAPI:Rate limit exceeded"]
    with pytest.raises(TransientError):
        list(connector.pull(connector.streams()[-1], cursor=None, window=None))  # type: ignore[arg-type] # as above
    assert min(clock.sleeps) == pytest.approx(10)  # half of 20 at one a second; the slowest tier rests 23


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        ({"secrets": None}, "has no secrets"),
        ({"secrets": Secrets(key="", secret=SECRET)}, "the key is missing"),
        ({"secrets": Secrets(key="key", secret="not base64: hunter2")}, "the secret is not base64"),
        ({"secrets": Secrets(key="key", secret=f"{SECRET} ")}, "the secret is missing, or holds blanks"),
        ({"secrets": Secrets(key="key", secret=SECRET, passphrase="hunter2 ")}, "the passphrase begins or ends with a blank"),
        ({"secrets": Secrets(key="key", secret=SECRET, passphrase="hunter2\udcff")}, "the passphrase begins or ends with a blank"),
        ({"tier": "gold"}, "has no tier 'gold'"),
    ],
)
def test_terms_that_cannot_work_are_refused_before_any_call(
    terms: dict[str, object], told: str, venue: Saying, connect: Callable[..., tuple[Kraken, ManualClock]]
) -> None:
    with pytest.raises(InputError, match=told) as refused:
        connect(**terms)
    assert "hunter2" not in str(refused.value)
    assert SECRET not in str(refused.value)
    assert venue.asked == []
