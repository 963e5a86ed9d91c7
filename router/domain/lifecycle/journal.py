"""The journal: every change of a task becomes a transition, chained to the one before by its hash.

Assignments are compared before and after an event. So a change cannot be forgotten, whatever caused it.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from hashlib import blake2b

from msgspec import Struct
from msgspec.json import Encoder
from msgspec.structs import replace

from router.domain.lifecycle.lifecycles import ALWAYS
from router.domain.lifecycle.stages import stage_of
from router.domain.model.case import Assignment, Case
from router.domain.model.erasure import Erasure
from router.domain.model.feedback import Feedback
from router.domain.model.report import Provenance, Report
from router.domain.model.transition import Cause, Transition

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
        made.evidence = event.evidence
        made.milestone = event.milestone or "" if event.kind == "progress" else ""
        made.said = _said(made) if event.reason or event.evidence else ""
    else:
        made.reason = new.why or case.reason
        made.said = _said(made) if new.why else ""
    made.hash = case.chain = _hash(made)
    return made


def _said(transition: Transition) -> str:
    """The hash of what people wrote."""
    return blake2b(_encode((transition.reason, transition.evidence)), digest_size=HASH_BYTES).hexdigest()


def without_words(transitions: Sequence[Transition]) -> list[Transition]:
    """The transitions to write again, so that compaction takes what people wrote before the latest erasure: all before it, in their order.

    All, because readers of the log take the transitions of a case in their order. None if no words are left.

    Args:
        transitions: of one case, in order.
    """
    erased_until = _erased_until(transitions)
    before = [one for one in transitions if one.number < erased_until]
    if not any(one.said and not one.erased for one in before):
        return []
    return [replace(one, reason="", evidence=(), erased=True) if one.said else one for one in before]


def has_new_words(transitions: Iterable[Transition]) -> bool:
    """Whether people have written something since the latest erasure."""
    transitions = tuple(transitions)
    erased_until = _erased_until(transitions)
    return any(one.said and not one.erased and one.number > erased_until for one in transitions)


def _erased_until(transitions: Sequence[Transition]) -> int:
    """Number of the latest transition that says that data was erased; 0 without one."""
    return max([one.number for one in transitions if one.cause == "erasure"], default=0)


def _hash(transition: Transition) -> str:
    """The hash of a transition without one."""
    if transition.said:
        transition = replace(transition, reason="", evidence=(), erased=False)
    return blake2b(_encode(transition), digest_size=HASH_BYTES).hexdigest()


def hash_of(transition: Transition) -> str:
    """The hash of a transition, whose own field `hash` does not count."""
    return _hash(replace(transition, hash=""))


def erased_data(case: Case, one: Assignment, erasure: Erasure) -> Transition:
    """The transition that says who had data erased from a case and why, never what. The case remembers it, as in `journal`.

    Args:
        case: changed in place.
        one: the assignment that it names. Its stage stays.
        erasure: the request.
    """
    made = _without_source(case, one, erasure.at, "erasure", case.rule_set)
    made.actor, made.reason = erasure.actor, erasure.reason
    made.hash = case.chain = _hash(made)
    return made


def moved_deadline(case: Case, one: Assignment, at: datetime, version: str, reason: str) -> Transition:
    """The transition of a task whose deadline follows a calendar that was published. The case remembers it, as in `journal`.

    Args:
        case: changed in place.
        one: the assignment with its new deadline.
        at: the instant of the tick.
        version: of the rule set that has the calendar.
        reason: for people.
    """
    made = _without_source(case, one, at, "calendar", version)
    made.reason = reason
    made.hash = case.chain = _hash(made)
    return made


def _without_source(case: Case, one: Assignment, at: datetime, cause: Cause, rule_set: str) -> Transition:
    """A transition at which the task keeps its stage, and that no source record caused."""
    case.transitions += 1
    stage = stage_of(one)
    opening = case.reports[0] if case.reports else None
    return Transition(
        case=case.id,
        number=case.transitions,
        task=one.task,
        department=one.department,
        to=stage,
        at=at,
        cause=cause,
        provenance=Provenance(topic="", partition=0, offset=0) if opening is None else opening.provenance,
        rule_set=rule_set,
        previous=case.chain,
        begin=stage,
    )


def in_order(transitions: Iterable[Transition]) -> tuple[Transition, ...]:
    """The transitions of one case as the log has them. If what people wrote was erased, each once and by its number, because those until then
    were written again.

    Two with one number and different hashes are both kept: such a journal is broken.
    """
    transitions = tuple(transitions)
    if not any(one.cause == "erasure" for one in transitions):
        return transitions
    latest = {(one.number, one.hash): one for one in transitions}
    return tuple(sorted(latest.values(), key=lambda one: one.number))


def is_as_said(transition: Transition, erased_until: int) -> bool:
    """Whether a transition has the words that it was made with, or none because they were erased.

    Args:
        transition: any.
        erased_until: number of the latest transition that says that data was erased; 0 without one.
    """
    if transition.erased:
        words = transition.reason or transition.evidence
        return bool(transition.said) and not words and transition.number < erased_until
    return not transition.said or transition.said == _said(transition)


def broken_at(transitions: Sequence[Transition]) -> Transition | None:
    """The first transition of a case that does not follow from the one before, or says other than was said; None if the chain is whole.

    Args:
        transitions: of one case, in order, from the first on.
    """
    previous = ""
    erased_until = _erased_until(transitions)
    for number, one in enumerate(transitions, 1):
        if one.number != number or one.previous != previous or one.hash != hash_of(one):
            return one
        if not is_as_said(one, erased_until):
            return one
        previous = one.hash
    return None
