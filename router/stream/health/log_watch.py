"""Watches the logs of a worker's partitions, and the networks' topics that no worker reads.

The consumer notices little of what happens to a log: it goes on by offsets, and those of another log look alike. So the worker asks
every few seconds whether the topics are still the ones that it opened. Docs: docs/explanation/exactly-once.md.
"""

from collections.abc import Collection, Mapping

import structlog
from aiokafka import TopicPartition

from router.kafka.cluster_metadata import TopicDescription
from router.stream.engine.changelog_reader import CHANGED, missing_topic
from router.stream.engine.source_partition import SourcePartition
from router.stream.faust_adapter.transport import BatchApp
from router.stream.health.broker_probe import Probe
from router.stream.health.observations import HealthMonitor
from router.wire.metrics import Metrics
from router.wire.topics import MAX_NAMED

LIST_EVERY = 10
"""All topics of the cluster are listed at the first look and at each tenth."""
UNREAD = "a network's topic has records, and no worker reads it"
log = structlog.get_logger(__name__)


class LogWatch:
    """Compares what a worker reads with what the cluster has.

    Args:
        app: with its partitions in `assignment`.
        probe: a client of its own.
        monitor: gets the findings for `/health`.
        metrics: of the worker.
        reports: how the names of networks' topics begin, namespace included.
    """

    def __init__(self, app: BatchApp, probe: Probe, monitor: HealthMonitor, metrics: Metrics, reports: str) -> None:
        self._app, self._probe, self._monitor, self._metrics, self._reports = app, probe, monitor, metrics, reports
        self._looks = 0
        self._unread: dict[str, int] = {}
        self._partitions: dict[str, int] = {}
        """Number of partitions of each consumed topic at the last look."""

    async def look(self) -> None:
        """Look once. A broker that does not answer is ignored: the next look comes soon."""
        partitions = list(self._app.assignment)
        topics = {*self._app.assignment.topics, *(topic for one in partitions for topic in one.topic_ids)}
        described = await self._probe.describe(sorted(topics))
        if described is None:
            return
        begins, ends = await self._probe.begins_and_ends([one.source for one in partitions])
        for one in partitions:
            self._check(one, described, begins, ends)
        await self._follow_partitions(described)
        await self._find_unread(self._app.assignment.topics)
        gone = [missing_topic(topic) for topic in self._app.assignment.topics if topic not in described]
        self._monitor.set_findings([*gone[:MAX_NAMED], *unread_sentences(self._unread)])

    def _check(
        self,
        partition: SourcePartition,
        described: Mapping[str, TopicDescription],
        begins: Mapping[TopicPartition, int],
        ends: Mapping[TopicPartition, int],
    ) -> None:
        """Have a partition open again when its log, or one of its changelogs, is not the one that it opened."""
        source = partition.source
        for topic, topic_id in partition.topic_ids.items():
            now = described.get(topic)
            if now is None:
                partition.log_changed(f"the topic {topic} does not exist any more")
            elif now.topic_id != topic_id:
                partition.log_changed(f"the topic {topic} was deleted and made again")
        position, end = partition.position, ends.get(source)
        if position is not None and end is not None and end < position:
            partition.log_changed(f"the log ends at {end}, before the position {position}")
        begin, gap = begins.get(source), partition.session.take_gap()
        if begin is not None and gap is not None and gap < begin:
            log.error(CHANGED["expired"], topic=source.topic, partition=source.partition, position=gap, begin=begin)
            self._metrics.log_changes.labels(source.topic, "expired").inc()

    async def _follow_partitions(self, described: Mapping[str, TopicDescription]) -> None:
        """Let the consumer see added partitions now; by itself it looks every five minutes."""
        counts = {topic: len(one.leader_epochs) for topic, one in described.items()}
        grown = [topic for topic, count in counts.items() if count > self._partitions.get(topic, count)]
        if grown:
            log.warning("partitions were added", topics=grown)
            await self._app.consumer.refresh_metadata()
        self._partitions = counts

    async def _find_unread(self, heard: Collection[str]) -> None:
        """Find the topics `reports.*` that have records and no reader."""
        self._looks += 1
        if self._looks % LIST_EVERY != 1:
            return
        described = await self._probe.describe(None)
        if described is None:
            return
        sources = [
            TopicPartition(topic, number)
            for topic, one in described.items()
            if topic.startswith(self._reports) and topic not in heard
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
        f"{topic} has {records} records and no worker reads it; publish a rule set with this network "
        "(`grid-router catalogue publish`) if it is not published, then restart the workers."
        for topic, records in sorted(unread.items())[:MAX_NAMED]
    ]
