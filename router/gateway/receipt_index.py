"""Which case has a report, and how far it is: in memory, bounded, made of the records that the router has written.

It holds what receipts say, and nothing of a report but its id. Each gateway builds its own from the same topics.
"""

from collections import OrderedDict
from datetime import UTC, datetime

from msgspec import Struct

from router.domain.explanation.progress import CaseProgress, progress_of
from router.domain.model.case import Case, CaseReport
from router.domain.model.identity import first_incident_id, incident_id
from router.domain.model.report import REPORTS_KEPT
from router.gateway.receipt_keys import ReceivedReport

MOST_REPORTS = 500_000
"""Reports that are known; beyond it the cases go first that have ended, the one that was archived longest ago before the others."""
MOST_REJECTED = 100_000
ID_KEPT_S = int(REPORTS_KEPT.total_seconds())
"""How long a source id surely names the same report. The router forgets it then, and who sends it again has a new report of the same id."""
ID_REUSED = "id-reused"
"""Code of a record that is not about the incident that its id names by now."""
KEPT_S = 90 * 86_400
"""How long the case of a report is known after it was archived, in seconds."""


class KnownReport(Struct, frozen=True):
    """What is known of a received report."""

    progress: CaseProgress | None
    """Of its case; None: no case has it."""
    rejected: str | None
    """Code by which its record was rejected; None: it was not."""
    case: str | None = None
    """Id of its case."""


class _Entry(Struct, frozen=True, gc=False):
    progress: CaseProgress
    reports: tuple[str, ...]
    received_s: tuple[int, ...]
    """When the first version of each report was received, in seconds since 1970."""
    ended_s: int | None
    """When the case was archived; None while something may reach it."""


class ReceiptIndex:
    """Cases and rejections by report.

    Args:
        most_reports: that are known.
    """

    def __init__(self, most_reports: int = MOST_REPORTS) -> None:
        self._most = most_reports
        self.latest: datetime | None = None
        """When the latest of all cases was changed."""
        self._open: OrderedDict[str, _Entry] = OrderedDict()
        self._ended: OrderedDict[str, _Entry] = OrderedDict()
        """By case id, the one that changed longest ago first."""
        self._case_of: dict[str, str] = {}
        """Report id -> case id."""
        self._again: dict[str, tuple[str, ...]] = {}
        """Id of the first incident with a source id -> ids of the later ones."""
        self._rejected: OrderedDict[tuple[str, int, int], str] = OrderedDict()
        """Network, partition and offset of a record -> code."""

    def __len__(self) -> int:
        return len(self._case_of)

    def add_case(self, case: Case, ended_s: int | None = None) -> None:
        """A record of `grid.cases`; with `ended_s`, the time of Kafka in seconds, one of `grid.archive`."""
        self.latest = case.updated_at if self.latest is None else max(self.latest, case.updated_at)
        known = self._open.pop(case.id, None) or self._ended.pop(case.id, None)
        if known is not None and (known.progress.revision, known.ended_s or 0) > (case.revision, ended_s or 0):
            self._keep(case.id, known)  # the two topics are read side by side
            return
        received_s = tuple([_received_s(one) for one in case.reports])
        entry = _Entry(progress_of(case), tuple([one.id for one in case.reports]), received_s, ended_s)
        if known is not None and known.reports != entry.reports:
            self._forget_reports(case.id, [one for one in known.reports if one not in entry.reports])
        for report in entry.reports:
            self._case_of[report] = case.id
            first = first_incident_id(report)
            if first is not None and report not in self._again.get(first, ()):
                self._again[first] = (*self._again.get(first, ()), report)
        self._keep(case.id, entry)
        while len(self._case_of) > self._most and (self._ended or self._open):
            self._drop(self._ended or self._open)

    def add_rejection(self, network: str, partition: int, offset: int, code: str) -> None:
        """A record of `rejections.<network>`."""
        self._rejected[network, partition, offset] = code
        if len(self._rejected) > MOST_REJECTED:
            self._rejected.popitem(last=False)

    def expire(self, now_s: float) -> None:
        """Forget the cases that were archived too long ago, so that every gateway says the same."""
        while self._ended and (next(iter(self._ended.values())).ended_s or 0) < now_s - KEPT_S:
            self._drop(self._ended)

    def of(self, report: ReceivedReport) -> KnownReport:
        """What is known of a report. Of a case whose report has the same id and is another one, nothing is."""
        rejected = self._rejected.get((report.network, report.partition, report.offset))
        incident = self._incident(report)
        case = self._case_of.get(incident)
        entry = None if case is None else self._open.get(case) or self._ended.get(case)
        if entry is None or not _is_of(report, entry.received_s[entry.reports.index(incident)], rejected):
            return KnownReport(None, rejected, None)
        return KnownReport(entry.progress, rejected, case)

    def of_case(self, case: str) -> CaseProgress | None:
        """How far a case is; None if it is not known."""
        entry = self._open.get(case) or self._ended.get(case)
        return None if entry is None else entry.progress

    def _incident(self, report: ReceivedReport) -> str:
        """The id of the report: of several incidents with one source id, the one that it meant when it was received."""
        first = incident_id(report.network, report.source_id, None)
        later = self._again.get(first)
        if later is None:
            return first
        at = datetime.fromtimestamp(report.received_s, UTC)
        until = incident_id(report.network, report.source_id, at)
        return max((one for one in later if one <= until), default=first)

    def _keep(self, case: str, entry: _Entry) -> None:
        (self._open if entry.ended_s is None else self._ended)[case] = entry

    def _drop(self, cases: OrderedDict[str, _Entry]) -> None:
        case, entry = cases.popitem(last=False)
        self._forget_reports(case, entry.reports)

    def _forget_reports(self, case: str, reports: "tuple[str, ...] | list[str]") -> None:
        for report in reports:
            if self._case_of.get(report) != case:
                continue  # another case has it
            del self._case_of[report]
            first = first_incident_id(report)
            if first is not None:
                left = tuple(one for one in self._again.get(first, ()) if one != report)
                if left:
                    self._again[first] = left
                else:
                    self._again.pop(first, None)


def _received_s(report: CaseReport) -> int:
    """When its first version was received."""
    first = report.earlier[0] if report.earlier else report
    return int(first.received_at.timestamp())


def _is_of(asked: ReceivedReport, received_s: int, rejected: str | None) -> bool:
    """Whether the report of a case is the one of the receipt, though both have the same id.

    A report that was first received after the id of the receipt was forgotten is another one. A record that was rejected opened no
    report: then the case counts only if it is of the same incident, and not so old that it is of another one.
    """
    if received_s > asked.received_s + ID_KEPT_S:
        return False
    return rejected is None or (rejected != ID_REUSED and received_s >= asked.received_s - ID_KEPT_S)
