"""No secret leaves in a text."""

import json
import logging
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.transport.redaction import RedactingFilter, Redactor

SECRET = "QiM6irV9cW5N/o3xei+MLD0a4GLnsz=="


def test_a_secret_is_hidden_wherever_it_stands() -> None:
    assert Redactor([SECRET])(f"a {SECRET} b{SECRET}") == "a [redacted] b[redacted]"


def test_a_secret_is_hidden_in_percent_encoding_too() -> None:
    assert Redactor([SECRET])("?s=QiM6irV9cW5N%2Fo3xei%2BMLD0a4GLnsz%3D%3D") == "?s=[redacted]"
    assert Redactor([SECRET])("?s=QiM6irV9cW5N/o3xei%2BMLD0a4GLnsz%3D%3D") == "?s=[redacted]"


SPELLED = {
    "json": r"QiM6irV9cW5N\/o3xei+MLD0a4GLnsz==",
    "json-all-escaped": "".join(f"\\u{ord(letter):04x}" for letter in SECRET),
    "json-upper-case": r"QiM6irV9cW5N\u002Fo3xei\u002BMLD0a4GLnsz\u003D\u003d",
    "json-within-json": r"QiM6irV9cW5N\\\/o3xei\\u002bMLD0a4GLnsz==",
    "percent-lower-case": "QiM6irV9cW5N%2fo3xei%2bMLD0a4GLnsz%3d%3D",
    "percent-of-letters": "".join(f"%{ord(letter):02X}" for letter in SECRET),
    "bytes": r"QiM6irV9cW5N\x2fo3xei\x2BMLD0a4GLnsz==",
}


@pytest.mark.parametrize("spelling", SPELLED)
def test_a_secret_is_hidden_in_every_spelling_that_a_venue_may_give_it(spelling: str) -> None:
    assert Redactor([SECRET])(f'{{"message":"no {SPELLED[spelling]} here"}}') == '{"message":"no [redacted] here"}'


SPELLERS: list[Callable[[str], str]] = [
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    lambda text: repr(text.encode())[2:-1],
    quote,
    quote_plus,
]


@given(secret=st.text(min_size=1), spelled=st.sampled_from(SPELLERS))
def test_no_spelling_keeps_a_secret(secret: str, spelled: Callable[[str], str]) -> None:
    assert Redactor([secret])(spelled(secret)) == "[redacted]"


def test_a_private_key_is_hidden_with_its_line_ends_written_out() -> None:
    pem = "-----BEGIN KEY-----\nMC4CAQAw\n-----END KEY-----\n"
    for told in (pem, json.dumps(pem)[1:-1], repr(pem.encode())[2:-1]):
        assert Redactor([pem])(told) == "[redacted]"


def test_the_signature_of_an_address_is_hidden() -> None:
    told = 'HTTP Request: GET https://x.example/a?symbol=B&signature=ab%2Fc%3D&more=1 "HTTP/1.1 200 OK"'
    assert Redactor(())(told) == 'HTTP Request: GET https://x.example/a?symbol=B&signature=[redacted]&more=1 "HTTP/1.1 200 OK"'
    assert Redactor(())("EAPI:Invalid signature") == "EAPI:Invalid signature"


def test_a_secret_that_contains_another_is_hidden_whole() -> None:
    assert Redactor(["pass", "passphrase"])("my passphrase, my pass") == "my [redacted], my [redacted]"


def test_a_line_is_short_printable_and_has_no_part_of_a_secret() -> None:
    redactor = Redactor([SECRET])
    for before in range(250, 310):
        line = redactor.line("a" * before + SECRET + "b" * 100_000)
        assert ("a" * before + "[redacted]" + "b" * 100)[:300].startswith(line)
        assert len(line) > 250
    assert redactor.line(" it\x1b[2Jis\r\n\u202enot\ud800 so\0") == "it [2Jis   not  so"


@given(before=st.integers(0, 400), after=st.integers(0, 40), secret=st.sampled_from([SECRET, "h2", "1" * 400]))
def test_a_cut_line_never_ends_in_a_part_of_a_secret(before: int, after: int, secret: str) -> None:
    spelled = "".join(f"\\\\\\\\u{ord(letter):04X}" for letter in secret)
    line = Redactor([secret]).line("." * before + spelled * 20 + "." * after)
    assert set(line.replace("[redacted]", "").rpartition(".")[0]) <= {"."}
    assert "[redacted]".startswith(line.replace("[redacted]", "").rpartition(".")[2])


def test_a_line_without_secrets_is_cut_where_it_is_too_long() -> None:
    assert Redactor(()).line("x" * 1_000) == "x" * 300


def test_no_secrets_leave_every_text_alone() -> None:
    assert Redactor(["", ""])("text") == "text"


@given(text=st.text(), secret=st.text("abcdef0123456789", min_size=4), place=st.integers(0, 50))
def test_no_text_keeps_a_secret(text: str, secret: str, place: int) -> None:
    assert secret not in Redactor([secret])(text[:place] + secret + text[place:]).replace("[redacted]", "|")


def refuse(text: str) -> None:
    raise ValueError(text)


def test_log_records_lose_secrets_in_message_arguments_and_traceback() -> None:
    with pytest.raises(ValueError, match="bad") as raised:
        refuse(f"bad {SECRET}")
    failure = raised.value
    record = logging.LogRecord("httpx", logging.INFO, "x.py", 1, "asked %s", (SECRET,), (ValueError, failure, failure.__traceback__))
    assert RedactingFilter(Redactor([SECRET])).filter(record)
    line = logging.Formatter().format(record)
    assert line.startswith("asked [redacted]\nTraceback")
    assert "ValueError: bad [redacted]" in line
    assert SECRET not in line


def test_a_detached_filter_leaves_no_trace() -> None:
    log = logging.getLogger("httpx")
    before = list(log.filters)
    filtering = RedactingFilter(Redactor([SECRET]))
    filtering.attach()
    assert filtering in log.filters
    filtering.detach()
    assert log.filters == before
