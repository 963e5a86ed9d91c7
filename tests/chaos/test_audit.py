"""The audit finds nothing in a recorded run, and finds every single alteration of it."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from router.domain.case.size import MAX_REPORTS
from router.domain.case.task_record import task
from router.domain.model.feedback import SUPERVISION, Feedback
from router.domain.model.rejection import Rejection
from router.domain.model.report import Report
from router.domain.state.partition_state import ARCHIVED_AT_ONCE
from router.wire.codec import (
    decode_case,
    decode_dedup_entry,
    decode_event,
    decode_task,
    decode_transition,
    encode_case,
    encode_dead_letter,
    encode_dedup_entry,
    encode_feedback,
    encode_task,
    encode_transition,
)
from router.wire.rejections import encode_report_rejection
from tests.chaos.answerers import waiting_case
from tests.chaos.audit.audit import audit
from tests.chaos.audit.findings import FAULTS, Fault
from tests.chaos.cities import make_cities
from tests.chaos.in_memory import NAMES, PARTITIONS, ROUNDS, MemoryLog, Recording, record

REPORTS = 1000
ANSWERED = 0.3
"""Share of the tasks that are answered."""


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    home = tmp_path_factory.mktemp("recorded")
    return record(REPORTS, make_cities(home / "cities"), home / "ledger.jsonl", answered=ANSWERED)


def audit_altered(recording: Recording, alter: Callable[[Recording], None]) -> dict[Fault, list[str]]:
    """Findings of the audit for an altered copy."""
    lists = recording.lists.copy()
    deployment = replace(recording.deployment, log=lists)
    altered = Recording(recording.entries, dict(recording.kept), recording.said, lists, deployment)
    alter(altered)
    verdict = audit(altered.ledgered, altered.deployment, altered.said)
    return {fault: list(ids) for fault, ids in verdict.findings.ids.items() if ids}


def test_a_correct_run_has_no_findings_and_has_every_outcome(recording: Recording) -> None:
    verdict = audit(recording.ledgered, recording.deployment, recording.said)
    assert verdict.findings.counts == dict.fromkeys(FAULTS, 0)
    outcomes = {entry.outcome for entry in recording.entries}
    assert outcomes == {"case", "update", "redelivered", "dead letter"}
    assert verdict.reports == REPORTS
    assert verdict.events == sum(entry.outcome in {"case", "update"} for entry in recording.entries)
    assert verdict.dead_letters == sum(entry.outcome == "dead letter" for entry in recording.entries)
    assert 0 < verdict.cases < verdict.events
    assert verdict.erased > 0
    assert verdict.ticks == 6 + (ROUNDS + 1) * PARTITIONS
    assert verdict.feedback.records == len(recording.said.said) > REPORTS
    assert verdict.escalations > 100
    assert 0 < verdict.feedback.rejected < verdict.feedback.applied
    assert len(recording.lists.of(NAMES.archive)) == PARTITIONS * ARCHIVED_AT_ONCE


def fullest(lists: MemoryLog, prefix: str) -> tuple[str, int]:
    """The partition with the most records, among topics with this prefix."""
    return max((where for where in lists.records if where[0].startswith(prefix)), key=lambda it: len(lists.records[it]))


def without(prefix: str, number: int | None = 10) -> Callable[[Recording], None]:
    """Without a number, the last record that has a value."""

    def alter(of: Recording) -> None:
        del of.lists.records[fullest(of.lists, prefix)][last_of(of, prefix) if number is None else number]

    return alter


def twice(prefix: str, number: int = 10) -> Callable[[Recording], None]:
    def alter(of: Recording) -> None:
        where = fullest(of.lists, prefix)
        records = of.lists.records[where]
        again = records[number]
        of.lists.add(*where, again.key, again.value, again.headers)

    return alter


def rewritten(prefix: str, change: Callable[[bytes, bytes], bytes]) -> Callable[[Recording], None]:
    def alter(of: Recording) -> None:
        one = of.lists.records[fullest(of.lists, prefix)][last_of(of, prefix)]
        one.value = change(one.key, one.value)

    return alter


def last_of(of: Recording, prefix: str) -> int:
    """Number of the last record that has a value, in the partition with the most records: in the table, a case as it is now."""
    records = of.lists.records[fullest(of.lists, prefix)]
    return max(number for number, one in enumerate(records) if one.value is not None)


def test_every_alteration_is_found(recording: Recording) -> None:
    """Each alteration produces the expected findings."""
    for name, alter, wanted in ALTERATIONS:
        faults = set(audit_altered(recording, alter))
        assert wanted <= faults, f"{name}: {faults}"


def another_task(of: Recording) -> None:
    """The same duty, about which nothing was said, under another id."""
    where = fullest(of.lists, "tasks.")
    tasks = [decode_task(one.value) for one in of.lists.records[where]]
    times = Counter(one.id for one in tasks)
    alone = next(one for one in tasks if times[one.id] == 1)
    of.lists.add(*where, *encode_task(replace(alone, id=f"{alone.id}-again")))


def task_of_no_case(of: Recording) -> None:
    """A task of a case that does not exist."""
    where = fullest(of.lists, "tasks.")
    task = decode_task(of.lists.records[where][0].value)
    of.lists.add(*where, *encode_task(replace(task, id="T-0", case="C-0")))


def under_another_cell(of: Recording) -> None:
    """An event with the cell of another event as its key."""
    records = of.lists.records[fullest(of.lists, NAMES.events)]
    records[0].key = next(one.key for one in records if one.key != records[0].key)


def events_swapped(of: Recording) -> None:
    """Two events of one cell and one source partition, in the wrong order."""
    records = of.lists.records[fullest(of.lists, NAMES.events)]
    seen: dict[tuple[bytes, bytes], int] = {}
    for number, one in enumerate(records):
        if one.key == b"tick":
            continue
        source = (one.key, one.value[one.value.index(b'"provenance"') :].split(b'"offset"')[0])
        if source in seen:
            other = records[seen[source]]
            one.value, other.value = other.value, one.value
            one.headers, other.headers = other.headers, one.headers
            return
        seen[source] = number
    raise AssertionError("no two events of one cell and source")


def report_in_two_cases(of: Recording) -> None:
    """A report that is in another case, too."""
    where = fullest(of.lists, NAMES.cases)
    records = of.lists.records[where]
    first, second = decode_case(records[0].value), decode_case(records[1].value)
    second.reports = (*second.reports, first.reports[0])
    of.lists.add(*where, *encode_case(second))


def overfull(key: bytes, value: bytes) -> bytes:
    """A case with one report more than ADR 0018 allows."""
    del key
    case = decode_case(value)
    return encode_case(replace(case, reports=case.reports[:1] * (MAX_REPORTS + 1)))[1]


def valid_report_dead(of: Recording) -> None:
    """A dead letter of a report that is in a case."""
    where = fullest(of.lists, "reports.")
    entry_at = {kept.address: number for number, kept in of.kept.items()}
    for one in of.lists.records[where]:
        if of.entries[entry_at[one.topic, one.partition, one.offset] - 1].outcome == "case":
            rejection = Rejection(code="schema", reason="no reason.")
            of.lists.add(NAMES.dead_letters, 0, *encode_dead_letter(one, rejection, "policing"))
            return


def not_taken(*, said: bool) -> Callable[[Recording], None]:
    """A dead letter of an event that its case did not take, and perhaps the record of its network."""

    def alter(of: Recording) -> None:
        event = of.lists.records[fullest(of.lists, NAMES.events)][0]
        rejection = Rejection(code="too-late", reason="late.")
        of.lists.add(NAMES.dead_letters, 0, *encode_dead_letter(event, rejection, "grid"))
        if said:
            report = decode_event(event.headers, event.value)
            assert isinstance(report, Report)
            of.lists.add(NAMES.rejections(report.network), 0, *encode_report_rejection(report, rejection))

    return alter


def without_reason(of: Recording) -> None:
    """A dead letter whose reason is empty."""
    one = of.lists.of(NAMES.dead_letters)[0]
    one.headers = [(name, b"" if name.endswith("reason") else content) for name, content in one.headers]


def incomplete_dedup_entry(of: Recording) -> None:
    """A dedup entry without the digest that was sent."""
    for records in of.lists.records.values():
        for one in records:
            if one.topic.startswith("grid.dedup."):
                entry = decode_dedup_entry(one.value)
                one.value = encode_dedup_entry("x", replace(entry, digests=("0" * 16,)))[1]
                return


def unread_feedback(of: Recording) -> None:
    """A stored offset of feedback before the end."""
    of.lists.offsets[fullest(of.lists, NAMES.feedback(SUPERVISION))] -= 1


def unread(of: Recording) -> None:
    """A stored offset before the end."""
    of.lists.offsets[fullest(of.lists, "reports.")] -= 1


def unfolded_event(of: Recording) -> None:
    """A stored offset of the grid stream before its last report."""
    of.lists.offsets[fullest(of.lists, NAMES.events)] -= 2


def record_lost_by_kafka(of: Recording) -> None:
    """Kafka has lost the last record of a topic."""
    of.lists.records[fullest(of.lists, "reports.")].pop()


def tombstone_without_archive(of: Recording) -> None:
    """The key of a case left the table, and the archive does not have it."""
    of.lists.records[fullest(of.lists, NAMES.archive)].pop()


def archive_without_tombstone(of: Recording) -> None:
    """An archived case is still in the table."""
    records = of.lists.records[fullest(of.lists, NAMES.cases)]
    del records[next(number for number, one in enumerate(records) if one.value is None)]


def tampered(key: bytes, value: bytes) -> bytes:
    del key
    case = decode_case(value)
    return encode_case(replace(case, accuracy_m=case.accuracy_m + 1))[1]


def other_rules(of: Recording) -> None:
    """A case that was not answered, with a department less."""
    records = of.lists.records[fullest(of.lists, NAMES.cases)]
    latest = {one.key: one for one in records}
    rows = [(one, decode_case(one.value)) for one in latest.values() if one.value is not None]
    row, case = next((row, case) for row, case in rows if case.state == "dispatched" and not case.answers)
    row.value = encode_case(replace(case, assignments=case.assignments[:-1]))[1]


def feedback_of(of: Recording) -> tuple[tuple[str, int], int]:
    """Partition of the grid stream, and the number of a record there that is feedback which was applied."""
    where = fullest(of.lists, NAMES.events)
    causes = {
        (one.provenance.topic, one.provenance.partition, one.provenance.offset)
        for one in (decode_transition(made.value) for made in of.lists.of(NAMES.transitions))
    }
    for number, stored in enumerate(of.lists.records[where]):
        event = decode_event(stored.headers, stored.value)
        if isinstance(event, Feedback):
            source = event.provenance
            if (source.topic, source.partition, source.offset) in causes:
                return where, number
    raise AssertionError("no feedback was applied")


def answer_dropped(of: Recording) -> None:
    """Feedback that never reached the grid stream."""
    where, number = feedback_of(of)
    del of.lists.records[where][number]


def answer_twice(of: Recording) -> None:
    """Feedback that reached the grid stream twice."""
    where, number = feedback_of(of)
    again = of.lists.records[where][number]
    of.lists.add(*where, again.key, again.value, again.headers)


def applied_again(of: Recording) -> None:
    """A transition that a second record of the same feedback caused."""
    (topic, partition), number = feedback_of(of)
    event = of.lists.records[topic, partition][number]
    answer = decode_event(event.headers, event.value)
    assert isinstance(answer, Feedback)
    second = replace(answer, provenance=replace(answer.provenance, offset=answer.provenance.offset + 10_000))
    of.lists.add(topic, partition, *encode_feedback(second))
    causes = ((one, decode_transition(one.value)) for one in of.lists.of(NAMES.transitions))
    stored, made = next((stored, made) for stored, made in causes if made.provenance == answer.provenance)
    key = dict(stored.headers)["ce_subject"].decode()
    again = replace(made, number=made.number + 100, provenance=second.provenance)
    of.lists.add(NAMES.transitions, stored.partition, *encode_transition(again, key))


def wrong_state(key: bytes, value: bytes) -> bytes:
    """A case whose state is not that of its tasks."""
    del key
    case = decode_case(value)
    return encode_case(replace(case, state="checking" if case.state != "checking" else "handling"))[1]


def later_due(of: Recording) -> None:
    """A task whose department reads another deadline than its case has."""
    topic, partition = fullest(of.lists, "tasks.")
    records = of.lists.records[topic, partition]
    times = Counter(decode_task(one.value).id for one in records)
    for one in records:
        task = decode_task(one.value)
        if times[task.id] == 1 and task.due_at is not None:
            one.value = encode_task(replace(task, due_at=task.due_at + timedelta(hours=1)))[1]
            return
    raise AssertionError("no task was left alone")


def task_before_filing(of: Recording) -> None:
    """A department that reads its task although its case waits for its filing."""
    cases = {one.key: one for one in of.lists.of(NAMES.cases)}
    waiting = (case for one in cases.values() if (case := waiting_case(one.value)) is not None)
    case = next(one for one in waiting if one.assignments)
    made = task(case, case.assignments[0], of.deployment.rule_sets.of(case.rule_set).catalogue)
    key, value, headers = encode_task(made)
    of.lists.add(NAMES.tasks(made.department), 0, key, value, headers)


def words_back(of: Recording) -> None:
    """The last record of an erased case says again what its report said."""
    asked = {one.case for one in of.said.erasures}
    latest = {one.key: one for one in of.lists.of(NAMES.cases)}
    for one in latest.values():
        if one.value is not None and one.key.decode() in asked and (case := decode_case(one.value)).reports:
            case.reports = (replace(case.reports[0], description="call 138****0000"), *case.reports[1:])
            one.value = encode_case(case)[1]
            return


def words_stay(of: Recording) -> None:
    """The last record of an erased case has the text itself, and its reports have none."""
    asked = {one.case for one in of.said.erasures}
    latest = {one.key: one for one in of.lists.of(NAMES.cases)}
    for one in latest.values():
        if one.value is not None and one.key.decode() in asked and len((case := decode_case(one.value)).reports) == 1:
            case.address = "house 7"
            one.value = encode_case(case)[1]
            return


ALTERATIONS: list[tuple[str, Callable[[Recording], None], set[Fault]]] = [
    ("an event is dropped", without(NAMES.events), {"lost", "state differs from the log"}),
    ("an event is written twice", twice(NAMES.events), {"in two cases"}),
    ("an event is keyed by another cell", under_another_cell, {"wrong partition or cell"}),
    ("a case is dropped", without(NAMES.cases, None), {"state differs from the log"}),
    ("a case is written again", twice(NAMES.cases), {"out of order in a cell"}),
    ("a report is in two cases", report_in_two_cases, {"in two cases", "state differs from the log"}),
    ("a case has too many reports", rewritten(NAMES.cases, overfull), {"case too large", "in two cases"}),
    ("restored state is tampered with", rewritten(NAMES.cases, tampered), {"state differs from the log"}),
    ("departments of no rule set", other_rules, {"decided by two rule sets"}),
    ("a case left without its last state", tombstone_without_archive, {"lost", "archive differs from the log"}),
    ("an archived case stayed", archive_without_tombstone, {"in two cases", "archive differs from the log"}),
    ("a case is archived twice", twice("grid.archive", 0), {"archive differs from the log"}),
    ("an archived case is not as it was", rewritten("grid.archive", tampered), {"archive differs from the log"}),
    ("a task is dispatched twice", twice("tasks."), {"dispatched twice", "tasks differ from the log"}),
    ("a duty is dispatched under two ids", another_task, {"dispatched twice"}),
    ("a task without a case", task_of_no_case, {"task without case", "tasks differ from the log"}),
    ("a task is dropped", without("tasks."), {"case without task", "tasks differ from the log"}),
    (
        "a task of a case that waits for its filing",
        task_before_filing,
        {"task before filing", "tasks differ from the log"},
    ),
    ("two events of a cell are swapped", events_swapped, {"out of order in a cell"}),
    ("a dead letter is dropped", without(NAMES.dead_letters, 0), {"lost", "rejection differs"}),
    ("a rejection is dropped", without("rejections.", 0), {"rejection differs"}),
    ("a rejection is written twice", twice("rejections.", 0), {"rejection differs"}),
    ("a dead letter is written twice", twice(NAMES.dead_letters, 0), {"dead letter twice"}),
    ("a dead letter without a reason", without_reason, {"wrong dead letter"}),
    ("a valid report has a dead letter", valid_report_dead, {"wrong dead letter", "rejection differs"}),
    (
        "the rejection of a correction is missing",
        not_taken(said=False),
        {"never sent", "rejection differs"},
    ),
    ("a case did not take a record of a sound run", not_taken(said=True), {"never sent"}),
    ("a dedup entry is wrong", incomplete_dedup_entry, {"dedup index differs from the log"}),
    ("erased words stay with the case", words_stay, {"not erased", "state differs from the log"}),
    ("erased words come back", words_back, {"not erased", "state differs from the log"}),
    ("a record is not committed", unread, {"not committed"}),
    ("an event is not committed", unfolded_event, {"not committed", "state differs from the log"}),
    ("feedback is dropped", answer_dropped, {"feedback lost", "state differs from the log"}),
    ("feedback is written twice", answer_twice, {"feedback twice"}),
    ("feedback is applied twice", applied_again, {"feedback twice", "never sent"}),
    (
        "a rejection of feedback is dropped",
        without("feedback.rejected.", 0),
        {"feedback lost", "feedback rejection differs"},
    ),
    (
        "a rejection of feedback is written twice",
        twice("feedback.rejected.", 0),
        {"feedback twice", "feedback rejection differs"},
    ),
    ("feedback is not read", unread_feedback, {"not committed"}),
    ("a transition is dropped", without(NAMES.transitions), {"chain broken", "transitions differ from the log"}),
    ("a transition is written twice", twice(NAMES.transitions), {"chain broken", "transitions differ from the log"}),
    ("a state of no tasks", rewritten(NAMES.cases, wrong_state), {"state not that of its tasks"}),
    ("an escalation is dropped", without("grid.escalations"), {"escalations differ from the log"}),
    (
        "an escalation is sent twice",
        twice("grid.escalations"),
        {"escalation twice", "escalations differ from the log"},
    ),
    ("a task has another deadline", later_due, {"deadline differs", "tasks differ from the log"}),
    ("Kafka lost a record", record_lost_by_kafka, {"acknowledged, not stored", "never sent"}),
    ("Kafka stored a record twice", twice("reports."), {"stored twice"}),
]


def test_every_kind_of_fault_is_among_the_alterations() -> None:
    shown = set().union(*(wanted for _, _, wanted in ALTERATIONS))
    assert shown == set(FAULTS)
