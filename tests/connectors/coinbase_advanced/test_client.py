"""The token, the clock and the secrets of a Coinbase Advanced Trade key."""

import base64
import json
import logging
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    EllipticCurvePublicNumbers,
    derive_private_key,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from ledger.connectors.coinbase_advanced.client import CoinbaseAdvancedAuth, signature_of, signing_key_of, token_of
from ledger.connectors.coinbase_advanced.connector import CoinbaseAdvanced
from ledger.domain.errors import InputError, KeyRefused, LedgerError, TransientError
from ledger.domain.ids import AccountId
from ledger.domain.secrets import Secrets
from ledger.ports import ConnectionTerms, PullWindow, StreamKey
from ledger.sandbox.calls import ReceivedCall
from ledger.sandbox.coinbase_advanced.key import Gate, Refused, is_signed, key_ring_of, token_in
from ledger.sandbox.server import Sandbox
from ledger.transport.pace import ManualClock

from .conftest import KEY, V3, Venue, said

ALL = PullWindow()
FILLS = StreamKey(stream="fills")
AT = datetime(2025, 6, 3, 14, 22, 31, tzinfo=UTC)

# RFC 7515, appendix A.3, and RFC 8037, appendix A.4: keys, what they signed, and the signatures.
ES256_D = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"
ES256_X = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
ES256_Y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
ES256_TOKEN = (
    "eyJhbGciOiJFUzI1NiJ9"
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
)
EDDSA_D = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
EDDSA_MESSAGE = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
EDDSA_SIGNATURE = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
RFC_8032_SEED = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
RFC_8032_SIGNATURE = (
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(text: str) -> int:
    return int.from_bytes(raw(text))


# --- signatures ----------------------------------------------------------------------------------------------------


def test_the_es256_token_of_the_rfc_is_verified_and_a_changed_one_is_not() -> None:
    public = EllipticCurvePublicNumbers(number(ES256_X), number(ES256_Y), SECP256R1()).public_key()
    token = token_in(ES256_TOKEN)
    assert is_signed(token, public)
    assert not is_signed(replace(token, message=token.message + b"x"), public)
    assert not is_signed(replace(token, signature=bytes(64)), public)
    assert not is_signed(replace(token, header={"alg": "EdDSA"}), public)


def test_what_the_es256_key_of_the_rfc_signs_is_verified_by_its_public_key() -> None:
    pem = derive_private_key(number(ES256_D), SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    message = ES256_TOKEN.rpartition(".")[0].encode()
    signatures = {signature_of(signing_key_of(pem, account="main"), message) for _ in range(2)}
    assert len(signatures) == 2  # drawn anew each time
    public = EllipticCurvePublicNumbers(number(ES256_X), number(ES256_Y), SECP256R1()).public_key()
    assert all(is_signed(replace(token_in(ES256_TOKEN), signature=signature), public) for signature in signatures)


@pytest.mark.parametrize(
    ("seed", "message", "signature"),
    [(raw(EDDSA_D), EDDSA_MESSAGE, raw(EDDSA_SIGNATURE)), (bytes.fromhex(RFC_8032_SEED), b"\x72", bytes.fromhex(RFC_8032_SIGNATURE))],
)
@pytest.mark.parametrize("length", [32, 64])
def test_the_eddsa_vectors_are_signed_as_published(seed: bytes, message: bytes, signature: bytes, length: int) -> None:
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    secret = base64.b64encode((seed + public)[:length]).decode()
    assert signature_of(signing_key_of(f" {secret[:20]}\n{secret[20:]} ", account="main"), message) == signature


def test_the_token_says_what_the_venue_wants_and_its_own_check_takes_it() -> None:
    for credentials in (key_ring_of("tests", 1).credentials, key_ring_of("tests", 1).ed25519):
        auth = CoinbaseAdvancedAuth(Secrets(key=credentials.key, secret=credentials.secret), account="main", clock=ManualClock(start=AT))
        request = httpx.Request("GET", f"https://api.coinbase.com{V3}/accounts?limit=250&cursor=a%2Fb")
        tokens = {next(auth.auth_flow(request)).headers["Authorization"].removeprefix("Bearer ") for _ in range(3)}
        assert len({token_in(token).header["nonce"] for token in tokens}) == 3
        token = token_in(tokens.pop())
        assert {**token.header, "nonce": ""} == {
            "alg": "EdDSA" if credentials.secret.endswith("=") else "ES256",
            "typ": "JWT",
            "kid": credentials.key,
            "nonce": "",
        }
        seconds = int(AT.timestamp())
        uri = f"GET api.coinbase.com{V3}/accounts"
        assert token.claims == {"sub": credentials.key, "iss": "cdp", "nbf": seconds, "exp": seconds + 120, "uri": uri}
        assert is_signed(token, key_ring_of("tests", 1).public_keys[credentials.key])


# --- what the sandbox lets in --------------------------------------------------------------------------------------


def call_with(token: str, *, target: str = "/v2/accounts?limit=100", method: str = "GET") -> ReceivedCall:
    return ReceivedCall(number=1, method=method, target=target, headers={"host": "api.example", "authorization": f"Bearer {token}"})


def made(**changed: object) -> str:
    """Make a token for that call; `changed` replaces claims."""
    key = signing_key_of(KEY.secret, account="main")
    uri, at, nonce = (changed.pop(name, usual) for name, usual in (("uri", "GET api.example/v2/accounts"), ("at", AT), ("nonce", "n1")))
    token = token_of(key, key_name=str(changed.pop("key_name", KEY.key)), uri=str(uri), issued_at=at, nonce=str(nonce))  # type: ignore[arg-type] # as told
    if not changed:
        return token
    head, claims, _ = token.split(".")
    claims = base64.urlsafe_b64encode(json.dumps(json.loads(raw(claims)) | changed).encode()).rstrip(b"=").decode()
    signature = signature_of(key, f"{head}.{claims}".encode())
    return f"{head}.{claims}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def test_a_good_token_is_let_in_once() -> None:
    gate = Gate(key_ring_of("tests", 1))
    gate.admit(call_with(made()), now=AT.timestamp(), faults=())
    with pytest.raises(Refused):
        gate.admit(call_with(made()), now=AT.timestamp(), faults=())
    gate.admit(call_with(made(nonce="n2")), now=AT.timestamp() + 119, faults=())


@pytest.mark.parametrize(
    "changed",
    [
        {"uri": "GET api.example/v2/accounts?limit=100"},
        {"uri": "GET api.example/v2/user"},
        {"uri": "POST api.example/v2/accounts"},
        {"uri": "GET https://api.example/v2/accounts"},
        {"uri": "GET other.example/v2/accounts"},
        {"iss": "somebody"},
        {"sub": "organizations/x/apiKeys/y"},
        {"key_name": "organizations/x/apiKeys/y"},
        {"exp": int(AT.timestamp())},
        {"exp": int(AT.timestamp()) + 121},
        {"nbf": int(AT.timestamp()) + 2, "exp": int(AT.timestamp()) + 60},
        {"nbf": "soon"},
        {"nonce": ""},
    ],
)
def test_a_token_that_is_wrong_in_one_thing_is_not(changed: dict[str, object]) -> None:
    with pytest.raises(Refused) as refused:
        Gate(key_ring_of("tests", 1)).admit(call_with(made(**changed)), now=AT.timestamp(), faults=())
    assert (refused.value.answer.status, refused.value.answer.body) == (401, b"Unauthorized\n")


@pytest.mark.parametrize("text", ["", "x", "a.b", "a.b.c", "bnVsbA.bnVsbA.bnVsbA", f"{ES256_TOKEN}x", "é.é.é"])
def test_what_is_no_token_is_not(text: str) -> None:
    with pytest.raises(Refused):
        Gate(key_ring_of("tests", 1)).admit(call_with(text), now=AT.timestamp(), faults=())


# --- secrets ---------------------------------------------------------------------------------------------------------


def pem_of(key: object, form: PrivateFormat = PrivateFormat.PKCS8, password: bytes | None = None) -> str:
    lock = NoEncryption() if password is None else BestAvailableEncryption(password)
    return key.private_bytes(Encoding.PEM, form, lock).decode()  # type: ignore[attr-defined, no-any-return] # any private key


EC = derive_private_key(number(ES256_D), SECP256R1())
EDWARDS = Ed25519PrivateKey.from_private_bytes(raw(EDDSA_D))
SEC1 = pem_of(EC, PrivateFormat.TraditionalOpenSSL)


@pytest.mark.parametrize(
    "secret",
    [
        SEC1,
        pem_of(EC),
        SEC1.replace("\n", "\\n"),
        SEC1.replace("\n", " "),
        SEC1.replace("\n", "\r\n"),
        f"\n  {SEC1}\n",
        SEC1.replace("\n", "\n   "),
    ],
)
def test_an_ec_key_is_read_however_its_lines_arrive(secret: str) -> None:
    key = signing_key_of(secret, account="main")
    assert key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()) == EC.private_bytes(
        Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
    )


def test_an_ed25519_key_may_come_as_pem() -> None:
    key = signing_key_of(pem_of(EDWARDS), account="main")
    assert isinstance(key, Ed25519PrivateKey)
    assert key.private_bytes_raw() == raw(EDDSA_D)


PARAMETERS = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"


@pytest.mark.parametrize("joined", [False, True])
def test_the_parameters_of_a_curve_may_stand_before_its_key(*, joined: bool) -> None:
    text = PARAMETERS + SEC1
    key = signing_key_of(text.replace("\n", "\\n") if joined else text, account="main")
    assert pem_of(key) == pem_of(EC)


@pytest.mark.parametrize("length", [32, 64])
@pytest.mark.parametrize("is_padded", [True, False])
@pytest.mark.parametrize("spell", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_of_a_key_may_be_url_safe_and_without_padding(length: int, spell: Callable[[bytes], bytes], *, is_padded: bool) -> None:
    seed = bytes([0xFB, 0xEF, 0xFF] * 11)[:32]  # letters of which the two alphabets differ
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    secret = spell((seed + public)[:length]).decode()
    key = signing_key_of(secret if is_padded else secret.rstrip("="), account="main")
    assert isinstance(key, Ed25519PrivateKey)
    assert key.private_bytes_raw() == seed


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "not a key at all: hunter2",
        SEC1[:-40],
        SEC1.replace("MHcCAQEE", "MHcCAQEF"),
        pem_of(generate_private_key(SECP384R1())),
        pem_of(EC, password=b"hunter2"),
        base64.b64encode(bytes(31)).decode(),
        base64.b64encode(bytes(65)).decode(),
        "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76s==",
        "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76",
        "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3-ow76s=",
        "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow\u00e96s=",
        PARAMETERS,
        f"{SEC1}{SEC1}",
        f"{PARAMETERS}{SEC1[:-40]}",
    ],
)
def test_secrets_of_the_wrong_form_are_refused_before_any_call_and_not_shown(secret: str) -> None:
    with pytest.raises(InputError, match="the secret is no key of coinbase-advanced") as raised:
        CoinbaseAdvanced(ConnectionTerms(account=AccountId("main"), secrets=Secrets(key=KEY.key, secret=secret)))
    shown = "".join(traceback.format_exception(raised.value))
    assert not secret or secret[:24] not in shown
    assert "hunter2" not in shown
    assert raised.value.mend


@pytest.mark.parametrize("key", ["", "organizations/x y", "organizations/x\n", "sésame"])
def test_a_key_name_of_the_wrong_form_is_refused(key: str) -> None:
    with pytest.raises(InputError, match="the key's name is missing, or holds blanks"):
        CoinbaseAdvanced(ConnectionTerms(account=AccountId("main"), secrets=Secrets(key=key, secret=KEY.secret)))


def test_a_connection_without_secrets_is_refused() -> None:
    with pytest.raises(InputError, match="connection 'main' has no secrets"):
        CoinbaseAdvanced(ConnectionTerms(account=AccountId("main"), secrets=None))


# --- the clock -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("skew", [3, -3, 200, -200, 86_400])
def test_a_token_out_of_its_time_is_made_anew_by_the_venues_clock(skew: float) -> None:
    with Sandbox(venue="coinbase-advanced", seed=1, fills=60, wall=lambda: time.time() + skew) as sandbox:
        terms = ConnectionTerms(
            account=AccountId("main"), secrets=Secrets(key=sandbox.key, secret=sandbox.secret), share=1.0, base_url=sandbox.rest_url
        )
        connector = CoinbaseAdvanced(terms)
        assert sum(page.rows for page in connector.pull(FILLS, cursor=None, window=ALL)) == 60
        assert abs(connector.check_key().clock_skew_seconds - skew) < 1
        connector.close()
        paths = [call.target.partition("?")[0].removeprefix(V3) for call in sandbox.calls]
        asked_time = [] if skew == 3 else ["/orders/historical/fills", "/time"]  # 3 s ahead is within the life of a token
        assert paths[: len(asked_time) + 1] == [*asked_time, "/orders/historical/fills"]
        assert sandbox.violations == []


def test_a_key_refused_by_a_clock_that_stands_is_final(venue: Venue, connect: Callable[..., CoinbaseAdvanced]) -> None:
    venue.answers[f"{V3}/orders/historical/fills"] = [(401, b"Unauthorized\n", {})]
    with pytest.raises(KeyRefused, match="HTTP 401: Unauthorized"):
        list(connect().pull(FILLS, cursor=None, window=ALL))
    assert venue.paths == ["/orders/historical/fills", "/time"]


# --- refusals, rates and secrets -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        (400, b'{"error":"resource_exhausted","message":"slow down"}', {}),
        (400, b'{"errors":[{"id":"internal_server_error","message":"try later"}]}', {}),
        (401, b"<html>a proxy wants you to log in</html>", {}),
        (403, b"<html>Attention Required!</html>", {}),
        (429, b'{"errors":[{"id":"rate_limit_exceeded","message":"Too many requests"}]}', {"Retry-After": "3"}),
        (200, b'{"fills":[],"curs', {}),
    ],
)
def test_what_says_later_is_asked_again(
    venue: Venue, connect: Callable[..., CoinbaseAdvanced], answer: tuple[int, bytes, dict[str, str]]
) -> None:
    venue.answers[f"{V3}/orders/historical/fills"] = [answer, said({"fills": [], "cursor": ""})]
    assert [page.rows for page in connect().pull(FILLS, cursor=None, window=ALL)] == [0]
    assert venue.paths == ["/orders/historical/fills"] * 2


def test_a_right_that_is_lacking_is_final_in_the_venues_words(venue: Venue, connect: Callable[..., CoinbaseAdvanced]) -> None:
    venue.answers[f"{V3}/key_permissions"] = [(403, b'{"error":"PERMISSION_DENIED","code":7,"message":"missing required scopes"}', {})]
    with pytest.raises(KeyRefused, match="HTTP 403: missing required scopes"):
        connect().check_key()


@pytest.mark.parametrize("told", [[], {}, {"can_view": True}, {"can_view": "yes", "can_trade": False, "can_transfer": False}])
def test_rights_that_are_not_told_are_not_guessed(venue: Venue, connect: Callable[..., CoinbaseAdvanced], told: object) -> None:
    venue.answers[f"{V3}/key_permissions"] = [said(told)]
    with pytest.raises(TransientError):
        connect().check_key()


def wallet_pages(*told: dict[str, str]) -> list[tuple[int, bytes, dict[str, str]]]:
    """Give pages of one wallet each, with what the venue tells beside each."""
    pages = [
        {"data": [{"id": f"w{page}", "currency": "BTC", "balance": {"amount": "1", "currency": "BTC"}}], "pagination": {"next_uri": uri}}
        for page, uri in enumerate([*(f"/v2/accounts?p={page}" for page in range(1, len(told))), None])
    ]
    return [said(page, headers) for page, headers in zip(pages, told, strict=True)]


def told_left(remaining: int, *, limit: int = 10_000) -> dict[str, str]:
    """Tell how many calls are left of a limit."""
    return {"x-ratelimit-limit": str(limit), "x-ratelimit-remaining": str(remaining)}


@pytest.mark.parametrize(
    ("told", "waited"),
    [
        ([told_left(2), told_left(1), told_left(0)], [3601]),  # two calls more, and then the hour that others have used
        ([told_left(2, limit=30), told_left(1, limit=30), told_left(0, limit=30)], []),  # of some other limit
        ([{"x-ratelimit-remaining": "0"}] * 3, []),  # nobody knows of what
        ([{"x-ratelimit-limit": "10000", "x-ratelimit-remaining": "0" * 5_000}] * 3, []),  # no count
    ],
)
def test_what_others_use_of_the_hour_is_left_to_them(
    venue: Venue, connect: Callable[..., CoinbaseAdvanced], clock: ManualClock, told: list[dict[str, str]], waited: list[float]
) -> None:
    venue.answers["/v2/accounts"] = wallet_pages(*told, {})
    assert len([one for one in connect().streams() if one.stream == "ledger"]) == 4
    assert clock.sleeps == waited


def test_an_hour_carries_our_share_of_the_calls_of_all_runs(
    venue: Venue, connect: Callable[..., CoinbaseAdvanced], clock: ManualClock, tmp_path: Path
) -> None:
    for seconds, waited in ((0, []), (20, []), (400, [pytest.approx(3601 - 420)]), (10, [pytest.approx(10)])):
        clock.seconds += seconds
        before = len(clock.sleeps)
        venue.answers["/v2/accounts"] = wallet_pages(*[{}] * 2)
        connect(share=0.0005, folder=tmp_path).streams()  # five calls an hour, as a new run, whatever became of the one before
        assert clock.sleeps[before:] == waited
    (written,) = (tmp_path / ".weights").iterdir()
    assert (written.stat().st_mode & 0o777, KEY.key in str(written)) == (0o600, False)


def test_no_secret_stands_in_any_log_error_payload_or_address(
    venue: Venue, connect: Callable[..., CoinbaseAdvanced], caplog: pytest.LogCaptureFixture
) -> None:
    said_of_key = f"you sent {KEY.key} {KEY.secret}".replace("\n", "\\n")
    venue.answers[f"{V3}/orders/historical/fills"] = [(400, f'{{"message":"{said_of_key}"}}'.encode(), {})]
    connector = connect()
    with caplog.at_level(logging.DEBUG), pytest.raises(LedgerError) as raised:
        list(connector.pull(FILLS, cursor=None, window=ALL))
    told = "".join(traceback.format_exception(raised.value)) + repr(raised.value) + repr(vars(raised.value)) + caplog.text
    told += repr(connector) + "".join(venue.targets) + venue.headers_seen[0]["user-agent"]
    assert "you sent [redacted]" in told
    assert KEY.key not in told
    assert not any(line in told for line in KEY.secret.splitlines() if not line.startswith("-----"))
    assert venue.headers_seen[0]["authorization"] not in told


def test_a_key_behind_the_parameters_of_its_curve_is_not_shown_either(venue: Venue, clock: ManualClock) -> None:
    secrets = Secrets(key=KEY.key, secret=PARAMETERS + KEY.secret)
    lines = [line for line in KEY.secret.splitlines() if not line.startswith("-----")]
    venue.answers[f"{V3}/key_permissions"] = [
        (400, json.dumps({"message": f"you sent {' and '.join([*lines, ''.join(lines)])}"}).encode(), {})
    ]
    connector = CoinbaseAdvanced(ConnectionTerms(account=AccountId("main"), secrets=secrets, base_url=venue.url), clock=clock)
    with pytest.raises(LedgerError, match=r"you sent \[redacted\] and \[redacted\]") as raised:
        connector.check_key()
    connector.close()
    assert not any(line in "".join(traceback.format_exception(raised.value)) for line in lines)
