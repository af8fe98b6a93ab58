"""Who may come in at Binance: the keys that a seed stands for, and the sandbox's own check of a signature.

Source: the venue's REST reference, request security and error codes. No code is shared with a connector.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import unquote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ledger.sandbox.binance.rsa_pair import rsa_key_of
from ledger.sandbox.calls import Credentials, ReceivedCall, ViolationKind, json_answer
from ledger.sandbox.faults import Fault

_WINDOW_DEFAULT: Final = 5000.0  # milliseconds
_WINDOW_MAX: Final = 60_000.0
_AHEAD_MAX: Final = 1000
_MICROSECONDS_FROM: Final = 10**14
_SIGNATURE: Final = b"signature="
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
    return Credentials(key=_key_of(venue, seed, "ed25519"), secret=_pem_of(_private_key(venue, seed)))


def rsa_credentials_of(venue: str, seed: int) -> Credentials:
    """Return the RSA key that the sandbox of a seed accepts besides; its secret is PKCS#8 PEM."""
    return Credentials(key=_key_of(venue, seed, "rsa"), secret=_pem_of(rsa_key_of(f"{venue}/{seed}/rsa")))


KEY_KINDS: Final[Mapping[str, Callable[[str, int], Credentials]]] = {
    "hmac": credentials_of,
    "ed25519": ed25519_credentials_of,
    "rsa": rsa_credentials_of,
}


def _key_of(venue: str, seed: int, kind: str) -> str:
    return hashlib.sha512(f"{venue}/{seed}/{kind} key".encode()).hexdigest()[:64]


def _pem_of(key: Ed25519PrivateKey | RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _private_key(venue: str, seed: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"{venue}/{seed}/ed25519".encode()).digest())


class Gate:
    """Lets signed calls of one account in."""

    def __init__(self, venue: str, seed: int) -> None:
        self.credentials = credentials_of(venue, seed)
        self._seed = f"{venue}/{seed}"
        self._ed25519_key, self._rsa_key = (_key_of(venue, seed, kind) for kind in ("ed25519", "rsa"))
        self._public = _private_key(venue, seed).public_key()

    def admit(self, call: ReceivedCall, *, now: float, faults: tuple[Fault, ...]) -> None:
        """Let a signed call in at the venue's time `now` (seconds since 1970).

        Raises:
            Refused: 400 or 401, whichever check fails first.
        """
        key = call.headers.get("x-mbx-apikey", "")
        self._check_key(key, faults)
        asked = with_parameters_of_body(call).query
        _check_presence(asked)
        _check_time(asked["timestamp"], asked.get("recvWindow"), now=now)
        payload, signature = signed_part(call.target, call.body)
        if _ENCODED.fullmatch(payload.decode("utf-8", "replace")) is None or not self._is_signed(payload, signature, key):
            raise _not_signed()

    def admit_key(self, call: ReceivedCall, *, faults: tuple[Fault, ...]) -> None:
        """Let a call in that needs a key and no signature.

        Raises:
            Refused: 401.
        """
        self._check_key(call.headers.get("x-mbx-apikey", ""), faults)

    def admit_request(self, params: Mapping[str, str], *, now: float, faults: tuple[Fault, ...]) -> None:
        """Let a signed request of a socket in; what is signed are its parameters in the order of the alphabet.

        Raises:
            Refused: 400 or 401, whichever check fails first.
        """
        key = params.get("apiKey", "")
        self._check_key(key, faults)
        _check_presence(params)
        _check_time(params["timestamp"], params.get("recvWindow"), now=now)
        payload = "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "signature")
        if not self._is_signed(payload.encode("utf-8", "surrogatepass"), params["signature"], key):
            raise _not_signed()

    def check_can_log_on(self, key: str) -> None:
        """Let only an Ed25519 key log on for a whole session.

        Raises:
            Refused: for a key of another kind.
        """
        kinds = {self.credentials.key: "HMAC_SHA256", self._rsa_key: "RSA"}
        if key in kinds:
            raise Refused(-4056, f"{kinds[key]} API key is not supported.")

    def _check_key(self, key: str, faults: tuple[Fault, ...]) -> None:
        if not re.fullmatch("[A-Za-z0-9]{64}", key, re.ASCII):
            raise Refused(-2014, "API-key format invalid.", status=401)
        known = {self.credentials.key, self._ed25519_key, self._rsa_key}
        if key not in known or any(fault in faults for fault in (Fault.KEY_REVOKED, Fault.IP_REFUSED, Fault.PERMISSION_LACKING)):
            raise denied()

    def _is_signed(self, payload: bytes, signature: str, key: str) -> bool:
        if key == self.credentials.key:
            expected = hmac.new(self.credentials.secret.encode(), payload, hashlib.sha256).hexdigest()
            return hmac.compare_digest(expected.encode(), signature.lower().encode("utf-8", "replace"))
        try:
            given = base64.b64decode(signature, validate=True)
            if key == self._rsa_key:
                rsa_key_of(f"{self._seed}/rsa").public_key().verify(given, payload, PKCS1v15(), SHA256())
            else:
                self._public.verify(given, payload)
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


def denied() -> Refused:
    """Return 401: the key may not do this."""
    return Refused(-2015, "Invalid API-key, IP, or permissions for action.", status=401)


def _not_signed() -> Refused:
    return Refused(-1022, "Signature for this request is not valid.", violation=ViolationKind.SIGNATURE_MISMATCH)


def _check_presence(params: Mapping[str, str]) -> None:
    for name in ("timestamp", "signature"):
        if not params.get(name):
            raise Refused(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def with_parameters_of_body(call: ReceivedCall) -> ReceivedCall:
    """Return a call as if all its parameters stood in the query; of one that stands in both places that of the query counts."""
    if not call.body:
        return call
    path, _, query = call.target.partition("?")
    parameters = "&".join(part for part in (call.body.decode("utf-8", "replace"), query) if part)
    return replace(call, target=f"{path}?{parameters}", body=b"")


def signed_part(target: str, body: bytes) -> tuple[bytes, str]:
    """Return the bytes that were to be signed and the signature, decoded.

    Signed is the query followed by the body with nothing between, both without the signature, wherever in them it stands.
    """
    query = target.partition("?")[2].encode("utf-8", "surrogateescape")
    found = [part for place in (query, body) for part in place.split(b"&") if part.startswith(_SIGNATURE)]
    signed = (b"&".join(part for part in place.split(b"&") if not part.startswith(_SIGNATURE)) for place in (query, body))
    signature = found[0].removeprefix(_SIGNATURE).decode("utf-8", "replace") if found else ""
    return b"".join(signed), unquote(signature)


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
