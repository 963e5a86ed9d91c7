"""A case is what its reports say now: who leads it, what leaves it, when it is closed, and who hears of it."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from msgspec.structs import replace

from router.domain.model.case import Case
from router.domain.model.report import Media, Report
from router.domain.model.task import Task
from router.domain.rules.rule_sets import RuleSets
from tests.support.driver import (
    CELL,
    MERGING,
    NEXT_CELL,
    OTHER_COMMUNITY,
    OTHER_STREET,
    START,
    THREE_DUTIES,
    Driver,
    hours,
    report,
    tiny,
)

LIMIT = "default: {limit: 2d}\n"
CITY = tiny(duties=THREE_DUTIES, standards=LIMIT)
Seen = list[tuple[str, str, str]]


def updated(one: Report, version: int = 2, at: float = 1, **changed: object) -> Report:
    """The next version of a report, received `at` hours after START."""
    return replace(one, version=version, received_at=hours(at), **changed)


def pair(**more: str) -> tuple[Driver, Report, Report]:
    """A case of two reports: one of the hotline opened it, one of the police joined."""
    driver, opener, joiner = Driver(CITY), report("1", **more), report("2", 0.5, network="policing", **more)
    driver.pipe(opener, joiner)
    assert len(driver.cases) == 1
    return driver, opener, joiner


def seen(tasks: Sequence[Task]) -> Seen:
    return [(task.department, task.matter, task.state) for task in tasks]


def live(case: Case) -> list[str]:
    return [one.department for one in case.assignments if one.withdrawn_at is None]


def test_a_moved_opener_leaves_the_task_that_the_other_report_needs() -> None:
    driver, opener, _ = pair()
    outcome = driver.pipe(updated(opener, location=report("x", cell=OTHER_STREET, east=5000).location))
    assert outcome.decision == "moved"
    assert seen(outcome.tasks) == [("parks", "tree", "updated"), ("parks", "tree", "dispatched")]
    assert [task.networks for task in outcome.tasks] == [("policing",), ("hotline",)]
    stays, new = driver.case_of("2", "policing"), driver.case_of("1")
    assert (stays.cell, new.cell) == (CELL, OTHER_STREET)
    assert live(stays) == live(new) == ["parks"]
    (left,) = stays.departed
    assert (left.report, left.version, left.at, left.case) == ("hotline:1", 2, hours(1), new.id)
    assert left.reason == f"it is in {OTHER_STREET[:9]}, another street than {CELL[:9]}"


def test_a_reclassed_opener_leaves_and_both_departments_have_a_task() -> None:
    driver, opener, _ = pair()
    outcome = driver.pipe(updated(opener, matter="hole"))
    assert seen(outcome.tasks) == [("parks", "tree", "updated"), ("roads", "hole", "dispatched")]
    assert live(driver.case_of("2", "policing")) == ["parks"]
    assert live(driver.case_of("1")) == ["roads"]
    assert driver.case_of("2", "policing").departed[0].reason == "hole is not like tree"


def test_a_moved_joiner_opens_a_case_where_it_is_now() -> None:
    driver, _, joiner = pair()
    outcome = driver.pipe(updated(joiner, location=report("x", cell=NEXT_CELL, east=900).location))
    assert seen(outcome.tasks) == [("parks", "tree", "updated"), ("parks", "tree", "dispatched")]
    assert [one.cell for one in (driver.case_of("1"), driver.case_of("2", "policing"))] == [CELL, NEXT_CELL]


def test_a_reclassed_joiner_reaches_its_department() -> None:
    driver, _, joiner = pair()
    outcome = driver.pipe(updated(joiner, matter="hole"))
    assert seen(outcome.tasks) == [("parks", "tree", "updated"), ("roads", "hole", "dispatched")]


def test_a_report_of_another_time_leaves() -> None:
    driver, _, joiner = pair()
    assert driver.pipe(updated(joiner, at=400, occurred_at=hours(399))).decision == "moved"
    assert driver.case_of("1").departed[0].reason == "it is 399.0 h apart"


def test_a_correction_that_still_fits_stays() -> None:
    driver, _, joiner = pair()
    assert driver.pipe(updated(joiner, matter="grass", location=report("x", north=15).location)).decision == "updated"
    assert len(driver.cases) == 1


def test_a_report_that_leaves_joins_the_case_that_it_fits() -> None:
    driver, _, joiner = pair()
    driver.pipe(report("3", 0.6, cell=NEXT_CELL, east=900))
    outcome = driver.pipe(updated(joiner, location=report("x", cell=NEXT_CELL, east=905).location))
    assert (outcome.decision, seen(outcome.tasks)) == ("moved", [("parks", "tree", "updated")] * 2)
    assert [task.networks for task in outcome.tasks] == [("hotline",), ("hotline", "policing")]
    kept = driver.case_of("3").reports[1]
    assert (kept.id, kept.joined, kept.version, kept.former) == ("policing:2", "near", 2, driver.case_of("1").id)
    assert [one.version for one in kept.earlier] == [1]


def test_a_correction_of_the_correction_brings_the_report_back() -> None:
    driver, _, joiner = pair()
    driver.pipe(updated(joiner, matter="hole"))
    emptied = driver.case_of("2", "policing").id
    outcome = driver.pipe(updated(joiner, 3, at=2))
    assert outcome.decision == "moved"
    assert seen(outcome.tasks) == [("roads", "hole", "withdrawn"), ("parks", "tree", "updated")]
    case, empty = driver.case_of("2", "policing"), next(one for one in driver.cases if one.id == emptied)
    assert [one.id for one in case.reports] == ["hotline:1", "policing:2"]
    assert (empty.state, empty.reports, empty.window_closed_at) == ("empty", (), hours(2))
    assert empty.departed[0].reason == f"it fits {case.id} again, which it had left"
    assert driver.crash().snapshot() == driver.snapshot()


def test_a_report_that_came_back_counts_for_the_levels_again() -> None:
    driver, opener, _ = pair()
    graver = updated(opener, urgency="Immediate", matter="hole")
    driver.pipe(graver)
    assert driver.case_of("2", "policing").urgency == "Unknown"
    driver.pipe(updated(graver, 3, at=2, matter="tree"))
    assert driver.case_of("2", "policing").urgency == "Immediate"


def test_a_report_comes_back_after_the_window_of_its_case() -> None:
    driver, _, joiner = pair()
    driver.pipe(updated(joiner, matter="hole"))
    driver.tick(90)
    driver.pipe(updated(joiner, 3, at=100))
    assert [one.id for one in driver.case_of("1").reports] == ["hotline:1", "policing:2"]


def test_a_report_does_not_come_back_to_a_case_that_updates_no_longer_reach() -> None:
    driver, _, joiner = pair()
    driver.pipe(updated(joiner, matter="hole"))
    driver.tick(30)
    driver.tick(90)
    outcome = driver.pipe(updated(joiner, 3, at=30 + 30 * 24 + 1))
    assert (outcome.decision, seen(outcome.tasks)) == (
        "rerouted",
        [("roads", "tree", "withdrawn"), ("parks", "tree", "dispatched")],
    )
    assert [one.id for one in driver.case_of("1").reports] == ["hotline:1"]


def test_unlike_reports_of_one_component_have_a_case_each() -> None:
    driver, component = Driver(CITY), {"component_id": "4109020109000017"}
    hole = report("2", 0.5, network="policing", matter="hole", **component)
    driver.pipe(report("1", **component), hole)
    assert live(driver.case_of("2", "policing")) == ["roads"]
    joiner = report("3", 0.6, network="enforcement", matter="grass", **component)
    assert driver.pipe(joiner).decision == "component"
    assert driver.pipe(updated(joiner, matter="hole")).decision == "moved"
    assert driver.case_of("3", "enforcement").id == driver.case_of("2", "policing").id


def test_a_third_report_leaves_when_another_one_leads_that_has_nothing_in_common_with_it() -> None:
    """Both are like grass, but hole is not like tree here: the hole opens a case of its own when the tree leads."""
    affine = MERGING.replace("[grass, hole], affinity: 0.45", "[grass, hole], affinity: 0.9")
    driver = Driver(tiny(affine, duties=THREE_DUTIES, standards=LIMIT))
    opener, tree, hole = (
        report("1", matter="grass"),
        report("2", network="policing"),
        report("3", matter="hole", network="enforcement"),
    )
    driver.pipe(opener, tree, hole)
    assert len(driver.cases) == 1
    outcome = driver.pipe(updated(opener, status="Test"))
    assert outcome.decision == "moved"
    assert [one.matter for one in (driver.case_of("2", "policing"), driver.case_of("3", "enforcement"))] == [
        "tree",
        "hole",
    ]
    assert ("roads", "hole", "dispatched") in seen(outcome.tasks)


def test_a_report_that_another_one_drives_out_follows_the_rule_set_of_the_correction() -> None:
    affine = MERGING.replace("[grass, hole], affinity: 0.45", "[grass, hole], affinity: 0.9")
    old, new = (
        tiny(affine, duties=THREE_DUTIES, standards=LIMIT),
        tiny(affine, duties=THREE_DUTIES, standards="default: {limit: 9d}\n"),
    )
    rules = RuleSets(old)
    rules.add(new.rule_set, hours(1), lambda: new)
    driver, opener = Driver(rules), report("1", matter="grass")
    hole = report("3", matter="hole", network="enforcement")
    driver.pipe(*[replace(one, rule_set=old.rule_set) for one in (opener, report("2", network="policing"), hole)])
    driver.pipe(updated(opener, status="Test", rule_set=new.rule_set))
    case = driver.case_of("3", "enforcement")
    assert (case.rule_set, case.catalogue) == (new.rule_set, new.catalogue.version)
    assert case.assignments[0].due_at == hours(1 + 9 * 24)


def test_a_drill_whose_matter_is_not_like_what_turns_real_has_a_case_of_its_own() -> None:
    affine = MERGING.replace("[grass, hole], affinity: 0.45", "[grass, hole], affinity: 0.9")
    driver = Driver(tiny(affine, duties=THREE_DUTIES, standards=LIMIT))
    tree = report("2", network="policing", status="Exercise")
    hole = report("3", matter="hole", network="enforcement", status="Exercise")
    driver.pipe(report("1", matter="grass", status="Exercise"), tree, hole)
    driver.pipe(updated(tree, status="Actual"))
    assert [driver.case_of(*one).status for one in (("2", "policing"), ("3", "enforcement"))] == ["Actual", "Exercise"]
    assert live(driver.case_of("3", "enforcement")) == ["roads"]
    assert driver.case_of("1").id == driver.case_of("2", "policing").id


def test_a_closed_report_stays_when_another_report_leads() -> None:
    """It needs no task, so nothing is gained by a case of its own."""
    affine = MERGING.replace("[grass, hole], affinity: 0.45", "[grass, hole], affinity: 0.9")
    driver, opener = Driver(tiny(affine, duties=THREE_DUTIES, standards=LIMIT)), report("1", matter="grass")
    hole = report("3", matter="hole", network="enforcement", closed="closed")
    driver.pipe(opener, report("2", network="policing"), hole, updated(opener, status="Test"))
    assert [len(case.reports) for case in driver.cases] == [3]


def test_a_real_report_does_not_return_to_what_is_a_drill_now() -> None:
    driver, opener, joiner = pair()
    driver.pipe(updated(joiner, matter="hole"), updated(opener, at=2, status="Exercise"))
    driver.pipe(updated(joiner, 3, at=3))
    assert [case.status for case in driver.cases] == ["Exercise", "Actual"]
    assert driver.case_of("2", "policing").matter == "tree"


def test_who_holds_a_task_hears_of_a_doubt() -> None:
    driver, opener, _ = pair()
    doubted = replace(opener.location, doubt="the source wrote another cell")
    outcome = driver.pipe(updated(opener, location=doubted))
    assert [(task.place_doubt, task.state) for task in outcome.tasks] == [("the source wrote another cell", "updated")]


def test_a_correction_does_not_extend_a_window_that_has_ended() -> None:
    """Whether or not a tick has closed it: a hole could otherwise be joined for 72 hours."""
    late, timely = Driver(CITY), Driver(CITY)
    for driver, at in ((late, 24), (timely, 23)):
        driver.pipe(report("1"), updated(report("1"), at=at, matter="hole"))
    assert (late.cases[0].window_until, timely.cases[0].window_until) == (hours(24), hours(72))


def test_levels_follow_what_is_said_now_both_ways() -> None:
    driver, opener, joiner = pair()
    graver = updated(opener, urgency="Immediate", severity="Extreme")
    driver.pipe(graver)
    outcome = driver.pipe(updated(opener, 3, at=2, urgency="Expected", severity="Minor"))
    assert (driver.cases[0].urgency, driver.cases[0].severity) == ("Expected", "Minor")
    assert [(task.urgency, task.severity, task.state) for task in outcome.tasks] == [("Expected", "Minor", "updated")]
    driver.pipe(updated(joiner, at=3, severity="Severe"))
    assert (driver.cases[0].urgency, driver.cases[0].severity) == ("Expected", "Severe")


def test_who_holds_a_task_hears_when_a_joining_report_raises_a_level() -> None:
    driver = Driver(CITY)
    driver.pipe(report("1", severity="Minor", matter="grass"))
    outcome = driver.pipe(report("2", 1, network="policing", matter="grass", severity="Extreme"))
    assert [(task.department, task.severity, task.state) for task in outcome.tasks] == [
        ("parks", "Extreme", "updated"),
        ("police", "Extreme", "updated"),
    ]
    assert driver.pipe(report("3", 2, network="policing", matter="grass", severity="Minor")).tasks == []


def test_who_holds_a_task_hears_which_networks_report_it() -> None:
    driver = Driver(CITY)
    driver.pipe(report("1"))
    assert [task.networks for task in driver.pipe(report("2", 1, network="policing")).tasks] == [
        ("hotline", "policing")
    ]
    assert driver.pipe(report("3", 2, network="policing")).tasks == []


def test_address_and_media_follow_the_leading_report() -> None:
    media = tuple(Media(url=f"https://photos.example.org/{name}", sha256="a" * 64) for name in "abcd")
    driver = Driver(CITY)
    opener = report("1", address="here", media=media)
    driver.pipe(opener, report("2", 0.5, network="policing", address="there", media=media[1:]))
    assert (driver.cases[0].address, driver.cases[0].media) == ("here", media)
    outcome = driver.pipe(updated(opener, status="Test"))
    assert [(task.address, task.media) for task in outcome.tasks] == [("there", media[1:])]
    driver.pipe(updated(opener, 3, at=2))
    assert (driver.cases[0].address, driver.cases[0].media) == ("here", media)


@pytest.mark.parametrize("drill", ["Exercise", "Test"])
def test_a_drill_that_turns_real_is_real(drill: str) -> None:
    driver, _, joiner = pair(status=drill)
    outcome = driver.pipe(updated(joiner, status="Actual", description="it is real"))
    (case,) = driver.cases
    assert (case.status, case.description) == ("Actual", "it is real")
    assert [(task.state, task.status) for task in outcome.tasks] == [("updated", "Actual")]


def test_a_real_case_stays_real_when_one_report_was_a_drill() -> None:
    driver, opener, _ = pair(urgency="Immediate")
    driver.pipe(updated(opener, status="Exercise", description="a drill"))
    (case,) = driver.cases
    assert (case.status, case.description) == ("Actual", "")


def test_what_arrives_closed_makes_no_task_and_takes_no_report() -> None:
    driver = Driver(CITY)
    assert driver.pipe(report("1", closed="cancelled")).tasks == []
    (case,) = driver.cases
    assert (case.state, case.window_closed_at, case.reason) == (
        "closed",
        START,
        "no department: hotline:1 was cancelled when it was received",
    )
    assert driver.pipe(report("2", 1, network="policing")).decision == "opened"
    assert driver.crash().snapshot() == driver.snapshot()


def test_a_closing_ends_the_task_and_a_later_report_is_a_new_case() -> None:
    driver, one = Driver(CITY), report("1")
    driver.pipe(one)
    outcome = driver.pipe(updated(one, closed="closed"))
    assert seen(outcome.tasks) == [("parks", "tree", "withdrawn")]
    assert outcome.tasks[0].reason == "no department: every report is closed, since version 2 of hotline:1"
    assert seen(driver.pipe(report("2", 2)).tasks) == [("parks", "tree", "dispatched")]


def test_a_case_lives_while_one_report_is_not_closed() -> None:
    driver, opener, joiner = pair()
    driver.pipe(updated(opener, closed="closed"))
    (case,) = driver.cases
    assert (case.state, live(case)) == ("dispatched", ["parks"])
    outcome = driver.pipe(updated(joiner, at=2, closed="cancelled"))
    assert (driver.cases[0].state, live(driver.cases[0])) == ("closed", [])
    assert seen(outcome.tasks) == [("parks", "tree", "withdrawn")]


def test_what_is_open_again_has_a_new_task() -> None:
    driver, one = Driver(CITY), report("1")
    driver.pipe(one, updated(one, closed="closed"))
    outcome = driver.pipe(updated(one, 3, at=5))
    assert seen(outcome.tasks) == [("parks", "tree", "dispatched")]
    assert (outcome.tasks[0].id[-2:], outcome.tasks[0].due_at) == (".2", hours(5 + 48))
    assert driver.cases[0].state == "dispatched"


def test_a_closed_report_that_joins_changes_nothing_that_departments_see() -> None:
    driver = Driver(CITY)
    driver.pipe(report("1"))
    outcome = driver.pipe(report("2", 1, closed="closed", severity="Extreme"))
    assert (outcome.decision, outcome.tasks) == ("near", [])
    assert (driver.cases[0].severity, driver.cases[0].window_until) == ("Unknown", hours(24))


def test_the_window_ends_with_the_limit_of_the_lead() -> None:
    """One dump, reported every other day: a department that had two days for it gets a new task."""
    driver = Driver(CITY)
    decisions = [driver.pipe(report(str(day), day * 20)).decision for day in range(6)]
    assert decisions == ["opened", "near", "near", "opened", "near", "near"]
    assert {case.window_until for case in driver.cases} == {hours(48), hours(60 + 48)}


def test_a_report_after_the_limit_updates_the_tasks() -> None:
    driver = Driver(tiny(duties=THREE_DUTIES, standards="default: {limit: 5h}\n"))
    driver.pipe(report("1"))
    assert driver.pipe(report("2", 4)).tasks == []
    outcome = driver.pipe(report("3", 6))
    assert (outcome.decision, seen(outcome.tasks)) == ("near", [("parks", "tree", "updated")])


def test_a_corrected_time_suggests_the_case_that_was_opened_meanwhile() -> None:
    driver = Driver(CITY)
    wrong = report("1", 365 * 24, received=0)
    driver.pipe(wrong, report("2", 1, network="policing"))
    driver.pipe(updated(wrong, at=2, occurred_at=START))
    assert len(driver.cases) == 2
    assert [one.case for one in driver.case_of("1").suggestions] == [driver.case_of("2", "policing").id]


def test_a_report_without_a_point_leaves_for_another_community() -> None:
    driver = Driver(CITY)
    vague = report("2", 0.5, network="policing", point=False, accuracy=900)
    driver.pipe(report("1"), vague)
    assert len(driver.cases) == 1
    elsewhere = report("2", network="policing", cell=OTHER_COMMUNITY, point=False, accuracy=900).location
    assert driver.pipe(updated(vague, location=elsewhere)).decision == "moved"


def test_another_component_leaves() -> None:
    driver, _, joiner = pair(component_id="4109020109000017")
    assert driver.pipe(updated(joiner, component_id="4109020109000018")).decision == "moved"
    assert driver.case_of("1").departed[0].reason == "it is about component 4109020109000018, not 4109020109000017"


def test_a_case_that_an_earlier_release_wrote_keeps_its_levels() -> None:
    """Only the case had the levels then, so they count as said by the report that opened it."""
    driver, _, joiner = pair(urgency="Immediate")
    (case,) = driver.cases
    bare = [
        replace(one, says=None, description="", place=one.place if number else None)
        for number, one in enumerate(case.reports)
    ]
    driver.state = type(driver.state)()
    driver.state.restore(replace(case, reports=tuple(bare)), CITY.merging)
    driver.pipe(updated(joiner, at=3, description="b"))
    assert driver.cases[0].urgency == "Immediate"
    assert timedelta(0) < driver.cases[0].updated_at - START
