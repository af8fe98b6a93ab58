"""Bytes as a source gave them: the source documents of the book."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ledger.domain.ids import AccountId, Hash, PayloadId, VenueName, content_hash, payload_id


class PayloadKind(StrEnum):
    """Where bytes came from."""

    PAGE = "page"  # one answer of a venue's API
    FILE = "file"  # one file of a user


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """One page or file, with all that is needed to interpret it again.

    `stream` and `symbol` say what was asked for (of a file: the format's name and an empty symbol). `request` is method,
    path and query without any secret (of a file: empty). `name` is the file's name without folder, or empty.
    `fetched_at` is our clock. `context` holds facts that the bytes lack (``{"asset": "BTC"}`` for a ledger page).
    """

    payload_id: PayloadId
    kind: PayloadKind
    venue: VenueName
    account: AccountId
    stream: str
    symbol: str
    request: str
    name: str
    content: bytes
    content_hash: Hash
    fetched_at: datetime
    context: tuple[tuple[str, str], ...] = ()


def page_payload(
    content: bytes,
    *,
    venue: VenueName,
    account: AccountId,
    stream: str,
    request: str,
    fetched_at: datetime,
    symbol: str = "",
    context: tuple[tuple[str, str], ...] = (),
) -> Payload:
    """Return the payload of one answer of a venue's API, its ids made from what it holds."""
    digest = content_hash(content)
    return Payload(
        payload_id=payload_id(account=account, request=request, content=digest),
        kind=PayloadKind.PAGE,
        venue=venue,
        account=account,
        stream=stream,
        symbol=symbol,
        request=request,
        name="",
        content=content,
        content_hash=digest,
        fetched_at=fetched_at,
        context=context,
    )
