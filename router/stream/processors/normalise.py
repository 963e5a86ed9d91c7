"""Stage 1: a network's records become events of the grid stream, or dead letters.

`admit` in router/domain/intake decides about each record. This processor encodes the decisions and counts them. Its state
is the dedup index, restored from `grid.dedup.<network>`.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog
from aiokafka import TopicPartition

from router.domain.intake.admit import Admitted, TranslationError, admit
from router.domain.intake.dedup import DedupIndex
from router.domain.model.rejection import Rejection, RejectionCode
from router.domain.model.source_record import SourceRecord
from router.domain.networks.registry import Network
from router.domain.rules.rule_sets import RuleSetError, RuleSets
from router.kafka.record_batches import Writer
from router.stream.engine.changelog_reader import ChangelogReader, replaced
from router.stream.engine.processor import POISON, Counted, NotReadyError, PoisonError, Record
from router.stream.engine.state_copy import StateCopy, Values
from router.stream.engine.stored_offset import StoredOffsets
from router.tracing.carrying import CARRYING, BatchTraces, Tracing
from router.wire.codec import UNREADABLE, decode_dedup_entry, encode_dead_letter, encode_dedup_entry, encode_report
from router.wire.metrics import Metrics
from router.wire.offset_signing import NO_KEYS, OffsetKeys
from router.wire.partitioning import partition_for_cell, partition_for_key
from router.wire.rejections import encode_rejection
from router.wire.stored_offsets import STORED_OFFSET_KEY, StoredOffset
from router.wire.topic_names import Names

UNREADABLE_ENTRIES = (
    "dedup entries cannot be decoded and are dropped; the router takes corrections of these reports for first versions"
)
Rejected = tuple[SourceRecord, Rejection]

log = structlog.get_logger(__name__)


def _written_at(value: bytes) -> datetime:
    """When the report of an entry was received last; the beginning of time when the entry cannot be decoded."""
    try:
        return decode_dedup_entry(value).at
    except UNREADABLE:
        return datetime.min.replace(tzinfo=UTC)


class NormaliseProcessor:
    """Admits the batches of one partition of a network's topic."""

    name = "normalise"

    def __init__(
        self,
        network: Network,
        rule_sets: RuleSets,
        names: Names,
        partitions: int,
        metrics: Metrics,
        *,
        history: bool = False,
        keys: OffsetKeys = NO_KEYS,
        tracing: Tracing = CARRYING,
    ) -> None:
        self._history, self._tracing = history, tracing
        self._offsets = StoredOffsets(keys, lambda topic: metrics.ignored_offsets.labels(topic).inc())
        self._network, self._rule_sets, self._names = network, rule_sets, names
        self._partitions, self._metrics = partitions, metrics
        self._dedup = DedupIndex()
        self._topic = names.dedup_index(network.name)
        self._check = self._offsets.check()
        self.copy = StateCopy(self._clear, self._apply, self._check)
        self._stored: dict[bytes, bytes] = {}
        """The record of the stored offset, as the changelog had it when it was read."""
        self._written = False
        """Whether this processor has written a stored offset since."""
        self._unreadable = 0
        self._source_partitions = partitions

    async def open(self, logs: ChangelogReader, source: TopicPartition) -> StoredOffset | None:
        """Bring the dedup index to the end of its committed changelog."""
        changelog = self.changelog_of(source)
        self._source_partitions = (await logs.describe(source.topic)).partitions
        await self.copy.catch_up(logs, changelog)
        moved = await self._moved(logs, changelog)
        if moved:
            own = await logs.latest(changelog)
            own.pop(STORED_OFFSET_KEY, None)  # only a reading with the check says which one counts
            known = [*moved, *own.items()]
            self._dedup, self._unreadable = DedupIndex(), 0
            for key, value in sorted(known, key=lambda entry: _written_at(entry[1])):
                self._apply({key: value}, changelog)
        if self._unreadable:
            log.error(
                UNREADABLE_ENTRIES, network=self._network.name, partition=source.partition, records=self._unreadable
            )
        if self._written:
            return await self._offsets.read(logs, changelog)
        return self._offsets.pop(dict(self._stored), changelog, self._check)

    def changelog_of(self, source: TopicPartition) -> TopicPartition:
        """The partition of `grid.dedup.<network>` that has the entries of an input partition."""
        return TopicPartition(self._topic, source.partition)

    def _clear(self) -> None:
        self._dedup, self._stored, self._unreadable = DedupIndex(), {}, 0
        self._written = False
        self._check.reset()

    def _apply(self, values: Values, _: TopicPartition) -> None:
        """Put entries into the index, in the order of writing."""
        for key, value in values.items():
            if key == STORED_OFFSET_KEY:
                self._stored, self._written = {} if value is None else {key: value}, False
                continue
            try:
                if value is None:
                    self._dedup.drop(key.decode())
                else:
                    self._dedup.restore(key.decode(), decode_dedup_entry(value))
            except UNREADABLE:
                self._unreadable += 1

    async def _moved(self, logs: ChangelogReader, changelog: TopicPartition) -> list[tuple[bytes, bytes]]:
        """Entries of other partitions whose reports come to this one, because the network's topic has or had more partitions.

        Kafka's partitioner chooses by key and number of partitions, so most ids move: when partitions are added, and back when the topic is
        made again with the declared ones. An id that moved and is not known here would be a new report, and its corrections would be lost.
        """
        count, known = self._source_partitions, (await logs.describe(self._topic)).partitions
        if count == known == self._partitions:
            return []
        entries: list[tuple[bytes, bytes]] = []
        for number in range(known):
            if number != changelog.partition:
                others = await logs.latest(TopicPartition(self._topic, number))
                others.pop(STORED_OFFSET_KEY, None)
                entries += [one for one in others.items() if partition_for_key(one[0], count) == changelog.partition]
        return entries

    async def resume(self, logs: ChangelogReader, source: TopicPartition, position: StoredOffset) -> bool:
        """Keep the index in memory, if no other worker has owned the partition since and its changelog is still the same."""
        self.copy.intact, changelog = True, self.changelog_of(source)
        if await replaced(logs, changelog, self.copy.topic_id):
            return False
        if self._source_partitions != (await logs.describe(source.topic)).partitions:
            return False  # reports of other partitions moved here
        stored = await self._offsets.read(logs, changelog)
        return stored is not None and stored.same_place(position)

    @property
    def offset_overwritten(self) -> bool:
        """Whether another program has written over the stored offset."""
        return self._offsets.overwritten

    def store_offset(self, position: StoredOffset, writer: Writer, partition: int) -> None:
        """Store the offset in the changelog of the dedup index: both commit in one transaction."""
        self._written = True
        writer.add(self._topic, partition, *self._offsets.encode(position, TopicPartition(self._topic, partition)))

    def process(self, records: Sequence[Record], writer: Writer, poisoned: set[int]) -> Counted:
        """Write the decision about each record: an event, a dead letter, or nothing for a redelivery."""
        self.copy.intact = False
        sound = [record for record in records if record.offset not in poisoned] if poisoned else records
        traces = self._tracing.batch(self.name, records)
        try:
            admitted = admit(self._network, sound, self._rule_sets, self._dedup, history=self._history)
        except RuleSetError as missing:
            raise NotReadyError(f"rule set {missing}") from missing
        except TranslationError as failure:
            raise PoisonError(failure.offset) from failure
        rejections: list[Rejected] = [(record, POISON) for record in records if record.offset in poisoned]
        rejections += admitted.rejections
        self._write(records[0].partition, admitted, rejections, traces, writer)
        return self._counted(admitted, Counter(rejection.code for _, rejection in rejections), traces)

    def _write(
        self,
        partition: int,
        admitted: Admitted,
        rejections: Sequence[Rejected],
        traces: BatchTraces,
        writer: Writer,
    ) -> None:
        events, partitions, traced = self._names.events, self._partitions, traces.headers
        for report, partition_key in admitted.events:
            key, value, headers = encode_report(report, partition_key if report.version > 1 else None)
            if traced:
                headers += traced.get(report.provenance.offset, ())
            writer.add(events, partition_for_cell(key, partitions), key, value, headers)
        for source_id, entry in admitted.entries:
            writer.add(self._topic, partition, *encode_dedup_entry(source_id, entry))
        for record, rejection in rejections:
            dead_letter = encode_dead_letter(record, rejection, self._network.name)
            writer.add(self._names.dead_letters, partition % partitions, *dead_letter)
            key_of_rejection, rejected, headers = encode_rejection(record, rejection, self._network)
            headers += traced.get(record.offset, ())
            writer.add(self._names.rejections(self._network.name), 0, key_of_rejection, rejected, headers)
            traces.rejected(record.offset, rejection.code)

    def _counted(self, admitted: Admitted, rejected: Counter[RejectionCode], traces: BatchTraces) -> Counted:
        # only numbers: what `count` refers to lives until the commit, and the reports of a batch are large
        disbelieved, masked = admitted.disbelieved, admitted.masked
        outcomes = {"accepted": admitted.accepted, "updated": admitted.updated, "redelivered": admitted.redelivered}
        outside = admitted.outside

        def count() -> None:
            network, metrics = self._network.name, self._metrics
            metrics.outside_points.labels(network).inc(outside)
            for outcome, number in outcomes.items():
                metrics.reports.labels(network, outcome).inc(number)
            for code, number in rejected.items():
                metrics.reports.labels(network, "rejected").inc(number)
                metrics.dead_letters.labels(network, code).inc(number)
            for cause, number in disbelieved.items():
                metrics.disbelieved_times.labels(network, cause).inc(number)
            for kind, number in masked.items():
                metrics.masked.labels(network, kind).inc(number)
            traces.committed()

        return count

    def close(self) -> None:
        """Do nothing: the stage has no gauges."""
