"""The audit compares every id that was sent with every record that the router wrote. It reads only.

    ledger ── networks' topics ── grid.events ── grid.cases, grid.archive, tasks.*, grid.dead-letters, grid.dedup.*
              topics of feedback                  grid.transitions, grid.escalations, feedback.rejected.*
           stored records      every event      the same fold in this process, byte for byte

It is independent of the product's own ledger (`router/simulator/replay/ledger.py`) and shares no line with it.
"""

from collections import Counter
from itertools import chain

from msgspec import Struct

from router.domain.model.feedback import SUPERVISION
from router.domain.rules.rule_sets import RuleSets
from router.wire.topic_names import Names
from tests.chaos.audit.case_table import Table, check_partition
from tests.chaos.audit.dead_letters import check_dead_letters, check_rejections
from tests.chaos.audit.dedup_index import check_dedup_index
from tests.chaos.audit.erasures import check_erased, check_stored
from tests.chaos.audit.feedback import FeedbackAudit, FeedbackFigures, check_feedback
from tests.chaos.audit.findings import Findings
from tests.chaos.audit.grid_events import Stream, describe
from tests.chaos.audit.lives import check_escalations, check_life, is_unheard, read_journal
from tests.chaos.audit.sources import Sources, settled, sources
from tests.chaos.audit.tasks import check_tasks
from tests.chaos.audit.topics import Log
from tests.chaos.feedback_ledger import NO_FEEDBACK, FeedbackLedgered
from tests.chaos.ledger import Ledgered


class Verdict(Struct, frozen=True, kw_only=True):
    """The result of the audit."""

    findings: Findings
    reports: int
    """Records of every kind on the networks' topics."""
    events: int
    ticks: int
    cases: int
    largest: int
    """The most reports of a case."""
    omitted: int
    """Versions that large cases count and no longer have."""
    tasks: int
    unread: int
    """Records that went with a deleted log before the router had read them."""
    dead_letters: int
    feedback: FeedbackFigures
    escalations: int
    erased: int
    """Cases of which data was erased, and that are not archived."""
    late: int
    """Events decided entirely by an older rule set than the active one, because a worker was stalled when it changed."""


class AuditInput(Struct, frozen=True, kw_only=True):
    """The deployment to audit."""

    log: Log
    names: Names
    partitions: int
    rule_sets: RuleSets
    """The rule sets of `grid.rule-sets`."""


def audit(ledgered: Ledgered, of: AuditInput, said: FeedbackLedgered = NO_FEEDBACK) -> Verdict:
    """Compare every id.

    Args:
        ledgered: everything of the ledger.
        said: everything of the ledger of feedback.
        of: the deployment, after its workers have ended.
    """
    findings, names, log = Findings(), of.names, of.log
    city = of.rule_sets.first
    networks = sorted(city.codes)
    entries = settled(ledgered, log)
    known = sources(entries, ledgered, log, {one: names.reports(one) for one in networks}, findings)
    _check_offsets(known, log, findings)
    table, wanted, answers = Table(), dict[str, Counter[str]](), FeedbackAudit()
    events = ticks = late = escalations = erased = 0
    stream = Stream(
        log, names.events, partitions=of.partitions, sources=known, rule_sets=of.rule_sets, findings=findings
    )
    for partition in range(of.partitions):
        folded = stream.fold(partition)
        cases = check_partition(
            partition,
            folded,
            table,
            log=log,
            names=names,
            sources=known,
            rule_sets=of.rule_sets,
            findings=findings,
        )
        lives = read_journal(log.read([names.transitions], partition), folded.transitions, findings)
        sent = log.read([names.escalations], partition)
        escalations += check_escalations(sent, folded.escalations, findings)
        for case in cases:
            life = lives.get(case.id, [])
            check_life(case, life, findings)
            table.unheard |= {one.task for one in case.assignments if is_unheard(life, one.task)}
        check_stored(said.erasures, partition, folded.erasures, findings)
        left = [one for one in cases if one.id in folded.cases]
        erased += check_erased(left, folded.erasures, folded.at, lives, findings)
        answers.add(folded, cases, chain.from_iterable(lives.values()))
        for department, digests in folded.tasks.items():
            wanted.setdefault(department, Counter()).update(digests)
        events, ticks, late = events + folded.reports, ticks + folded.ticks, late + folded.late
    stream.close()
    _check_lost(known, table, findings)
    tasks = check_tasks(city.catalogue.departments, wanted, table, log=log, names=names, findings=findings)
    dead_letters = check_dead_letters(known, log=log, topic=names.dead_letters, findings=findings)
    figures = check_feedback(
        said,
        answers,
        senders=[*sorted(city.catalogue.departments), SUPERVISION],
        partitions=of.partitions,
        log=log,
        names=names,
        findings=findings,
    )
    check_rejections(networks, log=log, names=names, findings=findings)
    check_dedup_index(known.dedup_index, networks, log=log, names=names, findings=findings)
    return Verdict(
        findings=findings,
        reports=len(known.at),
        events=events,
        ticks=ticks,
        cases=len(table.cases),
        largest=table.largest,
        omitted=len(table.omitted),
        tasks=tasks,
        unread=sum(entry.outcome == "unread" for entry in entries),
        dead_letters=dead_letters,
        feedback=figures,
        escalations=escalations,
        erased=erased,
        late=late,
    )


def _check_offsets(known: Sources, log: Log, findings: Findings) -> None:
    """Check that the workers have committed every record of the networks' topics."""
    deleted = {name for names in known.deleted.values() for name in names}
    for (topic, partition, offset), entry in known.at.items():
        if topic not in deleted and offset >= log.position(topic, partition):
            findings.add("not committed", entry.report)


def _check_lost(known: Sources, table: Table, findings: Findings) -> None:
    """Check that every version of every report is in a case, or is counted there."""
    for address, entry in known.at.items():
        counted = address in table.versions or (entry.report, entry.version) in table.omitted
        if entry.outcome in {"case", "update"} and not counted:
            findings.add("lost", describe(entry))
