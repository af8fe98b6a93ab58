"""What the separate command does without ccxt: exact numbers, addresses, and no secret in a message."""

from decimal import Decimal

import pytest

from ledger.connectors.ccxt.reader import Number, Session, _exact, _moved

LONG = "12345678901234567890.123456789012345678"


def test_numbers_that_a_class_reckons_with_keep_every_digit() -> None:
    found = Number(LONG) - Number("0.000000000000000001")
    assert str(found) == "12345678901234567890.123456789012345677"
    assert (str(-(found + 0)), str(abs(-found))) == (f"-{found}", str(found))
    assert found == Decimal("12345678901234567890.123456789012345677")


def test_json_numbers_stay_as_they_were_written() -> None:
    assert _exact(f'{{"a": {LONG}, "b": 1e-8, "c": 7}}') == {"a": LONG, "b": "1e-8", "c": 7}


@pytest.mark.parametrize(
    ("urls", "moved"),
    [
        ("https://api.{hostname}", "http://here:1"),
        (
            {"public": "https://a.b/api/v3", "private": {"get": "https://c.d/x"}},
            {"public": "http://here:1/api/v3", "private": {"get": "http://here:1/x"}},
        ),
    ],
)
def test_only_the_host_of_an_address_is_replaced(urls: object, moved: object) -> None:
    assert _moved(urls, "http://here:1") == moved


def test_a_message_holds_no_secret() -> None:
    session = Session()
    session._secrets = ("hunter2", "the-key")
    assert session.without_secrets("the-key and hunter2 refused") == "[redacted] and [redacted] refused"
