"""The endpoints, signature and weights of Binance and Binance.US: the only file that knows how to ask these venues.

Every method is one GET. Addresses, weights and codes are those of the spot REST reference and of the wallet, convert, fiat and
simple earn references (general information, request security, limits), 2026; of Binance.US those of its REST reference, 2023. Calls
below ``/api`` share 6,000 of weight a minute by address; each call below ``/sapi`` has an allowance of its own: 12,000 a minute by
address, or 180,000 by account.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Generator, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from urllib.parse import quote, urlencode

import httpx
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ledger.connectors.binance.parse import instant_of_venue, minute_weight_of
from ledger.connectors.binance.venues import PAGE_ROWS_MAX, Call, Venue
from ledger.domain.errors import ConnectorError, InputError, KeyRefused, TerminalError, TransientError
from ledger.domain.json_text import Json, shown
from ledger.domain.secrets import Secrets
from ledger.domain.time.instant import instant_of_millis, millis_of
from ledger.ports import ConnectionTerms
from ledger.transport.headers import count_of
from ledger.transport.pace import Budget, Clock, Toll, VenueClosed
from ledger.transport.reader import Answer, HttpReader, Reply, Timeouts
from ledger.transport.redaction import Redactor
from ledger.transport.weights import WeightDiary, WeightLimit, WeightWindow
from ledger.transport.windows import Span

OPENED_AT = datetime(2017, 7, 14, tzinfo=UTC)  # the venue's first day; no call tells when an account began
MINUTE_SECONDS = 60.0
_HEAVIEST = 2  # a minute that does not carry two of our heaviest calls is not believed
RECEIVE_WINDOW = 10_000  # milliseconds that a signed call stays good
_CLOCK_STEP = timedelta(seconds=1)  # a clock that moved by more between two answers has jumped
_RESYNCS_MAX = 4
_YEAR_MAX = 9_000  # beyond it no calendar has room for what follows
_BANNED = 418
_TOO_MANY = 429
_STALE_STAMP = -1021
_PASSING_CODES = frozenset({-1000, -1001, -1003, -1006, -1007, -1008, -1015, -1016})
_KEY_CODES = frozenset({-1002, -1022, -2014, -2015})
_UNAUTHORISED = 401
_NOT_FOR_ALL_CODES = frozenset({-1002, -2015})  # not authorised for this call; no right to it
_NO_SUCH_ADDRESS = 404
_BAD_REQUEST = 400
_GOOD = 200
_FORBIDDEN = 403
_WALLS_MAX = 2
_WALL_SECONDS = 180.0  # from the first page of a firewall to the only repeat
_WALL_REST_SECONDS = 600.0  # from the second one: for other connections of the venue, and other runs
_BAN_SECONDS = 120.0  # the shortest ban, for one that does not say how long it lasts
_BAN_END = re.compile(rb"banned until ([0-9]{13})\b")
_MEND_KEY = "look at key and secret, at the key's rights and at the addresses that it is bound to"
_MEND_WALL = "not the venue's own words: its firewall, or a proxy in between; run again later, from an address that it lets in"
_MEND_BAN = "run again after that time; with a smaller `share` if other programs use the same address"


class VenueRefusal(TerminalError):
    """The venue will not answer this call and says why by `code`; `content` is its answer as received.

    The code is 0 where words alone say it, and 404 where there is no such address.
    """

    def __init__(self, message: str, *, status: int, code: int, content: bytes) -> None:
        super().__init__(message, status=status)
        self.code = code
        self.content = content


# --- signature -----------------------------------------------------------------------------------------------------

Signer = Callable[[bytes], str]


class BinanceAuth(httpx.Auth):
    """Signs a request as it goes out: the query, percent-encoded, as the bytes that are sent; the signature goes last.

    `skew` is how far the venue's clock is ahead of ours. `has_microseconds`: the venue tells the times of trades so, if asked to.

    Raises:
        InputError: when a secret is missing or of no form that the venue knows; the message never shows it.
    """

    def __init__(self, secrets: Secrets, *, account: str, clock: Clock, has_microseconds: bool = False) -> None:
        key, secret = secrets.key, secrets.secret
        if not key or not key.isascii() or not key.isprintable() or key != key.strip():
            raise _unfit(account, "key", "is missing, or holds blanks or characters that no header carries")
        self._key = key
        self._sign = signer_of(secret, account=account)
        self._clock = clock
        self._has_microseconds = has_microseconds
        self.skew = timedelta(0)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add time stamp, signature and key to a request whose path and query are final."""
        milliseconds = millis_of(self._clock.now() + self.skew)
        path, _, query = request.url.raw_path.partition(b"?")
        stamped = f"recvWindow={RECEIVE_WINDOW}&timestamp={milliseconds}".encode()
        payload = query + b"&" + stamped if query else stamped
        signed = payload + b"&signature=" + quote(self._sign(payload), safe="").encode()
        request.url = request.url.copy_with(raw_path=path + b"?" + signed)
        assert request.url.raw_path.endswith(signed), "an address that is encoded again on its way"
        request.headers["X-MBX-APIKEY"] = self._key
        if self._has_microseconds:
            request.headers["X-MBX-TIME-UNIT"] = "MICROSECOND"
        yield request


def signer_of(secret: str, *, account: str) -> Signer:
    """Return what signs with a secret: a PEM private key (Ed25519 or RSA) or, for HMAC, the text itself.

    Raises:
        InputError: when it is none of them.
    """
    if "PRIVATE KEY" in secret:
        return _key_signer(secret, account=account)
    if not secret or not secret.isascii() or not secret.isprintable() or secret != secret.strip():
        raise _unfit(account, "secret", "is missing, or holds blanks or characters that no secret of the venue has")
    return lambda payload: hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest()


def _key_signer(secret: str, *, account: str) -> Signer:
    text = secret.replace("\\n", "\n").strip()  # a variable of the environment holds its lines in one
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm, binascii.Error):
        # The cause is left out: it may repeat a part of the key.
        raise _unfit(account, "secret", "is a private key that cannot be read (PKCS#8 PEM without a password is)") from None
    match key:
        case Ed25519PrivateKey():
            return lambda payload: base64.b64encode(key.sign(payload)).decode()
        case RSAPrivateKey():
            return lambda payload: base64.b64encode(key.sign(payload, PKCS1v15(), hashes.SHA256())).decode()
        case _:
            raise _unfit(account, "secret", "is a private key of a kind that the venue does not know")


def _unfit(account: str, part: str, fault: str) -> InputError:
    return InputError(f"connection {account!r}: the {part} {fault}", mend=f"copy the {part} again as the venue showed it")


def _hidden(secrets: Secrets) -> tuple[str, ...]:
    """Return every text that must not be told: of a private key also its lines, which an error might repeat one by one."""
    lines = secrets.secret.replace("\\n", "\n").splitlines() if "PRIVATE KEY" in secrets.secret else []
    return (secrets.key, secrets.secret, secrets.passphrase, *(line for line in lines if line and not line.startswith("-----")))


def _code_of(said: Json) -> int | None:
    """Return the venue's own code of a refusal, None where it tells none."""
    code = said.get("code") if isinstance(said, dict) else None
    return code if isinstance(code, int) and not isinstance(code, bool) else None


# --- calls ---------------------------------------------------------------------------------------------------------


class BinanceClient:
    """One key's calls. Each returns the answer as received, after retries; errors are those of `HttpReader.get`.

    After a ban no call goes out before its end.
    """

    def __init__(self, venue: Venue, terms: ConnectionTerms, *, budget: Budget, rng: Random, timeouts: Timeouts | None = None) -> None:
        if terms.secrets is None:
            raise InputError(f"connection {terms.account!r} has no secrets", mend='set secrets = "env:PREFIX" or another reference')
        self._venue = venue
        self._budget = budget
        self._share, self._folder, self._key = terms.share, terms.folder, terms.secrets.key
        self._auth = BinanceAuth(terms.secrets, account=terms.account, clock=budget.clock, has_microseconds=venue.has_microseconds)
        self._redact = Redactor(_hidden(terms.secrets))
        self._reader = HttpReader(
            venue=venue.name,
            base_url=terms.base_url or venue.base_url,
            budget=budget,
            rng=rng,
            redactor=self._redact,
            timeouts=timeouts,
            judge=self._judge,
        )
        self._minute_weight = venue.minute_weight
        self._windows: dict[str, WeightWindow] = {}
        self._asked = ""  # the allowance of the call under way: its answer tells how much of it is used
        self._closed_until: datetime | None = None
        self._is_in_time = False
        self._may_refuse = False
        self._walls = 0  # how many answers of a firewall came one after another

    def close(self) -> None:
        """Release the sockets."""
        self._reader.close()

    # --- private histories

    def account(self) -> Answer:
        """Return the balances of the spot wallet, also those that are zero."""
        return self._signed("/api/v3/account", allowance="/api", weight=self._venue.account_weight, shape=dict)

    def rights(self) -> Answer:
        """Return what the key may do."""
        path = "/sapi/v1/account/apiRestrictions"
        return self._signed(path, allowance=path, weight=1, shape=dict)

    def trades(self, symbol: str, *, from_id: int, rows: int = PAGE_ROWS_MAX) -> Answer:
        """Return trades of one symbol upwards from an id, which is included."""
        target = f"/api/v3/myTrades?{urlencode({'symbol': symbol, 'fromId': from_id, 'limit': rows})}"
        return self._signed(target, allowance="/api", weight=self._venue.trades_weight, shape=list)

    def history(self, call: Call, span: Span | None, *, page: int = 0, offset: int = 0, may_refuse: bool = False, **asked: str) -> Answer:
        """Return one page of a history within a span of time (None: as far as the venue goes).

        `may_refuse`: the venue does not give it to every account, so what says that this key may not ask is no word on the key.
        """
        query: dict[str, str | int] = {**dict(call.fixed), **asked}
        if span is not None and call.since:
            query |= {call.since: span.start, call.until: span.end}
        if call.size:
            query |= {call.size: call.rows}
        if call.paging:
            query |= {call.page: offset if call.paging == "offset" else page + 1}
        target = f"{call.path}?{urlencode(query)}" if query else call.path
        shape = list if call.is_list else dict
        self._may_refuse = may_refuse
        try:
            answer = self._signed(target, allowance=self._allowance(call), weight=call.weight, shape=object if may_refuse else shape)
        finally:
            self._may_refuse = False
        if not isinstance(answer.json, shape):
            raise self._refused_in_good(answer)
        return answer

    def _refused_in_good(self, answer: Answer) -> ConnectorError:
        """Return what an answer of success says that holds no rows: that the venue is busy, or that this key does not get them."""
        place = f"{self._venue.name}: {answer.request.partition('?')[0]}"
        code, message = _code_of(answer.json), self._redact(f"{place}: answered no rows: {shown(answer.json)}")
        if code in _PASSING_CODES:
            return TransientError(message)
        return VenueRefusal(message, status=_GOOD, code=code or 0, content=answer.content)

    # --- public calls

    def symbols(self) -> Answer:
        """Return the symbols that are listed now, and keep from now on to the weight of a minute that the answer tells."""
        answer = self._get("/api/v3/exchangeInfo", allowance="/api", weight=self._venue.symbols_weight, shape=dict)
        told = minute_weight_of(answer.json)
        if told is not None and told != self._minute_weight and told >= _HEAVIEST * self._venue.symbols_weight:
            self._keep_to(told, used=self._told_weight(answer.headers))
        return answer

    def _keep_to(self, weight: int, *, used: int | None) -> None:
        """Count the weight of calls below ``/api`` against another limit; what is used of it already stays used."""
        before = self._windows.pop("/api").used
        self._minute_weight = weight
        self._window("/api").observe(max(before, used or 0))

    def candles(self, symbol: str, *, start: datetime, end: datetime) -> Answer:
        """Return the candles of minutes from `start` to `end`, both included and at most 1000."""
        query = {"symbol": symbol, "interval": "1m", "startTime": millis_of(start), "endTime": millis_of(end), "limit": PAGE_ROWS_MAX}
        return self._get(f"/api/v3/klines?{urlencode(query)}", allowance="/api", weight=2, shape=list)

    def synchronise(self) -> timedelta:
        """Ask the venue for its time, sign by it from now on, and return how far it is ahead of ours.

        Raises:
            TransientError: when it tells no time.
        """
        asked_at = self._budget.clock.now()
        answer = self._get("/api/v3/time", allowance="/api", weight=1, shape=dict)
        midway = asked_at + (self._budget.clock.now() - asked_at) / 2
        try:
            told = instant_of_venue(answer.json)
        except InputError as unreadable:
            raise TransientError(f"{self._venue.name}: GET /time: answered no time: {unreadable.message}") from unreadable
        if told.year > _YEAR_MAX:
            raise TransientError(f"{self._venue.name}: GET /time: answered no time: the year {told.year}")
        self._auth.skew, self._is_in_time = told - midway, True
        return self._auth.skew

    def now(self) -> datetime:
        """Return the venue's time, as far as it is known."""
        return self._budget.clock.now() + self._auth.skew

    # --- allowances

    def _allowance(self, call: Call) -> str:
        return f"{'account ' if call.by_account else ''}{call.path}"

    def _window(self, allowance: str) -> WeightWindow:
        if allowance not in self._windows:
            weight = 180_000 if allowance.startswith("account ") else 12_000
            limit = WeightLimit(weight=self._minute_weight if allowance == "/api" else weight, seconds=MINUTE_SECONDS)
            diary = WeightDiary(folder=self._folder, key=self._key, allowance=allowance)
            self._windows[allowance] = WeightWindow(limit, share=self._share, budget=self._budget, diary=diary)
        return self._windows[allowance]

    # --- sending

    def _signed(self, target: str, *, allowance: str, weight: int, shape: type) -> Answer:
        """Make a signed call; a time stamp that the venue refuses is made anew by the venue's clock.

        Once, unless that clock is seen to jump: then the second refusal is no proof of a fault of ours.
        """
        if not self._is_in_time:
            self.synchronise()
        for resyncs in range(_RESYNCS_MAX + 1):
            try:
                return self._get(target, allowance=allowance, weight=weight, shape=shape, auth=self._auth)
            except VenueRefusal as refused:
                if refused.code != _STALE_STAMP or resyncs == _RESYNCS_MAX:
                    raise
                skew = self._auth.skew
                if abs(self.synchronise() - skew) < _CLOCK_STEP and resyncs > 0:
                    raise
        raise AssertionError(target)

    def _get(self, target: str, *, allowance: str, weight: int, shape: type, auth: httpx.Auth | None = None) -> Answer:
        if self._closed_until is not None and self._budget.clock.now() < self._closed_until:
            raise self._banned_until(self._closed_until, who=f"{self._venue.name}: ")
        self._asked = allowance
        return self._reader.get(target, limits=(Toll(limit=self._window(allowance), weight=weight),), shape=shape, auth=auth)

    def _observe(self, headers: Mapping[str, str]) -> None:
        """Believe the venue's count of what this minute has used of the allowance, by whomever."""
        told = self._told_weight(headers)
        if told is not None:
            self._window(self._asked).observe(told)

    def _told_weight(self, headers: Mapping[str, str]) -> int | None:
        """Return the venue's count; below ``/api`` it is told for the minute, or, by older servers, under a name without a time."""
        if self._asked == "/api":
            names = ["x-mbx-used-weight-1m", "x-mbx-used-weight"]
        else:
            names = [f"x-sapi-used-{'uid' if self._asked.startswith('account ') else 'ip'}-weight-1m"]
        return next((told for name in names if (told := count_of(headers, name)) is not None), None)

    def _judge(self, reply: Reply) -> ConnectorError | None:
        """Say what an answer means by the venue's own codes; None where it has none."""
        self._observe(reply.headers)
        if reply.status == _FORBIDDEN and reply.json is None:
            return self._walled_off(reply)
        self._walls = 0
        if reply.is_good:
            return None
        code = _code_of(reply.json)
        if self._may_refuse and self._is_not_for_all(reply.status, code):
            told = _NO_SUCH_ADDRESS if reply.status == _NO_SUCH_ADDRESS else code
            return VenueRefusal(reply.said, status=reply.status, code=told or 0, content=reply.content)
        return self._refusal(reply, code)

    def _walled_off(self, reply: Reply) -> TransientError:
        """Say how long to stay away from a firewall: each call that it sees makes it less friendly, so there is one more and no third."""
        self._walls = (self._walls + 1) % _WALLS_MAX
        if self._walls:
            return TransientError(reply.said, mend=_MEND_WALL, retry_after_seconds=_WALL_SECONDS)
        return VenueClosed(f"{reply.said} (asked twice)", mend=_MEND_WALL, retry_after_seconds=_WALL_REST_SECONDS)

    @staticmethod
    def _is_not_for_all(status: int, code: int | None) -> bool:
        """Tell whether a refusal of a list that not every account gets may be just that."""
        return status == _NO_SUCH_ADDRESS or code in _NOT_FOR_ALL_CODES or (status == _BAD_REQUEST and code is None)

    def _refusal(self, reply: Reply, code: int | None) -> ConnectorError | None:
        if reply.status == _BANNED:
            self._closed_until = self._end_of_ban(reply)
            return self._banned_until(self._closed_until)
        if reply.status == _TOO_MANY or code in _PASSING_CODES:
            # Zero is no leave to come back at once: the pause then grows by our own schedule.
            return TransientError(reply.said, retry_after_seconds=reply.wished_seconds or None)
        if code is None:
            return None
        if code in _KEY_CODES or reply.status == _UNAUTHORISED:
            return KeyRefused(reply.said, status=reply.status, mend=_MEND_KEY)
        return VenueRefusal(reply.said, status=reply.status, code=code, content=reply.content)

    def _end_of_ban(self, reply: Reply) -> datetime:
        """Return the later of the two ends that a ban tells: by its header, which may be missing or 0, and in its words (milliseconds)."""
        end = self._budget.clock.now() + timedelta(seconds=reply.wished_seconds or _BAN_SECONDS)
        told = _BAN_END.search(reply.content)
        return end if told is None else max(end, instant_of_millis(int(told[1])) - self._auth.skew)

    def _banned_until(self, until: datetime, *, who: str = "") -> VenueClosed:
        seconds = max(0.0, (until - self._budget.clock.now()).total_seconds())
        told = until.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return VenueClosed(f"{who}our address is banned until {told}: too many calls", mend=_MEND_BAN, retry_after_seconds=seconds)
