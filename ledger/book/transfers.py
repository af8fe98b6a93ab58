"""Transfers: how the halves stand, and what a user decides about them."""

from collections.abc import Callable
from datetime import datetime

from ledger.book.core import SILENT, BookCore
from ledger.domain.document import ReportDocument
from ledger.domain.transfers.pairing import PairDecision
from ledger.journal.pair_choices import dismissal_of, match_of, split_of
from ledger.journal.pairing import Pairing
from ledger.pipeline.transfers.listing import HalfState, document_of_states, states_of
from ledger.pipeline.transfers.pair import half_named, pairing_of


class Transfers(BookCore):
    """What a book knows of the two halves of a transfer; ids are the beginning of an event id, or ``account/id`` of the source."""

    def transfers(self) -> tuple[HalfState, ...]:
        """Return how every half stands: those that wait first, then pairs, then what was dismissed; each by time."""
        with self.store.read() as reader:
            return tuple(states_of(pairing_of(reader, self.settings.transfers)))

    def transfers_document(self, *, everything: bool = False) -> ReportDocument:
        """Return the halves that wait as a table, or all of them."""
        states = [one for one in self.transfers() if everything or one.state == "waiting"]
        return document_of_states(states, book=self.settings.folder.name)

    def match_transfers(self, *idents: str, rest_is_fee: bool = False) -> PairDecision:
        """Record that halves are one transfer, and carry their lots: one withdrawal and its deposits, or one deposit and its withdrawals.

        `rest_is_fee`: what did not arrive was paid on the way, however much it is.

        Raises:
            InputError: when they cannot be one transfer; nothing is stored then.
            BookBusy: when another run holds the book.
        """
        limits = self.settings.transfers

        def decide(pairing: Pairing, now: datetime) -> PairDecision:
            halves = [half_named(pairing, ident) for ident in idents]
            return match_of(pairing, halves, limits, rest_is_fee=rest_is_fee, decided_at=now)

        return self._decide(decide)

    def split_transfer(self, ident: str) -> PairDecision:
        """Record that the pair of a half is none, so that its halves wait again; or that a dismissed half is a transfer after all.

        Raises:
            InputError: when the half is neither paired nor dismissed; nothing is stored then.
            BookBusy: when another run holds the book.
        """
        return self._decide(lambda pairing, now: split_of(pairing, half_named(pairing, ident), decided_at=now))

    def dismiss_transfer(self, ident: str) -> PairDecision:
        """Record that a half is no transfer between own accounts; a finding says how to tell what it was.

        Raises:
            InputError: when the half is paired or dismissed already; nothing is stored then.
            BookBusy: when another run holds the book.
        """
        return self._decide(lambda pairing, now: dismissal_of(pairing, half_named(pairing, ident), decided_at=now))

    def _decide(self, decide: Callable[[Pairing, datetime], PairDecision]) -> PairDecision:
        with self.store.hold(), self.store.write() as writer:
            decision = decide(pairing_of(writer, self.settings.transfers), self._now())
            writer.add_pair_decision(decision)
            self._derived(writer, SILENT)
        return decision
