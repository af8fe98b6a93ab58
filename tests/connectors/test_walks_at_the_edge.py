"""Runs that were cut short, limited, or never made: what they left out is a hole at every venue, until a run comes to its end."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ledger.book import Book, MonthCover
from ledger.domain.errors import TerminalError, TransientError
from ledger.pipeline.interpret import BALANCES
from ledger.pipeline.proof.coverage import coverage_line
from ledger.ports import ConnectionTerms, Connector, CursorState, Page, PullWindow, StreamKey
from ledger.storage.store import StreamWalk

from .test_holes import MAIN, book  # noqa: F401  # a fixture is used by its name
from .test_holes_at_the_edge import MOMENT, Edge, Scene, commanded, instant_of, scene, venues

JUNE = datetime(2025, 6, 1, tzinfo=UTC)


class Cut:
    """A connector whose venue goes away after so many pages of histories; what else it does is the real one's."""

    def __init__(self, real: Connector, *, pages: int, refuses: str = "") -> None:
        self._real, self._left, self._refuses = real, pages, refuses

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    def pull(self, stream: StreamKey, *, cursor: CursorState | None, window: PullWindow) -> Iterator[Page]:
        if stream.stream == self._refuses:
            raise TerminalError("not for you", mend="ask the venue")
        for page in self._real.pull(stream, cursor=cursor, window=window):
            if stream.stream != BALANCES:
                if not self._left:
                    raise TransientError("the venue went away")
                self._left -= 1
            yield page


def cut(at: Scene, *, pages: int, refuses: str = "") -> Callable[..., Connector]:
    """Cut the scene's connector; return the whole one."""
    whole = at.make

    def made(terms: ConnectionTerms, **more: object) -> Connector:
        return Cut(whole(terms, **more), pages=pages, refuses=refuses)  # type: ignore[return-value]  # a connector in all but its type

    at.make = made
    return whole


def cover_of(book: Book) -> str:  # noqa: F811
    with book.store.read() as reader:
        return coverage_line(reader, [one.name for one in book.settings.connections])


def missing(book: Book) -> set[tuple[str, str, str]]:  # noqa: F811
    return {(one.stream, one.symbol, one.why) for one in book.coverage_map().holes if one.stream != BALANCES}


@venues
def test_a_run_that_was_cut_short_leaves_holes_until_one_comes_to_its_end(book: Book, venue: str) -> None:  # noqa: F811
    with scene(book, venue, Edge()) as at:
        whole = cut(at, pages=1)
        assert at.sync().exit_code == 4
        first = missing(book)
        assert "it was never asked for" in {why for _, _, why in first} <= {"it was never asked for", "the walk did not come to its end"}
        assert cover_of(book).startswith("holes: ")
        assert commanded(book, "coverage")[0] == 1
        assert [one.subject for one in book.findings() if one.code == "sync-unfinished"] == [MAIN]
        cut(at, pages=3)
        at.sync()
        assert missing(book)
        at.make = whole
        assert at.sync().exit_code == 0
        assert (missing(book), book.coverage_map().holes, commanded(book, "coverage")[0]) == (set(), (), 0)
        assert cover_of(book).startswith("complete ")
        assert "sync-unfinished" not in {one.code for one in book.findings()}


@venues
def test_a_later_run_that_was_cut_short_leaves_a_hole_from_the_end_of_the_last_whole_one(book: Book, venue: str) -> None:  # noqa: F811
    with scene(book, venue, Edge()) as at:
        at.sync()
        walked = {(one.stream, one.symbol): one.walked_at for one in walks(book)}
        whole = cut(at, pages=0)
        assert at.sync().exit_code == 4
        holes = [one for one in book.coverage_map().holes if one.stream != BALANCES]
        assert holes
        assert {(one.stream, one.symbol): one.from_at for one in holes}.items() <= walked.items()
        assert cover_of(book).startswith("holes: ")
        at.make = whole
        at.sync()
    assert book.coverage_map().holes == ()


@venues
def test_a_stream_that_the_venue_refuses_is_a_hole_with_the_words_of_the_venue(book: Book, venue: str) -> None:  # noqa: F811
    refused = "deposits" if venue in {"kraken", "binance"} else "fills"
    with scene(book, venue, Edge()) as at:
        whole = cut(at, pages=10**6, refuses=refused)
        at.sync()
        holes = [one for one in book.coverage_map().holes if one.stream == refused]
        assert holes
        assert all("not for you" in one.why and one.mend == "ask the venue" for one in holes)
        at.make = whole
        at.sync()
    assert missing(book) == set()


@venues
def test_what_since_left_out_is_no_hole_where_the_balances_agree_and_is_told_on_the_cover(book: Book, venue: str) -> None:  # noqa: F811
    with scene(book, venue, Edge()) as at:
        first = at.sandbox.account.fills[0].occurred_at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        at.window = PullWindow(since=first.replace(year=first.year - 1))
        at.sync()
        told = book.coverage_map()
        assert told.holes == ()
        assert {one.why for one in told.left_out} <= {"was left out by --since"}
        is_cut = venue in {"binance", "kraken"}  # the others give the end of a history, and so tell that nothing came before
        assert bool(told.left_out) == is_cut
        assert cover_of(book).startswith("complete from " if is_cut else "complete to ")
        assert commanded(book, "coverage")[0] == 0


@pytest.mark.parametrize("venue", ["binance", "kraken"])  # one page of the others holds the whole history
def test_what_since_left_out_is_a_hole_where_balances_differ(book: Book, venue: str) -> None:  # noqa: F811
    with scene(book, venue, Edge()) as at:
        at.window = PullWindow(since=JUNE)
        at.sync()
        told = book.coverage_map()
    assert told.left_out == ()
    assert "was left out by --since" in {one.why for one in told.holes}
    assert MonthCover.NEVER in {cover for one in told.streams for _, cover in one.months}


@venues
def test_a_run_until_an_instant_leaves_open_what_came_after_it(book: Book, venue: str) -> None:  # noqa: F811
    with scene(book, venue, Edge()) as at:
        at.window = replace(at.window, until=JUNE)
        at.sync()
        holes = [one for one in book.coverage_map().holes if one.stream != BALANCES]
        assert {one.from_at for one in holes} == {JUNE}
        covers = {cover for one in book.coverage_map().streams for month, cover in one.months if "2025-01" <= month < "2025-06"}
        assert covers <= {MonthCover.FULL, MonthCover.GONE}
        at.window = replace(at.window, until=None)
        at.sync()
    assert book.coverage_map().holes == ()


def test_a_connection_that_was_never_synced_is_a_hole(book: Book) -> None:  # noqa: F811
    with scene(book, "coinbase-exchange", Edge()) as at:
        at.sync()
        book.add_connection("spare", venue="kraken", secrets="env:SPARE")
        (hole,) = book.coverage_map().holes
        assert (hole.connection, hole.why, hole.mend) == ("spare", "nothing was ever pulled of it", "lotwright sync spare")
        assert cover_of(book) == "holes: 1, see lotwright coverage"
        assert commanded(book, "coverage")[0] == 1


def walks(book: Book) -> list[StreamWalk]:  # noqa: F811
    with book.store.read() as reader:
        return reader.stream_walks()


def test_what_a_removed_connection_did_not_end_is_no_finding_any_more(book: Book) -> None:  # noqa: F811
    with scene(book, "coinbase-exchange", Edge()) as at:
        cut(at, pages=1)
        at.sync()
    assert "sync-unfinished" in {one.code for one in book.findings()}
    book.remove_connection(MAIN)
    assert "sync-unfinished" not in {one.code for one in book.findings()}


def test_a_history_that_was_short_is_told_no_more_once_a_walk_anew_gives_it_whole(book: Book) -> None:  # noqa: F811
    edge = Edge()
    with scene(book, "kraken", edge) as at:
        hidden = at.sandbox.account.fills[80].occurred_at
        edge.hides = lambda asked, row: "/Ledgers" in asked and abs(instant_of(row) - hidden) < MOMENT  # type: ignore[operator]  # of a row
        at.sync()
        assert "history-short" in {one.code for one in book.findings()}
        at.sync()  # a night that looks at what is new proves nothing of what was short
        assert "history-short" in {one.code for one in book.findings()}
        at.fill()
    assert "history-short" not in {one.code for one in book.findings()}
