"""What a history of lives has beside reports and the plans of its departments: what comes after the answers, and what is wrong."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from msgspec.json import Encoder

from router.domain.model.case import Case
from router.domain.model.feedback import SUPERVISION, FeedbackKind
from router.domain.model.report import Report
from router.domain.model.task import Task
from router.simulator.messages import rfc3339

DAY = timedelta(days=1)
_encode = Encoder().encode


class Log(Protocol):
    """Who makes the log."""

    reports: dict[str, tuple[Report, bytes]]
    """Report id -> its latest version, and the key of its events."""

    def at(self, at: datetime, act: Callable[[datetime], None]) -> None:
        """Do something later."""

    def say(self, sender: str, task: str, value: bytes, at: datetime) -> None:
        """A department or supervision sends feedback."""

    def correct(self, report_id: str, at: datetime, **changes: Any) -> None:
        """A network corrects a report."""

    def erase(self, case: str, key: str, at: datetime) -> None:
        """A person's data must leave a case."""


class Troubles:
    """Plans them as cases are opened and end. What befalls a case follows from its id.

    Args:
        log: takes them.
        matters: of the city, in a fixed order.
        working: those whose limit counts working time.
    """

    def __init__(self, log: Log, matters: list[str], working: list[str]) -> None:
        self._log, self._matters, self._working = log, matters, working
        self._opened: set[str] = set()
        self._ended: set[tuple[str, datetime | None]] = set()
        self._said = 0
        self._flooded = False

    def note(self, case: Case, now: datetime) -> None:
        """A case was opened, or has changed."""
        if case.id not in self._opened:
            self._opened.add(case.id)
            self._while_open(case, now, random.Random(f"{case.id}/opened"))
        ended = case.id, case.closed_at
        if case.closed_at is not None and ended not in self._ended:
            self._ended.add(ended)
            if sum(id_ == case.id for id_, _ in self._ended) < 3:
                self._after_the_end(case, now, random.Random(f"{case.id}/ended"))

    def _while_open(self, case: Case, now: datetime, rng: random.Random) -> None:
        if not case.reports:
            return
        report, later = case.reports[0].id, now + rng.uniform(0.05, 4) * DAY
        draw = rng.random()
        if draw < 0.12:
            self._change(report, later, rng)
        elif draw < 0.18:
            self._log.at(later, lambda at: self._log.correct(report, at, closed="closed"))
            if draw < 0.14:  # it was a mistake
                self._log.at(later + DAY, lambda at: self._log.correct(report, at, closed=None))
        elif draw < 0.24:
            self._erase(case, now + rng.uniform(0.5, 12) * DAY)

    def _after_the_end(self, case: Case, now: datetime, rng: random.Random) -> None:
        """It is corrected, and opened again."""
        draw, report = rng.random(), case.reports[0].id if case.reports else None
        if report is not None and draw < 0.5:
            self._change(report, now + rng.uniform(0.05, 1.5) * DAY, rng)
        elif report is not None and draw > 0.9:  # networks' records are kept no longer
            self._change(report, now + rng.uniform(30.1, 30.9) * DAY, rng)
        kind: FeedbackKind = "file" if case.state == "rejected" else "reopen"
        if rng.random() < (0.7 if kind == "file" else 0.35):
            task = next((one.task for one in case.assignments if one.stage == case.state), None)
            if task is not None:
                self._say(SUPERVISION, kind, task, case.partition_key, now + rng.uniform(1.6, 3) * DAY)
                if kind == "reopen" and rng.random() < 0.5:
                    self._say(SUPERVISION, "close", task, case.partition_key, now + rng.uniform(4, 6) * DAY)
        if rng.random() < 0.1:
            self._erase(case, now + rng.uniform(0.5, 5) * DAY)

    def _change(self, report: str, at: datetime, rng: random.Random) -> None:
        """The report means another matter or place; some corrections are taken back."""
        before, _ = self._log.reports[report]
        matter = rng.choice(self._working if rng.random() < 0.4 else self._matters)
        place = rng.choice(sorted(self._log.reports))
        location = self._log.reports[place][0].location
        changes: dict[str, Any] = {"matter": matter} if rng.random() < 0.7 else {"location": location}
        self._log.at(at, lambda at: self._log.correct(report, at, **changes))
        if rng.random() < 0.25:
            back = {"matter": before.matter, "location": before.location}
            self._log.at(at + 0.7 * DAY, lambda at: self._log.correct(report, at, **back))

    def _erase(self, case: Case, at: datetime) -> None:
        """Asked for twice under one id; and for a case that is none."""
        id_, key = case.id, case.partition_key
        self._log.at(at, lambda _: self._log.erase(id_, key, at))
        self._log.at(at + DAY / 8, lambda _: self._log.erase(id_, key, at))
        self._log.at(at + 40 * DAY, lambda now: self._log.erase(id_, key, now))

    def lie(self, task: Task, now: datetime) -> None:
        """Feedback that is rejected for the kinds of reason that plans seldom have."""
        rng = random.Random(f"{task.id}/lies")
        own, key, soon = task.department, task.partition_key, now + rng.uniform(0.01, 0.2) * DAY
        draw = rng.random()
        if draw < 0.04:
            self._say(own, "progress", task.id, key, soon, milestone="no-such")
            self._say(own, "accept", task.id, key, now + DAY / 200)
            self._say(own, "progress", task.id, key, soon + DAY / 8, milestone="no-such")
        elif draw < 0.08:
            self._say(own, "ask-support", task.id, key, soon, department=own)
        elif draw < 0.12:
            self._say(own, "transfer", task.id, key, soon, department=own)
        elif draw < 0.16 and task.due_at is not None:
            self._say(own, "ask-extension", task.id, key, task.due_at + DAY / 24, limit="24h")
        elif draw < 0.30 and task.milestones:
            self._say(own, "progress", task.id, key, soon, milestone=task.milestones[0].id)
        elif draw > 0.97 and not self._flooded:
            self._flooded = True
            for number in range(70):
                self._say(own, "accept", task.id, key, soon + number * timedelta(seconds=10))

    def _say(self, sender: str, kind: FeedbackKind, task: str, key: str, at: datetime, **fields: str) -> None:
        self._said += 1
        value = _encode(
            {
                "id": f"trouble-{self._said}",
                "task": task,
                "partition_key": key,
                "kind": kind,
                "actor": "t****7",
                "occurred_at": rfc3339(at.replace(microsecond=0)),
                "reason": "as it was seen on site",
                **fields,
            }
        )
        self._log.at(at, partial(self._log.say, sender, task, value))
