"""Reads a partition of the grid stream: every expected event once, in its partition and order. Folds it as well."""

from collections import Counter
from collections.abc import Callable
from copy import copy

import msgspec
from msgspec import Struct, field

from router.domain.fold import Event, fold
from router.domain.intake.content import bytes_digest
from router.domain.model.case import Case
from router.domain.model.erasure import Erasure
from router.domain.model.feedback import Feedback
from router.domain.model.outcome import EscalationSent, FeedbackRejected, TransitionMade
from router.domain.model.report import Report, Tick
from router.domain.rules.rule_sets import RuleSets
from router.domain.state.partition_state import PartitionState
from router.simulator.messages import RecordAddress
from router.wire.codec import decode_event, encode_archived, encode_escalation, encode_task, encode_transition
from router.wire.partitioning import partition_for_cell
from router.wire.rejected_feedback import encode_rejected_feedback
from tests.chaos.audit.findings import Findings
from tests.chaos.audit.sources import Sources
from tests.chaos.audit.topics import Log, Record
from tests.chaos.ledger import Entry
from tests.support.outcomes import archived_of, cases_of, tasks_of


class AnswerEvent(Struct, frozen=True):
    """Feedback on the grid stream."""

    source: RecordAddress
    partition: int
    offset: int
    key: bytes
    sender: str
    id: str
    task: str


class Folded(Struct):
    """Cases and tasks that follow from the log of one partition."""

    state: PartitionState = field(default_factory=PartitionState)
    cases: dict[str, Case] = {}
    """Those that are not archived."""
    archived: dict[str, bytes] = {}
    """Id of an archived case -> value of its record."""
    tasks: dict[str, Counter[str]] = {}
    """Department -> digests of the task records that it must have received."""
    at: dict[RecordAddress, int] = {}
    """Address of a source record -> offset of its event."""
    answers: list[AnswerEvent] = []
    """Feedback, in the order of the log."""
    rejected: dict[str, Counter[str]] = {}
    """Sender -> digests of the records that it must read about its rejected feedback."""
    transitions: dict[str, list[str]] = {}
    """Case -> digests of the records of its transitions, in order."""
    erasures: dict[str, tuple[int, str]] = {}
    """Id of a request to erase -> its offset, and its case."""
    escalations: Counter[str] = field(default_factory=Counter)
    """Digests of reminders, escalations and what settled them."""
    reports: int = 0
    ticks: int = 0
    late: int = 0
    """Reports decided by another rule set than the active one."""


class Stream:
    """Reads the partitions of the grid stream.

    Args:
        log: of the deployment.
        topic: `grid.events`.
        sources: the expected reports.
        rule_sets: the published rule sets.
    """

    def __init__(
        self,
        log: Log,
        topic: str,
        *,
        partitions: int,
        sources: Sources,
        rule_sets: RuleSets,
        findings: Findings,
    ) -> None:
        self._log, self._topic, self._partitions = log, topic, partitions
        self._sources, self._rule_sets, self._findings = sources, rule_sets, findings
        self._times: Counter[RecordAddress] = Counter()
        """How often each source record became an event."""

    def fold(self, partition: int) -> Folded:
        """Fold one partition up to the offset that the workers have committed."""
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
                address = self._sources.place(address_of(event), _is_of(event))
                self._check(event, record, address, latest)
                folded.at[address] = record.offset
            elif isinstance(event, Feedback):
                folded.answers.append(_answer(event, record))
            elif isinstance(event, Erasure):
                folded.erasures[event.id] = record.offset, event.case
            if record.offset < position:
                self._apply(folded, event)
            elif isinstance(event, Report):
                self._findings.add("not committed", event.id)
        return folded

    def close(self) -> None:
        """Report missing events, after all partitions were read."""
        for address, entry in self._sources.at.items():
            if entry.outcome in {"case", "update"} and not self._times[address]:
                self._findings.add("lost", describe(entry))

    def _check(
        self, event: Report, record: Record, address: RecordAddress, latest: dict[tuple[str, int, bytes], int]
    ) -> None:
        add = self._findings.add
        entry = self._sources.at.get(address)
        if entry is None or entry.report != event.id or entry.outcome not in {"case", "update"}:
            add("never sent", event.id)
            return
        self._times[address] += 1
        if self._times[address] > 1:
            add("in two cases", describe(entry))
        wrong = entry.cell != event.location.cell or (entry.home or "").encode() != record.key
        if wrong or record.partition != partition_for_cell(record.key, self._partitions):
            add("wrong partition or cell", describe(entry))
        source = (address[0], address[1], record.key)
        if entry.version != event.version or address[2] <= latest.get(source, -1):
            add("out of order in a cell", describe(entry))
        latest[source] = address[2]

    def _apply(self, folded: Folded, event: Event) -> None:
        if isinstance(event, Report):
            folded.reports += 1
            folded.late += event.rule_set != self._rule_sets.at(event.received_at).rule_set
        elif isinstance(event, Tick):
            folded.ticks += 1
        outcome = fold(folded.state, event, self._rule_sets)
        # a step of a ladder that is sent later changes no record
        folded.cases.update({case.id: copy(case) for case in cases_of(outcome)})
        for gone in archived_of(outcome):
            folded.archived[gone.case.id] = encode_archived(gone.case, gone.at)[1]
            del folded.cases[gone.case.id]
        for task in tasks_of(outcome):
            folded.tasks.setdefault(task.department, Counter())[bytes_digest(encode_task(task)[1])] += 1
        for one in outcome.records:
            if isinstance(one, TransitionMade):
                value = encode_transition(one.transition, one.partition_key)[1]
                folded.transitions.setdefault(one.transition.case, []).append(bytes_digest(value))
            elif isinstance(one, EscalationSent):
                folded.escalations[bytes_digest(encode_escalation(one.escalation)[1])] += 1
            elif isinstance(one, FeedbackRejected):
                value = encode_rejected_feedback(one.feedback, one.rejection, one.rejection.legal)[1]
                folded.rejected.setdefault(one.feedback.sender, Counter())[bytes_digest(value)] += 1


def _answer(event: Feedback, record: Record) -> AnswerEvent:
    return AnswerEvent(
        source=address_of(event),
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        sender=event.sender,
        id=event.id,
        task=event.task,
    )


def address_of(event: Report | Feedback) -> RecordAddress:
    """Address of its source record."""
    return event.provenance.topic, event.provenance.partition, event.provenance.offset


def _is_of(event: Report) -> Callable[[Entry], bool]:
    return lambda entry: (entry.report, entry.version) == (event.id, event.version)


def describe(entry: Entry) -> str:
    """The report id, with its version when it is not the first."""
    return entry.report if entry.version <= 1 else f"{entry.report} version {entry.version}"
