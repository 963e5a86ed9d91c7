"""The ledger reconciles every id that was sent with every case, task and dead letter. Pure: values in, values out.

Only a comparison of every id finds what counters cannot: one report lost and another duplicated leave every sum right.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from router.domain.model.case import Case, CaseReport
from router.domain.model.report import Provenance
from router.domain.model.task import Task
from router.simulator.messages import RecordAddress, Sent

Fault = Literal[
    "lost",
    "in two cases",
    "in a case and dead",
    "dead-lettered twice",
    "never sent",
    "dispatched twice",
    "case without task",
    "task without case",
]
"""What can go wrong with an id. A report: in no case and no dead letter; in two cases, or twice in one; in a case and
a dead letter; twice in the dead letters; in a case or a dead letter without having been sent. A task: twice; missing; without a case.
"""
LOSSES: frozenset[Fault] = frozenset({"lost", "case without task"})


class Dead(Struct, frozen=True):
    """A dead letter, as far as the ledger needs it."""

    place: RecordAddress
    """Address of the network's own record."""
    code: str


class Ledger(Struct, frozen=True):
    """What became of everything that was sent."""

    faults: Mapping[Fault, Sequence[str]]
    """Kind of fault -> the ids at fault, sorted. Kinds without a fault are left out."""
    rejected_sound: Sequence[str]
    """Report ids of sound messages that the router rejected. Not lost, but worth a look."""
    merged: int
    """Reports that joined a case that another report had opened."""

    @property
    def lost(self) -> int:
        """Number of ids that are missing."""
        return sum(len(ids) for fault, ids in self.faults.items() if fault in LOSSES)

    @property
    def duplicated(self) -> int:
        """Number of ids that occur too often, or where they must not."""
        return sum(len(ids) for fault, ids in self.faults.items() if fault not in LOSSES)


def reconcile(sent: Sequence[Sent], cases: Mapping[str, Case], tasks: Sequence[Task], dead: Sequence[Dead]) -> Ledger:
    """Compare every id.

    Args:
        sent: every acknowledged record; a redelivered report appears once for each of its records.
        cases: the last state of each case, by its id.
        tasks: every task record on every department's topic.
        dead: every dead letter.
    """
    found = _reports(sent, cases, dead) | _tasks(cases, tasks)
    places = {dead_letter.place for dead_letter in dead}
    rejected = {one.report for one in sent if one.kind != "malformed" and one.place in places}
    return Ledger(
        faults={fault: sorted(ids) for fault, ids in found.items() if ids},
        rejected_sound=sorted(rejected),
        merged=sum(len(case.reports) - 1 for case in cases.values() if case.reports),
    )


def _reports(sent: Sequence[Sent], cases: Mapping[str, Case], dead: Sequence[Dead]) -> dict[Fault, set[str]]:
    named = Counter(report.id for case in cases.values() for report in case.reports)
    standing = Counter(_place(p) for case in cases.values() for report in case.reports for p in _provenances(report))
    rejected = Counter(dead_letter.place for dead_letter in dead)
    omitted = Counter({report.id: report.earlier_omitted for case in cases.values() for report in case.reports})
    """Report -> versions that its case counts and no longer has."""
    faults: dict[Fault, set[str]] = {"lost": set(), "in two cases": set(), "in a case and dead": set()}
    missing: dict[str, list[Sent]] = {}
    for one in sent:
        if one.kind == "updated":  # each version on its own: in its report's case, or rejected
            stands, dead_ = standing[one.place], one.place in rejected
            if not stands and not dead_:
                missing.setdefault(one.report, []).append(one)
            faults["in two cases"] |= {_version(one)} if stands > 1 else set()
            faults["in a case and dead"] |= {_version(one)} if stands and dead_ else set()
    for report, versions in missing.items():
        faults["lost"] |= {_version(one) for one in versions[omitted[report] :]}
    for report, places in _places(sent).items():
        # a malformed message may have become a report under another id than expected; its address finds it
        times = named[report] or sum(standing[place] for place in places)
        dead_places = sum(place in rejected for place in places)
        if times == 0 and dead_places < len(places):
            faults["lost"].add(report)
        if times > 1:
            faults["in two cases"].add(report)
        if times and dead_places:
            faults["in a case and dead"].add(report)
    faults["dead-lettered twice"] = {_text(place) for place, times in rejected.items() if times > 1}
    faults["never sent"] = _unknown_reports(sent, cases, rejected)
    return faults


def _unknown_reports(sent: Sequence[Sent], cases: Mapping[str, Case], rejected: Counter[RecordAddress]) -> set[str]:
    true = {one.place: one for one in sent}
    unknown = {_text(place) for place in rejected if place not in true}
    for case in cases.values():
        for report in case.reports:
            for provenance in _provenances(report):
                source = true.get(_place(provenance))
                if source is None or (source.kind != "malformed" and source.report != report.id):
                    unknown.add(report.id)
    return unknown


def _tasks(cases: Mapping[str, Case], tasks: Sequence[Task]) -> dict[Fault, set[str]]:
    by_id = Counter(task.id for task in tasks if task.state == "dispatched")
    twice = {id_ for id_, times in by_id.items() if times > 1}
    gone = {
        d.task
        for case in cases.values()
        for d in case.assignments
        if d.withdrawn_at is not None and d.stage != "closed"
    }
    standing = [task for task in tasks if task.state == "dispatched" and task.id not in gone]
    by_duty = Counter((task.case, task.department, task.role, task.unit) for task in standing)
    twice |= {task.id for task in standing if by_duty[task.case, task.department, task.role, task.unit] > 1}
    changes = Counter(
        (task.id, task.state, task.revision, task.updated_at) for task in tasks if task.state != "dispatched"
    )
    twice |= {id_ for (id_, *_), times in changes.items() if times > 1}
    served = {task.case for task in tasks}
    without = {
        case.id
        for case in cases.values()
        if (case.state == "dispatched" and case.id not in served)
        or any(duty.task not in by_id for duty in case.assignments)
    }
    orphans = {task.id for task in tasks if task.case not in cases}
    return {"dispatched twice": twice, "case without task": without, "task without case": orphans}


def _places(sent: Sequence[Sent]) -> dict[str, list[RecordAddress]]:
    places: dict[str, list[RecordAddress]] = {}
    for one in sent:
        if one.kind != "updated":
            places.setdefault(one.report, []).append(one.place)
    return places


def _provenances(report: CaseReport) -> list[Provenance]:
    """For every version of a report."""
    return [report.provenance, *(version.provenance for version in report.earlier)]


def _version(one: Sent) -> str:
    return f"{one.report} ({_text(one.place)})"


def _place(provenance: Provenance) -> RecordAddress:
    return provenance.topic, provenance.partition, provenance.offset


def _text(place: RecordAddress) -> str:
    return "/".join(map(str, place))
