"""escalations.yaml: who hears of a task before and after its limit ends, as a city writes it and as the fold uses it.

The file is optional. A city without one has no reminders and no escalations. Docs: docs/explanation/escalations.md.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Struct
from pydantic import AfterValidator, BeforeValidator, Field

from router.domain.calendar.limits import Limit
from router.domain.catalogue.model import AREA_LENGTHS, Id, LimitText, Name, Strict, given, several
from router.domain.model.vocabulary import Role

MOST_STEPS = 16
"""Reminders of a ladder, and rungs of one."""


def _digits(value: int) -> int:
    if value not in AREA_LENGTHS:
        raise ValueError(f"an area has one of {', '.join(map(str, AREA_LENGTHS))} digits")
    return value


SomeLimit = Annotated[LimitText, AfterValidator(given)]


class AuthorityNode(Strict):
    """An authority that hears of tasks whose limit has ended, e.g. the town (乡镇)."""

    name: Name
    digits: Annotated[int, AfterValidator(_digits)]
    """How many digits of the case's cell say which town it is. 0: there is one for the whole city."""


class RungNode(Strict):
    """One rung of a ladder: after this time of the task's limit has ended, the authority hears of it."""

    to: str
    after: SomeLimit
    """From the end of the limit, extensions included. `0h`: as soon as it ends."""


class LadderNode(Strict):
    """A ladder (逐级上报): reminders of the department, then authorities from below to above."""

    remind: Annotated[tuple[SomeLimit, ...], Field(max_length=MOST_STEPS), BeforeValidator(several)] = ()
    """How long before the end of the limit the department is reminded, the longest first."""
    rungs: Annotated[tuple[RungNode, ...], Field(max_length=MOST_STEPS), BeforeValidator(several)] = ()
    """From below to above."""


class LadderNames(Strict):
    """Ids of ladders. What is not said comes from the matter, then the group, then the default."""

    lead: str | None = None
    assist: str | None = None


class Escalations(Strict):
    """escalations.yaml: who hears of what is late (升级上报)."""

    authorities: dict[Id, AuthorityNode]
    """From below to above: each hears of what the one before has not set right."""
    ladders: dict[Id, LadderNode]
    default: LadderNames = LadderNames()
    groups: dict[Id, LadderNames] = Field(default_factory=dict)
    matters: dict[Id, LadderNames] = Field(default_factory=dict)


class LadderStep(Struct, frozen=True, kw_only=True):
    """A reminder or a rung."""

    id: str
    """`before-<limit>`, or the id of the authority. Unique within the ladder."""
    kind: Literal["reminder", "escalation"]
    limit: Limit
    """How long before or after the end of the task's limit."""
    digits: int | None = None
    """Digits of a cell that say which of the authorities it is; None: the department itself is reminded."""
    name: str = ""
    """Of the authority."""
    name_zh: str | None = None
    is_first_rung: bool = False
    """No authority hears of the end of the limit before this one."""


class Ladder(Struct, frozen=True, kw_only=True):
    """A compiled ladder."""

    id: str
    steps: tuple[LadderStep, ...]
    """In the order in which they come due."""


def compile_ladders(
    escalations: Escalations | None, groups: Mapping[str, str]
) -> dict[tuple[str | None, Role], Ladder]:
    """The ladder of each matter and role that has one; under None those of matters that the catalogue does not know.

    Args:
        escalations: as read, with valid names; see `escalation_lint.check`.
        groups: id of each matter -> that of its group.
    """
    if escalations is None:
        return {}
    ladders = {name: _ladder(name, node, escalations) for name, node in escalations.ladders.items()}
    roles: tuple[Role, ...] = ("lead", "assist")
    found: dict[tuple[str | None, Role], Ladder] = {}
    for matter in (None, *groups):
        chain = [escalations.default]
        if matter is not None:
            chain = [*_said(escalations.matters, matter), *_said(escalations.groups, groups[matter]), *chain]
        for role in roles:
            name = next((said for one in chain if (said := getattr(one, role)) is not None), None)
            if name is not None:
                found[matter, role] = ladders[name]
    return found


def _said(names: Mapping[str, LadderNames], key: str) -> list[LadderNames]:
    return [names[key]] if key in names else []


def _ladder(name: str, node: LadderNode, escalations: Escalations) -> Ladder:
    reminders = [
        LadderStep(id=f"before-{limit}", kind="reminder", limit=limit) for limit in node.remind if limit is not None
    ]
    first = next((rung for rung in node.rungs if rung.after is not None), None)
    rungs = [
        LadderStep(
            id=rung.to,
            kind="escalation",
            limit=rung.after,
            digits=escalations.authorities[rung.to].digits,
            name=escalations.authorities[rung.to].name.en,
            name_zh=escalations.authorities[rung.to].name.zh,
            is_first_rung=rung is first,
        )
        for rung in node.rungs
        if rung.after is not None
    ]
    return Ladder(id=name, steps=(*reminders, *rungs))
