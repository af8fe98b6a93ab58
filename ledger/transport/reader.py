"""Reads JSON from a venue over HTTP: within rate and time budget, tried again where that helps, with the venue's words in errors.

Only GET exists here, and POST to those paths that a venue reads by: what cannot be written cannot trade. What an answer means
for the caller:

    answer                                              error
    reset, timeout, half a body, unknown or bad packing TransientError
    408, 425, 429, 5xx; 401 or 403 that is not JSON     TransientError
    any status with JSON that breaks off                TransientError
    2xx that is not the JSON asked for                  TransientError
    401, 403 in the venue's JSON                        KeyRefused
    any other status, or a body without end             TerminalError
    any answer that says more in the venue's own words  as the venue's `Judge` has it, who is asked first
"""

import logging
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache, cached_property, partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.metadata import version
from ipaddress import ip_address
from random import Random

import httpx

from ledger.domain.errors import ConnectorError, InputError, KeyRefused, TerminalError, TransientError
from ledger.domain.json_text import Json, json_of
from ledger.transport.body import ACCEPTED, pieces_of
from ledger.transport.headers import WISH_SECONDS_MAX, seconds_wished
from ledger.transport.pace import MEND_BUDGET, Budget, BudgetSpent, Limit, RetryTerms, retried, take_all
from ledger.transport.redaction import RedactingFilter, Redactor
from ledger.transport.watch import Watch

LOG = logging.getLogger(__name__)

ANSWER_BYTES_MAX = 64 * 2**20  # a page of 1,000 rows has about half a MiB
_ONE_CONNECTION = httpx.Limits(max_connections=1, max_keepalive_connections=1)  # that which is watched
_PASSING = frozenset({408, 425, 429})
_TOO_MANY = 429
_SERVER_ERROR = 500
_REFUSED = frozenset({401, 403})
_SHAPES: dict[type, str] = {list: "a list", dict: "an object"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds for connecting, for silence while reading, and for one whole answer."""

    connect: float = 10.0
    read: float = 30.0
    whole: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One good answer: `request` is method, path and query; `content` the bytes, unpacked; `json` what they say."""

    request: str
    headers: Mapping[str, str]
    content: bytes
    json: Json

    def rows(self) -> list[Json]:
        """Return the answer as a list; the caller asked for one."""
        assert isinstance(self.json, list), self.request
        return self.json


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer of any status before anybody says what it means.

    `json` is None where it is no JSON. `wished_seconds` is the venue's Retry-After, at most a week; None where it has none that can
    be read.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes
    json: Json
    wished_seconds: float | None
    _tell: Callable[[], str]

    @property
    def said(self) -> str:
        """Tell an answer that is no good one in a short line without secrets."""
        return self._tell()

    @property
    def is_good(self) -> bool:
        """Tell whether the status is one of success."""
        return httpx.codes.is_success(self.status)


# A venue's own word on an answer: what is wrong, or None for what the table at the head of this file says. The reader tells the place
# in front of its message, and takes every secret out.
Judge = Callable[[Reply], ConnectorError | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """A call before it is sent: `form` gives the body of a POST for one attempt, None of a GET; `asked` says it in requests and errors."""

    target: str
    limits: Sequence[Limit]
    shape: type
    auth: httpx.Auth | None
    form: Callable[[], AbstractContextManager[bytes]] | None = None
    asked: str = ""

    @property
    def method(self) -> str:
        return "GET" if self.form is None else "POST"

    def body(self) -> AbstractContextManager[bytes]:
        return nullcontext(b"") if self.form is None else self.form()

    def __str__(self) -> str:
        return f"{self.method} {self.target}{self.asked}"


@dataclass(frozen=True, kw_only=True)
class _Received:
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def is_html(self) -> bool:
        return "html" in self.headers.get("content-type", "").lower() or self.content.lstrip()[:1] == b"<"

    @property
    def is_broken(self) -> bool:
        """Whether it begins as JSON and is none: what the venue meant to say is not known."""
        return self.content.lstrip()[:1] in {b"{", b"["} and self.json is None

    @cached_property
    def reading(self) -> "Json | InputError":
        """What the answer says, or why it is no JSON: read once, as a page of a thousand rows takes milliseconds."""
        try:
            return json_of(self.content)
        except InputError as unreadable:
            return unreadable

    @property
    def json(self) -> Json:
        """What the answer says; None when it is no JSON."""
        return None if isinstance(self.reading, InputError) else self.reading

    @property
    def message(self) -> str | None:
        """The venue's own words, None when the answer is not the venue's JSON."""
        said = self.json
        if isinstance(said, dict) and isinstance(words := said.get("message"), str):
            return words
        return None if said is None else self.content.decode()

    @property
    def text(self) -> str:
        """What was answered, at whatever length and with whatever in it."""
        if self.message is not None:
            return self.message
        return "an HTML page" if self.is_html else self.content.decode(errors="replace")


def checked_base_url(text: str) -> str:
    """Return the scheme, host and port to call.

    Raises:
        InputError: when the text is more or less than that, or would send a key in the clear to another computer.
    """
    mend = "give scheme and host only, as in https://api.exchange.coinbase.com"
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as refused:
        raise InputError(f"base_url {text!r} is not an address: {refused}", mend=mend) from refused
    if url.scheme not in {"http", "https"} or not url.host:
        raise InputError(f"base_url {text!r} is not an address of http or https", mend=mend)
    if url.userinfo or url.query or url.fragment or url.path not in {"", "/"}:
        raise InputError(f"base_url of host {url.host!r} holds more than scheme, host and port", mend=mend)
    if url.scheme == "http" and not _is_loopback(url.host):
        raise InputError(f"base_url {text!r} would send the key unencrypted", mend="use https; http is for this computer only")
    return text.rstrip("/")


@cache
def _trusted() -> ssl.SSLContext:
    """Return the certificates that every connection of this process trusts; reading them takes longer than a call."""
    return httpx.create_ssl_context()


def _forget_redirect(response: httpx.Response) -> None:
    """Take away where an answer points to before the library reads it: none is followed, and an odd one would stop the program."""
    response.headers.pop("location", None)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class HttpReader:
    """One venue's address, called politely. Not for several threads: one API key is used by one caller at a time.

    `judge` is the venue's own word on each answer; without one the status says it all. Only `post_paths` can be read by POST.
    """

    def __init__(
        self,
        *,
        venue: str,
        base_url: str,
        budget: Budget,
        rng: Random,
        redactor: Redactor,
        timeouts: Timeouts | None = None,
        retry: RetryTerms | None = None,
        judge: Judge | None = None,
        post_paths: frozenset[str] = frozenset(),
    ) -> None:
        self._venue = venue
        self._judge = judge
        self._post_paths = post_paths
        self._base_url = checked_base_url(base_url)
        self._budget = budget
        self._rng = rng
        self._redact = redactor
        self._timeouts = timeouts or Timeouts()
        self._retry = retry or RetryTerms()
        self._filter = RedactingFilter(redactor)
        self._filter.attach()
        headers = {"User-Agent": f"lotwright/{version('lotwright')}", "Accept": "application/json", "Accept-Encoding": ACCEPTED}
        self._watch = Watch()
        self._http = httpx.Client(
            headers=headers,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # one that no header carries would end every later call
            event_hooks={"response": [_forget_redirect]},
            verify=_trusted(),
            limits=_ONE_CONNECTION,
        )

    def close(self) -> None:
        """Release the sockets."""
        self._http.close()
        self._filter.detach()

    def get(self, target: str, *, limits: Sequence[Limit], shape: type = list, auth: httpx.Auth | None = None) -> Answer:
        """Return the JSON at `target` (path and query, already encoded), which must be a `shape`.

        Each attempt takes its part of all `limits` and is signed anew by `auth`.

        Raises:
            TransientError, TerminalError, KeyRefused: as the table at the head of this file says.
            BudgetSpent: when the deadline does not leave time for (another) call.
        """
        return self._retried(_Question(target=target, limits=limits, shape=shape, auth=auth))

    def read_by_post(
        self,
        path: str,
        *,
        form: Callable[[], AbstractContextManager[bytes]],
        asked: str,
        limits: Sequence[Limit],
        auth: httpx.Auth,
    ) -> Answer:
        """Return the JSON object that a venue gives for a form; `path` is one of those that the reader was made for.

        `form` is entered for each attempt and left when that is answered; `asked` is the form without what changes from one
        attempt to the next, as it stands in the request of the answer. Errors are those of `get`.
        """
        assert path in self._post_paths, path
        return self._retried(_Question(target=path, limits=limits, shape=dict, auth=auth, form=form, asked=asked))

    def _retried(self, question: _Question) -> Answer:
        return retried(lambda: self._once(question), terms=self._retry, budget=self._budget, rng=self._rng)

    def _once(self, question: _Question) -> Answer:
        take_all(question.limits)
        with question.body() as body:
            self._budget.begin_call()
            with self._watched(question):
                received = self._received(question, body)
        LOG.debug("%s: %s, %s bytes", question, received.status, len(received.content))
        if not httpx.codes.is_success(received.status):
            refusal = self._refusal(question, received)
            if received.status == _TOO_MANY and isinstance(refusal, TransientError):
                refusal.is_overload = True
                for limit in question.limits:
                    limit.drain()
            raise refusal
        said = self._json(question, received, question.shape)
        judged = self._judged(question, received, json=said)
        if judged is not None:
            raise judged
        return Answer(request=str(question), headers=received.headers, content=received.content, json=said)

    @contextmanager
    def _watched(self, question: _Question) -> Iterator[None]:
        """End a call that would last too long, and tell one that got lost."""
        left, whole = self._budget.seconds_left(), self._timeouts.whole
        try:
            with self._watch.within(whole if left is None else min(whole, left)):
                yield
        except httpx.InvalidURL as unfit:  # ids that the venue gave, of a length that no address has
            raise TerminalError(f"{self._place(question)}: no such call can be made: {unfit}") from None
        except httpx.HTTPError as failure:
            if not self._watch.is_over:
                raise self._lost(question, failure) from None  # its own words, and those of its causes, may repeat a secret
        if self._watch.is_over:  # an answer that seems complete may be the part that had come
            if left is not None and left <= whole:
                said = f"{self._place(question)}: the time budget ran out in the middle of an answer"
                raise BudgetSpent(said, mend=MEND_BUDGET)
            raise TransientError(f"{self._place(question)}: the answer was not complete after {whole:g} s")

    def _received(self, question: _Question, body: bytes) -> _Received:
        with self._http.stream(
            question.method,
            self._base_url + question.target,
            content=body or None,
            headers={"Content-Type": "application/x-www-form-urlencoded"} if question.form else {},
            auth=question.auth,
            timeout=self._silences(),
            extensions={"trace": self._watch.trace},
        ) as response:
            content = bytearray()
            for piece in pieces_of(response):
                content += piece
                if self._watch.is_over:
                    break
                if max(len(content), response.num_bytes_downloaded) > ANSWER_BYTES_MAX:
                    said = f"{self._place(question)}: the answer exceeds {ANSWER_BYTES_MAX} bytes"
                    raise TerminalError(said, mend="is base_url right?")
            return _Received(status=response.status_code, headers=response.headers, content=bytes(content))

    def _silences(self) -> httpx.Timeout:
        """Return how long each step may be silent. Connecting is not watched: it and the handshake of TLS have half the budget each."""
        connect, left = self._timeouts.connect, self._budget.seconds_left()
        return httpx.Timeout(self._timeouts.read, connect=connect if left is None else min(connect, left / 2))

    def _json(self, question: _Question, received: _Received, shape: type) -> Json:
        said = received.reading
        if isinstance(said, InputError):
            what = "HTML instead of JSON" if received.is_html else f"what {said.message}"
            raise TransientError(f"{self._place(question)}: answered {what}", mend="is base_url right?") from said
        if not isinstance(said, shape):
            raise TransientError(f"{self._place(question)}: answered no JSON that is {_SHAPES[shape]}: {self._words(received)}")
        return said

    def _lost(self, question: _Question, failure: httpx.HTTPError) -> TransientError:
        words = self._redact.line(str(failure))
        said = f"{self._place(question)}: {type(failure).__name__}" + (f": {words}" if words else "")
        return TransientError(said, mend="is base_url right, and the network up?")

    def _refusal(self, question: _Question, received: _Received) -> ConnectorError:
        status = received.status
        judged = self._judged(question, received, json=received.json)
        if judged is not None:
            return judged
        said = f"{self._place(question)}: {self._said(received)}"
        if status in _PASSING or status >= _SERVER_ERROR or received.is_broken:
            return TransientError(said, retry_after_seconds=self._wished(received))
        if httpx.codes.is_redirect(status):
            return TerminalError(f"{said} (redirects are not followed)", status=status, mend="is base_url right?")
        if status not in _REFUSED:
            return TerminalError(said, status=status)
        if received.message is None:
            return TransientError(f"{said} (not the venue's own words: a firewall or a proxy in between)")
        return KeyRefused(said, status=status, mend="look at key, secret, passphrase and the key's rights and addresses at the venue")

    def _judged(self, question: _Question, received: _Received, *, json: Json) -> ConnectorError | None:
        """Ask the venue's judge; the place, and words that are short, printable and without secrets, are seen to here for all judges."""
        if self._judge is None:
            return None
        reply = Reply(
            status=received.status,
            headers=received.headers,
            content=received.content,
            json=json,
            wished_seconds=self._wished(received),
            _tell=partial(self._said, received),
        )
        judged = self._judge(reply)
        if judged is not None:
            judged.message = f"{self._place(question)}: {self._redact.line(judged.message)}"
        if isinstance(judged, TransientError) and judged.retry_after_seconds is not None:
            judged.retry_after_seconds = min(judged.retry_after_seconds, WISH_SECONDS_MAX)  # a judge may read it from the venue's words
        return judged

    def _wished(self, received: _Received) -> float | None:
        return seconds_wished(received.headers, now=self._budget.clock.now())

    def _said(self, received: _Received) -> str:
        return f"HTTP {received.status}: {self._words(received)}"

    def _words(self, received: _Received) -> str:
        return self._redact.line(received.text) or "nothing"

    def _place(self, question: _Question) -> str:
        return self._redact.line(f"{self._venue}: {question}")
