"""Compares the life of each case with its journal, its tasks and their deadlines."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from router.domain.intake.content import bytes_digest
from router.domain.lifecycle.journal import broken_at
from router.domain.model.case import Assignment, Case
from router.domain.model.transition import TaskStage, Transition
from router.wire.codec import decode_escalation, decode_transition
from tests.chaos.audit.findings import Findings
from tests.chaos.audit.topics import Record

ENDED: frozenset[TaskStage] = frozenset({"returned", "withdrawn", "closed", "rejected"})


class TaskSays(NamedTuple):
    """What a task record says of its assignment."""

    stage: TaskStage
    due_at: datetime | None


def read_journal(
    records: Iterable[Record], wanted: Mapping[str, Sequence[str]], findings: Findings
) -> dict[str, list[Transition]]:
    """The transitions of one partition by case, compared with the folded log."""
    digests: dict[str, list[str]] = {}
    lives: dict[str, list[Transition]] = {}
    for record in records:
        one = decode_transition(record.value)
        digests.setdefault(one.case, []).append(bytes_digest(record.value))
        lives.setdefault(one.case, []).append(one)
    differing = [case for case in digests.keys() | wanted.keys() if digests.get(case) != wanted.get(case)]
    findings.add("transitions differ from the log", *sorted(differing))
    return lives


def check_escalations(records: Iterable[Record], wanted: Counter[str], findings: Findings) -> int:
    """Read the escalations of one partition, compare them with the folded log, and return how many there are."""
    found: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for record in records:
        found[bytes_digest(record.value)] += 1
        seen[decode_escalation(record.value).id] += 1
    findings.add("escalation twice", *[id_ for id_, times in seen.items() if times > 1])
    findings.add("escalations differ from the log", *sorted((found - wanted) + (wanted - found)))
    return found.total()


def check_life(case: Case, life: Sequence[Transition], findings: Findings) -> None:
    """Check that the journal of a case is whole, and that case, journal and assignments say the same."""
    if broken_at(life) is not None or (case.transitions, case.chain) != (len(life), life[-1].hash if life else ""):
        findings.add("chain broken", case.id)
    stages = {one.task: one.to for one in life}
    if stages != {one.task: _stage(one) for one in case.assignments} or case.state not in _states(case):
        findings.add("state not that of its tasks", f"{case.id} {case.state}")


def check_tasks_say(assigned: Mapping[str, Assignment], said: Mapping[str, TaskSays], findings: Findings) -> None:
    """Check that the last record of each task says what its assignment says."""
    for id_, heard in said.items():
        one = assigned.get(id_)
        if one is None:
            continue  # a finding of its own
        if heard.stage != _stage(one):
            findings.add("state not that of its tasks", f"task {id_}: {heard.stage}, {_stage(one)}")
        if _stage(one) not in ENDED and heard.due_at != one.due_at:
            findings.add("deadline differs", f"task {id_}: {heard.due_at}, {one.due_at}")


def is_unheard(life: Iterable[Transition], task: str) -> bool:
    """Whether the department of a task never heard of it, as the journal says: its case was not filed."""
    return {one.to for one in life if one.task == task} <= {"verifying", "filing", "rejected", "withdrawn"}


def has_ended(one: Assignment) -> bool:
    """Whether a department has nothing to do any more."""
    return _stage(one) in ENDED


def _stage(one: Assignment) -> TaskStage:
    return "withdrawn" if one.withdrawn_at is not None and one.stage not in ENDED else one.stage


def _states(case: Case) -> tuple[str, ...]:
    """The states that the tasks allow, written apart from the router's own rule (docs/explanation/feedback.md)."""
    live = [one for one in case.assignments if _stage(one) not in ENDED]
    if not case.reports:
        return ("empty",)
    if not live:
        return (
            ("rejected",)
            if any(one.stage == "rejected" and one.withdrawn_at is None for one in case.assignments)
            else ("closed",)
        )
    lead = next((_stage(one) for one in live if one.role == "lead"), None)
    if lead == "handled":
        return ("checking",) if len(live) == 1 else ("handling",)
    return ("handling",) if lead is None else (lead,)
