"""Equal values share one object in memory.

A state has very many cases, which name few networks, matters, cells, topics, rules and accuracies. A decoder makes a new object of
each, and that was nearly half of the memory of a case. Interning changes no value. Values that few cases share (ids, texts,
references) are not interned.
"""

from functools import lru_cache
from sys import intern

from msgspec.structs import replace

from router.domain.model.case import Assignment, Case, CaseReport, Statement
from router.domain.model.report import Provenance


@lru_cache(maxsize=1 << 12, typed=True)
def intern_float(number: float) -> float:
    """The number as one object. 20 and 20.0 stay two, because they are written differently."""
    return number


def intern_statement(says: Statement) -> Statement:
    """The statement as one object, if it may be that of many reports: it has no text of its own."""
    return says if says.address or says.media or says.erased else _interned(says)


@lru_cache(maxsize=1 << 12, typed=True)
def _interned(says: Statement) -> Statement:
    return says


def intern_provenance(source: Provenance) -> Provenance:
    """The same provenance with its topic interned."""
    return Provenance(topic=intern(source.topic), partition=source.partition, offset=source.offset)


def intern_case(case: Case) -> None:
    """Intern what a decoded case has in common with others, and what it has twice."""
    case.cell, case.matter, case.reason = intern(case.cell), intern(case.matter), intern(case.reason)
    case.catalogue, case.rule_set = intern(case.catalogue), intern(case.rule_set)
    case.accuracy_m = intern_float(case.accuracy_m)
    case.partition_key = intern(case.partition_key)
    case.reports = tuple([_report(report) for report in case.reports])
    case.assignments = tuple([_assignment(one) for one in case.assignments])
    if not case.reports:
        return
    first, last = case.reports[0], case.reports[-1]
    # the next lines change no value: of two equal objects one is kept
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
        says=None if report.says is None else intern_statement(report.says),
    )


def _assignment(one: Assignment) -> Assignment:
    unit = None if one.unit is None else intern(one.unit)
    limit = None if one.limit is None else intern(one.limit)
    return replace(one, department=intern(one.department), rule=intern(one.rule), unit=unit, limit=limit)
