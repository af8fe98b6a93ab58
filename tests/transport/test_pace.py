"""Budget, rate and retries on a clock that nobody waits for."""

from collections.abc import Callable
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain.errors import TerminalError, TransientError
from ledger.transport.pace import Budget, BudgetSpent, ManualClock, RetryTerms, SystemClock, TokenBucket, Toll, retried

START = datetime(2026, 1, 1, tzinfo=UTC)
RNG = Random(7)  # noqa: S311  # a seed makes the pauses the same in every run


def failing(times: int, failure: Exception) -> list[Exception | str]:
    return [*([failure] * times), "done"]


def caller(outcomes: list[Exception | str]) -> Callable[[], str]:
    def call() -> str:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return call


def test_the_system_clock_is_utc_and_never_goes_back() -> None:
    clock = SystemClock()
    before = clock.monotonic()
    clock.sleep(0.001)
    assert clock.monotonic() > before
    assert clock.now().tzinfo is UTC


def test_no_call_begins_at_the_deadline(clock: ManualClock) -> None:
    budget = Budget(clock=clock, deadline=5.0)
    budget.begin_call()
    clock.seconds = 5.0
    with pytest.raises(BudgetSpent, match="before the next call"):
        budget.begin_call()
    assert budget.requests == 1


def test_a_wait_that_would_reach_the_deadline_is_not_begun(clock: ManualClock) -> None:
    budget = Budget(clock=clock, deadline=5.0)
    with pytest.raises(BudgetSpent, match="the time budget ran out: because of tea"):
        budget.wait(5.0, reason="because of tea")
    assert (clock.sleeps, budget.waits) == ([], 0)


def test_waits_are_counted_with_their_seconds(clock: ManualClock) -> None:
    budget = Budget(clock=clock, deadline=None)
    budget.wait(1.5, reason="")
    budget.wait(0, reason="")
    assert (budget.waits, budget.seconds_waited, budget.seconds_left()) == (1, 1.5, None)


def test_a_transient_failure_is_tried_again(clock: ManualClock) -> None:
    budget = Budget(clock=clock, deadline=None)
    assert retried(caller(failing(3, TransientError("busy"))), terms=RetryTerms(), budget=budget, rng=RNG) == "done"
    assert (budget.retries, len(clock.sleeps)) == (3, 3)


def test_pauses_double_and_leave_out_at_most_half(clock: ManualClock) -> None:
    budget = Budget(clock=clock, deadline=None)
    terms = RetryTerms(attempts=9, first_seconds=1, longest_seconds=20)
    retried(caller(failing(8, TransientError("busy"))), terms=terms, budget=budget, rng=RNG)
    for pause, most in zip(clock.sleeps, (1, 2, 4, 8, 16, 20, 20, 20), strict=True):
        assert most / 2 <= pause <= most


@pytest.mark.parametrize(("wished", "slept"), [(7.0, [7.0]), (0.0, [])])
def test_the_venues_own_wish_is_honoured_exactly(clock: ManualClock, wished: float, slept: list[float]) -> None:
    budget = Budget(clock=clock, deadline=None)
    outcomes = failing(1, TransientError("busy", retry_after_seconds=wished))
    assert retried(caller(outcomes), terms=RetryTerms(), budget=budget, rng=RNG) == "done"
    assert clock.sleeps == slept


def test_attempts_end_with_the_last_failure_and_their_number(clock: ManualClock) -> None:
    budget = Budget(clock=clock, deadline=None)
    with pytest.raises(TransientError, match=r"^busy \(tried 3 times\)$"):
        retried(caller(failing(9, TransientError("busy"))), terms=RetryTerms(attempts=3), budget=budget, rng=RNG)


def test_a_venue_that_asks_for_an_hour_ends_the_run(clock: ManualClock) -> None:
    budget = Budget(clock=clock, deadline=None)
    failure = TransientError("busy", retry_after_seconds=3600)
    with pytest.raises(TransientError, match="asks to wait 3600 s"):
        retried(caller(failing(1, failure)), terms=RetryTerms(), budget=budget, rng=RNG)
    assert clock.sleeps == []


def test_the_wish_of_the_venue_goes_with_whatever_ends_the_attempts(clock: ManualClock) -> None:
    for terms, deadline in ((RetryTerms(attempts=1), None), (RetryTerms(), 60.0), (RetryTerms(patience_seconds=60), None)):
        with pytest.raises(TransientError) as ended:
            retried(
                caller(failing(9, TransientError("busy", retry_after_seconds=90))),
                terms=terms,
                budget=Budget(clock=clock, deadline=deadline),
                rng=RNG,
            )
        assert ended.value.retry_after_seconds == 90
    assert clock.sleeps == []


def test_a_call_of_more_weight_waits_for_all_of_it_or_for_the_whole_bucket(clock: ManualClock) -> None:
    bucket = TokenBucket(rate=1, burst=6, share=1, budget=Budget(clock=clock, deadline=None))
    for weight, waited in ((2, 1.0), (2, 2.0), (9, 4.0), (1, 6.0)):  # the bucket holds 4 and begins with 1
        began = clock.seconds
        Toll(limit=bucket, weight=weight).take()
        assert clock.seconds - began == pytest.approx(waited)


def test_a_terminal_failure_is_final(clock: ManualClock) -> None:
    budget = Budget(clock=clock, deadline=None)
    with pytest.raises(TerminalError, match="no such thing"):
        retried(caller(failing(1, TerminalError("no such thing"))), terms=RetryTerms(), budget=budget, rng=RNG)
    assert budget.retries == 0


def test_a_spent_budget_is_not_tried_again_and_names_the_last_failure(clock: ManualClock) -> None:
    budget = Budget(clock=clock, deadline=2.0)
    with pytest.raises(BudgetSpent, match="another attempt was due after: HTTP 503"):
        retried(caller(failing(9, TransientError("HTTP 503"))), terms=RetryTerms(), budget=budget, rng=RNG)
    assert clock.seconds < 2.0


@given(deadline=st.floats(0.1, 100), wishes=st.lists(st.none() | st.floats(0, 40), min_size=8, max_size=8), seed=st.integers(0, 99))
def test_retries_never_sleep_past_the_deadline(deadline: float, wishes: list[float | None], seed: int) -> None:
    clock = ManualClock(start=START)
    budget = Budget(clock=clock, deadline=deadline)
    failures = [TransientError("busy", retry_after_seconds=wish) for wish in wishes]
    with pytest.raises(TransientError):
        retried(caller(failures), terms=RetryTerms(), budget=budget, rng=Random(seed))  # noqa: S311  # drawn by the test
    assert clock.seconds < deadline


# --- rate ----------------------------------------------------------------------------------------------------------


def test_a_new_bucket_holds_one_token_because_the_run_before_may_have_spent_the_rest(clock: ManualClock) -> None:
    bucket = TokenBucket(rate=10, burst=20, share=1, budget=Budget(clock=clock, deadline=None))
    bucket.take()
    assert clock.sleeps == []
    bucket.take()
    assert clock.sleeps == [pytest.approx(0.1)]


def test_an_idle_bucket_fills_up_to_the_burst_less_a_reserve(clock: ManualClock) -> None:
    bucket = TokenBucket(rate=10, burst=20, share=1, budget=Budget(clock=clock, deadline=None))
    clock.seconds = 1000
    for _ in range(18):
        bucket.take()
    assert clock.sleeps == []
    bucket.take()
    assert len(clock.sleeps) == 1


def test_a_small_share_still_lets_single_calls_through(clock: ManualClock) -> None:
    bucket = TokenBucket(rate=10, burst=15, share=0.05, budget=Budget(clock=clock, deadline=None))
    for _ in range(5):
        bucket.take()
    assert clock.seconds == pytest.approx(4 / 0.5)


def test_a_drained_bucket_waits_for_a_whole_token(clock: ManualClock) -> None:
    bucket = TokenBucket(rate=10, burst=20, share=1, budget=Budget(clock=clock, deadline=None))
    clock.seconds = 1000
    bucket.drain()
    bucket.take()
    assert clock.sleeps == [pytest.approx(0.1)]


def test_the_venue_s_first_word_fills_a_bucket_and_later_ones_only_empty_it(clock: ManualClock) -> None:
    bucket = TokenBucket(rate=1, burst=100, share=0.5, budget=Budget(clock=clock, deadline=None))

    def calls_at_once() -> int:
        calls, before = 0, len(clock.sleeps)
        while len(clock.sleeps) == before:
            bucket.take()
            calls += 1
        return calls - 1

    bucket.heed(40)
    assert calls_at_once() == 18  # half of 40, less the reserve of 2
    bucket.heed(40)
    assert calls_at_once() == 0
    clock.seconds += 1_000
    bucket.heed(14)
    assert calls_at_once() == 5
    clock.seconds += 1_000
    bucket.heed(0)
    assert calls_at_once() == 0


def test_a_token_that_would_come_after_the_deadline_is_not_waited_for(clock: ManualClock) -> None:
    bucket = TokenBucket(rate=0.1, burst=1, share=1, budget=Budget(clock=clock, deadline=5.0))
    bucket.take()
    with pytest.raises(BudgetSpent, match="rate limit"):
        bucket.take()


@settings(max_examples=60)
@given(
    rate=st.sampled_from([10.0, 15.0]),
    share=st.sampled_from([0.25, 0.5, 1.0]),
    idle=st.lists(st.floats(0, 3), min_size=150, max_size=150),
    delays=st.lists(st.floats(0, 0.09), min_size=150, max_size=150),
)
def test_the_venue_never_sees_us_above_its_rate(rate: float, share: float, idle: list[float], delays: list[float]) -> None:
    clock, burst = ManualClock(start=START), 2 * rate
    bucket = TokenBucket(rate=rate, burst=burst, share=share, budget=Budget(clock=clock, deadline=None))
    tokens, seen_at = burst * share, 0.0
    for pause, delay in zip(idle, delays, strict=True):
        clock.seconds += pause if pause > 2 else 0.0  # mostly in a hurry, sometimes busy with something else
        bucket.take()
        arrives_at = clock.seconds + delay
        tokens = min(burst * share, tokens + (arrives_at - seen_at) * rate * share)
        seen_at = arrives_at
        tokens -= 1
        assert tokens > -1e-6


@given(rate=st.sampled_from([10.0, 15.0]), calls=st.integers(20, 400), overshoot=st.floats(0, 0.02))
def test_the_pace_at_full_share_is_at_least_95_percent_of_the_rate(rate: float, calls: int, overshoot: float) -> None:
    clock = ManualClock(start=START)
    bucket = TokenBucket(rate=rate, burst=2 * rate, share=1, budget=Budget(clock=clock, deadline=None))
    for _ in range(calls):
        bucket.take()
        clock.seconds += overshoot  # sleeps end late and calls take time
    assert calls / clock.seconds >= 0.95 * rate
