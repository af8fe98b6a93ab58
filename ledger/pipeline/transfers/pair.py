"""Halves of transfers -> links between them; and a linked half -> the events that the law is told of.

Links are derived: they are made anew whenever a half, a decision or a setting is new, and the assets of those that differ are swept
anew. The law knows nothing of pairing. It is told of transfers whose both sides are known: from the sender to a place of the
transfer's own where its units are under way, and from there to the receiver when they arrive.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from operator import attrgetter

from ledger.domain.amount import ZERO, Amount, text_of
from ledger.domain.errors import InputError
from ledger.domain.event import Event, Transfer, assets_of
from ledger.domain.ids import AccountId, EventId, transit_account
from ledger.domain.transfers.pairing import PairingLimits, TransferLink
from ledger.journal.candidates import holder_of
from ledger.journal.pairing import Pairing, paired
from ledger.storage.store import Computation, Reader, Writer


def pairing_of(reader: Reader, limits: PairingLimits) -> Pairing:
    """Return what all halves of the book come to."""
    return paired(reader.half_transfers(), reader.pair_decisions(), limits)


def pairing_text(reader: Reader, limits: PairingLimits) -> str:
    """Return what pairs depend on besides the halves, as canonical JSON."""
    return json.dumps(
        {
            "decisions": reader.pair_decision_seq_last(),
            "skew": limits.skew.total_seconds(),
            "tolerance": text_of(limits.tolerance),
            "tolerance_share": text_of(limits.tolerance_share),
            "window": limits.window.total_seconds(),
        },
        sort_keys=True,
        separators=(",", ":"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """What became of the links: the pairing that they are of, and the assets of which lots are to be carried otherwise.

    `since` is the earliest instant of the halves of links that changed; None: none did.
    """

    pairing: Pairing
    assets: frozenset[str]
    since: datetime | None


def renew_links(writer: Writer, limits: PairingLimits) -> Renewal:
    """Bring the stored links up to date."""
    pairing = pairing_of(writer, limits)
    before, now = set(writer.transfer_links()), set(pairing.links())
    gone, new = before - now, now - before
    if gone or new:
        ordered = attrgetter("withdrawal", "deposit")
        writer.replace_links(sorted(gone, key=ordered), sorted(new, key=ordered))
    halves = _halves_of(pairing)
    # A half that a better telling has replaced is not among them: it is a change of its own.
    moments = (halves[half].occurred_at for link in gone | new for half in (link.withdrawal, link.deposit) if half in halves)
    return Renewal(pairing=pairing, assets=frozenset(_assets_of(gone | new, halves)), since=min(moments, default=None))


def is_linked(reader: Reader, computed: Computation, limits: PairingLimits) -> bool:
    """Tell whether the stored links are those of all halves, decisions and limits."""
    return computed.pairing == pairing_text(reader, limits) and computed.event_seq == reader.event_seq_last()


def _halves_of(pairing: Pairing) -> dict[EventId, Transfer]:
    paired_halves = (half for pair in pairing.pairs for half in pair.halves)
    return {half.event_id: half for half in (*paired_halves, *(one.half for one in pairing.waiting), *pairing.dismissed)}


def _assets_of(links: Iterable[TransferLink], halves: Mapping[EventId, Transfer]) -> set[str]:
    assets: set[str] = set()
    for link in links:
        assets.add(link.asset)
        for half in (link.withdrawal, link.deposit):
            if half in halves:  # else a better telling has replaced it, and its assets are stale by that
                assets |= set(assets_of(halves[half]))
    return assets


# --- what the law is told --------------------------------------------------------------------------------------------


class Routes:
    """Where the units of linked halves come from and go to."""

    def __init__(self, links: Sequence[TransferLink], halves: Mapping[EventId, Transfer]) -> None:
        self._halves = halves
        self._out: defaultdict[EventId, list[TransferLink]] = defaultdict(list)
        self._in: defaultdict[EventId, list[TransferLink]] = defaultdict(list)
        known = [link for link in links if {link.withdrawal, link.deposit} <= halves.keys()]
        for link in sorted(known, key=lambda link: (halves[link.deposit].occurred_at, link.deposit, link.withdrawal)):
            self._out[link.withdrawal].append(link)
            self._in[link.deposit].append(link)

    @classmethod
    def of_pairing(cls, pairing: Pairing) -> "Routes":
        """Return the routes of pairs just made."""
        return cls(pairing.links(), _halves_of(pairing))

    def told(self, event: Event) -> tuple[Event, ...]:
        """Return the events that stand for `event` before the law: itself, but of a linked half one for each of its parts."""
        if type(event) is Transfer:
            if event.event_id in self._out:
                return tuple(self._sent(event, self._out[event.event_id]))
            if event.event_id in self._in:
                return tuple(self._arrived(event, self._in[event.event_id]))
        return (event,)

    def _sent(self, event: Transfer, links: Sequence[TransferLink]) -> Iterable[Transfer]:
        parts = [_part(event, to_account=self._transit(link), quantity=link.quantity) for link in links if not link.at_once]
        if event.fee is not None:  # it stays with units that it was paid for, where some leave now
            last = parts.pop() if parts else replace(event, amount=_none_of(event))
            parts.append(replace(last, fee=event.fee, fee_value=event.fee_value))
        yield from parts
        lost = max(link.lost for link in links)
        if lost:  # DECISIONS: lost-on-the-way
            yield replace(event, amount=_none_of(event), fee=Amount(quantity=lost, asset=event.amount.asset), fee_value=None)

    def _arrived(self, event: Transfer, links: Sequence[TransferLink]) -> Iterable[Transfer]:
        for link in links:
            if link.at_once:  # DECISIONS: transfer-instants
                sent = self._halves[link.withdrawal]
                known = _part(event, from_account=holder_of(sent), quantity=link.quantity)
                # An election of lots names the withdrawal.
                yield replace(known, source_id=sent.source_id, order_id=sent.order_id, client_order_id=sent.client_order_id, bot=sent.bot)
            else:
                yield _part(event, from_account=self._transit(link), quantity=link.quantity)
        if event.fee is not None:
            yield replace(event, amount=_none_of(event))

    def _transit(self, link: TransferLink) -> AccountId:
        sent, arrived = self._halves[link.withdrawal], self._halves[link.deposit]
        own = link.withdrawal if len(self._out[link.withdrawal]) == 1 else link.deposit
        return transit_account(holder_of(sent), holder_of(arrived), own)


def routes_of(reader: Reader) -> Routes:
    """Return the routes by which the stored lots were carried."""
    links = reader.transfer_links()
    return Routes(links, {half.event_id: half for half in reader.half_transfers()} if links else {})


def _part(event: Transfer, *, quantity: Decimal, from_account: AccountId | None = None, to_account: AccountId | None = None) -> Transfer:
    """Return the units of one link as a transfer of which both sides are known, without the fee, which is told once."""
    return replace(
        event,
        from_account=from_account or event.from_account,
        to_account=to_account or event.to_account,
        amount=Amount(quantity=quantity, asset=event.amount.asset),
        fee=None,
        fee_value=None,
    )


def _none_of(event: Transfer) -> Amount:
    return Amount(quantity=ZERO, asset=event.amount.asset)


# --- naming halves ---------------------------------------------------------------------------------------------------


def half_named(pairing: Pairing, ident: str) -> Transfer:
    """Return the half that a user means: by the beginning of its event id, or by ``account/id`` as its source has it.

    Raises:
        InputError: when there is none, or several.
    """
    halves = _halves_of(pairing)
    found = [half for half in halves.values() if ident and (half.event_id.startswith(ident) or _source_of(half) == ident)]
    if not found:
        raise InputError(
            f"no half of a transfer has the id {ident!r}", mend="take an id, or ACCOUNT/SOURCE-ID, from lotwright transfers list --all"
        )
    if len(found) > 1:
        named = ", ".join(sorted(f"{half.event_id[:16]} ({_source_of(half)})" for half in found[:5]))
        raise InputError(f"{ident!r} is the beginning of {len(found)} halves: {named}", mend="write more of the id")
    return found[0]


def _source_of(half: Transfer) -> str:
    return f"{holder_of(half)}/{half.source_id}"
