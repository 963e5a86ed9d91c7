"""The audit: every id that was sent against every record that the router wrote. Reads everything, changes nothing.

    ledger ── networks' topics ── grid.events ── grid.cases, tasks.*, grid.dead-letters, grid.dedup.*
           what was kept       every event      the same fold in this process, byte for byte

It is made apart from the product's own ledger (`router/simulator/replay/ledger.py`) and shares no line with it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec import Struct

from router.domain.rules.rule_sets import RuleSets
from router.wire.topics import Names
from tests.chaos.audit.case_table import Table, check_partition
from tests.chaos.audit.dead_letters import check_letters
from tests.chaos.audit.dedup_index import check_memory
from tests.chaos.audit.findings import Findings
from tests.chaos.audit.grid_events import Stream, named
from tests.chaos.audit.sources import Sources, sources
from tests.chaos.audit.tasks import check_tasks
from tests.chaos.audit.topics import Log
from tests.chaos.ledger import Entry, Kept


class Verdict(Struct, frozen=True, kw_only=True):
    """What the audit found."""

    findings: Findings
    reports: int
    """Records that Kafka keeps on the networks' topics, of every kind."""
    events: int
    ticks: int
    cases: int
    tasks: int
    dead_letters: int
    late: int
    """Events decided wholly by another rule set than the one that held, because a worker stood still when it changed."""


class Deployment(Struct, frozen=True, kw_only=True):
    """What is audited."""

    log: Log
    names: Names
    partitions: int
    rule_sets: RuleSets
    """As they stand on `grid.rule-sets`."""


def audit(entries: Sequence[Entry], kept: Mapping[int, Kept], of: Deployment) -> Verdict:
    """Compare every id.

    Args:
        entries: of the ledger, by their number less one.
        kept: what Kafka acknowledged, by number.
        of: whose workers have ended.
    """
    findings, names, log = Findings(), of.names, of.log
    city = of.rule_sets.first
    networks = sorted(city.codes)
    known = sources(entries, kept, log, {one: names.reports(one) for one in networks}, findings)
    _check_positions(known, log, findings)
    table, wanted = Table(), dict[str, Counter[str]]()
    events = ticks = late = 0
    stream = Stream(
        log, names.events, partitions=of.partitions, sources=known.at, rule_sets=of.rule_sets, findings=findings
    )
    for partition in range(of.partitions):
        folded = stream.fold(partition)
        check_partition(
            partition,
            folded,
            table,
            log=log,
            topic=names.cases,
            sources=known.at,
            rule_sets=of.rule_sets,
            findings=findings,
        )
        for department, digests in folded.tasks.items():
            wanted.setdefault(department, Counter()).update(digests)
        events, ticks, late = events + folded.reports, ticks + folded.ticks, late + folded.late
    stream.close()
    _check_standing(known, table, findings)
    tasks = check_tasks(city.catalogue.departments, wanted, table, log=log, names=names, findings=findings)
    dead_letters = check_letters(known.at, log=log, topic=names.dead_letters, findings=findings)
    check_memory(known.memory, networks, log=log, names=names, findings=findings)
    return Verdict(
        findings=findings,
        reports=len(known.at),
        events=events,
        ticks=ticks,
        cases=len(table.cases),
        tasks=tasks,
        dead_letters=dead_letters,
        late=late,
    )


def _check_positions(known: Sources, log: Log, findings: Findings) -> None:
    """Whether the workers committed every record of the networks' topics."""
    for (topic, partition, offset), entry in known.at.items():
        if offset >= log.position(topic, partition):
            findings.add("not finished", entry.report)


def _check_standing(known: Sources, table: Table, findings: Findings) -> None:
    """Whether every report, and every version of it, stands in a case."""
    for place, entry in known.at.items():
        if entry.outcome in {"case", "update"} and place not in table.standing:
            findings.add("lost", named(entry))
