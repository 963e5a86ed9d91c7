"""Batches packed by a codec that the worker's client cannot read, as Java's producers write them."""

import struct

GZIP, SNAPPY = 1, 2
"""Numbers of the codecs in Kafka's protocol."""
_LONGEST = 64


def snappy(content: bytes | bytearray) -> bytes:
    """In the frame of Kafka's Java client; runs of one byte become copies, all else stays as it is."""
    block = bytearray(_varint(len(content)))
    at, literal = 0, bytearray()
    while at < len(content):
        run = _run(content, at)
        if run >= 8:
            block += _literal(literal) + bytes([(run - 1) << 2 | 2, 1, 0])
            at, literal = at + run, bytearray()
        else:
            literal.append(content[at])
            at += 1
    block += _literal(literal)
    return b"\x82SNAPPY\x00" + struct.pack(">iii", 1, 1, len(block)) + bytes(block)


def _run(content: bytes | bytearray, at: int) -> int:
    """How many bytes from here on are the one before."""
    end = at
    while at > 0 and end < len(content) and end - at < _LONGEST and content[end] == content[at - 1]:
        end += 1
    return end - at


def _literal(content: bytearray) -> bytes:
    return bytes([62 << 2]) + struct.pack("<I", len(content) - 1)[:3] + bytes(content) if content else b""


def _varint(number: int) -> bytes:
    written = bytearray()
    while number > 127:
        written.append(number & 127 | 128)
        number >>= 7
    written.append(number)
    return bytes(written)
