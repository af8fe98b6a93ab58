"""Who may come in at Binance: the keys that a seed stands for, and the sandbox's own check of a signature.

Source: the venue's REST reference, request security and error codes. No code is shared with a connector.
"""

import base64
import binascii
import hashlib
import hmac
import re
from typing import Final
from urllib.parse import unquote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ledger.sandbox.calls import Credentials, ReceivedCall, ViolationKind, json_answer
from ledger.sandbox.faults import Fault

_WINDOW_DEFAULT: Final = 5000.0  # milliseconds
_WINDOW_MAX: Final = 60_000.0
_AHEAD_MAX: Final = 1000
_MICROSECONDS_FROM: Final = 10**14
_ENCODED: Final = re.compile(r"(?:[A-Za-z0-9\-._~!$'()*+,;:@/?&=]|%[0-9A-Fa-f]{2})*", re.ASCII)


class Refused(Exception):
    """A call that ends with another status than 200, and with the venue's code and words for it."""

    def __init__(self, code: int, message: str, *, status: int = 400, violation: ViolationKind | None = None) -> None:
        super().__init__(message)
        self.answer = json_answer({"code": code, "msg": message}, status=status, violation=violation)


def credentials_of(venue: str, seed: int) -> Credentials:
    """Return the HMAC key that the sandbox of a seed accepts."""
    key, secret = (hashlib.sha512(f"{venue}/{seed}/{part}".encode()).hexdigest()[:64] for part in ("key", "secret"))
    return Credentials(key=key, secret=secret)


def ed25519_credentials_of(venue: str, seed: int) -> Credentials:
    """Return the Ed25519 key that the sandbox of a seed accepts besides; its secret is PKCS#8 PEM."""
    key = hashlib.sha512(f"{venue}/{seed}/ed25519 key".encode()).hexdigest()[:64]
    text = _private_key(venue, seed).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Credentials(key=key, secret=text.decode())


def _private_key(venue: str, seed: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"{venue}/{seed}/ed25519".encode()).digest())


class Gate:
    """Lets signed calls of one account in."""

    def __init__(self, venue: str, seed: int) -> None:
        self.credentials = credentials_of(venue, seed)
        self._ed25519_key = ed25519_credentials_of(venue, seed).key
        self._public = _private_key(venue, seed).public_key()

    def admit(self, call: ReceivedCall, *, now: float, faults: tuple[Fault, ...]) -> None:
        """Let a signed call in at the venue's time `now` (seconds since 1970).

        Raises:
            Refused: 400 or 401, whichever check fails first.
        """
        key = call.headers.get("x-mbx-apikey", "")
        if not re.fullmatch("[A-Za-z0-9]{64}", key, re.ASCII):
            raise Refused(-2014, "API-key format invalid.", status=401)
        known = {self.credentials.key, self._ed25519_key}
        if key not in known or any(fault in faults for fault in (Fault.KEY_REVOKED, Fault.IP_REFUSED, Fault.PERMISSION_LACKING)):
            raise Refused(-2015, "Invalid API-key, IP, or permissions for action.", status=401)
        query = call.query
        if not query.get("timestamp"):
            raise Refused(-1102, "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed.")
        if not query.get("signature"):
            raise Refused(-1102, "Mandatory parameter 'signature' was not sent, was empty/null, or malformed.")
        _check_time(query["timestamp"], query.get("recvWindow"), now=now)
        if not self._is_signed(call, key):
            message = "Signature for this request is not valid."
            raise Refused(-1022, message, violation=ViolationKind.SIGNATURE_MISMATCH)

    def _is_signed(self, call: ReceivedCall, key: str) -> bool:
        payload, signature = signed_part(call.target, call.body)
        if _ENCODED.fullmatch(payload.decode("utf-8", "replace")) is None:
            return False
        if key == self.credentials.key:
            expected = hmac.new(self.credentials.secret.encode(), payload, hashlib.sha256).hexdigest()
            return hmac.compare_digest(expected.encode(), signature.lower().encode())
        try:
            self._public.verify(base64.b64decode(signature, validate=True), payload)
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


def signed_part(target: str, body: bytes) -> tuple[bytes, str]:
    """Return the bytes that were to be signed (query without its signature, then body) and the signature, decoded."""
    parts = target.partition("?")[2].split("&")
    signature = next((part.removeprefix("signature=") for part in parts if part.startswith("signature=")), "")
    query = "&".join(part for part in parts if not part.startswith("signature="))
    return query.encode("utf-8", "surrogateescape") + body, unquote(signature)


def _check_time(stamp: str, window: str | None, *, now: float) -> None:
    if not stamp.isdecimal() or not stamp.isascii():
        raise Refused(-1102, "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed.")
    milliseconds = int(stamp) / 1000 if int(stamp) >= _MICROSECONDS_FROM else float(stamp)
    allowed = _WINDOW_DEFAULT
    if window is not None:
        if re.fullmatch(r"\d{1,5}(\.\d{1,3})?", window, re.ASCII) is None or float(window) > _WINDOW_MAX:
            raise Refused(-1131, "recvWindow must be less than 60000.")
        allowed = float(window)
    if milliseconds >= now * 1000 + _AHEAD_MAX:
        raise Refused(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now * 1000 - milliseconds > allowed:
        raise Refused(-1021, "Timestamp for this request is outside of the recvWindow.")
