"""The plan of a task's answers: the same for the same task and seed, readable where it means to be, and at the rates that it names."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from router.domain.feedback.reading import read_feedback
from router.domain.model.feedback import SUPERVISION, Feedback
from router.domain.model.milestone import Milestone
from router.domain.model.rejection import Rejection
from router.domain.model.task import Task
from router.simulator.departments.plan import PlannedAnswer, plan, plan_filing
from router.simulator.departments.rates import CITY, Rates, Setting
from tests.support.driver import Driver, report, tiny
from tests.support.filing import FILED_WORK
from tests.support.records import Record

BEGIN = datetime(2026, 3, 2, 1, tzinfo=UTC)
DEPARTMENTS = ("police", "roads", "sanitation")
TASKS = 4000


def task(number: int) -> Task:
    case = f"C-{number:020x}"
    return Task(
        id=f"{case}.1",
        case=case,
        department="police",
        role="lead",
        matter="noise",
        cell="410902001001001",
        rule="noise",
        catalogue="c",
        reason="",
        dispatched_at=BEGIN,
        due_at=BEGIN + timedelta(hours=24),
        partition_key="410902001001001",
    )


def answers(rates: Rates = CITY, seed: int = 1) -> list[list[PlannedAnswer]]:
    setting = Setting(departments=DEPARTMENTS, seed=seed, rates=rates)
    return [plan(task(number), setting, checked=True) for number in range(TASKS)]


def read(answer: PlannedAnswer) -> Feedback | Rejection:
    stamp = round(answer.delivered_at.timestamp() * 1000)
    record = Record(value=answer.value, key=answer.task.encode(), timestamp=stamp)
    return read_feedback(record, answer.sender)


def test_a_plan_follows_from_task_and_seed_alone() -> None:
    assert answers() == answers()
    assert answers() != answers(seed=2)


def test_every_answer_is_feedback_and_only_malformed_ones_are_not() -> None:
    every = Rates(lie=1.0, twice=0.3, extension=0.3, suspended=0.3, rerouted=0.1, closed=0.1, reopened=0.1)
    labels: Counter[str] = Counter()
    for one in (answer for life in answers(every) for answer in life):
        found = read(one)
        labels[one.label] += 1
        if one.label == "malformed":
            assert isinstance(found, Rejection)
            assert found.code == "schema"
        else:
            assert isinstance(found, Feedback), found
            assert (found.id, found.task, found.kind) == (one.id, one.task, one.kind)
    assert min(labels[label] for label in ("usual", "impossible", "malformed", "again")) > TASKS // 20


def test_the_rates_are_those_that_cities_publish() -> None:
    lives = answers()
    kinds = Counter(one.kind for life in lives for one in life if one.label == "usual")
    assert 0.05 < kinds["return"] / TASKS < 0.07
    checks = kinds["check-passed"] + kinds["check-failed"]
    assert 0.02 < kinds["check-failed"] / checks < 0.04
    first = [
        next((read(one) for one in life if one.kind == "handled" and one.label == "usual"), None) for life in lives
    ]
    happened = sorted((one.occurred_at - BEGIN) / timedelta(hours=24) for one in first if isinstance(one, Feedback))
    assert 0.33 < happened[len(happened) // 2] < 0.37
    assert 0.955 < sum(share <= 1 for share in happened) / len(happened) < 0.985
    assert 0.005 < sum(not life for life in lives) / TASKS < 0.015
    said = [one for life in lives for one in life]
    assert 0.005 < sum(one.label == "again" for one in said) / len(said) < 0.015


def test_a_task_that_cannot_be_returned_is_not_returned_by_those_who_mean_well() -> None:
    setting = Setting(departments=DEPARTMENTS, rates=Rates(returned=1.0, silent=0.0, lie=0.0))
    one = task(1)
    assert [a.kind for a in plan(one, setting, checked=True) if a.label == "usual"] == ["return"]
    final = Task(**{name: getattr(one, name) for name in one.__struct_fields__} | {"final": True})
    kinds = [a.kind for a in plan(final, setting, checked=False) if a.label == "usual"]
    assert "return" not in kinds
    assert kinds[-1] == "handled"


def test_inspectors_and_supervisors_have_a_topic_of_their_own() -> None:
    senders = {(one.kind, one.sender) for life in answers(Rates(lie=0.0, suspended=0.5)) for one in life}
    assert {("check-passed", SUPERVISION), ("suspend", SUPERVISION), ("handled", "police")} <= senders
    assert not {("check-passed", "police"), ("accept", SUPERVISION)} & senders


def kinds_of(one: Task, rates: Rates, **more: object) -> list[tuple[str, str]]:
    setting = Setting(departments=DEPARTMENTS, rates=rates, **more)  # type: ignore[arg-type]
    return [(a.kind, a.sender) for a in plan(one, setting, checked=False) if a.label == "usual"]


SURE = Rates(silent=0, returned=0, accepted=1, progress=0, rerouted=0, closed=0, extension=0, suspended=0, reopened=0, lie=0, twice=0, offline=0, swapped=0, supported=0, transferred=0, supervised=0, silenced=0)  # fmt: skip
"""Accepted, then handled."""


def test_assistants_answer_and_leads_ask_for_support() -> None:
    assist = replace(task(1), role="assist")
    assert kinds_of(assist, replace(SURE, answered=1)) == [("accept", "police"), ("answer", "police")]
    assert kinds_of(task(1), replace(SURE, answered=1, supported=1)) == [
        ("accept", "police"), ("ask-support", "police"), ("handled", "police"),
    ]  # fmt: skip
    assert ("ask-support", "police") not in kinds_of(assist, replace(SURE, supported=1))


def test_supervisors_look_on_and_mute() -> None:
    found = kinds_of(task(1), replace(SURE, supervised=1, silenced=1))
    assert found[1:3] == [("supervise", SUPERVISION), ("silence", SUPERVISION)]


def test_a_task_is_handed_over_only_within_a_set_of_departments() -> None:
    rates = replace(SURE, transferred=1)
    assert kinds_of(task(1), rates)[-1] == ("handled", "police")
    assert kinds_of(task(1), rates, transfers=[{"police", "roads"}])[-1] == ("transfer", "police")


def test_the_authority_that_arbitrates_decides() -> None:
    one = replace(task(1), arbitrates=True, final=True, returns=2)
    assert kinds_of(one, replace(SURE, decided=1)) == [("reroute", "police")]
    assert kinds_of(one, replace(SURE, decided=0)) == [("accept", "police"), ("handled", "police")]


def test_a_task_that_was_returned_before_is_returned_more_often() -> None:
    again = replace(task(1), returns=1)
    assert kinds_of(again, replace(SURE, returned_again=1)) == [("return", "police")]


def test_each_milestone_is_done_before_the_whole() -> None:
    parts = (Milestone(id="stop", limit="4h"), Milestone(id="fine", limit="9h"))
    setting = Setting(departments=DEPARTMENTS, rates=SURE)
    said = [read(a) for a in plan(replace(task(1), milestones=parts), setting, checked=False)]
    assert [(one.kind, one.milestone) for one in said if isinstance(one, Feedback)] == [
        ("accept", None), ("progress", "stop"), ("progress", "fine"), ("handled", None),
    ]  # fmt: skip


def test_a_case_is_verified_and_filed_or_rejected_at_the_rates() -> None:
    driver = Driver(tiny(work=FILED_WORK))
    driver.pipe(report("17"))
    case = driver.case_of("17")
    setting = Setting(departments=DEPARTMENTS, rates=Rates(twice=0, offline=0, swapped=0, lie=0, reopened=0))
    ends: Counter[str] = Counter()
    for number in range(1000):
        said = plan_filing(replace(case, id=f"C-{number}"), setting, begin=BEGIN, within_s=3600)
        ends[said[-1].kind if said else "silent"] += 1
        assert {one.task for one in said} <= {case.assignments[0].task}
        assert all(isinstance(read(one), Feedback) for one in said)
        assert [one.kind for one in said[:-1]] in ([], ["verified"])
    assert 2 < ends["silent"] < 25
    assert 30 < ends["reject"] < 70
