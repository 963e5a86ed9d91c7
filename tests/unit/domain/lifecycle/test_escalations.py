"""Reminders before the limit ends, and the ladder after it.

Hours count from START, which is 09:00 in Shanghai on 1 October 2026. The limit is three days of 24 hours: it ends at 72.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.domain.fold import fold
from router.domain.lifecycle.escalating import LATE
from router.domain.model.escalation import Escalation
from router.domain.model.feedback import DEPARTMENT_KINDS, SUPERVISION, FeedbackKind
from router.domain.model.outcome import CaseArchived, CaseChanged, EscalationSent, LimitMissed
from router.domain.model.report import Tick
from router.domain.model.task import Task
from router.domain.rules.city import City
from tests.support.catalogue_lists import DUTIES, WORK
from tests.support.driver import Driver, hours, report, tiny
from tests.support.feedback import feedback

LADDERS = """\
authorities:
  town: {name: {en: Town}, digits: 9}
  county: {name: {en: County}, digits: 6}
  city: {name: {en: City}, digits: 0}
ladders:
  usual:
    remind: [24h, 2h]
    rungs:
      - {to: town, after: 0h}
      - {to: county, after: 24h}
      - {to: city, after: 72h}
default: {lead: usual}
"""
CITY = tiny(
    escalations=LADDERS,
    work=WORK + "      checking: {text: {en: Looked at}}\n",
    duties=DUTIES.replace("lead: parks", "lead: parks\n    assist: [police]"),
)
ALL = ["before-24h", "before-2h", "town", "county", "city"]


@pytest.fixture
def driver() -> Driver:
    one = Driver(CITY)
    one.pipe(report("17"))
    return one


def task(driver: Driver) -> Task:
    return driver.tasks[0]


def steps(driver: Driver) -> list[tuple[str, str]]:
    return [(one.kind, one.step) for one in driver.escalations]


def run(driver: Driver, until: float) -> list[Escalation]:
    """As in the shell: a tick whenever something is due."""
    before = len(driver.escalations)
    while (due := driver.state.next_due()) is not None and due <= hours(until):
        driver.pipe(Tick(at=due))
    return driver.escalations[before:]


def test_the_department_is_reminded_and_authorities_hear_from_below_to_above(driver: Driver) -> None:
    sent = run(driver, 1000)
    assert [(one.kind, one.step, one.at) for one in sent] == [
        ("reminder", "before-24h", hours(48)),
        ("reminder", "before-2h", hours(70)),
        ("escalation", "town", hours(72)),
        ("escalation", "county", hours(96)),
        ("escalation", "city", hours(144)),
    ]
    assert [one.sent_at for one in sent] == [one.at for one in sent]
    assert [(one.authority, one.area) for one in sent] == [
        (None, None),
        (None, None),
        ("town", "410902001"),
        ("county", "410902"),
        ("city", None),
    ]
    assert {one.task for one in sent} == {task(driver).id}, "assistants have no ladder here"
    for one in (driver, driver.crash()):
        (assignment, *_) = one.state.case_by_report["hotline:17"].assignments
        assert (assignment.timer_at, assignment.sent) == (None, tuple(ALL))


def test_what_came_due_in_an_outage_is_sent_in_order_and_marked(driver: Driver) -> None:
    sent = driver.tick(97).escalations
    assert [one.step for one in sent] == ["before-24h", "before-2h", "town", "county"]
    assert {(one.sent_at, one.late) for one in sent} == {(hours(97), True)}
    assert driver.tick(97).escalations == driver.tick(96).escalations == []
    (last,) = run(driver, 144)
    assert (last.step, last.late) == ("city", False)
    assert hours(144) - last.at <= LATE


def test_a_missed_limit_counts_once_for_its_department(driver: Driver) -> None:
    """72 hours end the limit; the county hears at 96 of the same task."""
    missed = []
    while (due := driver.state.next_due()) is not None and due <= hours(1000):
        facts = fold(driver.state, Tick(at=due), driver.rules).facts
        missed += [(due, one) for one in facts if isinstance(one, LimitMissed)]
    assert missed == [(hours(72), LimitMissed("parks", "lead"))]


def test_a_task_that_was_answered_in_time_misses_no_limit(driver: Driver) -> None:
    driver.pipe(feedback("handled", task(driver), 70))
    facts = fold(driver.state, Tick(at=hours(1000)), driver.rules).facts
    assert [one for one in facts if isinstance(one, LimitMissed)] == []


def test_a_case_that_ends_its_ladder_and_is_archived_at_one_tick_leaves_the_table(driver: Driver) -> None:
    """After an outage a tick sends the last steps and archives the case. A change behind that would bring the row back."""
    run(driver, 72)
    case = driver.case_of("17")
    assert case.window_closed_at is not None
    driver.pipe(report("99", 1000, north=5000))
    records = fold(driver.state, Tick(at=hours(1000)), driver.rules).records
    assert [one.escalation.step for one in records if isinstance(one, EscalationSent)] == ["county", "city"]
    mine = [type(one) for one in records if isinstance(one, CaseChanged | CaseArchived) and one.case.id == case.id]
    assert mine == [CaseArchived]


def test_no_reminder_before_the_dispatch() -> None:
    driver = Driver(tiny(escalations=LADDERS, standards="default: {limit: 24h}"))
    driver.pipe(report("17"))
    assert [one.step for one in run(driver, 24)] == ["before-2h", "town"]


def test_who_has_answered_hears_nothing_more(driver: Driver) -> None:
    run(driver, 50)
    driver.pipe(feedback("handled", task(driver), 60))
    assert run(driver, 1000) == []


def test_a_suspended_task_does_not_fire_and_the_pause_moves_what_was_not_sent(driver: Driver) -> None:
    run(driver, 50)
    driver.pipe(feedback("suspend", task(driver), 60, SUPERVISION, reason="frost"))
    assert run(driver, 200) == []
    driver.pipe(feedback("resume", task(driver), 200, SUPERVISION))
    sent = run(driver, 1000)
    assert [(one.step, one.at) for one in sent] == [
        ("before-2h", hours(210)),
        ("town", hours(212)),
        ("county", hours(236)),
        ("city", hours(284)),
    ]


def test_a_pause_after_the_limit_moves_the_rungs_above(driver: Driver) -> None:
    run(driver, 72)
    driver.pipe(feedback("suspend", task(driver), 80, SUPERVISION, reason="frost"))
    assert run(driver, 150) == []
    driver.pipe(feedback("resume", task(driver), 180, SUPERVISION))
    assert [(one.step, one.at) for one in run(driver, 1000)] == [("county", hours(196)), ("city", hours(244))]


def test_an_extension_moves_what_was_not_sent(driver: Driver) -> None:
    run(driver, 50)
    driver.pipe(feedback("ask-extension", task(driver), 60, reason="parts", limit="2d"))
    driver.pipe(feedback("grant-extension", task(driver), 61, SUPERVISION))
    assert [(one.step, one.at) for one in run(driver, 144)] == [
        ("before-2h", hours(118)),
        ("town", hours(120)),
        ("county", hours(144)),
    ]


def test_what_was_handled_in_time_and_delivered_late_clears_what_was_sent(driver: Driver) -> None:
    run(driver, 73)
    answer = driver.pipe(feedback("handled", task(driver), 70, delivered=75))
    (cleared,) = answer.escalations
    assert (cleared.kind, cleared.step, cleared.settled, cleared.authority) == ("cleared", "town", "in-time", "town")
    assert (cleared.at, cleared.sent_at) == (hours(70), hours(75))
    assert cleared.id == f"{task(driver).id}/0/town/cleared"
    assert run(driver, 1000) == []


@pytest.mark.parametrize("kind", ["accept", "progress"])
def test_what_happened_before_the_end_and_ends_nothing_clears_nothing(driver: Driver, kind: FeedbackKind) -> None:
    if kind == "progress":
        driver.pipe(feedback("accept", task(driver), 10))
    run(driver, 73)
    assert driver.pipe(feedback(kind, task(driver), 70, delivered=75)).escalations == []
    assert [one.step for one in run(driver, 1000)] == ALL[ALL.index("town") + 1 :]


def test_a_pause_from_before_the_end_clears_what_was_sent(driver: Driver) -> None:
    run(driver, 73)
    sent = driver.pipe(feedback("suspend", task(driver), 70, SUPERVISION, reason="frost", delivered=75)).escalations
    assert [(one.step, one.settled) for one in sent] == [("town", "more-time")]


def test_what_was_handled_late_is_settled_as_late(driver: Driver) -> None:
    run(driver, 100)
    sent = driver.pipe(feedback("handled", task(driver), 101)).escalations
    assert [(one.step, one.settled) for one in sent] == [("town", "late"), ("county", "late")]


def test_after_a_check_that_failed_the_ladder_begins_again(driver: Driver) -> None:
    run(driver, 73)
    driver.pipe(feedback("handled", task(driver), 70, delivered=75))
    driver.pipe(feedback("check-failed", task(driver), 80, SUPERVISION, reason="still there"))
    sent = run(driver, 1000)
    assert [(one.step, one.at, one.round) for one in sent] == [
        ("town", hours(82), 1),
        ("county", hours(106), 1),
        ("city", hours(154), 1),
    ]


def test_time_that_was_granted_after_the_end_clears_what_was_sent(driver: Driver) -> None:
    driver.pipe(feedback("ask-extension", task(driver), 60, reason="parts", limit="2d"))
    run(driver, 73)
    sent = driver.pipe(feedback("grant-extension", task(driver), 74, SUPERVISION)).escalations
    assert [(one.step, one.settled, one.due_at) for one in sent] == [("town", "more-time", hours(120))]
    assert [(one.step, one.at) for one in run(driver, 121)] == [("town", hours(120))]


def test_the_department_after_a_return_has_its_own_ladder(driver: Driver) -> None:
    run(driver, 73)
    answer = driver.pipe(feedback("return", task(driver), 74, reason="not ours", department="roads"))
    assert [(one.step, one.settled) for one in answer.escalations] == [("town", "late")]
    assert [(one.department, one.step, one.at) for one in run(driver, 150)] == [
        ("roads", "before-24h", hours(122)),
        ("roads", "before-2h", hours(144)),
        ("roads", "town", hours(146)),
    ]


def test_a_correction_that_withdraws_the_task_settles_it(driver: Driver) -> None:
    run(driver, 73)
    answer = driver.pipe(report("17", received=80, version=2, closed="closed"))
    assert [(one.step, one.settled) for one in answer.escalations] == [("town", "late")]
    assert run(driver, 1000) == []


def test_a_case_is_kept_until_its_ladder_has_ended() -> None:
    driver = Driver(tiny(escalations=LADDERS.replace("after: 72h", "after: 90d")))
    driver.pipe(report("17"))
    for day in range(0, 150, 10):
        driver.pipe(report(f"o{day}", day * 24, cell="410903001001001", north=900 + day * 50))
        run(driver, day * 24)
        driver.tick(day * 24)
    assert [one.step for one in driver.escalations if one.task == task(driver).id] == ALL


KINDS = (
    *("accept", "progress", "handled", "check-failed", "suspend", "resume", "ask-extension"),
    *("grant-extension", "return", "reroute", "close", "reopen", "silence"),
)
PARTS = tiny(
    escalations=LADDERS,
    work=WORK + "      checking: {text: {en: Looked at}}\n",
    duties=DUTIES.replace("lead: parks", "lead: parks\n    assist: [police]"),
    standards="""\
default: {limit: 3d}
matters:
  tree: {lead: {limit: 3d, milestones: {stop: {limit: 4h, name: {en: stop}}, fine: {limit: 30h, name: {en: fine}}}}}
""",
)
"""The lead's task has two milestones before its limit."""
CITIES = st.sampled_from([CITY, PARTS])
KEYS = [f"{part}{step}" for part in ("stop/", "fine/", "") for step in ALL]
LENGTHS = {"ask-extension": "2d", "silence": "30h"}
STEPS = st.one_of(
    st.integers(1, 40).map(lambda by: ("wait", by)),
    st.integers(0, 40).map(lambda by: ("tick", by)),
    st.tuples(st.sampled_from(KINDS), st.integers(0, 3), st.sampled_from([0, 0, 0, 5, 11])),
    st.tuples(st.just("report"), st.sampled_from(["17", "18"]), st.integers(1, 3), st.sampled_from(["tree", "hole"])),
)


def lived(life: Sequence[Any], city: City) -> tuple[Driver, list[Any]]:
    """A life by itself: time passes, ticks come late or not at all, answers are delivered late."""
    driver, now, events = Driver(city), 0.0, [report("17")]
    driver.pipe(events[0])
    for number, step in enumerate(life):
        if step[0] == "wait":
            now += step[1]
            continue
        if step[0] == "tick":
            event: Any = Tick(at=hours(max(0, now - step[1] / 10)))
        elif step[0] == "report":
            event = report(step[1], now, version=step[2], matter=step[3], description=str(number))
        else:
            kind, which, ago = step
            about = driver.tasks[which % len(driver.tasks)]
            sender = about.department if kind in DEPARTMENT_KINDS else SUPERVISION
            event = feedback(
                kind,
                about,
                max(0, now - ago),
                sender,
                id=str(number),
                reason="r",
                department="roads" if kind in {"return", "reroute"} else None,
                limit=LENGTHS.get(kind),
                milestone=[None, "stop", "fine"][number % 3] if kind == "progress" and city is PARTS else None,
                delivered=now,
            )
        events.append(event)
        driver.pipe(event)
    events.append(Tick(at=hours(now + 2000)))
    driver.pipe(events[-1])
    return driver, events


@settings(max_examples=200, deadline=None)
@given(life=st.lists(STEPS, max_size=25), city=CITIES)
def test_every_step_of_a_running_task_is_sent_once(life: Sequence[Any], city: City) -> None:
    driver, events = lived(life, city)
    ids = [one.id for one in driver.escalations]
    assert len(set(ids)) == len(ids), "each has a key of its own"
    assert driver.state.ladders.next() is None, "the last tick left nothing due"
    for one in driver.escalations:
        assert one.kind == "cleared" or one.at <= one.sent_at, "nothing is sent before it is due"
    for case in {case.id: case for case in driver.state.case_by_report.values()}.values():
        for one in case.assignments:
            heard = [e.id.split("/", 2)[2] for e in driver.escalations if e.task == one.task and e.round == one.round]
            parts = ["", *[f"{part.id}/" for part in one.milestones if part.done_at is None]]
            running = one.stage in {"dispatched", "accepted", "handling"}
            if running and one.role == "lead":
                missing = [step for part in parts for step in ALL if part + step not in one.sent]
                assert all(step.startswith("before") for step in missing), "what has passed was sent"
            assert {key for key in KEYS if key in heard} <= {*one.sent} | {
                key
                for key in KEYS
                if key.partition("/")[0] in {part.id for part in one.milestones if part.done_at is not None}
            }
    assert events


@settings(max_examples=200, deadline=None)
@given(life=st.lists(STEPS, max_size=20), city=CITIES, sizes=st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_any_batches_and_crashes_send_the_same(life: Sequence[Any], city: City, sizes: Sequence[int]) -> None:
    whole, events = lived(life, city)
    driver, sent, number, turn = Driver(city), [], 0, 0
    while number < len(events):
        size = sizes[turn % len(sizes)]
        driver.batch(events[number : number + size])
        number, turn = number + size, turn + 1
        sent += driver.escalations
        driver = driver.crash()
    assert sent == whole.escalations
    assert driver.latest() == whole.latest()
    assert driver.snapshot() == whole.snapshot()


@settings(max_examples=100, deadline=None)
@given(more=st.lists(st.integers(0, 400), max_size=12))
def test_more_ticks_send_the_same_steps_of_a_silent_task(more: list[int]) -> None:
    driver = Driver(CITY)
    driver.pipe(report("17"))
    for at in sorted(more):
        driver.tick(at)
    driver.tick(400)
    assert [one.step for one in driver.escalations] == ALL
    assert all(one.sent_at <= two.sent_at for one, two in pairwise(driver.escalations))
