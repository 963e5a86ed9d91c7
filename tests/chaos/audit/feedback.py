"""Compares every record of the topics of feedback with what became of it: applied once, or rejected once."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field

from router.domain.intake.content import bytes_digest
from router.domain.model.case import Case
from router.domain.model.feedback import Answer
from router.domain.model.transition import Transition
from router.simulator.messages import RecordAddress
from router.wire.codec import read_dead_letter
from router.wire.partitioning import partition_for_cell
from router.wire.rejected_feedback import FEEDBACK
from router.wire.rejected_feedback_value import decode_rejected_feedback
from router.wire.topic_names import Names
from tests.chaos.audit.findings import Findings
from tests.chaos.audit.grid_events import AnswerEvent, Folded
from tests.chaos.audit.sources import number_of
from tests.chaos.audit.topics import Log
from tests.chaos.feedback_ledger import FeedbackLedgered, Said

SaidBy = tuple[str, str, str]
"""Case, sender and the sender's id of feedback."""


class FeedbackAudit(Struct):
    """What the logs say about feedback, collected partition by partition."""

    answers: list[AnswerEvent] = []
    rejected: dict[str, Counter[str]] = {}
    """As the folded log has it."""
    remembered: dict[SaidBy, Answer] = {}
    applied: dict[SaidBy, set[RecordAddress]] = {}
    """Source records that caused transitions."""
    twice: list[str] = field(default_factory=list)
    """Ids that a case remembers twice."""

    def add(self, folded: Folded, cases: Iterable[Case], transitions: Iterable[Transition]) -> None:
        """Take one partition: its folded log, its cases, archived ones as well, and its transitions."""
        self.answers += folded.answers
        for sender, digests in folded.rejected.items():
            self.rejected.setdefault(sender, Counter()).update(digests)
        ids = {(one.provenance.topic, one.provenance.partition, one.provenance.offset): one for one in transitions}
        for case in cases:
            for answer in case.answers:
                said_by = (case.id, answer.sender, answer.id)
                if said_by in self.remembered:
                    self.twice.append("/".join(said_by))
                self.remembered[said_by] = answer
        for event in folded.answers:
            one = ids.get(event.source)
            if one is not None:
                self.applied.setdefault((one.case, event.sender, event.id), set()).add(event.source)


def check_feedback(
    ledgered: FeedbackLedgered,
    found: FeedbackAudit,
    *,
    senders: Sequence[str],
    partitions: int,
    log: Log,
    names: Names,
    findings: Findings,
) -> "FeedbackFigures":
    """Compare every record of every sender.

    Args:
        ledgered: everything of the ledger.
        found: of all partitions.
        senders: departments and supervision.
        partitions: of the grid stream.
        log: of the deployment.
        names: of its topics.
        findings: gets what differs.
    """
    stored = _stored(ledgered, [names.feedback(one) for one in senders], log, findings)
    events = _check_events(stored, found.answers, partitions, findings)
    topics = {sender: names.rejected_feedback(sender) for sender in senders}
    rejected = _check_rejected(stored, found.rejected, topics, log, findings)
    _check_malformed(stored, log, names, rejected, findings)
    applied = {source for sources in found.applied.values() for source in sources}
    findings.add("feedback twice", *found.twice)
    findings.add(
        "feedback twice", *["/".join(said_by) for said_by, sources in found.applied.items() if len(sources) > 1]
    )
    rejections: Counter[SaidBy] = Counter()
    for source, event in events.items():
        said_by = (event.task.rpartition(".")[0], event.sender, event.id)
        times = rejected[source]
        rejections[said_by] += times
        if times > 1 or (times and source in applied):
            findings.add("feedback twice", _described(event))
        if not times and said_by not in found.remembered:
            findings.add("feedback lost", _described(event))
    unheard = [said_by for said_by, answer in found.remembered.items() if answer.rejected and not rejections[said_by]]
    findings.add("feedback lost", *["/".join(said_by) for said_by in unheard])
    return FeedbackFigures(
        records=len(stored),
        applied=sum(not one.rejected for one in found.remembered.values()),
        rejected=sum(rejected.values()),
    )


class FeedbackFigures(Struct, frozen=True):
    """How much there was."""

    records: int = 0
    applied: int = 0
    """Ids that a case has applied."""
    rejected: int = 0
    """Records on `feedback.rejected.<sender>`."""


def _stored(
    ledgered: FeedbackLedgered, topics: Sequence[str], log: Log, findings: Findings
) -> dict[RecordAddress, Said]:
    """What Kafka has of the ledger, by address."""
    stored: dict[RecordAddress, Said] = {}
    seen: Counter[int] = Counter()
    for record in log.read(topics):
        address, number = (record.topic, record.partition, record.offset), number_of(record)
        if number is None or not 0 < number <= len(ledgered.said):
            findings.add("never sent", "/".join(map(str, address)))
            continue
        said, kept = ledgered.said[number - 1], ledgered.kept.get(number)
        stored[address], seen[number] = said, seen[number] + 1
        if kept is not None and kept.offset >= 0 and kept.address != address:
            findings.add("stored twice", f"{said.sender} {said.id}")
        if bytes_digest(record.value) != said.digest:
            findings.add("stored twice", f"{said.sender} {said.id} with other content")
    for (topic, partition, offset), said in stored.items():
        if offset >= log.position(topic, partition):
            findings.add("not committed", f"feedback {said.sender} {said.id}")
    findings.add("stored twice", *[ledgered.said[number - 1].id for number, times in seen.items() if times > 1])
    missing = [ledgered.said[number - 1].id for number in ledgered.kept if number not in seen]
    findings.add("acknowledged, not stored", *missing)
    return stored


def _check_events(
    stored: Mapping[RecordAddress, Said], answers: Sequence[AnswerEvent], partitions: int, findings: Findings
) -> dict[RecordAddress, AnswerEvent]:
    """One event for each readable record, in its partition and in the order of its source."""
    events: dict[RecordAddress, AnswerEvent] = {}
    latest: dict[tuple[str, int, bytes], int] = {}
    for event in answers:
        said = stored.get(event.source)
        if said is None or said.code is not None or (said.sender, said.id) != (event.sender, event.id):
            findings.add("never sent", _described(event))
            continue
        if event.source in events:
            findings.add("feedback twice", _described(event))
        events[event.source] = event
        if event.key.decode() != said.partition_key or event.partition != partition_for_cell(event.key, partitions):
            findings.add("wrong partition or cell", _described(event))
        topic, partition, offset = event.source
        if offset <= latest.get((topic, partition, event.key), -1):
            findings.add("out of order in a cell", _described(event))
        latest[topic, partition, event.key] = offset
    lost = [said for source, said in stored.items() if said.code is None and source not in events]
    findings.add("feedback lost", *[f"{said.sender} {said.id} has no event" for said in lost])
    return events


def _check_rejected(
    stored: Mapping[RecordAddress, Said],
    wanted: Mapping[str, Counter[str]],
    topics: Mapping[str, str],
    log: Log,
    findings: Findings,
) -> Counter[RecordAddress]:
    """What senders read about feedback, compared with the folded log; how often each record was rejected."""
    times: Counter[RecordAddress] = Counter()
    for sender, topic in topics.items():
        found: Counter[str] = Counter()
        for record in log.read([topic]):
            one = decode_rejected_feedback(record.value)
            address = (one.topic, one.partition, one.offset)
            times[address] += 1
            said = stored.get(address)
            if said is None or said.sender != sender:
                findings.add("never sent", f"a rejection of {'/'.join(map(str, address))}")
            elif said.code is None:
                found[bytes_digest(record.value)] += 1
        expected = wanted.get(sender, Counter())
        differing = (expected - found) + (found - expected)
        findings.add("feedback rejection differs", *[f"{sender} {digest}" for digest in sorted(differing)])
    return times


def _check_malformed(
    stored: Mapping[RecordAddress, Said], log: Log, names: Names, rejected: Counter[RecordAddress], findings: Findings
) -> None:
    """Each malformed record is a dead letter once, and its sender reads it once."""
    dead: Counter[RecordAddress] = Counter()
    for record in log.read([names.dead_letters]):
        one = read_dead_letter(record.key, record.value, list(record.headers))
        if one.network != FEEDBACK:
            continue
        address = (one.topic, one.partition, one.offset)
        said = stored.get(address)
        if said is None:
            findings.add("never sent", one.id)
        elif said.code != one.code or said.digest != bytes_digest(one.value or b""):
            findings.add("wrong dead letter", f"{one.id} {one.code}")
        dead[address] += 1
    for address, said in stored.items():
        if said.code is None:
            continue
        described = f"{said.sender} {said.id} of {'/'.join(map(str, address))}"
        if not dead[address] or not rejected[address]:
            findings.add("feedback lost", described)
        if dead[address] > 1 or rejected[address] > 1:
            findings.add("feedback twice", described)


def _described(event: AnswerEvent) -> str:
    return f"{event.sender} {event.id} of {'/'.join(map(str, event.source))}"
