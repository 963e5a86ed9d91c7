"""Equal values that stay in memory as one object.

A state holds very many cases that name few networks, matters, cells, topics, rules and accuracies, and a decoder makes every one anew:
nearly half of what a case cost. Nothing here changes what a case says. What few cases have in common (ids, texts, references) is left as it is.
"""

from functools import lru_cache
from sys import intern

from msgspec.structs import replace

from router.domain.model.case import Assignment, Case, CaseReport
from router.domain.model.report import Provenance


@lru_cache(maxsize=1 << 12, typed=True)
def intern_float(number: float) -> float:
    """The number as one object; 20 and 20.0, which are not written alike, stay two."""
    return number


def intern_provenance(source: Provenance) -> Provenance:
    """The same source record, its topic being one object."""
    return Provenance(topic=intern(source.topic), partition=source.partition, offset=source.offset)


def intern_case(case: Case) -> None:
    """Make what a decoded case has in common with others, and what it says twice, one object each."""
    case.cell, case.matter, case.reason = intern(case.cell), intern(case.matter), intern(case.reason)
    case.catalogue, case.rule_set = intern(case.catalogue), intern(case.rule_set)
    case.accuracy_m = intern_float(case.accuracy_m)
    case.partition_key = intern(case.partition_key)
    case.reports = tuple([_report(report) for report in case.reports])
    case.assignments = tuple([_assignment(one) for one in case.assignments])
    first, last = case.reports[0], case.reports[-1]
    if case.opened_at == first.received_at:
        case.opened_at = first.received_at
    if case.occurred_at == first.occurred_at:
        case.occurred_at = first.occurred_at
    if case.updated_at == last.received_at:
        case.updated_at = last.received_at


def _report(report: CaseReport) -> CaseReport:
    return replace(
        report,
        network=intern(report.network),
        matter=intern(report.matter),
        cell=intern(report.cell),
        provenance=intern_provenance(report.provenance),
    )


def _assignment(one: Assignment) -> Assignment:
    unit = None if one.unit is None else intern(one.unit)
    return replace(one, department=intern(one.department), rule=intern(one.rule), unit=unit)
