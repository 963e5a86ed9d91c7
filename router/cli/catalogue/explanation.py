"""Prints the explanation of a route: the duties that could apply, the assignments, and why each is due then."""

from datetime import UTC
from typing import Any

from msgspec import to_builtins

from router.cli.catalogue.deadlines import deadline_lines, wall_time
from router.cli.text.output import lines_out, say
from router.cli.text.timestamps import stamp
from router.domain.calendar.deadlines import DeadlineExplanation, explain_deadline
from router.domain.catalogue.explain import Explanation
from router.domain.catalogue.resolve import Assigned
from router.domain.rules.city import City


def explanation_json(explanation: Explanation, city: City) -> dict[str, Any]:
    """The explanation as JSON, each assignment with its deadline and the spans that led to it."""
    value: dict[str, Any] = to_builtins(explanation)
    for assigned, due in zip(value["route"]["assigned"], _dues(explanation, city), strict=True):
        assigned["due_at"] = stamp(due.at) if due else None
        assigned["due"] = to_builtins(due)
    return {"city": city.name} | value | {"at": stamp(explanation.at)}


def _dues(explanation: Explanation, city: City) -> list[DeadlineExplanation | None]:
    start = explanation.at.astimezone(UTC)
    limits = [one.limit for one in explanation.route.assigned]
    return [explain_deadline(start, limit, city.calendar) if limit else None for limit in limits]


def explanation_text(explanation: Explanation, city: City) -> None:
    """Print the duties in order of precedence, the route, and for each assignment its deadline and why."""
    for number, one in enumerate(explanation.considered, start=1):
        lines_out(f"{number}. {one.rule}: {one.verdict}, {one.why} ({one.place})")
    lines_out(f"{explanation.route.reason}.")
    for assigned, due in zip(explanation.route.assigned, _dues(explanation, city), strict=True):
        lines_out(f"  {_assignment(assigned, due, city)}")
        lines_out(*(f"    {line}" for line in (deadline_lines(due, city.zone) if due else ())))
    lines_out(f"  workflow {explanation.route.workflow or 'none'}, catalogue {explanation.catalogue}")
    others = "1 duty" if explanation.others == 1 else f"{explanation.others} duties"
    say(f"{others} about other matters are not shown.")


def _assignment(one: Assigned, due: DeadlineExplanation | None, city: City) -> str:
    department = city.catalogue.departments[one.department].name.en
    unit = f", unit {one.unit}" if one.unit else ""
    at = due.at.astimezone(city.zone) if due else None
    limit = f"due {at:%Y-%m-%d} {wall_time(at)} ({due.limit})" if due and at else "never due"
    return f"{one.role} {one.department} ({department}){unit}, {limit}"
