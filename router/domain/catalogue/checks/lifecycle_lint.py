"""Checks the lifecycles of tasks in work.yaml: no dead end, nothing unreachable, no wait without a limit. Findings GR090 to GR097.

Docs: docs/reference/catalogue.md.
"""

from collections.abc import Iterator

from router.domain.calendar.city_calendar import CityCalendar
from router.domain.calendar.deadlines import HOURS_OF
from router.domain.calendar.lint import NO_CALENDAR
from router.domain.catalogue.checks.reference_lint import unknown
from router.domain.catalogue.lists import Lists
from router.domain.catalogue.model import LifecycleNode
from router.domain.documents import Finding, found
from router.domain.lifecycle.lifecycles import (
    ALLOWED,
    ALWAYS,
    CHECKED,
    ENDED,
    OF_ROLE,
    PLANNED,
    START,
    UNCHECKED,
    WAITING,
    first_of,
)
from router.domain.model.feedback import KINDS_OF_FEEDBACK, FeedbackKind
from router.domain.model.transition import TaskStage

FILE = "work.yaml"
NO_LIFE = "GR090"
NOT_ALLOWED = "GR091"
NOT_DECLARED = "GR092"
UNREACHABLE = "GR093"
DEAD_END = "GR094"
NO_LIMIT = "GR095"
UNUSED = "GR096"
OTHER_CHECK = "GR097"
_BY_FORCE: tuple[FeedbackKind, ...] = ("close", "reroute")
"""A stage that only a supervisor's force ends is a dead end."""
_BEFORE_DISPATCH = frozenset(
    kind for kind in KINDS_OF_FEEDBACK if {stage for stage, one in ALLOWED if one == kind} <= {*PLANNED, "rejected"}
)
"""Feedback that only a lifecycle with a stage before the dispatch can use."""


def check(lists: Lists) -> Iterator[Finding]:
    """All findings; none for a city that writes no lifecycle."""
    for name, lifecycle in lists.work.lifecycles.items():
        yield from _table(name, lifecycle, lists)
        yield from _limits(name, lifecycle, lists)
    yield from _workflows(lists)
    yield from _kinds(lists)


def _table(name: str, lifecycle: LifecycleNode, lists: Lists) -> Iterator[Finding]:
    """Each entry is possible, each stage is reached, and each leads to the end."""
    document = lists.documents[FILE]
    wrong = list(_entries(name, lifecycle, lists))
    yield from wrong
    if wrong:
        return
    reached = _reached(lifecycle)
    for stage in lifecycle.stages:
        mark = document.mark("lifecycles", name, "stages", stage)
        if stage not in reached:
            yield found(
                UNREACHABLE, mark, f"no task comes to `{stage}` in the lifecycle `{name}`", "let feedback lead to it"
            )
        elif stage not in ENDED and not _closes(lifecycle, stage):
            message = (
                f"a task that is `{stage}` is never closed in the lifecycle `{name}`, unless a supervisor forces it"
            )
            yield found(DEAD_END, mark, message, "let feedback lead from it to a stage that is closed")


def _entries(name: str, lifecycle: LifecycleNode, lists: Lists) -> Iterator[Finding]:
    document = lists.documents[FILE]
    if START not in lifecycle.stages:
        mark = document.mark("lifecycles", name, "stages")
        yield found(
            NOT_DECLARED,
            mark,
            f"the lifecycle `{name}` has no stage `{START}`",
            "every department gets its task there: add it",
        )
    for stage, node in lifecycle.stages.items():
        for kind, after in node.on.items():
            mark = document.mark_value("lifecycles", name, "stages", stage, "on", kind)
            allowed = ALLOWED.get((stage, kind), ())
            if after not in allowed:
                message = f"`{kind}` at `{stage}` cannot lead to `{after}`"
                hint = f"write {' or '.join(allowed)}" if allowed else f"at `{stage}` it is never possible: remove it"
                yield found(NOT_ALLOWED, mark, message, hint)
            elif after not in lifecycle.stages and after not in ENDED:
                message = f"the lifecycle `{name}` has no stage `{after}`"
                yield found(NOT_DECLARED, mark, message, "add it, or let the feedback lead elsewhere")


def _reached(lifecycle: LifecycleNode) -> set[TaskStage]:
    begin = first_of(lifecycle.stages)
    reached, todo = {begin}, [begin]
    while todo:
        node = lifecycle.stages.get(todo.pop())
        new = {*node.on.values()} - reached if node is not None else set()
        reached |= new
        todo += new
    return reached


def _closes(lifecycle: LifecycleNode, stage: TaskStage) -> bool:
    """Whether those who work on a task can bring it from this stage to `closed`."""
    seen, todo = {stage}, [stage]
    while todo:
        node = lifecycle.stages.get(todo.pop())
        new = (
            {after for kind, after in node.on.items() if kind not in _BY_FORCE and kind not in OF_ROLE} - seen
            if node is not None
            else set()
        )
        seen |= new
        todo += new
    return "closed" in seen


def _limits(name: str, lifecycle: LifecycleNode, lists: Lists) -> Iterator[Finding]:
    """A stage at which the department waits has a limit of its own, and no other has one."""
    document = lists.documents[FILE]
    for stage, node in lifecycle.stages.items():
        if stage in WAITING and node.limit is None:
            message = f"nothing says how long a task may be `{stage}` in the lifecycle `{name}`"
            yield found(NO_LIMIT, document.mark("lifecycles", name, "stages", stage), message, "write `limit`, e.g. 2d")
        elif stage not in WAITING and node.limit is not None:
            mark = document.mark_value("lifecycles", name, "stages", stage, "limit")
            message = f"`{stage}` has a limit, and there that of the matter runs"
            yield found(NO_LIMIT, mark, message, "write it in standards.yaml")


def _workflows(lists: Lists) -> Iterator[Finding]:
    """Each workflow names a lifecycle that exists, and agrees with it about the check."""
    document, work = lists.documents[FILE], lists.work
    for name, workflow in work.workflows.items():
        if workflow.lifecycle is None:
            continue
        mark = document.mark_value("workflows", name, "lifecycle")
        lifecycle = work.lifecycles.get(workflow.lifecycle)
        if lifecycle is None:
            yield unknown(NO_LIFE, mark, "lifecycle", workflow.lifecycle, work.lifecycles)
            continue
        step = workflow.steps.get("checking")
        required = step is not None and step.required
        if required != ("handled" in lifecycle.stages):
            has = "has no check" if required else "has a check"
            message = f"the step `checking` is {'' if required else 'not '}required, and the lifecycle `{workflow.lifecycle}` {has}"
            yield found(OTHER_CHECK, mark, message, "name another lifecycle, or change `required` of the step")
    named = {workflow.lifecycle for workflow in work.workflows.values()}
    for name in work.lifecycles.keys() - named:
        message = f"no workflow has the lifecycle `{name}`"
        yield found(UNREACHABLE, document.mark("lifecycles", name), message, "name it in `lifecycle`, or remove it")


def _kinds(lists: Lists) -> Iterator[Finding]:
    """Feedback that no workflow uses: departments could send it, and nothing would ever come of it."""
    document, work = lists.documents[FILE], lists.work
    if not work.lifecycles:
        return
    used = {kind for lifecycle in work.lifecycles.values() for node in lifecycle.stages.values() for kind in node.on}
    used |= ALWAYS
    files = any(stage in lifecycle.stages for lifecycle in work.lifecycles.values() for stage in PLANNED)
    for workflow in work.workflows.values():
        if workflow.lifecycle is None:
            step = workflow.steps.get("checking")
            standard = CHECKED if step is not None and step.required else UNCHECKED
            used |= {kind for _, kind in standard.table}
    for number, kind in enumerate(work.unused):
        if kind in used:
            mark = document.mark_value("unused", number)
            yield found(UNUSED, mark, f"`{kind}` is used by a lifecycle", "remove it here, or there")
    for kind in KINDS_OF_FEEDBACK:
        if kind not in used and kind not in work.unused and (files or kind not in _BEFORE_DISPATCH):
            message = f"no workflow uses the feedback `{kind}`"
            yield found(
                UNUSED,
                document.mark("lifecycles"),
                message,
                "let a lifecycle know it, or name it in `unused`",
                "warning",
            )


def check_calendar(lists: Lists, calendar: CityCalendar | None) -> Iterator[Finding]:
    """Limits of stages and of arbitration that count working time which the city's calendar does not have."""
    document, duties = lists.documents[FILE], lists.documents["duties.yaml"]
    limits = [
        (document.mark_value("lifecycles", name, "stages", stage, "limit"), node.limit)
        for name, lifecycle in lists.work.lifecycles.items()
        for stage, node in lifecycle.stages.items()
    ]
    if lists.duties.arbitration is not None:
        limits.append((duties.mark_value("arbitration", "limit"), lists.duties.arbitration.limit))
    for mark, limit in limits:
        hours = HOURS_OF.get(limit.calendar) if limit is not None else None
        if hours is not None and (calendar is None or not calendar.has(hours)):
            message = f"the limit {limit} needs {hours} hours, and the city's calendar does not have them"
            yield found(NO_CALENDAR, mark, message, "write them, or a limit in calendar hours, e.g. 24h")
