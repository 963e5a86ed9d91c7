"""Unpacks compressed record batches within a bound of memory.

306 KB of gzip can hold 300 MiB, and zstd packs a thousand times better. Kafka's clients allocate the whole of it. These decoders stop
at MAX_UNPACKED_BYTES, so a small batch cannot end a process. They replace those of both clients, and read all four codecs of Kafka.
Time is bounded, too: each grows with the packed bytes only, however many members or blocks these are.
"""

import struct
import zlib
from collections.abc import Callable
from typing import Any

import cramjam

MAX_UNPACKED_BYTES = 40 << 20
"""More than any record or batch of the router's own, and ten times what the topics of networks took before they were compressed."""
MAX_PARTS = 10_000
"""Members of gzip or blocks of snappy in a batch. Clients write one member, or blocks of 32 KiB: 1280 in the largest batch."""
_SLICE_BYTES = 16 << 10
"""Packed bytes that a gzip member gets at a time. It copies what it leaves of them, so this bounds the copy for each member."""
_FIRST_GUESS = 64
"""Usual ratio of unpacked to packed bytes, at most."""
_XERIAL = b"\x82SNAPPY\x00"
_XERIAL_HEADER_BYTES = 16
_GZIP = 16 + zlib.MAX_WBITS


class UnpackError(Exception):
    """A batch cannot be unpacked, or only into more than MAX_UNPACKED_BYTES, or it has more than MAX_PARTS parts."""


class Unpacked:
    """Counts what this process has unpacked, so that a reader can stop between two batches."""

    bytes = 0


def gzip_decode(packed: Any) -> bytes:
    """Unpack gzip, of one or more members. Raises UnpackError."""
    content, at = memoryview(packed), 0
    parts: list[bytes] = []
    left, members = MAX_UNPACKED_BYTES, 0
    while at < len(content):
        decoder = zlib.decompressobj(_GZIP)
        members += 1
        if members > MAX_PARTS:
            raise _too_many("gzip members")
        while not decoder.eof:
            piece = content[at : at + _SLICE_BYTES]
            if not piece:
                raise _broken()
            try:
                parts.append(decoder.decompress(piece, left + 1))
            except zlib.error as error:
                raise _broken() from error
            left -= len(parts[-1])
            if left < 0:
                raise _too_large()
            at += len(piece) - len(decoder.unused_data)
    return _counted(b"".join(parts))


def snappy_decode(packed: Any) -> bytes:
    """Unpack snappy, as one block or in the frames of Kafka's Java client. Raises UnpackError."""
    content = bytes(packed)
    blocks = _xerial_blocks(content) if content.startswith(_XERIAL) else [content]
    left = MAX_UNPACKED_BYTES
    for block in blocks:
        left -= _within(cramjam.snappy.decompress_raw_len, block)
        if left < 0:
            raise _too_large()
    return _counted(b"".join([bytes(_within(cramjam.snappy.decompress_raw, block)) for block in blocks]))


def _xerial_blocks(content: bytes) -> list[bytes]:
    blocks: list[bytes] = []
    at = _XERIAL_HEADER_BYTES
    while at < len(content):
        (size,) = _within(lambda here: struct.unpack_from(">i", content, here), at)
        if size <= 0 or at + 4 + size > len(content):
            raise _broken()
        if len(blocks) == MAX_PARTS:
            raise _too_many("snappy blocks")
        blocks.append(content[at + 4 : at + 4 + size])
        at += 4 + size
    return blocks


def lz4_decode(packed: Any) -> bytes:
    """Unpack lz4. Raises UnpackError."""
    return _decode_into(cramjam.lz4.decompress_into, bytes(packed))


def zstd_decode(packed: Any) -> bytes:
    """Unpack zstd. Raises UnpackError."""
    return _decode_into(cramjam.zstd.decompress_into, bytes(packed))


def _decode_into(decode: Callable[[bytes, bytearray], int], packed: bytes) -> bytes:
    """Unpack into a buffer of a guessed size, then into the largest one. The system gives it memory only as it is written."""
    for size in (min(_FIRST_GUESS * len(packed) + 1024, MAX_UNPACKED_BYTES), MAX_UNPACKED_BYTES):
        buffer = bytearray(size)
        try:
            return _counted(bytes(memoryview(buffer)[: decode(packed, buffer)]))
        except cramjam.DecompressionError as error:
            if "whole buffer" not in str(error):
                raise _broken() from error
    raise _too_large()


def _within(read: Callable[[Any], Any], packed: Any) -> Any:
    try:
        return read(packed)
    except (cramjam.DecompressionError, struct.error) as error:
        raise _broken() from error


def _counted(unpacked: bytes) -> bytes:
    Unpacked.bytes += len(unpacked)
    return unpacked


def _broken() -> UnpackError:
    return UnpackError("cannot be unpacked")


def _too_large() -> UnpackError:
    return UnpackError(f"unpacks to more than {MAX_UNPACKED_BYTES} bytes")


def _too_many(parts: str) -> UnpackError:
    return UnpackError(f"has more than {MAX_PARTS} {parts}")


DECODERS: dict[str, Callable[[Any], bytes]] = {
    "gzip_decode": gzip_decode,
    "snappy_decode": snappy_decode,
    "lz4_decode": lz4_decode,
    "zstd_decode": zstd_decode,
}
"""Name in the modules of both clients -> decoder."""
