"""Keeps secrets out of every text that leaves the program: messages of errors and lines of logs."""

import logging
import re
from collections.abc import Iterable
from functools import cache

_HIDDEN = "[redacted]"
_LINE_MAX = 300
# The loggers that may speak of a call: ours and those of the HTTP library, which logs to each of its parts by name.
WIRE_LOGGERS = ("ledger.transport.reader", "httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy", "httpcore.socks")
_SIGNATURE = re.compile(r"(?<=signature=)[^&\s\"']+")  # of an address that is signed in its query
_BACKSLASHES = r"\\\\{0,3}"  # JSON within JSON doubles them
_SPELLING_MAX = 2 * len(r"\\\\uD83D")  # letters that may stand for one
_CONTROLS = {"\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}
_ESCAPES = {letter: _BACKSLASHES + escape for letter, escape in {**_CONTROLS, '"': '"', "'": "'", "/": "/"}.items()}
_OTHERWISE = {**_ESCAPES, "\\": _BACKSLASHES, " ": r"\+"}


class Redactor:
    """Replaces every given secret by a fixed mark, in whatever spelling of its letters; the signature of an address too."""

    def __init__(self, secrets: Iterable[str]) -> None:
        longest_first = sorted({secret for secret in secrets if secret}, key=lambda secret: (-len(secret), secret))
        self._patterns = [re.compile("".join(map(_spellings, secret))) for secret in longest_first]
        self._longest = max(map(len, longest_first), default=0) * _SPELLING_MAX

    def __call__(self, text: str) -> str:
        """Return the text without secrets.

        >>> Redactor(["hunter2"])("passphrase hunter2 refused")
        'passphrase [redacted] refused'
        """
        for pattern in (*self._patterns, _SIGNATURE):
            text = pattern.sub(_HIDDEN, text)
        return text

    def line(self, text: str) -> str:
        """Return the text without secrets as one printable line of at most 300 letters: a venue's words might steer a terminal.

        Secrets go before it is cut, as a half of one would not be known. What is far behind the cut is not looked at.
        """
        near = text[: _LINE_MAX + self._longest]
        told = self(near)
        if len(near) < len(text):
            told = told[: max(0, len(told) - self._longest)]  # it may end in the beginning of a secret
        return "".join(letter if letter.isprintable() else " " for letter in told[:_LINE_MAX]).strip()


@cache
def _spellings(letter: str) -> str:
    """Return a pattern of all that may stand for a letter: itself, percent encoding, the escapes of JSON and of Python's bytes."""
    octets = [_either_case(octet) for octet in letter.encode(errors="surrogatepass").hex(" ").split()]
    units = [_either_case(unit) for unit in letter.encode("utf-16-be", errors="surrogatepass").hex(" ", 2).split()]
    spelled = [
        *([_OTHERWISE[letter]] if letter in _OTHERWISE else []),
        "".join(f"%{octet}" for octet in octets),
        "".join(f"{_BACKSLASHES}u{unit}" for unit in units),
        "".join(f"{_BACKSLASHES}x{octet}" for octet in octets),
        re.escape(letter),  # last: it may be how a longer spelling begins
    ]
    return f"(?:{'|'.join(spelled)})"


def _either_case(digits: str) -> str:
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in digits)


class RedactingFilter(logging.Filter):
    """Rewrites log records: message, arguments and traceback."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record and let it pass."""
        record.msg = self._redactor(record.getMessage())
        record.args = ()
        if record.exc_info:
            record.exc_text = self._redactor(record.exc_text or logging.Formatter().formatException(record.exc_info))
        return True

    def attach(self) -> None:
        """Filter the loggers of the wire."""
        for name in WIRE_LOGGERS:
            logging.getLogger(name).addFilter(self)

    def detach(self) -> None:
        """Leave the loggers as they were."""
        for name in WIRE_LOGGERS:
            logging.getLogger(name).removeFilter(self)
