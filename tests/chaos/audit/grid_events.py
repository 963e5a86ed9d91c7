"""One partition of the grid stream: every expected event once, in its place and order; and what folding it gives."""

from collections import Counter
from collections.abc import Mapping

import msgspec
from msgspec import Struct, field

from router.domain.fold import fold
from router.domain.intake.dedup import digest_of
from router.domain.model.case import Case
from router.domain.model.report import Report, Tick
from router.domain.rules.rule_sets import RuleSets
from router.domain.state.partition_state import PartitionState
from router.simulator.messages import RecordAddress
from router.wire.codec import decode_event, encode_task
from router.wire.partitioning import partition_for_cell
from tests.chaos.audit.findings import Findings
from tests.chaos.audit.topics import Log, Record
from tests.chaos.ledger import Entry
from tests.support.outcomes import cases_of, tasks_of


class Folded(Struct):
    """What the log of one partition says must be."""

    state: PartitionState = field(default_factory=PartitionState)
    cases: dict[str, Case] = {}
    tasks: dict[str, Counter[str]] = {}
    """Department -> digests of the task records it must have got."""
    at: dict[RecordAddress, int] = {}
    """Where a report's source record stands -> offset of its event."""
    reports: int = 0
    ticks: int = 0
    late: int = 0
    """Reports decided by another rule set than the one that held."""


class Stream:
    """Reads the partitions of the grid stream.

    Args:
        log: of the deployment.
        topic: `grid.events`.
        sources: what must be on it, by the place of the source record.
        rule sets: by which it was decided.
    """

    def __init__(
        self,
        log: Log,
        topic: str,
        *,
        partitions: int,
        sources: Mapping[RecordAddress, Entry],
        rule_sets: RuleSets,
        findings: Findings,
    ) -> None:
        self._log, self._topic, self._partitions = log, topic, partitions
        self._sources, self._editions, self._findings = sources, rule_sets, findings
        self._times: Counter[RecordAddress] = Counter()
        """How often each source record became an event."""

    def fold(self, partition: int) -> Folded:
        """Fold one partition as far as the workers have committed it."""
        folded = Folded()
        latest: dict[tuple[str, int, bytes], int] = {}
        position = self._log.position(self._topic, partition)
        for record in self._log.read([self._topic], partition):
            try:
                event = decode_event(record.headers, record.value)
            except (msgspec.MsgspecError, ValueError):
                self._findings.add("never sent", f"{record.topic}/{partition}/{record.offset}")
                continue
            if isinstance(event, Report):
                self._check(event, record, latest)
                folded.at[place_of(event)] = record.offset
            if record.offset < position:
                self._take(folded, event)
            elif isinstance(event, Report):
                self._findings.add("not finished", event.id)
        return folded

    def close(self) -> None:
        """All partitions are read: what is missing?"""
        for place, entry in self._sources.items():
            if entry.outcome in {"case", "update"} and not self._times[place]:
                self._findings.add("lost", named(entry))

    def _check(self, event: Report, record: Record, latest: dict[tuple[str, int, bytes], int]) -> None:
        add, place = self._findings.add, place_of(event)
        entry = self._sources.get(place)
        if entry is None or entry.report != event.id or entry.outcome not in {"case", "update"}:
            add("never sent", event.id)
            return
        self._times[place] += 1
        if self._times[place] > 1:
            add("in two cases", named(entry))
        wrong = entry.cell != event.location.cell or (entry.home or "").encode() != record.key
        if wrong or record.partition != partition_for_cell(record.key, self._partitions):
            add("in the wrong place", named(entry))
        source = (place[0], place[1], record.key)
        if entry.version != event.version or place[2] <= latest.get(source, -1):
            add("order broken in a cell", named(entry))
        latest[source] = place[2]

    def _take(self, folded: Folded, event: Report | Tick) -> None:
        if isinstance(event, Report):
            folded.reports += 1
            folded.late += event.rule_set != self._editions.at(event.received_at).rule_set
        else:
            folded.ticks += 1
        outcome = fold(folded.state, event, self._editions)
        folded.cases.update({case.id: case for case in cases_of(outcome)})
        for task in tasks_of(outcome):
            folded.tasks.setdefault(task.department, Counter())[digest_of(encode_task(task)[1])] += 1


def place_of(event: Report) -> RecordAddress:
    """Where its source record stands."""
    return event.provenance.topic, event.provenance.partition, event.provenance.offset


def named(entry: Entry) -> str:
    """A report, or a later version of it."""
    return entry.report if entry.version <= 1 else f"{entry.report} version {entry.version}"
