"""Whether every case was decided by one rule set of the rules, wholly."""

from collections.abc import Iterable

from router.domain.model.case import Case
from router.domain.rules.rule_sets import RuleSetError, RuleSets


def mixed(cases: Iterable[Case], rule_sets: RuleSets) -> list[str]:
    """Ids of the cases whose departments are not those that the rule set they carry names."""
    return [case.id for case in cases if not _whole(case, rule_sets)]


def _whole(case: Case, rule_sets: RuleSets) -> bool:
    """Whether its departments are those of its rule set, at the instant of the report that decided.

    That is the report that opened it, or a correction of that report.
    """
    try:
        city = rule_sets.of(case.rule_set)
    except RuleSetError:
        return False
    stand = sorted(
        [(a.department, a.role, a.rule, a.unit) for a in case.assignments if a.withdrawn_at is None], key=str
    )
    opening = case.reports[0]
    instants = [case.opened_at, *[version.received_at for version in opening.earlier], opening.received_at]
    routes = [city.catalogue.route(case.matter, case.cell, at).assigned for at in instants]
    wanted = [sorted([(one.department, one.role, one.rule, one.unit) for one in route], key=str) for route in routes]
    return case.catalogue == city.catalogue.version and stand in wanted
