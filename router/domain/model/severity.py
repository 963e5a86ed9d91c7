"""The order of urgency, severity and certainty (OASIS CAP 1.2), and how a case follows the levels of its reports."""

from typing import TypeVar

from router.domain.model.case import Case
from router.domain.model.report import Report
from router.domain.model.vocabulary import Certainty, Severity, Urgency

Level = TypeVar("Level", bound=str)

_URGENCIES: tuple[Urgency, ...] = ("Unknown", "Past", "Future", "Expected", "Immediate")
_SEVERITIES: tuple[Severity, ...] = ("Unknown", "Minor", "Moderate", "Severe", "Extreme")
_CERTAINTIES: tuple[Certainty, ...] = ("Unknown", "Unlikely", "Possible", "Likely", "Observed")


def raise_severity(case: Case, report: Report) -> None:
    """Raise the case's levels to those of a further report; a report never lowers them."""
    case.urgency = _higher(_URGENCIES, case.urgency, report.urgency)
    case.severity = _higher(_SEVERITIES, case.severity, report.severity)
    case.certainty = _higher(_CERTAINTIES, case.certainty, report.certainty)


def _higher(order: tuple[Level, ...], one: Level, other: Level) -> Level:
    return one if one == other or order.index(one) >= order.index(other) else other
