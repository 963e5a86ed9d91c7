"""Which duties bounce, from lives that were folded, with hours computed apart."""

from router.domain.case.task_record import task
from router.domain.figures.returns import ReturnFigures, figures_of_returns
from router.domain.model.feedback import SUPERVISION
from tests.support.catalogue_lists import DUTIES
from tests.support.driver import OTHER_COUNTY, Driver, hours, report, tiny
from tests.support.feedback import feedback
from tests.support.filing import FILED_WORK

CITY = tiny(duties="arbitration: {department: police}\n" + DUTIES)


def bounced() -> Driver:
    """Two trees: the one is returned after 4 and 2 hours, and decided; the other after 1 hour. A hole is handled."""
    driver = Driver(CITY)
    driver.pipe(report("1"), report("2", cell=OTHER_COUNTY, east=9000), report("3", matter="hole", east=2000))
    one, other, hole = driver.tasks
    second = driver.pipe(feedback("return", one, 4, reason="x", department="roads")).tasks[1]
    driver.pipe(feedback("return", other, 1, reason="x", department="roads"))
    third = driver.pipe(feedback("return", second, 6, reason="x")).tasks[1]
    driver.pipe(feedback("reroute", third, 7, reason="x", department="parks"))
    driver.pipe(feedback("reroute", hole, 8, SUPERVISION, reason="x", department="parks"))
    return driver


def row(went: tuple[str, str], returns: int, *figures: float) -> ReturnFigures:
    total, middle, longest = figures
    return ReturnFigures(
        duty="trees",
        returned_by=went[0],
        went_to=went[1],
        returns=returns,
        cases=returns,
        hours=total,
        median_hours=middle,
        longest_hours=longest,
    )


def test_returns_are_counted_by_duty_and_pair() -> None:
    """The second return counts for the duty that first dispatched the task. A decision is no return."""
    assert figures_of_returns(bounced().transitions) == [
        row(("parks", "roads"), 2, 5.0, 2.5, 4.0),
        row(("roads", "police"), 1, 2.0, 2.0, 2.0),
    ]


def test_a_period_counts_the_returns_within_it() -> None:
    transitions = bounced().transitions
    assert figures_of_returns(transitions, hours(1), hours(4)) == [row(("parks", "roads"), 1, 1.0, 1.0, 1.0)]
    assert figures_of_returns(transitions, hours(6)) == [row(("roads", "police"), 1, 2.0, 2.0, 2.0)]
    assert figures_of_returns(transitions, hours(7)) == []


def test_cases_may_mix_as_partitions_do() -> None:
    transitions = bounced().transitions
    by_case = sorted(transitions, key=lambda one: (one.case, one.number))
    assert by_case != transitions
    assert figures_of_returns(by_case) == figures_of_returns(transitions)


def test_a_journal_whose_beginning_is_gone_has_an_unknown_duty() -> None:
    transitions = [one for one in bounced().transitions if one.begin is not None or one.rule != "trees"]
    assert {(one.duty, one.hours) for one in figures_of_returns(transitions)} == {("unknown", 0.0), ("unknown", 2.0)}


def test_hours_before_the_filing_are_none_of_the_department() -> None:
    city = tiny(work=FILED_WORK)
    driver = Driver(city)
    driver.pipe(report("1"))
    case = driver.case_of("1")
    driver.pipe(feedback("file", task(case, case.assignments[0], city.catalogue), 10, SUPERVISION))
    driver.pipe(feedback("return", driver.tasks[0], 13, reason="x"))
    assert figures_of_returns(driver.transitions) == [row(("parks", "locality"), 1, 3, 3, 3)]
