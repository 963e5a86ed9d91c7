"""The oracle of the reference job: expected output from the generator's ground truth, compared with a contender's output."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.bench.reference.job import MAX_REPORTS, Made


@dataclass
class Expected:
    """Expected output, record by record. The order across cells does not matter."""

    cases: dict[str, list[str]] = field(default_factory=dict)
    """Case id -> ids of its reports, in their order."""
    rejected: int = 0
    redelivered: int = 0
    records: int = 0
    _latest: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)

    @property
    def reports(self) -> int:
        """Number of different valid reports."""
        return len(self._seen)

    def take(self, record: Made) -> None:
        """Add the next record of `raw`."""
        self.records += 1
        if record.id is None:
            self.rejected += 1
            return
        if record.id in self._seen:
            self.redelivered += 1
            return
        self._seen.add(record.id)
        key = (record.cell, record.category)
        reports = self._latest.get(key)
        if reports is None or len(reports) == MAX_REPORTS:
            reports = self._latest[key] = self.cases[record.id] = []
        reports.append(record.id)


@dataclass(frozen=True)
class Found:
    """The committed output of a contender."""

    cases: Iterable[tuple[str, list[str]]]
    """Every record of `cases`, in the order of its partition: case id, ids of its reports."""
    dispatched: list[str]
    """Case id of every record of `dispatch`."""
    rejected: int
    """Records of `dlq`."""


def faults(expected: Expected, found: Found) -> list[str]:
    """Faults of the output, one sentence each. None when every case has the expected reports and one dispatch."""
    wrong = []
    cases = dict(found.cases)
    differing = sum(cases.get(case) != reports for case, reports in expected.cases.items())
    if differing or len(cases) != len(expected.cases):
        wrong.append(f"{differing} of {len(expected.cases)} cases differ, {len(cases)} exist")
    once = set(found.dispatched)
    if once != expected.cases.keys():
        wrong.append(f"{len(once ^ expected.cases.keys())} cases not dispatched or unknown")
    if len(once) != len(found.dispatched):
        wrong.append(f"{len(found.dispatched) - len(once)} dispatched twice")
    if found.rejected != expected.rejected:
        wrong.append(f"{found.rejected} dead letters, not {expected.rejected}")
    return wrong
