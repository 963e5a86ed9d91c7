"""All four codecs of Kafka are read, and none allocates more than the bound."""

import gzip
import struct
import tracemalloc
from collections.abc import Callable

import cramjam
import pytest

from router.kafka.unpacking import (
    DECODERS,
    MAX_UNPACKED_BYTES,
    UnpackError,
    gzip_decode,
    lz4_decode,
    snappy_decode,
    zstd_decode,
)


def xerial(content: bytes) -> bytes:
    """As Java's client writes snappy: blocks of 32 KiB."""
    blocks = [bytes(cramjam.snappy.compress_raw(content[at : at + 32768])) for at in range(0, len(content), 32768)]
    frames = b"".join(struct.pack(">i", len(block)) + block for block in blocks)
    return b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1) + frames


def fast_gzip(content: bytes) -> bytes:
    return gzip.compress(content, 1)


def raw_snappy(content: bytes) -> bytes:
    return bytes(cramjam.snappy.compress_raw(content))


def lz4(content: bytes) -> bytes:
    return bytes(cramjam.lz4.compress(content))


def zstd(content: bytes) -> bytes:
    return bytes(cramjam.zstd.compress(content))


CODECS = [
    (fast_gzip, gzip_decode),
    (raw_snappy, snappy_decode),
    (xerial, snappy_decode),
    (lz4, lz4_decode),
    (zstd, zstd_decode),
]
codecs = pytest.mark.parametrize(("pack", "unpack"), CODECS, ids=lambda one: one.__name__)
Pack = Callable[[bytes], bytes]


@codecs
@pytest.mark.parametrize("content", [b"", b"x", b"report " * 9999, bytes(range(256)) * 300, bytes(1 << 22)], ids=len)
def test_what_was_packed_is_unpacked(pack: Pack, unpack: Pack, content: bytes) -> None:
    assert unpack(pack(content)) == content


@codecs
def test_a_bomb_is_stopped_at_the_bound(pack: Pack, unpack: Pack) -> None:
    packed = pack(bytes(300 << 20))
    tracemalloc.start()
    with pytest.raises(UnpackError, match=f"more than {MAX_UNPACKED_BYTES} bytes"):
        unpack(packed)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * MAX_UNPACKED_BYTES + 2 * len(packed)


@codecs
def test_the_bound_itself_is_allowed(pack: Pack, unpack: Pack) -> None:
    assert len(unpack(pack(bytes(MAX_UNPACKED_BYTES)))) == MAX_UNPACKED_BYTES
    with pytest.raises(UnpackError):
        unpack(pack(bytes(MAX_UNPACKED_BYTES + 1)))


@codecs
def test_broken_bytes_are_one_error(pack: Pack, unpack: Pack) -> None:
    packed = pack(b"report " * 1000)
    for broken in (b"garbage" * 9, packed[: len(packed) // 2], packed[:20]):
        with pytest.raises(UnpackError):
            unpack(broken)


def test_gzip_of_several_members_is_one_text_and_bounded() -> None:
    assert gzip_decode(gzip.compress(b"a") + gzip.compress(b"b")) == b"ab"
    with pytest.raises(UnpackError, match="more than"):
        gzip_decode(gzip.compress(bytes(MAX_UNPACKED_BYTES // 2)) * 3)


def test_every_codec_of_kafka_has_a_decoder() -> None:
    assert sorted(DECODERS) == ["gzip_decode", "lz4_decode", "snappy_decode", "zstd_decode"]
