"""A file and its dates -> allocations in the book: one an asset, for good, all of the file or nothing.

Source: Rev. Proc. 2024-28, sec. 5.02: an allocation is irrevocable, so all that can be weighed is weighed before it is stored.
"""

import io
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ledger.connectors.files.allotments import NAME, allotment_rows
from ledger.connectors.files.reading import read_file, read_table
from ledger.domain.amount import AssetCode
from ledger.domain.errors import InputError, RowFault
from ledger.domain.ids import AccountId, VenueName, content_hash, payload_id
from ledger.domain.law.allocation import Allocation, AllocationKind, Allotment, allocation_id
from ledger.domain.payload import Payload, PayloadKind
from ledger.domain.time.instant import instant_text
from ledger.pipeline.allocations.soundness import faults_of
from ledger.pipeline.match import movements_of
from ledger.ports import BookTerms, TaxRegime
from ledger.storage.store import Writer

_ONCE = "an allocation is irrevocable (Rev. Proc. 2024-28, sec. 5.02): the one in the book stays; see `lotwright lots allocations`"


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationTold:
    """What is said of a document beside its rows: as in `Allocation`; instants are UTC."""

    kind: AllocationKind
    recorded_at: datetime
    evidence: str
    described_at: datetime | None = None


def allocate(writer: Writer, path: Path, told: AllocationTold, *, terms: BookTerms, regime: TaxRegime, now: datetime) -> list[Allocation]:
    """Store the allocations of a file, inside the caller's transaction, and return them by asset; lots are matched by the caller.

    Raises:
        InputError: for a bad row, a date to come, an asset that has an allocation, one that does not tie with lots and wallets or
            was not made in time.
        UnsupportedCase: when the book's law or scope knows no allocations.
    """
    _check_dates(told, now)
    content = read_file(path, lambda stream: read_table(stream, name=str(path)).rows)
    allocations = [_allocation(asset, rows, told) for asset, rows in sorted(_rows_by_asset(path, content, terms).items())]
    if not allocations:
        raise InputError(f"{path}: has no rows", mend="write one row for each lot and wallet")
    taken = {one.asset: one.allocation_id for one in writer.allocations()}
    for one in allocations:
        regime.allocation_faults(one, first_disposal=None, terms=terms)
        if one.asset in taken:
            raise InputError(f"{path}: {one.asset} has an allocation already, {taken[one.asset]}", mend=_ONCE)
    _check_counts(writer, path, allocations, terms, regime)
    payload_seq, _ = writer.add_payload(_payload(path, content, now))
    writer.add_allocations(allocations, payload_seq=payload_seq, stored_at=now)
    return allocations


def _check_dates(told: AllocationTold, now: datetime) -> None:
    for name, instant in (("recorded-at", told.recorded_at), ("described-at", told.described_at)):
        if instant is not None and instant > now:
            raise InputError(f"--{name} {instant_text(instant)} is to come: it is {instant_text(now)}", mend="say when it was")
    if told.described_at is not None and told.described_at > told.recorded_at:
        raise InputError(
            f"the rule was described at {instant_text(told.described_at)}, after the allocation was complete",
            mend="a global allocation carries out a rule of before: correct one of the two dates",
        )


def _check_counts(writer: Writer, path: Path, allocations: list[Allocation], terms: BookTerms, regime: TaxRegime) -> None:
    faults = [
        f"{one.asset}: {fault}"
        for one in allocations
        for fault in faults_of(one, terms, regime, movements_of(writer, one.asset, regime, terms))
    ]
    if faults:
        raise InputError(
            f"{path}: the allocation does not count, nothing was stored: {'; '.join(faults)}",
            mend="every unit that was left when the pool of all wallets ended must be in one row, and no other; see "
            "`lotwright report holdings --to 2024-12-31` and `lotwright report lots --to 2024-12-31`; import history that is missing first",
        )


def _rows_by_asset(path: Path, content: bytes, terms: BookTerms) -> dict[AssetCode, list[Allotment]]:
    table = read_table(io.BytesIO(content), name=str(path))
    by_asset: defaultdict[AssetCode, list[Allotment]] = defaultdict(list)
    faults: list[RowFault] = []
    for row in allotment_rows(table.rows, table.header, name=str(path), zone=terms.zone):
        faults += row.faults
        if row.allotment is not None:
            by_asset[row.asset].append(row.allotment)
    if faults:
        bad = len({fault.line for fault in faults})
        what = "1 row is" if bad == 1 else f"{bad} rows are"
        raise InputError(f"{path}: {what} bad; nothing was stored", mend="correct the document and give it again", faults=faults)
    return by_asset


def _allocation(asset: AssetCode, rows: list[Allotment], told: AllocationTold) -> Allocation:
    allotments = tuple(rows)
    ident = allocation_id(asset=asset, kind=told.kind, recorded_at=told.recorded_at, described_at=told.described_at, allotments=allotments)
    return Allocation(
        allocation_id=ident,
        asset=asset,
        kind=told.kind,
        recorded_at=told.recorded_at,
        evidence=told.evidence,
        allotments=allotments,
        described_at=told.described_at,
    )


def _payload(path: Path, content: bytes, now: datetime) -> Payload:
    digest, account = content_hash(content), AccountId("")
    return Payload(
        payload_id=payload_id(account=account, request=NAME, content=digest),
        kind=PayloadKind.FILE,
        venue=VenueName("file"),
        account=account,
        stream=NAME,
        symbol="",
        request=NAME,
        name=path.name,
        content=content,
        content_hash=digest,
        fetched_at=now,
    )
