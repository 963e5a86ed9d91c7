"""The audit detects mutants of the pure core, in a run without Kafka: each breaks one rule while the stages run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from router.domain.case import erasure, opening, size
from router.domain.case.size import MAX_REPORTS
from router.domain.feedback import answering, changes
from router.domain.intake import admit, dedup
from router.domain.intake.normalise import Normalised
from router.domain.lifecycle import journal
from router.domain.model.source_record import PlainRecord
from router.domain.state import partition_state
from router.simulator.messages import SourceMessage
from tests.chaos.audit.audit import Verdict, audit
from tests.chaos.audit.findings import FAULTS, Fault
from tests.chaos.audit.sources import number_of
from tests.chaos.cities import make_cities
from tests.chaos.faults.broker_clock import JUMP, NETWORK, ahead
from tests.chaos.faults.flood import REPORTS, VERSIONS, flood
from tests.chaos.faults.keys import EVERY, WrongKeys
from tests.chaos.in_memory import NAMES, START, Recording, record
from tests.chaos.load import Sending, own_id

N = 400


@pytest.fixture(scope="module")
def cities(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_cities(tmp_path_factory.mktemp("cities"))


@pytest.fixture
def patch() -> Iterator[pytest.MonkeyPatch]:
    """Ends before the audit folds: the audit must have the true core."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def audited(recording: Recording, patch: pytest.MonkeyPatch) -> Verdict:
    patch.undo()
    return audit(recording.ledgered, recording.deployment, recording.said)


def found(verdict: Verdict) -> set[Fault]:
    return {fault for fault, number in verdict.findings.counts.items() if number}


def wrong_keys(cities: Path, tmp_path: Path) -> Recording:
    return record(N, cities, tmp_path / "ledger", key_of=WrongKeys().key_of)


def flooded(cities: Path, tmp_path: Path) -> Recording:
    return record(N, cities, tmp_path / "ledger", more=[Sending(one, own_id(one)) for one in flood("one")])


def test_records_with_wrong_keys_are_dead_letters(cities: Path, tmp_path: Path, patch: pytest.MonkeyPatch) -> None:
    recording = wrong_keys(cities, tmp_path)
    verdict = audited(recording, patch)
    assert verdict.findings.counts == dict.fromkeys(FAULTS, 0)
    assert sum(entry.code == "wrong-key" for entry in recording.entries) > N // EVERY // 2


def test_a_router_that_ignores_keys_is_found(cities: Path, tmp_path: Path, patch: pytest.MonkeyPatch) -> None:
    true = admit.normalise

    def keyed(*args: Any, **options: Any) -> Normalised:
        done = true(*args, **options)
        pairs = zip(done.sources, done.reports, strict=True)
        return replace(done, sources=[with_key(source, report.source_id) for source, report in pairs])

    patch.setattr(admit, "normalise", keyed)
    assert {"lost", "never sent"} <= found(audited(wrong_keys(cities, tmp_path), patch))


def with_key(record: Any, source_id: str) -> Any:
    return PlainRecord(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp=record.timestamp,
        key=source_id.encode(),
        value=record.value,
        headers=record.headers,
    )


def clock_jumped(cities: Path, tmp_path: Path) -> Recording:
    """Reports that Kafka stored 45 days ahead, and then those again that were sent before."""
    first = record(N, cities, tmp_path / "first")
    again = [
        Sending(
            SourceMessage(
                network=entry.network, source_id=entry.source_id, value=one.value, received_at=START, kind="redelivered"
            ),
            one.key,
        )
        for entry, one in ((first.entries[number_of(one) - 1], one) for one in first.lists.of(NAMES.reports(NETWORK)))  # type: ignore[operator]
    ]
    return record(N, cities, tmp_path / "ledger", more=[*ahead("one", START + JUMP), *again])


def test_a_jump_of_the_clock_forgets_nothing(cities: Path, tmp_path: Path, patch: pytest.MonkeyPatch) -> None:
    recording = clock_jumped(cities, tmp_path)
    assert sum(entry.outcome == "redelivered" for entry in recording.entries) > N // 4
    assert audited(recording, patch).findings.counts == dict.fromkeys(FAULTS, 0)


def test_a_clock_that_empties_the_memory_is_found(cities: Path, tmp_path: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(dedup, "STEP", JUMP)
    assert {"never sent", "dedup index differs from the log"} <= found(audited(clock_jumped(cities, tmp_path), patch))


def test_a_flood_fills_a_case_and_loses_nothing(cities: Path, tmp_path: Path, patch: pytest.MonkeyPatch) -> None:
    verdict = audited(flooded(cities, tmp_path), patch)
    assert verdict.findings.counts == dict.fromkeys(FAULTS, 0)
    assert size.MEASURED_FROM < verdict.largest <= MAX_REPORTS
    assert 0 < verdict.omitted < REPORTS * VERSIONS


def test_a_case_that_takes_more_reports_is_found(cities: Path, tmp_path: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(size, "MAX_REPORTS", 10 * MAX_REPORTS)
    patch.setattr(partition_state, "MAX_REPORTS", 10 * MAX_REPORTS)
    patch.setattr(size, "CASE_BYTES", size.MOST_BYTES)
    verdict = audited(flooded(cities, tmp_path), patch)
    assert {"case too large", "state differs from the log"} <= found(verdict)
    assert verdict.largest == REPORTS


def test_a_case_that_leaves_nothing_out_is_found(cities: Path, tmp_path: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(size, "CASE_BYTES", 100 * size.MOST_BYTES)
    assert "state differs from the log" in found(audited(flooded(cities, tmp_path), patch))


def answered(cities: Path, tmp_path: Path) -> Recording:
    return record(N, cities, tmp_path / "ledger", answered=1.0)


def test_a_case_that_forgets_its_feedback_is_found(cities: Path, tmp_path: Path, patch: pytest.MonkeyPatch) -> None:
    true = answering._decided_already

    def forgetful(case: Any, assignment: Any, feedback: Any) -> Any:
        return true(replace(case, answers=()), assignment, feedback)

    patch.setattr(answering, "_decided_already", forgetful)
    assert {"feedback twice", "state differs from the log"} <= found(audited(answered(cities, tmp_path), patch))


def test_a_return_that_leaves_no_department_is_found(cities: Path, tmp_path: Path, patch: pytest.MonkeyPatch) -> None:
    true = changes._returned
    patch.setitem(changes._CHANGES, "return", lambda *call: true(*call)[:-1])
    assert "state not that of its tasks" in found(audited(answered(cities, tmp_path), patch))


def test_a_grant_that_moves_no_deadline_is_found(cities: Path, tmp_path: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(changes, "_timed", lambda _, one, __: one)
    verdict = found(audited(answered(cities, tmp_path), patch))
    assert {"tasks differ from the log", "state differs from the log"} <= verdict


def test_a_department_that_does_not_hear_of_its_time_is_found(
    cities: Path, tmp_path: Path, patch: pytest.MonkeyPatch
) -> None:
    true = answering._changed_tasks
    patch.setattr(answering, "_changed_tasks", lambda *call: [one for one in true(*call) if one.state != "updated"])
    verdict = found(audited(answered(cities, tmp_path), patch))
    assert {"deadline differs", "state not that of its tasks", "tasks differ from the log"} <= verdict


def test_a_journal_that_forgets_the_hash_before_is_found(
    cities: Path, tmp_path: Path, patch: pytest.MonkeyPatch
) -> None:
    true = journal._transition

    def without(case: Any, *call: Any) -> Any:
        case.chain = ""
        return true(case, *call)

    patch.setattr(journal, "_transition", without)
    assert {"chain broken", "transitions differ from the log"} <= found(audited(answered(cities, tmp_path), patch))


def test_a_department_that_hears_before_the_filing_is_found(
    cities: Path, tmp_path: Path, patch: pytest.MonkeyPatch
) -> None:
    patch.setattr(opening, "PLANNED", ())
    assert {"task before filing", "tasks differ from the log"} <= found(audited(answered(cities, tmp_path), patch))


def test_a_milestone_that_is_not_remembered_is_found(cities: Path, tmp_path: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(changes, "done_until", lambda one, *_: one)
    assert {"state differs from the log", "tasks differ from the log"} <= found(
        audited(answered(cities, tmp_path), patch)
    )


def test_an_erasure_that_leaves_a_report_as_it_was_is_found(
    cities: Path, tmp_path: Path, patch: pytest.MonkeyPatch
) -> None:
    true = erasure.erased_report

    def forgetful(one: Any, mark: Any) -> Any:
        return one if one.joined != "opened" else true(one, mark)

    patch.setattr(erasure, "erased_report", forgetful)
    assert {"not erased", "state differs from the log"} <= found(audited(answered(cities, tmp_path), patch))
