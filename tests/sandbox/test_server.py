"""The server on real sockets: what a client meets, and that nothing is left behind."""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable

import httpx
import pytest

from ledger.domain.errors import InputError
from ledger.sandbox.faults import Fault, FaultPlan, FaultStep
from ledger.sandbox.server import Sandbox
from ledger.sandbox.wire import Patience

from .conftest import Wired

Starter = Callable[..., Wired]


def struck(fault: Fault) -> FaultPlan:
    return FaultPlan(steps=[FaultStep(fault=fault, call=1)])


def test_a_signed_call_is_answered_with_what_the_account_holds(wired: Starter) -> None:
    client = wired()
    rows = client.get("/accounts").json()
    assert {row["currency"] for row in rows} == {*client.sandbox.account.assets, "DAI"}
    fills = client.get("/fills?product_id=BTC-USD").json()
    assert len(fills) == len(client.sandbox.account.fills_of("BTC-USD"))
    assert client.sandbox.violations == []


def test_the_bytes_of_the_address_are_checked_as_they_came(wired: Starter) -> None:
    client = wired()
    assert client.get("/fills?product_id=BTC%2DUSD&start_date=2024-01-01T00%3A00%3A00Z").status_code == 200
    assert client.get("/transfers?after=2024-05-02+09:14:55.120374%2B00&limit=1").status_code == 200
    assert client.sandbox.violations == []


def test_cursors_travel_in_headers(wired: Starter) -> None:
    answer = wired().get("/fills?product_id=BTC-USD&limit=2")
    assert answer.headers["cb-after"] == str(answer.json()[-1]["trade_id"])
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


def test_the_ready_line_tells_all_that_a_client_needs(wired: Starter) -> None:
    sandbox = wired().sandbox
    line = json.loads(sandbox.ready_line())
    assert set(line) == {"venue", "rest_url", "ws_url", "key", "secret", "passphrase", "fills", "products"}
    assert line["rest_url"] == sandbox.rest_url
    assert line["fills"] == 60
    assert "LTC-USD" in line["products"]


def test_a_key_belongs_to_its_seed(wired: Starter) -> None:
    one, same, other = (wired(seed=seed).sandbox for seed in (1, 1, 2))
    assert (one.key, one.secret, one.passphrase) == (same.key, same.secret, same.passphrase)
    assert not {one.key, one.secret, one.passphrase} & {other.key, other.secret, other.passphrase}


BROKEN: dict[Fault, type[Exception]] = {
    Fault.RESET: httpx.TransportError,
    Fault.STALL: httpx.TransportError,
    Fault.HALF_BODY: httpx.RemoteProtocolError,
    Fault.WRONG_LENGTH: httpx.RemoteProtocolError,
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_line_breaks_and_the_next_call_is_well(fault: Fault, wired: Starter) -> None:
    client = wired(faults=struck(fault), patience=Patience(stall_seconds=0.05))
    with pytest.raises(BROKEN[fault]):
        client.get("/accounts")
    assert client.get("/accounts").status_code == 200
    assert client.sandbox.fault_counts() == {fault: 1}


def test_a_reset_strikes_a_reused_connection_too(wired: Starter) -> None:
    client = wired(faults=FaultPlan(steps=[FaultStep(fault=Fault.RESET, call=3)]))
    assert [client.get("/accounts").status_code for _ in range(2)] == [200, 200]
    with pytest.raises(httpx.TransportError):
        client.get("/accounts")


def test_a_stall_outlasts_an_impatient_client(wired: Starter) -> None:
    client = wired(faults=struck(Fault.STALL), patience=Patience(stall_seconds=2))
    with pytest.raises(httpx.ReadTimeout):
        client.http.get("/time", timeout=0.1)


def test_a_slow_drip_arrives_whole(wired: Starter) -> None:
    client = wired(faults=struck(Fault.SLOW_DRIP), patience=Patience(drip_seconds=0.2))
    started = time.monotonic()
    slow = client.get("/accounts").content
    assert time.monotonic() - started >= 0.15
    assert slow == client.get("/accounts").content


def test_a_client_that_leaves_in_the_middle_of_a_drip_is_no_fault_of_the_exchange(wired: Starter, caplog: pytest.LogCaptureFixture) -> None:
    client = wired(faults=struck(Fault.SLOW_DRIP), patience=Patience(drip_seconds=0.4))
    with socket.create_connection((client.http.base_url.host, client.http.base_url.port or 0)) as line:
        line.sendall(b"GET /products HTTP/1.1\r\nHost: sandbox\r\n\r\n")
        assert line.recv(1)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset, as by a process that was killed
    time.sleep(0.6)
    assert client.get("/accounts").status_code == 200
    assert caplog.messages == []


def test_a_client_that_leaves_while_it_asks_has_asked_nothing(wired: Starter, caplog: pytest.LogCaptureFixture) -> None:
    client = wired()
    with socket.create_connection((client.http.base_url.host, client.http.base_url.port or 0)) as line:
        line.sendall(b"POST /products HTTP/1.1\r\nHost: sandbox\r\nContent-Length: 100\r\n\r\nhalf of")
        time.sleep(0.2)  # the server waits for the rest
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset, as by a process that was killed
    time.sleep(0.2)
    assert client.get("/accounts").status_code == 200
    assert [call.target for call in client.sandbox.calls] == ["/accounts"]
    assert caplog.messages == []


def test_a_gzip_body_is_the_same_body(wired: Starter) -> None:
    client = wired(faults=struck(Fault.GZIP))
    packed, plain = client.get("/accounts"), client.get("/accounts")
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()


def test_truncated_json_has_a_fitting_length(wired: Starter) -> None:
    client = wired(faults=struck(Fault.TRUNCATED_JSON))
    broken, whole = client.get("/accounts"), client.get("/accounts")
    assert broken.status_code == 200
    assert whole.content.startswith(broken.content)
    assert 0 < len(broken.content) < len(whole.content)


@pytest.mark.parametrize("fault", [Fault.HTTP_500, Fault.HTTP_520, Fault.FIREWALL_PAGE])
def test_an_outage_is_html_on_the_wire(fault: Fault, wired: Starter) -> None:
    answer = wired(faults=struck(fault)).get("/accounts")
    assert answer.headers["content-type"].startswith("text/html")


def test_a_patient_client_ends_with_the_same_rows_under_all_faults(wired: Starter) -> None:
    client = wired(fills=120, faults="1,2,3", seed=6, patience=Patience(drip_seconds=0.02, stall_seconds=0.02))
    seen: list[int] = []
    target: str | None = "/fills?product_id=BTC-USD&limit=3"
    while target is not None:
        rows, after = patiently(client, target)
        seen += [int(str(row["trade_id"])) for row in rows]
        target = f"/fills?product_id=BTC-USD&limit=3&after={after}" if after else None
    assert seen == [fill.trade_id for fill in client.sandbox.account.fills_of("BTC-USD")][::-1]
    assert client.sandbox.fault_counts()
    assert client.sandbox.violations == []


def patiently(client: Wired, target: str) -> tuple[list[dict[str, object]], str | None]:
    for _ in range(4):
        time.sleep(0.1)
        try:
            answer = client.get(target)
            answer.raise_for_status()
            return answer.json(), answer.headers.get("cb-after")
        except httpx.HTTPStatusError as failure:
            time.sleep(float(failure.response.headers.get("retry-after", 0)))
        except (httpx.TransportError, json.JSONDecodeError):
            continue
    raise AssertionError(f"{target} was struck too often")


def test_leaving_stops_the_thread_and_frees_the_port() -> None:
    before = threading.active_count()
    with Sandbox(fills=40) as first:
        assert threading.active_count() == before + 1
        port = int(first.rest_url.rpartition(":")[2])
        assert httpx.get(f"{first.rest_url}/time").status_code == 200
    assert threading.active_count() == before
    with Sandbox(fills=40, port=port) as second:
        assert second.rest_url == first.rest_url


def test_leaving_does_not_wait_for_a_stall() -> None:
    with Sandbox(fills=40, faults=struck(Fault.STALL), patience=Patience(stall_seconds=60)) as sandbox:
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{sandbox.rest_url}/time", timeout=0.1)
        started = time.monotonic()
    assert time.monotonic() - started < 5


def test_a_taken_port_is_an_input_error() -> None:
    with Sandbox(fills=40) as sandbox:
        port = int(sandbox.rest_url.rpartition(":")[2])
        with pytest.raises(InputError, match=f"port {port} cannot be used"):
            Sandbox(fills=40, port=port).__enter__()


def test_an_unknown_venue_is_an_input_error() -> None:
    with pytest.raises(InputError, match="does not speak 'mtgox'"):
        Sandbox(venue="mtgox")


def test_it_listens_on_loopback_only(wired: Starter) -> None:
    assert wired().sandbox.rest_url.startswith("http://127.0.0.1:")
