"""The outcome of a fold as tests look at it."""

from typing import NamedTuple

from router.domain.model.case import Case
from router.domain.model.escalation import Escalation
from router.domain.model.outcome import (
    CaseArchived,
    CaseChanged,
    ErasureDecided,
    EscalationSent,
    FeedbackDecided,
    FeedbackRejected,
    Outcome,
    ReportDecided,
    TaskIssued,
    TickFolded,
    TransitionMade,
)
from router.domain.model.task import Task
from router.domain.model.transition import Transition


class Folded(NamedTuple):
    """What one event led to, by kind of record."""

    decision: str
    """What became of the report or the feedback; of a tick `window-closed` or `ticked`."""
    cases: list[Case]
    tasks: list[Task]
    archived: list[CaseArchived]
    transitions: list[Transition]
    rejected: list[FeedbackRejected]
    escalations: list[Escalation]


def folded(outcome: Outcome) -> Folded:
    """The outcome, its records sorted by kind."""
    records = outcome.records
    return Folded(
        decision_of(outcome),
        cases_of(outcome),
        tasks_of(outcome),
        archived_of(outcome),
        [one.transition for one in records if isinstance(one, TransitionMade)],
        [one for one in records if isinstance(one, FeedbackRejected)],
        [one.escalation for one in records if isinstance(one, EscalationSent)],
    )


def decision_of(outcome: Outcome) -> str:
    """The decision of the one fact that every event has."""
    (fact,) = [
        fact
        for fact in outcome.facts
        if isinstance(fact, ReportDecided | TickFolded | FeedbackDecided | ErasureDecided)
    ]
    if isinstance(fact, ReportDecided | FeedbackDecided | ErasureDecided):
        return fact.decision
    return "window-closed" if fact.closed else "ticked"


def cases_of(outcome: Outcome) -> list[Case]:
    """The cases that were opened or have changed."""
    return [record.case for record in outcome.records if isinstance(record, CaseChanged)]


def archived_of(outcome: Outcome) -> list[CaseArchived]:
    """The cases that left the state for the archive."""
    return [record for record in outcome.records if isinstance(record, CaseArchived)]


def tasks_of(outcome: Outcome) -> list[Task]:
    """The tasks that were dispatched, updated or withdrawn."""
    return [record.task for record in outcome.records if isinstance(record, TaskIssued)]
