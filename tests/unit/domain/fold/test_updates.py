"""A report that its network sends again with other content, and the case that follows it."""

from datetime import timedelta

from msgspec.structs import replace

from router.domain.model.report import REPORTS_KEPT, Report
from router.wire.codec import encode_case, encode_task
from tests.support.driver import CELL, NEXT_CELL, OTHER_STREET, START, Driver, hours, report, tiny

DUTIES = """\
fallback: {department: locality, unit: street}
duties:
  trees:
    matters: [tree]
    lead: parks
    assist: [police]
  grass:
    matters: [grass]
    lead: parks
    assist: [roads]
  holes:
    matters: [hole]
    lead: {department: roads, unit: street}
"""
STANDARDS = """\
default: {limit: 3d}
matters: {hole: {limit: 24h}}
"""
CITY = tiny(duties=DUTIES, standards=STANDARDS)


def driver() -> Driver:
    return Driver(CITY)


def updated(one: Report, version: int = 2, at: float = 1, **changed: object) -> Report:
    """The next version of a report, received `at` hours after START."""
    return replace(one, version=version, received_at=hours(at), **changed)


def changes(driver: Driver, since: int) -> list[tuple[str, str, str]]:
    """Number, department and state of the tasks written after the first `since`."""
    return [(task.id.rpartition(".")[2], task.department, task.state) for task in driver.tasks[since:]]


def test_an_update_is_no_second_incident() -> None:
    city = driver()
    one = report("1", description="a tree")
    assert city.pipe(one, updated(one, description="a tree on a car")).decision == "updated"
    (case,) = city.cases
    assert case.description == "a tree on a car"
    (kept,) = case.reports
    assert (kept.id, kept.version, kept.description) == ("hotline:1", 2, "a tree on a car")
    (first,) = kept.earlier
    assert (first.version, first.description, first.received_at) == (1, "a tree", START)
    assert (kept.received_at, case.updated_at, case.opened_at) == (hours(1), hours(1), START)


def test_a_supplement_updates_tasks_and_keeps_their_limit() -> None:
    city = driver()
    one = report("1")
    city.pipe(one)
    due = [task.due_at for task in city.tasks]
    city.pipe(updated(one, description="more", severity="Severe"))
    assert changes(city, 2) == [("1", "parks", "updated"), ("2", "police", "updated")]
    assert [task.due_at for task in city.tasks[2:]] == due
    assert {(task.description, task.severity, task.updated_at) for task in city.tasks[2:]} == {
        ("more", "Severe", hours(1))
    }
    assert {task.dispatched_at for task in city.tasks} == {START}


def test_a_change_that_no_task_shows_updates_no_task() -> None:
    city = driver()
    one = report("1")
    city.pipe(one, updated(one, source_code="t2"))
    assert len(city.tasks) == 2


def test_the_same_version_again_and_an_earlier_one_are_redeliveries() -> None:
    city = driver()
    one = report("1")
    second = updated(one, description="b")
    city.pipe(one, second)
    before = city.snapshot()
    assert city.pipe(second).decision == "redelivered"
    assert city.pipe(one).decision == "redelivered"
    assert city.snapshot() == before


def test_a_corrected_matter_is_routed_again_with_the_reason() -> None:
    city = driver()
    one = report("1")
    assert city.pipe(one, updated(one, matter="hole")).decision == "rerouted"
    (case,) = city.cases
    assert changes(city, 2) == [("1", "parks", "withdrawn"), ("2", "police", "withdrawn"), ("3", "roads", "dispatched")]
    assert case.matter == "hole"
    assert "tree became hole by version 2 of hotline:1" in case.reason
    assert [one.withdrawn_at for one in case.assignments] == [hours(1), hours(1), None]
    new = city.tasks[-1]
    assert (new.dispatched_at, new.due_at, new.unit) == (hours(1), hours(1 + 24), CELL[:9])


def test_a_department_that_stays_keeps_its_task_and_limit() -> None:
    city = driver()
    one = report("1")
    city.pipe(one, updated(one, matter="grass", at=5))
    assert changes(city, 2) == [("1", "parks", "updated"), ("2", "police", "withdrawn"), ("3", "roads", "dispatched")]
    kept = city.tasks[2]
    assert (kept.matter, kept.rule, kept.due_at) == ("grass", "grass", START + timedelta(days=3))


def test_routing_back_to_a_department_makes_a_new_task() -> None:
    city = driver()
    one = report("1")
    city.pipe(one, updated(one, matter="hole", at=1), updated(one, 3, at=2, matter="tree"))
    assert changes(city, 5) == [
        ("3", "roads", "withdrawn"),
        ("4", "parks", "dispatched"),
        ("5", "police", "dispatched"),
    ]
    (case,) = city.cases
    assert [(one.task[-1], one.department) for one in case.assignments if one.withdrawn_at is None] == [
        ("4", "parks"),
        ("5", "police"),
    ]
    assert [(version.version, version.matter) for version in case.reports[0].earlier] == [(1, "tree"), (2, "hole")]


def test_a_corrected_place_moves_the_case() -> None:
    city = driver()
    one = report("1", matter="hole")
    moved = report("1", matter="hole", cell=OTHER_STREET, east=5000)
    city.pipe(one, updated(moved))
    (case,) = city.cases
    assert (case.cell, case.lon) == (OTHER_STREET, moved.location.lon)
    assert f"{CELL} became {OTHER_STREET}" in case.reason
    assert changes(city, 1) == [("1", "roads", "withdrawn"), ("2", "roads", "dispatched")]
    assert city.tasks[-1].unit == OTHER_STREET[:9]


def test_reports_join_a_moved_case_at_its_new_place() -> None:
    city = driver()
    one = report("1")
    city.pipe(one, updated(report("1", cell=NEXT_CELL, east=400)))
    assert city.pipe(report("2", 2, cell=NEXT_CELL, east=405, network="policing")).decision == "near"
    assert city.pipe(report("3", 2, network="policing")).decision == "opened"


def test_a_correction_of_a_report_that_joined_leaves_the_case_its_matter() -> None:
    city = driver()
    two = report("2", 1, network="policing")
    city.pipe(report("1"), two)
    assert city.pipe(updated(two, at=2, matter="grass", urgency="Immediate")).decision == "updated"
    (case,) = city.cases
    assert (case.matter, case.urgency) == ("tree", "Immediate")
    assert [one.matter for one in case.reports] == ["tree", "grass"]


def test_an_update_reaches_a_case_whose_window_is_closed() -> None:
    city = driver()
    one = report("1")
    city.pipe(one)
    city.tick(30)
    assert city.pipe(updated(one, at=100, matter="hole")).decision == "rerouted"
    (case,) = city.cases
    assert case.window_closed_at == hours(30)
    assert city.pipe(report("2", 100, matter="hole")).decision == "opened"


def test_an_update_after_the_retention_is_rejected() -> None:
    kept = REPORTS_KEPT / timedelta(hours=1)
    for late, decision in ((30 + kept - 1, "updated"), (30 + kept, "rejected")):
        city = driver()
        one = report("1")
        city.pipe(one)
        city.tick(30)
        assert city.pipe(updated(one, at=late, description="b")).decision == decision


def test_a_restored_state_has_all_versions() -> None:
    city = driver()
    one, two = report("1", description="a"), report("2", 1, network="policing")
    city.pipe(one, two, updated(one, at=2, matter="hole", description="b"))
    city.pipe(report("3", 3, east=4000))
    city.tick(27)
    again = city.crash()
    assert again.snapshot() == city.snapshot()
    third = updated(one, 3, at=28, matter="tree")
    assert again.pipe(third) == city.pipe(third)
    assert again.latest() == city.latest()


def test_a_correction_of_the_only_report_may_lower_the_levels() -> None:
    city = driver()
    one = report("1", urgency="Immediate", severity="Severe")
    city.pipe(one, updated(one, urgency="Future", severity="Minor"))
    (case,) = city.cases
    assert (case.urgency, case.severity) == ("Future", "Minor")


def test_the_window_counts_from_the_first_version() -> None:
    city = driver()
    one = report("1")
    city.pipe(one, updated(one, 2, at=20, description="b"), updated(one, 3, at=22, description="c"))
    assert city.cases[0].window_until == hours(24)


def test_an_update_does_not_reopen_an_ended_window() -> None:
    city = driver()
    one = report("1")
    city.pipe(one, updated(one, at=24.5, matter="hole"))
    (case,) = city.cases
    assert (case.matter, case.window_until, case.window_closed_at) == ("hole", hours(24), None)


def test_two_changes_of_a_task_in_one_millisecond_have_two_ids() -> None:
    city = driver()
    one = report("1")
    city.pipe(one, updated(one, 2, description="b"), updated(one, 3, matter="hole"))
    ids = [dict(encode_task(task)[2])["ce_id"] for task in city.tasks]
    assert len(ids) == len(set(ids))


def test_texts_of_versions_are_cut_so_that_a_case_stays_small() -> None:
    city = driver()
    one = report("1", description="a" * 4000)
    city.pipe(one, *(updated(one, n, at=n, description=f"{n}" + "b" * 3990) for n in range(2, 20)))
    (case,) = city.cases
    assert len(case.description) > 3990
    assert len(encode_case(case)[1]) < 20_000
