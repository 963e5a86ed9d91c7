"""Prints the explanation of a route: the duties that could apply, the assignments, and why each is due then."""

from collections.abc import Iterator
from datetime import UTC
from typing import Any

from msgspec import to_builtins

from router.cli.catalogue.deadlines import deadline_lines, wall_time
from router.cli.text.output import lines_out, say
from router.cli.text.timestamps import stamp
from router.domain.calendar.deadlines import DeadlineExplanation, explain_deadline
from router.domain.calendar.limits import read_limit
from router.domain.catalogue.explain import Explanation
from router.domain.catalogue.resolve import Assigned
from router.domain.model.milestone import Milestone
from router.domain.rules.city import City


def explanation_json(explanation: Explanation, city: City) -> dict[str, Any]:
    """The explanation as JSON, each assignment with its deadline and the spans that led to it."""
    value: dict[str, Any] = to_builtins(explanation)
    for assigned, one, due in zip(
        value["route"]["assigned"], explanation.route.assigned, _dues(explanation, city), strict=True
    ):
        assigned["due_at"] = stamp(due.at) if due else None
        assigned["due"] = to_builtins(due)
        assigned["milestones"] = [
            to_builtins(milestone) | {"due_at": stamp(part.at), "due": to_builtins(part)}
            for milestone, part in _parts(one, explanation, city)
        ]
    return {"city": city.name} | value | {"at": stamp(explanation.at)}


def _dues(explanation: Explanation, city: City) -> list[DeadlineExplanation | None]:
    start = explanation.at.astimezone(UTC)
    limits = [one.limit for one in explanation.route.assigned]
    return [explain_deadline(start, limit, city.calendar) if limit else None for limit in limits]


def _parts(one: Assigned, explanation: Explanation, city: City) -> Iterator[tuple[Milestone, DeadlineExplanation]]:
    """The milestones of an assignment, and why each is due then."""
    start = explanation.at.astimezone(UTC)
    for milestone in one.milestones:
        limit = read_limit(milestone.limit)
        if limit is not None:
            yield milestone, explain_deadline(start, limit, city.calendar)


def explanation_text(explanation: Explanation, city: City) -> None:
    """Print the duties in order of precedence, the route, and for each assignment its deadline and why."""
    for number, one in enumerate(explanation.considered, start=1):
        lines_out(f"{number}. {one.rule}: {one.verdict}, {one.why} ({one.place})")
    lines_out(f"{explanation.route.reason}.")
    for assigned, due in zip(explanation.route.assigned, _dues(explanation, city), strict=True):
        lines_out(f"  {_assignment(assigned, due, city)}")
        lines_out(*(f"    {line}" for line in (deadline_lines(due, city.zone) if due else ())))
        for milestone, part in _parts(assigned, explanation, city):
            lines_out(f"    {milestone.id}, {milestone.name}: {_end(part, city)}")
            lines_out(*(f"      {line}" for line in deadline_lines(part, city.zone)))
    lines_out(f"  workflow {explanation.route.workflow or 'none'}, catalogue {explanation.catalogue}")
    others = "1 duty" if explanation.others == 1 else f"{explanation.others} duties"
    say(f"{others} about other matters are not shown.")


def _assignment(one: Assigned, due: DeadlineExplanation | None, city: City) -> str:
    department = city.catalogue.departments[one.department].name.en
    unit = f", unit {one.unit}" if one.unit else ""
    return f"{one.role} {one.department} ({department}){unit}, {_end(due, city) if due else 'never due'}"


def _end(due: DeadlineExplanation, city: City) -> str:
    at = due.at.astimezone(city.zone)
    return f"due {at:%Y-%m-%d} {wall_time(at)} ({due.limit})"
