"""Compiles the lists into look-up tables: inheritance resolved, duties grouped by matter in order of precedence."""

import json
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from hashlib import blake2b
from typing import Any

from pydantic import BaseModel

from router.domain.calendar.limits import Limit
from router.domain.catalogue.escalations import compile_ladders
from router.domain.catalogue.lists import Lists
from router.domain.catalogue.model import EVERY, LifecycleNode, MatterNode, RoleStandard, StandardNode, WorkflowNode
from router.domain.catalogue.resolve import Candidate, Catalogue, Matter
from router.domain.lifecycle.lifecycles import CHECKED, UNCHECKED, Lifecycle, lifecycle
from router.domain.model.milestone import Milestone
from router.domain.model.vocabulary import Role

ROLES: tuple[Role, ...] = ("lead", "assist")


def compile_catalogue(lists: Lists, zone: tzinfo) -> Catalogue:
    """Compile the catalogue from lists whose references are valid.

    Args:
        lists: as read; see `reference_lint.check`.
        zone: time zone of the city. Duties begin and end at local midnight.
    """
    return Catalogue(
        version=version(lists),
        departments=lists.departments.root,
        matters={name: _matter(name, node, lists) for name, node in lists.matters.matters.items()},
        workflows=lists.work.workflows,
        lifecycles={name: _lifecycle(node, lists) for name, node in lists.work.workflows.items()},
        duties=lists.flat,
        candidates={name: _candidates(name, node, lists, zone) for name, node in lists.matters.matters.items()},
        fallback=lists.duties.fallback,
        arbitration=lists.duties.arbitration,
        transfers=[frozenset(one) for one in lists.duties.transfers],
        ladders=compile_ladders(lists.escalations, {name: node.group for name, node in lists.matters.matters.items()}),
    )


def version(lists: Lists) -> str:
    """Ten hexadecimal digits of the content. Comments, spacing and key order do not change them."""
    models: list[BaseModel] = [lists.departments, lists.duties, lists.work, lists.matters, lists.standards]
    if lists.escalations is not None:
        models.append(lists.escalations)
    content = json.dumps([model.model_dump(by_alias=True) for model in models], sort_keys=True, default=_plain)
    return blake2b(content.encode(), digest_size=5).hexdigest()


def _plain(value: Any) -> Any:
    return [value.amount, value.calendar] if isinstance(value, Limit) else value.isoformat()


def _lifecycle(node: WorkflowNode, lists: Lists) -> Lifecycle:
    if node.lifecycle is None:
        step = node.steps.get("checking")
        return CHECKED if step is not None and step.required else UNCHECKED
    return compile_lifecycle(node.lifecycle, lists.work.lifecycles[node.lifecycle])


def compile_lifecycle(name: str, node: LifecycleNode) -> Lifecycle:
    """A lifecycle as a table."""
    table = {(stage, kind): after for stage, one in node.stages.items() for kind, after in one.on.items()}
    return lifecycle(name, table, {stage: one.limit for stage, one in node.stages.items() if one.limit is not None})


def _matter(name: str, node: MatterNode, lists: Lists) -> Matter:
    group = lists.matters.groups[node.group]
    standards = lists.standards
    chain = [standards.matters.get(name), standards.groups.get(node.group), standards.default]
    said = [standard for standard in chain if standard is not None]
    standard = {role: next((s for s in _for_role(said, role) if s.limit), None) for role in ROLES}
    return Matter(
        id=name,
        name=node.name.en,
        name_zh=node.name.zh,
        group=node.group,
        workflow=node.workflow or group.workflow,
        urgency=node.urgency or group.urgency,
        severity=node.severity or group.severity,
        limits={role: None if one is None else one.limit for role, one in standard.items()},
        milestones={role: _milestones(one) for role, one in standard.items() if one is not None and one.milestones},
        closing=next((s.closing.en for s in _for_role(said, "lead") if s.closing), None),
    )


def _milestones(standard: RoleStandard) -> tuple[Milestone, ...]:
    return tuple(
        [Milestone(id=name, limit=str(one.limit), name=one.name.en) for name, one in standard.milestones.items()]
    )


def _for_role(said: list[StandardNode], role: Role) -> list[RoleStandard]:
    """Where a role's standard comes from: at each level its own standard before the general one."""
    return [one for standard in said for one in (getattr(standard, role), standard) if one is not None]


def _candidates(matter: str, node: MatterNode, lists: Lists, zone: tzinfo) -> tuple[Candidate, ...]:
    named = {EVERY: 0, node.group: 1, matter: 2}
    found = [
        Candidate(
            duty=duty,
            area=area,
            named=max(named[selector] for selector in duty.matters if selector in named),
            begins=None if duty.since is None else _midnight(duty.since, zone),
            ends=None if duty.until is None else _midnight(duty.until + timedelta(days=1), zone),
        )
        for duty in lists.flat
        if not named.keys().isdisjoint(duty.matters)
        for area in dict.fromkeys(duty.areas)
    ]
    return tuple(sorted(found, key=_first))


def _first(candidate: Candidate) -> tuple[int, int, int, str, str]:
    named, digits, bounds = candidate.rank
    return -named, -digits, -bounds, candidate.area, candidate.duty.id


def _midnight(day: date, zone: tzinfo) -> datetime:
    """Convert to UTC. Instants in one zone compare by wall time, which is wrong around a clock change."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
