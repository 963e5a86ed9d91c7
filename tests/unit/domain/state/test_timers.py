"""One timer a case, derived from what the case says."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from router.domain.instants import MICROSECOND
from router.domain.model.case import Case
from router.domain.state.timers import Timers, window_end
from tests.support.driver import Driver, hours, report, tiny

HOUR = timedelta(hours=1)


def cases(*at: float) -> list[Case]:
    """Cases whose windows end 24 hours after these, in the order of their ids."""
    driver = Driver(tiny())
    driver.pipe(*[report(str(number), hour, north=900 * number) for number, hour in enumerate(at)])
    return sorted(driver.cases, key=lambda case: case.id)


def timers(*of: Case) -> Timers:
    """The timers of these cases."""
    made = Timers(window_end, {case.id: case for case in of}.get)
    for case in of:
        made.set(case)
    return made


def test_a_case_comes_due_at_the_end_of_its_window() -> None:
    (case,) = cases(0)
    assert window_end(case) == case.window_until == hours(24)


def test_a_case_whose_window_was_closed_never_comes_due() -> None:
    (case,) = cases(0)
    case.window_closed_at = hours(24)
    assert window_end(case) is None
    assert timers(case).next() is None


def test_due_cases_come_in_the_order_of_instant_and_id() -> None:
    one, two, three = cases(0, 0, 0)
    one.window_until += HOUR
    made = timers(one, three, two)
    assert made.next() == hours(24)
    assert made.take(hours(25)) == [two, three, one]
    assert made.next() is None


def test_a_case_is_not_taken_before_its_instant() -> None:
    (case,) = cases(0)
    made = timers(case)
    assert made.take(hours(24) - MICROSECOND) == []
    assert made.take(hours(24)) == [case]


def test_a_timer_of_a_case_that_moved_on_is_skipped() -> None:
    (case,) = cases(0)
    made = timers(case)
    case.window_until += HOUR
    made.set(case)
    assert made.next() == hours(25)
    assert made.take(hours(24)) == []
    assert made.take(hours(25)) == [case]


def test_a_case_whose_timer_was_set_twice_is_taken_once() -> None:
    (case,) = cases(0)
    made = timers(case)
    made.set(case)
    assert made.take(hours(24)) == [case]
    assert made.take(hours(24)) == []


def test_a_taken_case_can_be_put_back() -> None:
    (case,) = cases(0)
    made = timers(case)
    made.take(hours(24))
    made.set(case)
    assert made.next() == hours(24)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 200), st.booleans()), max_size=60))
def test_whatever_is_set_and_taken_the_earliest_comes_first(changes: list[tuple[int, int, bool]]) -> None:
    """Against a plain sorted list: timers are set to a quarter of an hour, moved, and taken up to one."""
    known = {case.id: case for case in cases(*[900.0] * 10)}
    made, expected = Timers(window_end, known.get), dict[str, float]()
    ids = sorted(known)
    for number, quarter, take in changes:
        if take:
            taken = [case.id for case in made.take(hours(quarter / 4))]
            due = sorted([(at, id_) for id_, at in expected.items() if at <= quarter / 4])
            assert taken == [id_ for _, id_ in due]
            for id_ in taken:
                del expected[id_]
        elif ids[number] not in expected or expected[ids[number]] != quarter / 4:
            known[ids[number]].window_until = hours(quarter / 4)
            expected[ids[number]] = quarter / 4
            made.set(known[ids[number]])
        assert made.next() == (hours(min(expected.values())) if expected else None)
