"""Watches the logs of a worker's partitions, and the networks' topics that no worker reads.

The consumer notices little of what happens to a log: it goes on by offsets, and those of another log look alike. So the worker asks
every few seconds whether the topics are still the ones that it opened. Docs: docs/explanation/exactly-once.md.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import NamedTuple

import structlog
from aiokafka import TopicPartition

from router.kafka.cluster_metadata import TopicDescription
from router.stream.engine.changelog_reader import CHANGED, missing_topic
from router.stream.engine.source_partition import SourcePartition
from router.stream.faust_adapter.transport import BatchApp
from router.stream.health.broker_probe import Probe
from router.stream.health.observations import HealthMonitor
from router.wire.metrics import Metrics
from router.wire.other_topics import MAX_NAMED
from router.wire.stored_offsets import NO_EPOCH

REFRESH_SECONDS = 2.0
REFRESHES = 10
"""Looks after a change that refresh the metadata: a broker may hear of the change later than the one that showed it."""
LIST_EVERY = 10
"""All topics of the cluster are listed at the first look and at each tenth."""
UNREAD = "a topic of a network or of feedback has records, and no worker reads it"
log = structlog.get_logger(__name__)


class _Opened(NamedTuple):
    """What a partition read before the cluster was asked. While the answer comes, it may commit, or open again."""

    partition: SourcePartition
    topic_ids: Mapping[str, str]
    position: int | None
    leader_epoch: int


class LogWatch:
    """Compares what a worker reads with what the cluster has.

    Args:
        app: with its partitions in `assignment`.
        probe: a client of its own.
        monitor: gets the findings for `/health`.
        metrics: of the worker.
        is_input: whether others write a topic for the router.
    """

    def __init__(
        self, app: BatchApp, probe: Probe, monitor: HealthMonitor, metrics: Metrics, is_input: Callable[[str], bool]
    ) -> None:
        self._app, self._probe, self._monitor, self._metrics, self._is_input = app, probe, monitor, metrics, is_input
        self._looks = 0
        self._unread: dict[str, int] = {}
        self._shapes: dict[str, tuple[str, int]] = {}
        """Id and number of partitions of each topic at the last look."""
        self._refreshes = 0
        """How often the consumer's metadata must be refreshed still."""
        self._epochs: dict[TopicPartition, tuple[int, int]] = {}
        """Leader epochs of the last record and of the leader, for which the broker said where the records end."""
        self._gaps: dict[TopicPartition, int] = {}
        """First skipped offset of each partition, until the cluster says where the log begins."""

    async def look(self) -> None:
        """Look once. A broker that does not answer is ignored: the next look comes soon."""
        opened = [_Opened(one, one.topic_ids, one.position, one.leader_epoch) for one in self._app.assignment]
        topics = {*self._app.assignment.topics, *(topic for one in opened for topic in one.topic_ids)}
        described = await self._probe.describe(sorted(topics))
        if described is None:
            return
        self._take_gaps([one.partition for one in opened])
        begins, ends = await self._probe.begins_and_ends([one.partition.source for one in opened])
        for one in opened:
            self._check(one, described, ends)
            await self._check_epoch(one, described)
        self._report_gaps(begins)
        await self._follow_partitions(described)
        await self._find_unread(self._app.assignment.topics)
        gone = [missing_topic(topic) for topic in self._app.assignment.topics if topic not in described]
        self._monitor.set_findings([*gone[:MAX_NAMED], *unread_sentences(self._unread)])

    def _check(
        self, opened: _Opened, described: Mapping[str, TopicDescription], ends: Mapping[TopicPartition, int]
    ) -> None:
        """Have a partition open again when its log, or one of its changelogs, is not the one that it opened."""
        partition, ids = opened.partition, opened.partition.topic_ids
        for topic, topic_id in opened.topic_ids.items():
            if ids.get(topic) != topic_id:
                continue  # it opened again while the answer came
            now = described.get(topic)
            if now is None:
                partition.log_changed(f"the topic {topic} does not exist any more")
            elif now.topic_id != topic_id:
                partition.log_changed(f"the topic {topic} was deleted and made again")
        end = ends.get(partition.source)
        if end is None or opened.position is None or partition.position is None:
            return
        position = min(opened.position, partition.position)
        if end < position:
            partition.log_changed(f"the log ends at {end}, before the position {position}")

    async def _check_epoch(self, opened: _Opened, described: Mapping[str, TopicDescription]) -> None:
        """Have a partition open again when its last records are gone, though others were written in their place.

        An election may choose a replica without them. It raises the leader epoch, so only then the broker is asked where the
        epoch of the last record ends (KIP-101).
        """
        partition, source, epoch = opened.partition, opened.partition.source, opened.leader_epoch
        now = described.get(source.topic)
        if now is None or epoch == NO_EPOCH or opened.topic_ids.get(source.topic) != now.topic_id:
            return
        seen = (epoch, now.leader_epochs.get(source.partition, epoch))
        if seen[1] == epoch or self._epochs.get(source) == seen:
            return
        end = await self._probe.epoch_end(source, epoch)
        if end is None or opened.position is None or partition.position is None:
            return
        self._epochs[source] = seen
        position = min(opened.position, partition.position)
        if end < position:
            partition.log_changed(f"the records of leader epoch {epoch} end at {end}, before the position {position}")

    def _take_gaps(self, partitions: Collection[SourcePartition]) -> None:
        """Take the offsets that were skipped so far. A log that is asked before the gap may still begin at the gap."""
        sources = {one.source for one in partitions}
        self._gaps = {source: gap for source, gap in self._gaps.items() if source in sources}
        for one in partitions:
            gap = one.session.take_gap()
            if gap is not None:
                self._gaps.setdefault(one.source, gap)

    def _report_gaps(self, begins: Mapping[TopicPartition, int]) -> None:
        """Report skipped offsets whose records the log no longer has."""
        for source in self._gaps.keys() & begins.keys():
            gap, begin = self._gaps.pop(source), begins[source]
            if gap < begin:
                log.error(CHANGED["expired"], topic=source.topic, partition=source.partition, position=gap, begin=begin)
                self._metrics.log_changes.labels(source.topic, "expired").inc()

    async def _follow_partitions(self, described: Mapping[str, TopicDescription]) -> None:
        """Let the consumer see what was made or added; by itself it looks every five minutes.

        A topic that was away while the group assigned partitions is in no assignment until a consumer sees it again.
        """
        shapes = {topic: (one.topic_id, one.partitions) for topic, one in described.items()}
        grown = [topic for topic, (_, count) in shapes.items() if count > self._shapes.get(topic, ("", count))[1]]
        if grown:
            log.warning("partitions were added", topics=grown)
        if shapes != self._shapes:
            self._shapes, self._refreshes = shapes, REFRESHES
        with suppress(TimeoutError):
            if self._refreshes and await asyncio.wait_for(self._app.consumer.refresh_metadata(), REFRESH_SECONDS):
                self._refreshes -= 1

    async def _find_unread(self, heard: Collection[str]) -> None:
        """Find the topics of networks and of feedback that have records and no reader."""
        self._looks += 1
        if self._looks % LIST_EVERY != 1:
            return
        described = await self._probe.describe(None)
        if described is None:
            return
        sources = [
            TopicPartition(topic, number)
            for topic, one in described.items()
            if self._is_input(topic) and topic not in heard
            for number in one.leader_epochs
        ]
        begins, ends = await self._probe.begins_and_ends(sources)
        unread: dict[str, int] = {}
        for source, end in ends.items():
            if end > begins.get(source, end):
                unread[source.topic] = unread.get(source.topic, 0) + end - begins[source]
        self._report_unread(unread)

    def _report_unread(self, unread: dict[str, int]) -> None:
        for topic in self._unread.keys() - unread.keys():
            self._metrics.unread_records.remove(topic)
        for topic, records in unread.items():
            self._metrics.unread_records.labels(topic).set(records)
            if topic not in self._unread:
                log.error(UNREAD, topic=topic, records=records)
        self._unread = unread


def unread_sentences(unread: Mapping[str, int]) -> list[str]:
    """A sentence for each of the first topics that have records and no reader.

    Args:
        unread: topic -> number of its records.
    """
    return [
        f"{topic} has {records} records and no worker reads it; publish a rule set with this network or department "
        "(`grid-router catalogue publish`) if it is not published, then restart the workers."
        for topic, records in sorted(unread.items())[:MAX_NAMED]
    ]
