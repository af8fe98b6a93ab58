"""Who may come in at Kraken: the key that a seed stands for, and the sandbox's own check of signature and nonce.

Source: the venue's guide to authentication of spot REST calls. No code is shared with a connector. An error has status 200.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from ledger.sandbox.calls import Credentials, ReceivedCall, ViolationKind, json_answer
from ledger.sandbox.faults import Fault

TOKEN_SECONDS: Final = 900
_ANOTHER_PROCESS: Final = 2_000_000  # by how much a nonce of somebody else is ahead


class Refused(Exception):
    """A call that ends with an error in the venue's words."""

    def __init__(self, words: str, *, violation: ViolationKind | None = None) -> None:
        super().__init__(words)
        self.answer = json_answer({"error": [words]}, violation=violation)


def credentials_of(venue: str, seed: int) -> Credentials:
    """Return the key that the sandbox of a seed accepts; it has no passphrase."""
    key, secret = (hashlib.sha512(f"{venue}/{seed}/{part}".encode()).digest() for part in ("key", "secret"))
    return Credentials(key=base64.b64encode(key[:42]).decode(), secret=base64.b64encode(secret).decode())


def signature_of(*, secret: str, path: str, nonce: str, body: bytes) -> str:
    """Return base64(HMAC-SHA512(base64-decoded secret, path + SHA256(nonce + body)))."""
    inner = hashlib.sha256(nonce.encode() + body).digest()
    outer = hmac.new(base64.b64decode(secret), path.encode("utf-8", "surrogateescape") + inner, hashlib.sha512)
    return base64.b64encode(outer.digest()).decode()


def form_of(call: ReceivedCall) -> Mapping[str, str]:
    """Return what the body asks for, of a form or of a JSON object; nothing when it is neither."""
    if call.headers.get("content-type", "").startswith("application/json"):
        try:
            said = json.loads(call.body)
        except ValueError:
            return {}
        return {name: str(cell) for name, cell in said.items()} if isinstance(said, dict) else {}
    return dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))


class Tokens:
    """Tokens for sockets, as they are given out: each can be used for 900 seconds."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._ends: dict[str, float] = {}

    def issue(self, *, now: float) -> str:
        """Return a new token at the venue's time `now` (seconds since 1970)."""
        digest = hashlib.sha256(f"{self._seed}/token/{len(self._ends)}".encode()).digest()
        token = base64.b64encode(digest).decode()
        self._ends[token] = now + TOKEN_SECONDS
        return token

    def is_good(self, token: str, *, now: float) -> bool:
        """Tell whether a token was given out no longer ago than it lives."""
        return now <= self._ends.get(token, 0.0)


class Gate:
    """Lets signed calls in, each with a nonce above the highest one so far less the key's window."""

    def __init__(self, credentials: Credentials, *, nonce_window: int = 0) -> None:
        self._credentials = credentials
        self._nonce_window = nonce_window
        self._highest_nonce = 0

    def admit(self, call: ReceivedCall, faults: tuple[Fault, ...]) -> None:
        """Let a call in.

        Raises:
            Refused: whichever check fails first.
        """
        nonce = form_of(call).get("nonce", "")
        if call.headers.get("api-key") != self._credentials.key or Fault.KEY_REVOKED in faults:
            raise Refused("EAPI:Invalid key")
        if not nonce.isdecimal() or not nonce.isascii() or not 0 < int(nonce) < 2**64:
            raise Refused("EAPI:Invalid nonce")
        if not self._is_signed(call, nonce):
            raise Refused("EAPI:Invalid signature", violation=ViolationKind.SIGNATURE_MISMATCH)
        if Fault.NONCE_USED in faults:
            self._highest_nonce = max(self._highest_nonce, int(nonce) + self._nonce_window + _ANOTHER_PROCESS)
        if int(nonce) <= self._highest_nonce - self._nonce_window:
            raise Refused("EAPI:Invalid nonce")
        self._highest_nonce = max(self._highest_nonce, int(nonce))
        if Fault.IP_REFUSED in faults or Fault.PERMISSION_LACKING in faults:
            raise Refused("EGeneral:Permission denied")

    def _is_signed(self, call: ReceivedCall, nonce: str) -> bool:
        expected = signature_of(secret=self._credentials.secret, path=call.target, nonce=nonce, body=call.body)
        try:
            given = base64.b64decode(call.headers.get("api-sign", ""), validate=True)
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(given, base64.b64decode(expected))
