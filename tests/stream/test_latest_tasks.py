"""The latest tasks, and the keys at which a feed stopped, read from the ends of real topics."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

from router.cli.live_view.latest_tasks import WINDOW, LatestTasks
from router.cli.live_view.resume_point import last_keys
from router.domain.model.task import Task
from router.kafka.blocking import open_consumer
from router.wire.codec import encode_task
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.broker

START = datetime(2018, 1, 1, tzinfo=UTC)


def task(number: int, department: str) -> Task:
    return Task(
        id=f"t{number}",
        case=f"c{number}",
        department=department,
        role="lead",
        matter="graffiti",
        cell="060371001001001",
        rule="r",
        catalogue="v",
        reason="",
        dispatched_at=START + timedelta(seconds=number),
        due_at=None,
    )


@pytest.fixture
def topics(kafka: str, namespace: str) -> list[str]:
    names = [f"{namespace}tasks.{department}" for department in ("bos", "lapd", "empty")]
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    admin.create_topics([NewTopic(name=name, num_partitions=2, replication_factor=1) for name in names])
    admin.close()
    return names


def dispatch(kafka: str, topics: list[str], first: int, number: int, *, abort: bool = False) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka, acks="all", transactional_id=f"{topics[0]}-{first}")
    producer.init_transactions()
    producer.begin_transaction()
    for n in range(first, first + number):
        key, value, headers = encode_task(task(n, "bos"))
        producer.send(topics[n % 2], key=key, value=value, headers=headers, partition=n // 2 % 2)
    if abort:
        producer.abort_transaction()
    else:
        producer.commit_transaction()
    producer.close()
    await_markers(kafka, topics)


def await_markers(kafka: str, topics: list[str]) -> None:
    """Wait until the transaction is visible: the broker answers a commit before it has written the markers."""
    partitions = [TopicPartition(topic, number) for topic in topics for number in (0, 1)]
    written = KafkaConsumer(bootstrap_servers=kafka, isolation_level="read_uncommitted")
    visible = KafkaConsumer(bootstrap_servers=kafka, isolation_level="read_committed")
    deadline = time.monotonic() + PATIENCE_S
    while visible.end_offsets(partitions) != written.end_offsets(partitions):
        assert time.monotonic() < deadline, "the transaction did not become visible"
        time.sleep(0.02)
    written.close()
    visible.close()


def await_tasks(latest: LatestTasks, number: int) -> list[str]:
    """The ids of this many tasks. They may come in several looks, each in the order of dispatch."""
    ids: list[str] = []
    deadline = time.monotonic() + PATIENCE_S
    while len(ids) < number:
        assert time.monotonic() < deadline, f"only {ids} came"
        polled = latest.tasks()
        assert polled == sorted(polled, key=lambda task: task.dispatched_at)
        ids += [one.id for one in polled]
    return ids


def test_the_latest_tasks_come_once_and_only_when_committed(kafka: str, topics: list[str]) -> None:
    dispatch(kafka, topics, 0, 6)
    with open_consumer(kafka) as consumer:
        latest = LatestTasks(consumer, topics)
        assert sorted(await_tasks(latest, 6)) == [f"t{n}" for n in range(6)]
        assert latest.tasks() == []
        dispatch(kafka, topics, 6, 4, abort=True)
        assert latest.tasks() == []
        dispatch(kafka, topics, 10, 3)
        assert sorted(await_tasks(latest, 3)) == ["t10", "t11", "t12"]


def test_of_many_tasks_only_the_latest_are_read(kafka: str, topics: list[str]) -> None:
    dispatch(kafka, topics, 0, 2000)
    with open_consumer(kafka) as consumer:
        shown = await_tasks(LatestTasks(consumer, topics), 4 * (WINDOW - 1))
    # four partitions; the transaction's marker takes one of the offsets
    assert sorted(shown) == sorted(f"t{n}" for n in range(2000 - 4 * (WINDOW - 1), 2000))


def test_a_foreign_record_is_skipped(kafka: str, topics: list[str]) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka, acks="all")
    producer.send(topics[0], key=b"x", value=b"hello", partition=0)
    producer.send(topics[0], key=b"x", value=None, partition=0)
    producer.close()
    dispatch(kafka, topics, 0, 1)
    with open_consumer(kafka) as consumer:
        assert await_tasks(LatestTasks(consumer, topics), 1) == ["t0"]


def test_the_last_keys_come_newest_first(kafka: str, topics: list[str]) -> None:
    dispatch(kafka, topics, 0, 8)
    with open_consumer(kafka) as consumer:
        keys = last_keys(consumer, topics)
    assert keys == {
        (topics[0], 0): [b"c4", b"c0"],
        (topics[1], 0): [b"c5", b"c1"],
        (topics[0], 1): [b"c6", b"c2"],
        (topics[1], 1): [b"c7", b"c3"],
    }
