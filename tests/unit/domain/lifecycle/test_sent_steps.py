"""A step that is sent writes no case: a restored state knows it by the log time.

Hours count from START. The limit is three days of 24 hours: it ends at 72.
"""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.domain import fold as folding
from router.domain.model.feedback import DEPARTMENT_KINDS, SUPERVISION
from router.domain.model.report import Tick
from router.domain.rules.rule_sets import RuleSets
from tests.support.catalogue_lists import WORK
from tests.support.driver import Driver, hours, report, tiny
from tests.support.feedback import feedback
from tests.support.filing import known_tasks
from tests.unit.domain.lifecycle.test_escalations import ALL, LADDERS

CHECKED = (
    WORK.replace("    steps:", "    lifecycle: checked\n    steps:")
    + """\
      checking: {text: {en: Looked at}}
lifecycles:
  checked:
    name: {en: Checked}
    stages:
      dispatched: {on: {accept: accepted, handled: handled, suspend: suspended, return: returned, reroute: withdrawn, close: closed,
        ask-extension: dispatched, grant-extension: dispatched, ask-support: dispatched}}
      accepted: {on: {progress: handling, handled: handled, suspend: suspended, reroute: withdrawn, close: closed}}
      handling: {on: {handled: handled, suspend: suspended, reroute: withdrawn, close: closed}}
      suspended: {limit: 50h, on: {resume: handling, reroute: withdrawn, supervise: suspended}}
      handled: {limit: 30h, on: {check-passed: closed, check-failed: handling, reroute: withdrawn}}
      closed: {on: {reopen: handling}}
"""
)
CITY = tiny(escalations=LADDERS.replace("{lead: usual}", "{lead: usual, assist: usual}"), work=CHECKED)
MILESTONES = """\
default: {limit: 3d}
matters:
  tree: {lead: {limit: 3d, milestones: {stop: {limit: 40h, name: {en: stop}}, fine: {limit: 50h, name: {en: fine}}}}}
"""
WHOLE = tiny(
    escalations=LADDERS.replace("{lead: usual}", "{lead: usual, assist: usual}"), work=CHECKED, standards=MILESTONES
)
"""CITY, in which trees have milestones."""
OTHER = tiny(
    escalations=LADDERS.replace("remind: [24h, 2h]", "remind: [30h, 2h]").replace(
        "{to: town, after: 0h}", "{to: town, after: 3h}"
    ),
    work=CHECKED.replace(
        "      dispatched: {on",
        """\
      verifying: {limit: 30h, on: {verified: filing, file: dispatched, reject: rejected}}
      filing: {limit: 50h, on: {file: dispatched, reject: rejected}}
      rejected: {on: {file: dispatched}}
      dispatched: {on""",
    ),
)
"""Another ladder, and cases are filed first."""


def rules() -> RuleSets:
    both = RuleSets(WHOLE)
    both.know(OTHER.rule_set, lambda: OTHER)
    return both


def sent(driver: Driver) -> list[str]:
    return [one.step for one in driver.escalations]


def test_steps_change_no_row_and_no_revision() -> None:
    driver = Driver(CITY)
    driver.pipe(report("17"))
    driver.tick(24)  # the window is closed
    rows, before = len(driver.written), driver.case_of("17")
    driver.tick(50)
    driver = driver.crash()
    driver.tick(500)
    assert sent(driver) == ALL[1:], "a successor sends what its predecessor has not sent"
    assert driver.written[rows:] == []
    assert driver.case_of("17") == before


def test_what_came_due_in_a_silence_is_sent_once_when_it_ends_and_writes_no_row() -> None:
    """Ticks passed the reminders at 48 and 70 while the case was silenced, and no one has sent them."""
    driver = Driver(CITY)
    driver.pipe(report("17"))
    driver.tick(24)  # the window is closed
    driver.pipe(feedback("silence", driver.tasks[0], 40, SUPERVISION, reason="flood", limit="31h"))
    rows, found = len(driver.written), []
    for at in (48, 60, 70.5, 71, 71.5, 72, 80):
        driver = driver.crash()
        driver.tick(at)
        found += [(one.step, one.at, one.sent_at) for one in driver.escalations]
    assert found == [
        ("before-24h", hours(48), hours(71)),
        ("before-2h", hours(70), hours(71)),
        ("town", hours(72), hours(72)),
    ]
    assert driver.written[rows:] == []


def test_a_silence_that_ends_before_the_latest_tick_leaves_steps_to_the_next() -> None:
    """A silence to 100 is ended at 60, and the router hears of it at 80. What ticks have passed meanwhile is sent by the next one."""
    driver = Driver(CITY)
    driver.pipe(report("17"))
    about = driver.tasks[0]
    driver.pipe(feedback("silence", about, 40, SUPERVISION, reason="flood", limit="60h"))
    driver.tick(75)
    driver.pipe(feedback("silence", about, 70, SUPERVISION, reason="over", limit="0h", delivered=80))
    assert driver.case_of("17").assignments[0].step_waits
    driver = driver.crash()
    driver.tick(81)
    assert sent(driver) == ["before-24h", "before-2h", "town"]
    assert sent(driver.crash()) == []


def test_a_silence_settles_nothing() -> None:
    """It began before the limit ended, and the router heard of it after the town had."""
    driver = Driver(CITY)
    driver.pipe(report("17"))
    driver.tick(73)
    found = driver.pipe(feedback("silence", driver.tasks[0], 71, SUPERVISION, reason="x", limit="9h", delivered=74))
    assert (found.decision, found.escalations, driver.case_of("17").assignments[0].round) == ("applied", [], 0)


def test_a_case_that_changes_for_another_reason_has_what_was_sent() -> None:
    driver = Driver(CITY)
    driver.pipe(report("17"))
    driver.tick(50)
    driver.pipe(feedback("accept", driver.tasks[0], 51))
    assert driver.case_of("17").assignments[0].sent == ("before-24h",)


def test_a_step_that_a_tick_has_passed_already_waits_for_the_next() -> None:
    """The report was received before the tick, and waited behind it. A crash in between neither loses nor doubles it."""
    driver = Driver(CITY)
    driver.pipe(report("1"))
    driver.tick(100)
    driver.pipe(report("17", 20, north=900))
    waiting = driver.case_of("17").assignments[0]
    assert (waiting.timer_at, waiting.step_waits) == (hours(68), True)
    driver = driver.crash()
    driver.tick(100)
    assert sent(driver) == ALL[:3]
    assert not driver.case_of("17").assignments[0].step_waits
    assert sent(driver.crash()) == []
    driver = driver.crash()
    driver.tick(101)
    assert sent(driver) == []


def test_after_a_tick_of_a_clock_that_was_ahead_steps_still_come_in_time() -> None:
    driver = Driver(CITY)
    driver.pipe(report("1"))
    driver.tick(100_000)
    driver.pipe(report("17", 200, north=900))
    for at in (247, 248, 270, 271, 272):
        driver = driver.crash()
        driver.tick(at)
        assert sent(driver) == {248: ["before-24h"], 270: ["before-2h"], 272: ["town"]}.get(at, [])


def test_records_of_a_release_that_wrote_every_step_are_taken_up() -> None:
    """Its stored offsets say nothing about steps, and its cases say all."""
    driver = Driver(CITY)
    driver.pipe(report("17"))
    driver.tick(50)
    driver.pipe(feedback("accept", driver.tasks[0], 51))
    heir = driver.crash()
    heir.state.clock.escalated_until = None
    heir.tick(71)
    assert sent(heir) == ["before-2h"]
    assert sent(heir.crash().crash()) == []


STEPS = st.one_of(
    st.integers(1, 40).map(lambda by: ("wait", by)),
    st.integers(0, 40).map(lambda by: ("tick", by)),
    st.tuples(
        st.sampled_from(
            [
                *("accept", "progress", "handled", "check-failed", "suspend", "resume", "ask-extension"),
                *("grant-extension", "return", "reroute", "ask-support", "close", "reopen", "check-passed"),
                *("silence", "silence", "verified", "file", "reject"),
            ]
        ),
        st.integers(0, 5),
        st.sampled_from([0, 0, 0, 5, 11]),
    ),
    st.tuples(
        st.just("report"),
        st.sampled_from(["17", "18", "19", "20"]),
        st.integers(1, 3),
        st.sampled_from([WHOLE, OTHER]),
        st.integers(0, 90),
    ),
)


def events_of(life: Sequence[Any]) -> list[Any]:
    """A life of some cases, of which many come due at the same instant. Ticks come late, early, twice, or not at all."""
    driver, now, events = Driver(rules()), 0.0, []

    def add(event: Any) -> None:
        events.append(event)
        driver.pipe(event)

    for number in range(3):
        add(report(str(17 + number), north=900 * number, rule_set=WHOLE.rule_set))
    for number, step in enumerate(life):
        if step[0] == "wait":
            now += step[1]
        elif step[0] == "tick":
            add(Tick(at=hours(max(0, now - step[1] / 10))))
        elif step[0] == "report":
            _, name, version, city, ago = step
            north = 900 * (int(name) - 17)
            at = max(0, now - ago)
            more = {"version": version, "description": str(number), "rule_set": city.rule_set, "received": at}
            add(report(name, 0, north=north, matter="tree" if city is WHOLE else "hole", **more))
        else:
            kind, which, ago = step
            known = known_tasks(driver)
            about = known[-1 - which % len(known)]
            sender = about.department if kind in DEPARTMENT_KINDS else SUPERVISION
            named = {"return": "roads", "reroute": "roads", "ask-support": "police"}.get(kind)
            limit = {"ask-extension": "2d", "silence": ("0h", "20h", "5d")[which % 3]}.get(kind)
            done = ("stop", "fine", None)[which % 3] if kind == "progress" else None
            said = {
                "id": str(number),
                "reason": "r",
                "department": named,
                "limit": limit,
                "delivered": now,
                "milestone": done,
            }
            add(feedback(kind, about, max(0, now - ago), sender, **said))
    add(Tick(at=hours(now + 2000)))
    return events


@pytest.mark.parametrize("most", [1, 2, folding.LADDERS_AT_ONCE])
@settings(max_examples=60, deadline=None)
@given(life=st.lists(STEPS, max_size=20))
def test_a_restored_state_is_the_folded_one_after_every_event(most: int, life: Sequence[Any]) -> None:
    """Also when more is due than a tick takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folding, "LADDERS_AT_ONCE", most)
        events = events_of(life)
        driver, heir, sent_by_heirs = Driver(rules()), Driver(rules()), []
        while events:
            event = events.pop(0)
            driver.pipe(event)
            heir.pipe(event)
            sent_by_heirs += heir.escalations
            heir = heir.crash()
            assert heir.snapshot() == driver.snapshot()
            assert heir.state.ladders.next() == driver.state.ladders.next()
            if not events and driver.state.ladders.next() is not None:
                events.append(event)  # the last tick took a part
        assert heir.latest() == driver.latest()
    assert sent_by_heirs == driver.escalations
    ids = [one.id for one in driver.escalations]
    assert len({*ids}) == len(ids)
    assert driver.state.ladders.next() is None
