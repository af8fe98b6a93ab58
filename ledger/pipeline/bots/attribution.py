"""To whom an event is attributed where its source does not say: derived from settings and bots' databases, never a fact.

The journal and its facts stay as they are when the rules change; attributions are reckoned again for the whole book, and only
assets of events whose bot is another one are matched anew, because standing elections may be a bot's.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import permutations
from typing import Self

from ledger.config import BookSettings, BotRule
from ledger.domain.amount import AssetCode
from ledger.domain.event import Event, assets_of
from ledger.domain.ids import AccountId, BotId, OrderId, SourceId
from ledger.storage.store import Attributable, BotOrder, Reader, Writer

_CHUNK_ROWS = 20_000

Attributed = tuple[int, str, str]  # an event's place, bot, and why


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """The settings' word on who decided an event: the bot of its account's connection, else the first rule that fits."""

    by_account: Mapping[AccountId, BotId] = field(default_factory=dict)
    rules: tuple[BotRule, ...] = ()

    @classmethod
    def of_book(cls, settings: BookSettings) -> Self:
        """Return the attribution that a book's settings ask for."""
        return cls(by_account={one.name: one.bot for one in settings.connections if one.bot}, rules=settings.bots)

    @property
    def text(self) -> str:
        """Everything of the settings that changes attributions, as canonical JSON."""
        rules = [[one.name, one.client_order_id, one.order_id, one.account] for one in self.rules]
        return json.dumps({"connections": dict(sorted(self.by_account.items())), "rules": rules}, separators=(",", ":"))

    def of(self, event: "Event | Attributable") -> tuple[BotId, str] | None:
        """Return the bot of an event and why it is its; None when the settings do not know."""
        bot = self.by_account.get(event.account)
        if bot is not None:
            return bot, f"the bot of connection {event.account}"
        for number, rule in enumerate(self.rules, start=1):
            if _fits(rule, event.account, event.order_id, event.client_order_id):
                return rule.name, f"rule {number} of [[bots]]"
        return None


NO_ATTRIBUTION = Attribution()


def _fits(rule: BotRule, account: AccountId, order: OrderId | None, client_order: OrderId | None) -> bool:
    if rule.account not in (None, account):
        return False
    if rule.order_id is not None and not _like(order, rule.order_id):
        return False
    # Venues that keep no name of the bot's for an order may be given it as the order's id.
    return rule.client_order_id is None or _like(client_order, rule.client_order_id) or _like(order, rule.client_order_id)


def _like(order: OrderId | None, pattern: str) -> bool:
    return order is not None and fnmatchcase(order, pattern)


# --- bots' databases --------------------------------------------------------------------------------------------------


def order_subject(order: str) -> str:
    """Return how `bot_order` names an order."""
    return f"order:{order}"


def fill_subject(base: str, quote: str, trade: str) -> str:
    """Return how `bot_order` names a fill: a venue's trade ids may be those of one market."""
    return f"fill:{base}/{quote}/{trade}"


def _subjects(order: OrderId | None, client_order: OrderId | None, source_id: SourceId, assets: Sequence[str]) -> list[str]:
    orders = [order_subject(one) for one in dict.fromkeys((order, client_order)) if one is not None]
    return [*orders, *(fill_subject(base, quote, source_id) for base, quote in permutations(assets, 2))]


class _Databases:
    """What the bots' databases of a book say of some events."""

    def __init__(self, reader: Reader, named: Iterable[tuple[int, AccountId, Sequence[str]]]) -> None:
        self._named = {seq: (account, subjects) for seq, account, subjects in named}
        self._told: defaultdict[tuple[AccountId, str], list[BotOrder]] = defaultdict(list)
        asked = sorted({one for _, subjects in self._named.values() for one in subjects})
        for told in reader.bot_orders(asked) if asked else ():
            self._told[told.account, told.subject].append(told)

    def of(self, seq: int) -> list[BotOrder]:
        """Return all that is told of an event; of several bots the first by name counts."""
        if seq not in self._named:
            return []
        account, subjects = self._named[seq]
        return [told for subject in subjects for told in self._told.get((account, subject), ())]


def databases_of(reader: Reader, events: Iterable[Attributable]) -> _Databases:
    """Return what bots' databases say of events that are in the book."""
    if not reader.has_bot_orders():
        return _Databases(reader, ())
    return _Databases(
        reader, ((one.seq, one.account, _subjects(one.order_id, one.client_order_id, one.source_id, one.assets.split())) for one in events)
    )


def _decided(told: Sequence[BotOrder]) -> tuple[BotId, str] | None:
    if not told:
        return None
    first = min(told, key=lambda one: (one.bot, one.subject))
    return first.bot, f"a bot's database, by {first.subject}"


class Attributor:
    """Attributes events while they are taken in."""

    def __init__(self, writer: Writer, attribution: Attribution) -> None:
        self._writer = writer
        self._attribution = attribution
        self._has_databases = writer.has_bot_orders()
        if not writer.event_seq_last():
            writer.put_attributed_by(attribution.text)

    def attribute(self, events: Sequence[tuple[int, Event]]) -> dict[int, BotId]:
        """Store to whom events that were just stored are attributed, with the evidence that databases give; return the bots by place."""
        named = events if self._has_databases else ()
        heads = ((seq, one.account, _subjects(one.order_id, one.client_order_id, one.source_id, assets_of(one))) for seq, one in named)
        databases = _Databases(self._writer, heads) if named else None
        found: list[Attributed] = []
        evidence: list[tuple[int, int, str]] = []
        for seq, event in events:
            told = databases.of(seq) if databases else []
            evidence += [(seq, one.payload_seq, one.locator) for one in told]
            decided = None if event.bot else self._attribution.of(event) or _decided(told)
            if decided is not None:
                found.append((seq, *decided))
        if found:
            self._writer.add_attributions(found)
        if evidence:
            self._writer.add_evidence(evidence)
        return {seq: BotId(bot) for seq, bot, _ in found}


# --- the whole book ---------------------------------------------------------------------------------------------------


def attribute_anew(writer: Writer, attribution: Attribution, *, whole: bool = False) -> set[AssetCode]:
    """Bring the attributions of the whole book up to date with the settings; return the assets of events that changed hands.

    Without `whole` nothing is looked at where the settings are those that the attributions stand for.
    """
    if not whole and writer.attributed_by() == attribution.text:
        return set()
    touched: set[AssetCode] = set()
    after = 0
    while chunk := writer.attributables(after_seq=after, limit=_CHUNK_ROWS):
        touched |= attribute_again(writer, attribution, chunk, databases_of(writer, chunk))
        after = chunk[-1].seq
    writer.put_attributed_by(attribution.text)
    return touched


def attribute_again(writer: Writer, attribution: Attribution, events: Sequence[Attributable], databases: _Databases) -> set[AssetCode]:
    """Store to whom events are attributed now; return the assets of those whose bot is another one than before."""
    changed: dict[int, tuple[BotId, str] | None] = {}
    touched: set[AssetCode] = set()
    for event in events:
        decided = None if event.told else attribution.of(event) or _decided(databases.of(event.seq))
        if (decided or (None, None)) != (event.bot, event.why):
            changed[event.seq] = decided
            if (decided and decided[0]) != event.bot:
                touched |= set(map(AssetCode, event.assets.split()))
    if changed:
        writer.replace_attributions(list(changed), [(seq, *decided) for seq, decided in changed.items() if decided])
    return touched
