"""The protocols that a plug-in author implements, and the values that pass through them.

Ours are reached the same way as a stranger's: by entry point, in the groups ``lotwright.connectors``,
``lotwright.file_formats``, ``lotwright.price_files``, ``lotwright.tax_regimes``, ``lotwright.reports`` and ``lotwright.exporters``.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Protocol, runtime_checkable

from ledger.domain.amount import AssetCode
from ledger.domain.election import Election, PickOrder
from ledger.domain.errors import RowFault
from ledger.domain.event import Event, IncomeKind
from ledger.domain.finding import Finding
from ledger.domain.ids import AccountId, BotId, EventId, VenueName, WalletId
from ledger.domain.law.allocation import Allocation
from ledger.domain.law.option import LawOption
from ledger.domain.law.receipt import Receipt
from ledger.domain.law.statement import AsReported, StatementRow, Told
from ledger.domain.law.wash_sale import DeferredLoss
from ledger.domain.lot import Acquisition, DepartureKind, Disposal, HoldingTerm, Movement, Outcome
from ledger.domain.payload import Payload
from ledger.domain.price import USUAL_PRICES, PricePolicy, Worth
from ledger.domain.secrets import Secrets
from ledger.domain.time.period import Period, YearStart
from ledger.domain.values.quick import made_quickly
from ledger.ports.prices import PriceFile as PriceFile
from ledger.ports.prices import PricePage as PricePage
from ledger.ports.prices import PriceRow as PriceRow
from ledger.ports.prices import PriceSource as PriceSource
from ledger.ports.reports import Exporter as Exporter
from ledger.ports.reports import HasOptions as HasOptions
from ledger.ports.reports import ReportGenerator as ReportGenerator
from ledger.ports.reports import ReportInput as ReportInput
from ledger.ports.reports import TellsGains as TellsGains

CursorState = Mapping[str, str | int | None]  # what a connector needs to go on; plain JSON, no secrets


# --- sources -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionTerms:
    """What a connector may know of its connection.

    `share` is the part of the venue's published rate that we may use, above 0 and at most 1. `base_url` replaces the
    venue's own. `deadline` is the value of the monotonic clock after which no call starts; None: no limit. `tier` is the user's
    tier of rates at the venue; empty: its lowest. `folder` is the owner's own, for what must outlive a run and is no secret (the
    last nonce of a key); None: nothing is kept. `symbols` are markets that the user names, for a venue that gives trades by symbol
    only and forgets what it has delisted. `options` are settings that only this connector knows: those that its class lists as
    `option_names` are let through.
    """

    account: AccountId
    secrets: Secrets | None
    share: float = 0.5
    base_url: str | None = None
    deadline: float | None = None
    tier: str = ""
    folder: Path | None = None
    symbols: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class StreamKey:
    """One line of history: `stream` (fills, ledger, transfers, balances) and the symbol or asset it is asked for by."""

    stream: str
    symbol: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PullWindow:
    """The instants asked for, `since` included and `until` excluded; None: as far as the venue goes."""

    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One answer: the payload, and the cursor to store together with it.

    `rows` counts the venue's rows; `first_id` and `last_id` are the venue's ids of the first and last row in the order of
    the answer; `from_at` and `to_at` the oldest and newest instants in it. Of an empty page they are None.
    `since`: when the pull has come to its end, every row from that instant on is stored; None: from the venue's first row.
    """

    payload: Payload
    cursor: CursorState
    rows: int
    first_id: str | None = None
    last_id: str | None = None
    from_at: datetime | None = None
    to_at: datetime | None = None
    since: datetime | None = None


@made_quickly
@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLine:
    """What a venue's own ledger says moved: evidence for completeness, booked nowhere.

    `amount` is signed (positive: came in); `balance` is what the venue had after it, None where not told. `event_ids`
    are the events of which at least one must exist in the book for this line to be explained; empty: it explains itself.
    `told_by` is the stream that should tell of those events. `wallet` names what `balance` is of, where the venue keeps an asset in
    several; empty: the asset. `sequence` is the venue's own order of the lines of a wallet, None where only their times tell.
    """

    line_id: str
    account: AccountId
    asset: AssetCode
    occurred_at: datetime
    kind: str
    amount: Decimal
    balance: Decimal | None
    event_ids: tuple[EventId, ...]
    told_by: StreamKey | None = None
    wallet: str = ""
    sequence: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpretation:
    """What one payload says: events in the order of its rows, each with its place in it, findings for rows that nobody understands."""

    events: tuple[tuple[Event, str], ...] = ()  # (event, locator such as "row 17")
    lines: tuple[LedgerLine, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFacts:
    """What a venue gives of one stream: `horizon` is how far back it goes (None: to the first row), `export` the file that goes further.

    `since` is before what instant it gives nothing; `rows_max` how many of its newest rows it gives, None: all of them.
    A connector class may have them by the name of the stream, as ``stream_facts``; a stream without any goes all the way back.
    """

    horizon: timedelta | None = None
    since: datetime | None = None
    rows_max: int | None = None
    export: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyReport:
    """What a signed call told of a key. `may_*` None: the venue has no call that tells; `ends_at` None: never, or it is not told.

    `notes` are sentences for its owner; `facts` what else the venue told, as pairs of a name (permissions, ends_at, addresses) and
    its text, which later nights are compared with.
    """

    venue: VenueName
    account: AccountId
    clock_skew_seconds: float
    may_read: bool
    may_trade: bool | None
    may_withdraw: bool | None
    notes: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCount:
    """What a connector spent: calls sent, and waits for the rate budget or after an error."""

    requests: int = 0
    waits: int = 0
    retries: int = 0
    seconds_waited: float = 0.0


class Connector(Protocol):
    """One account at one venue, for reading only.

    A class may have `option_names`, the names of `ConnectionTerms.options` that it knows, and `unverified`, a text that says why
    nobody vouches for its history being whole: reports, coverage and status then say so. `tiers` are the names, in small letters, of
    the tiers of rates that a venue has: `connect add` takes them in any spelling, and no others.
    """

    venue: VenueName

    def streams(self) -> tuple[StreamKey, ...]:
        """Discover what can be pulled, in the order in which it should be; calls the venue."""
        ...

    def pull(self, stream: StreamKey, *, cursor: CursorState | None, window: PullWindow) -> Iterator[Page]:
        """Yield the pages that the cursor has not covered; storing a page's cursor with it makes a killed run resumable.

        Raises:
            TransientError: the venue stayed unavailable within retries and budget.
            KeyRefused, TerminalError: the venue will not answer.
        """
        ...

    def interpret(self, payload: Payload) -> Interpretation:
        """Read a stored payload of this venue; pure, never calls the venue.

        As a static method it can be called without a key, so that `lotwright rebuild` can read stored payloads again.
        """
        ...

    def check_key(self) -> KeyReport:
        """Sign one harmless call and tell what the key may do."""
        ...

    def price_source(self) -> PriceSource | None:
        """Return the venue's own price source, or None."""
        ...

    def call_count(self) -> CallCount:
        """Return what has been spent so far."""
        ...

    def close(self) -> None:
        """Release sockets."""
        ...


class ConnectorFactory(Protocol):
    """The object behind an entry point of ``lotwright.connectors``; usually the connector class itself."""

    venue: VenueName

    def __call__(self, terms: ConnectionTerms) -> Connector:
        """Return a connector; calls nothing yet.

        Raises:
            InputError: when the terms cannot work (no secrets, a secret of the wrong form).
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTerms:
    """What an importer may know: the account and bot given on the command line (None: the file says), the book's zone."""

    account: AccountId | None
    bot: BotId | None
    zone: tzinfo


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """What one row of a file says: an event, an election, a row of a broker's statement, or what is wrong with it (then none of them).

    `line` counts from 1, the header. What takes several rows stands in one of them; the others have nothing to say. `findings` are
    what a person should look at although the file is taken in. `has_id`: the event has an id of the venue's own, or the user's, by
    which it is known wherever else it is told.
    """

    line: int
    event: Event | None
    faults: tuple[RowFault, ...] = ()
    statement: StatementRow | None = None
    election: Election | None = None
    findings: tuple[Finding, ...] = ()
    has_id: bool = True


class FileFormat(Protocol):
    """One export format. `headers` lists the known header rows, newest first."""

    name: str
    title: str
    venue: VenueName
    headers: tuple[tuple[str, ...], ...]

    def recognises(self, header: tuple[str, ...]) -> bool:
        """Tell whether a header row is this format's (columns in any order where the format allows it)."""
        ...

    def read(self, rows: Iterator[tuple[int, list[str]]], header: tuple[str, ...], terms: FileTerms) -> Iterator[FileRow]:
        """Yield one item per data row, given as (line, cells), in file order; faults are values, so that all bad rows can be listed.

        Raises:
            InputError: for faults of the file as a whole.
        """
        ...


@runtime_checkable
class SharedFormat(FileFormat, Protocol):
    """A format whose files of one account complete each other: what one of them lacks another may have."""

    def lacking(self, files: Iterable[tuple[Iterator[tuple[int, list[str]]], tuple[str, ...]]], terms: FileTerms) -> tuple[Finding, ...]:
        """Return what sound files of one account, given as rows and header, lack together, in whatever order they came."""
        ...


# --- the law -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class BookTerms:
    """The settings that the law looks at. `wallets` maps accounts to wallets; an account that is missing is its own.

    `year_start` is the user's own, for regimes that leave the tax year to the user; None: the user left it to the regime.
    `elections` are all that were ever recorded, in any order. `law` holds the options that only the regime knows; `forms` names,
    in its words, the form that was issued on the sales of an account in a tax year. `brokers` are the
    wallets that a broker holds, with the one order of lots that it offers, None where it takes the owner's choice. `allocations` say,
    of an asset each, which lots went into which wallet when the pool of all wallets ended.
    `prices` says which quotes count.
    """

    currency: AssetCode
    zone: tzinfo
    method: str
    scope: str
    wallets: Mapping[AccountId, WalletId]
    year_start: YearStart | None = None
    elections: tuple[Election, ...] = ()
    law: Mapping[str, LawOption] = field(default_factory=dict)
    forms: Mapping[AccountId, Mapping[int, str]] = field(default_factory=dict)
    brokers: Mapping[WalletId, PickOrder | None] = field(default_factory=dict)
    prices: PricePolicy = USUAL_PRICES
    allocations: tuple[Allocation, ...] = ()

    def wallet_of(self, account: AccountId) -> WalletId:
        """Return the wallet whose lots the law pools this account with."""
        return self.wallets.get(account, WalletId(account))

    def form_of(self, account: AccountId, year: int) -> str:
        """Return which form was issued on the sales of an account in a tax year; empty where nobody said."""
        return self.forms.get(account, {}).get(year, "")


class MatchingRule(Protocol):
    """How what leaves is matched with what came in. `name` says what a cover shows: the order of lots, or the rule of law."""

    name: str

    def match(self, timeline: Iterable[Movement]) -> Iterator[Outcome]:
        """Yield the disposal pieces of a timeline and every lot as it ended, used up or open, each as soon as it is final.

        `timeline` holds the movements of one asset over all wallets, in order of time; a rule may look as far ahead as it
        must. All units and all cost that came in are in the outcome, and pieces of one departure follow each other.
        """
        ...


class TaxRegime(Protocol):
    """One country's law as far as lots and gains go. Pure.

    `methods` are those on offer; `first_values` are settings (currency, time_zone, method, scope) that a new book under this law
    begins with where its user says nothing; `taxable` are the departures that make a gain or loss; `forms` are those of brokers
    that it knows.
    """

    name: str
    version: str
    methods: tuple[str, ...]
    first_values: Mapping[str, str]
    taxable: frozenset[DepartureKind]
    forms: frozenset[str]

    def rule(self, terms: BookTerms) -> MatchingRule:
        """Return the matching rule of the book's method, scope and elections.

        Raises:
            InputError: when the regime does not allow the method or scope, reckons in another currency or zone, or knows no such
                option or form.
        """
        ...

    def priced_assets(self, event: Event, terms: BookTerms) -> tuple[tuple[str, AssetCode, Decimal], ...]:
        """Return which prices an event needs: (``value`` or ``fee``, asset, quantity) for each worth that it lacks."""
        ...

    def movements(self, event: Event, worth: Worth, terms: BookTerms) -> tuple[Movement, ...]:
        """Return what an event does to the pools: what comes in first, legs numbered from 1."""
        ...

    def receipt(self, kind: IncomeKind, asset: AssetCode, value: Decimal | None, terms: BookTerms) -> Receipt:
        """Return what units received as income are taxed at and on which line; `value` is their market value, None without a price."""
        ...

    def term(self, acquired: date, disposed: date, terms: BookTerms) -> HoldingTerm | None:
        """Return short or long by calendar dates; None where the law knows no term."""
        ...

    def year_of(self, day: date, terms: BookTerms) -> int:
        """Return the tax year of a day, named by the calendar year in which it begins."""
        ...

    def period_of(self, year: int, terms: BookTerms) -> Period:
        """Return the days of a tax year."""
        ...

    def as_reported(self, piece: Disposal, told: Told, *, term: HoldingTerm | None) -> AsReported:
        """Return the figures of a piece as the official form has them, beside what the broker's statement told of it.

        Raises:
            UnsupportedCase: when the law knows no such statements.
        """
        ...

    def deferred_losses(
        self, disposals: Iterable[Disposal], acquisitions: Iterable[Acquisition], terms: BookTerms
    ) -> Iterator[DeferredLoss]:
        """Return what a rule on wash sales would put off, for one asset: an analysis. `disposals` are all, in order of time.

        Raises:
            InputError: at once, when the book's settings leave the analysis off.
            UnsupportedCase: at once, when the law knows no wash sales.
        """
        ...

    def allocation_faults(self, allocation: Allocation, *, first_disposal: datetime | None, terms: BookTerms) -> Iterable[str]:
        """Return why an allocation of unused basis does not count by its dates; nothing for one that does.

        `first_disposal` is the first of its asset since the pool of all wallets ended, moves between own wallets aside.

        Raises:
            UnsupportedCase: at once, when the law, or the book's scope, knows no allocations.
        """
        ...

    def box(self, *, term: HoldingTerm | None, year: int, form: str) -> str:
        """Return the box of the official form that a disposal belongs to, of whose account `form` was issued; empty where there is none."""
        ...
