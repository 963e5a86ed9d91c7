"""The ledger detects faults: each change of a correct run gives exactly one fault."""

from typing import Any

import pytest
from msgspec.structs import replace

from router.domain.model.case import Assignment, CaseReport, Version
from router.simulator.messages import Kind, RecordAddress, Sent
from router.simulator.replay.ledger import Dead, Ledger, reconcile
from tests.support.cases import case, report, task


def sent(name: str, offset: int, kind: Kind = "recorded") -> Sent:
    return Sent(report=f"hotline:{name}", place=("reports.hotline", 0, offset), kind=kind, incident=None, owner="bos")


SENT = [sent("a", 0), sent("b", 1), sent("c", 2), sent("a", 3, "redelivered"), sent("x", 4, "malformed")]
CASES = {"k1": case("k1", report("a", 0), report("b", 1)), "k2": case("k2", report("c", 2))}
TASKS = [task("k1"), task("k2")]
DEAD = [Dead(place=("reports.hotline", 0, 4), code="not-json")]


def world(**changed: Any) -> Ledger:
    return reconcile(**({"sent": SENT, "cases": CASES, "tasks": TASKS, "dead": DEAD} | changed))


def faults(**changed: Any) -> dict[str, list[str]]:
    return dict(world(**changed).faults)  # type: ignore[arg-type]


def dead(offset: int) -> Dead:
    return Dead(place=("reports.hotline", 0, offset), code="schema")


def test_a_correct_run_has_no_faults() -> None:
    ledger = world()
    assert (dict(ledger.faults), ledger.lost, ledger.duplicated) == ({}, 0, 0)
    assert ledger.merged == 1  # b joined a's case; the redelivery of a did not count
    assert ledger.rejected_sound == []


def test_a_lost_report_is_found() -> None:
    assert faults(cases=CASES | {"k1": case("k1", report("a", 0))}) == {"lost": ["hotline:b"]}


def test_one_lost_and_one_duplicate_do_not_cancel_out() -> None:
    ledger = world(cases=CASES | {"k1": case("k1", report("a", 0), report("a", 0))})
    assert dict(ledger.faults) == {"lost": ["hotline:b"], "in two cases": ["hotline:a"]}
    assert (ledger.lost, ledger.duplicated) == (1, 1)


def test_a_report_in_two_cases_is_found() -> None:
    assert faults(cases=CASES | {"k2": case("k2", report("c", 2), report("b", 1))}) == {"in two cases": ["hotline:b"]}


def test_a_redelivery_that_became_a_second_report_is_found() -> None:
    assert faults(cases=CASES | {"k2": case("k2", report("c", 2), report("a", 3))}) == {"in two cases": ["hotline:a"]}


def test_a_lost_malformed_message_is_found() -> None:
    assert faults(dead=[]) == {"lost": ["hotline:x"]}


def test_a_malformed_message_accepted_under_another_id_is_not_lost() -> None:
    assert faults(dead=[], cases=CASES | {"k2": case("k2", report("c", 2), report("y", 4))}) == {}


def test_both_a_case_and_a_dead_letter_is_found() -> None:
    assert faults(dead=[*DEAD, dead(1)]) == {"in a case and dead": ["hotline:b"]}


def test_a_dead_letter_of_a_redelivery_in_a_case_is_found() -> None:
    assert faults(dead=[*DEAD, dead(3)]) == {"in a case and dead": ["hotline:a"]}


def test_a_rejected_valid_report_is_listed_but_not_lost() -> None:
    ledger = world(cases=CASES | {"k1": case("k1", report("a", 0))}, dead=[*DEAD, dead(1)])
    assert (ledger.lost, ledger.duplicated, ledger.rejected_sound) == (0, 0, ["hotline:b"])


def test_every_copy_of_a_rejected_report_needs_a_dead_letter() -> None:
    without_a = CASES | {"k1": case("k1", report("b", 1))}
    assert faults(cases=without_a, dead=[*DEAD, dead(0)]) == {"lost": ["hotline:a"]}
    assert faults(cases=without_a, dead=[*DEAD, dead(0), dead(3)]) == {}


def test_a_record_dead_lettered_twice_is_found() -> None:
    assert faults(dead=DEAD * 2) == {"dead-lettered twice": ["reports.hotline/0/4"]}


@pytest.mark.parametrize("unsent", [report("z", 9), report("z", 2), report("c", 9)])
def test_a_report_that_was_never_sent_is_found(unsent: CaseReport) -> None:
    found = faults(cases=CASES | {"k3": case("k3", unsent)}, tasks=[*TASKS, task("k3")])
    assert found["never sent"] == [unsent.id]


def test_a_dead_letter_without_source_record_is_found() -> None:
    assert faults(dead=[*DEAD, dead(99)]) == {"never sent": ["reports.hotline/0/99"]}


def test_a_task_dispatched_twice_is_found() -> None:
    assert faults(tasks=[*TASKS, task("k1")]) == {"dispatched twice": ["t-k1"]}


def test_a_duty_dispatched_twice_under_two_ids_is_found() -> None:
    assert faults(tasks=[*TASKS, task("k1", "-again")]) == {"dispatched twice": ["t-k1", "t-k1-again"]}


def test_a_case_without_task_counts_as_lost() -> None:
    ledger = world(tasks=[task("k1")])
    assert dict(ledger.faults) == {"case without task": ["k2"]}
    assert ledger.lost == 1


def test_a_closed_or_empty_case_needs_no_task() -> None:
    closed = replace(case("k2", report("c", 2)), state="closed", assignments=())
    empty = replace(case("k3", report("c", 2)), state="empty", reports=(), assignments=())
    ledger = world(cases=CASES | {"k2": closed, "k3": empty}, tasks=[task("k1")])
    assert (dict(ledger.faults), ledger.merged) == ({}, 1)


def test_two_updates_of_a_task_at_one_instant_are_no_duplicates() -> None:
    updates = [
        replace(TASKS[0], state="updated", revision=revision, updated_at=TASKS[0].dispatched_at) for revision in (2, 3)
    ]
    assert faults(tasks=[*TASKS, *updates]) == {}
    assert faults(tasks=[*TASKS, updates[0], updates[0]]) == {"dispatched twice": [TASKS[0].id]}


def test_a_case_of_which_one_of_two_tasks_is_missing_is_found() -> None:
    second = Assignment(task="t-k2-assist", department="lapd", role="assist", rule="r", due_at=None)
    half = replace(CASES["k2"], assignments=(*CASES["k2"].assignments, second))
    assert faults(cases=CASES | {"k2": half}) == {"case without task": ["k2"]}


def test_a_task_without_case_is_found() -> None:
    assert faults(tasks=[*TASKS, task("k9")]) == {"task without case": ["t-k9"]}


def test_record_addresses_include_topic_and_partition() -> None:
    other: RecordAddress = ("reports.policing", 0, 4)
    both = [*SENT, Sent(report="policing:p", place=other, kind="secondary_reports", incident="hotline:a", owner=None)]
    assert faults(sent=both) == {"lost": ["policing:p"]}


@pytest.mark.parametrize(("omitted", "lost"), [(2, []), (1, [13]), (0, [12, 13])])
def test_versions_that_a_large_case_counts_are_not_lost(omitted: int, lost: list[int]) -> None:
    """A large case has the first version and the latest ones, and counts the others."""
    first = version(1, 1)
    latest = replace(report("b", 14), version=2 + omitted, earlier=(first,), earlier_omitted=omitted)
    updates = [sent("b", offset, "updated") for offset in (12, 13, 14)]
    cases = CASES | {"k1": case("k1", report("a", 0), latest)}
    found = faults(sent=[*SENT, *updates], cases=cases)
    assert found.get("lost", []) == [f"hotline:b (reports.hotline/0/{offset})" for offset in lost]


def version(number: int, offset: int) -> Version:
    one = report("b", offset)
    return Version(
        version=number,
        matter=one.matter,
        cell=one.cell,
        occurred_at=one.occurred_at,
        received_at=one.received_at,
        provenance=one.provenance,
    )
