"""Record the log of the history of lives again: `python -m tests.replay.life_capture`.

Needed only to widen what the history covers. What is said about a task follows from what the router has decided, so a new log is another history.

Networks report as in the simulation. What departments, inspectors and supervisors say, `router/simulator/departments` plans with the rates of a bad
city. What the simulation does not have, `life_troubles` adds: corrections and closings after the answers, erasures, and feedback of every
rejected kind. A partition gets a tick when something is due at the end of a step.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from typing import Any

from msgspec.structs import replace

from router.cities.folder import city_folder
from router.domain.feedback.reading import read_feedback
from router.domain.intake.admit import admit
from router.domain.intake.dedup import DedupIndex
from router.domain.intake.normalise import RECEIVED_AT
from router.domain.model.case import Case
from router.domain.model.erasure import Erasure
from router.domain.model.feedback import Feedback
from router.domain.model.report import Report, Tick
from router.domain.model.source_record import PlainRecord
from router.domain.model.task import Task
from router.domain.networks.registry import NETWORKS
from router.simulator.departments.plan import is_checked, plan, plan_filing
from router.simulator.departments.rates import Setting
from router.simulator.messages import SourceMessage, rfc3339
from router.simulator.synthetic.stream import Simulation, messages, read_simulation
from router.wire.codec import (
    Encoded,
    decode_event,
    encode_erasure,
    encode_feedback,
    encode_report,
    encode_tick,
)
from router.wire.partitioning import partition_for_cell
from tests.chaos.answerers import BAD_CITY
from tests.replay.life import Life
from tests.replay.life_city import CITY, FIRST, rule_sets
from tests.replay.life_events import PARTITIONS, Logged, events_file, write_events
from tests.replay.life_troubles import Troubles

FIRST_DAY = date(2026, 12, 14)
"""Of the simulation, a Monday, so that limits reach into the next year."""
DAYS, RATE, SEED = 60.0, 6.7e-5, 1
"""How long networks report, and how many reports a second."""
MANY, THEN_EVERY = 380, 12
"""After this number of messages only one in this number is sent: the first ones live on while log time passes."""
STEP = timedelta(hours=5)
"""Between the instants at which ticks may come."""
FILED_S = 10 * 3600.0
RATES = replace(
    BAD_CITY,
    handled_median=0.35,
    check_s=6 * 3600.0,
    offline_s=20 * 60.0,
    longest_s=20 * 3600.0,
    skew_s=60.0,
    day_off=0.03,
)
"""The shares of a bad city, and the times of a real one."""


def _simulation() -> Simulation:
    shipped = read_simulation(city_folder(CITY))
    return replace(shipped, parameters=shipped.parameters.model_copy(update={"first_day": FIRST_DAY}))


class LifeCapture:
    """Makes the log while it folds it."""

    def __init__(self) -> None:
        self.rules = rule_sets()
        self.life = Life(self.rules)
        self.log: list[Logged] = []
        self.reports: dict[str, tuple[Report, bytes]] = {}
        """Report id -> its latest version, and the key of its events."""
        self._city = self.rules.of(FIRST)
        self._setting = Setting(
            departments=sorted(self._city.catalogue.departments),
            transfers=self._city.catalogue.transfers,
            seed=SEED,
            rates=RATES,
        )
        self._due: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self._planned = 0
        self._offsets, self._stored = Counter[int](), Counter[str]()
        self._dedup: dict[str, DedupIndex] = defaultdict(DedupIndex)
        self._known: set[str] = set()
        self._troubles = Troubles(self, sorted(self._city.catalogue.matters), self._working_days())

    def run(self) -> None:
        """Make the whole log."""
        all_messages = messages(self._city, _simulation(), reports=None, days=DAYS, seed=SEED, rate=RATE)
        for number, message in enumerate(all_messages):
            if number < MANY or number % THEN_EVERY == 0:
                self.at(message.received_at, partial(self._report, message))
        first = self._due[0][0]
        until, end = first, first + timedelta(days=DAYS + 8)
        while until < end:
            until += STEP
            while self._due and self._due[0][0] < until:
                at, _, act = heappop(self._due)
                act(at)
            self._tick(until)

    def _working_days(self) -> list[str]:
        """Matters whose limit counts working days, so that it may be provisional."""
        return [
            name
            for name, matter in sorted(self._city.catalogue.matters.items())
            if (limit := matter.limits.get("lead")) is not None and limit.calendar != "calendar-hours"
        ]

    def at(self, at: datetime, act: Callable[[datetime], None]) -> None:
        """Do something later."""
        self._planned += 1
        heappush(self._due, (at, self._planned, act))

    def _report(self, message: SourceMessage, at: datetime) -> None:
        record = self._record(f"reports.{message.network}", message.source_id, message.value, at)
        dedup = self._dedup[message.network]
        for report, home in admit(NETWORKS[message.network], [record], self.rules, dedup).events:
            self.fold(encode_report(report, home))

    def say(self, sender: str, task: str, value: bytes, at: datetime) -> None:
        """A record on a topic of feedback. What is malformed does not reach the log."""
        read = read_feedback(self._record(f"feedback.{sender}", task, value, at), sender)
        if isinstance(read, Feedback):
            self.fold(encode_feedback(read))

    def correct(self, report_id: str, at: datetime, **changes: Any) -> None:
        """The network corrects a report, or closes it."""
        report, home = self.reports[report_id]
        offset = self._record(f"reports.{report.network}", "", b"", at).offset
        changed = replace(
            report,
            version=report.version + 1,
            received_at=at,
            first_received_at=report.first_received_at or report.received_at,
            provenance=replace(report.provenance, offset=offset),
            rule_set=self.rules.version_at(at),
            **changes,
        )
        self.fold(encode_report(changed, home.decode()))

    def erase(self, case: str, key: str, at: datetime) -> None:
        """A person's data must leave a case: requested at this instant."""
        id_, actor, reason = f"{case}/{at.isoformat()}", "c****k", "PIPL article 47"
        erasure = Erasure(id=id_, case=case, at=at, actor=actor, reason=reason, partition_key=key)
        self.fold(encode_erasure(erasure))

    def fold(self, encoded: Encoded, partition: int | None = None) -> None:
        """Append a record to the log, fold it, and plan what follows."""
        key, value, headers = encoded
        where = partition_for_cell(key, PARTITIONS) if partition is None else partition
        record = Logged(where, self._offsets[where], key, value, headers)
        self._offsets[where] += 1
        self.log.append(record)
        event = decode_event(headers, value)
        if isinstance(event, Report):
            self.reports[event.id] = event, key
        outcome = self.life.fold(record)
        now = event.at if isinstance(event, Tick | Erasure) else event.received_at
        for task in outcome.tasks:
            if task.state == "dispatched" and task.id not in self._known:
                self._known.add(task.id)
                self._answer(task, now)
        for case in outcome.cases:
            if case.state == "verifying" and case.id not in self._known:
                self._known.add(case.id)
                self._file(case, now)
            self._troubles.note(case, now)

    def _answer(self, task: Task, now: datetime) -> None:
        for one in plan(task, self._setting, checked=is_checked(task, self._city.catalogue), begin=now):
            self.at(one.delivered_at, partial(self.say, one.sender, one.task, one.value))
        self._troubles.lie(task, now)

    def _file(self, case: Case, now: datetime) -> None:
        for one in plan_filing(case, self._setting, begin=now, within_s=FILED_S):
            self.at(one.delivered_at, partial(self.say, one.sender, one.task, one.value))

    def _tick(self, now: datetime) -> None:
        version = self.rules.version_at(now)
        for partition, state in enumerate(self.life.states):
            due = state.next_due()
            if (due is not None and due <= now) or state.provisional.wait_for(version):
                self.fold(encode_tick(Tick(at=now, rule_set=version), partition), partition)

    def _record(self, topic: str, key: str, value: bytes, at: datetime) -> PlainRecord:
        self._stored[topic] += 1
        return PlainRecord(
            topic=topic,
            partition=0,
            offset=self._stored[topic] - 1,
            timestamp=round(at.timestamp() * 1000),
            key=key.encode(),
            value=value,
            headers=[(RECEIVED_AT, rfc3339(at).encode())],
        )


if __name__ == "__main__":
    capture = LifeCapture()
    capture.run()
    write_events(capture.log)
    print(f"{events_file().name}: {len(capture.log):,} events, {events_file().stat().st_size:,} bytes")
    for group, counted in capture.life.counts.summary(capture.life.cases.values()).items():
        print(group, counted)
