"""Bodies are unpacked to the last byte, in pieces of limited size."""

import gzip
import os
import zlib
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.transport.body import pieces_of

PIECE = 256 * 2**10


def given_in(chunks: list[bytes], coding: str) -> httpx.Response:
    class Stream(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            return iter(chunks)

    return httpx.Response(200, headers={"Content-Encoding": coding}, stream=Stream())


@given(body=st.binary(max_size=300) | st.integers(PIECE - 2, PIECE + 2).map(bytes), cuts=st.lists(st.integers(1, 40), max_size=20))
def test_a_packed_body_is_unpacked_wherever_its_chunks_end(body: bytes, cuts: list[int]) -> None:
    packed, chunks = gzip.compress(body, mtime=0), []
    for cut in cuts:
        chunks.append(packed[:cut])
        packed = packed[cut:]
    assert b"".join(pieces_of(given_in([*chunks, packed], "gzip"))) == body


@pytest.mark.parametrize("body", [bytes(3 * PIECE), bytes(5_000_000), os.urandom(3 * PIECE + 1)])
def test_no_piece_is_larger_than_its_size_and_none_is_lost(body: bytes) -> None:
    pieces = list(pieces_of(given_in([gzip.compress(body)], "gzip")))
    assert b"".join(pieces) == body
    assert max(map(len, pieces)) <= PIECE


@pytest.mark.parametrize("coding", ["gzip, gzip", "gzip,identity", "deflate", "br", "zstd", "gzip;q=1", "chunked"])
def test_a_packing_that_was_not_asked_for_is_refused(coding: str) -> None:
    with pytest.raises(httpx.DecodingError, match=f"packed as {coding}, which was not asked for"):
        list(pieces_of(given_in([gzip.compress(b"[]")], coding)))


@given(st.binary(max_size=60), st.integers(0, 60), st.binary(max_size=5))
def test_a_body_that_is_not_wholly_packed_is_refused_and_never_told_in_part(body: bytes, kept: int, more: bytes) -> None:
    packed = gzip.compress(body, mtime=0)
    told = packed[:kept] + more
    if told in {packed, b""}:
        return
    with pytest.raises(httpx.DecodingError):
        list(pieces_of(given_in([told], "gzip")))


def test_bytes_of_another_form_are_refused() -> None:
    with pytest.raises(httpx.DecodingError, match="wrongly packed"):
        list(pieces_of(given_in([zlib.compress(b"[]")], "gzip")))
