"""The dialect, call by call: signatures, refusals, rows, cursors, and what faults make of them."""

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import pytest

from ledger.sandbox.account import SandboxAccount
from ledger.sandbox.calls import Credentials, ReceivedCall, ViolationKind
from ledger.sandbox.coinbase_exchange.key import Refused, admit, signature_of
from ledger.sandbox.faults import Fault, FaultPlan, FaultStep

from .conftest import NOON, Local, signed_headers

FaultyMaker = Callable[..., Local]

# A vector of another hand: a client of this venue published it in its own tests.
VECTOR = {
    "secret": "QiM6irV9cW5NJo3xei+MLD0a4GLnsz+HSFwucGXdt+c8gZwRUxTltMfh09w8pZ2VHXKdM8LzqxhaMUg4WHSsvQ==",
    "timestamp": "1573653521.402",
    "method": "POST",
    "target": "/profiles/transfer",
}
VECTOR_BODY = b'{"from":"86602c68-306a-4500-ac73-4ce56a91d83c","to":"e87429d3-f0a7-4f28-8dff-8dd93d383de1","currency":"ETH","amount":100}'
VECTOR_SIGNATURE = "xBQCYBLmE0rX9tKUzNL4vgeuX7kIlpMdqILMftUiFzU="


def vector_call(*, sign: str = VECTOR_SIGNATURE) -> ReceivedCall:
    headers = {"cb-access-key": "k", "cb-access-sign": sign, "cb-access-timestamp": VECTOR["timestamp"], "cb-access-passphrase": "p"}
    return ReceivedCall(number=1, method="POST", target=VECTOR["target"], headers=headers, body=VECTOR_BODY)


def test_the_published_vector_is_the_signature() -> None:
    assert signature_of(**VECTOR, body=VECTOR_BODY) == VECTOR_SIGNATURE


def test_the_published_vector_is_let_in() -> None:
    credentials = Credentials(key="k", secret=VECTOR["secret"], passphrase="p")
    admit(vector_call(), credentials, now=1573653521.0, faults=())
    with pytest.raises(Refused, match="invalid signature"):
        admit(vector_call(sign=VECTOR_SIGNATURE.lower()), credentials, now=1573653521.0, faults=())


REFUSALS: dict[str, tuple[dict[str, str], int, str]] = {
    "no user agent": ({"User_Agent": ""}, 403, "User-Agent header is required."),
    "no key": ({"CB_ACCESS_KEY": ""}, 401, "CB-ACCESS-KEY header is required"),
    "no passphrase": ({"CB_ACCESS_PASSPHRASE": ""}, 401, "CB-ACCESS-PASSPHRASE header is required"),
    "another key": ({"CB_ACCESS_KEY": "0" * 32}, 401, "Invalid API Key"),
    "another passphrase": ({"CB_ACCESS_PASSPHRASE": "open sesame"}, 401, "Invalid Passphrase"),
    "a signature of something else": ({"CB_ACCESS_SIGN": "AAAA"}, 401, "invalid signature"),
    "a signature that is not base64": ({"CB_ACCESS_SIGN": "no base64!"}, 401, "invalid signature"),
    "a stamp in words": ({"CB_ACCESS_TIMESTAMP": "noon"}, 401, "invalid timestamp"),
    "a stamp 31 s old": ({"CB_ACCESS_TIMESTAMP": str(NOON - 31)}, 401, "request timestamp expired"),
    "a stamp 31 s ahead": ({"CB_ACCESS_TIMESTAMP": str(NOON + 31)}, 401, "request timestamp expired"),
    "a stamp that was not signed": ({"CB_ACCESS_TIMESTAMP": str(NOON + 1)}, 401, "invalid signature"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_call_is_refused_in_the_venues_words_for(case: str, local: Local) -> None:
    changed, status, message = REFUSALS[case]
    answer = local.get("/accounts", **changed)
    assert (answer.status, json.loads(answer.body)) == (status, {"message": message})


def test_a_signature_covers_the_query(local: Local) -> None:
    signed = signed_headers(local.dialect.credentials, "/fills?product_id=BTC-USD", stamp=f"{NOON:.3f}")
    sign = signed["CB-ACCESS-SIGN"]
    assert local.get("/fills?product_id=BTC-USD", CB_ACCESS_SIGN=sign).status == 200
    assert local.get("/fills?product_id=ETH-USD", CB_ACCESS_SIGN=sign).status == 401
    assert [violation.kind for violation in local.exchange.violations] == [ViolationKind.SIGNATURE_MISMATCH]


def test_public_calls_need_no_key_but_a_user_agent(local: Local) -> None:
    bare = {"CB_ACCESS_KEY": "", "CB_ACCESS_SIGN": "", "CB_ACCESS_TIMESTAMP": "", "CB_ACCESS_PASSPHRASE": ""}
    assert local.get("/time", **bare).status == 200
    assert local.get("/time", **bare, User_Agent="").status == 403
    assert local.get("/accounts", **bare).status == 401


# --- rows


def test_time_is_told_twice(local: Local) -> None:
    told = json.loads(local.get("/time").body)
    assert told["epoch"] == NOON == datetime.fromisoformat(told["iso"]).timestamp()


def test_what_is_delisted_vanishes_but_for_its_account_and_its_fills(local: Local) -> None:
    assert "LTC-USD" not in {row["id"] for row in local.rows("/products")}
    assert local.get("/products/LTC-USD").status == 404
    assert "LTC" in {row["currency"] for row in local.rows("/accounts")}
    assert len(local.rows("/fills?product_id=LTC-USD")) == len(local.account.fills_of("LTC-USD")) > 0


def test_balances_are_the_last_of_the_ledger(local: Local) -> None:
    for row in local.rows("/accounts"):
        ledger = local.rows(f"/accounts/{row['id']}/ledger?limit=1")
        assert Decimal(str(row["balance"])) == (Decimal(str(ledger[0]["balance"])) if ledger else 0)
        assert row == json.loads(local.get(f"/accounts/{row['id']}").body)


def test_fills_say_what_happened_to_the_last_digit(local: Local) -> None:
    for product in local.account.products:
        served = local.rows(f"/fills?product_id={product.name}")
        happened = local.account.fills_of(product.name)[::-1]
        assert [row["trade_id"] for row in served] == [fill.trade_id for fill in happened]
        for row, fill in zip(served, happened, strict=True):
            figures = {name: Decimal(str(row[name])) for name in ("price", "size", "fee")}
            assert figures == {"price": fill.price, "size": fill.size, "fee": fill.fee}
            assert (row["side"], row["funding_currency"], row["order_id"]) == (fill.side.value, fill.money, fill.order_id)
            assert datetime.fromisoformat(str(row["created_at"])) == fill.occurred_at
            assert row["liquidity"] == ("M" if fill.is_maker else "T")
            assert row["settled"] is True


def test_fills_of_an_order_are_found_by_its_id(local: Local) -> None:
    order = next(order for order in local.account.orders if order.size != 0)
    expected = sum(fill.order_id == order.order_id for fill in local.account.fills)
    assert len(local.rows(f"/fills?order_id={order.order_id}")) == expected > 0


def test_fills_need_an_order_or_a_product(local: Local) -> None:
    assert local.get("/fills").status == 400
    assert local.get("/fills?product_id=DOGE-USD").status == 404


def test_transfers_spell_their_times_with_a_space(local: Local) -> None:
    rows = local.rows("/transfers")
    assert len(rows) == len(local.account.transfers)
    bitcoin = [row for row in rows if row["currency"] == "BTC"][-1]
    assert bitcoin["created_at"] == "2024-05-02 09:14:55.120374+00"
    details = bitcoin["details"]
    assert isinstance(details, dict)
    assert Decimal(details["fee"]) + Decimal(details["subtotal"]) == Decimal(str(bitcoin["amount"]))
    canceled = [row for row in rows if row["canceled_at"]]
    assert [(row["completed_at"], row["type"]) for row in canceled] == [(None, "withdraw")]


def test_transfers_are_found_by_type_and_account(local: Local) -> None:
    kinds = {kind: len(local.rows(f"/transfers?type={kind}")) for kind in ("deposit", "withdraw", "internal_deposit")}
    assert kinds == {"deposit": 4, "withdraw": 6, "internal_deposit": 0}
    assert {row["currency"] for row in local.rows(f"/accounts/{local.account_id('ETH')}/transfers")} == {"ETH"}
    assert local.get("/transfers?type=gift").status == 400


def test_orders_carry_the_bots_own_id(local: Local) -> None:
    order = local.account.orders[3]
    by_id = json.loads(local.get(f"/orders/{order.order_id}").body)
    assert by_id["client_oid"] == order.client_order_id
    assert by_id == json.loads(local.get(f"/orders/client:{order.client_order_id}").body)
    assert by_id in local.rows("/orders?status=all")
    assert local.rows("/orders") == []
    assert local.get("/orders/none").status == 404


@pytest.mark.parametrize("path", ["/profiles", "/conversions", "/fees", "/currencies", "/currencies/BTC", "/products/BTC-USD"])
def test_the_small_endpoints_answer(path: str, local: Local) -> None:
    assert local.get(path).status == 200


@pytest.mark.parametrize("path", ["/", "/nowhere", "/accounts/none", "/accounts/none/ledger", "/currencies/XXX", "/products/X-Y/candles"])
def test_what_is_not_there_is_not_found(path: str, local: Local) -> None:
    answer = local.get(path)
    assert (answer.status, answer.body) == (404, b'{"message":"NotFound"}')


# --- candles


def test_candles_run_newest_first_with_low_before_high(local: Local) -> None:
    rows = json.loads(local.get("/products/BTC-USD/candles?granularity=60&start=2024-05-02T09:00:00Z&end=2024-05-02T09:59:59Z").body)
    times = [row[0] for row in rows]
    assert times == sorted(times, reverse=True)
    assert 45 < len(rows) < 60
    assert all(low <= min(opening, close) <= max(opening, close) <= high for _, low, high, opening, close, _ in rows)
    assert all(isinstance(figure, int | float) for row in rows for figure in row)


def test_candles_are_at_most_three_hundred(local: Local) -> None:
    allowed = local.get("/products/BTC-USD/candles?granularity=60&start=1714640000&end=1714658000")
    assert 250 < len(json.loads(allowed.body)) <= 300
    refused = local.get("/products/BTC-USD/candles?granularity=60&start=1714640000&end=1714658001")
    assert refused.status == 400
    assert b"exceeds 300" in refused.body


def test_candles_never_show_the_future(local: Local) -> None:
    rows = json.loads(local.get(f"/products/BTC-USD/candles?granularity=60&start={int(NOON) - 600}&end={int(NOON) + 600}").body)
    assert rows
    assert max(row[0] for row in rows) <= NOON


@pytest.mark.parametrize("query", ["granularity=61", "start=soon", "end=2024-13-01"])
def test_candles_refuse_what_they_cannot_read(query: str, local: Local) -> None:
    assert local.get(f"/products/BTC-USD/candles?{query}").status == 400


# --- pages


def walk(local: Local, target: str, *, limit: int) -> list[list[dict[str, object]]]:
    pages: list[list[dict[str, object]]] = []
    cursor = ""
    while True:
        answer = local.get(f"{target}limit={limit}{cursor}")
        assert answer.status == 200
        pages.append(json.loads(answer.body))
        after = dict(answer.headers).get("CB-AFTER")
        if after is None:
            return pages
        cursor = f"&after={after}"


@pytest.mark.parametrize("limit", [1, 7, 50, 1000])
def test_walking_after_gives_every_fill_newest_first(limit: int, local: Local) -> None:
    happened = [fill.trade_id for fill in local.account.fills_of("BTC-USD")]
    pages = walk(local, "/fills?product_id=BTC-USD&", limit=limit)
    assert [row["trade_id"] for page in pages for row in page] == happened[::-1]


def test_walking_before_gives_what_is_newer(local: Local) -> None:
    ids = [fill.trade_id for fill in local.account.fills_of("ETH-USD")]
    middle = len(ids) // 2
    answer = local.get(f"/fills?product_id=ETH-USD&limit=5&before={ids[middle]}")
    assert [row["trade_id"] for row in json.loads(answer.body)] == ids[:-6:-1]
    above = local.rows(f"/fills?product_id=ETH-USD&before={ids[middle]}")
    assert [row["trade_id"] for row in above] == ids[:middle:-1]
    assert local.rows(f"/fills?product_id=ETH-USD&before={ids[-1]}") == []


def test_walking_the_ledger_and_the_transfers_gives_every_row(local: Local) -> None:
    for asset in local.account.assets:
        pages = walk(local, f"/accounts/{local.account_id(asset)}/ledger?", limit=90)
        expected = [str(row.row_id) for row in local.account.ledger[asset]][::-1]
        assert [row["id"] for page in pages for row in page] == expected
    pages = walk(local, "/transfers?", limit=3)
    assert [row["id"] for page in pages for row in page] == [one.transfer_id for one in local.account.transfers][::-1]


def test_cursors_are_the_ids_of_the_first_and_last_row(local: Local) -> None:
    answer = local.get("/fills?product_id=BTC-USD&limit=3")
    rows, headers = json.loads(answer.body), dict(answer.headers)
    assert (headers["CB-BEFORE"], headers["CB-AFTER"]) == (str(rows[0]["trade_id"]), str(rows[-1]["trade_id"]))


def test_an_empty_page_has_no_cursor_and_the_last_page_no_after(local: Local) -> None:
    assert local.get("/fills?product_id=BTC-USD&after=1").headers == ()
    assert [name for name, _ in local.get("/fills?product_id=BTC-USD").headers] == ["CB-BEFORE"]


def test_a_page_holds_a_thousand_rows_at_most(local: Local) -> None:
    asked = local.get("/fills?product_id=BTC-USD&limit=5000")
    assert asked.status == 200
    assert local.get("/fills?product_id=BTC-USD&limit=0").status == 400


def test_dates_cut_a_history(local: Local) -> None:
    fills = local.account.fills_of("BTC-USD")
    target = "/fills?product_id=BTC-USD&start_date=2024-06-01&end_date=2024-07-01T00:00:00Z"
    expected = [fill.trade_id for fill in fills if (fill.occurred_at.year, fill.occurred_at.month) == (2024, 6)]
    assert [row["trade_id"] for row in local.rows(target)] == expected[::-1]
    assert local.get("/fills?product_id=BTC-USD&start_date=yesterday").status == 400


def test_a_transfer_cursor_may_be_spelled_as_the_rows_spell_it(local: Local) -> None:
    created = "2024-05-02%2009:14:55.120374"
    found = [[row["id"] for row in local.rows(f"/transfers?after={created}{zone}")] for zone in ("%2B00", "+00", "Z")]
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 1


def test_both_rows_of_a_self_trade_come_on_one_page(local: Local, account: SandboxAccount) -> None:
    pair = [fill for fill in account.fills_of("BTC-USD") if sum(f.trade_id == fill.trade_id for f in account.fills_of("BTC-USD")) == 2]
    for limit in (1, 2, 3, 4, 5):
        pages = walk(local, "/fills?product_id=BTC-USD&", limit=limit)
        held = [sum(row["trade_id"] == pair[0].trade_id for row in page) for page in pages]
        assert sorted(held)[-2:] == [0, 2]


# --- faults that only a dialect can commit

FILLS = "/fills?product_id=BTC-USD&limit=10"


def second_page(local: Local) -> str:
    return f"{FILLS}&after={local.account.fills_of('BTC-USD')[-10].trade_id}"


def trade_ids(local: Local, target: str) -> list[object]:
    return [row["trade_id"] for row in local.rows(target)]


def test_an_empty_page_in_the_middle_is_gone_when_asked_again(faulty: FaultyMaker) -> None:
    local = faulty(Fault.EMPTY_PAGE, path="/fills")
    answer = local.get(second_page(local))
    assert (answer.body, answer.headers) == (b"[]", ())
    assert len(local.rows(second_page(local))) == 10


def test_a_short_page_goes_on_where_it_ends(faulty: FaultyMaker, local: Local) -> None:
    short = faulty(Fault.SHORT_PAGE, path="/fills")
    answer = short.get(FILLS)
    rows = json.loads(answer.body)
    assert [row["trade_id"] for row in rows] == trade_ids(local, FILLS)[:5]
    assert dict(answer.headers)["CB-AFTER"] == str(rows[-1]["trade_id"])


def test_a_duplicate_row_is_the_last_of_the_page_before(faulty: FaultyMaker, local: Local) -> None:
    duplicate = faulty(Fault.DUPLICATE_ROW, path="/fills")
    first, second = trade_ids(local, FILLS), trade_ids(local, second_page(local))
    assert trade_ids(duplicate, second_page(duplicate)) == [first[-1], *second]


def test_the_same_cursor_is_given_out_twice(account: SandboxAccount) -> None:
    local = Local(account, plan=FaultPlan(steps=[FaultStep(fault=Fault.SAME_CURSOR, call=2)]))
    first = dict(local.get(FILLS).headers)["CB-AFTER"]
    second = local.get(f"{FILLS}&after={first}")
    assert dict(second.headers)["CB-AFTER"] == first
    again = local.get(f"{FILLS}&after={first}")
    assert again.body == second.body
    assert dict(again.headers)["CB-AFTER"] == str(json.loads(again.body)[-1]["trade_id"])


def test_a_cursor_expires(faulty: FaultyMaker) -> None:
    local = faulty(Fault.CURSOR_EXPIRED, path="/fills")
    answer = local.get(second_page(local))
    assert (answer.status, answer.body) == (400, b'{"message":"cursor is expired"}')
    assert local.get(second_page(local)).status == 200


def test_the_last_page_may_pretend_to_go_on(faulty: FaultyMaker) -> None:
    local = faulty(Fault.CURSOR_AFTER_LAST, path="/fills")
    after = dict(local.get("/fills?product_id=BTC-USD").headers)["CB-AFTER"]
    assert local.rows(f"/fills?product_id=BTC-USD&after={after}") == []


def test_a_new_fill_arrives_after_the_first_page(faulty: FaultyMaker) -> None:
    local = faulty(Fault.NEW_FILL, path="/fills")
    first = trade_ids(local, FILLS)
    newest = local.account.fills_of("BTC-USD")[-1].trade_id
    assert newest not in first
    assert trade_ids(local, f"/fills?product_id=BTC-USD&before={first[0]}") == [newest]


def test_an_unsettled_fill_settles_with_another_fee(faulty: FaultyMaker) -> None:
    local = faulty(Fault.UNSETTLED, path="/fills")
    target = "/fills?product_id=LTC-USD"
    early, late = local.rows(target), local.rows(target)
    assert [row["settled"] for row in early[:4]] == [False, False, False, True]
    assert all(row["settled"] for row in late)
    assert [row["fee"] for row in early[:3]] != [row["fee"] for row in late[:3]]
    assert early[3:] == late[3:]


DAMAGES: dict[Fault, Callable[[dict[str, object]], bool]] = {
    Fault.NULL_FIELD: lambda row: row["price"] is None,
    Fault.MISSING_FIELD: lambda row: "price" not in row,
    Fault.EMPTY_FIELD: lambda row: row["price"] == "",
}


@pytest.mark.parametrize("fault", DAMAGES)
def test_a_spoilt_row_is_spoilt_at_every_reading(fault: Fault, faulty: FaultyMaker, local: Local) -> None:
    spoilt = faulty(fault, path="/fills", times=2)
    target = "/fills?product_id=BTC-USD"
    first, second, sound = spoilt.rows(target), spoilt.rows(target), local.rows(target)
    wrong = [row for row in first if DAMAGES[fault](row)]
    assert first == second
    assert 1 <= len(wrong) <= len(sound) // 25 + 1
    assert sum(row not in sound for row in first) == len(wrong)


def test_an_unknown_ledger_type_stands_in_the_ledger(faulty: FaultyMaker) -> None:
    local = faulty(Fault.UNKNOWN_LEDGER_TYPE, path="/accounts/")
    rows = local.rows(f"/accounts/{local.account_id('USD')}/ledger")
    assert {row["type"] for row in rows} == {"match", "fee", "rebate", "transfer", "vip_adjustment"}


def test_numbers_may_be_exponents_or_json_numbers_of_the_same_size(faulty: FaultyMaker, local: Local) -> None:
    target = "/fills?product_id=SOL-USD"
    sound = [(Decimal(str(row["price"])), Decimal(str(row["fee"]))) for row in local.rows(target)]
    for fault, mark in ((Fault.EXPONENTS, b"E-"), (Fault.JSON_NUMBERS, b'"price":1')):
        body = faulty(fault, path="/fills").get(target).body
        assert mark in body
        rows = json.loads(body, parse_float=Decimal)
        assert [(Decimal(row["price"]), Decimal(row["fee"])) for row in rows] == sound


def test_huge_ids_are_above_what_a_double_holds_and_page_all_the_same(faulty: FaultyMaker, local: Local) -> None:
    huge = faulty(Fault.HUGE_IDS, path="/fills", times=1000)
    pages = walk(huge, "/fills?product_id=ETH-BTC&", limit=7)
    ids = [int(str(row["trade_id"])) for page in pages for row in page]
    assert min(ids) > 2**53
    assert [number - 2**53 for number in ids] == trade_ids(local, "/fills?product_id=ETH-BTC")


KEY_FAULTS = {
    Fault.KEY_REVOKED: (401, "Invalid API Key"),
    Fault.PERMISSION_LACKING: (403, "Forbidden"),
    Fault.IP_REFUSED: (403, "IP does not match IP whitelist"),
}


@pytest.mark.parametrize("fault", KEY_FAULTS)
def test_a_key_may_lose_its_rights(fault: Fault, faulty: FaultyMaker) -> None:
    answer = faulty(fault).get("/accounts")
    status, message = KEY_FAULTS[fault]
    assert (answer.status, json.loads(answer.body)) == (status, {"message": message})
