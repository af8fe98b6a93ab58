"""Keeps secrets out of every text that leaves the program: messages of errors and lines of logs."""

import logging
from collections.abc import Iterable
from urllib.parse import quote

_HIDDEN = "[redacted]"
# The loggers that may speak of a call: ours and those of the HTTP library, which logs to each of its parts by name.
WIRE_LOGGERS = ("ledger.transport.reader", "httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy", "httpcore.socks")


class Redactor:
    """Replaces every given secret, also in percent encoding, by a fixed mark."""

    def __init__(self, secrets: Iterable[str]) -> None:
        spelled = {form for secret in secrets if secret for form in (secret, quote(secret), quote(secret, safe=""))}
        self._longest_first = sorted(spelled, key=lambda form: (-len(form), form))

    def __call__(self, text: str) -> str:
        """Return the text without secrets.

        >>> Redactor(["hunter2"])("passphrase hunter2 refused")
        'passphrase [redacted] refused'
        """
        for form in self._longest_first:
            text = text.replace(form, _HIDDEN)
        return text


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
