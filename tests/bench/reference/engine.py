"""The reference job on grid-router's engine: two processors, a transaction a batch in each. Exactly once.

As in the product, the state of the merge is restored from `cases`, including the ids of all reports.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from aiokafka import TopicPartition
from msgspec import MsgspecError
from prometheus_client import CollectorRegistry

from router.kafka.record_batches import Writer
from router.stream import log_setup, worker
from router.stream.engine.changelog_reader import ChangelogReader
from router.stream.engine.processor import POISON, Counted, Processor, Record
from router.stream.engine.stored_offset import StoredOffsets
from router.stream.faust_adapter.app import app_of
from router.wire.metrics import Metrics
from router.wire.offset_signing import NO_KEYS
from router.wire.partitioning import partition_for_cell
from router.wire.settings import Settings
from router.wire.stored_offsets import StoredOffset, encode_stored_offset
from tests.bench.announcing_worker import announce
from tests.bench.reference.job import (
    MAX_REPORTS,
    PARTITIONS,
    Case,
    Rejected,
    Run,
    decode_case,
    decode_event,
    dispatch_of,
    encode,
    normalise,
    open_case,
)


def counted() -> None:
    """The job counts nothing."""


class JobProcessor:
    """Common to both processors: stored offsets, no timers, the topic of rejected records."""

    name: str

    def __init__(self, run: Run) -> None:
        self._run, self._dlq = run, run.dlq
        self._positions = f"{run.prefix}positions-{self.name}"

    async def open(self, logs: ChangelogReader, source: TopicPartition) -> StoredOffset | None:
        return await StoredOffsets(NO_KEYS).read(
            logs, TopicPartition(self._positions, source.partition), exclusive=True
        )

    async def resume(self, logs: ChangelogReader, source: TopicPartition, position: StoredOffset) -> bool:
        stored = await StoredOffsets(NO_KEYS).read(
            logs, TopicPartition(self._positions, source.partition), exclusive=True
        )
        return stored is not None and stored.same_place(position)

    def store_offset(self, position: StoredOffset, writer: Writer, partition: int) -> None:
        writer.add(self._positions, partition, *encode_stored_offset(position))

    def _sound(self, records: Sequence[Record], writer: Writer, poisoned: set[int]) -> list[Record]:
        """The records without poison records, which become dead letters."""
        for record in records:
            if record.offset in poisoned:
                writer.add(self._dlq, record.partition, None, encode(Rejected(POISON.reason, repr(record.value))))
        return [record for record in records if record.offset not in poisoned]

    def close(self) -> None:
        """No gauges."""


class Normalise(JobProcessor):
    """Stage 1: no state."""

    name = "normalise"

    def process(self, records: Sequence[Record], writer: Writer, poisoned: set[int]) -> Counted:
        add, grid = writer.add, self._run.grid
        for record in self._sound(records, writer, poisoned) if poisoned else records:
            event = normalise(record.value)
            if isinstance(event, Rejected):
                add(self._dlq, record.partition, None, encode(event))
            else:
                cell = event.cell.encode()
                add(grid, partition_for_cell(cell, PARTITIONS), cell, encode(event))
        return counted


class Merge(JobProcessor):
    """Stage 2: the latest case of every cell and category, and every id."""

    name = "merge"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._latest: dict[tuple[str, str], Case] = {}
        self._seen: set[str] = set()

    async def open(self, logs: ChangelogReader, source: TopicPartition) -> StoredOffset | None:
        self._latest, self._seen = {}, set()
        records = (await logs.latest(TopicPartition(self._run.cases, source.partition))).values()
        for case in map(decode_case, records):  # in write order, so the latest case of a cell and category wins
            self._latest[case.cell, case.cat] = case
            self._seen.update(case.reports)
        return await super().open(logs, source)

    def process(self, records: Sequence[Record], writer: Writer, poisoned: set[int]) -> Counted:
        add, latest, seen, partition = writer.add, self._latest, self._seen, records[0].partition
        cases, dispatch = self._run.cases, self._run.dispatch
        for record in self._sound(records, writer, poisoned) if poisoned else records:
            try:
                event = decode_event(record.value)
            except MsgspecError as error:
                add(self._dlq, partition, None, encode(Rejected(str(error), record.value.decode())))
                continue
            if event.id in seen:
                continue
            seen.add(event.id)
            case = latest.get((event.cell, event.cat))
            if case is None or len(case.reports) == MAX_REPORTS:
                case = latest[event.cell, event.cat] = open_case(event)
                add(dispatch, partition, case.cell.encode(), encode(dispatch_of(case)))
            else:
                case.reports.append(event.id)
            add(cases, partition, case.case.encode(), encode(case))
        return counted


def main() -> None:
    run, metrics = Run.here(), Metrics(CollectorRegistry())
    settings = Settings().model_copy(update={"namespace": run.prefix, "home": Path(run.folder), "metrics_port": 0})
    processors: dict[str, Callable[[], Processor]] = {run.raw: lambda: Normalise(run), run.grid: lambda: Merge(run)}
    log_setup.log_to_stderr()
    announce()
    worker.run(app_of(processors, settings, run.kafka, metrics), metrics, settings, run.kafka)


if __name__ == "__main__":
    main()
