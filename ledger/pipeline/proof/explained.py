"""The venue's own ledger against the book: each of its lines belongs to an event, its balances hold together, fills are as it has them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from ledger.domain.event import SourceRank
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import AccountId, EventId
from ledger.domain.time.instant import instant_text
from ledger.pipeline.proof.rows import fills_unlike_ledger, gaps_in_ledger, stored_lines
from ledger.ports import Connector, LedgerLine
from ledger.storage.store import State, Store

LEDGER = "ledger"
_PROOF = "ledger-proof"  # the cursor that says up to which payload every ledger line is explained
_LINES = "ledger-lines"  # the cursor that says up to which payload the ledger's lines are stored, and proven


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Lines of the venue's ledger that no event explains; `proven` is the place of the last payload before the first of them, or 0.

    `unasked` are these and those of which only a file told: the venue is asked all the same, as it knows more, such as orders.
    """

    proven: int
    open_lines: tuple[LedgerLine, ...]
    unasked: tuple[LedgerLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerProof:
    """The proof of one account by its venue's ledger. `now` gives our clock."""

    store: Store
    connector: Connector
    account: AccountId
    now: Callable[[], datetime]

    def explained(self) -> Explained:
        """Hold every ledger line that is not proven yet against the events of the book."""
        proven, open_lines, unasked = 0, list[LedgerLine](), list[LedgerLine]()
        with self.store.read() as reader:
            state = reader.cursor(self.account, _PROOF, "") or {}
            told = reader.lines_of_payloads(self.account, LEDGER, after_seq=_place_in(state))
            for payload_seq, lines in groupby(told, key=attrgetter("payload_seq")):
                explains = {(line.wallet, line.line_id): line.explains.split() for line in lines}
                known = reader.known([EventId(event) for events in explains.values() for event in events])
                by_venue = {event for event, one in known.items() if one.rank > SourceRank.FILE}
                wanted = {line for line, events in explains.items() if by_venue.isdisjoint(events)}
                if wanted:  # the page itself says who should have told of them
                    _, page = next(reader.payloads(account=self.account, stream=LEDGER, after_seq=payload_seq - 1))
                    found = [line for line in self.connector.interpret(page).lines if (line.wallet or line.asset, line.line_id) in wanted]
                    unasked += found
                    open_lines += [line for line in found if known.keys().isdisjoint(line.event_ids)]
                proven = proven if open_lines else payload_seq
        return Explained(proven=proven, open_lines=tuple(open_lines), unasked=tuple(unasked))

    def keep(self, explained: Explained) -> None:
        """Keep what is explained, and find what is not."""
        with self.store.write() as writer:
            writer.replace_findings(f"{_PROOF}:{self.account}", [_unexplained_line(line) for line in explained.open_lines], self.now())
            if explained.proven:
                writer.put_cursor(self.account, _PROOF, "", {"payload_seq": explained.proven}, self.now())

    def read_older_lines(self) -> None:
        """Store the lines of pages that were pulled before a book kept them; once."""
        with self.store.write() as writer:
            if writer.cursor(self.account, _LINES, "") is not None:
                return
            for payload_seq, payload in writer.payloads(account=self.account, stream=LEDGER):
                writer.add_ledger_lines(stored_lines(self.connector.interpret(payload).lines, payload_seq))
            writer.put_cursor(self.account, _LINES, "", {"payload_seq": 0}, self.now())

    def prove_rows(self) -> None:
        """Hold the ledger together row by row, where it has new rows, and against the fills of the book; keep what is found."""
        with self.store.read() as reader:
            after = _place_in(reader.cursor(self.account, _LINES, "") or {})
            wallets = reader.ledger_wallets(self.account, after_payload_seq=after)
            gaps = {wallet: gaps_in_ledger(reader, self.account, wallet) for wallet in wallets}
            unlike = fills_unlike_ledger(reader, self.account, after_payload_seq=after)
            last = reader.ledger_payload_last(self.account)
        with self.store.write() as writer:
            for wallet, found in gaps.items():
                writer.replace_findings(f"{_LINES}:{self.account}/{wallet}", found, self.now())
            writer.replace_findings(f"{_LINES}:{self.account}", unlike, self.now())
            if not unlike:
                writer.put_cursor(self.account, _LINES, "", {"payload_seq": last}, self.now())


def _place_in(state: State) -> int:
    place = state.get("payload_seq")
    return place if isinstance(place, int) else 0


def _teller(line: LedgerLine) -> str:
    return "event" if line.told_by is None else f"{line.told_by.stream} {line.told_by.symbol}".rstrip()


def _unexplained_line(line: LedgerLine) -> Finding:
    return Finding(
        code="unexplained-ledger-line",
        severity=Severity.ERROR,
        subject=f"{line.account}/{line.asset}/{line.line_id}",
        message=f"the venue's ledger has {line.kind} {line.amount:f} {line.asset} at {instant_text(line.occurred_at)}, "
        f"and no {_teller(line)} of the book explains it",
        mend=f"lotwright sync {line.account} --again; if it stays, import the venue's export file for that day",
    )
