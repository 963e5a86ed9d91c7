"""The journal: every change of a task becomes a transition, chained to the one before by its hash.

Assignments are compared before and after an event. So a change cannot be forgotten, whatever caused it.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import blake2b

from msgspec import Struct
from msgspec.json import Encoder
from msgspec.structs import replace

from router.domain.lifecycle.lifecycles import ALWAYS
from router.domain.lifecycle.stages import stage_of
from router.domain.model.case import Assignment, Case
from router.domain.model.feedback import Feedback
from router.domain.model.report import Provenance, Report
from router.domain.model.transition import Transition

HASH_BYTES = 16
_encode: Callable[[object], bytes] = Encoder().encode


class JournalCause(Struct, frozen=True, gc=False):
    """What changed a case: a report, or feedback."""

    event: Report | Feedback
    at: datetime
    """When the change took effect."""


def journal(case: Case, before: Sequence[Assignment], cause: JournalCause) -> list[Transition]:
    """The transitions of a case since `before`. The case remembers their number and the last hash.

    Args:
        case: with its new assignments; changed in place.
        before: its assignments before the event.
        cause: of the change.
    """
    old = {one.task: one for one in before}
    return [
        _transition(case, old.get(one.task), one, cause)
        for one in case.assignments
        if (known := old.get(one.task)) is not one
        and (known is None or _differs(known, one) or _is_named(one, cause.event))
    ]


def _is_named(one: Assignment, event: Report | Feedback) -> bool:
    """Whether it is the task by which feedback names its case."""
    return isinstance(event, Feedback) and event.kind in ALWAYS and event.task == one.task


def _differs(old: Assignment, new: Assignment) -> bool:
    before = stage_of(old), old.stage_at, old.asked, old.extensions, old.supervised_at
    if before != (stage_of(new), new.stage_at, new.asked, new.extensions, new.supervised_at):
        return True
    return [one.done_at for one in old.milestones] != [one.done_at for one in new.milestones]


def _transition(case: Case, old: Assignment | None, new: Assignment, cause: JournalCause) -> Transition:
    event = cause.event
    case.transitions += 1
    made = Transition(
        case=case.id,
        number=case.transitions,
        task=new.task,
        department=new.department,
        to=stage_of(new),
        at=cause.at,
        cause="feedback" if isinstance(event, Feedback) else "report",
        provenance=event.provenance,
        rule_set=case.rule_set,
        previous=case.chain,
        begin=None if old is None else stage_of(old),
    )
    if old is None:
        made.rule = new.rule
    if isinstance(event, Feedback):
        made.kind, made.actor, made.sender, made.reason = event.kind, event.actor, event.sender, event.reason
        made.evidence, made.milestone = event.evidence, event.milestone or ""
    else:
        made.reason = new.why or case.reason
    made.hash = case.chain = _hash(made)
    return made


def _hash(transition: Transition) -> str:
    """The hash of a transition without one."""
    return blake2b(_encode(transition), digest_size=HASH_BYTES).hexdigest()


def hash_of(transition: Transition) -> str:
    """The hash of a transition, whose own field `hash` does not count."""
    return _hash(replace(transition, hash=""))


def moved_deadline(case: Case, one: Assignment, at: datetime, version: str, reason: str) -> Transition:
    """The transition of a task whose deadline follows a calendar that was published. The case remembers it, as in `journal`.

    Args:
        case: changed in place.
        one: the assignment with its new deadline.
        at: the instant of the tick.
        version: of the rule set that has the calendar.
        reason: for people.
    """
    case.transitions += 1
    stage = stage_of(one)
    opening = case.reports[0] if case.reports else None
    made = Transition(
        case=case.id,
        number=case.transitions,
        task=one.task,
        department=one.department,
        to=stage,
        at=at,
        cause="calendar",
        provenance=Provenance(topic="", partition=0, offset=0) if opening is None else opening.provenance,
        rule_set=version,
        previous=case.chain,
        begin=stage,
        reason=reason,
    )
    made.hash = case.chain = _hash(made)
    return made


def broken_at(transitions: Sequence[Transition]) -> Transition | None:
    """The first transition of a case that does not follow from the one before; None if the chain is whole.

    Args:
        transitions: of one case, in order, from the first on.
    """
    previous = ""
    for number, one in enumerate(transitions, 1):
        if one.number != number or one.previous != previous or one.hash != hash_of(one):
            return one
        previous = one.hash
    return None
