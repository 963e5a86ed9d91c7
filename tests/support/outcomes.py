"""The outcome of a fold as tests look at it."""

from typing import NamedTuple

from router.domain.model.case import Case
from router.domain.model.outcome import CaseArchived, CaseChanged, Outcome, ReportDecided, TaskIssued, TickFolded
from router.domain.model.task import Task


class Folded(NamedTuple):
    """What one event led to, by kind of record."""

    decision: str
    """What became of the report; of a tick `window-closed` or `ticked`."""
    cases: list[Case]
    tasks: list[Task]
    archived: list[CaseArchived]


def folded(outcome: Outcome) -> Folded:
    """The outcome, its records sorted by kind."""
    return Folded(decision_of(outcome), cases_of(outcome), tasks_of(outcome), archived_of(outcome))


def decision_of(outcome: Outcome) -> str:
    """The decision of the one fact that every event has."""
    (fact,) = [fact for fact in outcome.facts if isinstance(fact, ReportDecided | TickFolded)]
    if isinstance(fact, ReportDecided):
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
