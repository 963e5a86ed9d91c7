"""Hop 1: a network's own records become reports on the all-purpose grid stream, or dead letters.

Its state is which report went where (`grid.places.<network>`): the same bytes again end here, other bytes under a known id
go on as an update to the street of the first version.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby

import structlog
from aiokafka import TopicPartition

from router.domain.intake.dedup import Places, digest_of
from router.domain.intake.normalise import Normalised, normalise, ruled_at
from router.domain.model.report import Refusal
from router.domain.networks.registry import Network
from router.domain.rules.city import City
from router.domain.rules.rule_sets import EditionError, Editions
from router.stream.engine.batch_writer import Writer
from router.stream.engine.changelog_reader import Logs
from router.stream.engine.processor import POISON, Counted, NotReadyError, PoisonError, Record
from router.stream.engine.stored_offset import noted_last, take_position
from router.stream.gc_tuning import restoring
from router.wire.codec import UNREADABLE, decode_place, encode_dead_letter, encode_place, encode_report
from router.wire.metrics import Metrics
from router.wire.partitioning import partition_for_cell
from router.wire.repairs import REDRIVEN
from router.wire.stored_offsets import encode_position
from router.wire.topics import Names

RESTORED_AT_ONCE = 5000
"""Places restored between two turns of the event loop: about 10 ms."""
FORGOTTEN = "places that cannot be read are forgotten: a correction of these reports is taken for a first version"
Refused = list[tuple[Record, Refusal]]

log = structlog.get_logger(__name__)


class NormaliseHop:
    """One partition of a network's batches through its translator."""

    name = "normalise"

    def __init__(self, network: Network, editions: Editions, names: Names, partitions: int, metrics: Metrics) -> None:
        self._network, self._editions, self._names = network, editions, names
        self._partitions, self._metrics = partitions, metrics
        self._places = Places()
        self._received: datetime | None = None

    async def open(self, logs: Logs, source: TopicPartition) -> int | None:
        """Drop what is known of reports and read it anew, as far as it was committed."""
        self._places = Places()
        changelog = TopicPartition(self._names.places(self._network.name), source.partition)
        places = await logs.latest(changelog)
        position = take_position(places, changelog)
        unreadable = 0
        with restoring():
            for number, (key, value) in enumerate(places.items()):
                try:
                    self._places.restore(key.decode(), decode_place(value))
                except (*UNREADABLE, UnicodeDecodeError):
                    unreadable += 1
                if number % RESTORED_AT_ONCE == 0:
                    await asyncio.sleep(0)  # other partitions have transactions to finish
        if unreadable:
            log.error(FORGOTTEN, network=self._network.name, partition=source.partition, records=unreadable)
        return position

    async def resume(self, logs: Logs, source: TopicPartition, position: int) -> bool:
        """Keep the places at hand, if nobody else had the partition."""
        return (
            await noted_last(logs, TopicPartition(self._names.places(self._network.name), source.partition)) == position
        )

    def note(self, position: int, writer: Writer, partition: int) -> None:
        """Beside the places."""
        writer.add(self._names.places(self._network.name), partition, *encode_position(position))

    def process(self, records: Sequence[Record], writer: Writer, poisoned: set[int]) -> Counted:
        """Write each record once: as a report or update on `grid.events`, as a dead letter, or, redelivered, not at all."""
        sound = [record for record in records if record.offset not in poisoned] if poisoned else records
        refused: Refused = [(record, POISON) for record in records if record.offset in poisoned]
        outcomes: Counter[str] = Counter()
        try:
            runs = list(self._by_edition(sound))
        except EditionError as missing:
            raise NotReadyError(f"edition {missing}") from missing
        for city, run in runs:
            self._pass_on(self._normalise(run, city), writer, outcomes, refused)
        if self._received is not None:
            self._places.forget(self._received)
        for record, refusal in refused:
            key, value, headers = encode_dead_letter(record, refusal, self._network.name)
            writer.add(self._names.dead_letters, record.partition % self._partitions, key, value, headers)
        return self._counted(outcomes, Counter(refusal.code for _, refusal in refused))

    def _by_edition(self, records: Sequence[Record]) -> Iterator[tuple[City, Sequence[Record]]]:
        """The batch in runs of one edition each, in its order."""
        only = self._editions.only
        if only is not None:
            yield only, records
            return
        for _, run in groupby(((self._edition_of(one), one) for one in records), lambda it: it[0].edition):
            taken = list(run)
            yield taken[0][0], [record for _, record in taken]

    def _edition_of(self, record: Record) -> City:
        return self._editions.at(ruled_at(record, again=_redriven(record)))

    def _pass_on(self, result: Normalised, writer: Writer, outcomes: Counter[str], refused: Refused) -> None:
        """Write the reports that are new or say something new, and where they went."""
        events, partitions, take = self._names.events, self._partitions, self._places.take
        places = self._names.places(self._network.name)
        redelivered = updated = 0
        for source, sound in zip(result.sources, result.reports, strict=True):
            taken = take(sound, digest_of(source.value or b""), again=_redriven(source))
            if taken is None:
                redelivered += 1
                continue
            if isinstance(taken, Refusal):
                refused.append((source, taken))
                continue
            report, place = taken
            if report is None:
                redelivered += 1
                writer.add(places, source.partition, *encode_place(sound.source_id, place))
                continue
            updated += report.version > 1
            home = None if report.version == 1 else place.cell
            key, value, headers = encode_report(report, home)
            writer.add(events, partition_for_cell(key, partitions), key, value, headers)
            writer.add(places, source.partition, *encode_place(report.source_id, place))
        if result.reports:
            latest_received = max(report.received_at for report in result.reports)
            self._received = max(self._received or latest_received, latest_received)
        outcomes["redelivered"] += redelivered
        outcomes["updated"] += updated
        outcomes["accepted"] += len(result.reports) - redelivered - updated
        refused += result.refusals

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

    def _counted(self, outcomes: Counter[str], refused: Counter[str]) -> Counted:
        def count() -> None:
            network = self._network.name
            for outcome, number in outcomes.items():
                self._metrics.reports.labels(network, outcome).inc(number)
            for code, number in refused.items():
                self._metrics.reports.labels(network, "refused").inc(number)
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
