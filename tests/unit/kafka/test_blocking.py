"""The blocking client reads every codec within the same bound as the worker's."""

from typing import Any

import pytest
from kafka.record import MemoryRecords

from router.kafka import blocking
from router.kafka.unpacking import MAX_UNPACKED_BYTES, UnpackError
from tests.support.poison.sending import Sent, _append, _Batch

CODECS = pytest.mark.parametrize("codec", [0, 1, 2, 3, 4], ids=["none", "gzip", "snappy", "lz4", "zstd"])


def values(codec: int, *sent: bytes) -> list[Any]:
    blocking.install_decoders()
    builder = _Batch(codec, 1 << 30)
    for value in sent:
        assert _append(builder, Sent(topic="", partition=0, value=value))
    records = MemoryRecords(bytes(builder._build()))
    return [record.value for record in records.next_batch()]


@CODECS
def test_every_codec_is_read(codec: int) -> None:
    sent = [b"report " * 100, b"x" * 5000]
    assert values(codec, *sent) == sent


@CODECS
def test_a_bomb_is_an_error_and_not_an_end_of_memory(codec: int) -> None:
    if codec:
        with pytest.raises(UnpackError, match="unpacks to more than"):
            values(codec, bytes(MAX_UNPACKED_BYTES))
