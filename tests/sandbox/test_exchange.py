"""What the exchange notices about its client, and the faults that need no socket."""

import json
from collections.abc import Callable

import pytest

from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.calls import ViolationKind
from ledger.sandbox.faults import Fault, FaultPlan, FaultStep

from .conftest import NOON, Local


def kinds(local: Local) -> list[ViolationKind]:
    return [violation.kind for violation in local.exchange.violations]


def test_a_good_client_violates_nothing(local: Local) -> None:
    for target in ("/time", "/accounts", "/fills?product_id=BTC-USD", "/transfers"):
        assert local.get(target).status == 200
    assert kinds(local) == []


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_write_call_is_refused_and_a_violation(method: str, local: Local) -> None:
    assert local.get("/orders", method=method).status == 403
    assert kinds(local) == [ViolationKind.WRITE_CALL]


def test_a_call_above_the_rate_is_refused_and_a_violation(account: SandboxAccount) -> None:
    local = Local(account, seconds_per_call=0.0)
    answers = [local.get("/accounts") for _ in range(31)]
    assert [answer.status for answer in answers] == [200] * 30 + [429]
    assert json.loads(answers[-1].body) == {"message": "Private rate limit exceeded"}
    assert answers[-1].headers == ()
    assert kinds(local) == [ViolationKind.RATE_EXCEEDED]


def test_public_calls_have_a_bucket_of_their_own(account: SandboxAccount) -> None:
    local = Local(account, seconds_per_call=0.0)
    answers = [local.get("/time") for _ in range(16)]
    assert [answer.status for answer in answers] == [200] * 15 + [429]
    assert json.loads(answers[-1].body) == {"message": "Public rate limit exceeded"}


def test_an_injected_429_is_no_violation(faulty: Callable[..., Local]) -> None:
    local = faulty(Fault.RATE_LIMITED)
    assert [local.get("/accounts").status for _ in range(2)] == [429, 200]
    assert kinds(local) == []


def test_a_call_before_its_retry_after_is_a_violation(faulty: Callable[..., Local]) -> None:
    local = faulty(Fault.RATE_LIMITED_RETRY_AFTER)
    assert ("Retry-After", "1") in local.get("/accounts").headers
    local.get("/time")
    assert kinds(local) == []
    local.get("/transfers")
    assert kinds(local) == [ViolationKind.RETRY_TOO_EARLY]
    local.monotonic += 1
    assert local.get("/accounts").status == 200
    assert kinds(local) == [ViolationKind.RETRY_TOO_EARLY]


def test_a_retry_after_of_zero_may_be_taken_at_its_word(faulty: Callable[..., Local]) -> None:
    local = faulty(Fault.RATE_LIMITED_RETRY_ZERO)
    assert ("Retry-After", "0") in local.get("/accounts").headers
    assert local.get("/accounts").status == 200
    assert kinds(local) == []


def test_a_secret_in_the_address_is_a_violation_and_is_not_written_down(local: Local) -> None:
    credentials = local.dialect.credentials
    for text in credentials.texts:
        local.get(f"/accounts?token={text}")
    assert kinds(local) == [ViolationKind.SECRET_IN_ADDRESS] * 3
    written = f"{local.exchange.calls} {local.exchange.violations} {credentials}"
    assert not any(text in written for text in credentials.texts)


def test_a_secret_in_the_user_agent_is_a_violation(local: Local) -> None:
    local.get("/accounts", User_Agent=f"client/{local.dialect.credentials.passphrase}")
    assert kinds(local) == [ViolationKind.SECRET_IN_USER_AGENT]


PAGES = {
    Fault.HTTP_500: 500,
    Fault.HTTP_502: 502,
    Fault.HTTP_503: 503,
    Fault.HTTP_520: 520,
    Fault.HTTP_521: 521,
    Fault.HTTP_522: 522,
    Fault.HTTP_523: 523,
    Fault.HTTP_524: 524,
    Fault.FIREWALL_PAGE: 403,
    Fault.HTML_200: 200,
}


@pytest.mark.parametrize("fault", PAGES)
def test_an_outage_is_a_page_of_html(fault: Fault, faulty: Callable[..., Local]) -> None:
    local = faulty(fault)
    answer = local.get("/accounts")
    assert answer.status == PAGES[fault]
    assert answer.content_type.startswith("text/html")
    assert answer.body.startswith(b"<!DOCTYPE html>")
    assert local.get("/accounts").content_type.startswith("application/json")


SKEWS = {
    Fault.CLOCK_AHEAD_2S: 2,
    Fault.CLOCK_AHEAD_40S: 40,
    Fault.CLOCK_AHEAD_1H: 3600,
    Fault.CLOCK_BEHIND_2S: -2,
    Fault.CLOCK_BEHIND_40S: -40,
    Fault.CLOCK_BEHIND_1H: -3600,
}


@pytest.mark.parametrize("fault", SKEWS)
def test_a_clock_goes_wrong_and_stays_wrong(fault: Fault, faulty: Callable[..., Local]) -> None:
    local = faulty(fault)
    told = [json.loads(local.get("/time").body)["epoch"] - NOON for _ in range(2)]
    assert told == [SKEWS[fault], SKEWS[fault]]
    expected = 200 if abs(SKEWS[fault]) <= 30 else 401
    assert local.get("/accounts").status == expected
    local.client_skew = float(SKEWS[fault])
    assert local.get("/accounts").status == 200


def test_a_clock_may_jump_back_in_a_run(account: SandboxAccount) -> None:
    steps = [FaultStep(fault=Fault.CLOCK_AHEAD_2S, call=2), FaultStep(fault=Fault.CLOCK_JUMP_BACK, call=3)]
    local = Local(account, plan=FaultPlan(steps=steps))
    assert [json.loads(local.get("/time").body)["epoch"] - NOON for _ in range(4)] == [0, 2, -43, -43]


def test_every_call_is_written_down_with_its_faults(faulty: Callable[..., Local]) -> None:
    local = faulty(Fault.HTTP_503, path="/accounts")
    local.get("/time")
    local.get("/accounts")
    records = [(call.number, call.method, call.target, call.status, call.faults) for call in local.exchange.calls]
    assert records == [(1, "GET", "/time", 200, ()), (2, "GET", "/accounts", 503, (Fault.HTTP_503,))]
