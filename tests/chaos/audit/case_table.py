"""Compares the cases of one partition of `grid.cases` with the ledger and with the folded log."""

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct, field

from router.domain.case.size import MAX_REPORTS, MOST_BYTES
from router.domain.model.case import Assignment, Case, CaseReport
from router.domain.model.report import Provenance
from router.domain.rules.rule_sets import RuleSets
from router.domain.state.partition_state import PartitionState
from router.simulator.messages import RecordAddress
from router.wire.codec import decode_case, encode_case
from router.wire.topic_names import Names
from tests.chaos.audit.findings import Findings
from tests.chaos.audit.grid_events import Folded
from tests.chaos.audit.rule_sets import mixed
from tests.chaos.audit.sources import Sources
from tests.chaos.audit.topics import Log, Record
from tests.chaos.ledger import Entry


class Table(Struct):
    """Contents of the cases, over all partitions."""

    home: dict[str, str] = {}
    """Report id -> its case."""
    versions: set[RecordAddress] = field(default_factory=set)
    """Source records that are a version of a report in a case."""
    omitted: set[tuple[str, int]] = field(default_factory=set)
    """Report id and number of the versions that a large case counts and no longer has."""
    largest: int = 0
    """The most reports of a case."""
    cases: set[str] = field(default_factory=set)
    assigned: dict[str, Assignment] = {}
    """Task id -> its assignment, of every case."""
    unheard: set[str] = field(default_factory=set)
    """Ids of tasks of cases that were not filed."""


def check_partition(
    partition: int,
    folded: Folded,
    table: Table,
    *,
    log: Log,
    names: Names,
    sources: Sources,
    rule_sets: RuleSets,
    findings: Findings,
) -> list[Case]:
    """Read the cases of one partition and its archive to the end, compare them, and return them."""
    latest, left = _latest(log, names.cases, partition, findings)
    cases = {id_: decode_case(value) for id_, value in latest.items()}
    archived = _archived(log.read([names.archive], partition), left, folded, findings)
    every = [*cases.values(), *archived]
    for case in every:
        if len(case.reports) > MAX_REPORTS:
            findings.add("case too large", f"{case.id} with {len(case.reports)} reports")
        table.largest = max(table.largest, len(case.reports))
        _check_reports(case, table, folded, sources, findings)
        table.cases.add(case.id)
        table.assigned |= {one.task: one for one in case.assignments}
    _compare(latest, cases, folded, rule_sets, findings)
    findings.add("decided by two rule sets", *mixed(every, rule_sets))
    return every


def _archived(records: Iterable[Record], left: set[str], folded: Folded, findings: Findings) -> list[Case]:
    """The archived cases. Each left the table of cases, and is archived once, as the log says."""
    found: dict[str, bytes] = {}
    for record in records:
        id_ = record.key.decode()
        if id_ in found:
            findings.add("archive differs from the log", f"case {id_} twice")
        found[id_] = record.value
    differing = [id_ for id_ in found.keys() | folded.archived.keys() if found.get(id_) != folded.archived.get(id_)]
    findings.add("archive differs from the log", *sorted({*differing, *(left ^ found.keys())}))
    return [decode_case(value) for value in found.values()]


def _latest(log: Log, topic: str, partition: int, findings: Findings) -> tuple[dict[str, bytes], set[str]]:
    """The last value of every case, and the ids of those that left the table. The versions of a case must increase."""
    latest: dict[str, bytes] = {}
    left: set[str] = set()
    reached: dict[str, tuple[int, bool]] = {}
    for record in log.read([topic], partition):
        id_ = record.key.decode()
        if record.value is None:
            latest.pop(id_, None)
            left.add(id_)
            continue
        if len(record.value) > MOST_BYTES:
            findings.add("case too large", f"{id_} at {len(record.value)} bytes")
        if id_ in left:
            findings.add("out of order in a cell", f"case {id_} after its end")
        version = _version(dict(record.headers)["ce_id"].decode())
        if version <= reached.get(id_, (0, False)):
            findings.add("out of order in a cell", f"case {id_} at {version[0]}")
        latest[id_], reached[id_] = record.value, version
    return latest, left


def _version(event_id: str) -> tuple[int, bool]:
    """`C-12.7.closed`: seven versions of reports so far, window closed."""
    _, versions, *closed = event_id.split(".")
    return int(versions), bool(closed)


def _check_reports(case: Case, table: Table, folded: Folded, sources: Sources, findings: Findings) -> None:
    joined = -1
    for report in case.reports:
        if report.id in table.home:
            findings.add("in two cases", report.id)
        table.home[report.id] = case.id
        numbered = zip(numbers_of(report), versions_of(report), strict=True)
        addresses = [sources.place(address, _is_version(report.id, number)) for number, address in numbered]
        for number, address in zip(numbers_of(report), addresses, strict=True):
            entry = sources.at.get(address)
            if entry is None or (entry.report, entry.version) != (report.id, number):
                findings.add("never sent", f"{report.id} version {number}")
            table.versions.add(address)
        if report.earlier_omitted:
            table.omitted |= {(report.id, number) for number in range(2, 2 + report.earlier_omitted)}
        events = [folded.at.get(address, -1) for address in addresses]
        stayed = report.former is None  # any other report came with a correction
        if events != sorted(events) or (stayed and events[0] <= joined):
            findings.add("out of order in a cell", report.id)
        joined = max(joined, events[0]) if stayed else joined


def _compare(
    latest: Mapping[str, bytes], cases: Mapping[str, Case], folded: Folded, rule_sets: RuleSets, findings: Findings
) -> None:
    wanted = {id_: encode_case(case)[1] for id_, case in folded.cases.items()}
    differing = [id_ for id_ in latest.keys() | wanted.keys() if latest.get(id_) != wanted.get(id_)]
    findings.add("state differs from the log", *sorted(differing))
    restored = PartitionState()
    for case in cases.values():
        restored.restore(case, rule_sets.merging)
    restored.clock = folded.state.clock
    restored.steps.restore(rule_sets)
    again, should = restored.snapshot(), folded.state.snapshot()
    findings.add("state differs from the log", *[f"restored {name}" for name in should if again[name] != should[name]])


def _is_version(report: str, number: int) -> Callable[[Entry], bool]:
    return lambda entry: (entry.report, entry.version) == (report, number)


def numbers_of(report: CaseReport) -> list[int]:
    """Numbers of the versions that its case has. A large case leaves out those that follow the first one."""
    last = 1 + len(report.earlier) + report.earlier_omitted
    return [1, *range(2 + report.earlier_omitted, last + 1)]


def versions_of(report: CaseReport) -> list[RecordAddress]:
    """Addresses of the source records of the versions that its case has, first version first."""
    provenances: list[Provenance] = [*(version.provenance for version in report.earlier), report.provenance]
    return [(one.topic, one.partition, one.offset) for one in provenances]
