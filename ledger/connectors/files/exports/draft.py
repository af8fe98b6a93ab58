"""What a row of an export says before it has an identity, and how it becomes an event.

Nearly every export tells one thing in its own columns: what came in, what went out, the fee, and why. A format fills a `Draft`;
this module makes the event of it. Rows without an id of the venue count as a multiset: their id is a hash of what they say and the
number of the like rows before them, so that neither the order of rows nor how a history is split into files changes it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import Enum

from ledger.connectors.files.cells import CellReader, shown
from ledger.connectors.files.rows import account_named, said_of
from ledger.domain.amount import ZERO, Amount, AssetCode, is_fiat, subtracted, text_of
from ledger.domain.errors import InputError, RowFault
from ledger.domain.event import Charge, ChargeKind, Event, Fill, Income, IncomeKind, Side, SourceRank, Transfer
from ledger.domain.event_text import HeadFields, body_text, facts_hash, kind_of
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import AccountId, BotId, EventId, OrderId, SourceId, VenueName, event_id, hash_of
from ledger.ports import FileRow, FileTerms

EXPORTED = "use the file as exported"
_ID_DIGITS = 20


class Meaning(Enum):
    """Why something moved, where no kind of income or of charge says it."""

    TRADE = "trade"
    TRANSFER = "transfer"


Why = Meaning | IncomeKind | ChargeKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a row says. Amounts are positive; `fee` is a further debit, negative: a rebate.

    `source_id` is the venue's own id of the row, empty where there is none; `scope` the symbol or part within which it is unique.
    `side` None: of the two the one that is more of a money is the quote. `account` and `bot` None: those of the
    command line; `other_account` is the receiving one of a transfer inside the file.
    """

    occurred_at: datetime
    why: Why
    received: Amount | None = None
    given: Amount | None = None
    fee: Amount | None = None
    source_id: str = ""
    scope: str = ""
    side: Side | None = None
    sequence: int | None = None
    order_id: str = ""
    client_order_id: str = ""
    bot: BotId | None = None
    note: str = ""
    chain_hash: str = ""
    address: str = ""
    account: AccountId | None = None
    other_account: AccountId | None = None


Read = Callable[[tuple[str, ...], CellReader], "Draft | None"]


@dataclass(slots=True, kw_only=True)
class Teller:
    """Makes events of drafts for one file."""

    venue: VenueName
    terms: FileTerms
    account: AccountId | None
    _seen: Counter[str] = field(default_factory=Counter)

    def event(self, draft: Draft) -> Event:
        """Return the event of a draft; asked once for each row, as equal rows are told apart by their number.

        Raises:
            InputError: when the draft says nothing that is an event.
        """
        plain = _body(draft, self._head(draft))
        if draft.source_id:
            source_id = draft.source_id
        else:
            digest = hash_of(plain.account, facts_hash(plain, body_text(plain)))[:_ID_DIGITS]
            self._seen[digest] += 1
            source_id = f"{digest}-{self._seen[digest]}"
        kind = kind_of(plain)
        ident = event_id(venue=self.venue, account=plain.account, product_line="spot", kind=kind, scope=draft.scope, source_id=source_id)
        return replace(plain, event_id=ident, source_id=SourceId(source_id))

    def _head(self, draft: Draft) -> HeadFields:
        account = draft.account or self.account
        assert account is not None, draft
        return {
            "event_id": EventId(""),
            "source_id": SourceId(""),
            "venue": self.venue,
            "account": account,
            "occurred_at": draft.occurred_at,
            "rank": SourceRank.FILE,
            "sequence": draft.sequence,
            "order_id": OrderId(draft.order_id) if draft.order_id else None,
            "client_order_id": OrderId(draft.client_order_id) if draft.client_order_id else None,
            "bot": draft.bot or self.terms.bot,
            "note": draft.note or None,
            "provisional": False,
        }


def _body(draft: Draft, head: HeadFields) -> Event:
    fee = draft.fee if draft.fee is not None and draft.fee.quantity else None
    received, given = draft.received, draft.given
    if received is not None and given is not None:
        if draft.other_account is not None:
            return _moved(draft, head, received)
        return _fill(draft, head, received=received, given=given, fee=fee)
    amount = received or given
    if amount is None:
        raise InputError("moves nothing", mend=EXPORTED)
    match draft.why:
        case IncomeKind() if received is not None:
            return Income(**head, kind=draft.why, amount=amount, fee=fee)
        case ChargeKind() if given is not None:
            return Charge(**head, kind=draft.why, amount=amount, fee=fee)
        case Meaning.TRANSFER:
            inward = received is not None
            return Transfer(
                **head,
                from_account=None if inward else head["account"],
                to_account=head["account"] if inward else None,
                amount=amount,
                fee=fee,
                chain_hash=draft.chain_hash or None,
                address=draft.address or None,
            )
    raise InputError(f"is a {draft.why.value} of which one side is missing", mend=EXPORTED)


def _fill(draft: Draft, head: HeadFields, *, received: Amount, given: Amount, fee: Amount | None) -> Fill:
    if received.asset == given.asset:
        raise InputError(f"exchanges {received.asset} for itself", mend=EXPORTED)
    side = draft.side or (Side.SELL if _money_rank(received.asset) < _money_rank(given.asset) else Side.BUY)
    base, quote = (received, given) if side is Side.BUY else (given, received)
    return Fill(**head, side=side, base=base, quote=quote, fee=fee)


_MONEY = ("USDT", "USDC", "BUSD", "FDUSD", "TUSD", "DAI", "BTC", "ETH", "BNB")


def _money_rank(asset: AssetCode) -> int:
    """Return how much of a quote an asset is; less is more."""
    if is_fiat(asset):
        return -1
    return _MONEY.index(asset) if asset in _MONEY else len(_MONEY)


def _moved(draft: Draft, head: HeadFields, received: Amount) -> Transfer:
    """Return a transfer between two accounts of the file; what is lost on the way, if of the same asset, is its fee."""
    given = draft.given
    assert given is not None, draft
    if given.asset != received.asset or given.quantity < received.quantity:
        raise InputError(f"a transfer sends {given} and delivers {received}", mend=EXPORTED)
    lost = given - received
    fee = draft.fee if draft.fee is not None and draft.fee.quantity else None
    if lost.quantity and fee is not None and fee != lost:
        raise InputError(f"a transfer sends {given}, delivers {received} and names a fee of {fee}", mend=EXPORTED)
    return Transfer(
        **head,
        from_account=head["account"],
        to_account=draft.other_account,
        amount=received,
        fee=fee or (lost if lost.quantity else None),
        chain_hash=draft.chain_hash or None,
    )


def read_drafts(
    rows: Iterator[tuple[int, list[str]]],
    header: tuple[str, ...],
    *,
    columns: Sequence[str],
    terms: FileTerms,
    venue: VenueName,
    read: Read,
    needs_account: bool = True,
) -> Iterator[FileRow]:
    """Yield one item per row, in file order; a row of which `read` makes nothing, without a fault, has nothing to say.

    Raises:
        InputError: when the command line names no account and the format needs one, or a name that cannot be used.
    """
    teller = Teller(venue=venue, terms=terms, account=account_named(terms) if needs_account else terms.account)
    said = said_of(rows, header, columns=columns, terms=terms, read=read)
    return (file_row(line, draft, faults, teller) for line, draft, faults in said)


def file_row(line: int, draft: Draft | None, faults: tuple[RowFault, ...], teller: Teller) -> FileRow:
    """Return what a row says, its draft made an event."""
    if draft is None or faults:
        return FileRow(line=line, event=None, faults=faults)
    try:
        return FileRow(line=line, event=teller.event(draft), has_id=bool(draft.source_id))
    except InputError as refused:
        return FileRow(line=line, event=None, faults=(RowFault(line=line, column="", message=refused.message, mend=refused.mend),))


def has_columns(header: tuple[str, ...], versions: Sequence[tuple[str, ...]]) -> bool:
    """Tell whether a header has the columns of one of the versions, each once, in any order, and no others."""
    return any(len(header) == len(version) and set(header) == set(version) for version in versions)


def signed(reader: CellReader, quantity: str, asset: str, *, columns: tuple[str, str]) -> Amount:
    """Return an amount of either sign from two cells; of an empty quantity, zero."""
    number = reader.number(quantity, column=columns[0]) if quantity else ZERO
    return Amount(quantity=number, asset=reader.asset(asset, column=columns[1]))


def optional(reader: CellReader, quantity: str, asset: str, *, columns: tuple[str, str]) -> Amount | None:
    """Return the amount without its sign, None where the cell is empty or zero: exports differ in whether a fee has one."""
    if not quantity:
        return None
    number = reader.number(quantity, column=columns[0])
    return Amount(quantity=abs(number), asset=reader.asset(asset, column=columns[1])) if number else None


def refuse_kind(reader: CellReader, text: str, *, column: str) -> None:
    """Refuse a row of a kind for which there is no rule: it is named, never guessed."""
    found = f"{shown(text)} is a kind of row for which there is no rule" if text else "is empty"
    reader.refuse(column, found, "book what it means from a lotwright-events file and take the row out, or ask for a rule")


def check_sum(reader: CellReader, *, column: str, told: Decimal, due: Decimal, within: Decimal = ZERO) -> None:
    """Refuse a figure that contradicts what the other columns of its row make, beyond the export's own rounding."""
    if abs(subtracted(told, due)) > within:
        reader.refuse(column, f"is {text_of(told)}, the other columns make {text_of(due)}", f"{EXPORTED}: a figure was changed")


def assumed_zone(account: AccountId | None, zone: str, *, why: str) -> Finding:
    """Return the finding that a file's times have no zone and were read as those of `zone`."""
    return Finding(
        code="zone-assumed",
        severity=Severity.WARNING,
        subject=f"{account or 'file'}/time-zone",
        message=f"the times of the file name no zone and were read as {zone}: {why}",
        mend="compare one time with the venue's own page; if it differs, export again with times in UTC into a new book",
    )


def with_finding(rows: Iterator[FileRow], finding: Finding) -> Iterator[FileRow]:
    """Attach a finding to the first row that tells something."""
    is_told = False
    for row in rows:
        if row.event is not None and not is_told:
            is_told = True
            yield replace(row, findings=(*row.findings, finding))
        else:
            yield row
