"""All four codecs of Kafka are read, and none allocates more than the bound or takes long for many small parts."""

import gzip
import random
import struct
import time
import tracemalloc
from collections.abc import Callable

import cramjam
import pytest

from router.kafka.unpacking import (
    DECODERS,
    MAX_PARTS,
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


def cpu_seconds(unpack: Pack, packed: bytes) -> float:
    """CPU time of this thread, the best of three: other processes do not count."""
    taken = []
    for _ in range(3):
        start = time.thread_time()
        unpack(packed)
        taken.append(time.thread_time() - start)
    return min(taken)


@pytest.mark.parametrize(("pack", "unpack"), [(fast_gzip, gzip_decode), (lz4, lz4_decode), (zstd, zstd_decode)])
def test_many_members_cost_little_more_than_one(pack: Pack, unpack: Pack) -> None:
    """Copying the rest for each member took 21 s for 4 MB, in the thread of the consumer."""
    content = random.Random(7).randbytes(4 << 20).hex().encode()
    size = -(-len(content) // MAX_PARTS)
    members = b"".join([pack(content[at : at + size]) for at in range(0, len(content), size)])
    assert unpack(members) == content
    assert cpu_seconds(unpack, members) < 20 * cpu_seconds(unpack, pack(content))


def test_members_across_slices_are_read_to_their_last_byte() -> None:
    """Packed members are shorter and longer than a slice, so their ends lie anywhere in one."""
    sizes = [*range(40), 16_300, *range(16_350, 16_390), 50_000, 0, 200_000, 1]
    parts = [random.Random(size).randbytes(size) for size in sizes]
    packed = b"".join([gzip.compress(part) for part in parts])
    assert gzip_decode(packed) == gzip_decode(memoryview(packed)) == b"".join(parts)
    for cut in (1, 9, 100_000):
        with pytest.raises(UnpackError, match="cannot be unpacked"):
            gzip_decode(packed[:-cut])


def test_the_number_of_members_and_blocks_is_bounded() -> None:
    """A member of 20 bytes costs as much as 16 KiB of content, and a block of 5 bytes as an object."""
    member, block = gzip.compress(b""), struct.pack(">i", 1) + bytes(1)
    snappy = b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1)
    assert gzip_decode(member * MAX_PARTS) == snappy_decode(snappy + block * MAX_PARTS) == b""
    with pytest.raises(UnpackError, match=f"^has more than {MAX_PARTS} gzip members$"):
        gzip_decode(member * (MAX_PARTS + 1))
    with pytest.raises(UnpackError, match=f"^has more than {MAX_PARTS} snappy blocks$"):
        snappy_decode(snappy + block * (MAX_PARTS + 1))


def test_every_codec_of_kafka_has_a_decoder() -> None:
    assert sorted(DECODERS) == ["gzip_decode", "lz4_decode", "snappy_decode", "zstd_decode"]
