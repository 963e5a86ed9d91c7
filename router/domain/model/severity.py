"""The order of status, urgency, severity and certainty (OASIS CAP 1.2), and how a case follows the levels of its reports."""

from collections.abc import Sequence
from typing import TypeVar

from router.domain.model.case import Case, Statement
from router.domain.model.report import Report
from router.domain.model.vocabulary import Certainty, Severity, Status, Urgency

Level = TypeVar("Level", bound=str)

STATUSES: tuple[Status, ...] = ("Test", "Exercise", "Actual")
"""The greater wins: what is real counts more than a drill, and a drill more than a test."""
_URGENCIES: tuple[Urgency, ...] = ("Unknown", "Past", "Future", "Expected", "Immediate")
_SEVERITIES: tuple[Severity, ...] = ("Unknown", "Minor", "Moderate", "Severe", "Extreme")
_CERTAINTIES: tuple[Certainty, ...] = ("Unknown", "Unlikely", "Possible", "Likely", "Observed")


def raise_severity(case: Case, report: Report) -> bool:
    """Raise the case's levels to those of a report that joins. Returns whether a level that tasks show was raised."""
    before = case.urgency, case.severity
    case.urgency = _higher(_URGENCIES, case.urgency, report.urgency)
    case.severity = _higher(_SEVERITIES, case.severity, report.severity)
    case.certainty = _higher(_CERTAINTIES, case.certainty, report.certainty)
    return (case.urgency, case.severity) != before


def take_highest(case: Case, statements: Sequence[Statement]) -> None:
    """Give the case the highest of each level that the statements name. There is at least one."""
    first = statements[0]
    urgency, severity, certainty = first.urgency, first.severity, first.certainty
    for one in statements:
        urgency = _higher(_URGENCIES, urgency, one.urgency)
        severity = _higher(_SEVERITIES, severity, one.severity)
        certainty = _higher(_CERTAINTIES, certainty, one.certainty)
    case.urgency, case.severity, case.certainty = urgency, severity, certainty


def _higher(order: tuple[Level, ...], one: Level, other: Level) -> Level:
    return one if one == other or order.index(one) >= order.index(other) else other
