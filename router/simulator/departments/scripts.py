"""What departments, inspectors and supervisors mean to say about one task, in the order in which it happens."""

import random
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from router.domain.model.feedback import SUPERVISION, FeedbackKind
from router.domain.model.task import Task
from router.simulator.departments.rates import Rates, Setting

AnswerLabel = Literal["usual", "impossible", "malformed", "again"]
"""A step of the script; something that is not possible; a record that is no feedback; the bytes of an answer once more."""


class Utterance(Struct):
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


def script_of(task: Task, setting: Setting, rng: random.Random, limit: float, *, checked: bool) -> list[Utterance]:
    """The life of the task as its people mean it, in the order in which it happens."""
    rates = setting.rates
    if rng.random() < rates.silent:
        return []
    own, script = task.department, list[Utterance]()
    end_kind: FeedbackKind = "answer" if task.role == "assist" and rng.random() < rates.answered else "handled"
    handled_at = limit * rates.handled_median * rng.lognormvariate(0, rates.handled_sigma)
    if task.arbitrates and rng.random() < rates.decided:
        return [Utterance(handled_at * 0.3, own, "reroute", {"department": rng.choice(setting.departments)})]
    if rng.random() < (rates.returned_again if task.returns else rates.returned) and not task.final:
        named = {"department": rng.choice(setting.departments)} if rng.random() < rates.named else {}
        return [Utterance(handled_at * 0.2, own, "return", named)]
    if rng.random() < rates.accepted:
        script.append(Utterance(handled_at * 0.1, own, "accept", {}))
        if rng.random() < rates.progress:
            script.append(Utterance(handled_at * 0.5, own, "progress", {}))
        script += _milestones(task, handled_at)
    script += _together(task, setting, rng, handled_at)
    end = _decision(task, setting, rng, handled_at)
    if end is not None:
        return [*script, end]
    script += _pauses(own, rates, rng, handled_at)
    script.append(Utterance(handled_at, own, end_kind, {}))
    if checked:
        script += _checks(own, rates, rng, handled_at)
    if rng.random() < rates.reopened:
        at = script[-1].at
        script += [
            Utterance(at + rates.check_s, SUPERVISION, "reopen", {}),
            Utterance(at + 2 * rates.check_s, own, "handled", {}),
        ]
    return sorted(script, key=lambda one: one.at)


def _milestones(task: Task, handled_at: float) -> list[Utterance]:
    """Each milestone is done at its share of the time."""
    parts = task.milestones
    return [
        Utterance(handled_at * (0.5 + 0.4 * number / len(parts)), task.department, "progress", {"milestone": one.id})
        for number, one in enumerate(parts)
    ]


def _together(task: Task, setting: Setting, rng: random.Random, handled_at: float) -> list[Utterance]:
    """Other departments that help, and supervisors who look on or mute what is known."""
    rates, script = setting.rates, list[Utterance]()
    if rng.random() < rates.supported and task.role == "lead":
        other = {"department": rng.choice(setting.departments)}
        script.append(Utterance(handled_at * 0.4, task.department, "ask-support", other))
    if rng.random() < rates.supervised:
        script.append(Utterance(handled_at * 0.3, SUPERVISION, "supervise", {}))
    if rng.random() < rates.silenced:
        script.append(Utterance(handled_at * 0.35, SUPERVISION, "silence", {"limit": "24h"}))
    return script


def _decision(task: Task, setting: Setting, rng: random.Random, handled_at: float) -> Utterance | None:
    """What is decided so that the department has no longer to do with the task; None for most tasks."""
    partners = sorted({one for together in setting.transfers if task.department in together for one in together})
    if rng.random() < setting.rates.transferred and len(partners) > 1:
        other = {"department": rng.choice([one for one in partners if one != task.department])}
        return Utterance(handled_at * 0.5, task.department, "transfer", other)
    if rng.random() < setting.rates.rerouted:
        other = {"department": rng.choice(setting.departments)}
        return Utterance(handled_at * 0.6, SUPERVISION, "reroute", other)
    if rng.random() < setting.rates.closed:
        return Utterance(handled_at * 0.6, SUPERVISION, "close", {})
    return None


def _pauses(own: str, rates: Rates, rng: random.Random, handled_at: float) -> list[Utterance]:
    """Extensions and suspensions."""
    script: list[Utterance] = []
    if rng.random() < rates.extension:
        decision: FeedbackKind = "grant-extension" if rng.random() < rates.granted else "reject-extension"
        script += [
            Utterance(handled_at * 0.6, own, "ask-extension", {"limit": "24h"}),
            Utterance(handled_at * 0.7, SUPERVISION, decision, {}),
        ]
    if rng.random() < rates.suspended:
        script += [
            Utterance(handled_at * 0.8, SUPERVISION, "suspend", {}),
            Utterance(handled_at * 0.9, SUPERVISION, "resume", {}),
        ]
    return script


def _checks(own: str, rates: Rates, rng: random.Random, handled_at: float) -> list[Utterance]:
    at, script = handled_at, list[Utterance]()
    while True:
        at += rates.check_s * rng.lognormvariate(0, 0.7)
        if rng.random() >= rates.failed:
            return [*script, Utterance(at, SUPERVISION, "check-passed", {})]
        script.append(Utterance(at, SUPERVISION, "check-failed", {}))
        at += handled_at * 0.5
        script.append(Utterance(at, own, "handled", {}))


def impossible(
    task: Task, setting: Setting, rng: random.Random, script: Sequence[Utterance], limit: float
) -> Utterance:
    """Something that is not possible, whatever the stage of the task."""
    own = task.department
    others = [one for one in setting.departments if one != own] or [own]
    at = rng.uniform(0, script[-1].at if script else limit)
    said = rng.choice(
        [
            Utterance(at, own, "check-passed", {}),
            Utterance(at, SUPERVISION, "accept", {}),
            Utterance(at, rng.choice(others), "handled", {}),
            Utterance(at, own, "accept", {}, task=f"{task.case}.99"),
            Utterance(at, SUPERVISION, "reroute", {"department": "moon"}),
            Utterance(at, SUPERVISION, "file", {}),
            Utterance(at, own, "silence", {"limit": "24h"}),
            Utterance(at, SUPERVISION, "silence", {"limit": "31d"}),
            Utterance(at, own, "progress", {"remark": "no field of the schema"}, label="malformed"),
        ]
    )
    if script and rng.random() < 0.2:  # other content under an id that was used
        used = next((number for number, one in enumerate(script) if one.sender == own), None)
        if used is not None:
            said = Utterance(
                script[used].at + 1, own, "progress", {"reason": "other content"}, id=f"{task.id}-{used + 1}"
            )
    if said.label == "usual":
        said.label = "impossible"
    return said


def filing_script(rates: Rates, rng: random.Random, within_s: float) -> list[Utterance]:
    """What is said about a case that waits for its filing."""
    if rng.random() < rates.silent:
        return []
    script = [Utterance(within_s * 0.3, SUPERVISION, "verified", {})] if rng.random() < rates.verified else []
    end: FeedbackKind = "reject" if rng.random() < rates.rejected else "file"
    script.append(Utterance(within_s * 0.6, SUPERVISION, end, {}))
    if end == "reject" and rng.random() < rates.reopened:
        script.append(Utterance(within_s, SUPERVISION, "file", {}))
    if rng.random() < rates.lie:
        script.append(Utterance(within_s * 0.1, SUPERVISION, "close", {}, label="impossible"))
    return script
