"""How histories by time are walked: what waits to be done is asked for again, however long it takes."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from ledger.connectors.binance.client import BinanceClient, Call
from ledger.connectors.binance.connector import Binance
from ledger.domain.ids import AccountId
from ledger.domain.json_text import json_of
from ledger.domain.secrets import Secrets
from ledger.ports import ConnectionTerms, CursorState, PullWindow, StreamKey
from ledger.transport.pace import ManualClock
from ledger.transport.reader import Answer
from ledger.transport.windows import Span

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = 86_400_000
CONVERSIONS = StreamKey(stream="conversions")
ORDER = {"orderId": 7, "fromAsset": "USDT", "fromAmount": "20", "toAsset": "BNB", "toAmount": "0.06"}
Told = Callable[[Span], list[dict[str, object]]]


class Asked:
    """What a venue would answer by `told`; `spans` are the windows that were asked for."""

    def __init__(self, told: Told) -> None:
        self.told = told
        self.spans: list[Span] = []

    def history(self, call: Call, span: Span, **_: object) -> Answer:
        self.spans.append(span)
        content = json.dumps({"list": self.told(span), "moreData": False}).encode()
        return Answer(request=f"GET {call.path}", headers={}, content=content, json=json_of(content))


@pytest.fixture
def pull(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[list[CursorState], list[Span]]]:
    """Return what pulls conversions some days after the start: the cursors of the pages, and the windows that were asked for."""

    def pulled(told: Told, *, days: int, cursor: CursorState | None = None) -> tuple[list[CursorState], list[Span]]:
        asked = Asked(told)
        monkeypatch.setattr(BinanceClient, "history", lambda _client, call, span, **rest: asked.history(call, span, **rest))
        terms = ConnectionTerms(account=AccountId("main"), secrets=Secrets(key="k", secret="s"), share=1.0, base_url="http://127.0.0.1:9")
        connector = Binance(terms, clock=ManualClock(start=START + timedelta(days=days)), rng=Random(1))  # noqa: S311  # no pause
        pages = connector.pull(CONVERSIONS, cursor=cursor, window=PullWindow(since=START))
        cursors = [page.cursor for page in pages]
        connector.close()
        return cursors, asked.spans

    return pulled


def order(status: str, *, at: int) -> Told:
    return lambda span: [{**ORDER, "orderStatus": status, "createTime": at}] if span.start <= at <= span.end else []


def test_a_conversion_that_waits_is_asked_for_again_until_it_is_done(pull: Callable[..., tuple[list[CursorState], list[Span]]]) -> None:
    at = int(START.timestamp() * 1000) + DAY
    (first,), _ = pull(order("PENDING", at=at), days=10)
    assert first["waiting"] == at
    later, spans = pull(order("PENDING", at=at), days=80, cursor=first)
    assert spans[0].start == at
    assert [cursor["waiting"] for cursor in later] == [at] * len(later)
    done, spans = pull(order("SUCCESS", at=at), days=81, cursor=later[-1])
    assert spans[0].start == at
    assert "waiting" not in done[-1]
    assert all(cursor["waiting"] == at for cursor in done[:-1])  # a walk that is broken off begins there again
    _, spans = pull(order("SUCCESS", at=at), days=82, cursor=done[-1])
    assert [span.start >= at + 79 * DAY for span in spans] == [True]


@pytest.mark.parametrize("status", ["EXPIRED", "CANCELED", "FAIL"])
def test_a_conversion_that_was_given_up_is_not_asked_for_again(
    status: str, pull: Callable[..., tuple[list[CursorState], list[Span]]]
) -> None:
    (cursor,), _ = pull(order(status, at=int(START.timestamp() * 1000) + DAY), days=10)
    assert "waiting" not in cursor
