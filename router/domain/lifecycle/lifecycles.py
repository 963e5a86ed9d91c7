"""The lifecycle of a task: which feedback leads from which stage to which. It is data of the city, or the standard's.

`TRANSITIONS` is the lifecycle by the steps of GB/T 30428.8. A city may write lifecycles of its own in work.yaml, with fewer stages: `ALLOWED` is
all that the router can do. Docs: docs/explanation/feedback.md.
"""

from collections.abc import Mapping
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
WAITING: tuple[TaskStage, ...] = ("suspended", "handled")
"""Stages at which it does not: an inspector or a supervisor must act, within a limit of the stage."""
ENDED: frozenset[TaskStage] = frozenset({"returned", "withdrawn", "closed"})
"""Stages at which the department has nothing to do."""
START: TaskStage = "dispatched"
_ABOUT_TIME: tuple[FeedbackKind, ...] = ("ask-extension", "grant-extension", "reject-extension")
TRANSITIONS: Table = MappingProxyType(
    {
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
    }
)
"""The lifecycle by the standard. `resume` leads to the stage before, if that is another."""
OF_ROLE: Mapping[FeedbackKind, Role] = {"ask-support": "lead", "answer": "assist"}
"""Feedback that only a department of one role can give."""
_CHOICES: Mapping[Step, tuple[TaskStage, ...]] = {
    ("dispatched", "accept"): ("handling",),
    ("dispatched", "progress"): ("handling",),
    ("dispatched", "handled"): ("closed",),
    ("accepted", "handled"): ("closed",),
    ("handling", "handled"): ("closed",),
}
"""What a city may write beside it: no stage between dispatch and work, no check."""
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


def lifecycle(name: str, table: Table, limits: Mapping[TaskStage, Limit] = {}) -> Lifecycle:
    """A lifecycle by its table."""
    return Lifecycle(id=name, table=table, stages=frozenset(stage for stage, _ in table), limits=limits)


CHECKED = lifecycle("checked", TRANSITIONS)
"""An inspector looks at what is handled."""
UNCHECKED = lifecycle(
    "unchecked",
    {
        (stage, kind): "closed" if after == "handled" else after
        for (stage, kind), after in TRANSITIONS.items()
        if stage != "handled"
    },
)
"""What is handled is closed."""
