"""Whatever Kraken answers, a pull ends with pages that a book can keep and read, or with an error of ours: nothing else.

The client is left out: each call gives an answer that is right but for a few places, so that what lies deep in it is reached too.
"""

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ledger.connectors.kraken.connector import Kraken
from ledger.domain.errors import ConnectorError
from ledger.domain.event_text import body_text
from ledger.domain.json_text import json_of
from ledger.domain.secrets import Secrets
from ledger.journal.posting_rules import postings_of
from ledger.ports import ConnectionTerms, CursorState, Page, StreamKey
from ledger.transport.pace import ManualClock
from ledger.transport.reader import Answer

from .conftest import ALL, MAIN, START

NOW = int(START.timestamp())
LEG = {"refid": "T1", "time": NOW - 90, "type": "trade", "subtype": "", "asset": "XXBT", "amount": "1", "fee": "0", "balance": "1"}
TRADE = {"ordertxid": "O1", "pair": "XXBTZUSD", "time": NOW - 90, "type": "buy", "cost": "100", "fee": "0.1", "vol": "1", "margin": "0",
         "trade_id": 5}  # fmt: skip
TRANSFER = {
    "asset": "XXBT",
    "refid": "W1",
    "txid": "4f",
    "info": "bc1",
    "amount": "0.5",
    "fee": "0.1",
    "time": NOW - 9,
    "status": "Success",
}
ANSWERS: dict[str, object] = {
    "ledger": {
        "ledger": {
            "L1": LEG,
            "L2": LEG | {"asset": "ZUSD", "amount": "-100"},
            "L3": LEG | {"type": "withdrawal", "refid": "W1", "amount": "-0.5", "fee": "0.1"},
            "L4": LEG | {"type": "withdrawal", "refid": "W1", "amount": "0.5", "fee": "-0.1"},
            "L5": LEG | {"type": "staking", "refid": "S1", "balance": ""},
        },
        "count": 5,
    },
    "trades": {"trades": {"T1": TRADE, "T2": TRADE | {"ordertxid": "O2"}}, "count": 2},
    "orders": {"O1": {"cl_ord_id": "grid-1", "userref": 7}, "O2": {"userref": 7}},
    "pairs": {"XXBTZUSD": {"altname": "XBTUSD", "wsname": "XBT/USD", "base": "XXBT", "quote": "ZUSD"}},
    "assets": {"ZETA": {"altname": "ZETA"}},
    "transfers": {"deposit": [TRANSFER], "withdrawal": [TRANSFER], "next_cursor": "c1"},
    "balances": {"XXBT": "1.5", "ZUSD": "0", "ZETA": "1"},
    "key_rights": {"permissions": ["query-funds"], "iplist": ["192.0.2.1"], "validUntil": "0", "queryFrom": "0"},
}
LONE = "\ud800"
GONE = object()
CELLS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([LONE, "A B", "\x00", "", "0", "-1", "0.0000001", "9" * 19, "XXBT", "ZABC", "withdrawal", "x" * 501])
    | st.sampled_from([2**62, 10**30, 253_402_300_799, NOW + 10**8, NOW]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.just(LONE), inner, max_size=3),
    max_leaves=6,
)
PLACES = st.integers(0, 80)
ODD_KEYS = st.sampled_from([LONE, "A B", "", "é", "\x00", "x" * 501, "L1"]) | st.text(max_size=4)
CHANGE = st.tuples(PLACES, CELLS | st.sampled_from([GONE, LONE, []]), st.none()) | st.tuples(PLACES, st.just(GONE), ODD_KEYS)


class FakeClient:
    """Gives each call its answer; a list of transfers ends after one page more."""

    def __init__(self, answers: dict[str, object]) -> None:
        self._answers = answers

    def __getattr__(self, name: str) -> Callable[..., Answer]:
        return lambda *_, **__: self._answer(name)

    def transfers(self, call: str, *, cursor: str | None) -> Answer:
        (cursor or call).encode()  # as it would be sent
        return self._answer("transfers")

    def orders(self, ids: list[str]) -> Answer:
        ",".join(ids).encode()
        return self._answer("orders")

    def now(self) -> datetime:
        return START

    def skew(self) -> timedelta:
        return timedelta()

    def _answer(self, name: str) -> Answer:
        content = json.dumps({"error": [], "result": self._answers[name]}).encode()
        return Answer(request=name, headers={}, content=content, json=json_of(content))


def _places(tree: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    parts = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(place for key, part in parts for place in _places(part, (*path, key)))]


def spoilt(answer: object, number: int, cell: object, key: object) -> object:
    """Put a cell in the place of one part, or take the part away; or give the part, where it has a name, another one (`key`)."""
    path = _places(answer)[number % len(_places(answer))]
    if not path:
        return answer if cell is GONE or key is not None else cell
    changed = copy.deepcopy(answer)
    inner: Any = changed
    for step in path[:-1]:
        inner = inner[step]
    if key is not None and isinstance(inner, dict):
        inner[key] = inner.pop(path[-1])
    elif cell is GONE:
        del inner[path[-1]]
    else:
        inner[path[-1]] = cell
    return changed


def _connector(answers: dict[str, object]) -> Kraken:
    terms = ConnectionTerms(account=MAIN, secrets=Secrets(key="key", secret="c2VjcmV0"))
    connector = Kraken(terms, clock=ManualClock(start=START))
    connector._client = FakeClient(answers)  # type: ignore[assignment]  # in the place of the network
    return connector


def _texts(told: object) -> Iterator[str]:
    if isinstance(told, str):
        yield told
    elif isinstance(told, dict):
        for key, part in told.items():
            yield from (*_texts(key), *_texts(part))
    elif isinstance(told, (list, tuple, set, frozenset)):
        for part in told:
            yield from _texts(part)


def assert_kept(told: object) -> None:
    """Assert that a database keeps all texts: UTF-8 without the character nought."""
    for text in _texts(told):
        assert "\x00" not in text.encode().decode(), text


def assert_read(connector: Kraken, page: Page) -> None:
    assert_kept([dict(page.cursor), page.first_id, page.last_id, page.payload.context, page.payload.request])
    said = connector.interpret(page.payload)
    for event, place in said.events:
        assert_kept([asdict(event), body_text(event), place])
        assert postings_of(event) is not None
    assert_kept([asdict(line) for line in said.lines] + [asdict(finding) for finding in said.findings])


def pull_all(answers: dict[str, object]) -> None:
    connector = _connector(answers)
    with suppress(ConnectorError):  # told by its place and exit code
        report = connector.check_key()
        assert_kept([report.notes, report.facts])
    for stream in connector.streams():
        cursor: CursorState | None = None
        for _ in range(2):  # a second run goes on from what the first one stored
            cursor = _pull(connector, stream, cursor)


def _pull(connector: Kraken, stream: StreamKey, cursor: CursorState | None) -> CursorState | None:
    with suppress(ConnectorError):
        for page in connector.pull(stream, cursor=cursor, window=ALL):
            assert_read(connector, page)
            cursor = json.loads(json.dumps(dict(page.cursor)))
    return cursor


@pytest.mark.fuzz
@settings(max_examples=300, deadline=None)
@given(changes=st.lists(st.tuples(st.sampled_from(sorted(ANSWERS)), CHANGE), max_size=6))
@example(changes=[])
def test_no_answer_whatever_ends_a_pull_with_a_fault(changes: list[tuple[str, tuple[int, object, object]]]) -> None:
    answers = dict(ANSWERS)
    for name, change in changes:
        answers[name] = spoilt(answers[name], *change)
    pull_all(answers)


@pytest.mark.parametrize(
    ("name", "path", "told"),
    [
        ("trades", ("trades", "T1", "ordertxid"), []),
        ("trades", ("trades", "T1", "ordertxid"), LONE),
        ("trades", ("trades", LONE), TRADE),
        ("ledger", ("ledger", LONE), LEG | {"refid": "T9"}),
        ("ledger", ("ledger", "A B"), LEG | {"refid": "T9"}),
        ("ledger", ("ledger", "L1", "refid"), LONE),
        ("ledger", ("ledger", "L3"), LEG | {"type": "withdrawal", "refid": "W2", "amount": "0.0000001", "fee": "0.1"}),
        ("ledger", ("ledger", "L1", "time"), 253_402_300_799),
        ("transfers", ("next_cursor",), LONE),
        ("transfers", ("deposit", 0, "refid"), LONE),
        ("orders", ("O1", "userref"), LONE),
        ("balances", (LONE,), "1"),
        ("key_rights", ("permissions", 0), LONE),
        ("key_rights", ("iplist", 0), LONE),
    ],
)
def test_an_id_or_a_figure_that_no_book_can_keep_is_a_finding_or_an_error_of_ours(name: str, path: tuple[Any, ...], told: object) -> None:
    answer = copy.deepcopy(ANSWERS[name])
    inner: Any = answer
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = told
    if name == "ledger":
        inner = answer
        inner["count"] = len(inner["ledger"])
    pull_all(ANSWERS | {name: answer})
