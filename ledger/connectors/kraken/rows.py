"""What rows of Kraken's ledger mean: tables from type and subtype to a reader, for the API and for the export of ledgers alike.

A type whose meaning no subtype can change has one reader for all of them; of the others each subtype has its own, and what is in
neither table is a finding, in the words of `ledger.connectors.kraken.questions`.
A row says how one balance moved by `amount` less `fee`; all rows of one exchange share a `refid`, which for a trade is its id.
Sources: Kraken's REST reference, Get Ledgers Info; Kraken support, How to interpret ledger history fields.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from ledger.connectors.kraken.assets import asset_of, is_money_of, wallet_of
from ledger.connectors.kraken.ids import VENUE, id_of
from ledger.connectors.kraken.questions import PARTLY_RETURNED, Question, question_of, question_of_exchange
from ledger.connectors.kraken.spelling import findings_of_names
from ledger.domain.amount import Amount, AssetCode, added, subtracted, text_of
from ledger.domain.errors import InputError
from ledger.domain.event import Charge, ChargeKind, Event, Fill, Income, IncomeKind, Side, SourceRank, Transfer
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import AccountId, EventId, SourceId
from ledger.domain.time.instant import instant_text
from ledger.domain.transfers.coming_back import come_back
from ledger.ports import LedgerLine

GROUP_SPAN = timedelta(seconds=2)  # rows of one exchange are written together
_FEE_CREDITS = AssetCode("KFEE")


@dataclass(frozen=True, slots=True, kw_only=True)
class KrakenRow:
    """One row of the ledger: `row_id` its own id (``txid`` in the export), `asset` as Kraken spells it, `balance` None if none is told.

    `amount` is signed and without the fee; `fee` is a further debit of the same asset. `is_pending`: the balance is an empty text, so
    that nothing moved yet, and a row of its own will tell when it does.
    """

    row_id: str
    refid: str
    occurred_at: datetime
    kind: str
    subtype: str
    asset: str
    amount: Decimal
    fee: Decimal
    balance: Decimal | None
    is_pending: bool = False

    @property
    def net(self) -> Decimal:
        """Return by how much the balance moved."""
        return subtracted(self.amount, self.fee)


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """Whose ledger it is, how far the source is believed, and the venue's other names of assets as far as it was asked for them."""

    account: AccountId
    rank: SourceRank
    listed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsRead:
    """What a group of rows says; the events with the ids of the rows that tell of them."""

    events: tuple[tuple[Event, tuple[str, ...]], ...] = ()
    lines: tuple[LedgerLine, ...] = ()
    findings: tuple[Finding, ...] = ()


def oriented(received: Amount, given: Amount) -> tuple[Side, Amount, Amount]:
    """Return side, base and quote of an exchange, the same for every source that tells of it."""
    if is_money_of(received.asset, given.asset):
        return Side.SELL, given, received
    return Side.BUY, received, given


def read_rows(rows: Iterable[KrakenRow], teller: Teller) -> RowsRead:
    """Return what rows say, given whole: all rows of a refid at once. Sorted by time, then refid; their order does not matter."""
    groups: defaultdict[str, list[KrakenRow]] = defaultdict(list)
    names = set()
    for row in rows:
        groups[row.refid].append(row)
        names.add(row.asset)
    ordered = sorted(groups.values(), key=lambda group: (min(row.occurred_at for row in group), group[0].refid))
    read = [_group(sorted(group, key=lambda row: (row.occurred_at, row.row_id)), teller) for group in ordered]
    return _all_of([*read, RowsRead(findings=findings_of_names(names, listed=teller.listed, account=teller.account))])


def held_back(rows: Iterable[KrakenRow], *, told_above: datetime) -> frozenset[str]:
    """Return the ids of the rows whose refid is not certain to be whole yet: one of its rows is not later than `told_above`."""
    known = list(rows)
    refids = {row.refid for row in known if row.occurred_at <= told_above}
    return frozenset(row.row_id for row in known if row.refid in refids)


_Reader = Callable[[list[KrakenRow], Teller], RowsRead]


def _group(group: list[KrakenRow], teller: Teller) -> RowsRead:
    """Read the rows of one refid, type by type; rows of an exchange together, others one by one."""
    by_reader: dict[_Reader, list[KrakenRow]] = {}
    for row in group:
        by_reader.setdefault(_reader_of(row), []).append(row)
    return _all_of(_attempt(reader, rows, teller) for reader, rows in by_reader.items())


def _all_of(parts: Iterable[RowsRead]) -> RowsRead:
    read = list(parts)
    return RowsRead(
        events=tuple(event for one in read for event in one.events),
        lines=tuple(line for one in read for line in one.lines),
        findings=tuple(finding for one in read for finding in one.findings),
    )


def _reader_of(row: KrakenRow) -> _Reader:
    return READERS.get((row.kind, row.subtype)) or READERS_OF_ANY_SUBTYPE.get(row.kind, _open)


def _attempt(reader: _Reader, rows: list[KrakenRow], teller: Teller) -> RowsRead:
    try:
        return reader(rows, teller)
    except InputError as refused:
        question = Question(code="unreadable-row", told=refused.message, mend=question_of("").mend)
        return _found(question, rows, teller)


def _found(question: Question, rows: list[KrakenRow], teller: Teller) -> RowsRead:
    """Return a finding for rows that are booked nowhere; their movements stay as lines of the venue's ledger."""
    first = rows[0]
    finding = Finding(
        code=question.code,
        severity=Severity.ERROR,
        subject=row_subject(teller.account, first.row_id),
        message=f"{question.told}: {'; '.join(_shown(row) for row in rows)}",
        mend=question.mend,
    )
    return RowsRead(lines=_lines(rows, teller), findings=(finding,))


def _waiting(row: KrakenRow, teller: Teller) -> Finding:
    return Finding(
        code="pending-row",
        severity=Severity.WARNING,
        subject=row_subject(teller.account, row.row_id),
        message=f"not booked yet, and not in the book: {_shown(row)}",
        mend="none where a row of its own booked it later; else pull all anew: lotwright sync --again",
    )


def row_subject(account: AccountId, row_id: str) -> str:
    """Return what a finding about a row of the ledger, and those that belong to it, is about."""
    return f"{account}/ledger/{row_id}"


def _shown(row: KrakenRow) -> str:
    name = f"{row.kind}/{row.subtype}" if row.subtype else row.kind
    return f"{name} {text_of(row.amount)} {row.asset}, fee {text_of(row.fee)}, refid {row.refid}, {instant_text(row.occurred_at)}"


def _lines(rows: Iterable[KrakenRow], teller: Teller, event: EventId | None = None) -> tuple[LedgerLine, ...]:
    return tuple(_line(row, teller, event) for row in rows)


def _line(row: KrakenRow, teller: Teller, event: EventId | None) -> LedgerLine:
    return LedgerLine(
        line_id=row.row_id,
        account=teller.account,
        asset=asset_of(row.asset),
        wallet=wallet_of(row.asset),
        occurred_at=row.occurred_at,
        kind=row.kind,
        amount=row.net,
        balance=row.balance,
        event_ids=() if event is None else (event,),
    )


def _told(event: Event, rows: list[KrakenRow], teller: Teller) -> RowsRead:
    return RowsRead(events=((event, tuple(row.row_id for row in rows)),), lines=_lines(rows, teller, event.event_id))


def _each(reader: Callable[[KrakenRow, Teller], RowsRead]) -> _Reader:
    """Make a reader of rows out of one of a single row."""

    def read(rows: list[KrakenRow], teller: Teller) -> RowsRead:
        return _all_of(_attempt(lambda one, who: reader(one[0], who), [row], teller) for row in rows)

    return read


def _once_booked(reader: _Reader) -> _Reader:
    """Make a reader pass over rows that wait to be booked, and tell of those that no row of the refid books."""

    def read(rows: list[KrakenRow], teller: Teller) -> RowsRead:
        booked = [row for row in rows if not row.is_pending]
        done = {(row.asset, row.amount) for row in booked}
        waiting = [row for row in rows if row.is_pending and (row.asset, row.amount) not in done]
        told = RowsRead(findings=tuple(_waiting(row, teller) for row in waiting))
        return _all_of((reader(booked, teller), told)) if booked else told

    return read


# --- one reader a type, with a row as it looks ----------------------------------------------------------------------


def _exchange(rows: list[KrakenRow], teller: Teller) -> RowsRead:
    """Read what was given and received under one refid. Rows that cancel each other, as of tokenized assets, are one.

    {"refid": "TQ7LPW-5NV3C-XJ2K4A", "time": 1718040012.3478456, "type": "trade", "subtype": "", "aclass": "currency",
     "asset": "ZUSD", "amount": "-345.6005", "fee": "0.8640", "balance": "10412.1137"}
    {"refid": "TQ7LPW-5NV3C-XJ2K4A", "time": 1718040012.3478456, "type": "trade", "subtype": "", "aclass": "currency",
     "asset": "XXBT", "amount": "0.0050000000", "fee": "0.0000000000", "balance": "1.2345678900"}
    """
    legs, fees = _legs(rows)
    received = [leg for leg in legs if leg.quantity > 0]
    given = [leg for leg in legs if leg.quantity < 0]
    if len(received) != 1 or len(given) != 1 or len(fees) > 1:
        return _found(question_of_exchange(given=given, received=received, fees=fees), rows, teller)
    side, base, quote = oriented(received[0], -given[0])
    fill = Fill(
        event_id=id_of("exchange", account=teller.account, source_id=rows[0].refid),
        source_id=SourceId(rows[0].refid),
        venue=VENUE,
        account=teller.account,
        occurred_at=rows[0].occurred_at,
        rank=teller.rank,
        side=side,
        base=base,
        quote=quote,
        fee=fees[0] if fees else None,
    )
    return _told(fill, rows, teller)


def _legs(rows: list[KrakenRow]) -> tuple[list[Amount], list[Amount]]:
    """Return what moved and what was paid in fees, by asset, without what comes to nothing; fee credits are a fee however told."""
    moved: defaultdict[AssetCode, Decimal] = defaultdict(Decimal)
    paid: defaultdict[AssetCode, Decimal] = defaultdict(Decimal)
    for row in rows:
        asset = asset_of(row.asset)
        if asset == _FEE_CREDITS:
            paid[asset] = subtracted(paid[asset], row.net)
            continue
        moved[asset] = added(moved[asset], row.amount)
        paid[asset] = added(paid[asset], row.fee)
    return _amounts(moved), _amounts(paid)


def _amounts(quantities: Mapping[AssetCode, Decimal]) -> list[Amount]:
    return [Amount(quantity=quantity, asset=asset) for asset, quantity in sorted(quantities.items()) if quantity]


def _deposit(row: KrakenRow, teller: Teller) -> RowsRead:
    """Read what came in. While it is pending there is a row without a balance, which moved nothing.

    {"refid": "QGBJKPM-BVHGHZ-DJCJ2Y", "time": 1704198542.0331, "type": "deposit", "subtype": "", "aclass": "currency",
     "asset": "ZUSD", "amount": "250000.0000", "fee": "0.0000", "balance": "250000.0000"}
    """
    if row.is_pending:
        return RowsRead()
    _refuse_without_balance(row)
    if row.amount <= 0:
        raise InputError("a deposit that takes away")
    return _transferred(row, teller, inward=True)


def _withdrawal(rows: list[KrakenRow], teller: Teller) -> RowsRead:
    """Read what left, and what came back of a withdrawal that failed: a row of its refid, with amount and fee turned round.

    {"refid": "AGBSO6T-UFMTTQ-I7KGS6", "time": 1714641295.1204, "type": "withdrawal", "subtype": "", "aclass": "currency",
     "asset": "XXBT", "amount": "-0.2499200000", "fee": "0.0000800000", "balance": "1.0000000000"}
    {"refid": "AGBSO6T-UFMTTQ-I7KGS6", "time": 1714646027.7513, "type": "withdrawal", "subtype": "", "aclass": "currency",
     "asset": "XXBT", "amount": "0.2499200000", "fee": "-0.0000800000", "balance": "1.2500000000"}
    """
    moved = [row for row in rows if not row.is_pending]
    back = [row for row in moved if row.amount > 0]
    left = _LEFT([row for row in moved if row.amount <= 0], teller)
    if not back:
        return left
    returned = _attempt(_returned, back, teller)
    if not (left.events and returned.events):
        return _all_of((left, returned))
    whole = _whole(left, returned)
    return _all_of((left, _found(PARTLY_RETURNED, back, teller))) if whole is None else _told(whole, moved, teller)


def _whole(left: RowsRead, returned: RowsRead) -> Transfer | None:
    """Return the withdrawal that came back; None where another amount came than left."""
    (back, _), *_ = returned.events
    (sent, _), *others = left.events
    assert isinstance(sent, Transfer), sent
    assert isinstance(back, Transfer), back
    return None if others else come_back(sent, back)


def _left(row: KrakenRow, teller: Teller) -> RowsRead:
    _refuse_without_balance(row)
    return _transferred(row, teller, inward=False)


def _returned(rows: list[KrakenRow], teller: Teller) -> RowsRead:
    """Read what came back: with its fee, for the balance is as if nothing had happened. What left may stand on another page."""
    for row in rows:
        _refuse_without_balance(row)
    quantity = added(*(row.net for row in rows))
    assets = {asset_of(row.asset) for row in rows}
    if quantity <= 0 or len(assets) > 1:
        raise InputError("a withdrawal of which nothing came back, or several assets")
    returned = _transfer(
        rows[0], teller, Amount(quantity=quantity, asset=assets.pop()), from_account=teller.account, to_account=teller.account
    )
    return _told(returned, rows, teller)


def _refuse_without_balance(row: KrakenRow) -> None:
    if row.balance is None:
        raise InputError('"balance" is missing, so that nothing tells whether the row moved anything')


def _from_elsewhere(row: KrakenRow, teller: Teller) -> RowsRead:
    """Read a move from or to an account of another kind at the same venue, such as futures.

    {"refid": "FTQcuak-V6Za8qrWnhzTx67yYHz8Tg", "time": 1688464484.1787, "type": "transfer", "subtype": "spottofutures",
     "aclass": "currency", "asset": "ZUSD", "amount": "-1000.0000", "fee": "0.0000", "balance": "250.0000"}
    """
    return _transferred(row, teller, inward=row.amount > 0)


def _transferred(row: KrakenRow, teller: Teller, *, inward: bool) -> RowsRead:
    if not row.amount:
        raise InputError("a transfer of nothing")
    asset, here = asset_of(row.asset), teller.account
    sender, receiver = (None, here) if inward else (here, None)
    transfer = _transfer(row, teller, Amount(quantity=abs(row.amount), asset=asset), from_account=sender, to_account=receiver)
    fee = Amount(quantity=row.fee, asset=asset) if row.fee else None
    return _told(replace(transfer, fee=fee), [row], teller)


def _transfer(row: KrakenRow, teller: Teller, amount: Amount, *, from_account: AccountId | None, to_account: AccountId | None) -> Transfer:
    return Transfer(
        event_id=id_of("transfer", account=teller.account, source_id=row.refid),
        source_id=SourceId(row.refid),
        venue=VENUE,
        account=teller.account,
        occurred_at=row.occurred_at,
        rank=teller.rank,
        from_account=from_account,
        to_account=to_account,
        amount=amount,
    )


def _custody(rows: list[KrakenRow], teller: Teller) -> RowsRead:
    """Read a move from or to the owner's account with the venue's own custodian. Two rows of one refid may be the same move twice.

    {"refid": "TSLA2Y-QZC2J4-MOQPWX", "time": 1720008032.5, "type": "custodytransfer", "subtype": "", "aclass": "currency",
     "asset": "XXBT", "amount": "-1.0000000000", "fee": "0.0000000000", "balance": "0.5000000000"}
    """
    if len(rows) > 1:
        return _open(rows, teller)
    return RowsRead(findings=(_waiting(rows[0], teller),)) if rows[0].is_pending else _ELSEWHERE(rows, teller)


def _within(row: KrakenRow, teller: Teller) -> RowsRead:
    """Read a move between two sub-wallets of one asset: nothing came in and nothing left, so nothing is booked.

    {"refid": "BUHBM2Y-QZC2J4-MOQPWX", "time": 1640008032.5, "type": "transfer", "subtype": "spottostaking", "aclass": "currency",
     "asset": "DOT", "amount": "-10.0000000000", "fee": "0.0000000000", "balance": "0.5000000000"}
    {"refid": "RUSB7W6-ESIXUX-K6PVTM", "time": 1640008032.9, "type": "transfer", "subtype": "stakingfromspot", "aclass": "currency",
     "asset": "DOT.S", "amount": "10.0000000000", "fee": "0.0000000000", "balance": "10.0000000000"}
    """
    if row.fee:
        raise InputError("a move within the account that costs a fee")
    return RowsRead(lines=_lines([row], teller))


def _income(kind: IncomeKind, *, note: str | None = None) -> _Reader:
    def read(row: KrakenRow, teller: Teller) -> RowsRead:
        """Read what was earned; the venue's own commission is the fee.

        {"refid": "STFLIE3-BQPUEM-QUTZLS", "time": 1640195032.1, "type": "staking", "subtype": "", "aclass": "currency",
         "asset": "DOT.S", "amount": "0.0123456789", "fee": "0.0000000000", "balance": "10.0123456789"}
        """
        if row.is_pending:
            return RowsRead(findings=(_waiting(row, teller),))
        if row.amount <= 0:
            raise InputError("income that is not above zero")
        asset = asset_of(row.asset)
        income = Income(
            event_id=id_of("income", account=teller.account, source_id=row.row_id),
            source_id=SourceId(row.row_id),
            venue=VENUE,
            account=teller.account,
            occurred_at=row.occurred_at,
            rank=teller.rank,
            note=note,
            kind=kind,
            amount=Amount(quantity=row.amount, asset=asset),
            fee=Amount(quantity=row.fee, asset=asset) if row.fee else None,
        )
        return _told(income, [row], teller)

    return _each(read)


def _adjustment(rows: list[KrakenRow], teller: Teller) -> RowsRead:
    """Read what the venue itself turned into another asset, where both stand under one refid; else it is open.

    {"refid": "TADJX2-MLN4RR-QX3OWA", "time": 1498564800.1, "type": "adjustment", "subtype": "", "aclass": "currency",
     "asset": "XICN", "amount": "-12.0000000000", "fee": "0.0000000000", "balance": "0.0000000000"}
    {"refid": "TADJX2-MLN4RR-QX3OWA", "time": 1498564800.1, "type": "adjustment", "subtype": "", "aclass": "currency",
     "asset": "XETH", "amount": "0.0412000000", "fee": "0.0000000000", "balance": "0.0412000000"}
    """
    legs, _ = _legs(rows)
    return _exchange(rows, teller) if sorted(leg.quantity > 0 for leg in legs) == [False, True] else _open(rows, teller)


def _rollover(row: KrakenRow, teller: Teller) -> RowsRead:
    """Read what the venue charges for keeping a margin position open, which is told as a fee of nothing.

    {"refid": "TYWBXF-JKPMM-LNXPWA", "time": 1614264000.1, "type": "rollover", "subtype": "", "aclass": "currency",
     "asset": "ZEUR", "amount": "0.0000", "fee": "0.0550", "balance": "1299.2370"}
    """
    if row.is_pending:
        return RowsRead(findings=(_waiting(row, teller),))
    if row.amount or row.fee <= 0:
        return _open([row], teller)
    charge = Charge(
        event_id=id_of("charge", account=teller.account, source_id=row.row_id),
        source_id=SourceId(row.row_id),
        venue=VENUE,
        account=teller.account,
        occurred_at=row.occurred_at,
        rank=teller.rank,
        note="rollover",
        kind=ChargeKind.FEE,
        amount=Amount(quantity=row.fee, asset=asset_of(row.asset)),
    )
    return _told(charge, [row], teller)


def _open(rows: list[KrakenRow], teller: Teller) -> RowsRead:
    """Find rows of types that do not tell what they were for, or that nobody here knows: a finding for each type of a refid.

    {"refid": "TYWBXF-JKPMM-LNXPWA", "time": 1614264000.1, "type": "margin", "subtype": "", "aclass": "currency",
     "asset": "ZEUR", "amount": "-12.5000", "fee": "0.0550", "balance": "1299.2370"}
    """
    kinds = dict.fromkeys(row.kind for row in rows)
    read = [_found(question_of(kind), [row for row in rows if row.kind == kind], teller) for kind in kinds]
    return RowsRead(lines=tuple(line for one in read for line in one.lines), findings=tuple(one.findings[0] for one in read))


_DEPOSIT, _LEFT, _ELSEWHERE, _WITHIN = map(_each, (_deposit, _left, _from_elsewhere, _within))

READERS: Mapping[tuple[str, str], _Reader] = {
    ("transfer", "spotfromfutures"): _ELSEWHERE,
    ("transfer", "spottofutures"): _ELSEWHERE,
    ("transfer", "spottostaking"): _WITHIN,
    ("transfer", "stakingfromspot"): _WITHIN,
    ("transfer", "stakingtospot"): _WITHIN,
    ("transfer", "spotfromstaking"): _WITHIN,
    ("earn", "allocation"): _WITHIN,
    ("earn", "autoallocation"): _WITHIN,
    ("earn", "deallocation"): _WITHIN,
    ("earn", "migration"): _WITHIN,
    ("earn", "reward"): _income(IncomeKind.REWARD),
    ("staking", ""): _income(IncomeKind.STAKING),
    ("staking", "reward"): _income(IncomeKind.STAKING),
}
# Types whose meaning no subtype can change; what is an exchange has two sides under its refid, whatever it is called.
READERS_OF_ANY_SUBTYPE: Mapping[str, _Reader] = {
    **dict.fromkeys(("trade", "spend", "receive", "conversion", "sale"), _once_booked(_exchange)),
    "deposit": _DEPOSIT,
    "withdrawal": _withdrawal,
    "custodytransfer": _custody,
    "adjustment": _once_booked(_adjustment),
    "reward": _income(IncomeKind.REWARD),
    "dividend": _income(IncomeKind.REWARD, note="dividend"),
    "invite bonus": _income(IncomeKind.REFERRAL),
    "rollover": _each(_rollover),
}
