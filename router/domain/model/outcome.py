"""What folding one event gives: records to write, and facts to count.

The shell knows every type of record and of fact from a registry; it decides nothing about them.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct

from router.domain.model.case import Case
from router.domain.model.escalation import Escalation, EscalationKind
from router.domain.model.feedback import Feedback, FeedbackCode, FeedbackKind, FeedbackRejection
from router.domain.model.rejection import Rejection
from router.domain.model.task import Task, TaskState
from router.domain.model.transition import Transition
from router.domain.model.vocabulary import Role

ReportDecision = Literal[
    "opened", "near", "component", "reference", "community", "redelivered", "updated", "rerouted", "moved", "rejected"
]
"""What became of a report. It opened a case, or joined one for the reason named. It was known already, or it changed its case:
`updated` leaves the departments as they are, `rerouted` does not, and `moved` takes a report to another case. A rejected one becomes a dead letter."""


class CaseChanged(Struct, frozen=True, gc=False):
    """A case was opened or has changed."""

    case: Case
    """The state's own object. Encode it before the next event, or once at the end of a batch."""


class TaskIssued(Struct, frozen=True, gc=False):
    """A task to dispatch, update or withdraw; `task.state` says which."""

    task: Task


class CaseArchived(Struct, frozen=True, gc=False):
    """Nothing reaches a case any more: its last state goes to the archive, and its key leaves the table of cases."""

    case: Case
    at: datetime
    """Log time."""


class TransitionMade(Struct, frozen=True, gc=False):
    """A task has changed."""

    transition: Transition
    partition_key: str


class EscalationSent(Struct, frozen=True, gc=False):
    """A department is reminded, or an authority hears of a limit that has ended or is settled."""

    escalation: Escalation
    is_limit_missed: bool = False
    """Whether it is the first that any authority hears of the end of a task's own limit."""


class FeedbackRejected(Struct, frozen=True, gc=False):
    """Feedback changed nothing: its sender reads why."""

    feedback: Feedback
    rejection: FeedbackRejection


Output = CaseChanged | CaseArchived | TaskIssued | TransitionMade | EscalationSent | FeedbackRejected
"""A record that leaves the fold."""


class ReportDecided(Struct, frozen=True, gc=False):
    """A report was folded."""

    decision: ReportDecision


class TickFolded(Struct, frozen=True, gc=False):
    """A tick was folded."""

    closed: int
    """How many merge windows it closed."""


class TaskDispatched(Struct, frozen=True, gc=False):
    """A department got a new task."""

    department: str
    role: Role
    rule: str
    """Id of the duty that decided, or `fallback`."""


class TaskChanged(Struct, frozen=True, gc=False):
    """A department's task was updated or withdrawn."""

    department: str
    state: TaskState


class CasesArchived(Struct, frozen=True, gc=False):
    """Cases were archived."""

    number: int


class FeedbackDecided(Struct, frozen=True, gc=False):
    """Feedback was folded."""

    sender: str
    kind: FeedbackKind
    decision: FeedbackCode | Literal["applied", "redelivered"]


class Escalated(Struct, frozen=True, gc=False):
    """A reminder or an escalation was sent, or one was settled."""

    kind: EscalationKind
    to: str
    """Id of the authority, `department`, or `supervision`, which is reminded of the limit of a stage."""


class LimitMissed(Struct, frozen=True, gc=False):
    """The limit of a task ended without an answer, and the first authority of its ladder heard of it."""

    department: str
    role: Role


class ErasureDecided(Struct, frozen=True, gc=False):
    """A request to erase the data of a person was folded."""

    decision: Literal["erased", "nothing", "unknown-case"]
    """Data left the case; the case had none; or the partition has no such case, because it was archived."""


Fact = (
    ReportDecided
    | TickFolded
    | TaskDispatched
    | TaskChanged
    | CasesArchived
    | FeedbackDecided
    | Escalated
    | LimitMissed
    | ErasureDecided
)
"""Something that happened and is counted."""


class Outcome(Struct, frozen=True, gc=False):
    """What one event led to."""

    records: Sequence[Output]
    facts: Sequence[Fact]
    rejection: Rejection | None = None
    """Why the event becomes a dead letter; the state is as it was."""


def with_archived(one: Outcome, archived: Sequence[CaseArchived]) -> Outcome:
    """The outcome, and cases that were archived before the event was decided."""
    if not archived:
        return one
    return Outcome([*archived, *one.records], [*one.facts, CasesArchived(len(archived))], one.rejection)


def then_archived(one: Outcome, archived: Sequence[CaseArchived]) -> Outcome:
    """The outcome, and cases that were archived after the event was decided."""
    if not archived:
        return one
    return Outcome([*one.records, *archived], [*one.facts, CasesArchived(len(archived))], one.rejection)


def outcome(
    decision: ReportDecision,
    cases: list[Case],
    tasks: list[Task],
    more: Sequence[TransitionMade | EscalationSent] = (),
) -> Outcome:
    """The outcome of a report that changed these cases and tasks."""
    records: list[Output] = [CaseChanged(cases[0])] if len(cases) == 1 else [CaseChanged(case) for case in cases]
    if not tasks and not more:
        return Outcome(records, _DECIDED[decision])
    facts = _DECIDED[decision].copy()
    records += more
    facts += escalation_facts(more)
    add_tasks(tasks, records, facts)
    return Outcome(records, facts)


def add_tasks(tasks: Sequence[Task], records: list[Output], facts: list[Fact]) -> None:
    """Add the records and facts of tasks."""
    for task in tasks:
        records.append(TaskIssued(task))
        if task.state == "dispatched":
            facts.append(TaskDispatched(task.department, task.role, task.rule))
        else:
            facts.append(TaskChanged(task.department, task.state))


def escalation_facts(records: Sequence[Output]) -> list[Fact]:
    """The facts of the escalations among records."""
    facts: list[Fact] = []
    for one in (output for output in records if type(output) is EscalationSent):
        sent = one.escalation
        facts.append(Escalated(sent.kind, sent.authority or ("department" if sent.waiting is None else "supervision")))
        if one.is_limit_missed:
            facts.append(LimitMissed(sent.department, sent.role))
    return facts


def rejected(rejection: Rejection) -> Outcome:
    """The outcome of a report that changes nothing and becomes a dead letter."""
    return Outcome([], _DECIDED["rejected"], rejection)


_DECIDED: dict[ReportDecision, list[Fact]] = {
    "opened": [ReportDecided("opened")],
    "near": [ReportDecided("near")],
    "component": [ReportDecided("component")],
    "reference": [ReportDecided("reference")],
    "community": [ReportDecided("community")],
    "redelivered": [ReportDecided("redelivered")],
    "updated": [ReportDecided("updated")],
    "rerouted": [ReportDecided("rerouted")],
    "moved": [ReportDecided("moved")],
    "rejected": [ReportDecided("rejected")],
}
REDELIVERED = Outcome([], _DECIDED["redelivered"])
NOTHING_DUE = Outcome([], [TickFolded(0)])
