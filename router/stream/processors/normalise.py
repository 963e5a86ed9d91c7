"""Stage 1: a network's own records become reports on the all-purpose grid stream, or dead letters.

Its state is which report went where (`grid.dedup.<network>`): the same bytes again end here, other bytes under a known id
go on as an update to the street of the first version.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby

import structlog
from aiokafka import TopicPartition

from router.domain.intake.dedup import DedupIndex, digest_of
from router.domain.intake.normalise import REDRIVEN, Normalised, normalise, ruled_at
from router.domain.model.rejection import Rejection
from router.domain.networks.registry import Network
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleSetError, RuleSets
from router.kafka.record_batches import Writer
from router.stream.engine.changelog_reader import ChangelogReader
from router.stream.engine.processor import POISON, Counted, NotReadyError, PoisonError, Record
from router.stream.engine.stored_offset import pop_stored_offset, read_last_stored_offset
from router.stream.gc_tuning import gc_paused
from router.wire.codec import UNREADABLE, decode_dedup_entry, encode_dead_letter, encode_dedup_entry, encode_report
from router.wire.metrics import Metrics
from router.wire.partitioning import partition_for_cell
from router.wire.stored_offsets import encode_stored_offset
from router.wire.topics import Names

RESTORE_CHUNK = 5000
"""Places restored between two turns of the event loop: about 10 ms."""
FORGOTTEN = "places that cannot be read are forgotten: a correction of these reports is taken for a first version"
Rejected = list[tuple[Record, Rejection]]

log = structlog.get_logger(__name__)


class NormaliseProcessor:
    """One partition of a network's batches through its translator."""

    name = "normalise"

    def __init__(self, network: Network, rule_sets: RuleSets, names: Names, partitions: int, metrics: Metrics) -> None:
        self._network, self._editions, self._names = network, rule_sets, names
        self._partitions, self._metrics = partitions, metrics
        self._dedup = DedupIndex()
        self._received: datetime | None = None

    async def open(self, logs: ChangelogReader, source: TopicPartition) -> int | None:
        """Drop what is known of reports and read it anew, as far as it was committed."""
        self._dedup = DedupIndex()
        changelog = TopicPartition(self._names.dedup_index(self._network.name), source.partition)
        dedup = await logs.latest(changelog)
        position = pop_stored_offset(dedup, changelog)
        unreadable = 0
        with gc_paused():
            for number, (key, value) in enumerate(dedup.items()):
                try:
                    self._dedup.restore(key.decode(), decode_dedup_entry(value))
                except (*UNREADABLE, UnicodeDecodeError):
                    unreadable += 1
                if number % RESTORE_CHUNK == 0:
                    await asyncio.sleep(0)  # other partitions have transactions to finish
        if unreadable:
            log.error(FORGOTTEN, network=self._network.name, partition=source.partition, records=unreadable)
        return position

    async def resume(self, logs: ChangelogReader, source: TopicPartition, position: int) -> bool:
        """Keep the places at hand, if nobody else had the partition."""
        return (
            await read_last_stored_offset(
                logs, TopicPartition(self._names.dedup_index(self._network.name), source.partition)
            )
            == position
        )

    def store_offset(self, position: int, writer: Writer, partition: int) -> None:
        """Beside the places."""
        writer.add(self._names.dedup_index(self._network.name), partition, *encode_stored_offset(position))

    def process(self, records: Sequence[Record], writer: Writer, poisoned: set[int]) -> Counted:
        """Write each record once: as a report or update on `grid.events`, as a dead letter, or, redelivered, not at all."""
        sound = [record for record in records if record.offset not in poisoned] if poisoned else records
        rejected: Rejected = [(record, POISON) for record in records if record.offset in poisoned]
        outcomes: Counter[str] = Counter()
        try:
            runs = list(self._by_rule_set(sound))
        except RuleSetError as missing:
            raise NotReadyError(f"rule set {missing}") from missing
        for city, run in runs:
            self._pass_on(self._normalise(run, city), writer, outcomes, rejected)
        if self._received is not None:
            self._dedup.forget(self._received)
        for record, rejection in rejected:
            key, value, headers = encode_dead_letter(record, rejection, self._network.name)
            writer.add(self._names.dead_letters, record.partition % self._partitions, key, value, headers)
        return self._counted(outcomes, Counter(rejection.code for _, rejection in rejected))

    def _by_rule_set(self, records: Sequence[Record]) -> Iterator[tuple[City, Sequence[Record]]]:
        """The batch in runs of one rule set each, in its order."""
        only = self._editions.only
        if only is not None:
            yield only, records
            return
        for _, run in groupby(((self._rule_set_of(one), one) for one in records), lambda it: it[0].rule_set):
            taken = list(run)
            yield taken[0][0], [record for _, record in taken]

    def _rule_set_of(self, record: Record) -> City:
        return self._editions.at(ruled_at(record, redriven=_redriven(record)))

    def _pass_on(self, result: Normalised, writer: Writer, outcomes: Counter[str], rejected: Rejected) -> None:
        """Write the reports that are new or say something new, and where they went."""
        events, partitions, admit = self._names.events, self._partitions, self._dedup.admit
        dedup = self._names.dedup_index(self._network.name)
        redelivered = updated = 0
        for source, sound in zip(result.sources, result.reports, strict=True):
            taken = admit(sound, digest_of(source.value or b""), redriven=_redriven(source))
            if taken is None:
                redelivered += 1
                continue
            if isinstance(taken, Rejection):
                rejected.append((source, taken))
                continue
            report, place = taken
            if report is None:
                redelivered += 1
                writer.add(dedup, source.partition, *encode_dedup_entry(sound.source_id, place))
                continue
            updated += report.version > 1
            home = None if report.version == 1 else place.cell
            key, value, headers = encode_report(report, home)
            writer.add(events, partition_for_cell(key, partitions), key, value, headers)
            writer.add(dedup, source.partition, *encode_dedup_entry(report.source_id, place))
        if result.reports:
            latest_received = max(report.received_at for report in result.reports)
            self._received = max(self._received or latest_received, latest_received)
        outcomes["redelivered"] += redelivered
        outcomes["updated"] += updated
        outcomes["accepted"] += len(result.reports) - redelivered - updated
        rejected += result.rejections

    def _normalise(self, records: Sequence[Record], city: City) -> Normalised:
        try:
            return normalise(self._network, records, city)
        except Exception as failure:
            for record in records:
                try:
                    normalise(self._network, [record], city)
                except Exception:  # noqa: BLE001 - whatever it is, this is the record that causes it
                    raise PoisonError(record.offset) from failure
            raise

    def _counted(self, outcomes: Counter[str], rejected: Counter[str]) -> Counted:
        def count() -> None:
            network = self._network.name
            for outcome, number in outcomes.items():
                self._metrics.reports.labels(network, outcome).inc(number)
            for code, number in rejected.items():
                self._metrics.reports.labels(network, "rejected").inc(number)
                self._metrics.dead_letters.labels(network, code).inc(number)

        return count

    def due(self) -> float | None:
        """Normalising has no timers."""
        return None

    def tick(self, writer: Writer, partition: int) -> None:
        """Never called: nothing is ever due."""

    def close(self) -> None:
        """Nothing to forget."""


def _redriven(record: Record) -> bool:
    """Whether it lay in the dead letters before."""
    return REDRIVEN in [name for name, _ in record.headers]
