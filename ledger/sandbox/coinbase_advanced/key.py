"""Who may come in at Coinbase Advanced Trade: the keys that a seed stands for, and the sandbox's own check of a token.

Source: the venue's page of CDP API key authentication; RFC 7515 and RFC 8037. No code is shared with a connector.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from ledger.sandbox.calls import Answer, Credentials, JsonValue, ReceivedCall, ViolationKind, json_answer
from ledger.sandbox.faults import Fault

LIFE_SECONDS_MAX: Final = 120
_CLOCKS_APART_SECONDS: Final = 1  # a token counts whole seconds
_ISSUERS: Final = frozenset({"cdp", "coinbase-cloud"})  # the second is what older clients write
_ORDER_OF_P256: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_COORDINATE_BYTES: Final = 32

PublicKey = EllipticCurvePublicKey | Ed25519PublicKey


class Refused(Exception):
    """A call that ends with another status than 200, and with the venue's words for it."""

    def __init__(self, status: int, content: JsonValue, *, violation: ViolationKind | None = None) -> None:
        super().__init__(str(content))
        self.answer = json_answer(content, status=status, violation=violation)


class Unauthorized(Refused):
    """A call without a good token: 401 in plain text, without a reason."""

    def __init__(self, *, violation: ViolationKind | None = None) -> None:
        super().__init__(401, "Unauthorized")
        self.answer = Answer(status=401, body=b"Unauthorized\n", content_type="text/plain; charset=utf-8", violation=violation)


def invalid(words: str) -> Refused:
    """Return 400 in the words of v3."""
    return Refused(400, {"error": "INVALID_ARGUMENT", "code": 3, "error_details": words, "message": words})


def not_found(words: str = "not found") -> Refused:
    """Return 404 in the words of v3."""
    return Refused(404, {"error": "NOT_FOUND", "code": 5, "error_details": words, "message": words})


def _denied(words: str) -> Refused:
    return Refused(403, {"error": "PERMISSION_DENIED", "code": 7, "error_details": words, "message": words})


# --- the keys of a seed ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """The keys that a sandbox accepts: one of the curve P-256, which it hands out, and one of Ed25519."""

    credentials: Credentials
    ed25519: Credentials
    public_keys: Mapping[str, PublicKey]


def key_ring_of(venue: str, seed: int) -> KeyRing:
    """Return the keys that the sandbox of a seed accepts."""
    curve = derive_private_key(int.from_bytes(_drawn(venue, seed, "p-256")) % (_ORDER_OF_P256 - 1) + 1, SECP256R1())
    edwards_seed = _drawn(venue, seed, "ed25519")[:32]
    edwards = Ed25519PrivateKey.from_private_bytes(edwards_seed)
    curve_name = f"organizations/{_uuid(venue, seed, 'organization')}/apiKeys/{_uuid(venue, seed, 'key')}"
    edwards_name = _uuid(venue, seed, "ed25519 key")
    pem = curve.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    public = edwards.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return KeyRing(
        credentials=Credentials(key=curve_name, secret=pem),
        ed25519=Credentials(key=edwards_name, secret=base64.b64encode(edwards_seed + public).decode()),
        public_keys={curve_name: curve.public_key(), edwards_name: edwards.public_key()},
    )


def _drawn(venue: str, seed: int, part: str) -> bytes:
    return hashlib.sha512(f"{venue}/{seed}/{part}".encode()).digest()


def _uuid(venue: str, seed: int, part: str) -> str:
    return str(UUID(bytes=_drawn(venue, seed, part)[:16], version=4))


# --- the check of a token ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token taken apart: header, claims, the bytes signed, the signature."""

    header: Mapping[str, object]
    claims: Mapping[str, object]
    message: bytes
    signature: bytes


def token_in(text: str) -> Token:
    """Take a token apart.

    Raises:
        Unauthorized: when it is none.
    """
    parts = text.split(".")
    try:
        header, claims, signature = (_decoded(part) for part in parts)
        said = json.loads(header), json.loads(claims)
    except (ValueError, RecursionError):
        raise Unauthorized from None
    if not all(isinstance(part, dict) for part in said):
        raise Unauthorized
    return Token(header=said[0], claims=said[1], message=".".join(parts[:2]).encode(), signature=signature)


def _decoded(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except binascii.Error as refused:
        raise ValueError(part) from refused


def is_signed(token: Token, public_key: PublicKey) -> bool:
    """Tell whether a token bears the signature of a key, by the algorithm that goes with the key."""
    alg = "EdDSA" if isinstance(public_key, Ed25519PublicKey) else "ES256"
    if token.header.get("alg") != alg:
        return False
    try:
        if isinstance(public_key, Ed25519PublicKey):
            public_key.verify(token.signature, token.message)
        else:
            public_key.verify(_der(token.signature), token.message, ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def _der(signature: bytes) -> bytes:
    if len(signature) != 2 * _COORDINATE_BYTES:
        raise ValueError(signature)
    one, other = signature[:_COORDINATE_BYTES], signature[_COORDINATE_BYTES:]
    return encode_dss_signature(int.from_bytes(one), int.from_bytes(other))


class Gate:
    """Lets calls in by their tokens, each once."""

    def __init__(self, key_ring: KeyRing) -> None:
        self._public_keys = key_ring.public_keys
        self._nonces: set[str] = set()

    def admit(self, call: ReceivedCall, *, now: float, faults: tuple[Fault, ...]) -> None:
        """Let a call in at the venue's time `now` (seconds since 1970).

        Raises:
            Refused: 401 or 403, whichever check fails first.
        """
        if Fault.IP_REFUSED in faults:
            raise _denied("request from this address is not allowed")
        scheme, _, text = call.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or Fault.KEY_REVOKED in faults:
            raise Unauthorized
        token = self._known(token_in(text))
        if not self._bears_signature(token) or not _is_for(token, call):
            raise Unauthorized(violation=ViolationKind.SIGNATURE_MISMATCH)
        _check_claims(token, now=now)
        self._use_up(token)
        if Fault.PERMISSION_LACKING in faults:
            raise _denied("missing required scopes")

    def admit_subscription(self, text: str, *, now: float, faults: tuple[Fault, ...]) -> None:
        """Let a subscription of a socket in: its token is made for no call, and some clients use one for several subscriptions.

        Raises:
            Refused: 401 or 403, whichever check fails first.
        """
        if Fault.IP_REFUSED in faults or Fault.PERMISSION_LACKING in faults:
            raise _denied("missing required scopes")
        if Fault.KEY_REVOKED in faults or Fault.TOKEN_EXPIRED in faults:
            raise Unauthorized
        token = self._known(token_in(text))
        if not self._bears_signature(token) or "uri" in token.claims or "uris" in token.claims:
            raise Unauthorized(violation=ViolationKind.SIGNATURE_MISMATCH)
        _check_claims(token, now=now)

    def _known(self, token: Token) -> Token:
        if str(token.header.get("kid")) not in self._public_keys or token.claims.get("sub") != token.header["kid"]:
            raise Unauthorized
        return token

    def _bears_signature(self, token: Token) -> bool:
        return is_signed(token, self._public_keys[str(token.header["kid"])])

    def _use_up(self, token: Token) -> None:
        nonce = str(token.header["nonce"])
        if nonce in self._nonces:
            raise Unauthorized
        self._nonces.add(nonce)


def _check_claims(token: Token, *, now: float) -> None:
    nbf, exp, nonce = token.claims.get("nbf"), token.claims.get("exp"), token.header.get("nonce")
    if token.claims.get("iss") not in _ISSUERS or not isinstance(nbf, int) or not isinstance(exp, int):
        raise Unauthorized
    if nbf > now + _CLOCKS_APART_SECONDS or exp <= now or exp - nbf > LIFE_SECONDS_MAX:
        raise Unauthorized
    if not isinstance(nonce, str) or not nonce:
        raise Unauthorized


def _is_for(token: Token, call: ReceivedCall) -> bool:
    """Tell whether a token was made for this call: method, host and path, without scheme and query."""
    asked = f"{call.method} {call.headers.get('host', '')}{call.target.partition('?')[0]}"
    uris = token.claims.get("uris", [token.claims.get("uri")])
    told = uris[0] if isinstance(uris, list) and len(uris) == 1 else None
    return isinstance(told, str) and told.replace(" http://", " ", 1) == asked  # some clients only know how to leave out https
