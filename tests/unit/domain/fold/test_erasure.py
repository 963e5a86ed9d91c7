"""A request to erase a person's data: what goes, what stays, and that nothing brings it back."""

import pytest
from msgspec.json import encode
from msgspec.structs import replace

from router.domain.lifecycle.journal import broken_at
from router.domain.model.case import Case
from router.domain.model.erasure import Erased, Erasure
from router.domain.model.feedback import SUPERVISION
from router.domain.model.report import Media, Report
from router.wire.codec import encode_case, encode_task
from tests.support.driver import MERGING, Driver, hours, report, tiny
from tests.support.feedback import feedback

CITY = tiny()
MARK = "MARKED"
"""In every text of a person in these tests, and in no other."""
PHOTO = Media(url=f"https://photos.example.org/{MARK}.jpg", sha256="0" * 64)


def said(name: str, at: float = 0, **more: object) -> Report:
    """A report whose every field for a text or a reference has the mark."""
    texts = {
        "description": f"{MARK} fell from a tree",
        "address": f"{MARK} street 1",
        "reporter": f"{MARK}-ref",
        "media": (PHOTO,),
        "extensions": {"personRef": f"{MARK}-person"},
    }
    return report(name, at, rule_set=CITY.rule_set, **(texts | more))  # type: ignore[arg-type]


def asked(case: Case, at: float = 50, *reports: str) -> Erasure:
    return Erasure(
        id=f"{case.id}/{at}",
        case=case.id,
        at=hours(at),
        actor="zhang",
        reason="PIPL article 47",
        partition_key=case.partition_key,
        reports=reports,
    )


def opened(*more: Report) -> Driver:
    driver = Driver(CITY)
    driver.pipe(said("17"), *more)
    return driver


def marked(driver: Driver) -> list[str]:
    """The cases of the state and of the table that have the mark."""
    found = [case.id for case in driver.cases if MARK.encode() in encode_case(case)[1]]
    return found + [
        f"state {key}" for key in driver.snapshot()["candidates"] if MARK in repr(driver.state.case_of(key))
    ]


def test_every_text_goes_and_what_figures_are_made_of_stays() -> None:
    driver = opened(said("18", 1, network="policing"), said("17", 2, version=2, description=f"{MARK} was hurt"))
    before = driver.case_of("17")
    assert marked(driver)
    result = driver.pipe(asked(before))
    assert result.decision == "erased"
    assert marked(driver) == []
    after = driver.case_of("17")
    for name in (
        "id",
        "cell",
        "matter",
        "opened_at",
        "occurred_at",
        "window_until",
        "status",
        "urgency",
        "severity",
        "state",
    ):
        assert getattr(after, name) == getattr(before, name), name
    assert after.assignments == before.assignments
    assert [(one.id, one.network, one.version, one.provenance) for one in after.reports] == [
        (one.id, one.network, one.version, one.provenance) for one in before.reports
    ]
    assert (after.revision, after.lon, after.lat) == (before.revision + 1, None, None)
    assert [one.says and one.says.erased for one in after.reports] == [
        Erased(at=hours(50), actor="zhang", reason="PIPL article 47")
    ] * 2


def test_every_department_hears_of_it_without_the_text() -> None:
    driver = opened()
    (task,) = driver.tasks
    result = driver.pipe(asked(driver.case_of("17")))
    (updated,) = result.tasks
    assert (updated.id, updated.state, updated.erased_at) == (task.id, "updated", hours(50))
    assert (updated.due_at, updated.cell, updated.reason) == (task.due_at, task.cell, task.reason)
    assert MARK.encode() not in encode_task(updated)[1]


def test_the_journal_says_by_whom_and_why_and_its_chain_verifies() -> None:
    driver = opened()
    driver.pipe(asked(driver.case_of("17")))
    case, last = driver.case_of("17"), driver.transitions[-1]
    assert (last.cause, last.actor, last.reason, last.at) == ("erasure", "zhang", "PIPL article 47", hours(50))
    assert (last.begin, last.to) == ("dispatched", "dispatched")
    assert broken_at(driver.transitions) is None
    assert (case.transitions, case.chain) == (2, last.hash)


def test_only_the_data_of_the_report_that_is_named_goes() -> None:
    driver = Driver(CITY)
    driver.pipe(said("17"), report("18", 1, network="policing", rule_set=CITY.rule_set, description="a broken branch"))
    driver.pipe(asked(driver.case_of("17"), 50, "hotline:17"))
    one, other = driver.case_of("17").reports
    assert marked(driver) == []
    assert one.says is not None
    assert other.says is not None
    assert (one.description, one.says.erased is not None) == ("", True)
    assert (other.description, other.place is not None, other.says.erased) == ("a broken branch", True, None)


def test_the_case_keeps_its_text_when_another_report_goes() -> None:
    driver = Driver(CITY)
    driver.pipe(report("17", rule_set=CITY.rule_set, description="a broken branch"), said("18", 1, network="policing"))
    result = driver.pipe(asked(driver.case_of("17"), 50, "policing:18"))
    assert marked(driver) == []
    assert driver.case_of("17").description == result.tasks[0].description == "a broken branch"


@pytest.mark.parametrize("restored", [False, True])
def test_a_request_that_comes_twice_changes_nothing(restored: bool) -> None:
    driver = opened()
    request = asked(driver.case_of("17"))
    driver.pipe(request)
    driver, before = (driver.crash() if restored else driver), driver.case_of("17")
    result = driver.pipe(request)
    assert (result.decision, result.cases, result.tasks, result.transitions) == ("nothing", [], [], [])
    assert driver.case_of("17") == before


def test_a_case_that_the_partition_does_not_have_is_unknown() -> None:
    driver = opened()
    result = driver.pipe(replace(asked(driver.case_of("17")), case="C-00000000000000000000"))
    assert (result.decision, result.cases) == ("unknown-case", [])


REFERRING = (
    f"{MERGING}evidence: {{citizen_networks: [hotline, policing], reference_factor: 0.9, reference_radius_m: 1000}}\n"
)


def test_a_restored_state_is_the_folded_one() -> None:
    """The index has the case by no point and no reference of the person any more."""
    driver = Driver(tiny(REFERRING))
    driver.pipe(said("17"), said("18", 1, network="policing", north=12))
    (entry,) = driver.state.candidates.values()
    assert entry.references, "the case is found by the references of persons"
    assert entry.places, "and by the point of its second report"
    driver.pipe(asked(driver.case_of("17")))
    assert (entry.references, entry.places) == ((), ())
    assert driver.crash().snapshot() == driver.snapshot()
    driver.pipe(said("19", 3, network="policing"))
    assert len(driver.cases) == 2, "nothing near it joins by place"


@pytest.mark.parametrize("restored", [False, True])
@pytest.mark.parametrize("reports", [1, 2])
def test_a_redelivery_and_a_correction_bring_nothing_back(restored: bool, reports: int) -> None:
    driver = opened(*[said("18", 1, network="policing")][: reports - 1])
    driver.pipe(asked(driver.case_of("17")))
    driver = driver.crash() if restored else driver
    assert driver.pipe(said("17")).decision == "redelivered", "the dedup index had forgotten it"
    assert driver.pipe(said("17", offset=9)).decision == "redelivered", "a copy on another offset"
    corrected = driver.pipe(said("17", 0, received=60, version=2, severity="Extreme"))
    assert corrected.decision == "updated"
    assert marked(driver) == []
    case = driver.case_of("17")
    assert case.severity == "Extreme", "what is no person's data still counts"
    known = next(one for one in case.reports if one.id == "hotline:17")
    assert known.version == 2
    assert known.says is not None
    assert known.says.erased is not None


def test_a_correction_that_leads_to_another_case_brings_nothing_back() -> None:
    driver = opened(said("18", 1, network="policing"))
    driver.pipe(asked(driver.case_of("17"), 50, "hotline:17"))
    driver.pipe(said("17", 0, received=60, version=2, matter="hole"))
    (case,) = [case for case in driver.cases if case.reports[0].id == "hotline:17"]
    assert MARK.encode() not in encode_case(case)[1]
    driver.pipe(said("17", 0, received=61, version=3, matter="hole", severity="Severe"))
    assert MARK.encode() not in encode_case(driver.case_of("17"))[1]


def test_a_case_that_lost_its_last_report_says_nothing_of_it() -> None:
    driver = opened(said("18", 1, network="policing"))
    first = driver.case_of("17").id
    driver.pipe(said("17", 0, received=2, version=2, matter="hole"))
    left = driver.case_of("17").id
    assert left != first
    driver.pipe(said("17", 0, received=3, version=3))
    assert driver.case_of("17").id == first, "it fits the case again that it had left"
    assert {one.id: one.state for one in driver.cases}[left] == "empty"
    assert MARK.encode() in driver.latest()[left.encode()]
    result = driver.pipe(asked(driver.case_of("17"), 50, "hotline:17"))
    assert {one.id for one in result.cases} == {first, left}
    assert MARK.encode() not in driver.latest()[left.encode()]
    assert broken_at([one for one in driver.transitions if one.case == left]) is None


def test_the_words_of_departments_go_and_who_decided_stays() -> None:
    driver = opened()
    task = driver.tasks[0]
    driver.pipe(feedback("return", task, 1, reason=f"{MARK} is not at home", department="police"))
    new = driver.tasks[-1]
    driver.pipe(feedback("reroute", new, 2, SUPERVISION, reason=f"{MARK} asked for it", department="parks"))
    before = driver.case_of("17")
    driver.pipe(asked(before))
    after = driver.case_of("17")
    assert MARK.encode() not in encode(after)
    assert [one.why for one in after.assignments] == ["", "parks returned the task", "a supervisor decided"]
    assert [one.stage for one in after.assignments] == [one.stage for one in before.assignments]
    assert [one.due_at for one in after.assignments] == [one.due_at for one in before.assignments]
    states = [(one.department, one.state, one.stage, one.erased_at) for one in driver.tasks[-3:]]
    assert states == [
        ("parks", "withdrawn", "returned", hours(50)),
        ("police", "withdrawn", "withdrawn", hours(50)),
        ("parks", "updated", "dispatched", hours(50)),
    ]
    assert broken_at(driver.transitions) is None


def test_feedback_after_it_may_be_erased_again() -> None:
    driver = opened()
    driver.pipe(asked(driver.case_of("17")))
    driver.pipe(feedback("return", driver.tasks[0], 60, reason=f"{MARK} is away", department="police"))
    assert marked(driver)
    assert driver.pipe(asked(driver.case_of("17"), 70)).decision == "erased"
    assert marked(driver) == []


def test_an_erased_case_is_archived_as_it_is() -> None:
    driver = opened()
    driver.pipe(asked(driver.case_of("17"), 1))
    driver.tick(25)
    driver.pipe(report("99", 24 * 90, north=9000, rule_set=CITY.rule_set))
    driver.tick(24 * 90)
    assert len(driver.archived) == 1
    assert MARK.encode() not in driver.archived[0]


def test_the_photos_of_an_erased_report_leave_the_tasks_and_those_of_another_stay() -> None:
    other = Media(url="https://photos.example.org/other.jpg", sha256="1" * 64)
    driver = opened(report("18", 0.5, network="policing", rule_set=CITY.rule_set, media=(other,)))
    assert driver.tasks[-1].media == (PHOTO, other)
    result = driver.pipe(asked(driver.case_of("17"), 50, "hotline:17"))
    assert [one.media for one in result.tasks] == [(other,)]
    assert not any(MARK.encode() in (encode_task(one)[1] or b"") for one in result.tasks)
