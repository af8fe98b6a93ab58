"""Answers of a venue -> payloads, as every connector stores them."""

from ledger.domain.ids import AccountId, VenueName
from ledger.domain.payload import Payload, page_payload
from ledger.transport.pace import Clock
from ledger.transport.reader import Answer


class Payloads:
    """Makes payloads of the answers that one account of one venue gets."""

    def __init__(self, *, venue: VenueName, account: AccountId, clock: Clock) -> None:
        self._venue = venue
        self._account = account
        self._clock = clock

    def of(self, answer: Answer, stream: str, symbol: str = "", *, context: tuple[tuple[str, str], ...] = ()) -> Payload:
        """Return an answer as it is to be stored, fetched now; `context` tells what its bytes do not, such as the asset asked for."""
        return page_payload(
            answer.content,
            venue=self._venue,
            account=self._account,
            stream=stream,
            symbol=symbol,
            request=answer.request,
            fetched_at=self._clock.now(),
            context=context,
        )
