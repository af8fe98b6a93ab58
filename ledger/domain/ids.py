"""One NewType per identity, and how each id is derived from content.

Ids come from content, never from a counter or a clock: the same history gives the same ids in whatever order it arrives.
"""

import hashlib
from dataclasses import dataclass
from typing import NewType

VenueName = NewType("VenueName", str)
AccountId = NewType("AccountId", str)  # a connection's name, or the `account` of a file
WalletId = NewType("WalletId", str)
BotId = NewType("BotId", str)
OrderId = NewType("OrderId", str)
SourceId = NewType("SourceId", str)  # the venue's or the file's own id of a row
EventId = NewType("EventId", str)
PayloadId = NewType("PayloadId", str)
EntryId = NewType("EntryId", str)
LotId = NewType("LotId", str)
DisposalId = NewType("DisposalId", str)
ElectionId = NewType("ElectionId", str)
StatementRowId = NewType("StatementRowId", str)  # a row of a broker's statement
AllocationId = NewType("AllocationId", str)
Hash = NewType("Hash", str)  # SHA-256, lower-case hexadecimal, 64 characters

IN_TRANSIT = WalletId("(in transit)")  # lots that left one wallet and have not been seen to arrive in another

_SEPARATOR = "\x1f"
_ID_DIGITS = 32  # 128 bits: no collision to fear below 1e18 events
_SHORT_DIGITS = 16


def transit_account(sender: AccountId, receiver: AccountId, event: EventId) -> AccountId:
    """Return the place where the units of one transfer are while they are under way; each has its own, so that lots never mix.

    >>> transit_account(AccountId("main"), AccountId("vault"), EventId("1f6b2d3c4e5f60718293a4b5c6d7e8f9"))
    '(in transit) main -> vault #1f6b2d3c4e5f6071'
    """
    return AccountId(f"{IN_TRANSIT} {sender} -> {receiver} #{event[:_SHORT_DIGITS]}")


def is_in_transit(place: WalletId | AccountId) -> bool:
    """Tell whether units in a wallet or account are on their way to another."""
    return place.startswith(IN_TRANSIT)


def hash_of(*parts: str) -> Hash:
    """Return the SHA-256 of the parts, joined by the ASCII unit separator."""
    return Hash(hashlib.sha256(_SEPARATOR.join(parts).encode()).hexdigest())


def content_hash(content: bytes) -> Hash:
    """Return the SHA-256 of bytes as received."""
    return Hash(hashlib.sha256(content).hexdigest())


def event_id(*, venue: VenueName, account: AccountId, product_line: str, kind: str, scope: str, source_id: str) -> EventId:
    """Return the id of what happened, equal for every source that tells of it.

    `product_line` is ``spot`` for now. `scope` is the symbol, side or other part within which the venue's ids are
    unique; empty where they are unique in the account.
    """
    return EventId(hash_of(venue, account, product_line, kind, scope, source_id)[:_ID_DIGITS])


@dataclass(frozen=True, slots=True, kw_only=True)
class IdScope:
    """What a venue's ids of one kind of record are unique within: declared once a venue and kind, and never changed.

    `kind` is that of the event. `within` holds the parts of the scope in braces (``{market}/{side}``), beside words that keep two lists
    of the venue apart; empty: its ids are unique in the account. Another scope would make another event of every record.

    >>> IdScope(kind="fill", within="{market}/{side}").scope_of(market="ETHBTC", side="buy")
    'ETHBTC/buy'
    """

    kind: str
    within: str = ""
    product_line: str = "spot"

    def scope_of(self, **parts: str) -> str:
        """Return the scope of one record; `parts` are those that `within` names."""
        return self.within.format_map(parts)

    def id_of(self, *, venue: VenueName, account: AccountId, source_id: str, **parts: str) -> EventId:
        """Return the id of the event that a record tells of; `source_id` is the venue's own."""
        scope = self.scope_of(**parts)
        return event_id(venue=venue, account=account, product_line=self.product_line, kind=self.kind, scope=scope, source_id=source_id)


COINBASE_FILL = IdScope(kind="fill", within="{product}/{side}")  # of Coinbase Exchange, by API and by the export of its fills


def coinbase_fill_id(*, account: AccountId, product: str, side: str, trade_id: str) -> EventId:
    """Return the id of a Coinbase Exchange fill, the same for the venue's API and for the export of its fills.

    Trade ids are unique per product. `side` is ``buy`` or ``sell``: a self-trade gives one row of each under one trade id,
    and the export has no order id that could keep them apart.
    """
    venue = VenueName("coinbase-exchange")
    return COINBASE_FILL.id_of(venue=venue, account=account, source_id=trade_id, product=product, side=side)


def payload_id(*, account: AccountId, request: str, content: Hash) -> PayloadId:
    """Return the id of bytes received in answer to one request, or read from one file (`request` empty)."""
    return PayloadId("P-" + hash_of(account, request, content)[:_ID_DIGITS])


def entry_id(event: EventId, *, revision: int, reversal: bool = False) -> EntryId:
    """Return the id of the journal entry that books one revision of an event, or that reverses it."""
    return EntryId(f"E-{event[:_SHORT_DIGITS]}-{revision}{'r' if reversal else ''}")


def lot_id(event: EventId, leg: int) -> LotId:
    """Return the id of the lot that leg `leg` of an event acquired."""
    return LotId(f"L-{event[:_SHORT_DIGITS]}-{leg}")


def pool_id(asset: str, wallet: WalletId | None) -> LotId:
    """Return the id under which a pool of averaged units stands among the lots; `wallet` None: the pool of all wallets.

    It ends in 0, which no leg does.
    """
    return LotId(f"L-{hash_of('pool', asset, wallet or '')[:_SHORT_DIGITS]}-0")


def disposal_id(event: EventId, leg: int) -> DisposalId:
    """Return the id of the disposal that leg `leg` of an event is."""
    return DisposalId(f"D-{event[:_SHORT_DIGITS]}-{leg}")
