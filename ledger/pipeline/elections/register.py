"""Adding to the register: each election is sealed together with all before it; files tell of elections made elsewhere."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from ledger.domain.election import Election, seal
from ledger.domain.errors import RowFault
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import PayloadId, hash_of
from ledger.domain.time.instant import instant_text
from ledger.storage.store import Reader, RegisteredElection, Writer

LinedElection = tuple[int, Election]  # the line of a file on which it begins, and what it says


def append(writer: Writer, elections: Iterable[Election], *, payload_id: PayloadId | None, stored_at: datetime) -> None:
    """Add elections at the end of the chain, in the order given."""
    tip = writer.register_tip()
    last, previous = (0, writer.genesis()) if tip is None else (tip.seq, tip.hash)
    added = []
    for seq, election in enumerate(elections, last + 1):
        own = seal(previous, election, payload_id=payload_id, stored_at=stored_at)
        added.append(
            RegisteredElection(seq=seq, election=election, payload_id=payload_id, stored_at=stored_at, previous_hash=previous, hash=own)
        )
        previous = own
    writer.add_elections(added)


class Intake:
    """Takes the elections of one file into the register, inside the caller's transaction; counts those new and known."""

    def __init__(self, writer: Writer, *, payload_id: PayloadId, stored_at: datetime) -> None:
        self._writer = writer
        self._payload_id = payload_id
        self._stored_at = stored_at
        self.new = 0
        self.known = 0

    def take(self, told: Sequence[LinedElection]) -> list[RowFault]:
        """Register what is new; return what is wrong with the rest. Of a file with faults the caller stores nothing."""
        known = self._writer.registered([election.election_id for _, election in told])
        faults: list[RowFault] = []
        new: list[Election] = []
        for line, election in told:
            stored = known.get(election.election_id)
            if stored is not None and stored.election == election:
                self.known += 1
            elif stored is not None:
                faults.append(_other_content(line, stored))
            else:
                new.append(election)
        self.new += len(new)
        append(self._writer, new, payload_id=self._payload_id, stored_at=self._stored_at)
        return faults


def broken_register(reader: Reader) -> list[Finding]:
    """Find the first election whose hash is not the one that it and all before it give, and elections that are gone."""
    previous, place = reader.genesis(), 0
    for place, (ident, parts, stored) in enumerate(reader.register_as_stored(), start=1):
        previous = hash_of(previous, *parts)
        if previous != stored:
            return [
                _broken(ident, f"election {ident}, number {place} of the register, is not as it was recorded, or one before it is gone")
            ]
    computed = reader.computation()
    if computed is not None and computed.election_seq > place:
        return [_broken("register", f"the register ends with number {place}, but lots were matched by {computed.election_seq} elections")]
    return []


def _broken(subject: str, message: str) -> Finding:
    return Finding(
        code="broken-register",
        severity=Severity.ERROR,
        subject=subject,
        message=message,
        mend="restore the database from a backup; the book was changed behind Lotwright's back",
    )


def _other_content(line: int, stored: RegisteredElection) -> RowFault:
    head = stored.election
    return RowFault(
        line=line,
        column="id",
        message=f"{head.election_id!r} is in the register with other content, recorded at {instant_text(head.recorded_at)}",
        mend="the register is never changed: write what was told before, or give a later election an id of its own",
    )
