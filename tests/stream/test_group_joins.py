"""A member of a consumer group on a real broker gets its partitions, whenever its polls end, and leaves out no record of them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Any

import pytest
from kafka import ConsumerRebalanceListener, KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import MemberToRemove, NewTopic
from kafka.errors import KafkaError
from kafka.structs import MemberState

from router.client import Client, Connection, subscription
from router.client import connection as connections
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

    def committed(self) -> dict[int, int]:
        """The offset at which another member would begin, of each partition."""
        return {
            at.partition: found.offset
            for at, found in self._admin.list_group_offsets({self.name: None})[self.name].items()
        }

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

    def throw_out(self, member: str) -> None:
        self._admin.remove_group_members(self.name, [MemberToRemove(member_id=member)])

    def client(self) -> Client:
        return Client(self.connection, actor="hw-17")

    def close(self) -> None:
        self._admin.close()


class Work(Thread):
    """A department that acknowledges what it gets, in a thread, because a test must end when nothing comes."""

    def __init__(self, group: Group, client: Client, between: Callable[[], None] = lambda: None) -> None:
        """`between` runs before a task is acknowledged."""
        super().__init__(daemon=True)
        self._tasks = client.tasks("sanitation", group=group.name)
        self._between, self.done = between, list[str]()

    def run(self) -> None:
        for one in self._tasks:
            self.done.append(one.id)
            self._between()
            one.acknowledge()


@pytest.fixture
def consumers(monkeypatch: pytest.MonkeyPatch) -> list[KafkaConsumer]:
    """The consumers of the clients. They look at their group before each task."""
    opened: list[KafkaConsumer] = []

    def kept(*of: Any) -> KafkaConsumer:
        opened.append(open_consumer(*of))
        return opened[-1]

    monkeypatch.setattr(subscription, "open_consumer", kept)
    monkeypatch.setattr(subscription, "POLL_AT_LEAST_S", 0.0)
    monkeypatch.setattr(connections, "SESSION_MS", 6000)
    return opened


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


def ids(*numbers: int) -> list[str]:
    return [task(number).id for number in numbers]


def test_a_department_gets_each_task_once_when_its_topic_grows_while_it_works(
    group: Group, consumers: list[KafkaConsumer]
) -> None:
    """It has read six tasks, and one is acknowledged, when its only member must join again. It gets its partition back."""
    group.send(*range(6))

    def grow() -> None:
        if len(work.done) == 1:
            group.grow(2)
            await_(lambda: consumers[0].topics() and consumers[0].partitions_for_topic(group.topic) == {0, 1})

    with group.client() as client:
        work = Work(group, client, between=grow)
        work.start()
        await_(lambda: len(work.done) >= 6)
        group.send(6, 7, partitions=2)
        await_(lambda: len(work.done) >= 8)
        client.stop()
        work.join(BOUND_S)
    assert work.done[:6] == ids(*range(6))
    assert sorted(work.done) == ids(*range(8))
    assert group.committed() == {0: 7, 1: 1}


def test_a_member_that_joins_gets_its_share_and_the_other_one_goes_on_with_its_own(
    group: Group, consumers: list[KafkaConsumer]
) -> None:
    group.grow(2)
    group.send(*range(10), partitions=2)

    def share() -> None:
        if len(first.done) == 1:
            second.start()
            await_(consumers[0]._coordinator.need_rejoin)  # it has heard from the broker

    with group.client() as one, group.client() as other:
        first, second = Work(group, one, between=share), Work(group, other)
        first.start()
        await_(lambda: len(first.done) + len(second.done) >= 10)
        for client, work in ((one, first), (other, second)):
            client.stop()
            work.join(BOUND_S)
    assert first.done
    assert second.done
    assert sorted(first.done + second.done) == ids(*range(10))
    assert group.committed() == {0: 5, 1: 5}


def test_a_member_that_its_group_has_thrown_out_begins_again_where_the_group_has_committed(
    group: Group, consumers: list[KafkaConsumer]
) -> None:
    """It acknowledged one more task in the meantime: that does not come twice, and what waited comes once."""
    group.send(*range(4))

    def throw_out() -> None:
        if len(work.done) == 2:
            group.throw_out(consumers[0].group_metadata().member_id)
            await_(consumers[0]._coordinator.need_rejoin)  # it has heard from the broker

    with group.client() as client:
        work = Work(group, client, between=throw_out)
        work.start()
        await_(lambda: len(work.done) >= 4)
        await_(lambda: group.committed() == {0: 4})
        client.stop()
        work.join(BOUND_S)
    assert work.done == ids(*range(4))
