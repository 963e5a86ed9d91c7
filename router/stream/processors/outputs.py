"""How the types of output and fact of the fold become Kafka records and metrics: one registry each."""

from collections import Counter
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from msgspec import Struct

from router.domain.model.case import Assignment
from router.domain.model.outcome import (
    CaseArchived,
    CaseChanged,
    CasesArchived,
    ErasureDecided,
    Escalated,
    EscalationSent,
    Fact,
    FeedbackDecided,
    FeedbackRejected,
    LimitMissed,
    Outcome,
    Output,
    ReportDecided,
    TaskChanged,
    TaskDispatched,
    TaskIssued,
    TickFolded,
    TransitionMade,
)
from router.kafka.record_batches import Writer
from router.wire.codec import (
    encode_archived,
    encode_case,
    encode_escalation,
    encode_task,
    encode_tombstone,
    encode_transition,
)
from router.wire.metrics import Metrics
from router.wire.rejected_feedback import encode_rejected_feedback
from router.wire.topic_names import Names
from router.wire.trace_context import TraceHeaders

NOT_TRACED: TraceHeaders = []


class OutputKind(Struct, frozen=True, kw_only=True):
    """Where the outputs of one type are written, and how."""

    topic: Callable[[Names, Any], str]
    encode: Callable[[Any], tuple[bytes | None, bytes, list[tuple[str, bytes]]]]
    partition: int | None = None
    """The partition of the topic; None: that of the case."""
    table_key: Callable[[Any], str] | None = None
    """Key of the row of `grid.cases` that it changes. A row that changes often in a batch is written once, as it is at the end."""
    tombstone: Callable[[Any], tuple[bytes, None, list[tuple[str, bytes]]]] | None = None
    """What takes the row out of `grid.cases`, in the same transaction."""
    traced: bool = True
    """Whether it has the trace context of the event that caused it."""


OUTPUT_KINDS: dict[type[Output], OutputKind] = {
    CaseChanged: OutputKind(
        topic=lambda names, _: names.cases,
        encode=lambda output: encode_case(output.case),
        table_key=attrgetter("case.id"),
        traced=False,  # a row is what many reports have made of the case
    ),
    CaseArchived: OutputKind(
        topic=lambda names, _: names.archive,
        encode=lambda output: encode_archived(output.case, output.at),
        table_key=lambda output: output.case.id,
        tombstone=lambda output: encode_tombstone(output.case),
        traced=False,  # time has archived it, whatever event said so
    ),
    TaskIssued: OutputKind(
        topic=lambda names, output: names.tasks(output.task.department),
        encode=lambda output: encode_task(output.task),
    ),
    TransitionMade: OutputKind(
        topic=lambda names, _: names.transitions,
        encode=lambda output: encode_transition(output.transition, output.partition_key),
    ),
    EscalationSent: OutputKind(
        topic=lambda names, _: names.escalations,
        encode=lambda output: encode_escalation(output.escalation),
    ),
    FeedbackRejected: OutputKind(
        topic=lambda names, output: names.rejected_feedback(output.feedback.sender),
        encode=lambda output: encode_rejected_feedback(output.feedback, output.rejection, output.rejection.legal),
        partition=0,
    ),
}

_TABLE_KEYS = {type_: kind.table_key for type_, kind in OUTPUT_KINDS.items()}


def _task_dispatched(metrics: Metrics, fact: TaskDispatched, number: int) -> None:
    metrics.tasks.labels(fact.department, fact.role).inc(number)
    metrics.rule_hits.labels(fact.rule).inc(number)


def _feedback_decided(metrics: Metrics, fact: FeedbackDecided, number: int) -> None:
    metrics.feedback.labels(fact.sender, fact.kind, fact.decision).inc(number)


FACT_METRICS: dict[type[Fact], Callable[[Metrics, Any, int], None]] = {
    ReportDecided: lambda metrics, fact, number: metrics.merges.labels(fact.decision).inc(number),
    TickFolded: lambda metrics, _, number: metrics.ticks.inc(number),
    TaskDispatched: _task_dispatched,
    CasesArchived: lambda metrics, fact, number: metrics.archived.inc(fact.number * number),
    FeedbackDecided: _feedback_decided,
    ErasureDecided: lambda metrics, fact, number: metrics.erasures.labels(fact.decision).inc(number),
    Escalated: lambda metrics, fact, number: metrics.escalations.labels(fact.kind, fact.to).inc(number),
    LimitMissed: lambda metrics, fact, number: metrics.missed_limits.labels(fact.department, fact.role).inc(number),
    TaskChanged: lambda metrics, fact, number: metrics.task_changes.labels(fact.department, fact.state).inc(number),
}


class BatchOutputs:
    """The outputs and facts of one batch, collected in log order."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[CaseChanged | CaseArchived, tuple[Assignment, ...]]] = {}
        """Key -> the output, and the tasks of its case at that time: a step of a ladder that is sent later in the batch changes no row."""
        self._appended: list[tuple[Output, TraceHeaders]] = []
        self._facts: list[Fact] = []

    def add(self, outcome: Outcome, trace: TraceHeaders = NOT_TRACED) -> None:
        """Take the outcome of the next event, and the trace headers of what it writes."""
        for output in outcome.records:
            table_key = _TABLE_KEYS[type(output)]
            if table_key is None or not isinstance(output, CaseChanged | CaseArchived):
                self._appended.append((output, trace))
            else:
                self._rows[table_key(output)] = output, output.case.assignments
        self._facts += outcome.facts

    def write(self, names: Names, partition: int, writer: Writer) -> None:
        """Write the rows of tables, then everything else in its order, and forget both: only the facts live until the commit."""
        for output, assignments in self._rows.values():
            case = output.case
            case.assignments, now = assignments, case.assignments
            _write(output, names, partition, NOT_TRACED, writer)
            case.assignments = now
        for other, trace in self._appended:
            _write(other, names, partition, trace, writer)
        self._rows.clear()
        self._appended.clear()

    def count(self, metrics: Metrics) -> None:
        """Count the facts; for a batch whose transaction has committed."""
        for fact, number in Counter(self._facts).items():
            FACT_METRICS[type(fact)](metrics, fact, number)


def _write(output: Output, names: Names, partition: int, trace: TraceHeaders, writer: Writer) -> None:
    kind = OUTPUT_KINDS[type(output)]
    to = partition if kind.partition is None else kind.partition
    key, value, headers = kind.encode(output)
    if trace and kind.traced:
        headers += trace
    writer.add(kind.topic(names, output), to, key, value, headers)
    if kind.tombstone is not None:
        writer.add(names.cases, partition, *kind.tombstone(output))
