"""Coinbase Exchange's endpoints, signature and rates: the only file that knows how to ask this venue.

Every method is one GET. Addresses, rates and signature are those of the REST reference of Coinbase Exchange (REST authentication,
REST rate limits, pagination), 2026: public calls 10 a second with bursts of 15, private ones 15 with bursts of 30, and of these
the fills 10 with bursts of 20.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Generator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from urllib.parse import quote, urlencode

import httpx

from ledger.connectors.coinbase_exchange.ids import VENUE
from ledger.connectors.coinbase_exchange.parse import instant_of_venue
from ledger.domain.errors import ConnectorError, InputError, KeyRefused, TransientError
from ledger.domain.secrets import Secrets
from ledger.domain.time.instant import millis_of
from ledger.ports import ConnectionTerms
from ledger.transport.pace import Budget, Clock, TokenBucket
from ledger.transport.reader import Answer, HttpReader, Reply, Timeouts
from ledger.transport.redaction import Redactor

BASE_URL = "https://api.exchange.coinbase.com"
PAGE_ROWS_MAX = 1000  # the most that the venue gives, and what is asked for
_EXPIRED = "timestamp expired"
_EXPIRED_STATUS = frozenset({400, 401})
_CLOCK_STEP = timedelta(seconds=1)  # a clock that moved by more between two answers has jumped
_RESYNCS_MAX = 4


class CoinbaseExchangeAuth(httpx.Auth):
    """Signs a request as it goes out: time stamp, method, raw path with query, body.

    `skew` is how far the venue's clock is ahead of ours.

    Raises:
        InputError: when a secret is missing or of the wrong form; the message never shows it.
    """

    requires_request_body = True

    def __init__(self, secrets: Secrets, *, account: str, clock: Clock) -> None:
        for name, text in (("key", secrets.key), ("secret", secrets.secret), ("passphrase", secrets.passphrase)):
            if not text or not text.isascii() or not text.isprintable() or text != text.strip():
                raise InputError(
                    f"connection {account!r}: the {name} is missing, or holds blanks or characters that no header carries",
                    mend=f"copy the {name} again as the venue showed it",
                )
        self._hmac_key = _secret_bytes(secrets.secret, account=account)
        self._key = secrets.key
        self._passphrase = secrets.passphrase
        self._clock = clock
        self.skew = timedelta(0)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the four headers to a request whose address and body are final."""
        milliseconds = millis_of(self._clock.now() + self.skew)
        stamp = f"{milliseconds // 1000}.{milliseconds % 1000:03d}"
        message = stamp.encode() + request.method.encode() + request.url.raw_path + request.content
        signature = hmac.digest(self._hmac_key, message, hashlib.sha256)
        request.headers["CB-ACCESS-KEY"] = self._key
        request.headers["CB-ACCESS-SIGN"] = base64.b64encode(signature).decode()
        request.headers["CB-ACCESS-TIMESTAMP"] = stamp
        request.headers["CB-ACCESS-PASSPHRASE"] = self._passphrase
        yield request


def _secret_bytes(secret: str, *, account: str) -> bytes:
    try:
        return base64.b64decode(secret, validate=True)
    except binascii.Error:
        # The cause is left out: what cannot be decoded may still be most of a secret.
        raise InputError(
            f"connection {account!r}: the secret is not base64, as every secret of {VENUE} is",
            mend="copy the secret again as the venue showed it; it mostly ends in '=='",
        ) from None


class CoinbaseExchangeClient:
    """One key's calls. Each returns the answer as received, after retries; errors are those of `HttpReader.get`."""

    def __init__(self, terms: ConnectionTerms, *, budget: Budget, rng: Random, timeouts: Timeouts | None = None) -> None:
        if terms.secrets is None:
            raise InputError(f"connection {terms.account!r} has no secrets", mend='set secrets = "env:PREFIX" or another reference')
        self._budget = budget
        self._auth = CoinbaseExchangeAuth(terms.secrets, account=terms.account, clock=budget.clock)
        self._reader = HttpReader(
            venue=VENUE,
            base_url=terms.base_url or BASE_URL,
            budget=budget,
            rng=rng,
            redactor=Redactor((terms.secrets.key, terms.secrets.secret, terms.secrets.passphrase)),
            timeouts=timeouts,
            judge=_judge,
        )
        self._public = (TokenBucket(rate=10, burst=15, share=terms.share, budget=budget),)
        self._private = (TokenBucket(rate=15, burst=30, share=terms.share, budget=budget),)
        self._fills = (TokenBucket(rate=10, burst=20, share=terms.share, budget=budget), *self._private)

    def close(self) -> None:
        """Release the sockets."""
        self._reader.close()

    def accounts(self) -> Answer:
        """Return all accounts of the profile."""
        return self._signed("/accounts", self._private)

    def ledger(self, account_id: str, *, before: str | None, after: str | None) -> Answer:
        """Return a page of an account's ledger, newest first."""
        return self._signed(_target(f"/accounts/{quote(account_id, safe='')}/ledger", before=before, after=after), self._private)

    def fills(self, product: str, *, before: str | None, after: str | None) -> Answer:
        """Return a page of the fills of one product, newest first."""
        return self._signed(_target("/fills", product_id=product, before=before, after=after), self._fills)

    def transfers(self, *, after: str | None) -> Answer:
        """Return a page of deposits and withdrawals of all kinds, newest first."""
        return self._signed(_target("/transfers", after=after), self._private)

    def products(self) -> Answer:
        """Return the products that are listed now; public."""
        return self._reader.get("/products", limits=self._public)

    def candles(self, product: str, *, start: datetime, end: datetime) -> Answer:
        """Return the candles of minutes from `start` to `end`, both included and at most 300; public."""
        query = urlencode({"granularity": 60, "start": _iso(start), "end": _iso(end)})
        return self._reader.get(f"/products/{quote(product, safe='')}/candles?{query}", limits=self._public)

    def synchronise(self) -> timedelta:
        """Ask the venue for its time, sign by it from now on, and return how far it is ahead of ours."""
        asked_at = self._budget.clock.now()
        answer = self._reader.get("/time", limits=self._public, shape=dict)
        midway = asked_at + (self._budget.clock.now() - asked_at) / 2
        try:
            self._auth.skew = instant_of_venue(answer.json) - midway
        except InputError as unreadable:
            raise TransientError(f"{VENUE}: GET /time: answered no time: {unreadable.message}") from unreadable
        return self._auth.skew

    def _signed(self, target: str, limits: Sequence[TokenBucket]) -> Answer:
        """Make a signed call; a time stamp refused as expired is signed anew by the venue's clock.

        Once, unless that clock is seen to jump: then the second refusal is no proof of a fault of ours.
        """
        for resyncs in range(_RESYNCS_MAX + 1):
            try:
                return self._reader.get(target, limits=limits, auth=self._auth)
            except _StampExpired:
                if resyncs == _RESYNCS_MAX:
                    raise
                skew = self._auth.skew
                if abs(self.synchronise() - skew) < _CLOCK_STEP and resyncs > 0:
                    raise
        raise AssertionError(target)


class _StampExpired(KeyRefused):
    """The time stamp of a call lies too far from the venue's clock."""


def _judge(reply: Reply) -> ConnectorError | None:
    """Tell a time stamp that the venue refuses from a refused key: it may come with either status."""
    if reply.status in _EXPIRED_STATUS and _EXPIRED in reply.said:
        return _StampExpired(reply.said, status=reply.status, mend="set this computer's clock; if it is right, the venue's is not")
    return None


def _target(path: str, **query: str | None) -> str:
    """Return path and query as they go out: only this text is signed and sent."""
    given = {name: text for name, text in query.items() if text is not None}
    return f"{path}?{urlencode(given | {'limit': str(PAGE_ROWS_MAX)})}"


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
