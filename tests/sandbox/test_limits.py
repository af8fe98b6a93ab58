"""Token buckets count as published."""

from hypothesis import given
from hypothesis import strategies as st

from ledger.sandbox.coinbase_exchange.dialect import CoinbaseExchange
from ledger.sandbox.limits import Limiter, Rate, TokenBucket


def test_a_full_bucket_lets_its_burst_through_and_no_more() -> None:
    bucket = TokenBucket(Rate(per_second=15, burst=30))
    assert [bucket.take(100.0) for _ in range(31)] == [True] * 30 + [False]


def test_an_empty_bucket_refills_at_its_rate() -> None:
    bucket = TokenBucket(Rate(per_second=10, burst=20))
    assert [bucket.take(0.0) for _ in range(20)] == [True] * 20
    assert [bucket.take(at) for at in (0.05, 0.11, 0.12, 0.22)] == [False, True, False, True]


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    bucket = TokenBucket(Rate(per_second=10, burst=2))
    bucket.take(0.0)
    assert [bucket.take(1000.0) for _ in range(3)] == [True, True, False]


@given(st.lists(st.floats(0, 2), min_size=1, max_size=200))
def test_no_window_holds_more_than_burst_and_rate_allow(pauses: list[float]) -> None:
    rate, bucket, now = Rate(per_second=5, burst=4), TokenBucket(Rate(per_second=5, burst=4)), 0.0
    allowed: list[float] = []
    for pause in pauses:
        now += pause
        if bucket.take(now):
            allowed.append(now)
    for first, start in enumerate(allowed):
        for count, end in enumerate(allowed[first:], start=1):
            assert count <= rate.burst + (end - start) * rate.per_second + 1e-6


def test_buckets_do_not_share_tokens() -> None:
    limiter = Limiter(CoinbaseExchange.rates)
    allowed = {name: sum(limiter.allows(name, 0.0) for _ in range(50)) for name in CoinbaseExchange.rates}
    assert allowed == {"public": 15, "private": 30, "fills": 20}


def test_what_is_left_is_told() -> None:
    limiter = Limiter({"one": Rate(per_second=1, burst=3, header="left")})
    told = [(limiter.allows("one", 0.0), limiter.headers("one", 0.0)["left"]) for _ in range(4)]
    assert told == [(True, "2"), (True, "1"), (True, "0"), (False, "0")]
