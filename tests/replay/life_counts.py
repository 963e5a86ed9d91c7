"""What happened in a history of lives, counted, so that a test can say that everything has happened."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import get_args

from router.domain.feedback.changes import LATE
from router.domain.fold import Event
from router.domain.lifecycle.stages import stage_of
from router.domain.model.case import Assignment, Case
from router.domain.model.erasure import Erasure
from router.domain.model.escalation import Settled
from router.domain.model.feedback import FEEDBACK_CODES, KINDS_OF_FEEDBACK, Feedback
from router.domain.model.report import Report, Tick
from router.domain.model.transition import TaskStage
from tests.support.outcomes import Folded

EVERY: dict[str, tuple[str, ...]] = {
    "events": ("report", "correction", "closing", "feedback", "late feedback", "tick", "erasure"),
    "outputs": ("cases", "tasks", "archived", "transitions", "rejected", "escalations"),
    "reports": ("opened", "near", "updated", "rerouted", "moved", "rejected"),
    "other decisions": ("window-closed", "ticked", "erased", "nothing", "unknown-case", "applied", "redelivered"),
    "feedback": tuple(KINDS_OF_FEEDBACK),
    "rejected feedback": tuple(FEEDBACK_CODES),
    "tasks": ("dispatched", "updated", "withdrawn", "arbitrates", "final", "erased", "provisional"),
    "dispatches": ("duty", "fallback", "return", "arbitration", "support", "transfer", "supervision"),
    "transitions": ("report", "feedback", "calendar", "erasure"),
    "stages": get_args(TaskStage),
    "escalations": (
        "reminder",
        "escalation",
        "cleared",
        "late",
        "again",
        "of a stage",
        "of a milestone",
        "provisional",
    ),
    "settled": get_args(Settled),
    "opened again": ("reopen", "file", "reopen, routed again", "file, routed again"),
    "at the end": ("superseded", "routed_for", "silenced", "supervised", "extended", "paused", "milestone done"),
    "cases": ("closed", "rejected", "empty"),
}
"""Group -> what must have happened. Other names may be counted in it, too."""


class LifeCounts:
    """Counts events and what they led to."""

    def __init__(self) -> None:
        self._groups: dict[str, Counter[str]] = defaultdict(Counter)

    def note(self, event: Event, outcome: Folded, *, opens_elsewhere: bool) -> None:
        """Count an event.

        Args:
            event: of the log.
            outcome: what it led to.
            opens_elsewhere: whether the tasks of its case were about something else before.
        """
        count = self._groups
        count["events"].update(_names(event))
        count["reports" if isinstance(event, Report) else "other decisions"][outcome.decision] += 1
        for name in EVERY["outputs"]:
            count["outputs"][name] += len(getattr(outcome, name))
        if isinstance(event, Feedback) and outcome.decision == "applied":
            count["feedback"][event.kind] += 1
            if event.kind in {"reopen", "file"}:
                count["opened again"][event.kind + (", routed again" if opens_elsewhere else "")] += 1
        count["rejected feedback"].update([one.rejection.code for one in outcome.rejected])
        self._note_tasks(outcome)
        for sent in outcome.escalations:
            marks = {"late": sent.late, "again": sent.round > 0, "provisional": sent.due_provisional}
            marks |= {"of a stage": sent.waiting is not None, "of a milestone": sent.milestone is not None}
            count["escalations"].update([sent.kind, *_true(marks)])
            if sent.settled is not None:
                count["settled"][sent.settled] += 1

    def _note_tasks(self, outcome: Folded) -> None:
        count = self._groups
        for task in outcome.tasks:
            marks = {"arbitrates": task.arbitrates, "final": task.final, "erased": task.erased_at is not None}
            marks |= {"provisional": task.due_provisional, task.state: True}
            count["tasks"].update(_true(marks))
        for made in outcome.transitions:
            count["transitions"][made.cause] += 1
            count["stages"][made.to] += 1
            if made.rule:
                known = made.rule in EVERY["dispatches"]
                count["dispatches"][made.rule if known else "duty"] += 1

    def summary(self, cases: Iterable[Case]) -> dict[str, dict[str, int]]:
        """All counts, with those of the cases as they are at the end."""
        end, states = Counter[str](), Counter[str]()
        for case in cases:
            states[case.state] += 1
            end.update(_true({"routed_for": case.routed_for is not None, "silenced": case.silenced_until is not None}))
            end.update([name for one in case.assignments for name in _marks(one)])
        groups = {**self._groups, "at the end": end, "cases": states}
        return {name: {one: groups[name][one] for one in sorted({*EVERY[name], *groups[name]})} for name in EVERY}


def _true(marks: dict[str, bool]) -> list[str]:
    return [name for name, is_so in marks.items() if is_so]


_NAMES: dict[type[Event], str] = {Report: "report", Feedback: "feedback", Tick: "tick", Erasure: "erasure"}


def _names(event: Event) -> list[str]:
    if isinstance(event, Report) and event.version > 1:
        return ["correction"] if event.closed is None else ["closing"]
    late = isinstance(event, Feedback) and event.received_at - event.occurred_at > LATE
    return [_NAMES[type(event)], *(["late feedback"] if late else [])]


def _marks(one: Assignment) -> list[str]:
    return _true(
        {
            "superseded": one.withdrawn_at is not None and stage_of(one) in {"closed", "rejected"},
            "supervised": one.supervised_at is not None,
            "extended": bool(one.extensions),
            "paused": bool(one.pauses),
            "milestone done": any(part.done_at is not None for part in one.milestones),
        }
    )
