"""A recorded history through both stages, without Kafka: every output in its order.

What the two stages of `router/stream` do, this does by the same pure functions: translate by the batch, find what is redelivered or
updated, partition by street, fold in the order of receipt, close merge windows by ticks. A tick comes, as by the stream's own
clock, at the end of a batch in which the received time of a partition has passed the end of one of its windows.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby, islice
from typing import Any, Literal, NamedTuple

from router.domain.fold import fold
from router.domain.intake.admit import admit
from router.domain.intake.dedup import DedupIndex
from router.domain.model.case import Case
from router.domain.model.escalation import Escalation
from router.domain.model.rejection import Rejection
from router.domain.model.report import Report, Tick
from router.domain.model.task import Task
from router.domain.networks.registry import NETWORKS
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleSets
from router.domain.state.partition_state import PartitionState
from router.wire.codec import (
    Encoded,
    decode_event,
    encode_case,
    encode_dead_letter,
    encode_escalation,
    encode_report,
    encode_task,
    encode_tick,
)
from router.wire.partitioning import partition_for_cell
from router.wire.topic_names import Names
from tests.replay.sources import Sourced, as_json
from tests.support.outcomes import folded

PARTITIONS = 4
"""Of the grid stream; source records were recorded for as many."""
BATCH = 250
"""Batch size. With small batches only ticks close windows; with this size, late reports close some, too."""
BLOCK = 1000
"""Records with one digest; whole batches."""
NAMES = Names()
Kind = Literal["event", "tick", "case", "task", "escalation", "dead-letter"]


class DeadLetter(NamedTuple):
    """A rejected source record."""

    record: Any
    """As the consumer delivered it."""
    rejection: Rejection


Content = Report | Tick | Case | Task | Escalation | DeadLetter


class Output(NamedTuple):
    """One record that the router writes. A case is the state's own: use it before the next output is asked for."""

    block: int
    """Number of the block of source records whose reading led to it."""
    kind: Kind
    partition: int
    content: Content
    decision: str = ""
    """What the fold decided: of an event or tick."""
    key: bytes | None = None
    """Of an event: the cell by which it is partitioned."""
    versions: int = 0
    """Of a task that was updated or withdrawn: how many versions the case's reports have. Histories were recorded with it."""

    def wire(self) -> dict[str, Any]:
        """The output as the codec writes it, as text."""
        topic, (key, value, headers) = self._encoded()
        said = as_json(value) if self.kind == "dead-letter" or value is None else json.loads(value)
        return {
            "block": self.block,
            "kind": self.kind,
            "decision": self.decision,
            "topic": topic,
            "partition": self.partition,
            "key": as_json(key),
            "headers": [[name, as_json(content)] for name, content in headers],
            "value": said,
        }

    def _encoded(self) -> tuple[str, tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes]]]]:
        content = self.content
        if isinstance(content, Report):
            home = None if self.key is None else self.key.decode()
            return NAMES.events, encode_report(content, home)
        if isinstance(content, Tick):
            return NAMES.events, encode_tick(content, self.partition)
        if isinstance(content, Case):
            return NAMES.cases, encode_case(content)
        if isinstance(content, Task):
            return NAMES.tasks(content.department), encode_task(content)
        if isinstance(content, Escalation):
            return NAMES.escalations, encode_escalation(content)
        record, rejection = content
        return NAMES.dead_letters, encode_dead_letter(record, rejection, record.network)


class History:
    """Both stages of one city.

    Args:
        city: the rules.
    """

    def __init__(self, city: City) -> None:
        self.cases: dict[str, Case] = {}
        """Every case by its id: as it is now."""
        self.counts: Counter[str] = Counter()
        """Results of source records (`places ...`) and causes of closed windows (`closed by ...`)."""
        self._dedup: dict[tuple[str, int], DedupIndex] = defaultdict(DedupIndex)
        self._rule_sets = RuleSets(city)
        self._states = [PartitionState() for _ in range(PARTITIONS)]
        self._received: dict[int, datetime] = {}

    def replay(self, records: Iterable[Sourced]) -> Iterator[Output]:
        """Every output of the records, which come in the order of receipt."""
        source = iter(records)
        read = 0
        while batch := list(islice(source, BATCH)):
            yield from self._batch(batch, read // BLOCK)
            read += len(batch)

    def _batch(self, batch: list[Sourced], block: int) -> Iterator[Output]:
        events: list[tuple[datetime, int, str, Encoded]] = []
        for (network, _), records in groupby(sorted(batch, key=_of_partition), key=_of_partition):
            for made in self._normalised(network, list(records)):
                if isinstance(made, DeadLetter):
                    yield Output(block, "dead-letter", made.record.partition % PARTITIONS, made)
                else:
                    report, home = made
                    encoded = encode_report(report, home)
                    events.append((report.received_at, report.provenance.offset, report.id, encoded))
        events.sort(key=lambda one: one[:3])  # stable: the versions of one report keep their order
        for *_, encoded in events:
            yield from self._event(encoded, block)
        for partition, state in enumerate(self._states):
            due, now = state.next_due(), self._received.get(partition)
            if due is not None and now is not None and due <= now:
                yield from self._fold(encode_tick(Tick(at=now), partition), partition, block)

    def _normalised(self, network: str, records: list[Sourced]) -> Iterator[DeadLetter | tuple[Report, str]]:
        """Events of one partition of a network with their partition keys, then its dead letters."""
        dedup, counts = self._dedup[network, records[0].partition], self.counts
        admitted = admit(NETWORKS[network], records, self._rule_sets, dedup)
        refreshed = len(admitted.entries) - len(admitted.events)
        counts.update(
            {
                "places accepted": admitted.accepted,
                "places updated": admitted.updated,
                "places redelivered": admitted.redelivered - refreshed,
                "places refreshed": refreshed,
            }
        )
        yield from admitted.events
        for record, rejection in admitted.rejections:
            yield DeadLetter(record, rejection)

    def _event(self, encoded: Encoded, block: int) -> Iterator[Output]:
        return self._fold(encoded, partition_for_cell(encoded[0], PARTITIONS), block)

    def _fold(self, encoded: Encoded, partition: int, block: int) -> Iterator[Output]:
        """One record of the grid stream, read back as the second stage reads it."""
        key, value, headers = encoded
        event = decode_event(headers, value)
        outcome = folded(fold(self._states[partition], event, self._rule_sets))
        if isinstance(event, Report):
            self._received[partition] = max(self._received.get(partition, event.received_at), event.received_at)
            yield Output(block, "event", partition, event, outcome.decision, key)
        else:
            yield Output(block, "tick", partition, event, outcome.decision, key)
        for case in outcome.cases:
            self.cases[case.id] = case
            if isinstance(event, Tick):
                self.counts["closed by tick"] += case.window_closed_at == event.at
            elif case.window_closed_at is not None and outcome.decision not in _AMENDED:
                self.counts["closed by report"] += 1
            yield Output(block, "case", partition, case)
        for task in outcome.tasks:
            yield Output(block, "task", partition, task, versions=self._versions(task))
        for escalation in outcome.escalations:
            yield Output(block, "escalation", partition, escalation)

    def _versions(self, task: Task) -> int:
        dispatched = task.state == "dispatched"
        return 0 if dispatched else sum(report.version for report in self.cases[task.case].reports)


_AMENDED = ("updated", "rerouted", "moved")
"""Decisions that change a case whose window may have closed before."""


def _of_partition(record: Sourced) -> tuple[str, int]:
    return record.network, record.partition
