"""The findings of an audit: kinds of faults and the ids at fault."""

from collections.abc import Mapping
from typing import Literal, get_args

Fault = Literal[
    "acknowledged, not stored",
    "stored twice",
    "lost",
    "in two cases",
    "case too large",
    "never sent",
    "wrong partition or cell",
    "dispatched twice",
    "task without case",
    "case without task",
    "task before filing",
    "out of order in a cell",
    "wrong dead letter",
    "dead letter twice",
    "rejection differs",
    "state differs from the log",
    "archive differs from the log",
    "tasks differ from the log",
    "dedup index differs from the log",
    "decided by two rule sets",
    "not committed",
    "feedback lost",
    "feedback twice",
    "feedback rejection differs",
    "chain broken",
    "transitions differ from the log",
    "state not that of its tasks",
    "deadline differs",
    "escalation twice",
    "escalations differ from the log",
    "not erased",
]
FAULTS: tuple[Fault, ...] = get_args(Fault)
EXPLAINED: Mapping[Fault, str] = {
    "acknowledged, not stored": "Kafka acknowledged a record and does not have it: not a fault of the router",
    "stored twice": "a record sent once is on a network's topic twice: not a fault of the router",
    "lost": "a report or version without event or case; a rejected record without dead letter",
    "in two cases": "a report in two cases, twice in one case, or twice on the grid stream",
    "case too large": "a case with more reports or bytes than ADR 0018 allows",
    "never sent": "an event, a report of a case or a dead letter without a source record",
    "wrong partition or cell": "an event whose partition or cell is not that of its report",
    "dispatched twice": "a task id twice, or a department twice for one case in one role",
    "task without case": "a task whose case does not exist",
    "case without task": "an assignment of a case without a task record",
    "task before filing": "a task of a case that was not filed",
    "out of order in a cell": "events of a cell not in source order; reports of a case not in event order",
    "wrong dead letter": "a dead letter of a valid record, with another code than expected, or without a reason",
    "dead letter twice": "two dead letters of one record",
    "rejection differs": "a dead letter without its record on `rejections.<network>`, that record twice, or without dead letter",
    "state differs from the log": "a case, or the state restored from cases, differs from the folded log",
    "archive differs from the log": "a case left `grid.cases` without its last state in `grid.archive`, or is archived twice or not left",
    "tasks differ from the log": "the task records differ from the folded log, compared byte for byte",
    "dedup index differs from the log": "`grid.dedup` differs from the networks' topics",
    "decided by two rule sets": "a case whose departments do not follow from the rule set that it names",
    "not committed": "records that no worker has committed",
    "feedback lost": "feedback without event, or without a transition, a mark in its case, or a rejection; malformed feedback without dead letter",
    "feedback twice": "feedback with two events, applied by two records, applied and rejected, or rejected twice",
    "feedback rejection differs": "the records of `feedback.rejected.<sender>` differ from the folded log, compared byte for byte",
    "chain broken": "transitions of a case whose hashes do not follow, or that are not as many as the case says",
    "transitions differ from the log": "`grid.transitions` differs from the folded log, compared byte for byte and in order",
    "state not that of its tasks": "a case whose state or last task records are not those of its assignments, or a live case without a department",
    "deadline differs": "the last record of a live task has another due instant than its assignment",
    "escalation twice": "a step of a ladder that was sent twice in one round of its task",
    "escalations differ from the log": "`grid.escalations` differs from the folded log, compared byte for byte: a step is missing, or false",
    "not erased": "a case that still has data of a report which a request to erase means, or that has no transition about it",
}


class Findings:
    """Ids at fault, by kind."""

    def __init__(self) -> None:
        self.ids: dict[Fault, dict[str, None]] = {fault: {} for fault in FAULTS}
        """Kind -> ids, each once, in the order in which they were found."""

    def add(self, fault: Fault, *ids: str) -> None:
        """Add ids at fault."""
        self.ids[fault].update(dict.fromkeys(ids))

    @property
    def counts(self) -> dict[Fault, int]:
        """Number of ids of each kind, zeros included."""
        return {fault: len(ids) for fault, ids in self.ids.items()}

    @property
    def sound(self) -> bool:
        """Whether there are no findings."""
        return not any(self.ids.values())
