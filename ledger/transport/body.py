"""Reads the body of an answer in pieces, packed once or not at all: five kilobytes packed twice may stand for gigabytes."""

import zlib
from collections.abc import Iterator

import httpx

ACCEPTED = "gzip"
_PLAIN = frozenset({"", "identity"})
_PACKED = frozenset({ACCEPTED, "x-gzip"})
_WITH_GZIP_HEADER = 16 + zlib.MAX_WBITS
_PIECE_BYTES_MAX = 256 * 2**10


def pieces_of(response: httpx.Response) -> Iterator[bytes]:
    """Yield the body, unpacked, in pieces of limited size; empty ones too, so that the caller can look at the time.

    Raises:
        httpx.DecodingError: when the body is packed in a way that was not asked for, or wrongly, or breaks off.
        httpx.TransportError: when it does not arrive.
    """
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding in _PLAIN:
        return response.iter_raw()
    if coding in _PACKED:
        return _unpacked(response.iter_raw())
    raise httpx.DecodingError(f"the answer is packed as {coding}, which was not asked for")


def _unpacked(body: Iterator[bytes]) -> Iterator[bytes]:
    unpacking, is_empty = zlib.decompressobj(_WITH_GZIP_HEADER), True
    for chunk in body:
        is_empty = False
        yield from _pieces(unpacking, chunk)
    if not (unpacking.eof or is_empty):
        raise httpx.DecodingError("the packed answer breaks off")


def _pieces(unpacking: "zlib._Decompress", chunk: bytes) -> Iterator[bytes]:
    """Yield what a chunk gives; a piece of full size may have left more behind, also where the chunk is used up."""
    is_full = False
    while chunk or is_full:
        try:
            piece = unpacking.decompress(chunk, _PIECE_BYTES_MAX)
        except zlib.error as broken:
            raise httpx.DecodingError(f"the answer is wrongly packed: {broken}") from broken
        if unpacking.unused_data:
            raise httpx.DecodingError("something follows the end of the packed answer")
        chunk, is_full = unpacking.unconsumed_tail, len(piece) == _PIECE_BYTES_MAX
        yield piece
