"""Asks a broker which log a partition is: the topic's id (KIP-516), the number of partitions and the leader epochs.

A topic that is deleted and made again has another id. The clients of this project know topics by name only, so this module has
the two requests: Metadata v10 (Kafka 2.8 and later) and OffsetForLeaderEpoch v3 (KIP-320; Kafka 2.3 and later).
"""

from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IncompatibleBrokerVersion, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    AbstractType,
    Array,
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    String,
    TaggedFields,
)
from msgspec import Struct

from router.kafka.requests import send_to_any, send_to_leader
from router.wire.stored_offsets import NO_EPOCH

UUID_BYTES = 16
ABSENT = bytes(UUID_BYTES)
"""The id of a topic that has none, because the cluster is too old."""
CONSUMER = -1
"""Replica id of a client."""
UNKNOWN_TOPIC = 3


class TopicDescription(Struct, frozen=True, kw_only=True):
    """What a topic is at this moment."""

    topic_id: str
    """As `kafka-topics.sh --describe` prints it, 22 characters; empty when the cluster gives none."""
    leader_epochs: Mapping[int, int]
    """Partition -> leader epoch. Its keys are the partitions of the topic."""

    @property
    def partitions(self) -> int:
        """How many partitions it has."""
        return len(self.leader_epochs)


class _Uuid(AbstractType[bytes]):  # type: ignore[misc]
    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        value = data.read(UUID_BYTES)
        if len(value) != UUID_BYTES:
            raise ValueError("the answer ends within a topic id")
        return value


class _MetadataResponse(Response):  # type: ignore[misc]
    API_KEY, API_VERSION = 3, 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", CompactString("utf-8")),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class _MetadataStruct(RequestStruct):  # type: ignore[misc]
    API_KEY, API_VERSION, RESPONSE_TYPE, FLEXIBLE_VERSION = 3, 10, _MetadataResponse, True
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("name", CompactString("utf-8")), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class _MetadataRequest(Request[_MetadataStruct]):  # type: ignore[misc]
    """Args: topics: None for all."""

    API_KEY = 3

    def __init__(self, topics: Sequence[str] | None) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[_MetadataStruct]) -> _MetadataStruct:
        topics: Any = None if self._topics is None else [(ABSENT, name, {}) for name in self._topics]
        return request_struct_class(topics, False, False, False, {})


class _EpochEndResponse(Response):  # type: ignore[misc]
    API_KEY, API_VERSION = 23, 3
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "topics",
            Array(
                ("topic", String("utf-8")),
                (
                    "partitions",
                    Array(("error_code", Int16), ("partition", Int32), ("leader_epoch", Int32), ("end_offset", Int64)),
                ),
            ),
        ),
    )


class _EpochEndStruct(RequestStruct):  # type: ignore[misc]
    API_KEY, API_VERSION, RESPONSE_TYPE = 23, 3, _EpochEndResponse
    SCHEMA = Schema(
        ("replica_id", Int32),
        (
            "topics",
            Array(
                ("topic", String("utf-8")),
                ("partitions", Array(("partition", Int32), ("current_leader_epoch", Int32), ("leader_epoch", Int32))),
            ),
        ),
    )


class _EpochEndRequest(Request[_EpochEndStruct]):  # type: ignore[misc]
    API_KEY = 23

    def __init__(self, source: TopicPartition, leader_epoch: int) -> None:
        self._source, self._leader_epoch = source, leader_epoch

    def build(self, request_struct_class: type[_EpochEndStruct]) -> _EpochEndStruct:
        partition = (self._source.partition, NO_EPOCH, self._leader_epoch)
        return request_struct_class(CONSUMER, [(self._source.topic, [partition])])


async def describe_topics(
    consumer: AIOKafkaConsumer, topics: Sequence[str] | None = None
) -> dict[str, TopicDescription]:
    """Describe topics; those that do not exist are left out.

    Args:
        consumer: started.
        topics: their names; None for all topics of the cluster.

    Raises:
        KafkaError: no broker answers, or the broker is older than Kafka 2.8.
    """
    answer = await _supported(send_to_any(consumer, _MetadataRequest(topics)))
    described = {}
    for error_code, name, topic_id, _, partitions, *_ in answer.topics:
        if error_code == UNKNOWN_TOPIC:
            continue
        if error_code:
            raise for_code(error_code)(name)
        described[name] = TopicDescription(
            topic_id="" if topic_id == ABSENT else urlsafe_b64encode(topic_id).decode().rstrip("="),
            leader_epochs={number: epoch for _, number, _, epoch, *_ in partitions},
        )
    return described


async def epoch_end(consumer: AIOKafkaConsumer, source: TopicPartition, leader_epoch: int) -> int | None:
    """Where the records of this leader epoch and earlier ones end in the log; None when the log does not know.

    Raises:
        KafkaError: the leader of the partition does not answer.
    """
    answer = await _supported(send_to_leader(consumer, source, _EpochEndRequest(source, leader_epoch)))
    ((_, ((error_code, _, _, end),)),) = answer.topics
    if error_code:
        raise for_code(error_code)(f"{source.topic}/{source.partition}")
    return None if end < 0 else int(end)


async def _supported(answer: Any) -> Any:
    try:
        return await answer
    except NotImplementedError as error:
        raise IncompatibleBrokerVersion("the router needs Kafka 2.8 or later") from error
