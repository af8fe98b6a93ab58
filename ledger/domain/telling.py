"""Two tellings of one event, by two sources or by one source twice: which facts are kept, and where they contradict each other."""

from dataclasses import dataclass, replace
from decimal import Decimal

from ledger.domain.amount import Amount
from ledger.domain.event import Event, Fill, Opening, SourceRank, Transfer
from ledger.domain.event_text import body_of, body_text, facts_hash
from ledger.domain.transfers.coming_back import come_back

# Facts that a source may leave open and tell later; names of one group are told together.
_TOLD_LATER = (
    ("value",),
    ("fee_value",),
    ("cost_basis",),
    ("acquired_at", "acquired_day"),
    ("evidence",),
    ("controlled_at",),
    ("chain_hash",),
    ("address",),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What comes of a second telling of a known event.

    `event` is the event to keep from now on, None when the known one stays. `conflicts` names the facts in which the two
    contradict each other; then nothing changes and a person must look.
    """

    event: Event | None = None
    conflicts: tuple[str, ...] = ()


# What a source may tell otherwise of an event later on. With another kind, side, asset, instant or order it is another event.
_CORRECTABLE = frozenset({"base", "quote", "amount", "fee", "value", "fee_value", "chain_hash", "address"})
_LEGS = ("base", "quote", "amount")


def told_again(known: Event, told: Event, *, is_newer_word: bool = False) -> Telling:
    """Compare two tellings of one event (same `event_id`) and say which facts to keep.

    A venue's own later word replaces a provisional one. Otherwise the source of the higher rank gives the facts, provided that
    the lower one agrees as far as it goes: numbers to its own decimals, instants to its own seconds or milliseconds, absent facts not
    at all.
    A provisional word of a lower rank contradicts nothing, it only completes. What only one of them knows is kept, whichever came
    first: orders, sequence, bot, note, values, cost and date of acquisition. Two halves of a fill become one, and a venue that tells
    a fill again in a later row of its own has amended it. A transfer of which one row says that it came back did, whichever was first.
    `is_newer_word`: the very source of the known event tells it now, later, and where only amounts differ it has corrected itself.
    """
    in_parts = _told_in_parts(known, told, is_newer_word=is_newer_word)
    if in_parts is not None:
        return in_parts
    if isinstance(known, Fill) and isinstance(told, Fill):
        told = replace(told, is_amendment=known.is_amendment)
    if known.provisional and told.rank >= known.rank:
        return _kept_instead(known, _completed(told, known))
    if told.provisional and told.rank < known.rank and type(told) is type(known):
        return _kept_instead(known, _completed(known, told))
    finer, coarser = (told, known) if told.rank > known.rank else (known, told)
    conflicts = _contradictions(finer, coarser)
    if conflicts and not (is_newer_word and _is_correctable(known, told, conflicts)):
        return Telling(conflicts=conflicts)
    return _kept_instead(known, _corrected(known, told, conflicts) if conflicts else _completed(finer, coarser))


def _told_in_parts(known: Event, told: Event, *, is_newer_word: bool) -> Telling | None:
    """Return what two rows come to of which each may tell a part of the event only; None where each tells all that it knows."""
    if isinstance(known, Fill) and isinstance(told, Fill):
        if known.is_half or told.is_half:
            return _joined(known, told, is_newer_word=is_newer_word)
        if _amends(known, told):
            return _amended(known, told)
    if isinstance(known, Transfer) and isinstance(told, Transfer) and _is_of_return(known, told):
        back = come_back(known, told)
        return Telling(conflicts=("amount",)) if back is None else _kept_instead(known, _completed(_completed(back, known), told))
    return None


def _is_of_return(known: Transfer, told: Transfer) -> bool:
    return (known.has_come_back or told.has_come_back) and not (known.provisional or told.provisional)


def _is_correctable(known: Event, told: Event, conflicts: tuple[str, ...]) -> bool:
    if known.rank is not told.rank or not _CORRECTABLE.issuperset(conflicts):
        return False  # the facts are another source's, or the source may have used an id twice
    return all(getattr(known, leg).asset == getattr(told, leg).asset for leg in _LEGS if hasattr(known, leg))


def _corrected(known: Event, told: Event, conflicts: tuple[str, ...]) -> Event:
    """Return the newer word with what only the older one knew, without worths that were told of other amounts."""
    stale = ["fee_value"] if "fee" in conflicts else []
    stale += ["value"] if hasattr(told, "value") and not set(_LEGS).isdisjoint(conflicts) else []
    return replace(_completed(told, known), **{name: getattr(told, name) for name in stale})


def _joined(known: Fill, told: Fill, *, is_newer_word: bool) -> Telling:
    """Join two halves of one fill, or a half and the whole; the earlier instant stays."""
    legs = [_leg_of(one, other, is_newer_word=is_newer_word) for one, other in ((known.base, told.base), (known.quote, told.quote))]
    if None in legs or known.side is not told.side:
        return Telling(conflicts=("base", "quote"))
    base, quote = (leg for leg in legs if leg is not None)
    whole = _completed(known, told)
    assert isinstance(whole, Fill), whole
    is_whole = base.quantity != 0 and quote.quantity != 0
    first_at = min(known.occurred_at, told.occurred_at)
    return _kept_instead(known, replace(whole, base=base, quote=quote, occurred_at=first_at, provisional=not is_whole))


def _leg_of(known: Amount, told: Amount, *, is_newer_word: bool) -> Amount | None:
    """Return the leg that is told; None where two are told that differ, unless the newer word corrects the amount."""
    if not known.quantity or not told.quantity:
        return told if not known.quantity else known
    return told if known == told or (is_newer_word and known.asset == told.asset) else None


def _amends(known: Fill, told: Fill) -> bool:
    is_of_venue = known.rank is told.rank is SourceRank.VENUE
    is_later = None not in (known.sequence, told.sequence) and known.sequence != told.sequence
    return is_of_venue and is_later and known.source_id != told.source_id


def _amended(known: Fill, told: Fill) -> Telling:
    """Keep the later of two rows by which a venue told one fill; only where both are amendments the fill itself is not told yet."""
    earlier, later = sorted((known, told), key=lambda fill: fill.sequence or 0)
    later = replace(later, is_amendment=known.is_amendment and told.is_amendment)
    return _kept_instead(known, _completed(later, earlier))


def _kept_instead(known: Event, kept: Event) -> Telling:
    return Telling(event=None if known.bot == kept.bot and _same_facts(known, kept) else kept)


def _same_facts(one: Event, other: Event) -> bool:
    return facts_hash(one, body_text(one)) == facts_hash(other, body_text(other))


def _completed(finer: Event, coarser: Event) -> Event:
    return replace(
        finer,
        sequence=coarser.sequence if finer.sequence is None else finer.sequence,
        order_id=finer.order_id or coarser.order_id,
        client_order_id=finer.client_order_id or coarser.client_order_id,
        bot=finer.bot or coarser.bot,
        note=finer.note or coarser.note,
        **{name: getattr(coarser, name) for name in _learned(finer, coarser)},
    )


def _learned(one: Event, other: Event) -> tuple[str, ...]:
    """Return the facts that `one` does not know and `other` does, of those that a source may tell later."""
    if type(one) is not type(other):
        return ()
    groups = [names for names in _TOLD_LATER if all(hasattr(one, name) and getattr(one, name) is None for name in names)]
    return tuple(name for names in groups for name in names if getattr(other, name) is not None)


def _contradictions(finer: Event, coarser: Event) -> tuple[str, ...]:
    if type(finer) is not type(coarser):
        return ("kind",)
    found = [] if _same_instant(finer, coarser) else ["occurred_at"]
    mine, other = body_of(finer), body_of(coarser)
    one_sided = {*_learned(finer, coarser), *_learned(coarser, finer)}
    exact = finer.rank == coarser.rank
    found += [name for name in mine if name not in one_sided and not _agrees(mine[name], other[name], exact=exact)]
    for name in ("order_id", "client_order_id"):
        one, two = getattr(finer, name), getattr(coarser, name)
        if one is not None and two is not None and one != two:
            found.append(name)
    return tuple(found)


_CLOCK_STEPS = (1_000_000, 1_000)  # microseconds: sources cut an instant to the second or to the millisecond


def _same_instant(finer: Event, coarser: Event) -> bool:
    if isinstance(finer, Opening) and isinstance(coarser, Opening) and finer.occurred_day == coarser.occurred_day is not None:
        return True  # one day, of which another zone has other instants
    if finer.rank == coarser.rank:
        return finer.occurred_at == coarser.occurred_at
    micros = finer.occurred_at.microsecond
    kept = next((step for step in _CLOCK_STEPS if coarser.occurred_at.microsecond % step == 0), 1)
    return finer.occurred_at.replace(microsecond=micros // kept * kept) == coarser.occurred_at


def _agrees(finer: str | list[str] | None, coarser: str | list[str] | None, *, exact: bool) -> bool:
    if finer == coarser:
        return True
    if exact:
        return False
    if coarser is None:
        return True
    if isinstance(finer, list) and isinstance(coarser, list):
        return finer[1] == coarser[1] and _rounds_to(finer[0], coarser[0])
    if isinstance(finer, str) and isinstance(coarser, str):
        return _rounds_to(finer, coarser)
    return False


def _rounds_to(finer: str, coarser: str) -> bool:
    """Tell whether `coarser` is `finer` with its last decimals cut or rounded off."""
    try:
        one, two = Decimal(finer), Decimal(coarser)
    except ArithmeticError:
        return False
    step = Decimal(1).scaleb(-max(len(coarser.partition(".")[2]), 8))
    return abs(one - two) < step
