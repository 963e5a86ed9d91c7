"""Reminders and escalations in sentences, and what comes next.

Hours count from START, 09:00 in Shanghai on 1 October 2026. The limit is three days of 24 hours: it ends at 09:00 on the 4th.
"""

import pytest
from msgspec.structs import replace

from router.domain.explanation.case_life import CaseLife, Decisions
from router.domain.explanation.history import explain_history
from router.domain.explanation.ladder import explain_next_step
from router.domain.explanation.wording import Wording
from router.domain.model.feedback import SUPERVISION
from router.domain.model.report import Tick
from tests.support.driver import Driver, hours, report, tiny
from tests.support.feedback import feedback
from tests.unit.domain.lifecycle.test_sent_steps import CHECKED, MILESTONES

LADDERS = """\
authorities:
  town: {name: {en: Town, zh: 乡镇}, digits: 9}
  city: {name: {en: City, zh: 市}, digits: 0}
ladders:
  usual:
    remind: [24h]
    rungs:
      - {to: town, after: 0h}
      - {to: city, after: 72h}
default: {lead: usual}
"""
CITY = tiny(escalations=LADDERS)
DECISIONS = Decisions(rule_set="r1", zone=CITY.zone, catalogue=CITY.catalogue)


def opened() -> Driver:
    driver = Driver(CITY)
    driver.pipe(report("17"))
    return driver


def run(driver: Driver, until: float) -> None:
    while (due := driver.state.next_due()) is not None and due <= hours(until):
        driver.pipe(Tick(at=due))


def history(driver: Driver, decisions: Decisions | None = DECISIONS) -> list[tuple[str, str]]:
    life = CaseLife(
        case=driver.case_of("17"), transitions=tuple(driver.transitions), escalations=tuple(driver.escalations)
    )
    return [
        (one.en, one.zh) for one in explain_history(life, Wording(decisions)) if one.kind not in {"joined", "window"}
    ]


def following(driver: Driver, decisions: Decisions | None = DECISIONS) -> list[tuple[str, str]]:
    case = driver.case_of("17")
    return [(one.en, one.zh) for one in explain_next_step(case, case.assignments[0], decisions, driver.escalations)]


def test_history_has_reminders_and_escalations_between_the_transitions() -> None:
    driver = opened()
    run(driver, 80)
    driver.pipe(feedback("handled", driver.tasks[0], 71, delivered=81))
    id_ = f"{driver.case_of('17').id}.1"
    assert history(driver)[1:] == [
        (
            f"2026-10-03 09:00: Parks (parks) was reminded that {id_} is due on 2026-10-04 09:00.",
            f"2026-10-03 09:00：催办 Parks（parks）：{id_} 截止 2026-10-04 09:00。",
        ),
        (
            (
                f"2026-10-04 08:00: Parks (parks), w****1, reported it as handled: {id_} of Parks (parks) went from dispatched to "
                "closed."
            ),
            f"2026-10-04 08:00：Parks（parks）（w****1）反馈处置完成：Parks（parks） 的 {id_} 由已派遣转为已结案。",
        ),
        (
            (
                f"2026-10-04 09:00: {id_} was escalated to Town (town) of 410902001, because Parks (parks) had not answered by "
                "2026-10-04 09:00."
            ),
            f"2026-10-04 09:00：{id_} 升级上报 乡镇（town） 410902001：Parks（parks） 至 2026-10-04 09:00 未办结。",
        ),
        (
            (
                f"2026-10-04 18:00: the escalation of {id_} to Town (town) of 410902001 was settled: the task was done or left in "
                "time, and its message came late."
            ),
            f"2026-10-04 18:00：{id_} 对 乡镇（town） 410902001 的升级解除：任务按时完成或转出，消息迟到。",
        ),
    ]


def test_what_was_sent_late_says_when_it_came_due() -> None:
    driver = opened()
    driver.pipe(Tick(at=hours(150)))
    assert [en for en, _ in history(driver)][1:] == [
        (
            f"2026-10-07 15:00: Parks (parks) was reminded that {driver.tasks[0].id} is due on 2026-10-04 09:00; it came due on "
            "2026-10-03 09:00."
        ),
        (
            f"2026-10-07 15:00: {driver.tasks[0].id} was escalated to Town (town) of 410902001, because Parks (parks) had not "
            "answered by 2026-10-04 09:00; it came due on 2026-10-04 09:00."
        ),
        (
            f"2026-10-07 15:00: {driver.tasks[0].id} was escalated to City (city), because Parks (parks) had not answered by "
            "2026-10-04 09:00; it came due on 2026-10-07 09:00."
        ),
    ]


def test_without_a_rule_set_authorities_have_ids() -> None:
    driver = opened()
    run(driver, 73)
    assert history(driver, None)[-1][0] == (
        f"2026-10-04 01:00: {driver.tasks[0].id} was escalated to town of 410902001, because parks had not answered by "
        "2026-10-04 01:00."
    )
    assert following(driver, None) == [], "what was sent since the case was written is known, what follows is not"
    assert following(opened(), None) == [
        ("The next step of its ladder comes due on 2026-10-03 01:00.", "升级阶梯的下一步于 2026-10-03 01:00 到期。")
    ]


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        (
            1,
            (
                "Next on ladder usual: on 2026-10-03 09:00 Parks (parks) is reminded, 24h before the end.",
                "升级阶梯 usual 的下一步：2026-10-03 09:00 催办 Parks（parks）（截止前 24h）。",
            ),
        ),
        (
            49,
            (
                (
                    "Next on ladder usual: on 2026-10-04 09:00 it is escalated to Town (town) of 410902001, if it is not answered "
                    "by then."
                ),
                "升级阶梯 usual 的下一步：届时仍未办结，2026-10-04 09:00 升级上报 乡镇（town） 410902001。",
            ),
        ),
        (
            73,
            (
                "Next on ladder usual: on 2026-10-07 09:00 it is escalated to City (city), if it is not answered by then.",
                "升级阶梯 usual 的下一步：届时仍未办结，2026-10-07 09:00 升级上报 市（city）。",
            ),
        ),
        (200, ("Nothing is left of ladder usual: all of it was sent.", "升级阶梯 usual 已全部执行。")),
    ],
)
def test_the_next_step(until: float, expected: tuple[str, str]) -> None:
    driver = opened()
    run(driver, until)
    assert following(driver) == [expected]


def test_a_paused_task_waits_and_a_closed_one_has_no_next_step() -> None:
    driver = opened()
    driver.pipe(feedback("accept", driver.tasks[0], 1), feedback("suspend", driver.tasks[0], 2, SUPERVISION))
    assert following(driver) == [("Its ladder waits while its time is paused.", "暂停计时期间不催办、不升级。")]
    driver.pipe(feedback("close", driver.tasks[0], 3, SUPERVISION))
    assert following(driver) == []


def test_the_next_step_comes_when_the_silence_ends() -> None:
    driver = opened()
    driver.pipe(feedback("silence", driver.tasks[0], 40, SUPERVISION, reason="flood", limit="20h"))
    assert following(driver)[0][0] == (
        "Next on ladder usual: on 2026-10-03 21:00 Parks (parks) is reminded, 24h before the end."
    )


def test_steps_of_a_milestone_and_of_a_wait_name_it() -> None:
    """The milestone ends after 40 hours, the check after 30 more."""
    city = tiny(escalations=LADDERS, work=CHECKED, standards=MILESTONES)
    decisions = Decisions(rule_set="r1", zone=city.zone, catalogue=city.catalogue)
    driver = Driver(city)
    driver.pipe(report("17"))
    id_ = driver.tasks[0].id
    assert following(driver, decisions)[0] == (
        "Next on ladder usual for milestone stop: on 2026-10-02 01:00 Parks (parks) is reminded, 24h before the end.",
        "升级阶梯 usual（阶段 stop） 的下一步：2026-10-02 01:00 催办 Parks（parks）（截止前 24h）。",
    )
    run(driver, 17)
    driver.pipe(feedback("handled", driver.tasks[0], 20))
    assert following(driver, decisions)[0][0] == (
        "Next on ladder usual: on 2026-10-02 11:00 supervision is reminded, 24h before the end."
    )
    run(driver, 51)
    said = [one for one in history(driver, decisions) if "reminded" in one[0] or "escalated" in one[0]]
    assert said == [
        (
            f"2026-10-02 01:00: Parks (parks) was reminded that milestone stop of {id_} is due on 2026-10-03 01:00.",
            f"2026-10-02 01:00：催办 Parks（parks）：{id_} 阶段 stop 截止 2026-10-03 01:00。",
        ),
        (
            f"2026-10-02 11:00: supervision was reminded that {id_}, handled, is due on 2026-10-03 11:00.",
            f"2026-10-02 11:00：催办 监督方：{id_}（处置完成） 截止 2026-10-03 11:00。",
        ),
        (
            f"2026-10-03 11:00: {id_} was escalated to Town (town) of 410902001, because it was still handled on 2026-10-03 11:00.",
            f"2026-10-03 11:00：{id_} 升级上报 乡镇（town） 410902001：至 2026-10-03 11:00 仍为处置完成。",
        ),
    ]


def test_a_record_of_another_rule_set_is_named() -> None:
    driver = opened()
    case = driver.case_of("17")
    (one,) = explain_next_step(case, replace(case.assignments[0], timer_at=hours(30)), DECISIONS)
    assert one.en.endswith("; its record says 2026-10-02 15:00, by another rule set.")


def test_a_city_without_ladders_says_nothing() -> None:
    driver = Driver(tiny())
    driver.pipe(report("17"))
    case = driver.case_of("17")
    plain = Decisions(rule_set="r1", zone=CITY.zone, catalogue=tiny().catalogue)
    assert list(explain_next_step(case, case.assignments[0], plain)) == []
