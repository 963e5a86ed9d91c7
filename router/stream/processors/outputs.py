"""How the types of output and fact of the fold become Kafka records and metrics: one registry each."""

from collections import Counter
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from msgspec import Struct

from router.domain.model.outcome import (
    CaseChanged,
    Fact,
    Outcome,
    Output,
    ReportDecided,
    TaskChanged,
    TaskDispatched,
    TaskIssued,
    TickFolded,
)
from router.kafka.record_batches import Writer
from router.wire.codec import Encoded, encode_case, encode_task
from router.wire.metrics import Metrics
from router.wire.topics import Names


class OutputKind(Struct, frozen=True, kw_only=True):
    """Where the outputs of one type are written, and how."""

    topic: Callable[[Names, Any], str]
    encode: Callable[[Any], Encoded]
    table_key: Callable[[Any], str] | None = None
    """Key of the row, if the topic is a table. A row that changes often in a batch is written once, as it is at the end."""


OUTPUT_KINDS: dict[type[Output], OutputKind] = {
    CaseChanged: OutputKind(
        topic=lambda names, _: names.cases,
        encode=lambda output: encode_case(output.case),
        table_key=attrgetter("case.id"),
    ),
    TaskIssued: OutputKind(
        topic=lambda names, output: names.tasks(output.task.department),
        encode=lambda output: encode_task(output.task),
    ),
}

_TABLE_KEYS = {type_: kind.table_key for type_, kind in OUTPUT_KINDS.items()}


def _task_dispatched(metrics: Metrics, fact: TaskDispatched, number: int) -> None:
    metrics.tasks.labels(fact.department, fact.role).inc(number)
    metrics.rule_hits.labels(fact.rule).inc(number)


FACT_METRICS: dict[type[Fact], Callable[[Metrics, Any, int], None]] = {
    ReportDecided: lambda metrics, fact, number: metrics.merges.labels(fact.decision).inc(number),
    TickFolded: lambda metrics, _, number: metrics.ticks.inc(number),
    TaskDispatched: _task_dispatched,
    TaskChanged: lambda metrics, fact, number: metrics.task_changes.labels(fact.department, fact.state).inc(number),
}


class BatchOutputs:
    """The outputs and facts of one batch, collected in log order."""

    def __init__(self) -> None:
        self._rows: dict[tuple[type[Output], str], Output] = {}
        self._appended: list[Output] = []
        self._facts: list[Fact] = []

    def add(self, outcome: Outcome) -> None:
        """Take the outcome of the next event."""
        for output in outcome.records:
            table_key = _TABLE_KEYS[type(output)]
            if table_key is None:
                self._appended.append(output)
            else:
                self._rows[type(output), table_key(output)] = output
        self._facts += outcome.facts

    def write(self, names: Names, partition: int, writer: Writer) -> None:
        """Write the rows of tables, then everything else in its order, and forget both: only the facts live until the commit."""
        for output in (*self._rows.values(), *self._appended):
            kind = OUTPUT_KINDS[type(output)]
            writer.add(kind.topic(names, output), partition, *kind.encode(output))
        self._rows.clear()
        self._appended.clear()

    def count(self, metrics: Metrics) -> None:
        """Count the facts; for a batch whose transaction has committed."""
        for fact, number in Counter(self._facts).items():
            FACT_METRICS[type(fact)](metrics, fact, number)
