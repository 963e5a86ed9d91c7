"""Hop 2: the fold of one partition of the grid stream into cases and tasks; its state is restored from `grid.cases`."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import msgspec
from aiokafka import TopicPartition

from router.domain.cases import Case, Task
from router.domain.city import City
from router.domain.editions import EditionError, Editions
from router.domain.fold import fold
from router.domain.reports import Refusal, Report, Tick
from router.domain.state import PartitionState
from router.stream.hop import POISON, Counted, NotReadyError, PoisonError, Record
from router.stream.logs import Logs
from router.stream.timers import Clock
from router.stream.writer import Writer
from router.wire.codec import decode_case, decode_event, encode_case, encode_dead_letter, encode_task, encode_tick
from router.wire.metrics import Metrics
from router.wire.topics import Names

NOT_AN_EVENT = "not-an-event"
RESTORED_AT_ONCE = 500
"""Cases restored between two turns of the event loop: about 10 ms."""
ROUTER = "grid"
"""Stands in the label `network` for records that no network sent."""


class MergeHop:
    """The state of one partition and the fold over its log."""

    name = "merge"

    def __init__(self, editions: Editions, names: Names, clock: Clock, metrics: Metrics) -> None:
        self._editions, self._names, self._clock, self._metrics = editions, names, clock, metrics
        self._state = PartitionState()
        self._received: datetime | None = None
        self._asked: datetime | None = None
        self._label = ""

    async def open(self, logs: Logs, source: TopicPartition) -> None:
        """Drop the state and rebuild it from the committed cases of this partition."""
        self._state, self._asked, self._label = PartitionState(), None, str(source.partition)
        cases = await logs.latest(TopicPartition(self._names.cases, source.partition))
        for number, value in enumerate(cases.values()):
            case = decode_case(value)
            self._state.restore(case, self._editions.first)
            self._see(max(report.received_at for report in case.reports))
            if number % RESTORED_AT_ONCE == 0:
                await asyncio.sleep(0)  # other partitions have transactions to finish
        self._metrics.open_cases.labels(self._label).set(self._state.open_cases)

    def _city_of(self, event: Report | Tick) -> City:
        """The rules by which an event is decided; a tick needs only the merging, which is that of all editions."""
        return self._editions.of(event.edition) if isinstance(event, Report) else self._editions.first

    def _see(self, received: datetime) -> None:
        if self._received is None or received > self._received:
            self._received = received

    def process(self, records: Sequence[Record], writer: Writer, poisoned: set[int]) -> Counted:
        """Fold a batch in log order; a case that changed many times is written once, as it is at the end."""
        changed: dict[str, Case] = {}
        decisions: Counter[str] = Counter()
        tasks: list[Task] = []
        refused: list[tuple[Record, Refusal]] = []
        for record in records:
            if record.offset in poisoned:
                refused.append((record, POISON))
                continue
            event = self._event(record, refused)
            if event is None:
                continue
            try:
                outcome = fold(self._state, event, self._city_of(event))
            except EditionError as missing:
                raise NotReadyError(f"edition {missing}") from missing
            except Exception as failure:
                raise PoisonError(record.offset) from failure
            decisions[outcome.decision] += 1
            for case in outcome.cases:
                changed[case.id] = case
            tasks.extend(outcome.tasks)
        self._write(records[0].partition, changed, tasks, refused, writer)
        return self._counted(decisions, tasks, refused)

    def _event(self, record: Record, refused: list[tuple[Record, Refusal]]) -> Report | Tick | None:
        try:
            event = decode_event(record.headers, record.value)
        except (msgspec.MsgspecError, ValueError, TypeError) as error:
            reason = f"not an event of the grid stream ({str(error)[:200]}); only the router may write this topic."
            refused.append((record, Refusal(code=NOT_AN_EVENT, reason=reason)))
            return None
        if isinstance(event, Report):
            self._see(event.received_at)
        else:
            self._asked = None
        return event

    def _write(
        self,
        partition: int,
        changed: dict[str, Case],
        tasks: list[Task],
        refused: list[tuple[Record, Refusal]],
        writer: Writer,
    ) -> None:
        for case in changed.values():
            writer.add(self._names.cases, partition, *encode_case(case))
        for task in tasks:
            writer.add(self._names.tasks(task.department), partition, *encode_task(task))
        for record, refusal in refused:
            writer.add(self._names.dead_letters, partition, *encode_dead_letter(record, refusal, ROUTER))

    def _counted(self, decisions: Counter[str], tasks: list[Task], refused: list[tuple[Record, Refusal]]) -> Counted:
        def count() -> None:
            metrics = self._metrics
            for decision, number in decisions.items():
                counter = metrics.ticks if decision in {"ticked", "window-closed"} else metrics.merges.labels(decision)
                counter.inc(number)
            new = [task for task in tasks if task.state == "dispatched"]
            for (department, role), number in Counter((task.department, task.role) for task in new).items():
                metrics.tasks.labels(department, role).inc(number)
            for rule, number in Counter(task.rule for task in new).items():
                metrics.rule_hits.labels(rule).inc(number)
            if len(new) < len(tasks):
                for task in tasks:
                    if task.state != "dispatched":
                        metrics.task_changes.labels(task.department, task.state).inc()
            for _, refusal in refused:
                metrics.dead_letters.labels(ROUTER, refusal.code).inc()
            metrics.open_cases.labels(self._label).set(self._state.open_cases)

        return count

    def due(self) -> float | None:
        """Seconds until the next merge window closes, by this partition's clock; None while a tick is on its way."""
        instant = self._state.next_due()
        now = self._clock.now(self._received)
        if instant is None or now is None or self._asked is not None:
            return None
        seconds = (instant - now).total_seconds()
        return seconds if self._clock.waits or seconds <= 0 else None

    def tick(self, writer: Writer, partition: int) -> None:
        """Append the present to the partition's own log; folded when it is read back."""
        now = self._clock.now(self._received)
        if now is not None:
            self._asked = now
            writer.add(self._names.events, partition, *encode_tick(Tick(at=now), partition))

    def close(self) -> None:
        """The partition is let go."""
        if self._label:
            self._metrics.open_cases.labels(self._label).set(0)
