"""The register as a document that can be given away: dated, whole, and checkable with nothing but SHA-256.

It holds every election with its hash, what each decided and when, and the recipe by which anybody can compute the hashes again.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from ledger.domain.amount import text_of
from ledger.domain.election import StandingOrder, words_of
from ledger.domain.lot import Disposal
from ledger.domain.time.instant import instant_text
from ledger.storage.store import Reader, RegisteredElection

SCHEMA = 1
SEALED = ("election", "kind", "subject", "recorded_at", "grade", "evidence", "body", "file", "stored_at")  # in this order
RECIPE = (
    "Each election is sealed by its `hash`: SHA-256, in lower-case hexadecimal, of ten texts in UTF-8 joined by the character U+001F.",
    "The first text is the `hash` of the election before it, for the first election the `genesis` of this book.",
    f"The other nine are its fields {', '.join(SEALED)}: in this order, and exactly as they stand here.",
    "If every hash computed so is the one that stands here, and the last one is `newest_hash`, then nothing in the register was",
    "changed, removed, added or moved since that newest hash was made.",
    "Instants are those of the clock of the machine that kept the book. Whoever was given an earlier proof, or only its `newest_hash`,",
    "on some day can tell that all elections up to it were recorded by that day: that hash must stand among those here.",
    "`decided` lists the disposals whose lots an election picked; it counts for those that are not before its `recorded_at`.",
    "Grade `own`: recorded in this book at `recorded_at`. Grade `imported`: told by the file whose id is `file`, which came in",
    "at `stored_at`; `evidence` says where it was recorded.",
)


def proof_of(reader: Reader, *, book: str, version: str, made_at: datetime) -> str:
    """Return the proof of all elections as JSON, readable by people too."""
    decided: defaultdict[str, list[Disposal]] = defaultdict(list)
    for piece in reader.elected_disposals():
        decided[piece.matched_by.partition(":")[2]].append(piece)
    register = list(reader.register())
    document = {
        "schema": SCHEMA,
        "document": "Elections of lots of digital assets (26 CFR 1.1012-1(j)): register with proof",
        "book": book,
        "made_at": instant_text(made_at),
        "software": f"Lotwright {version}",
        "how_to_verify": RECIPE,
        "genesis": reader.genesis(),
        "newest_hash": register[-1].hash if register else reader.genesis(),
        "elections": [
            {
                **_sealed(one),
                "hash": one.hash,
                "says": says(one),
                "decided": [_decided(piece) for piece in decided[one.election.election_id]],
            }
            for one in register
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def says(registered: RegisteredElection) -> str:
    """Return an election in one sentence."""
    election = registered.election
    scope = "".join(f", {what} {name}" for what, name in (("wallet", election.wallet), ("asset", election.asset)) if name)
    if isinstance(election, StandingOrder):
        bot = f", bot {election.bot}" if election.bot else ""
        return f"standing order: lots go {election.order} from {instant_text(election.effective_from)} on{scope}{bot}"
    for_what = f"order {election.order_id}" if election.sale is None else f"sale {election.sale}"
    lots = ", ".join(f"{text_of(pick.quantity)} of lot {pick.lot}" for pick in election.picks)
    return f"selection for {for_what}{scope}: {lots}"


def _sealed(one: RegisteredElection) -> Mapping[str, str]:
    head, words = one.election, words_of(one.election)
    texts = (
        *(head.election_id, words.kind, words.subject, instant_text(head.recorded_at), head.grade.value, head.evidence, words.body),
        *(one.payload_id or "", instant_text(one.stored_at)),
    )
    return dict(zip(SEALED, texts, strict=True))


def _decided(piece: Disposal) -> Mapping[str, str | int | None]:
    return {
        "disposal": piece.disposal_id,
        "piece": piece.piece,
        "event": piece.source_id,
        "kind": piece.kind.value,
        "disposed_at": instant_text(piece.disposed_at),
        "asset": piece.asset,
        "quantity": text_of(piece.quantity),
        "wallet": piece.wallet,
        "lot": piece.lot_id,
        "lot_event": piece.lot_source_id,
    }
