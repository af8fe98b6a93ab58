"""Who may come in at Coinbase Exchange: the key that a seed stands for, and the sandbox's own check of a signature.

Source: the venue's REST authentication page. No code is shared with a connector.
"""

import base64
import binascii
import hashlib
import hmac
import re
from typing import Final

from ledger.sandbox.calls import Credentials, ReceivedCall, ViolationKind, json_answer
from ledger.sandbox.faults import Fault

STAMP_SECONDS_MAX: Final = 30


class Refused(Exception):
    """A call that ends with another status than 200, and with the venue's words for it."""

    def __init__(self, status: int, message: str, *, violation: ViolationKind | None = None) -> None:
        super().__init__(message)
        self.answer = json_answer({"message": message}, status=status, violation=violation)


def signature_of(*, secret: str, timestamp: str, method: str, target: str, body: bytes) -> str:
    """Return base64(HMAC-SHA256(base64-decoded secret, timestamp + METHOD + path with query + body))."""
    message = timestamp.encode() + method.upper().encode() + target.encode("utf-8", "surrogateescape") + body
    return base64.b64encode(hmac.digest(base64.b64decode(secret), message, hashlib.sha256)).decode()


def credentials_of(venue: str, seed: int) -> Credentials:
    """Return the key that the sandbox of a seed accepts."""
    key, secret, passphrase = (hashlib.sha512(f"{venue}/{seed}/{part}".encode()).digest() for part in ("key", "secret", "passphrase"))
    return Credentials(key=key.hex()[:32], secret=base64.b64encode(secret).decode(), passphrase=passphrase.hex()[:16])


def admit(call: ReceivedCall, credentials: Credentials, *, now: float, faults: tuple[Fault, ...]) -> None:
    """Let a signed call in at the venue's time `now` (seconds since 1970).

    Raises:
        Refused: 401 or 403, whichever check fails first.
    """
    key, sign, stamp, passphrase = (
        _header(call, name) for name in ("cb-access-key", "cb-access-sign", "cb-access-timestamp", "cb-access-passphrase")
    )
    if Fault.IP_REFUSED in faults:
        raise Refused(403, "IP does not match IP whitelist")
    if key != credentials.key or Fault.KEY_REVOKED in faults:
        raise Refused(401, "Invalid API Key")
    if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", stamp, re.ASCII) is None:
        raise Refused(401, "invalid timestamp")
    if abs(float(stamp) - now) > STAMP_SECONDS_MAX:
        raise Refused(401, "request timestamp expired")
    if passphrase != credentials.passphrase:
        raise Refused(401, "Invalid Passphrase")
    if not _is_signed(call, credentials.secret, sign=sign, stamp=stamp):
        raise Refused(401, "invalid signature", violation=ViolationKind.SIGNATURE_MISMATCH)
    if Fault.PERMISSION_LACKING in faults:
        raise Refused(403, "Forbidden")


def _is_signed(call: ReceivedCall, secret: str, *, sign: str, stamp: str) -> bool:
    expected = signature_of(secret=secret, timestamp=stamp, method=call.method, target=call.target, body=call.body)
    try:
        return hmac.compare_digest(base64.b64decode(sign, validate=True), base64.b64decode(expected))
    except (binascii.Error, ValueError):
        return False


def _header(call: ReceivedCall, name: str) -> str:
    found = call.headers.get(name)
    if not found:
        raise Refused(401, f"{name.upper()} header is required")
    return found
