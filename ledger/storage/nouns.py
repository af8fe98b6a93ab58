"""The nouns that only storage knows: domain values together with their places in the book."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from ledger.domain.amount import AssetCode
from ledger.domain.election import Election
from ledger.domain.entry import JournalEntry, PostingCells
from ledger.domain.event import Event, SourceRank
from ledger.domain.ids import AccountId, BotId, Hash, OrderId, PayloadId, SourceId, VenueName
from ledger.domain.values.quick import made_quickly

State = Mapping[str, str | int | None]  # what a connector needs to go on


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEvent:
    """What must be known of a stored event to tell whether a telling is new: its live revision and the hash of its facts."""

    seq: int
    revision: int
    facts: Hash
    rank: SourceRank
    provisional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event of the book; `seq` is the order of arrival, `revision` counts tellings from 0."""

    seq: int
    revision: int
    event: Event
    facts: Hash
    recorded_at: datetime


@made_quickly
@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event to store. `seq` is numbered by the caller on from `event_seq_last`; `kind`, `body` and `facts` as in `event_text`.

    `assets` are the codes of all that it moves, sorted.
    """

    seq: int
    revision: int
    event: Event
    assets: tuple[str, ...]
    kind: str
    body: str
    facts: Hash


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEntry:
    """A journal entry in its place of the hash chain (`seq` from 1); `facts` is the hash of the event row that it books."""

    seq: int
    entry: JournalEntry
    event_seq: int
    facts: Hash
    previous_hash: Hash
    hash: Hash


@made_quickly
@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """A journal entry to store at the end of the chain; its event must be stored before. `cells` are those of its postings."""

    seq: int
    entry: JournalEntry
    cells: tuple[PostingCells, ...]
    event_seq: int
    previous_hash: Hash
    hash: Hash


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageWindow:
    """One page as it was pulled: what it covered, how much was in it, and the payload that proves it.

    `cursor` is the connector's state after the page. `from_at` and `to_at` are None of an empty page.
    """

    connection: str
    stream: str
    symbol: str
    from_at: datetime | None
    to_at: datetime | None
    cursor: State
    rows: int
    first_id: str | None
    last_id: str | None
    payload_seq: int
    pulled_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamCoverage:
    """What was pulled of one stream: `from_at` and `to_at` are the oldest and newest row seen, None when there was none.

    `pulled_at` is when its newest page was, None of a stream that the connection has and that nobody came to ask for.
    """

    connection: str
    stream: str
    symbol: str
    windows: int = 0
    rows: int = 0
    from_at: datetime | None = None
    to_at: datetime | None = None
    pulled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamWalk:
    """How far one stream of a connection is walked.

    Every row from `since` (None: the venue's first) to `walked_at`, when the last walk that came to its end began, is stored; None:
    none has come to its end. `is_under_way`: a run has begun since then that has not walked it to its end.
    """

    connection: str
    stream: str
    symbol: str
    since: datetime | None = None
    walked_at: datetime | None = None
    is_under_way: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Computation:
    """What the stored lots and disposals stand for: law, settings, and how much of the book went in.

    `pairing` names the limits and decisions by which transfers were paired; None: they never were.
    `input_hash` is what a computation is cited by, see `ledger.pipeline.match.inputs_hash`; None of one made before there were such.
    """

    regime: str
    version: str
    options: str
    event_seq: int
    price_seq: int
    election_seq: int
    computed_at: datetime
    pairing: str | None = None
    input_hash: Hash | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedYear:
    """One closing of a tax year, without the figures themselves; `version` counts the closings of a year from 1.

    `from_day` and `to_day` are its days in the zone that the book had. `disposals`, `receipts` and `lots` count rows, `gain` is the sum
    of all gains that are known. `gains_hash`, `income_hash` and `lots_hash` are over the figures of these rows, `content_hash` over the
    whole text. `amends` is the hash of the version before, None of the first; `previous_hash` that of the closing before, of
    whatever year, and the book's genesis for the first; `hash` seals all of it.
    """

    seq: int
    year: int
    version: int
    from_day: date
    to_day: date
    closed_at: datetime
    software: str
    regime: str
    regime_version: str
    options: str
    input_hash: Hash
    disposals: int
    receipts: int
    lots: int
    gain: Decimal
    gains_hash: Hash
    income_hash: Hash
    lots_hash: Hash
    content_hash: Hash
    amends: Hash | None
    previous_hash: Hash
    hash: Hash


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredElection:
    """An election in its place of the register's chain (`seq` from 1).

    `payload_id` is the file that told of it, None of an own one; `stored_at` our clock when it came into the register.
    """

    seq: int
    election: Election
    payload_id: PayloadId | None
    stored_at: datetime
    previous_hash: Hash
    hash: Hash


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceAsked:
    """A question to a price source: `since` included, `until` excluded."""

    source: str
    asset: AssetCode
    currency: AssetCode
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceSeries:
    """What the book has of one pair from one source: how many quotes, the first and the last."""

    asset: AssetCode
    currency: AssetCode
    source: str
    quotes: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLine:
    """A line of a venue's ledger: `wallet` is what `balance` is of; `explains` the ids of events that it may belong to, in spaces.

    `amount` is signed; `sequence` the venue's own order, None where only times tell.
    """

    account: AccountId
    wallet: str
    line_id: str
    asset: AssetCode
    occurred_at: datetime
    sequence: int | None
    kind: str
    amount: Decimal
    balance: Decimal | None
    explains: str
    payload_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceAssertion:
    """That the book's balance of an account and asset as of `observed_at` was compared with the venue's, and what came of it.

    `balance_venue` None: the venue told of no such asset; `difference` = book less venue, None without a venue's balance.
    """

    account: AccountId
    asset: AssetCode
    observed_at: datetime
    balance_book: Decimal
    balance_venue: Decimal | None
    difference: Decimal | None
    asserted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyCheck:
    """What a venue told of the key of a connection; `may_*` None: it does not tell. `facts` are pairs of what else it told.

    `is_of_owner`: its owner asked, and has seen it; `allows_withdraw`: they want it used although it can withdraw.
    """

    connection: str
    venue: VenueName
    checked_at: datetime
    may_read: bool
    may_trade: bool | None
    may_withdraw: bool | None
    facts: tuple[tuple[str, str], ...]
    is_of_owner: bool
    allows_withdraw: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributable:
    """What decides to whom a live event is attributed; `told` is its source's word, `bot` and `why` the present attribution."""

    seq: int
    account: AccountId
    source_id: SourceId
    order_id: OrderId | None
    client_order_id: OrderId | None
    assets: str
    told: BotId | None
    bot: BotId | None
    why: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BotOrder:
    """What a bot's database says at `locator`: the order or fill `subject` (``order:ID`` or ``fill:ID``) of an account is a bot's."""

    payload_seq: int
    account: AccountId
    subject: str
    bot: BotId
    locator: str
