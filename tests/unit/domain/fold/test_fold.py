"""What one report does: it opens a case, joins one, is suggested for one, or is a redelivery."""

from datetime import timedelta

import pytest

from router.domain.model.case import Case
from router.domain.model.report import Provenance
from tests.support.driver import (
    CELL,
    NEXT_CELL,
    OTHER_STREET,
    START,
    Driver,
    hours,
    los_angeles,
    report,
    tiny,
)

DUTIES = """\
fallback: {department: locality, unit: street}
duties:
  trees:
    matters: [tree]
    lead: {department: parks, unit: community}
    assist: [police, {department: roads, unit: north}]
"""
STANDARDS = """\
default: {limit: 3d, assist: {limit: 7h}}
"""
CITY = tiny()


def ids(case: Case) -> list[str]:
    return [one.id for one in case.reports]


# -- the first report


def test_a_first_report_opens_a_case_and_dispatches_lead_and_assistants() -> None:
    city = tiny(duties=DUTIES, standards=STANDARDS)
    driver = Driver(city)
    one = report("1", 2, received=5, urgency="Future", severity="Minor", description="It leans.", status="Exercise")
    outcome = driver.pipe(one)
    (case,) = driver.cases
    assert outcome.decision == "opened"
    assert case.id.startswith("C-")
    assert (case.cell, case.matter, case.status) == (CELL, "tree", "Exercise")
    assert (case.opened_at, case.updated_at, case.occurred_at) == (hours(5), hours(5), hours(2))
    assert case.window_until == hours(5 + 24)
    assert case.window_closed_at is None
    dispatched = [(task.id, task.department, task.role, task.unit, task.due_at) for task in driver.tasks]
    assert dispatched == [
        (f"{case.id}.1", "parks", "lead", "410902001001", hours(5 + 72)),
        (f"{case.id}.2", "police", "assist", None, hours(5 + 7)),
        (f"{case.id}.3", "roads", "assist", "north", hours(5 + 7)),
    ]
    assert [(duty.task, duty.department, duty.role, duty.unit, duty.due_at) for duty in case.assignments] == dispatched
    for task in driver.tasks:
        assert (task.case, task.cell, task.matter, task.rule) == (case.id, CELL, "tree", "trees")
        assert (task.catalogue, task.dispatched_at, task.workflow) == (city.catalogue.version, hours(5), "field")
        assert (task.lon, task.lat, task.description) == (one.location.lon, one.location.lat, "It leans.")
        assert (task.status, task.urgency, task.severity) == ("Exercise", "Future", "Minor")
        assert task.reason == "duty trees: tree in the whole city is led by parks, assisted by police, roads"
    assert case.reason == driver.tasks[0].reason
    assert case.catalogue == city.catalogue.version


def test_a_matter_without_duty_goes_to_the_locality() -> None:
    driver = Driver(tiny(duties=DUTIES))
    driver.pipe(report("1", matter="hole"))
    (task,) = driver.tasks
    assert (task.department, task.role, task.rule, task.unit) == ("locality", "lead", "fallback", "410902001")


def test_without_any_receiver_there_is_a_case_and_no_task() -> None:
    driver = Driver(tiny(duties="duties: {trees: {matters: [tree], lead: parks}}"))
    driver.pipe(report("1", matter="hole"))
    assert (len(driver.cases), driver.tasks) == (1, [])
    assert driver.cases[0].assignments == ()


def test_without_a_limit_nothing_is_due() -> None:
    driver = Driver(tiny(standards="matters: {tree: {limit: 1h}}"))
    driver.pipe(report("1", matter="hole"), report("2", matter="tree"))
    assert [task.due_at for task in driver.tasks] == [None, hours(1)]


def test_departments_are_those_at_the_time_of_receipt() -> None:
    """A duty names the departments of today. A report about last month goes to those in charge when it is received."""
    duties = """\
duties:
  before: {matters: [tree], until: 2026-10-01, lead: parks}
  after: {matters: [tree], from: 2026-10-02, lead: roads}
"""
    driver = Driver(tiny(duties=duties))
    driver.pipe(report("1", 0, received=14.999, north=0), report("2", 0, received=15, north=900))  # 15:00 is midnight
    assert [(task.rule, task.department) for task in driver.tasks] == [("before", "parks"), ("after", "roads")]


def test_the_shipped_city_dispatches_an_encampment_by_its_own_lists() -> None:
    city = los_angeles()
    driver = Driver(city)
    driver.pipe(report("1", matter="homeless-encampment", cell="060371006001001", lon=-118.25, lat=34.05))
    assert [(task.department, task.role, task.rule, task.due_at) for task in driver.tasks] == [
        ("bos", "lead", "encampments", START + timedelta(days=14)),
        ("lahsa", "assist", "encampments", START + timedelta(days=2)),
    ]
    assert driver.tasks[0].catalogue == city.catalogue.version
    assert driver.cases[0].window_until == START + timedelta(hours=168)


def test_a_case_id_depends_on_id_and_received_time_of_the_opening_report() -> None:
    first, second, later = Driver(CITY), Driver(CITY), Driver(CITY)
    first.pipe(report("1"))
    second.pipe(report("1", 99, received=0, network="hotline", north=500, offset=7))
    later.pipe(report("1", 1))
    assert first.cases[0].id == second.cases[0].id
    assert first.cases[0].id != later.cases[0].id
    names = [f"{number:03d}" for number in range(200)]
    many = Driver(CITY)
    many.batch([report(name, north=1000 * int(name)) for name in names])
    assert len({case.id for case in many.cases}) == len(names)


# -- redelivery


@pytest.mark.parametrize("when", ["at once", "after the window closed", "after a crash", "after both"])
def test_a_redelivery_does_nothing(when: str) -> None:
    driver = Driver(CITY)
    driver.pipe(report("1"), report("2", 1, network="policing"))
    if "window" in when or "both" in when:
        driver.tick(100)
        assert driver.state.matchable_cases == 0
    if "crash" in when or "both" in when:
        driver = driver.crash()
    before = driver.snapshot()
    written, tasks = list(driver.written), list(driver.tasks)
    for again in (report("1", offset=9), report("2", 1, network="policing", offset=3)):
        outcome = driver.pipe(again)
        assert (outcome.decision, outcome.cases, outcome.tasks) == ("redelivered", [], [])
    assert (driver.snapshot(), driver.written, driver.tasks) == (before, written, tasks)


def test_one_source_id_of_two_networks_is_two_reports() -> None:
    driver = Driver(CITY)
    assert [driver.pipe(report("1", network=name)).decision for name in ("hotline", "policing")] == ["opened", "near"]


# -- joining


def test_a_near_report_joins_and_dispatches_no_task() -> None:
    driver = Driver(CITY)
    driver.pipe(report("1"))
    outcome = driver.pipe(report("2", 1, network="policing", cell=NEXT_CELL, north=20, matter="grass", offset=5))
    assert (outcome.decision, [task.state for task in outcome.tasks], len(driver.tasks)) == ("near", ["updated"], 2)
    (case,) = driver.cases
    first, second = case.reports
    assert (first.joined, first.score, first.distance_m, first.apart_s) == ("opened", None, None, None)
    assert (second.id, second.network, second.matter, second.cell) == ("policing:2", "policing", "grass", NEXT_CELL)
    assert (second.occurred_at, second.received_at) == (hours(1), hours(1))
    assert (second.joined, second.distance_m, second.apart_s) == ("near", 20.0, 3600.0)
    # 0.9 x 0.6 / (0.6 + 0.4 x 1/24) x 0.5 ^ (20/50)^2
    assert second.score == pytest.approx(0.9 * 0.9730 * 0.8950, abs=0.0001)
    assert [one.provenance for one in case.reports] == [
        Provenance(topic="reports.hotline", partition=0, offset=0),
        Provenance(topic="reports.policing", partition=0, offset=5),
    ]


def test_joining_never_shortens_the_window() -> None:
    driver = Driver(tiny(RULES_OF_ONE_KIND, standards="default: {limit: 30d}\n"))
    driver.pipe(report("1", matter="hole"))  # 72 h
    assert driver.cases[0].window_until == hours(72)
    driver.pipe(report("2", 10, matter="grass"))  # 24 h
    assert driver.cases[0].window_until == hours(72)
    driver.pipe(report("3", 60, matter="grass", received=60))
    assert driver.cases[0].window_until == hours(84)
    driver.pipe(report("4", 61, matter="hole"))
    assert driver.cases[0].window_until == hours(133)
    assert len(driver.cases) == 1


RULES_OF_ONE_KIND = """\
thresholds: {merge: 0.1, suggest: 0.1}
search_radius: {base_m: 30, max_m: 150}
window_hours: 24
window_hours_by_matter: {hole: 72}
decay_at_window_end: 0.6
decay_at_max_distance: 0.5
same_community: 0.65
affinities: [{between: [grass, hole], affinity: 1}]
"""


@pytest.mark.parametrize(
    ("field", "ladder"),
    [
        ("urgency", ["Unknown", "Past", "Future", "Expected", "Immediate"]),
        ("severity", ["Unknown", "Minor", "Moderate", "Severe", "Extreme"]),
        ("certainty", ["Unknown", "Unlikely", "Possible", "Likely", "Observed"]),
    ],
)
def test_joining_never_lowers_urgency_severity_or_certainty(field: str, ladder: list[str]) -> None:
    """CAP 1.2 lists the levels from the gravest down; `Unknown` is below all."""
    for one, first in enumerate(ladder):
        for two, second in enumerate(ladder):
            driver = Driver(CITY)
            driver.pipe(report("1", **{field: first}), report("2", **{field: second}))
            assert getattr(driver.cases[0], field) == ladder[max(one, two)]


def test_a_late_report_joins_by_its_occurrence() -> None:
    """Police report hours after the fact. The occurrence counts, as long as the case's window is open."""
    driver = Driver(CITY)
    driver.pipe(report("1", 0), report("2", 20))
    outcome = driver.pipe(report("late", 1, received=40, network="policing"))
    assert outcome.decision == "near"
    (case,) = driver.cases
    assert (case.reports[2].apart_s, case.reports[2].score) == (0.0, 1.0)
    assert (case.occurred_at, case.updated_at, case.window_until) == (hours(0), hours(40), hours(64))
    before = driver.pipe(report("before", -6, received=41, network="policing"))
    assert before.decision == "near"
    assert driver.cases[0].reports[3].apart_s == 6 * 3600
    assert driver.pipe(report("too early", -31, received=42)).decision == "opened"


def test_a_report_out_of_order_moves_no_instant_back() -> None:
    driver = Driver(CITY)
    driver.pipe(report("1", 10), report("2", 9, received=8))
    (case,) = driver.cases
    assert (case.opened_at, case.updated_at, case.window_until) == (hours(10), hours(10), hours(34))


def test_reports_merge_across_cells_but_not_across_streets() -> None:
    driver = Driver(CITY)
    driver.pipe(report("1", cell=CELL), report("2", cell=NEXT_CELL, east=10), report("3", cell=OTHER_STREET, east=10))
    assert [ids(case) for case in driver.cases] == [["hotline:1", "hotline:2"], ["hotline:3"]]


LAMP, OTHER_LAMP = "4109020109000017", "4109020109000018"


def test_a_case_takes_the_component_that_a_later_report_names() -> None:
    driver = Driver(CITY)
    driver.pipe(report("1"), report("2", 1, network="urban-management", component_id=LAMP))
    assert driver.cases[0].component_id == LAMP
    for owner in (driver, driver.crash()):
        outcome = owner.pipe(report("3", 2, network="urban-management", component_id=LAMP, point=False, matter="grass"))
        assert outcome.decision == "component"
        assert ids(owner.cases[0]) == ["hotline:1", "urban-management:2", "urban-management:3"]
        assert owner.pipe(report("4", 2, network="urban-management", component_id=OTHER_LAMP)).decision == "opened"


def test_a_case_of_a_component_is_joined_by_neighbours_that_name_none() -> None:
    driver = Driver(CITY)
    driver.pipe(report("1", component_id=LAMP))
    assert driver.pipe(report("2", north=10)).decision == "near"
    assert driver.cases[0].component_id == LAMP
