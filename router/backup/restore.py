"""Restores a deployment from a backup into a cluster that has none of its topics. It goes on where the copied one was.

A restore that is cut off leaves a deployment without `grid.offsets`: no worker starts on it, and another restore is rejected until its
topics are deleted. Docs: docs/adr/0052-backup-and-restore.md.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from aiokafka.errors import KafkaError
from kafka import KafkaAdminClient, TopicPartition
from msgspec import Struct

from router.backup.cluster import REQUEST_MS, commit, configure, ends_of
from router.backup.manifest import CopiedOffset, CopiedPartition, CopiedTopic, Manifest, file_of
from router.backup.record_files import CopiedRecord, records_in
from router.backup.stored import FoundOffset, LogPlace, all_found_offsets, moved, source_of, sources_first
from router.backup.translation import Translation
from router.backup.writing import LARGEST_BYTES, LogWriter
from router.broker.admin import connected
from router.kafka.cluster_metadata import describe_topics
from router.kafka.consumers import LazyConsumer
from router.kafka.rejection import unreachable
from router.wire.durability import Durability, declared_durability, too_few_brokers
from router.wire.errors import BrokerError, TopicError
from router.wire.offset_signing import OffsetKeys
from router.wire.topic_names import Names

ANY_TIME = str((1 << 63) - 1)
WHILE_WRITTEN = {
    "cleanup.policy": "delete",  # fillers have no key, and what is deleted up to an offset must not be compacted
    "retention.ms": "-1",
    "message.timestamp.type": "CreateTime",  # else Kafka would stamp each record again
    "message.timestamp.before.max.ms": ANY_TIME,  # a broker's default may reject old records
    "message.timestamp.after.max.ms": ANY_TIME,
    "max.message.bytes": str(LARGEST_BYTES),  # a record may be larger than the batch that its producer packed
}
"""The configuration of a topic until it has all its records."""
DELETE_THEM = "delete the topics that it has made, and run it again"
OnTopic = Callable[[str, int], None]
"""Called with a topic and its number of records when it is restored."""


class Restored(Struct, frozen=True):
    """What a restore has written."""

    topics: int
    records: int
    stored_offsets: int
    groups: int


class Restore:
    """One restore.

    Args:
        bootstrap: `host:port` list of the cluster.
        folder: of the backup.
        manifest: of the backup.
        keys: verify and sign stored offsets.
        replication, min_insync: as set; None: by the size of the cluster.
    """

    def __init__(
        self,
        bootstrap: str,
        folder: Path,
        manifest: Manifest,
        keys: OffsetKeys,
        *,
        replication: int | None,
        min_insync: int | None,
    ) -> None:
        self._bootstrap, self._folder, self._manifest, self._keys = bootstrap, folder, manifest, keys
        self._names = Names(manifest.namespace)
        self._replication, self._min_insync = replication, min_insync
        self._topics = sources_first(manifest.topics, self._names)
        self._offsets: dict[LogPlace, dict[int, int]] = {}
        """Partition -> offset of the copied log -> of the restored one."""

    async def run(self, on_topic: OnTopic = lambda _topic, _records: None) -> Restored:
        """Write everything.

        Raises:
            TopicError: the cluster has a topic of the deployment.
            InputError: the keys are not those of the backup, or a file is damaged.
            BrokerError: the cluster cannot be reached, is too small, or another program wrote to a topic meanwhile.
        """
        with connected(self._bootstrap) as admin:
            durability = self._check(admin)
            stored = all_found_offsets(self._topics, self._records, self._names, self._keys)
            wanted = self._wanted(stored)
            *first, last = self._topics
            self._create(admin, first, durability)
            try:
                async with LogWriter(self._bootstrap) as writer:
                    for topic in first:
                        await self._write(admin, writer, topic, stored, wanted)
                        on_topic(topic.name, sum(one.records for one in topic.partitions))
                    configure(admin, {topic.name: topic.config for topic in first}, WHILE_WRITTEN)
                    self._commit(admin)
                    self._create(admin, [last], durability)
                    await self._write(admin, writer, last, stored, wanted)
                    configure(admin, {last.name: last.config}, WHILE_WRITTEN)
                    on_topic(last.name, sum(one.records for one in last.partitions))
            except KafkaError as error:
                raise unreachable(self._bootstrap, error) from error
        return Restored(len(self._topics), self._manifest.records, len(stored), len(self._manifest.groups))

    def _check(self, admin: KafkaAdminClient) -> Durability:
        present = set(admin.list_topics()) & {topic.name for topic in self._topics}
        if present:
            raise TopicError(
                f"the cluster has {len(present)} topics of this deployment already, such as {min(present)}",
                where=self._bootstrap,
                hint="restore into a cluster without them, or delete them first: nothing is written over",
            )
        brokers = len(admin.describe_cluster()["brokers"])
        durability = declared_durability(self._replication, self._min_insync, brokers)
        if brokers < durability.replication:
            raise too_few_brokers(durability.replication, brokers, self._bootstrap)
        return durability

    def _records(self, place: LogPlace) -> Iterator[CopiedRecord]:
        return records_in(file_of(self._folder, *place))

    def _wanted(self, stored: Sequence[FoundOffset]) -> Mapping[LogPlace, set[int]]:
        wanted: dict[LogPlace, set[int]] = {}
        for found in stored:
            wanted.setdefault(found.source, set()).add(found.stored.offset)
        for one in (one for offsets in self._manifest.groups.values() for one in offsets):
            wanted.setdefault(LogPlace(one.topic, one.partition), set()).add(one.offset)
        return wanted

    def _create(self, admin: KafkaAdminClient, topics: Sequence[CopiedTopic], durability: Durability) -> None:
        for topic in topics:
            config = dict(topic.config) | durability.config() | WHILE_WRITTEN
            new = {
                "num_partitions": len(topic.partitions),
                "replication_factor": durability.replication,
                "configs": config,
            }
            admin.create_topics({topic.name: new}, timeout_ms=REQUEST_MS)
        admin.wait_for_topics([topic.name for topic in topics], timeout_ms=REQUEST_MS)

    async def _write(
        self,
        admin: KafkaAdminClient,
        writer: LogWriter,
        topic: CopiedTopic,
        stored: Sequence[FoundOffset],
        wanted: Mapping[LogPlace, set[int]],
    ) -> None:
        firsts: dict[TopicPartition, int] = {}
        for one in topic.partitions:
            place = LogPlace(topic.name, one.partition)
            own = [found for found in stored if found.holder == place]
            count = one.records if not own else sum(1 for _ in self._without_offsets(place)) + len(own)
            firsts[TopicPartition(*place)] = first = one.end - count
            await writer.fill(*place, first)
            translation = Translation(first, wanted.get(place, ()))
            records = self._without_offsets(place) if own else self._records(place)
            await writer.write(*place, translation.passing(records))
            self._offsets[place] = translation.found
            if own:
                await writer.write(*place, [self._moved(found, await self._topic_ids()) for found in own])
        fillers = {place: first for place, first in firsts.items() if first}
        await asyncio.to_thread(admin.delete_records, fillers, timeout_ms=REQUEST_MS)  # the producer goes on meanwhile
        self._check_ends(admin, topic.name, topic.partitions)

    def _without_offsets(self, place: LogPlace) -> Iterator[CopiedRecord]:
        for record in self._records(place):
            if record.key is None or source_of(place, record.key, self._names) is None:
                yield record

    def _moved(self, found: FoundOffset, topic_ids: Mapping[str, str]) -> CopiedRecord:
        offset = self._offsets[found.source][found.stored.offset]
        return moved(found, offset, topic_ids, self._names, self._keys)

    async def _topic_ids(self) -> dict[str, str]:
        consumer = LazyConsumer(self._bootstrap, group_id=None)
        try:
            described = await describe_topics(await consumer.connected(), [topic.name for topic in self._topics])
        finally:
            await consumer.close()
        return {name: one.topic_id for name, one in described.items()}

    def _check_ends(self, admin: KafkaAdminClient, topic: str, partitions: Sequence[CopiedPartition]) -> None:
        ends = ends_of(admin, [TopicPartition(topic, one.partition) for one in partitions])
        for one in partitions:
            if (found := ends[TopicPartition(topic, one.partition)]) != one.end:
                raise BrokerError(
                    f"the partition ends at {found}, not {one.end}: another program wrote to it during the restore",
                    where=f"{topic}/{one.partition}",
                    hint=f"end gateways, apps and workers, {DELETE_THEM}",
                )

    def _commit(self, admin: KafkaAdminClient) -> None:
        for group, offsets in self._manifest.groups.items():
            commit(admin, group, [here for one in offsets if (here := self._here(one)) is not None])

    def _here(self, one: CopiedOffset) -> CopiedOffset | None:
        found = self._offsets.get(LogPlace(one.topic, one.partition))
        return None if found is None else CopiedOffset(one.topic, one.partition, found[one.offset])
