"""Random lives: whatever reports, corrections, feedback and ticks come in whatever order, these hold."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from router.domain.case.derived import state_of
from router.domain.lifecycle.journal import broken_at
from router.domain.lifecycle.lifecycles import ENDED, PLANNED
from router.domain.lifecycle.stages import LIVE_STATES, is_live, stage_of
from router.domain.model.feedback import DEPARTMENT_KINDS, KINDS_OF_FEEDBACK, SUPERVISION
from router.domain.model.report import Tick
from router.domain.rules.city import City
from tests.support.catalogue_lists import DUTIES, WORK
from tests.support.driver import Driver, hours, report, tiny
from tests.support.feedback import feedback
from tests.support.filing import FILED_WORK, known_tasks

CITY = tiny(
    work=WORK + "      checking: {text: {en: Looked at}}\n",
    duties="arbitration: {department: police}\ntransfers: [[parks, roads, police]]\n"
    + DUTIES.replace("lead: parks", "lead: parks\n    assist: [police]"),
)
FILING = tiny(
    work=FILED_WORK,
    standards="""\
default: {limit: 3d}
matters:
  tree: {lead: {limit: 3d, milestones: {stop: {limit: 4h, name: {en: stop}}, fine: {limit: 30h, name: {en: fine}}}}}
""",
    duties="arbitration: {department: police}\ntransfers: [[parks, roads, police]]\n"
    + DUTIES.replace("lead: parks", "lead: parks\n    assist: [police]"),
)
"""What is reported there is verified and filed before a department gets a task, and trees have milestones."""
MILESTONES = [None, "stop", "fine", "moon"]
CITIES = st.sampled_from([CITY, FILING])
REPORTS = st.builds(
    lambda name, matter, version, closed, solved, hour: ("report", name, matter, version, closed, solved, hour),
    st.sampled_from(["1", "2", "3"]),
    st.sampled_from(["tree", "tree", "grass", "hole"]),
    st.integers(1, 3),
    st.sampled_from([None, None, None, "closed"]),
    st.sampled_from([False, False, True]),
    st.integers(0, 30),
)
ANSWERS = st.builds(
    lambda kind, number, sender, id_, named, hour: ("feedback", kind, number, sender, id_, named, hour),
    st.sampled_from([*KINDS_OF_FEEDBACK]),
    st.integers(0, 5),
    st.sampled_from(["own", "own", "own", "supervision", "roads"]),
    st.integers(0, 9),
    st.sampled_from([None, "roads", "police", "moon"]),
    st.integers(0, 60),
)
LIMITS = {"ask-extension": "2d", "grant-extension": "5h", "silence": "9h"}
TICKS = st.integers(0, 90).map(lambda hour: ("tick", hour))
LIVES = st.lists(st.one_of(REPORTS, ANSWERS, ANSWERS, ANSWERS, TICKS), max_size=25)


def play(driver: Driver, life: Sequence[Any]) -> list[Any]:
    """Fold a life step by step; the events that it is made of. Feedback is about a task that there is."""
    events: list[Any] = []
    for step in life:
        if step[0] == "report":
            _, name, matter, version, closed, solved, hour = step
            events.append(report(name, hour, matter=matter, version=version, closed=closed, solved=solved))
        elif step[0] == "tick":
            events.append(Tick(at=hours(step[1])))
        elif known := known_tasks(driver):
            _, kind, number, sender, id_, named, hour = step
            about = known[number % len(known)]
            if sender == "own":
                sender = about.department if kind in DEPARTMENT_KINDS else SUPERVISION
            events.append(
                feedback(
                    kind,
                    about,
                    hour,
                    sender,
                    id=f"f{id_}",
                    reason="why",
                    department=named,
                    limit=LIMITS.get(kind),
                    milestone=MILESTONES[number % 4],
                )
            )
        else:
            continue
        driver.pipe(events[-1])
    return events


@settings(max_examples=300, deadline=None)
@given(LIVES, CITIES)
def test_the_life_of_every_case_is_whole(life: Sequence[Any], city: City) -> None:
    driver = Driver(city)
    play(driver, life)
    for case in driver.cases:
        its = [one for one in driver.transitions if one.case == case.id]
        assert broken_at(its) is None
        assert (case.transitions, case.chain) == (len(its), its[-1].hash if its else "")
        last = {one.task: one.to for one in its}
        assert last == {one.task: stage_of(one) for one in case.assignments}, "the journal says where each task is"
        assert case.state == state_of(case)
        if case.state in LIVE_STATES:
            assert any(is_live(one) for one in case.assignments), "a department has to act"
            assert sum(one.role == "lead" for one in case.assignments if is_live(one)) <= 1
        else:
            assert all(stage_of(one) in ENDED for one in case.assignments)
        stages = [one.stage for one in case.assignments if is_live(one)]
        assert len({*stages}) == 1 or not {*stages} & {*PLANNED}, "a case is filed as a whole"
        heard = {one.id: one.stage for one in driver.tasks if one.case == case.id}
        issued = {one.task for one in its if one.to not in {*PLANNED, "rejected", "withdrawn"}}
        assert heard == {task: last[task] for task in issued}, (
            "each department has heard where its task is, since its case is filed"
        )


@settings(max_examples=150, deadline=None)
@given(LIVES, CITIES, st.lists(st.integers(1, 6), min_size=1, max_size=6))
def test_any_batches_and_a_crash_lead_to_the_same_bytes(life: Sequence[Any], city: City, sizes: Sequence[int]) -> None:
    whole = Driver(city)
    events, number = play(whole, life), 0
    driver, transitions = Driver(city), []
    for turn in range(len(events)):
        if number >= len(events):
            break
        size = sizes[turn % len(sizes)]
        driver.batch(events[number : number + size])
        number += size
        transitions += driver.transitions
        driver = driver.crash()
    assert transitions == whole.transitions
    assert driver.snapshot() == whole.snapshot()
    assert driver.latest() == whole.latest()


@settings(max_examples=150, deadline=None)
@given(LIVES, CITIES)
def test_a_second_delivery_of_all_feedback_changes_nothing(life: Sequence[Any], city: City) -> None:
    driver = Driver(city)
    answers = [one for one in play(driver, life) if hasattr(one, "sender")]
    before, transitions = driver.latest(), list(driver.transitions)
    for one in answers:
        assert driver.pipe(one).decision != "applied"
    assert driver.latest() == before
    assert driver.transitions == transitions
