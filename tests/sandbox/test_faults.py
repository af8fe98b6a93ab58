"""Plans: which fault strikes which call."""

from collections import Counter
from itertools import pairwise

import pytest

from ledger.domain.errors import InputError
from ledger.sandbox.faults import KIND_BY_FAULT, CallTraits, Fault, FaultPlan, FaultStep, Habit

PUBLIC = CallTraits(bucket="public", is_private=False)
PRIVATE = CallTraits(bucket="private", is_private=True)


def fills(product: str, *, continues: bool) -> CallTraits:
    return CallTraits(bucket="fills", is_private=True, stream=f"/fills?{product}", rows="fills", continues=continues)


def drawn(plan: FaultPlan, calls: int) -> list[tuple[Fault, ...]]:
    kinds = [PUBLIC, PRIVATE, fills("BTC-USD", continues=False), fills("BTC-USD", continues=True), fills("ETH-USD", continues=True)]
    return [
        plan.draw(number=number, target=f"GET /{number % 97}", traits=kinds[number % len(kinds)])
        for number in range(1, calls + 1)
    ]  # fmt: skip


def test_every_fault_has_a_kind() -> None:
    assert set(KIND_BY_FAULT) == set(Fault)
    assert Counter(kind.group for kind in KIND_BY_FAULT.values()) == {1: 5, 2: 10, 3: 8, 4: 7, 5: 1, 6: 10, 7: 11, 8: 2, 9: 5, 10: 9}


def test_a_plan_of_none_strikes_nothing() -> None:
    assert set(drawn(FaultPlan.parse("none", seed=1), 500)) == {()}


def test_the_same_seed_strikes_the_same_calls() -> None:
    assert drawn(FaultPlan.parse("all", seed=4), 400) == drawn(FaultPlan.parse("all", seed=4), 400)
    assert drawn(FaultPlan.parse("all", seed=4), 400) != drawn(FaultPlan.parse("all", seed=5), 400)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_all_strikes_about_an_eighth_of_calls_with_what_can_be_mended(seed: int) -> None:
    struck = [faults for faults in drawn(FaultPlan.parse("all", seed=seed), 2000) if faults]
    assert 150 <= len(struck) <= 300
    assert all(len(faults) == 1 and KIND_BY_FAULT[faults[0]].is_mended for faults in struck)
    assert {KIND_BY_FAULT[faults[0]].group for faults in struck} >= {1, 2, 3, 4, 6}


@pytest.mark.parametrize("seed", range(5))
def test_no_target_is_struck_more_than_twice_in_a_row(seed: int) -> None:
    plan = FaultPlan.parse("1,2,3,4,6", seed=seed)
    streak = 0
    for number in range(1, 1500):
        streak = streak + 1 if plan.draw(number=number, target="GET /fills", traits=fills("BTC-USD", continues=True)) else 0
        assert streak <= 2


def test_paging_faults_strike_a_target_once() -> None:
    plan = FaultPlan.parse("6", seed=2)
    found = [plan.draw(number=n, target="GET /fills?after=5", traits=fills("BTC-USD", continues=True)) for n in range(1, 500)]
    assert sum(map(bool, found)) == 1


def test_paging_faults_of_one_stream_are_calls_apart() -> None:
    plan = FaultPlan.parse("6", seed=2)
    found = [plan.draw(number=n, target=f"GET /fills?after={n}", traits=fills("BTC-USD", continues=True)) for n in range(1, 900)]
    struck = [number for number, faults in enumerate(found) if faults]
    assert len(struck) > 20
    assert all(later - earlier >= 4 for earlier, later in pairwise(struck))


def test_a_cursor_expires_once_in_a_stream() -> None:
    plan = FaultPlan.parse("cursor-expired", seed=2)
    found = [plan.draw(number=n, target=f"GET /fills?after={n}", traits=fills("BTC-USD", continues=True)) for n in range(1, 500)]
    assert sum(map(bool, found)) == 1


def test_the_clock_changes_three_times_at_most_and_far_apart() -> None:
    struck = [number for number, faults in enumerate(drawn(FaultPlan.parse("4", seed=3), 3000), start=1) if faults]
    assert len(struck) == 3
    assert all(later - earlier >= 40 for earlier, later in pairwise(struck))


def test_a_fill_is_unsettled_only_when_its_product_is_read_for_the_first_time() -> None:
    first = Counter[tuple[Fault, ...]]()
    for seed in range(40):
        plan = FaultPlan.parse("unsettled", seed=seed)
        first[plan.draw(number=1, target="GET /fills", traits=fills("BTC-USD", continues=False))] += 1
        later = [plan.draw(number=n, target="GET /fills", traits=fills("BTC-USD", continues=False)) for n in range(2, 60)]
        assert set(later) == {()}
    assert 8 <= first[Fault.UNSETTLED,] <= 32
    assert first[()] + first[Fault.UNSETTLED,] == 40


def test_data_faults_stand_at_every_paged_call() -> None:
    plan = FaultPlan.parse("null-field,exponents", seed=1)
    assert plan.draw(number=1, target="GET /fills", traits=fills("X", continues=False)) == (Fault.NULL_FIELD, Fault.EXPONENTS)
    assert plan.draw(number=2, target="GET /accounts", traits=PRIVATE) == ()


def test_a_revoked_key_stays_revoked() -> None:
    plan = FaultPlan.parse("key-revoked", seed=1)
    found = [plan.draw(number=n, target="GET /accounts", traits=PRIVATE) for n in range(1, 100)]
    first = found.index((Fault.KEY_REVOKED,))
    assert set(found[:first]) <= {()}
    assert set(found[first:]) == {(Fault.KEY_REVOKED,)}
    assert plan.draw(number=200, target="GET /time", traits=PUBLIC) == ()


def test_a_step_strikes_its_call_number_only() -> None:
    plan = FaultPlan(steps=[FaultStep(fault=Fault.HTTP_500, call=7)])
    found = drawn(plan, 10)
    assert [number for number, faults in enumerate(found, start=1) if faults] == [7]


def test_a_step_by_path_strikes_as_often_as_told() -> None:
    plan = FaultPlan(steps=[FaultStep(fault=Fault.RESET, path="GET /fills", times=2)])
    found = [plan.draw(number=n, target="GET /fills?product_id=X", traits=PUBLIC) for n in range(1, 5)]
    assert found == [(Fault.RESET,), (Fault.RESET,), (), ()]


@pytest.mark.parametrize("text", ["http-501", "11", "", "all,http-500"])
def test_an_unknown_name_or_group_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is no fault of the sandbox"):
        FaultPlan.parse(text, seed=1)


KEY_FAULTS = {Fault.KEY_REVOKED, Fault.PERMISSION_LACKING, Fault.IP_REFUSED, Fault.KEY_CAN_WITHDRAW, Fault.KEY_EXPIRES_SOON}


def test_groups_and_names_mix() -> None:
    plan = FaultPlan.parse("9, null-field", seed=1)
    assert {kind.fault for kind in plan._kinds} == {*KEY_FAULTS, Fault.NULL_FIELD}


def test_what_no_client_can_mend_is_not_in_all() -> None:
    kinds = FaultPlan.parse("all", seed=1)._kinds
    assert not any(kind.habit in {Habit.STANDING, Habit.LATCHED} for kind in kinds)
    assert {kind.group for kind in kinds} == {1, 2, 3, 4, 5, 6, 7, 10}
