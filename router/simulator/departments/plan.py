"""What is answered to one task: a function of the task and the seed alone, so a run can be repeated and it needs no memory.

Department, inspector and supervisor of one task follow one script. What becomes of it, the router decides: a task that was withdrawn
meanwhile is answered all the same, and its answers are rejected.
"""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

from msgspec import Struct
from msgspec.json import Encoder

from router.domain.catalogue.resolve import Catalogue
from router.domain.model.feedback import SUPERVISION, FeedbackKind
from router.domain.model.task import Task
from router.simulator.departments.rates import CITY, Rates
from router.simulator.messages import rfc3339

AnswerLabel = Literal["usual", "impossible", "malformed", "again"]
"""A step of the script; something that is not possible; a record that is no feedback; the bytes of an answer once more."""
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


class Setting(Struct, frozen=True, kw_only=True):
    """What answers depend on besides the task."""

    departments: Sequence[str]
    """Of the city, in a fixed order: to one of them a task is returned or given."""
    seed: int = 1
    rates: Rates = CITY


class _Said(Struct):
    """One answer before it is written."""

    at: float
    """When it happened, in seconds since the plan begins."""
    sender: str
    kind: FeedbackKind
    fields: dict[str, str]
    label: AnswerLabel = "usual"
    delivered: float = 0.0
    task: str = ""
    id: str = ""


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
    script = _script(task, setting, rng, limit_s, checked=checked)
    if rng.random() < setting.rates.lie:
        script.append(_impossible(task, setting, rng, script, limit_s))
    _deliver(script, setting.rates, rng)
    return _written(script, task, setting.rates, rng, begin)


def _script(task: Task, setting: Setting, rng: random.Random, limit: float, *, checked: bool) -> list[_Said]:
    """The life of the task as its people mean it, in the order in which it happens."""
    rates = setting.rates
    if rng.random() < rates.silent:
        return []
    own, script = task.department, list[_Said]()
    handled_at = limit * rates.handled_median * rng.lognormvariate(0, rates.handled_sigma)
    if rng.random() < rates.returned and not task.final:
        named = {"department": rng.choice(setting.departments)} if rng.random() < rates.named else {}
        return [_Said(handled_at * 0.2, own, "return", named)]
    if rng.random() < rates.accepted:
        script.append(_Said(handled_at * 0.1, own, "accept", {}))
        if rng.random() < rates.progress:
            script.append(_Said(handled_at * 0.5, own, "progress", {}))
    end = _decision(setting, rng, handled_at)
    if end is not None:
        return [*script, end]
    script += _pauses(own, rates, rng, handled_at)
    script.append(_Said(handled_at, own, "handled", {}))
    if checked:
        script += _checks(own, rates, rng, handled_at)
    if rng.random() < rates.reopened:
        at = script[-1].at
        script += [
            _Said(at + rates.check_s, SUPERVISION, "reopen", {}),
            _Said(at + 2 * rates.check_s, own, "handled", {}),
        ]
    return script


def _decision(setting: Setting, rng: random.Random, handled_at: float) -> _Said | None:
    """What a supervisor decides so that the department has no longer to do with the task; None for most tasks."""
    if rng.random() < setting.rates.rerouted:
        other = {"department": rng.choice(setting.departments)}
        return _Said(handled_at * 0.6, SUPERVISION, "reroute", other)
    if rng.random() < setting.rates.closed:
        return _Said(handled_at * 0.6, SUPERVISION, "close", {})
    return None


def _pauses(own: str, rates: Rates, rng: random.Random, handled_at: float) -> list[_Said]:
    """Extensions and suspensions."""
    script: list[_Said] = []
    if rng.random() < rates.extension:
        decision: FeedbackKind = "grant-extension" if rng.random() < rates.granted else "reject-extension"
        script += [
            _Said(handled_at * 0.6, own, "ask-extension", {"limit": "24h"}),
            _Said(handled_at * 0.7, SUPERVISION, decision, {}),
        ]
    if rng.random() < rates.suspended:
        script += [
            _Said(handled_at * 0.8, SUPERVISION, "suspend", {}),
            _Said(handled_at * 0.9, SUPERVISION, "resume", {}),
        ]
    return script


def _checks(own: str, rates: Rates, rng: random.Random, handled_at: float) -> list[_Said]:
    at, script = handled_at, list[_Said]()
    while True:
        at += rates.check_s * rng.lognormvariate(0, 0.7)
        if rng.random() >= rates.failed:
            return [*script, _Said(at, SUPERVISION, "check-passed", {})]
        script.append(_Said(at, SUPERVISION, "check-failed", {}))
        at += handled_at * 0.5
        script.append(_Said(at, own, "handled", {}))


def _impossible(task: Task, setting: Setting, rng: random.Random, script: Sequence[_Said], limit: float) -> _Said:
    """Something that is not possible, whatever the stage of the task."""
    own = task.department
    others = [one for one in setting.departments if one != own] or [own]
    at = rng.uniform(0, script[-1].at if script else limit)
    said = rng.choice(
        [
            _Said(at, own, "check-passed", {}),
            _Said(at, SUPERVISION, "accept", {}),
            _Said(at, rng.choice(others), "handled", {}),
            _Said(at, own, "accept", {}, task=f"{task.case}.99"),
            _Said(at, SUPERVISION, "reroute", {"department": "moon"}),
            _Said(at, own, "progress", {"remark": "no field of the schema"}, label="malformed"),
        ]
    )
    if script and rng.random() < 0.2:  # other content under an id that was used
        used = next((number for number, one in enumerate(script) if one.sender == own), None)
        if used is not None:
            said = _Said(script[used].at + 1, own, "progress", {"reason": "other content"}, id=f"{task.id}-{used + 1}")
    if said.label == "usual":
        said.label = "impossible"
    return said


def _deliver(script: Sequence[_Said], rates: Rates, rng: random.Random) -> None:
    """When each is delivered: at once, later from a phone without network, or after the one that follows."""
    for one in script:
        one.delivered = one.at
        if rng.random() < rates.offline:
            one.delivered += min(rates.longest_s, rates.offline_s * rng.lognormvariate(0, 1.3))
    for one, after in pairwise(script):
        if rng.random() < rates.swapped:
            one.delivered, after.delivered = after.delivered, one.delivered


def _written(
    script: Sequence[_Said], task: Task, rates: Rates, rng: random.Random, begin: datetime
) -> list[PlannedAnswer]:
    answers: list[PlannedAnswer] = []
    for number, one in enumerate(script, 1):
        skew = max(-2 * rates.skew_s, min(2 * rates.skew_s, rng.gauss(0, rates.skew_s)))
        if rng.random() < rates.day_off:
            skew += rng.choice((-DAY_S, DAY_S))
        answer = PlannedAnswer(
            delivered_at=begin + timedelta(seconds=one.delivered),
            sender=one.sender,
            id=one.id or f"{task.id}-{number}",
            task=one.task or task.id,
            value=_value(one, task, number, begin + timedelta(seconds=one.at + skew)),
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


def _value(one: _Said, task: Task, number: int, at: datetime) -> bytes:
    reason = {"reason": REASONS[one.kind]} if one.kind in REASONS else {}
    return _encode(
        {
            "id": one.id or f"{task.id}-{number}",
            "task": one.task or task.id,
            "partition_key": task.partition_key,
            "kind": one.kind,
            "actor": f"{one.sender[:40]}-17",
            "occurred_at": rfc3339(at.replace(microsecond=0)),
            **reason,
            **one.fields,
        }
    )
