"""What a department needs to act: names, who else acts, which reports, and photos. And of what it hears when that changes."""

from typing import Any

import pytest
from msgspec.structs import replace

from router.domain.case.task_record import MOST_MEDIA, MOST_REPORTS, media_of, task
from router.domain.model.feedback import SUPERVISION
from router.domain.model.report import Media, Report
from router.domain.model.task import BilingualName, Task, TaskNames, TaskReport, TeamMember
from router.wire.codec import encode_task
from tests.support.catalogue_lists import DUTIES
from tests.support.driver import OTHER_STREET, Driver, hours, report, tiny
from tests.support.feedback import feedback

YARD = DUTIES.replace("    lead: roads\n", "    lead: {department: roads, unit: north}\n    assist: [police, parks]\n")
CITY = tiny()
PARKS, POLICE, ROADS = BilingualName("Parks"), BilingualName("Police", "公安"), BilingualName("Roads")


def photo(name: str) -> Media:
    return Media(url=f"https://photos.example.org/{name}", sha256=name[0] * 64)


def updated(one: Report, at: float = 1, **changed: Any) -> Report:
    """The second version of a report, received `at` hours after START."""
    return replace(one, version=2, received_at=hours(at), **changed)


def opened(duties: str = YARD, **given: Any) -> Driver:
    driver = Driver(tiny(duties=duties))
    driver.pipe(report("17", **{"matter": "hole"} | given))
    return driver


def ids(task: Task) -> list[str]:
    return [one.id for one in task.reports]


def sent(driver: Driver, event: Any) -> list[tuple[str, str]]:
    return [(one.department, one.state) for one in driver.pipe(event).tasks]


def test_a_task_names_matter_department_and_unit() -> None:
    lead, police, _ = opened().tasks
    assert lead.names == TaskNames(BilingualName("Hole"), ROADS, BilingualName("North yard"))
    assert police.names == TaskNames(BilingualName("Hole"), POLICE)
    assert opened(DUTIES, matter="tree").tasks[0].names == TaskNames(BilingualName("Tree", "树"), PARKS)


def test_a_unit_that_is_a_part_of_the_city_has_its_code_and_no_name() -> None:
    (task,) = opened("fallback: {department: locality, unit: street}\nduties: {}\n").tasks
    assert (task.unit, task.names) == (
        "410902001",
        TaskNames(BilingualName("Hole"), BilingualName("Locality", "属地")),
    )


def test_each_department_knows_the_others() -> None:
    lead, police, parks = opened().tasks
    assert lead.team == (TeamMember("police", "assist", None, POLICE), TeamMember("parks", "assist", None, PARKS))
    assert police.team == (TeamMember("roads", "lead", "north", ROADS), TeamMember("parks", "assist", None, PARKS))
    assert [one.department for one in parks.team] == ["roads", "police"]


@pytest.mark.parametrize(
    ("kind", "sender", "expected"),
    [
        (
            "return",
            None,
            [("roads", "withdrawn"), ("police", "updated"), ("parks", "updated"), ("locality", "dispatched")],
        ),
        (
            "reroute",
            SUPERVISION,
            [("roads", "withdrawn"), ("police", "updated"), ("parks", "updated"), ("locality", "dispatched")],
        ),
        ("accept", None, [("roads", "updated")]),
        ("handled", None, [("roads", "updated")]),
    ],
)
def test_who_has_a_task_hears_when_another_department_comes_or_goes(
    kind: Any, sender: str | None, expected: list[tuple[str, str]]
) -> None:
    driver = opened()
    department = None if kind in {"accept", "handled"} else "locality"
    said = feedback(kind, driver.tasks[0], 1, sender, reason="not ours", department=department)
    assert sent(driver, said) == expected
    police = next(one for one in reversed(driver.tasks) if one.department == "police")
    lead = "locality" if department else "roads"
    assert sorted((one.department, one.role) for one in police.team) == sorted([("parks", "assist"), (lead, "lead")])


def test_an_assistant_that_has_answered_stays_in_the_team() -> None:
    driver = opened()
    assert sent(driver, feedback("answer", driver.tasks[1], 1, reason="done")) == [("police", "updated")]
    driver.pipe(feedback("accept", driver.tasks[0], 2))
    assert [one.department for one in driver.tasks[-1].team] == ["police", "parks"]


def test_a_task_lists_the_leading_report_first() -> None:
    driver = Driver(CITY)
    drill = report("1", status="Exercise", matter="grass")
    driver.pipe(drill, report("2", 0.5, status="Exercise", network="policing", matter="grass"))
    assert driver.tasks[-1].reports == (
        TaskReport("hotline:1", "hotline"),
        TaskReport("policing:2", "policing"),
    )
    driver.pipe(updated(report("2", 0.5, network="policing", matter="grass"), status="Actual"))
    assert ids(driver.tasks[-1]) == ["policing:2", "hotline:1"], "what is real leads"


def test_one_more_report_of_a_known_network_sends_no_update_and_is_in_the_next_record() -> None:
    driver = opened(DUTIES)
    assert sent(driver, report("18", 0.1, matter="hole")) == []
    assert ids(driver.tasks[-1]) == ["hotline:17"]
    assert sent(driver, report("19", 0.2, network="policing", matter="hole")) == [("roads", "updated")]
    assert ids(driver.tasks[-1]) == ["hotline:17", "hotline:18", "policing:19"]


def test_a_report_that_leaves_and_changes_nothing_else_sends_no_update_and_the_next_record_lacks_it() -> None:
    driver = opened(DUTIES)
    second, third = report("18", 0.1, matter="hole"), report("19", 0.2, network="policing", matter="hole")
    driver.pipe(second, third)
    moved = driver.pipe(updated(second, location=replace(second.location, cell=OTHER_STREET))).tasks
    assert [one.state for one in moved if one.case == driver.case_of("17").id] == []
    driver.pipe(updated(third, severity="Extreme", at=2))
    assert ids(driver.tasks[-1]) == ["hotline:17", "policing:19"]


def test_a_long_list_is_cut_and_says_so() -> None:
    driver = opened(DUTIES)
    for number in range(18, 60):
        driver.pipe(report(str(number), 0.1, matter="hole"))
    case = driver.case_of("17")
    now = task(case, case.assignments[0], CITY.catalogue)
    assert len(now.reports) + now.reports_omitted == len(case.reports) == 43
    assert ids(now) == ["hotline:17", *(f"hotline:{number}" for number in range(60 - MOST_REPORTS + 1, 60))]


def test_a_photo_that_the_task_shows_sends_an_update() -> None:
    driver = opened(DUTIES)
    assert sent(driver, report("18", 0.1, matter="hole", media=(photo("a"),))) == [("roads", "updated")]
    assert driver.tasks[-1].media == (photo("a"),)
    assert sent(driver, report("19", 0.2, matter="hole", media=(photo("b"), photo("a")))) == [("roads", "updated")]
    assert driver.tasks[-1].media == (photo("a"), photo("b")), "each once"
    assert sent(driver, report("20", 0.3, matter="hole", media=(photo("a"),))) == []


def test_photos_of_a_drill_are_not_those_of_what_is_real() -> None:
    driver = Driver(CITY)
    drill = report("1", status="Exercise", matter="grass", media=(photo("a"),))
    driver.pipe(drill, report("2", 0.5, status="Exercise", matter="grass"))
    driver.pipe(updated(report("2", 0.5, matter="grass"), status="Actual"))
    assert media_of(driver.case_of("2")) == driver.tasks[-1].media == ()


def test_the_number_of_photos_is_bounded_and_the_leading_report_shows_all_of_its_own() -> None:
    many = tuple(photo(f"{number:02}") for number in range(MOST_MEDIA + 2))
    driver = opened(DUTIES, media=many)
    driver.pipe(report("18", 0.1, network="policing", matter="hole", media=(photo("x"),)))
    assert driver.tasks[-1].media == many
    driver = opened(DUTIES, media=many[:1])
    for number in range(1, 8):
        driver.pipe(report(f"{number}", 0.1, matter="hole", media=tuple(photo(f"{number}{one}") for one in "abc")))
    driver.pipe(report("18", 0.1, network="policing", matter="hole"))
    assert len(driver.tasks[-1].media) == MOST_MEDIA


def test_the_longest_lists_leave_a_task_far_below_the_bound_of_a_record() -> None:
    """Reports with ids of 64 characters and media of 500, until the case is full: a thousandth of what the topic takes."""
    driver = Driver(tiny())
    for number in range(100):
        media = tuple(Media(url=f"https://{number}.{one}/".ljust(500, "x"), sha256="0" * 64) for one in range(3))
        driver.pipe(report(f"{number:064}", 0.1, matter="hole", media=media))
    case = driver.cases[0]
    assert len(case.reports) > MOST_REPORTS
    value = encode_task(task(case, case.assignments[0], CITY.catalogue))[1]
    assert value is not None
    assert len(value) < 12_000


def test_a_matter_that_the_catalogue_does_not_know_has_no_name() -> None:
    driver = opened(DUTIES)
    case = driver.case_of("17")
    case.matter = "unknown"
    assert task(case, case.assignments[0], CITY.catalogue).names == TaskNames(None, ROADS)
