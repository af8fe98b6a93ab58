"""Signatures, allowances and refusals, against a server that counts and a clock that nobody waits for."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from urllib.parse import unquote

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ledger.connectors.binance.client import BinanceAuth, BinanceClient, VenueRefusal, signer_of
from ledger.connectors.binance.connector import Binance, BinanceUs
from ledger.connectors.binance.venues import BINANCE, BINANCE_US, Venue
from ledger.domain.errors import InputError, KeyRefused, TransientError
from ledger.domain.ids import AccountId
from ledger.domain.secrets import Secrets
from ledger.ports import ConnectionTerms, PullWindow, StreamKey
from ledger.transport.pace import Budget, ManualClock, VenueClosed
from ledger.transport.windows import Span

START = datetime(2026, 1, 1, tzinfo=UTC)
KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"  # the documentation's own example
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
ORDER = "side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"

Given = tuple[int, object, dict[str, str]]


class Server(ThreadingHTTPServer):
    """Answers what it is told to, in order; then an empty list."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.clock = clock
        self.answers: list[Given] = []
        self.targets: list[str] = []
        self.seen: list[dict[str, str]] = []
        self.skew = timedelta(0)
        self.skews_first: list[timedelta] = []  # of the first answers about the time

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def paths(self) -> list[str]:
        return [target.partition("?")[0].rpartition("/")[2] for target in self.targets]


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        self.server.targets.append(self.path)
        self.server.seen.append({name.lower(): text for name, text in self.headers.items()})
        if self.path.startswith("/api/v3/time"):
            skew = self.server.skews_first.pop(0) if self.server.skews_first else self.server.skew
            millis = int((self.server.clock.now() + skew).timestamp() * 1000)
            status, body, headers = 200, {"serverTime": millis}, {}
        else:
            status, body, headers = self.server.answers.pop(0) if self.server.answers else (200, [], {})
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, text in {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
        """Say nothing."""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(start=START)


@pytest.fixture
def server(clock: ManualClock) -> Iterator[Server]:
    server = Server(clock)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def connect(server: Server, clock: ManualClock) -> Iterator[Callable[..., BinanceClient]]:
    opened: list[BinanceClient] = []

    def connected(venue: Venue = BINANCE, *, share: float = 1.0, secret: str = SECRET, folder: Path | None = None) -> BinanceClient:
        secrets = Secrets(key=KEY, secret=secret)
        terms = ConnectionTerms(account=AccountId("main"), secrets=secrets, share=share, base_url=server.url, folder=folder)
        budget = Budget(clock=clock, deadline=None)
        opened.append(BinanceClient(venue, terms, budget=budget, rng=Random(1)))  # noqa: S311  # the same pauses in every run
        return opened[-1]

    yield connected
    for client in opened:
        client.close()


# --- signatures ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (f"symbol=LTCBTC&{ORDER}", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        (
            f"symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&{ORDER}",
            "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
        ),
        ("timestamp=1578963600000", "d84e6641b1e328e7b418fff030caed655c266299c9355e36ce801ed14631eed4"),
        (
            "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTCquantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
            "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77",
        ),
    ],
)
def test_hmac_signatures_of_the_documentations(payload: str, expected: str) -> None:
    assert signer_of(SECRET, account="main")(payload.encode()) == expected


def pem_of(key: Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize("written", [lambda text: text, lambda text: text.replace("\n", "\\n")])
def test_an_ed25519_key_signs_as_rfc_8032_says(written: Callable[[str], str]) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
    expected = (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert base64.b64decode(signer_of(written(pem_of(key)), account="main")(b"\x72")).hex() == expected


def test_an_rsa_key_signs_with_pkcs_1_and_sha_256() -> None:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    signature = base64.b64decode(signer_of(pem_of(key), account="main")(b"timestamp=1"))
    key.public_key().verify(signature, b"timestamp=1", PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize("secret", ["", " padded", "two\nlines", "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----"])
def test_a_secret_that_cannot_sign_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(InputError) as refused:
        signer_of(secret, account="main")
    assert "connection 'main': the secret" in refused.value.message
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_key_of_a_kind_that_the_venue_does_not_know_is_refused() -> None:
    with pytest.raises(InputError, match="of a kind that the venue does not know"):
        signer_of(pem_of(ec.generate_private_key(ec.SECP256R1())), account="main")


def test_the_bytes_that_go_out_are_the_bytes_that_are_signed(server: Server, connect: Callable[..., BinanceClient]) -> None:
    connect().trades("".join(map(chr, range(0xFF11, 0xFF17))), from_id=7)  # digits of full width
    query = server.targets[-1].partition("?")[2]
    payload, _, signature = query.rpartition("&signature=")
    assert payload.startswith("symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&fromId=7&limit=1000&recvWindow=")
    assert signature == hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()
    assert server.seen[-1]["x-mbx-apikey"] == KEY
    assert KEY not in server.targets[-1]


def test_an_ed25519_signature_is_percent_encoded_and_the_venue_can_verify_it(server: Server, connect: Callable[..., BinanceClient]) -> None:
    key = Ed25519PrivateKey.generate()
    connect(secret=pem_of(key)).trades("BTCUSD", from_id=0)
    payload, _, signature = server.targets[-1].partition("?")[2].rpartition("&signature=")
    assert not set("+/=") & set(signature)
    key.public_key().verify(base64.b64decode(unquote(signature)), payload.encode())


def test_a_signed_request_is_signed_anew_by_the_clock_of_the_venue(clock: ManualClock) -> None:
    auth = BinanceAuth(Secrets(key=KEY, secret=SECRET), account="main", clock=clock)
    auth.skew = timedelta(seconds=5)
    request = next(auth.auth_flow(httpx.Request("GET", "http://127.0.0.1/api/v3/account")))
    assert f"recvWindow=10000&timestamp={int(START.timestamp() * 1000) + 5000}&signature=" in str(request.url)


# --- time ----------------------------------------------------------------------------------------------------------


def test_the_clock_of_the_venue_is_asked_before_the_first_signed_call(
    server: Server, clock: ManualClock, connect: Callable[..., BinanceClient]
) -> None:
    server.skew = timedelta(hours=1)
    connect().trades("BTCUSD", from_id=0)
    assert server.paths() == ["time", "myTrades"]
    assert f"timestamp={int((clock.now() + server.skew).timestamp() * 1000)}" in server.targets[-1]


def test_a_stale_stamp_is_made_anew_once_by_the_clock_of_the_venue(server: Server, connect: Callable[..., BinanceClient]) -> None:
    stale: Given = (400, {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}, {})
    server.answers = [stale]
    connect().trades("BTCUSD", from_id=0)
    assert server.paths() == ["time", "myTrades", "time", "myTrades"]
    server.answers = [stale, stale]
    with pytest.raises(VenueRefusal) as refused:
        connect().trades("BTCUSD", from_id=0)
    assert refused.value.code == -1021


# --- refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [200, -2, -20454])
def test_a_clock_of_the_venue_far_from_ours_is_signed_by_all_the_same(
    days: int, server: Server, connect: Callable[..., BinanceClient]
) -> None:
    server.skew = timedelta(days=days)
    client = connect()
    assert client.synchronise() == server.skew
    assert client.now() - START == server.skew


def test_a_ban_stops_all_calls_until_its_end(server: Server, clock: ManualClock, connect: Callable[..., BinanceClient]) -> None:
    server.answers = [
        (418, {"code": -1003, "msg": "Way too much request weight used; IP banned until 1767225900000."}, {"Retry-After": "300"})
    ]
    client = connect()
    with pytest.raises(VenueClosed, match="our address is banned until 2026-01-01 00:05:00 UTC") as banned:
        client.trades("BTCUSD", from_id=0)
    assert banned.value.retry_after_seconds == pytest.approx(300)
    asked = len(server.targets)
    for call in (client.account, client.symbols, client.synchronise):
        with pytest.raises(VenueClosed):
            call()
    assert (len(server.targets), clock.sleeps) == (asked, [])
    clock.seconds += 301
    client.trades("BTCUSD", from_id=0)


@pytest.mark.parametrize("header", [{}, {"Retry-After": "0"}, {"Retry-After": "60"}])
def test_the_end_of_a_ban_is_read_from_its_words_where_the_header_says_less(
    header: dict[str, str], server: Server, connect: Callable[..., BinanceClient]
) -> None:
    until = int((START + timedelta(hours=3)).timestamp() * 1000)
    server.answers = [(418, {"code": -1003, "msg": f"Way too much request weight used; IP banned until {until}."}, header)]
    with pytest.raises(VenueClosed) as banned:
        connect().trades("BTCUSD", from_id=0)
    assert banned.value.retry_after_seconds == pytest.approx(3 * 3600)


@pytest.mark.parametrize(("header", "least"), [("7", 7.0), ("0", 0.2), (None, 0.2)])
def test_too_many_calls_wait_as_the_venue_asks_and_never_not_at_all(
    header: str | None, least: float, server: Server, clock: ManualClock, connect: Callable[..., BinanceClient]
) -> None:
    server.answers = [(429, {"code": -1003, "msg": "Too much request weight used."}, {} if header is None else {"Retry-After": header})]
    connect().trades("BTCUSD", from_id=0)
    assert len(clock.sleeps) == 1
    assert clock.sleeps[0] >= least


def test_a_count_of_five_thousand_digits_is_no_count(server: Server, clock: ManualClock, connect: Callable[..., BinanceClient]) -> None:
    client = connect()
    for _ in range(2):
        server.answers = [(200, [], {"X-MBX-USED-WEIGHT-1M": "9" * 5_000})]
        client.trades("BTCUSD", from_id=0)
    assert clock.sleeps == []


@pytest.mark.parametrize("code", [-1000, -1001, -1006, -1007, -1008, -1015, -1016])
def test_codes_of_a_busy_venue_are_tried_again(code: int, server: Server, connect: Callable[..., BinanceClient]) -> None:
    server.answers = [(400, {"code": code, "msg": "busy"}, {})]
    assert connect().trades("BTCUSD", from_id=0).rows() == []


@pytest.mark.parametrize(("status", "code"), [(400, -1022), (401, -2014), (401, -2015), (401, -1002)])
def test_a_refused_key_is_told_apart(status: int, code: int, server: Server, connect: Callable[..., BinanceClient]) -> None:
    server.answers = [(status, {"code": code, "msg": "no"}, {})]
    with pytest.raises(KeyRefused) as refused:
        connect().trades("BTCUSD", from_id=0)
    assert SECRET not in str(refused.value)
    assert KEY not in str(refused.value)


@pytest.mark.parametrize("code", [-1100, -1121, -1127, -1128, -1130, -6021])
def test_a_call_that_the_venue_will_not_answer_keeps_its_code(code: int, server: Server, connect: Callable[..., BinanceClient]) -> None:
    server.answers = [(400, {"code": code, "msg": "no"}, {})]
    with pytest.raises(VenueRefusal) as refused:
        connect().trades("BTCUSD", from_id=0)
    assert (refused.value.code, json.loads(refused.value.content)["code"]) == (code, code)


WALL: Given = (403, b"<html>blocked</html>", {})


def test_a_firewall_page_is_no_refusal_of_the_key_and_is_asked_once_more_after_minutes(
    server: Server, clock: ManualClock, connect: Callable[..., BinanceClient]
) -> None:
    server.answers = [WALL, (200, [], {}), WALL]
    client = connect()
    for number in (1, 2):
        client.trades("BTCUSD", from_id=0)
        assert clock.sleeps == [180] * number


def test_a_firewall_that_stays_is_left_alone_by_all_connections_of_the_venue(
    server: Server, clock: ManualClock, connect: Callable[..., BinanceClient]
) -> None:
    server.answers = [WALL] * 8
    with pytest.raises(TransientError, match=r"HTTP 403: an HTML page \(asked twice\)") as closed:
        connect().trades("BTCUSD", from_id=0)
    assert (server.paths(), clock.sleeps) == (["time", "myTrades", "myTrades"], [180])
    assert closed.value.retry_after_seconds == 600


def test_a_403_in_the_words_of_the_venue_is_no_firewall(server: Server, connect: Callable[..., BinanceClient]) -> None:
    server.answers = [(403, {"code": -2015, "msg": "no"}, {})]
    with pytest.raises(KeyRefused):
        connect().trades("BTCUSD", from_id=0)


# --- allowances ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("venue", "share", "calls"), [(BINANCE, 1.0, 299), (BINANCE, 0.5, 149), (BINANCE_US, 1.0, 119)])
def test_a_minute_carries_our_share_of_the_weight(
    venue: Venue, share: float, calls: int, clock: ManualClock, connect: Callable[..., BinanceClient]
) -> None:
    client = connect(venue, share=share)
    for _ in range(calls):
        client.trades("BTCUSD", from_id=0)
    assert clock.sleeps == []
    client.trades("BTCUSD", from_id=0)
    assert clock.sleeps == [pytest.approx(61)]


def test_what_others_use_of_the_allowance_is_left_to_them(
    server: Server, clock: ManualClock, connect: Callable[..., BinanceClient]
) -> None:
    client = connect()
    server.answers = [(200, [], {"X-MBX-USED-WEIGHT-1M": "5990"})]
    client.trades("BTCUSD", from_id=0)
    assert clock.sleeps == []
    client.trades("BTCUSD", from_id=0)
    assert clock.sleeps == [pytest.approx(61)]


def test_the_count_of_the_venue_is_believed_under_its_older_name_too(
    server: Server, clock: ManualClock, connect: Callable[..., BinanceClient]
) -> None:
    client = connect()
    server.answers = [(200, [], {"X-MBX-USED-WEIGHT": "5990"}), (200, [], {"X-MBX-USED-WEIGHT": "5990", "X-MBX-USED-WEIGHT-1M": "20"})]
    client.trades("BTCUSD", from_id=0)
    client.trades("BTCUSD", from_id=0)
    assert clock.sleeps == [pytest.approx(61)]
    client.trades("BTCUSD", from_id=0)
    assert clock.sleeps == [pytest.approx(61)]


def limits_of(limit: object, **other: object) -> dict[str, object]:
    row = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": limit}
    return {"rateLimits": [{"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100}, row | other], "symbols": []}


@pytest.mark.parametrize(
    ("told", "calls"),
    [
        (limits_of(1200), 58),
        (limits_of(12_000), 598),
        (limits_of(6000), 298),
        (limits_of(20), 298),  # would not carry our own calls
        (limits_of("many"), 298),
        (limits_of(1200, interval="DAY"), 298),
        ({"symbols": []}, 298),
        ({"rateLimits": None}, 298),
    ],
)
@pytest.mark.parametrize("has_diary", [False, True])
def test_the_weight_of_a_minute_is_what_the_venue_tells_and_what_was_used_of_it_stays_used(
    told: dict[str, object],
    calls: int,
    has_diary: bool,  # noqa: FBT001 - the same
    server: Server,
    clock: ManualClock,
    connect: Callable[..., BinanceClient],
    tmp_path: Path,
) -> None:
    client = connect(folder=tmp_path if has_diary else None)
    server.answers = [(200, told, {})]
    client.symbols()  # weighs 20; the venue's clock, asked before the first signed call, weighs 1
    for _ in range(calls):
        client.trades("BTCUSD", from_id=0)
    assert clock.sleeps == []
    client.trades("BTCUSD", from_id=0)
    assert len(clock.sleeps) == 1


def test_a_call_heavier_than_our_share_goes_out_alone(clock: ManualClock, connect: Callable[..., BinanceClient], server: Server) -> None:
    client, span = connect(share=0.25), Span(start=0, end=1)
    server.answers = [(200, {"data": []}, {})] * 2
    client.history(BINANCE.calls["fiat"], span, transactionType="0")
    assert clock.sleeps == []
    client.history(BINANCE.calls["fiat"], span, transactionType="1")
    assert clock.sleeps == [pytest.approx(61)]


def test_weight_of_the_run_before_counts_within_its_minute(
    clock: ManualClock, connect: Callable[..., BinanceClient], tmp_path: Path
) -> None:
    call, span = BINANCE.calls["withdrawals"], Span(start=0, end=1)
    for seconds, calls, waited in ((0, 10, []), (20, 1, [pytest.approx(41)]), (70, 1, [])):
        clock.seconds += seconds
        before = len(clock.sleeps)
        client = connect(folder=tmp_path)  # as a new run, whatever became of the one before
        for _ in range(calls):
            client.history(call, span)
        assert clock.sleeps[before:] == waited
    written = list((tmp_path / ".weights").iterdir())
    assert [path.stat().st_mode & 0o777 for path in written] == [0o600, 0o600]  # one of the time, one of the withdrawals
    for path in written:
        path.write_text("no figures", encoding="ascii")
    connect(folder=tmp_path).history(call, span)


def test_a_call_of_which_nothing_can_be_written_down_is_not_made(connect: Callable[..., BinanceClient], tmp_path: Path) -> None:
    folder = tmp_path / "file"
    folder.write_text("", encoding="ascii")
    with pytest.raises(TransientError, match=r"cannot write down in .* what we use of the venue's rate: Not a directory"):
        connect(folder=folder).symbols()


# --- walks ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def binance(server: Server, clock: ManualClock) -> Iterator[Binance]:
    terms = ConnectionTerms(account=AccountId("main"), secrets=Secrets(key=KEY, secret=SECRET), share=1.0, base_url=server.url)
    connector = Binance(terms, clock=clock, rng=Random(1))  # noqa: S311  # the same pauses in every run
    yield connector
    connector.close()


def test_a_count_that_stays_wrong_is_a_finding_of_the_history_and_the_night_goes_on(server: Server, binance: Binance) -> None:
    at = int((START - timedelta(days=3)).timestamp() * 1000)
    reward = {"asset": "BUSD", "rewards": "0.1", "projectId": "USDT001", "type": "REALTIME", "time": at}
    told, none = (200, {"rows": [reward], "total": 2}, {}), (200, {"rows": [], "total": 2}, {})
    server.answers = [told, none, none] * 3
    window = PullWindow(since=START - timedelta(days=10))
    (page,) = binance.pull(StreamKey(stream="rewards"), cursor=None, window=window)
    said = binance.interpret(page.payload)
    assert (len(said.events), [finding.code for finding in said.findings]) == (1, ["history-short"])
    assert page.cursor["high"] == int(START.timestamp() * 1000)


def test_a_history_is_walked_no_further_than_our_own_clock_says(server: Server, binance: Binance) -> None:
    server.skew = timedelta(hours=20)
    server.answers = [(200, {"symbols": [{"symbol": "AB", "baseAsset": "A", "quoteAsset": "B"}]}, {}), (200, {"balances": []}, {})]
    binance.streams()
    (page,) = binance.pull(StreamKey(stream="deposits"), cursor=None, window=PullWindow(since=START - timedelta(days=10)))
    assert f"endTime={int((START + server.skew).timestamp() * 1000)}" in server.targets[-1]
    assert page.cursor["high"] == int((START + timedelta(minutes=1)).timestamp() * 1000)


def test_a_symbol_whose_last_known_trade_is_gone_is_walked_anew_with_a_finding(server: Server, binance: Binance) -> None:
    row = {"symbol": "BTCUSDT", "price": "2", "qty": "1", "quoteQty": "2", "commission": "0", "commissionAsset": "BNB", "isBuyer": True}
    trade = {**row, "id": 5, "orderId": 1, "time": int(START.timestamp() * 1000)}
    market = {"symbol": "BTCUSDT", "baseAsset": "BTC", "quoteAsset": "USDT"}
    server.answers = [(200, {"symbols": [market]}, {}), (200, {"balances": [{"asset": "BTC", "free": "1", "locked": "0"}]}, {})]
    binance.streams()
    server.answers = [*[(200, [], {})] * 4, (200, [trade], {}), (200, [trade], {})]
    pages = list(binance.pull(StreamKey(stream="fills", symbol="BTCUSDT"), cursor={"high": 9}, window=PullWindow()))
    said = [binance.interpret(page.payload) for page in pages]
    assert [finding.subject for one in said for finding in one.findings if finding.code == "history-short"] == ["main/fills/BTCUSDT"]
    assert len(said[0].events) == 1
    assert pages[-1].cursor == {"high": 5}


def test_rewards_that_say_the_same_block_no_history(server: Server, binance: Binance) -> None:
    at = int((START - timedelta(days=3)).timestamp() * 1000)
    reward = {"asset": "BUSD", "rewards": "0.1", "projectId": "USDT001", "type": "REALTIME", "time": at}
    server.answers = [(200, {"rows": [reward, reward], "total": 2}, {})]
    (page,) = binance.pull(StreamKey(stream="rewards"), cursor=None, window=PullWindow(since=START - timedelta(days=10)))
    said = binance.interpret(page.payload)
    assert (len({event.event_id for event, _ in said.events}), said.findings) == (2, ())


def test_rows_that_cannot_be_read_are_counted_each_and_never_end_a_walk(server: Server, binance: Binance) -> None:
    pages = [[{"id": None, "number": number} for number in range(first, first + 1000)] for first in (0, 1000, 2000)]
    server.answers = [(200, page, {}) for page in pages]
    window = PullWindow(since=START - timedelta(days=10))
    found = list(binance.pull(StreamKey(stream="deposits"), cursor=None, window=window))
    assert [page.rows for page in found] == [1000, 1000, 1000]
    assert "offset=3000" in server.targets[-1]


# --- the other venue -----------------------------------------------------------------------------------------------


def test_binance_us_asks_its_own_histories_and_knows_nothing_of_rights(server: Server, clock: ManualClock) -> None:
    market = {"symbol": "BTCUSD", "baseAsset": "BTC", "quoteAsset": "USD"}
    server.answers = [(200, {"symbols": [market]}, {}), (200, {"balances": [{"asset": "BTC", "free": "1", "locked": "0"}]}, {})]
    terms = ConnectionTerms(account=AccountId("us"), secrets=Secrets(key=KEY, secret=SECRET), share=1.0, base_url=server.url)
    connector = BinanceUs(terms, clock=clock, rng=Random(1))  # noqa: S311  # the same pauses in every run
    streams = [stream.stream for stream in connector.streams()]
    histories = ["deposits", "withdrawals", "conversions", "dust", "dividends", "fiat-deposits", "fiat-withdrawals"]
    assert streams == [*histories, "symbols", "balances"]
    server.answers = [(200, {"rows": [], "total": 0}, {}), (200, {"balances": []}, {})]
    window = PullWindow(since=START - timedelta(days=10))
    assert [page.rows for page in connector.pull(StreamKey(stream="conversions"), cursor=None, window=window)] == [0]
    assert server.targets[-1].startswith("/sapi/v1/otc/orders?startTime=")
    report = connector.check_key()
    assert (report.venue, report.may_read, report.may_trade, report.may_withdraw) == ("binance-us", True, None, None)
    connector.close()


@pytest.fixture
def us(server: Server, clock: ManualClock) -> Iterator[BinanceUs]:
    """A connector to a venue with two markets, of which the account holds one asset."""
    markets = [{"symbol": f"{base}USD", "baseAsset": base, "quoteAsset": "USD"} for base in ("BTC", "ETH")]
    server.answers = [(200, {"symbols": markets}, {}), (200, {"balances": [{"asset": "BTC", "free": "1", "locked": "0"}]}, {})]
    terms = ConnectionTerms(account=AccountId("us"), secrets=Secrets(key=KEY, secret=SECRET), share=1.0, base_url=server.url)
    connector = BinanceUs(terms, clock=clock, rng=Random(1))  # noqa: S311  # the same pauses in every run
    connector.streams()
    yield connector
    connector.close()


def test_dollars_of_binance_us_are_asked_for_in_windows_and_an_answer_that_may_be_cut_is_halved(server: Server, us: BinanceUs) -> None:
    day = int((START - timedelta(days=3)).timestamp() * 1000)
    paid = {"orderStatus": "Successful", "fiatCurrency": "USD", "amount": "5", "transactionFee": "0", "platformFee": "0"}
    rows = [{**paid, "orderId": f"o{number}", "createTime": day + number} for number in range(20)]
    full, half, other = ((200, {"assetLogRecordList": part}, {}) for part in (rows, rows[:12], rows[12:]))
    server.answers = [full, half, other]
    pages = list(us.pull(StreamKey(stream="fiat-deposits"), cursor=None, window=PullWindow(since=START - timedelta(days=10))))
    assert [target.partition("?")[0] for target in server.targets[-3:]] == ["/sapi/v1/fiatpayment/query/deposit/history"] * 3
    assert [page.rows for page in pages] == [12, 8]
    assert len({event.event_id for page in pages for event, _ in us.interpret(page.payload).events}) == 20
    server.answers = [(200, {"assetLogRecordList": []}, {})]
    assert [page.rows for page in us.pull(StreamKey(stream="fiat-withdrawals"), cursor=None, window=PullWindow(since=START))] == [0]
    assert server.targets[-1].startswith("/sapi/v1/fiatpayment/query/withdraw/history?startTime=")


def test_a_listed_symbol_that_the_venue_refuses_is_told_and_not_passed_over(server: Server, us: BinanceUs) -> None:
    server.answers = [(400, {"code": -1121, "msg": "Invalid symbol."}, {})]
    (page,) = us.pull(StreamKey(stream="symbols"), cursor=None, window=PullWindow())
    (finding,) = us.interpret(page.payload).findings
    assert (finding.code, finding.subject, page.cursor["done"]) == ("symbol-unreachable", "us/BTCUSD", "BTC")


@pytest.mark.parametrize("failed", [{"code": "100001", "success": False}, {"code": -1003, "msg": "busy"}])
def test_a_failure_with_status_200_covers_no_window(server: Server, clock: ManualClock, failed: dict[str, object]) -> None:
    terms = ConnectionTerms(account=AccountId("main"), secrets=Secrets(key=KEY, secret=SECRET), share=1.0, base_url=server.url)
    connector = Binance(terms, clock=clock, rng=Random(1))  # noqa: S311  # the same pauses in every run
    server.answers = [(200, failed, {})]
    with pytest.raises(TransientError, match="payments 0: the answer says that the call failed"):
        list(connector.pull(StreamKey(stream="payments", symbol="0"), cursor=None, window=PullWindow()))
    connector.close()
