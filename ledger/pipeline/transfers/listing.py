"""The halves of transfers as a table for people: which wait and why, which are paired and how that came about."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from itertools import pairwise

from ledger.domain.document import CellKind, Column, ReportDocument, Row, Table
from ledger.domain.event import Transfer
from ledger.domain.ids import EventId
from ledger.domain.transfers.pairing import PairEvidence
from ledger.journal.candidates import holder_of
from ledger.journal.pairing import Pair, Pairing, Waiting, lost_of

_SHORT_MIN = 8  # digits of an event id: fewer look like numbers
_COLUMNS = (
    Column(name="id", title="Id"),
    Column(name="state", title="State"),
    Column(name="half", title="Half"),
    Column(name="time", title="Time", kind=CellKind.INSTANT),
    Column(name="account", title="Account", kind=CellKind.OUTSIDE),
    Column(name="source", title="Source's id", kind=CellKind.OUTSIDE),
    Column(name="asset", title="Asset"),
    Column(name="quantity", title="Quantity", kind=CellKind.QUANTITY),
    Column(name="lost", title="Lost on the way", kind=CellKind.QUANTITY),
    Column(name="others", title="Other halves"),
    Column(name="why", title="Why"),
)
_FOUND_BY = {
    PairEvidence.HAND: "matched by hand",
    PairEvidence.CHAIN_HASH: "same hash on the chain",
    PairEvidence.VENUE_ID: "same id at one venue",
    PairEvidence.ADDRESS: "same address",
    PairEvidence.AMOUNT: "same amount",
    PairEvidence.TOLERANCE: "amount within the tolerance",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfState:
    """How one half stands: `state` is ``waiting``, ``paired`` or ``dismissed``.

    `others` are the halves that it is paired with, or that would fit while it waits. `lost` is what of the pair arrived nowhere,
    None of a half that is in no pair.
    """

    half: Transfer
    state: str
    others: tuple[EventId, ...]
    lost: Decimal | None
    why: str


def states_of(pairing: Pairing) -> list[HalfState]:
    """Return how every half stands: those that wait first, then pairs, then what was dismissed; each by time."""
    return [
        *map(_waiting, pairing.waiting),
        *(_paired(pair, half) for pair in pairing.pairs for half in pair.halves),
        *(
            HalfState(half=half, state="dismissed", others=(), lost=None, why="no transfer of yours, as you said")
            for half in pairing.dismissed
        ),
    ]


def document_of_states(states: Sequence[HalfState], *, book: str) -> ReportDocument:
    """Return the table as a document, ids as short as they can be."""
    names = {event_id for state in states for event_id in (state.half.event_id, *state.others)}
    short = _short_ids(sorted(names))
    return ReportDocument(
        name="transfers",
        title="Halves of transfers",
        cover=(("Book", book),),
        tables=(Table(name="transfers", title="Halves of transfers", columns=_COLUMNS, rows=partial(_rows, states, short)),),
    )


def _waiting(one: Waiting) -> HalfState:
    why = "nothing fits"
    if len(one.candidates) == 1:
        why = "one fits, but that fits others too"
    elif one.candidates:
        why = "several fit"
    return HalfState(half=one.half, state="waiting", others=one.candidates, lost=None, why=why)


def _paired(pair: Pair, half: Transfer) -> HalfState:
    others = pair.deposits if half in pair.withdrawals else pair.withdrawals
    lost = lost_of(pair.withdrawals, pair.deposits)
    ids = tuple(other.event_id for other in others)
    return HalfState(half=half, state="paired", others=ids, lost=lost, why=_FOUND_BY[pair.evidence])


def _rows(states: Sequence[HalfState], short: dict[EventId, str]) -> Iterator[Row]:
    for state in states:
        half = state.half
        yield (
            short[half.event_id],
            state.state,
            "withdrawal" if half.to_account is None else "deposit",
            half.occurred_at,
            holder_of(half),
            half.source_id,
            half.amount.asset,
            half.amount.quantity,
            state.lost,
            " ".join(short[other] for other in state.others),
            state.why,
        )


def _short_ids(ids: Sequence[EventId]) -> dict[EventId, str]:
    """Return the fewest first digits that tell these ids apart; `ids` sorted."""
    digits = _SHORT_MIN
    for one, other in pairwise(ids):
        while one[:digits] == other[:digits]:
            digits += 1
    return {event_id: event_id[:digits] for event_id in ids}
