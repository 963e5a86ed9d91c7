"""The four lists (四张清单) and the departments, as a city writes them in YAML.

Ids are lower-case ASCII with hyphens. A department's id becomes the name of its topic. Unknown keys are errors.
"""

import re
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, RootModel

from router.domain.calendar.limits import LIMIT_PATTERN, Limit, read_limit
from router.domain.model.feedback import FeedbackKind
from router.domain.model.transition import TaskStage
from router.domain.model.vocabulary import DataClass, Severity, TaskField, Urgency

FALLBACK = "fallback"
"""Rule id for matters that no duty covers (属地兜底)."""
ARBITRATION = "arbitration"
"""Rule id for tasks that were returned twice (一次终审)."""
EVERY = "*"
"""Selector of all matters."""
Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=48)]
Step = Literal["collection", "filing", "dispatch", "handling", "feedback", "checking", "evaluation"]
"""The seven steps of GB/T 30428.8: 信息收集, 案卷建立, 任务派遣, 任务处理, 处理反馈, 核查结案, 综合评价."""
STEPS: tuple[Step, ...] = ("collection", "filing", "dispatch", "handling", "feedback", "checking", "evaluation")
AREA_LENGTHS = (0, 2, 4, 6, 9, 12, 15)
"""Province, prefecture, county, street, community, cell. 0 digits mean the whole city."""
EARLIEST, LATEST = date(1900, 1, 1), date(2999, 12, 31)


def digits(value: Any) -> Any:
    """Treat an unquoted code as text, including one with a leading zero."""
    return str(value) if type(value) is int else value


def _limit(value: Any) -> Any:
    if isinstance(value, Limit) or value is None:
        return value
    limit = read_limit(value) if isinstance(value, str) else None
    if limit is None:
        raise ValueError(
            "a limit is a number of calendar hours or days, like 24h or 3d, of working hours (4wh, at most 9999), urgent "
            "working hours (2uwh, at most 9999) or working days (7wd, at most 999)"
        )
    return limit


def _area(value: str) -> str:
    if not re.fullmatch(r"[0-9]*", value) or len(value) not in AREA_LENGTHS:
        raise ValueError("an area is a code of 0, 2, 4, 6, 9, 12 or 15 digits, e.g. 060371 for a county")
    return value


def one_or_more(value: Any) -> Any:
    """Accept a single value where several are allowed."""
    return value if value is None else tuple(value) if isinstance(value, (list, tuple)) else (value,)


def several(value: Any) -> Any:
    """Turn YAML lists into tuples."""
    return tuple(value) if isinstance(value, list) else value


def _some(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise ValueError("the list is empty; name at least one, or leave the key out")
    return value


def _receiver(value: Any) -> Any:
    return {"department": value} if isinstance(value, str) else value


SOME = Field(json_schema_extra={"minItems": 1})
"""The JSON Schema of `_some`. A `min_length` would report a second error for a list with a wrong item."""
_AREA_TEXT = Annotated[str, Field(pattern=f"^({'|'.join(f'[0-9]{{{length}}}' for length in AREA_LENGTHS)})$")]


def given(value: Any) -> Any:
    """Reject null where a limit is needed."""
    if value is None:
        raise ValueError("a limit such as 4wh or 1wd is needed")
    return value


LimitText = Annotated[
    Limit | None,
    BeforeValidator(_limit, json_schema_input_type=Annotated[str, Field(pattern=f"^({LIMIT_PATTERN})$")] | None),
]
"""`24h` or `3d`: calendar hours, or days of 24 hours. `4wh`, `2uwh`, `7wd`: working hours, urgent working hours, working days."""
Area = Annotated[str, BeforeValidator(_area, json_schema_input_type=_AREA_TEXT), BeforeValidator(digits)]
Areas = Annotated[tuple[Area, ...], AfterValidator(_some), SOME]


LATER = Field(exclude_if=lambda value: not value)
"""A key that release 0.1.0 did not have. Where it is absent, the content has the version that it had."""


class Strict(BaseModel):
    """Base of everything a city writes: no unknown keys, no coercion, immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True)


class Name(Strict):
    """A name for people, in both languages."""

    en: str = Field(min_length=1, max_length=200)
    zh: str | None = Field(default=None, min_length=1, max_length=200)


class Department(Strict):
    """A department (部门) that can be asked to act."""

    name: Name
    units: dict[str, Name] | None = None
    """Its receivers by id (yards, villages, mediation bodies). None: not listed, so any unit is accepted."""
    sees: Annotated[DataClass | None, LATER] = None
    """The highest class of fields that its tasks show: public, internal, personal or special. None: every class."""
    masks: Annotated[tuple[TaskField, ...], BeforeValidator(several), LATER] = ()
    """Fields that its tasks never show."""


class Departments(RootModel[dict[Id, Department]]):
    """departments.yaml: departments by id."""


class Receiver(Strict):
    """A department and, optionally, a receiver within it."""

    department: str
    unit: str | None = None
    """A unit's id, or `street`, `community`, `cell`: that part of the case's cell code."""


ReceiverText = Annotated[Receiver, BeforeValidator(_receiver, json_schema_input_type=str | Receiver)]


class DutyNode(Strict):
    """One node of the tree of duties (职责). It inherits missing values from its parent."""

    matters: Annotated[Annotated[tuple[str, ...], AfterValidator(_some), SOME] | None, BeforeValidator(several)] = None
    """Ids of matters or groups, or `*`."""
    area: Annotated[Areas | None, BeforeValidator(one_or_more)] = None
    """One or more code prefixes. None at the top level: the whole city."""
    lead: ReceiverText | None = None
    assist: Annotated[tuple[ReceiverText, ...] | None, BeforeValidator(several)] = None
    since: date | None = Field(default=None, alias="from", ge=EARLIEST, le=LATEST)
    """First day, in the city's zone."""
    until: date | None = Field(default=None, ge=EARLIEST, le=LATEST)
    """Last day, in the city's zone."""
    note: str | None = None
    """The reason, for people."""
    duties: dict[Id, "DutyNode"] | None = None


class ArbitrationNode(Receiver):
    """Who decides whose a returned task is."""

    limit: LimitText = None
    """How long it may take. None: the limit of the matter."""


Together = Annotated[tuple[str, ...], Field(min_length=2), BeforeValidator(several)]


class Duties(Strict):
    """duties.yaml: who acts (职责清单)."""

    fallback: ReceiverText | None = None
    """The department for matters that no duty covers: the locality (属地兜底)."""
    arbitration: Annotated[ArbitrationNode | None, LATER] = None
    """The authority that decides whose a task is that was returned twice (一次终审). None: it goes to the fallback."""
    transfers: Annotated[tuple[Together, ...], BeforeValidator(several), LATER] = ()
    """Sets of departments that may hand a task to each other, whose limit runs on (诉访调对接)."""
    duties: dict[Id, DutyNode]


class StepText(Strict):
    """One step of a workflow."""

    text: Name
    required: bool = True


class WorkflowNode(Strict):
    """How a matter is handled (工作): steps of GB/T 30428.8 in the order of the standard."""

    name: Name
    steps: dict[Step, StepText]
    lifecycle: Annotated[str | None, LATER] = None
    """Id of the lifecycle that its tasks have. None: the standard's, with a check if the step `checking` is required."""


class StageNode(Strict):
    """One stage of a lifecycle."""

    on: dict[FeedbackKind, TaskStage]
    """What may be said at it, and the stage to which that leads."""
    limit: LimitText = None
    """How long it may last. Of `verifying`, `filing`, `handled` and `suspended` only: at the others the limit of the matter runs."""


class LifecycleNode(Strict):
    """A lifecycle of tasks. They begin at `verifying` or `filing` if it has that stage, else `dispatched`; they end `closed`, `returned`, `withdrawn` or `rejected`."""

    name: Name
    stages: dict[TaskStage, StageNode]


class Work(Strict):
    """work.yaml: how a matter is handled (工作清单)."""

    workflows: dict[Id, WorkflowNode]
    lifecycles: Annotated[dict[Id, LifecycleNode], LATER] = {}
    """The lifecycles that its workflows name."""
    unused: Annotated[tuple[FeedbackKind, ...], BeforeValidator(several), LATER] = ()
    """Feedback that no lifecycle of the city knows, on purpose."""


class Group(Strict):
    """Matters that share defaults."""

    name: Name
    workflow: str | None = None
    urgency: Urgency | None = None
    severity: Severity | None = None


class MatterNode(Strict):
    """A matter (事项) that a case can be about. It inherits missing values from its group."""

    name: Name
    group: str
    workflow: str | None = None
    urgency: Urgency | None = None
    severity: Severity | None = None


class Matters(Strict):
    """matters.yaml: the matters (事项清单). The networks' codes for a matter are in codes/<network>.csv."""

    groups: dict[Id, Group]
    matters: dict[Id, MatterNode]


class MilestoneNode(Strict):
    """A part of the work that has a limit of its own, from the dispatch of the task (分段时限)."""

    limit: Annotated[LimitText, AfterValidator(given)]
    name: Name


MOST_MILESTONES = 8


class RoleStandard(Strict):
    """A limit for one role only."""

    limit: LimitText = None
    milestones: Annotated[
        dict[Id, MilestoneNode], Field(max_length=MOST_MILESTONES, exclude_if=lambda value: not value)
    ] = {}
    """Limits of parts of the work, in their order, before `limit`, at which all of it is due. They hold where `limit` beside them does."""
    closing: Name | None = None


class StandardNode(RoleStandard):
    """The time limit and quality (标准). Missing values come from the matter, then the group, then the default."""

    lead: RoleStandard | None = None
    assist: RoleStandard | None = None


class Standards(Strict):
    """standards.yaml: the standards (标准清单)."""

    default: StandardNode = StandardNode()
    groups: dict[Id, StandardNode] = {}
    matters: dict[Id, StandardNode] = {}


def standards_of(standards: Standards) -> Iterator[tuple[tuple[str, ...], RoleStandard]]:
    """Every standard with its path in standards.yaml: a general one, then those for one role."""
    nodes: list[tuple[tuple[str, ...], StandardNode]] = [(("default",), standards.default)]
    nodes += [(("groups", name), node) for name, node in standards.groups.items()]
    nodes += [(("matters", name), node) for name, node in standards.matters.items()]
    for path, node in nodes:
        for place, standard in ((path, node), ((*path, "lead"), node.lead), ((*path, "assist"), node.assist)):
            if standard is not None:
                yield place, standard
