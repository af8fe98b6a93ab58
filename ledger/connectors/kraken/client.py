"""Kraken's endpoints, signature, nonces, rates and words of refusal: the only file that knows how to ask this venue.

Private calls are POSTs that read; no other path can be posted to. Addresses, costs and signature are those of the REST reference of
Kraken spot (Authentication, Rate limits), 2026: a counter per key, which a history call raises by 2 and any other by 1, up to a
maximum by the user's tier, and which falls by the tier's decay each second; public calls about one a second. A key may have a second
factor, which goes into every signed form as `otp`: a password that stays the same can stand among the secrets, the changing code of an
app cannot.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from urllib.parse import quote_plus, urlencode

import httpx

from ledger.connectors.kraken.ids import VENUE
from ledger.domain.errors import ConnectorError, InputError, KeyRefused, TerminalError, TransientError
from ledger.domain.json_text import Json, cell_whole, object_of
from ledger.domain.secrets import Secrets
from ledger.domain.time.instant import instant_of_millis
from ledger.ports import ConnectionTerms
from ledger.transport.nonce import LEAP, NonceKeeper
from ledger.transport.pace import Budget, TokenBucket, Toll
from ledger.transport.reader import Answer, HttpReader, Reply, Timeouts
from ledger.transport.redaction import Redactor

BASE_URL = "https://api.kraken.com"
PAGE_ROWS_MAX = 50
ORDERS_MAX = 50  # ids in one call
_YEAR_MAX = 9_000  # beyond it no calendar has room for what follows
_PRIVATE = "/0/private/"
_READS = ("Balance", "DepositStatus", "GetApiKeyInfo", "Ledgers", "QueryOrders", "TradesHistory", "WithdrawStatus")
_PUBLIC_RATE = 1.0
_LOCKOUT_SECONDS = 900.0
_TRANSFERS_MAX = "100"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """How high the counter of a key may stand, and how much it falls each second."""

    maximum: int
    decay: float

    @property
    def rest_seconds(self) -> float:
        """Return how long to leave the venue alone once it says that the counter is too high: until half of it is gone."""
        return self.maximum / 2 / self.decay


TIERS: Mapping[str, Tier] = {
    "starter": Tier(maximum=15, decay=0.33),
    "intermediate": Tier(maximum=20, decay=0.5),
    "pro": Tier(maximum=20, decay=1.0),
}
_SLOWEST = "starter"


def signature(secret: bytes, *, path: str, body: bytes, nonce: str = "") -> str:
    """Return base64(HMAC-SHA512(secret, path + SHA256(nonce + body))), of a body of any kind.

    `nonce` is the number that stands in the body, in the digits that it has there; empty: it is looked up in a form.

    >>> signature(b"secret", path="/0/private/Balance", body=b"nonce=1")[:16]
    'nY4IAKuG38VpZFG2'
    >>> signature(b"secret", path="/0/private/Balance", body=b'{"nonce":1}', nonce="1")[:16]
    'cqE+azdXrkv7/6S0'
    """
    message = path.encode() + hashlib.sha256((nonce or _nonce_in(body)).encode() + body).digest()
    return base64.b64encode(hmac.digest(secret, message, hashlib.sha512)).decode()


def _nonce_in(form: bytes) -> str:
    found = re.search(rb"(?:^|&)nonce=([0-9]+)", form)
    assert found is not None, "a form without a nonce cannot be signed"
    return found[1].decode()


class KrakenAuth(httpx.Auth):
    """Signs a form as it goes out.

    Raises:
        InputError: when a secret is missing or of the wrong form; the message never shows it.
    """

    requires_request_body = True

    def __init__(self, secrets: Secrets, *, account: str) -> None:
        for name, text in (("key", secrets.key), ("secret", secrets.secret)):
            if not text or not text.isascii() or not text.isprintable() or text != text.strip():
                raise InputError(
                    f"connection {account!r}: the {name} is missing, or holds blanks or characters that no header carries",
                    mend=f"copy the {name} again as the venue showed it",
                )
        self._secret = _secret_bytes(secrets.secret, account=account)
        self._key = secrets.key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the two headers to a request whose address and body are final."""
        request.headers["API-Key"] = self._key
        request.headers["API-Sign"] = signature(self._secret, path=request.url.raw_path.decode(), body=request.content)
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


def _second_factor(secrets: Secrets, *, account: str) -> dict[str, str]:
    """Return what is added to every form: the password that a key has as its second factor, if it has one."""
    password = secrets.passphrase
    if not password.isprintable() or password != password.strip():
        raise InputError(
            f"connection {account!r}: the passphrase begins or ends with a blank, or holds characters that nobody can type",
            mend="write the password that is the key's second factor as it was set; leave PASSPHRASE out where the key has none",
        )
    return {"otp": password} if password else {}


def _hidden(secrets: Secrets) -> tuple[str, ...]:
    """Return what no text may show; the passphrase also as it stands in a form, where a blank is a plus sign."""
    return (secrets.key, secrets.secret, secrets.passphrase, quote_plus(secrets.passphrase))


class KrakenClient:
    """One key's calls. Each returns the answer as received, after retries; errors are those of `HttpReader.get`."""

    def __init__(self, terms: ConnectionTerms, *, budget: Budget, rng: Random, timeouts: Timeouts | None = None) -> None:
        if terms.secrets is None:
            raise InputError(f"connection {terms.account!r} has no secrets", mend='set secrets = "env:PREFIX" or another reference')
        self._tier = _tier_of(terms)
        self._budget = budget
        self._auth = KrakenAuth(terms.secrets, account=terms.account)
        self._second_factor = _second_factor(terms.secrets, account=terms.account)
        self._nonces = NonceKeeper(key=terms.secrets.key, folder=terms.folder, budget=budget)
        self._reader = HttpReader(
            venue=VENUE,
            base_url=terms.base_url or BASE_URL,
            budget=budget,
            rng=rng,
            redactor=Redactor(_hidden(terms.secrets)),
            timeouts=timeouts,
            judge=self._judge,
            post_paths=frozenset(_PRIVATE + name for name in _READS),
        )
        counter = TokenBucket(rate=self._tier.decay, burst=self._tier.maximum, share=terms.share, budget=budget)
        self._once = (counter,)
        self._twice = (Toll(limit=counter, weight=2),)
        self._public = (TokenBucket(rate=_PUBLIC_RATE, burst=1, share=terms.share, budget=budget),)
        self._skew: timedelta | None = None
        self._nonces_refused = 0

    def close(self) -> None:
        """Release the sockets."""
        self._reader.close()

    # --- history

    def trades(self, *, start: str | None, end: str, offset: int) -> Answer:
        """Return a page of own trades after `start` up to and including `end` (seconds since 1970), newest first."""
        return self._private("TradesHistory", twice=True, start=start, end=end, ofs=str(offset))

    def ledger(self, *, start: str | None, end: str, offset: int) -> Answer:
        """Return a page of the ledger, as `trades` does."""
        return self._private("Ledgers", twice=True, start=start, end=end, ofs=str(offset))

    def orders(self, ids: list[str]) -> Answer:
        """Return some orders by their ids, at most `ORDERS_MAX`."""
        assert len(ids) <= ORDERS_MAX, len(ids)
        return self._private("QueryOrders", txid=",".join(ids))

    def transfers(self, name: str, *, cursor: str | None) -> Answer:
        """Return a page of ``DepositStatus`` or ``WithdrawStatus``, newest first; without a cursor the first."""
        return self._private(name, cursor=cursor or "true", limit=_TRANSFERS_MAX)

    def balances(self) -> Answer:
        """Return what the account holds."""
        return self._private("Balance")

    def key_rights(self) -> Answer:
        """Return what the key may do; needs no permission."""
        return self._private("GetApiKeyInfo")

    # --- what all may see

    def assets(self) -> Answer:
        """Return the assets that are listed now."""
        return self._get("Assets")

    def pairs(self) -> Answer:
        """Return the pairs that are listed now."""
        return self._get("AssetPairs")

    def public_trades(self, pair: str, *, since: int) -> Answer:
        """Return up to 1000 trades of all users from a nanosecond since 1970 on, oldest first."""
        return self._get(f"Trades?{urlencode({'pair': pair, 'since': since})}")

    def skew(self) -> timedelta:
        """Return how far the venue's clock is ahead of ours; asked once.

        Raises:
            TransientError: when it is no time.
        """
        if self._skew is None:
            asked_at = self._budget.clock.now()
            answer = self._get("Time")
            midway = asked_at + (self._budget.clock.now() - asked_at) / 2
            self._skew = _time_of(answer.json) - midway
        return self._skew

    def now(self) -> datetime:
        """Return the venue's time or ours, whichever is later: no history ends before its newest row because one of them is wrong."""
        return self._budget.clock.now() + max(self.skew(), timedelta(0)) + timedelta(seconds=1)

    def _get(self, name: str) -> Answer:
        return self._reader.get(f"/0/public/{name}", limits=self._public, shape=dict)

    def _private(self, name: str, *, twice: bool = False, **query: str | None) -> Answer:
        given = {field: text for field, text in query.items() if text is not None}
        self._nonces_refused = 0
        return self._reader.read_by_post(
            _PRIVATE + name,
            form=partial(self._form, given),
            asked=f"?{urlencode(given)}" if given else "",
            limits=self._twice if twice else self._once,
            auth=self._auth,
        )

    @contextmanager
    def _form(self, given: dict[str, str]) -> Iterator[bytes]:
        """Give the body of one attempt: only these bytes are signed and sent. The key is held until it is answered."""
        with self._nonces.turn(ahead=LEAP if self._nonces_refused else 0) as nonce:
            yield urlencode({"nonce": str(nonce), **given, **self._second_factor}).encode()

    # --- what an answer says is wrong

    def _judge(self, reply: Reply) -> ConnectorError | None:
        """Return what the words of an answer mean, which has status 200 also when it refuses; those that begin with W only warn."""
        if not reply.is_good:
            return None
        words = reply.json.get("error") if isinstance(reply.json, dict) else None
        if not isinstance(words, list):
            return TransientError("answered without a list of errors")
        errors = [str(word) for word in words if not str(word).startswith("W")]
        return _error_of(errors[0], self) if errors else None

    def rest(self, words: str) -> TransientError:
        """Say that the counter stands too high, and for how long to leave the venue alone."""
        for bucket in self._once:
            bucket.drain()
        return TransientError(words, retry_after_seconds=self._tier.rest_seconds)

    def throttled(self, words: str) -> TransientError:
        """Say that too many calls run at once; the venue names the second from which on it listens again."""
        until = re.search(r"([0-9]{9,11})\s*$", words)
        if until is None:
            return self.rest(words)
        wait = datetime.fromtimestamp(int(until[1]), UTC) - (self._budget.clock.now() + (self._skew or timedelta(0)))
        return TransientError(words, retry_after_seconds=max(1.0, wait.total_seconds()))

    def nonce_refused(self, words: str) -> ConnectorError:
        """Try one higher nonce; if that is refused too, somebody else uses the key."""
        self._nonces_refused += 1
        if self._nonces_refused > 1:
            return KeyRefused(
                f"{words}, twice in a row: another program uses this key, or used it with larger nonces",
                mend="make a key for Lotwright alone; a nonce window at the venue does not help against larger nonces",
            )
        return TransientError(words, retry_after_seconds=0)


def _time_of(said: Json) -> datetime:
    """Return the middle of the second that the venue tells.

    Raises:
        TransientError: when it tells none.
    """
    try:
        seconds = cell_whole(object_of(object_of(said).get("result")), "unixtime")
        told = instant_of_millis(seconds * 1_000 + 500)
    except InputError as unreadable:
        raise TransientError(f"{VENUE}: Time: answered no time: {unreadable.message}") from unreadable
    if told.year > _YEAR_MAX:
        raise TransientError(f"{VENUE}: Time: answered no time: the year {told.year}")
    return told


def _tier_of(terms: ConnectionTerms) -> Tier:
    tier = TIERS.get(terms.tier.strip().lower() or _SLOWEST)
    if tier is None:
        raise InputError(f"connection {terms.account!r}: {VENUE} has no tier {terms.tier!r}", mend=f"use one of: {', '.join(TIERS)}")
    return tier


_KEY_MENDS = {
    "EAPI:Invalid key": "look at the key, and whether the venue still has it and binds it to this address",
    "EAPI:Invalid signature": "copy the secret again as the venue showed it; a key with a password as second factor needs it as PASSPHRASE",
    "EGeneral:Permission denied": "give the key: Query funds, Query closed orders & trades, Query ledger entries; look at its addresses",
    "ESession:Invalid session": "make a new key",
}
_PASSING = (
    *("EGeneral:Too many requests", "EGeneral:Internal error", "EDatabase:Internal error"),
    *("EService:Unavailable", "EService:Busy", "EService:Deadline elapsed", "EService:Timeout"),
)


_ANSWERED: Mapping[str, Callable[[KrakenClient, str], ConnectorError]] = {
    "EAPI:Rate limit exceeded": KrakenClient.rest,
    "EService:Throttled": KrakenClient.throttled,
    "EService: Throttled": KrakenClient.throttled,
    "EAPI:Invalid nonce": KrakenClient.nonce_refused,
}


def _error_of(words: str, client: KrakenClient) -> ConnectorError:
    """Return the error that a word of the venue stands for. Source: Kraken REST reference, API errors."""
    for known, answered in _ANSWERED.items():
        if words.startswith(known):
            return answered(client, words)
    for known, mend in _KEY_MENDS.items():
        if words.startswith(known):
            return KeyRefused(words, mend=mend)
    if words.startswith("EGeneral:Temporary lockout"):
        return TransientError(words, retry_after_seconds=_LOCKOUT_SECONDS, mend="leave the key alone for a quarter of an hour")
    return TransientError(words) if words.startswith(_PASSING) else TerminalError(words)
