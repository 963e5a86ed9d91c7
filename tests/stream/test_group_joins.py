"""A member of a consumer group on a real broker gets its partitions, whenever its polls end."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from kafka import ConsumerRebalanceListener, KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import KafkaError
from kafka.structs import MemberState

from router.client import Connection
from router.client.connection import open_consumer
from router.wire.codec import encode_task
from tests.stream.test_department_client import task

pytestmark = [pytest.mark.broker, pytest.mark.timeout(120)]

BOUND_S = 20.0
"""A join takes less than a second. Without the mend it never ends, so a limit of its own keeps the failure short."""


class Silent(ConsumerRebalanceListener):  # type: ignore[misc]
    """With a listener, kafka-python stops to read what a member must give up."""

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Nothing to do."""

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Nothing to do."""


class Group:
    """A topic with one partition, and members that read it."""

    def __init__(self, kafka: str, namespace: str) -> None:
        self.connection = Connection(kafka=kafka, namespace=namespace)
        self.topic, self.name = self.connection.names.tasks("sanitation"), f"{namespace}sanitation"
        self._admin = KafkaAdminClient(bootstrap_servers=kafka)
        self._admin.create_topics([NewTopic(name=self.topic, num_partitions=1, replication_factor=1)])

    def grow(self, partitions: int) -> None:
        self._admin.create_partitions({self.topic: partitions})

    def assigned(self) -> set[int]:
        """The partitions that the broker has given to the members; none while it gives them."""
        group = self._admin.describe_groups([self.name])[self.name]
        if group["group_state"] != "Stable":
            return set()
        shares = [one["member_assignment"]["assigned_partitions"] for one in group["members"]]
        return {number for share in shares for topic in share for number in topic["partitions"]}

    def send(self, *numbers: int, partitions: int = 1) -> None:
        """These tasks, to the partitions in turn."""
        producer = KafkaProducer(bootstrap_servers=self.connection.kafka, acks="all")
        for number in numbers:
            key, value, headers = encode_task(task(number))
            producer.send(self.topic, key=key, value=value, headers=headers, partition=number % partitions)
        producer.flush()
        producer.close()

    @contextmanager
    def member(self) -> Iterator[KafkaConsumer]:
        consumer = open_consumer(self.connection, self.name)
        try:
            consumer.subscribe([self.topic], listener=Silent())
            consumer.topics()
            yield consumer
        finally:
            with suppress(KafkaError):
                consumer.close(autocommit=False, timeout_ms=2000)

    def close(self) -> None:
        self._admin.close()


@pytest.fixture
def group(kafka: str, namespace: str) -> Iterator[Group]:
    made = Group(kafka, namespace)
    yield made
    made.close()


def await_(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + BOUND_S
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def stable(consumer: KafkaConsumer) -> bool:
    return consumer.group_metadata().state is MemberState.STABLE


def test_a_member_whose_polls_wait_for_nothing_gets_its_partitions(group: Group) -> None:
    """Each attempt to join ends between two polls."""
    group.send(0)
    with group.member() as consumer:
        await_(lambda: bool(consumer.poll(timeout_ms=0)))
        assert stable(consumer)
        assert consumer.group_metadata().generation_id == 1


def test_a_member_gets_the_new_partitions_of_its_topic_when_a_poll_ended_before(group: Group) -> None:
    with group.member() as consumer:
        await_(lambda: consumer.poll(timeout_ms=300) == {} and stable(consumer))
        group.grow(2)
        await_(lambda: consumer.topics() and consumer.partitions_for_topic(group.topic) == {0, 1})
        assert consumer.poll(timeout_ms=0) == {}  # joins, and does not wait
        assert not stable(consumer)
        await_(lambda: group.assigned() == {0, 1})  # the broker has answered
        group.send(0, 1, partitions=2)
        read: set[TopicPartition] = set()
        await_(lambda: bool(read.update(consumer.poll(timeout_ms=300)) or len(read) == 2))
        assert stable(consumer)
        assert consumer.group_metadata().generation_id == 2
