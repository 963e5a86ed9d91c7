"""The golden summary of a history: counts and digests of all decisions, independent of field names.

`decided` is the only place that selects what counts as a decision. After a field is renamed, edit it there; the digests
do not change. Sentences, CloudEvents ids and rule-set versions are not decisions.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from router.domain.logic_version import LOGIC_VERSION
from router.domain.model.case import Assignment, Case, CaseReport
from router.domain.model.escalation import Escalation
from router.domain.model.report import Provenance, Report, Tick
from router.domain.model.task import Task
from router.domain.rules.city import City
from tests.replay.history import BLOCK, History, Output
from tests.replay.sources import HERE, Sourced, read_sources
from tests.support.cities import shipped

_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode  # sets, too, whose order changes from process to process
DIGEST_BYTES = 8


class Rules(Struct, frozen=True, kw_only=True):
    """The city's data that the decisions follow."""

    rule_set: str
    """Version of the city's rule set: catalogue, code tables and cells."""
    merging: str
    """Digest of the merge parameters, which are not part of the rule-set version."""


class Golden(Struct, frozen=True, kw_only=True):
    """The contents of `<city>.golden.json`."""

    logic_version: int
    rules: Rules
    records: int
    """Source records."""
    counts: dict[str, dict[str, int]]
    """Outputs by kind, events by decision, dead letters by code, results of source records, causes of closed windows."""
    blocks: tuple[str, ...]
    """One digest for each 1,000 source records, of all decisions made while they were read."""
    cases: str
    """Digest of the final state of all cases."""


def decided(output: Output) -> tuple[Any, ...]:
    """The decisions in one output, as values in a fixed order."""
    content = output.content
    if isinstance(content, Report):
        values: tuple[Any, ...] = (output.key, output.decision, *_report(content))
    elif isinstance(content, Tick):
        values = (output.decision, content.at)
    elif isinstance(content, Case):
        values = case_values(content)
    elif isinstance(content, Task):
        values = task_values(content, output.versions)
    elif isinstance(content, Escalation):
        values = (content.id, content.kind, content.at, content.sent_at, content.due_at, content.area, content.settled)
    else:
        record, rejection = content
        values = (rejection.code, record.topic, record.partition, record.offset)
    return (output.kind, output.partition, *values)


def _report(report: Report) -> tuple[Any, ...]:
    at = report.location
    return (
        *(report.id, report.version, report.network, report.source_id, report.matter),
        *(report.source_code, report.source_code_version),
        *(report.occurred_at, report.reported_at, report.received_at),
        *(at.cell, at.resolved_by, _near(at.accuracy_m), _near(at.lon), _near(at.lat), at.source_grid, bool(at.doubt)),
        *(report.status, report.urgency, report.severity, report.certainty),
        *(report.component_id, report.description, report.reporter, report.person, len(report.media), report.closed),
        *address(report.provenance),
    )


def case_values(case: Case) -> tuple[Any, ...]:
    """What a case says, without its tasks' lives."""
    return (
        *(case.id, case.cell, case.matter, case.state),
        *(case.opened_at, case.updated_at, case.occurred_at, case.window_until, case.window_closed_at),
        *(_near(case.accuracy_m), _near(case.lon), _near(case.lat), case.resolved_by, case.component_id),
        *(case.status, case.urgency, case.severity, case.certainty, case.description),
        [_joined(report) for report in case.reports],
        [
            (a.task, a.department, a.role, a.rule, a.unit, a.due_at, a.dispatched_at, a.withdrawn_at, *_provisional(a))
            for a in case.assignments
        ],
        [(suggestion.case, _near(suggestion.score)) for suggestion in case.suggestions],
        [(left.report, left.version, left.at, left.case) for left in case.departed],
    )


def _joined(report: CaseReport) -> tuple[Any, ...]:
    return (
        *(report.id, report.version, report.network, report.matter, report.cell, report.joined),
        *(report.occurred_at, report.received_at, *address(report.provenance)),
        *(_near(report.score), _near(report.distance_m), _near(report.apart_s)),
        [_near(number) for number in report.place or ()],
        *(report.description, report.reporter, report.person, report.closed, report.former),
        [
            (
                old.version,
                old.matter,
                old.cell,
                old.occurred_at,
                old.received_at,
                *address(old.provenance),
                old.description,
            )
            for old in report.earlier
        ],
    )


def task_values(task: Task, versions: int) -> tuple[Any, ...]:
    """What a task says, without its life."""
    return (
        *(task.id, task.case, task.department, task.role, task.unit, task.state, task.rule, task.workflow),
        *(task.matter, task.cell, task.dispatched_at, task.due_at, task.updated_at, versions),
        *(_near(task.lon), _near(task.lat), task.status, task.urgency, task.severity, task.description),
        *_provisional(task),
    )


def _provisional(one: Assignment | Task) -> tuple[str, ...]:
    """Only where it is true, so that histories without such deadlines keep their digests."""
    return ("provisional",) if one.due_provisional else ()


def address(provenance: Provenance) -> tuple[str, int, int]:
    """Where a source record stood."""
    return provenance.topic, provenance.partition, provenance.offset


def _near(number: float | None) -> float | None:
    """Rounded, because machines differ in the last digits of sines and roots."""
    return None if number is None else round(number, 6)


class Replayed(NamedTuple):
    """The decisions of today's code for a history, and its source records."""

    golden: Golden
    records: Sequence[Sourced]


def rules_of(city: str) -> Rules:
    """The current data of a city."""
    loaded = shipped(city)
    return Rules(rule_set=loaded.rule_set, merging=digest_of_merging(loaded))


def digest_of_merging(city: City) -> str:
    """The digest of a city's merge parameters."""
    return blake2b(_encode_sorted(city.merging.model_dump()), digest_size=DIGEST_BYTES).hexdigest()


def replay(city: str) -> Replayed:
    """Replay the whole history of a city."""
    watched = Watched(city)
    for _ in watched.outputs():
        pass
    return Replayed(watched.golden(), watched.records)


class Watched:
    """Counts and digests the outputs of a history while the caller iterates over them.

    Args:
        city: whose history.
    """

    def __init__(self, city: str) -> None:
        self.records = read_sources(city)
        self._city = city
        self._history = History(shipped(city))
        self._counts: dict[str, Counter[str]] = {name: Counter() for name in ("outputs", "decisions", "dead letters")}
        self._blocks: list[str] = []

    def outputs(self) -> Iterator[Output]:
        """Every output in its order."""
        digests = [blake2b(digest_size=DIGEST_BYTES) for _ in range(0, len(self.records), BLOCK)]
        for output in self._history.replay(self.records):
            self._count(output)
            digests[output.block].update(_encode(decided(output)))
            yield output
        self._blocks = [digest.hexdigest() for digest in digests]

    def golden(self) -> Golden:
        """The summary, after all outputs were consumed."""
        counts = {name: dict(sorted(numbers.items())) for name, numbers in self._counts.items()}
        counts["sources and windows"] = dict(sorted((+self._history.counts).items()))
        counts["cases"] = {"all": len(self._history.cases)}
        return Golden(
            logic_version=LOGIC_VERSION,
            rules=rules_of(self._city),
            records=len(self.records),
            counts=counts,
            blocks=tuple(self._blocks),
            cases=_digest_of_cases(self._history.cases.values()),
        )

    def _count(self, output: Output) -> None:
        self._counts["outputs"][output.kind] += 1
        if output.kind in {"event", "tick"}:
            self._counts["decisions"][output.decision] += 1
        elif output.kind == "dead-letter":
            self._counts["dead letters"][output.content.rejection.code] += 1  # type: ignore[union-attr]


def _digest_of_cases(cases: Iterable[Case]) -> str:
    digest = blake2b(digest_size=DIGEST_BYTES)
    for case in sorted(cases, key=lambda case: case.id):
        digest.update(_encode(case_values(case)))
    return digest.hexdigest()


def golden_file(city: str) -> Path:
    """Where the golden file of a city is kept."""
    return HERE / f"{city}.golden.json"


def read_golden(city: str) -> Golden:
    """The recorded summary of a city."""
    return msgspec.json.decode(golden_file(city).read_bytes(), type=Golden)


def write_golden(city: str, golden: Golden) -> None:
    """Write the summary of a city's history."""
    golden_file(city).write_bytes(msgspec.json.format(msgspec.json.encode(golden), indent=1) + b"\n")
