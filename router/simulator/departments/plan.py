"""What is answered to one task: a function of the task and the seed alone, so a run can be repeated and it needs no memory.

Department, inspector and supervisor of one task follow one script. What becomes of it, the router decides: a task that was withdrawn
meanwhile is answered all the same, and its answers are rejected.
"""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from msgspec import Struct
from msgspec.json import Encoder

from router.domain.catalogue.resolve import Catalogue
from router.domain.model.case import Case
from router.domain.model.feedback import FeedbackKind
from router.domain.model.task import Task
from router.simulator.departments.rates import Rates, Setting
from router.simulator.departments.scripts import AnswerLabel, Utterance, filing_script, impossible, script_of
from router.simulator.messages import rfc3339

DAY_S = 86_400.0
REASONS: dict[str, str] = {
    "return": "not in our area",
    "ask-extension": "waiting for material",
    "check-failed": "the place is as it was",
    "suspend": "cannot be done in this season",
    "reject-extension": "there was time enough",
    "reroute": "decided by the supervisor on duty",
    "close": "nothing is left to do",
    "reopen": "it was reported again",
    "ask-support": "the pipes below are yours",
    "answer": "nothing of ours is there",
    "transfer": "they will not settle without a court",
    "supervise": "the mayor's hotline asks every day",
    "silence": "the road is flooded until then",
    "reject": "nothing is there",
}
_encode = Encoder().encode


class PlannedAnswer(Struct, frozen=True, kw_only=True):
    """One record of a topic of feedback."""

    delivered_at: datetime
    """When Kafka gets it."""
    sender: str
    """Department, or `supervision`."""
    id: str
    """The sender's id of it."""
    task: str
    """About which it is: the key of its record."""
    value: bytes
    label: AnswerLabel
    kind: FeedbackKind


class AnsweredTask(Struct, frozen=True, kw_only=True):
    """What an answer names."""

    id: str
    """Of the task."""
    partition_key: str
    prefix: str = ""
    """Of the ids of answers, so that those about the filing and those about the task differ."""


def is_checked(task: Task, catalogue: Catalogue) -> bool:
    """Whether an inspector looks at what is handled: the work of the lead, if its workflow requires the step `checking`."""
    workflow = catalogue.workflows.get(task.workflow or "")
    step = workflow.steps.get("checking") if workflow is not None else None
    return task.role == "lead" and step is not None and step.required


def plan(
    task: Task, setting: Setting, *, checked: bool, begin: datetime | None = None, limit_s: float | None = None
) -> list[PlannedAnswer]:
    """What is answered to a task, in the order of delivery.

    Args:
        task: as it was dispatched.
        setting: rates, seed and departments.
        checked: whether an inspector looks at what the department has handled.
        begin: when the department reads it; default: when it was dispatched.
        limit_s: the time that it is handled by, in seconds; default: until it is due.
    """
    rng = random.Random(f"{setting.seed}/{task.id}")
    begin = begin or task.dispatched_at
    if limit_s is None:
        due = task.due_at
        limit_s = setting.rates.usual_limit_s if due is None else max(60.0, (due - begin).total_seconds())
    script = script_of(task, setting, rng, limit_s, checked=checked)
    if rng.random() < setting.rates.lie:
        script.append(impossible(task, setting, rng, script, limit_s))
    _deliver(script, setting.rates, rng)
    return _written(script, AnsweredTask(id=task.id, partition_key=task.partition_key), setting.rates, rng, begin)


def plan_filing(case: Case, setting: Setting, *, begin: datetime, within_s: float) -> list[PlannedAnswer]:
    """What inspectors and supervisors say about a case that waits for its filing, in the order of delivery.

    They name its first task, which no department has got yet.

    Args:
        case: as it was opened.
        setting: rates and seed.
        begin: when they read it.
        within_s: how long they take, in seconds.
    """
    rates, rng = setting.rates, random.Random(f"{setting.seed}/{case.id}/filing")
    script = filing_script(rates, rng, within_s) if case.assignments else []
    _deliver(script, rates, rng)
    first = case.assignments[0].task if case.assignments else case.id
    about = AnsweredTask(id=first, partition_key=case.partition_key, prefix="filing-")
    return _written(script, about, rates, rng, begin)


def _deliver(script: Sequence[Utterance], rates: Rates, rng: random.Random) -> None:
    """When each is delivered: at once, later from a phone without network, or after the one that follows."""
    for one in script:
        one.delivered = one.at
        if rng.random() < rates.offline:
            one.delivered += min(rates.longest_s, rates.offline_s * rng.lognormvariate(0, 1.3))
    for one, after in pairwise(script):
        if rng.random() < rates.swapped:
            one.delivered, after.delivered = after.delivered, one.delivered


def _written(
    script: Sequence[Utterance], about: AnsweredTask, rates: Rates, rng: random.Random, begin: datetime
) -> list[PlannedAnswer]:
    answers: list[PlannedAnswer] = []
    for number, one in enumerate(script, 1):
        skew = max(-2 * rates.skew_s, min(2 * rates.skew_s, rng.gauss(0, rates.skew_s)))
        if rng.random() < rates.day_off:
            skew += rng.choice((-DAY_S, DAY_S))
        answer = PlannedAnswer(
            delivered_at=begin + timedelta(seconds=one.delivered),
            sender=one.sender,
            id=one.id or f"{about.prefix}{about.id}-{number}",
            task=one.task or about.id,
            value=_value(one, about, number, begin + timedelta(seconds=one.at + skew)),
            label=one.label,
            kind=one.kind,
        )
        answers.append(answer)
        if rng.random() < rates.twice:
            later = answer.delivered_at + timedelta(seconds=rng.uniform(0, rates.check_s))
            answers.append(_again(answer, later))
    return sorted(answers, key=lambda answer: answer.delivered_at)


def _again(answer: PlannedAnswer, at: datetime) -> PlannedAnswer:
    return PlannedAnswer(
        delivered_at=at,
        sender=answer.sender,
        id=answer.id,
        task=answer.task,
        value=answer.value,
        label="malformed" if answer.label == "malformed" else "again",
        kind=answer.kind,
    )


def _value(one: Utterance, about: AnsweredTask, number: int, at: datetime) -> bytes:
    reason = {"reason": REASONS[one.kind]} if one.kind in REASONS else {}
    return _encode(
        {
            "id": one.id or f"{about.prefix}{about.id}-{number}",
            "task": one.task or about.id,
            "partition_key": about.partition_key,
            "kind": one.kind,
            "actor": f"{one.sender[:40]}-17",
            "occurred_at": rfc3339(at.replace(microsecond=0)),
            **reason,
            **one.fields,
        }
    )
