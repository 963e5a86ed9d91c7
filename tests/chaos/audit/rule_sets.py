"""Checks that every case was decided by exactly one rule set."""

from collections.abc import Iterable

from router.domain.model.case import Case
from router.domain.rules.rule_sets import RuleSetError, RuleSets
from tests.chaos.audit.lives import has_ended


def mixed(cases: Iterable[Case], rule_sets: RuleSets) -> list[str]:
    """Ids of cases whose departments do not follow from the rule set that they name."""
    return [case.id for case in cases if not _decided_by_one(case, rule_sets)]


def _decided_by_one(case: Case, rule_sets: RuleSets) -> bool:
    """Whether its departments are those of its rule set when the deciding report was received.

    The deciding report is the one that opened the case, or a correction of one that is in the case or has left it.
    """
    try:
        city = rule_sets.of(case.rule_set)
    except RuleSetError:
        return False
    if case.catalogue != city.catalogue.version:
        return False
    # what was returned, given away or closed follows from feedback, perhaps under an earlier rule set: the folded log compares it
    answered = any(not one.rejected for one in case.answers)
    routed = [
        one for one in case.assignments if one.withdrawn_at is None and not (answered and (one.why or has_ended(one)))
    ]
    current = sorted([(a.department, a.role, a.rule, a.unit) for a in routed], key=str)
    if not answered and case.state not in {"dispatched", "verifying", "filing"}:
        return not current
    versions = [one for report in case.reports for one in (*report.earlier, report)]
    instants = {case.opened_at, *[one.received_at for one in versions], *[one.at for one in case.departed]}
    instants |= {one.at for one in case.answers if one.at is not None}  # a case that is opened again is routed again
    routes = [city.catalogue.route(case.matter, case.cell, at).assigned for at in instants]
    wanted = [sorted([(one.department, one.role, one.rule, one.unit) for one in route], key=str) for route in routes]
    if answered:
        return {*current} <= {one for route in wanted for one in route}
    return current in wanted
