"""What happens while the cluster answers is no change of a log."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from router.kafka.cluster_metadata import TopicDescription
from router.stream.engine.fetch_session import FetchSession
from router.stream.health.log_watch import REFRESHES, LogWatch
from router.wire.metrics import Metrics
from router.wire.topic_names import Names
from tests.support.observations import Worker

SOURCE = TopicPartition("reports.x", 0)


@dataclass
class Partition:
    """One that is open: its position, the topics that it opened, and what it is asked to do."""

    position: int | None = 10
    leader_epoch: int = 3
    source: TopicPartition = SOURCE
    topic_ids: dict[str, str] = field(default_factory=lambda: {SOURCE.topic: "old"})
    session: FetchSession = field(default_factory=FetchSession)
    changes: list[str] = field(default_factory=list)

    def log_changed(self, how: str) -> None:
        self.changes.append(how)


@dataclass
class Cluster:
    """Answers as it was when it was asked; `meanwhile` happens before the answer comes."""

    begin: int = 0
    end: int = 10
    topic_id: str = "old"
    partitions: int = 1
    silent: bool = False
    leader_epoch: int = 3
    epoch_ends: dict[int, int] = field(default_factory=dict)
    epochs_asked: int = 0
    asked: bool = False
    """Where the logs begin and end."""
    meanwhile: Callable[[], None] = lambda: None

    async def describe(self, topics: Sequence[str] | None) -> dict[str, TopicDescription]:
        epochs = dict.fromkeys(range(self.partitions), self.leader_epoch)
        answer = TopicDescription(topic_id=self.topic_id, leader_epochs=epochs)
        self.meanwhile()
        return dict.fromkeys(topics or [], answer)

    async def epoch_end(self, source: TopicPartition, leader_epoch: int) -> int | None:
        assert source == SOURCE
        self.epochs_asked += 1
        self.meanwhile()
        return self.epoch_ends.get(leader_epoch)

    async def begins_and_ends(self, sources: Sequence[TopicPartition]) -> tuple[dict[Any, int], dict[Any, int]]:
        begins, ends = dict.fromkeys(sources, self.begin), dict.fromkeys(sources, self.end)
        self.asked = True
        self.meanwhile()
        return ({}, {}) if self.silent else (begins, ends)


class Consumer:
    refreshed = 0

    async def refresh_metadata(self) -> bool:
        self.refreshed += 1
        return True


class Assignment(list[Partition]):
    topics = (SOURCE.topic,)


def watch(partition: Partition, cluster: Cluster) -> tuple[LogWatch, Metrics]:
    app: Any = SimpleNamespace(assignment=Assignment([partition]), consumer=Consumer())
    probe: Any = cluster
    metrics = Metrics(CollectorRegistry())
    return LogWatch(app, probe, Worker().monitor, metrics, Names().is_input), metrics


def changes(partition: Partition, cluster: Cluster) -> list[str]:
    asyncio.run(watch(partition, cluster)[0].look())
    return partition.changes


def test_records_committed_while_the_cluster_answers_are_no_cut() -> None:
    """A busy partition had its stream task open again, and again."""
    partition = Partition()

    def commit() -> None:
        partition.position = 20

    assert changes(partition, Cluster(meanwhile=commit)) == []


def test_a_log_that_ends_before_the_position_is_a_cut() -> None:
    assert changes(Partition(), Cluster(end=9)) == ["the log ends at 9, before the position 10"]


def test_a_log_that_lost_records_and_grew_again_is_a_cut() -> None:
    """An unclean election: the records of epoch 3 end at 7, and the new leader has written up to 50."""
    cluster = Cluster(end=50, leader_epoch=4, epoch_ends={3: 7})
    assert changes(Partition(), cluster) == ["the records of leader epoch 3 end at 7, before the position 10"]


@pytest.mark.parametrize("end", [10, 12])
def test_a_clean_election_is_no_cut_and_is_asked_about_once(end: int) -> None:
    partition, cluster = Partition(), Cluster(end=50, leader_epoch=4, epoch_ends={3: end})
    log_watch, _ = watch(partition, cluster)

    async def looks() -> None:
        for _ in range(3):
            await log_watch.look()

    asyncio.run(looks())
    assert (partition.changes, cluster.epochs_asked) == ([], 1)


@pytest.mark.parametrize(
    ("partition", "cluster"),
    [
        (Partition(), Cluster(end=50)),  # the same leader
        (Partition(leader_epoch=-1), Cluster(end=50, leader_epoch=4)),  # an offset of an earlier release
        (Partition(position=None), Cluster(end=50, leader_epoch=4, epoch_ends={3: 7})),
    ],
)
def test_without_an_election_or_an_epoch_nothing_is_a_cut(partition: Partition, cluster: Cluster) -> None:
    assert changes(partition, cluster) == []


def test_an_epoch_about_which_no_leader_answers_is_asked_about_again() -> None:
    partition, cluster = Partition(), Cluster(end=50, leader_epoch=4)
    log_watch, _ = watch(partition, cluster)

    async def looks() -> None:
        await log_watch.look()
        cluster.epoch_ends = {3: 7}
        await log_watch.look()

    asyncio.run(looks())
    assert len(partition.changes) == 1


def test_a_partition_that_opened_again_meanwhile_is_not_opened_once_more() -> None:
    """It found the new, shorter log by itself."""
    partition = Partition()

    def reopen() -> None:
        partition.position, partition.topic_ids = 0, {SOURCE.topic: "new"}

    assert changes(partition, Cluster(end=3, topic_id="new", meanwhile=reopen)) == []


def test_a_topic_made_again_after_the_answer_is_noticed_by_the_next_look() -> None:
    """The answer is older than the opening, so it says nothing about it."""
    partition = Partition()

    def reopen() -> None:
        partition.position, partition.topic_ids = 0, {SOURCE.topic: "new"}

    cluster = Cluster(meanwhile=reopen)
    assert changes(partition, cluster) == []
    partition.topic_ids = {SOURCE.topic: "old"}
    assert changes(partition, Cluster(topic_id="new")) == ["the topic reports.x was deleted and made again"]


def test_the_consumer_asks_for_metadata_only_after_a_change() -> None:
    """Each worker asked every three seconds for ever."""
    partition, cluster = Partition(), Cluster()
    log_watch, _ = watch(partition, cluster)
    consumer: Any = log_watch._app.consumer

    async def looks() -> int:
        before = consumer.refreshed
        for _ in range(2 * REFRESHES):
            await log_watch.look()
        return int(consumer.refreshed - before)

    assert asyncio.run(looks()) == REFRESHES, "the first look"
    assert asyncio.run(looks()) == 0
    cluster.topic_id = "new"
    assert asyncio.run(looks()) == REFRESHES
    cluster.partitions = 2
    assert asyncio.run(looks()) == REFRESHES


def skip(partition: Partition) -> None:
    partition.session.begin(5)
    partition.session.fetched(9, 10)


def test_a_gap_after_the_answer_is_judged_by_the_next_answer() -> None:
    """Retention removed the records between the answer and the gap: the answer says that they are still there."""
    partition = Partition()
    cluster = Cluster()
    log_watch, metrics = watch(partition, cluster)
    expired = metrics.log_changes.labels(SOURCE.topic, "expired")

    def skip_after_answer() -> None:
        if cluster.asked:
            skip(partition)
            cluster.meanwhile = lambda: None

    async def looks() -> None:
        cluster.meanwhile = skip_after_answer
        await log_watch.look()
        cluster.begin = 9
        await log_watch.look()

    asyncio.run(looks())
    assert expired._value.get() == 1


def test_a_gap_waits_for_a_broker_that_answers() -> None:
    partition = Partition()
    skip(partition)
    cluster = Cluster(begin=9, silent=True)
    log_watch, metrics = watch(partition, cluster)

    async def looks() -> None:
        await log_watch.look()
        cluster.silent = False
        for _ in range(2):
            await log_watch.look()

    asyncio.run(looks())
    assert metrics.log_changes.labels(SOURCE.topic, "expired")._value.get() == 1
