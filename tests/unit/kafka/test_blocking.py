"""The blocking client reads every codec within the same bound as the worker's."""

from inspect import iscoroutinefunction
from types import SimpleNamespace
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.consumer.subscription_state import SubscriptionState
from kafka.coordinator.consumer import ConsumerCoordinator
from kafka.net.selector import NetworkSelector
from kafka.record import MemoryRecords
from kafka.structs import MemberState

from router.kafka import blocking, blocking_internals
from router.kafka.unpacking import MAX_UNPACKED_BYTES, UnpackError
from tests.support.poison.sending import Sent, _append, _Batch

CODECS = pytest.mark.parametrize("codec", [0, 1, 2, 3, 4], ids=["none", "gzip", "snappy", "lz4", "zstd"])


def values(codec: int, *sent: bytes) -> list[Any]:
    blocking.prepare_consumers()
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


def fetcher_of(*partitions: TopicPartition) -> Any:
    """A fetcher that is assigned partitions at offset 0, and has no connection."""
    subscriptions = SubscriptionState()
    subscriptions.assign_from_user(partitions)
    for one in partitions:
        subscriptions.seek(one, 0)
    return Fetcher(SimpleNamespace(_manager=SimpleNamespace(_net=None)), subscriptions, metrics=None)


def fetched(partition: TopicPartition, *sent: bytes) -> Any:
    """What a fetcher has parsed of a partition, from offset 0."""
    builder = _Batch(0, 1 << 30)
    for value in sent:
        assert _append(builder, Sent(topic="", partition=0, value=value))
    return Fetcher.PartitionRecords(0, partition, MemoryRecords(bytes(builder._build())))


def test_a_partition_that_was_paused_goes_on_behind_one_that_is_read_to_its_end() -> None:
    blocking.prepare_consumers()
    ended, resumed = TopicPartition("t", 0), TopicPartition("t", 1)
    fetcher = fetcher_of(ended, resumed)
    in_line = fetched(ended, b"1")
    assert len(in_line.take(10)) == 1
    assert hasattr(fetcher, blocking_internals.IN_LINE)
    setattr(fetcher, blocking_internals.IN_LINE, in_line)
    fetcher._paused_partition_records[resumed] = fetched(resumed, b"2", b"3")
    records, _ = fetcher.fetched_records()
    assert [one.value for one in records[resumed]] == [b"2", b"3"]


def coordinator() -> Any:
    """A member of a group without a connection."""
    network = SimpleNamespace(
        _net=NetworkSelector(), cluster=SimpleNamespace(request_update=lambda: None, add_listener=lambda _: None)
    )
    return ConsumerCoordinator(
        SimpleNamespace(_manager=network), SubscriptionState(), group_id="g", enable_auto_commit=False, metrics=None
    )


def test_the_names_of_a_member_that_joins_exist() -> None:
    member = coordinator()
    assert iscoroutinefunction(getattr(ConsumerCoordinator, blocking_internals.JOIN))
    assert getattr(member, blocking_internals.JOINING) is False
    assert member.state is MemberState.UNJOINED
    assert not hasattr(member, blocking_internals.NOT_TAKEN)
