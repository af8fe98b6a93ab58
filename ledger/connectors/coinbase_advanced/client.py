"""Coinbase Advanced Trade's endpoints, tokens and rates: the only file that knows how to ask this venue.

Every method is one GET. A call is let in by a token of its own (JWT, RFC 7519): header `alg`, `typ`, `kid` and a nonce, claims
`sub`, `iss`, `nbf`, `exp` and the `uri` of this one call, without scheme and query. Source: CDP API key authentication and
the rate limits of Advanced Trade and of the v2 API, 2026: private calls 30 a second, public ones 10, v2 calls 10,000 an hour.
"""

import base64
import binascii
import json
import re
import secrets as chance
from collections.abc import Generator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from urllib.parse import quote, urlencode

import httpx
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ledger.connectors.coinbase_advanced.answers import instant_of_venue
from ledger.connectors.coinbase_advanced.ids import VENUE
from ledger.domain.errors import ConnectorError, InputError, KeyRefused, TransientError
from ledger.domain.secrets import Secrets
from ledger.domain.time.instant import millis_of
from ledger.ports import ConnectionTerms
from ledger.transport.headers import count_of
from ledger.transport.pace import Budget, Clock, TokenBucket
from ledger.transport.reader import Answer, HttpReader, Reply, Timeouts
from ledger.transport.redaction import Redactor
from ledger.transport.weights import WeightDiary, WeightLimit, WeightWindow

BASE_URL = "https://api.coinbase.com"
FILLS_ROWS_MAX = 250
WALLET_ROWS_MAX = 100
ORDERS_MAX = 100  # ids in one call: the address stays below 5 kB
V2_HOUR = WeightLimit(weight=10_000, seconds=3_600)
_BROKERAGE = "/api/v3/brokerage"
_TOKEN_SECONDS = 120
_PASSING_CODES = ("resource_exhausted", "internal_server_error")
_CLOCK_STEP = timedelta(seconds=1)  # a clock that moved by more between two answers has jumped
_RESYNCS_MAX = 4
_UNAUTHORIZED = 401
_REFUSED = frozenset({_UNAUTHORIZED, 403})
_PLAIN_REFUSAL = "Unauthorized"  # the venue's own words, which are no JSON
_MEND_KEY = "look at the key's name and private key, and at the key's rights and addresses at the venue"
_COORDINATE_BYTES = 32
_SEED_BYTES = 32
_PEM = re.compile(r"-----BEGIN ([A-Z ]+)-----(.*?)-----END \1-----", re.DOTALL)
_PRIVATE = "PRIVATE KEY"  # the end of the name of a block; others, such as EC PARAMETERS, may stand around it
_URL_SAFE = str.maketrans("-_", "+/")
_PEM_COLUMNS = 64

SigningKey = EllipticCurvePrivateKey | Ed25519PrivateKey
_Limit = TokenBucket | WeightWindow


def signing_key_of(secret: str, *, account: str) -> SigningKey:
    r"""Read a secret: a PEM key of the curve P-256, also with ``\n`` written out, or base64 of an Ed25519 seed (32 or 64 bytes).

    Beside the key a PEM text may hold the parameters of its curve; base64 may be URL-safe, and without its padding.

    Raises:
        InputError: when it is neither; the message never shows it.
    """
    blocks = _blocks(secret)
    private = [block for block in blocks if block[1].endswith(_PRIVATE)]
    key: object = None
    try:
        if len(private) == 1:
            key = load_pem_private_key(_tidy(private[0]), password=None)
        elif not blocks:
            key = _ed25519_key(secret)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # what cannot be read may still be most of a secret
        key = None
    if isinstance(key, Ed25519PrivateKey) or (isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1)):
        return key
    raise InputError(
        f"connection {account!r}: the secret is no key of {VENUE}: neither PEM of an EC key (P-256) nor base64 of an Ed25519 key",
        mend="copy the whole private key again as the venue showed it, from -----BEGIN to END-----; or create a new key",
    )


def _blocks(secret: str) -> list[re.Match[str]]:
    return list(_PEM.finditer(secret.replace("\\n", "\n")))


def _tidy(pem: re.Match[str]) -> bytes:
    """Lay the lines of a PEM text out anew: settings and environments join or indent them."""
    name, letters = pem[1], "".join(pem[2].split())
    lines = [letters[start : start + _PEM_COLUMNS] for start in range(0, len(letters), _PEM_COLUMNS)]
    return "\n".join([f"-----BEGIN {name}-----", *lines, f"-----END {name}-----", ""]).encode("ascii")


def _ed25519_key(secret: str) -> Ed25519PrivateKey | None:
    text = "".join(secret.split())
    letters = text.rstrip("=")
    padded = letters + "=" * (-len(letters) % 4)
    is_mixed = not {"-", "_"}.isdisjoint(letters) and not {"+", "/"}.isdisjoint(letters)
    if is_mixed or text not in {letters, padded}:
        return None
    try:
        seed = base64.b64decode(padded.translate(_URL_SAFE), validate=True)
    except binascii.Error:
        return None
    return Ed25519PrivateKey.from_private_bytes(seed[:_SEED_BYTES]) if len(seed) in {_SEED_BYTES, 2 * _SEED_BYTES} else None


def signature_of(key: SigningKey, message: bytes) -> bytes:
    """Return the JWS signature of a message: EdDSA (RFC 8037), or ES256 as two coordinates of 32 bytes (RFC 7518, 3.4)."""
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(message)
    one, other = decode_dss_signature(key.sign(message, ECDSA(SHA256())))
    return one.to_bytes(_COORDINATE_BYTES) + other.to_bytes(_COORDINATE_BYTES)


def token_of(key: SigningKey, *, key_name: str, uri: str, issued_at: datetime, nonce: str) -> str:
    """Return the token that lets one call in; `issued_at` is the venue's time."""
    alg = "EdDSA" if isinstance(key, Ed25519PrivateKey) else "ES256"
    seconds = millis_of(issued_at) // 1000
    head = {"alg": alg, "typ": "JWT", "kid": key_name, "nonce": nonce}
    claims = {"sub": key_name, "iss": "cdp", "nbf": seconds, "exp": seconds + _TOKEN_SECONDS, "uri": uri}
    message = b".".join(_encoded(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
    return (message + b"." + _encoded(signature_of(key, message))).decode()


def _encoded(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")


class CoinbaseAdvancedAuth(httpx.Auth):
    """Gives each request, as it goes out, a token of its own.

    `skew` is how far the venue's clock is ahead of ours.

    Raises:
        InputError: when the key's name or the secret is missing or of the wrong form; the message never shows it.
    """

    def __init__(self, secrets: Secrets, *, account: str, clock: Clock) -> None:
        name = secrets.key
        if not name or not name.isascii() or not name.isprintable() or " " in name:
            raise InputError(
                f"connection {account!r}: the key's name is missing, or holds blanks or characters that no name has",
                mend="copy it again as the venue showed it: organizations/.../apiKeys/..., or the id of an Ed25519 key",
            )
        self._name = name
        self._key = signing_key_of(secrets.secret, account=account)
        self._clock = clock
        self.skew = timedelta(0)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the token to a request whose address is final."""
        path = request.url.raw_path.partition(b"?")[0]
        uri = f"{request.method} {request.url.netloc.decode()}{path.decode()}"
        issued_at = self._clock.now() + self.skew
        token = token_of(self._key, key_name=self._name, uri=uri, issued_at=issued_at, nonce=chance.token_hex(16))
        request.headers["Authorization"] = f"Bearer {token}"
        yield request


class CoinbaseAdvancedClient:
    """One key's calls. Each returns the answer as received, after retries; errors are those of `HttpReader.get`."""

    def __init__(self, terms: ConnectionTerms, *, budget: Budget, rng: Random, timeouts: Timeouts | None = None) -> None:
        if terms.secrets is None:
            raise InputError(f"connection {terms.account!r} has no secrets", mend='set secrets = "env:PREFIX" or another reference')
        self._budget = budget
        self._auth = CoinbaseAdvancedAuth(terms.secrets, account=terms.account, clock=budget.clock)
        self._reader = HttpReader(
            venue=VENUE,
            base_url=terms.base_url or BASE_URL,
            budget=budget,
            rng=rng,
            redactor=Redactor(_spellings(terms.secrets)),
            timeouts=timeouts,
            judge=_judge,
        )
        # Rate and burst together never show more than the published calls in one second.
        self._public = (TokenBucket(rate=9, burst=3, share=terms.share, budget=budget),)
        self._private = (TokenBucket(rate=28.5, burst=3.5, share=terms.share, budget=budget),)
        diary = WeightDiary(folder=terms.folder, key=terms.secrets.key, allowance="v2")
        self._wallets = (WeightWindow(V2_HOUR, share=terms.share, budget=budget, diary=diary),)

    def close(self) -> None:
        """Release the sockets."""
        self._reader.close()

    def permissions(self) -> Answer:
        """Return what the key may do."""
        return self._signed(f"{_BROKERAGE}/key_permissions", self._private)

    def accounts(self, cursor: str | None) -> Answer:
        """Return a page of the portfolio's accounts with their balances."""
        return self._signed(_target(f"{_BROKERAGE}/accounts", limit=FILLS_ROWS_MAX, cursor=cursor), self._private)

    def fills(self, *, cursor: str | None, since: datetime | None) -> Answer:
        """Return a page of the fills of all products, newest first; `since` is the first instant of sequence wanted."""
        start = None if since is None else _iso(since)
        path = f"{_BROKERAGE}/orders/historical/fills"
        return self._signed(_target(path, limit=FILLS_ROWS_MAX, start_sequence_timestamp=start, cursor=cursor), self._private)

    def orders(self, order_ids: Sequence[str]) -> Answer:
        """Return the orders of these ids, at most `ORDERS_MAX`."""
        asked = urlencode([("order_ids", order_id) for order_id in order_ids])
        return self._signed(f"{_BROKERAGE}/orders/historical/batch?{asked}&limit={ORDERS_MAX}", self._private)

    def wallets(self, next_uri: str | None) -> Answer:
        """Return a page of the wallets (v2 accounts)."""
        return self._signed(next_uri or f"/v2/accounts?limit={WALLET_ROWS_MAX}", self._wallets)

    def transactions(self, wallet_id: str, next_uri: str | None) -> Answer:
        """Return a page of what happened in a wallet, newest first."""
        first = f"{transactions_path(wallet_id)}?limit={WALLET_ROWS_MAX}&order=desc"
        return self._signed(next_uri or first, self._wallets)

    def candles(self, product: str, *, start: datetime, end: datetime) -> Answer:
        """Return the candles of minutes from `start` to `end`, both included and at most 350."""
        path = f"{_BROKERAGE}/products/{quote(product, safe='')}/candles"
        times = {"start": str(int(start.timestamp())), "end": str(int(end.timestamp()))}
        return self._signed(_target(path, granularity="ONE_MINUTE", **times), self._private)

    def synchronise(self) -> timedelta:
        """Ask the venue for its time, sign by it from now on, and return how far it is ahead of ours."""
        asked_at = self._budget.clock.now()
        answer = self._reader.get(f"{_BROKERAGE}/time", limits=self._public, shape=dict)
        midway = asked_at + (self._budget.clock.now() - asked_at) / 2
        try:
            self._auth.skew = instant_of_venue(answer.json) - midway
        except InputError as unreadable:
            raise TransientError(f"{VENUE}: GET /time: answered no time: {unreadable.message}") from unreadable
        return self._auth.skew

    def _signed(self, target: str, limits: Sequence[_Limit]) -> Answer:
        """Make a signed call; as a token out of its time is refused like a wrong one, the venue's clock is asked before giving up.

        Again, if that clock has moved: then the refusal is no proof of a fault of ours.
        """
        for resyncs in range(_RESYNCS_MAX + 1):
            try:
                answer = self._reader.get(target, limits=limits, shape=dict, auth=self._auth)
            except KeyRefused as refused:
                skew = self._auth.skew
                if refused.status != _UNAUTHORIZED or resyncs == _RESYNCS_MAX or abs(self.synchronise() - skew) < _CLOCK_STEP:
                    raise
            else:
                _heed(answer.headers, limits)
                return answer
        raise AssertionError(target)


def _judge(reply: Reply) -> ConnectorError | None:
    """Read what this venue says beside the status: codes that mean "later", and a refusal of the key in plain text."""
    if reply.is_good:
        return None
    text = reply.content.decode(errors="replace")
    if reply.status in _REFUSED:
        return KeyRefused(reply.said, status=reply.status, mend=_MEND_KEY) if text.strip() == _PLAIN_REFUSAL else None
    if any(f'"{code}"' in text.lower() for code in _PASSING_CODES):
        return TransientError(reply.said, retry_after_seconds=reply.wished_seconds)
    return None


def transactions_path(wallet_id: str) -> str:
    """Return the path of a wallet's history; all its pages have it."""
    return f"/v2/accounts/{quote(wallet_id, safe='')}/transactions"


def _heed(headers: Mapping[str, str], limits: Sequence[_Limit]) -> None:
    """Believe what the venue says is left; of the hour only what it counts by the hour's own limit: a mistake would cost an hour."""
    limit, remaining = (count_of(headers, f"x-ratelimit-{name}") for name in ("limit", "remaining"))
    if remaining is None:
        return
    for one in limits:
        if isinstance(one, TokenBucket):
            one.heed(remaining)
        elif limit == V2_HOUR.weight:
            one.observe(V2_HOUR.weight - remaining)


def _spellings(secrets: Secrets) -> tuple[str, ...]:
    """Return every form of the secret that a text might repeat: whole, with line ends written out, joined, and line by line."""
    blocks = _blocks(secrets.secret)
    lines = " ".join(block[2] for block in blocks).split() if blocks else secrets.secret.split()
    return (secrets.key, secrets.secret, secrets.secret.replace("\n", "\\n"), "".join(lines), *lines)


def _target(path: str, **query: str | int | None) -> str:
    return f"{path}?{urlencode({name: text for name, text in query.items() if text is not None})}"


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
