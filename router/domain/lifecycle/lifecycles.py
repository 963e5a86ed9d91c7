"""The lifecycle of a task: which feedback leads from which stage to which. It is data of the city, or the standard's.

`TRANSITIONS` is the lifecycle by the steps of GB/T 30428.8. A city may write lifecycles of its own in work.yaml, with fewer stages: `ALLOWED` is
all that the router can do. Docs: docs/explanation/feedback.md.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType

from msgspec import Struct

from router.domain.calendar.limits import Limit
from router.domain.model.feedback import FeedbackKind
from router.domain.model.transition import TaskStage
from router.domain.model.vocabulary import Role

Step = tuple[TaskStage, FeedbackKind]
"""A stage, and what is said at it."""
Table = Mapping[Step, TaskStage]
"""(stage, feedback) -> the stage that follows. What is not here is not legal."""

RUNNING: tuple[TaskStage, ...] = ("dispatched", "accepted", "handling")
"""Stages at which the department's time runs."""
PLANNED: tuple[TaskStage, ...] = ("verifying", "filing")
"""Stages before the dispatch, in their order: the department has not heard of its task, and its limit has not begun."""
WAITING: tuple[TaskStage, ...] = (*PLANNED, "suspended", "handled")
"""Stages at which it does not: an inspector or a supervisor must act, within a limit of the stage."""
ENDED: frozenset[TaskStage] = frozenset({"returned", "withdrawn", "closed", "rejected"})
"""Stages at which the department has nothing to do."""
START: TaskStage = "dispatched"
"""Where a task begins, if its lifecycle has no stage of `PLANNED`."""
_ABOUT_TIME: tuple[FeedbackKind, ...] = ("ask-extension", "grant-extension", "reject-extension")
TRANSITIONS: Table = MappingProxyType(
    {
        ("verifying", "verified"): "filing",
        ("verifying", "file"): "dispatched",
        ("verifying", "reject"): "rejected",
        ("filing", "file"): "dispatched",
        ("filing", "reject"): "rejected",
        ("rejected", "file"): "dispatched",
        ("dispatched", "accept"): "accepted",
        ("dispatched", "return"): "returned",
        ("dispatched", "handled"): "handled",
        ("accepted", "progress"): "handling",
        ("accepted", "handled"): "handled",
        ("handling", "progress"): "handling",
        ("handling", "handled"): "handled",
        ("handled", "check-passed"): "closed",
        ("handled", "check-failed"): "handling",
        ("dispatched", "reroute"): "withdrawn",
        ("accepted", "reroute"): "withdrawn",
        ("handling", "reroute"): "withdrawn",
        ("handled", "reroute"): "withdrawn",
        ("dispatched", "close"): "closed",
        ("accepted", "close"): "closed",
        ("handling", "close"): "closed",
        ("handled", "close"): "closed",
        ("dispatched", "suspend"): "suspended",
        ("accepted", "suspend"): "suspended",
        ("handling", "suspend"): "suspended",
        ("suspended", "resume"): "handling",
        ("suspended", "reroute"): "withdrawn",
        ("suspended", "close"): "closed",
        ("closed", "reopen"): "handling",
        ("dispatched", "answer"): "closed",
        ("accepted", "answer"): "closed",
        ("handling", "answer"): "closed",
        ("dispatched", "transfer"): "withdrawn",
        ("accepted", "transfer"): "withdrawn",
        ("handling", "transfer"): "withdrawn",
        ("suspended", "supervise"): "suspended",
        **{(stage, kind): stage for stage in RUNNING for kind in (*_ABOUT_TIME, "ask-support", "supervise")},
        **{(stage, "silence"): stage for stage in (*RUNNING, *WAITING)},
    }
)
"""The lifecycle by the standard. `resume` leads to the stage before, if that is another."""
ALWAYS: frozenset[FeedbackKind] = frozenset({"silence"})
"""Feedback that every lifecycle knows without naming it, because it is about the case and no stage changes."""
OF_ROLE: Mapping[FeedbackKind, Role] = {"ask-support": "lead", "answer": "assist"}
"""Feedback that only a department of one role can give."""
_CHOICES: Mapping[Step, tuple[TaskStage, ...]] = {
    ("verifying", "verified"): ("dispatched",),
    ("dispatched", "accept"): ("handling",),
    ("dispatched", "progress"): ("handling",),
    ("dispatched", "handled"): ("closed",),
    ("accepted", "handled"): ("closed",),
    ("handling", "handled"): ("closed",),
}
"""What a city may write beside it: what is verified is filed, no stage between dispatch and work, no check."""
ALLOWED: Mapping[Step, tuple[TaskStage, ...]] = MappingProxyType(
    {
        step: (*([TRANSITIONS[step]] if step in TRANSITIONS else []), *_CHOICES.get(step, ()))
        for step in dict.fromkeys((*TRANSITIONS, *_CHOICES))
    }
)
"""(stage, feedback) -> the stages to which a city may let it lead, the standard's first."""


class Lifecycle(Struct, frozen=True, kw_only=True):
    """A lifecycle that holds for the lead of a case; an assistant's work is never checked, because he answers to the lead."""

    id: str
    table: Table
    stages: frozenset[TaskStage]
    """At which something is legal."""
    limits: Mapping[TaskStage, Limit] = {}
    """How long a stage of `WAITING` may last."""
    begin: TaskStage = START
    """Where the tasks of a new case begin: the first stage of `PLANNED` that it has, or `START`."""


def lifecycle(name: str, table: Table, limits: Mapping[TaskStage, Limit] = {}) -> Lifecycle:
    """A lifecycle by its table."""
    stages = frozenset(stage for stage, _ in table)
    return Lifecycle(id=name, table=table, stages=stages, limits=limits, begin=first_of(stages))


def first_of(stages: Collection[TaskStage]) -> TaskStage:
    """The stage at which a task begins in a lifecycle with these stages."""
    return next((stage for stage in PLANNED if stage in stages), START)


CHECKED = lifecycle(
    "checked", {step: after for step, after in TRANSITIONS.items() if step[0] not in {*PLANNED, "rejected"}}
)
"""An inspector looks at what is handled. What is reported is dispatched at once."""
UNCHECKED = lifecycle(
    "unchecked",
    {
        (stage, kind): "closed" if after == "handled" else after
        for (stage, kind), after in CHECKED.table.items()
        if stage != "handled"
    },
)
"""What is handled is closed."""
