"""The life of a case in sentences: expectations are written first, dates are counted on the calendar of Puyang.

START is 09:00 on 1 October 2026 in Shanghai. National Day is 1 to 7 October, and Saturday the 10th is a make-up workday.
"""

from dataclasses import replace as changed

import pytest
from msgspec.structs import replace

from router.domain.explanation.case_life import CaseLife, Decisions, Sentence
from router.domain.explanation.deadline import explain_due
from router.domain.explanation.history import explain_history
from router.domain.explanation.merging import explain_merging
from router.domain.explanation.routing import explain_routing
from router.domain.explanation.summary import describe_case
from router.domain.explanation.wording import STAGES, Wording, feedback_of
from router.domain.model.case import Case
from router.domain.model.feedback import KINDS_OF_FEEDBACK, SUPERVISION
from router.domain.model.task import Task
from router.domain.rules.city import City
from tests.support.calendars import puyang
from tests.support.driver import CELL, Driver, hours, report, tiny
from tests.support.feedback import feedback


def city(limit: str = "4wh", **lists: str) -> City:
    return changed(tiny(standards=f"default: {{limit: {limit}}}\n", **lists), calendar=puyang(), rule_set="r1")


def decisions(rules: City) -> Decisions:
    return Decisions(rule_set=rules.rule_set, zone=rules.zone, catalogue=rules.catalogue, calendar=rules.calendar)


def opened(rules: City, at: float = 0) -> Driver:
    driver = Driver(rules)
    driver.pipe(report("17", at, rule_set="r1"))
    return driver


def why_due(driver: Driver, rules: City, number: int = 0) -> list[tuple[str, str]]:
    case = driver.case_of("17")
    return [(one.en, one.zh) for one in explain_due(case, case.assignments[number], decisions(rules))]


def english(sentences: list[Sentence]) -> list[str]:
    return [one.en for one in sentences]


def test_working_hours_wait_for_the_end_of_the_holiday() -> None:
    assert why_due(opened(city()), city()) == [
        (
            "Its limit is 4 working hours from 2026-10-01 09:00; alone it would end on 2026-10-08 15:00.",
            "时限为 4 工作时，自 2026-10-01 09:00 起；不计其他因素，截止 2026-10-08 15:00。",
        ),
        (
            "2026-10-01 to 2026-10-07: does not count, a holiday, 7 days (National Day).",
            "2026-10-01 至 2026-10-07：不计，节假日，7 天（国庆节）。",
        ),
        (
            "2026-10-08 08:30 to 2026-10-08 12:00: office hours count, 3.5 h.",
            "2026-10-08 08:30 至 2026-10-08 12:00：办公时间计入，3.5 小时。",
        ),
        (
            "2026-10-08 14:30 to 2026-10-08 15:00: office hours count, 0.5 h.",
            "2026-10-08 14:30 至 2026-10-08 15:00：办公时间计入，0.5 小时。",
        ),
        (
            f"Counted by calendar {puyang().version} of 2025-2026, in Asia/Shanghai.",
            f"按日历 {puyang().version}（2025-2026）计算，时区 Asia/Shanghai。",
        ),
        ("So it is due on 2026-10-08 15:00.", "因此截止时间为 2026-10-08 15:00。"),
    ]


def test_a_make_up_workday_counts() -> None:
    """From Thursday the 8th at 09:00: Friday the 9th, Saturday the 10th."""
    said = [en for en, _ in why_due(opened(city("2wd"), 24 * 7), city("2wd"))]
    assert said[1:4] == [
        "2026-10-08: does not count, the day of the start.",
        "2026-10-09: counts, a working day.",
        "2026-10-10: counts, a make-up workday.",
    ]
    assert said[-1] == "So it is due on 2026-10-10 18:00."


def test_pauses_and_extensions_move_the_end_one_by_one() -> None:
    """1.5 of 4 h are used when it is suspended on the 8th at 10:00. It goes on on the 9th at 11:00: 1 h, then 1.5 h from 14:30."""
    driver = opened(city())
    (task,) = driver.tasks
    driver.pipe(
        feedback("suspend", task, 24 * 7 + 1, SUPERVISION, reason="storm"),
        feedback("resume", task, 24 * 8 + 2, SUPERVISION),
        feedback("ask-extension", task, 24 * 8 + 3, limit="2wd", reason="parts"),
        feedback("grant-extension", task, 24 * 8 + 4, SUPERVISION),
    )
    assert why_due(driver, city())[-3:] == [
        (
            "Its time stood still from 2026-10-08 10:00 to 2026-10-09 11:00: it ends on 2026-10-09 16:00.",
            "2026-10-08 10:00 至 2026-10-09 11:00 暂停计时：截止 2026-10-09 16:00。",
        ),
        ("2wd more were granted: it ends on 2026-10-12 18:00.", "同意延期 2wd：截止 2026-10-12 18:00。"),
        ("So it is due on 2026-10-12 18:00.", "因此截止时间为 2026-10-12 18:00。"),
    ]


def test_a_suspended_task_is_not_due() -> None:
    driver = opened(city())
    driver.pipe(feedback("suspend", driver.tasks[0], 24 * 7 + 1, SUPERVISION, reason="storm"))
    assert [en for en, _ in why_due(driver, city())][-2:] == [
        "Its time stood still from 2026-10-08 10:00 to now: it has no end yet.",
        "So it is not due while its time is paused.",
    ]


def test_a_year_that_is_not_published_is_provisional() -> None:
    """From 31 December 2026, two working days end in 2027, which no notice covers yet."""
    driver = opened(city("2wd"), 24 * 91)
    said = [en for en, _ in why_due(driver, city("2wd"))]
    assert said[-2].endswith("in Asia/Shanghai; the limit reaches beyond them, so it is provisional.")
    assert said[-1].endswith(" It is provisional.")
    assert any(one.endswith(", by the weekly pattern.") for one in said)


def test_calendar_hours_need_no_calendar() -> None:
    assert [en for en, _ in why_due(opened(city("24h")), city("24h"))] == [
        "Its limit is 24 calendar hours from 2026-10-01 09:00; alone it would end on 2026-10-02 09:00.",
        "So it is due on 2026-10-02 09:00.",
    ]


def test_no_limit() -> None:
    rules = changed(tiny(standards="default: {}\n"), rule_set="r1")
    assert why_due(opened(rules), rules) == [("It has no limit.", "没有时限。")]


def test_a_deadline_that_the_rule_set_does_not_give_is_named() -> None:
    driver = opened(city())
    case = driver.case_of("17")
    moved = replace(case.assignments[0], due_at=hours(1))
    said = [one.en for one in explain_due(case, moved, decisions(city()))]
    assert said[-1] == (
        "Its record says 2026-10-01 10:00, and rule set r1 gives 2026-10-08 15:00: it was counted by another rule set."
    )


def test_without_its_rule_set_a_deadline_is_the_recorded_one_in_utc() -> None:
    case = opened(city()).case_of("17")
    assert [one.en for one in explain_due(case, case.assignments[0], None)] == [
        "It is due on 2026-10-08 07:00, as its record says; the rules that led there cannot be read."
    ]


@pytest.mark.parametrize("limit", ["0wh", "4wh", "1wd", "3wd", "30h", "9uwh"])
@pytest.mark.parametrize("at", [0.0, 23.99, 24 * 7 + 5, 24 * 9 + 1.5, 24 * 85])
def test_the_story_gives_the_deadline_of_the_fold(limit: str, at: float) -> None:
    """For any limit and start, with a pause and an extension."""
    rules = city(limit)
    driver = opened(rules, at)
    (task,) = driver.tasks
    driver.pipe(
        feedback("suspend", task, at, SUPERVISION, reason="x"),
        feedback("resume", task, at + 30, SUPERVISION),
        feedback("ask-extension", task, at + 30, limit="5wh", reason="x"),
        feedback("grant-extension", task, at + 30, SUPERVISION),
    )
    said = [en for en, _ in why_due(driver, rules)]
    assert said[-1].startswith("So it is due on ")


def test_why_merged() -> None:
    """12 m and half an hour apart. The score is that of the record."""
    driver = opened(city())
    driver.pipe(report("18", 0.5, east=12, network="policing", rule_set="r1"))
    case = driver.case_of("17")
    score = f"{case.reports[1].score:.2f}"
    assert [(one.en, one.zh) for one in explain_merging(case, Wording(decisions(city())))] == [
        (
            f"hotline:17, received on 2026-10-01 09:00, opened the case; it says Tree (tree) in cell {CELL}.",
            f"hotline:17（2026-10-01 09:00 收到）建立了本案；事项 树（tree），网格 {CELL}。",
        ),
        (
            (
                f"policing:18, received on 2026-10-01 09:30, joined, because it is near in place and time (score {score}, 12 m away, "
                f"0.5 h apart); it says Tree (tree) in cell {CELL}."
            ),
            f"policing:18（2026-10-01 09:30 收到）并入本案：地点与时间相近（评分 {score}，相距 12 米，相隔 0.5 小时）；事项 树（tree），网格 {CELL}。",
        ),
    ]


def test_why_a_report_left() -> None:
    driver = opened(city())
    driver.pipe(
        report("18", 0.5, east=12, rule_set="r1"), report("18", 0.5, east=900, received=2, version=2, rule_set="r1")
    )
    case = driver.case_of("17")
    other = driver.case_of("18")
    (sentences,) = [one for one in explain_merging(case, Wording(decisions(city()))) if one.kind == "departed"]
    assert sentences.en.startswith(f"hotline:18 left the case on 2026-10-01 11:00 for {other.id}: ")
    assert sentences.zh.startswith(f"hotline:18 于 2026-10-01 11:00 移出本案，转入 {other.id}：")


def test_why_routed_names_the_duty_and_its_line() -> None:
    case = opened(city()).case_of("17")
    assert [(one.kind, one.en, one.zh) for one in explain_routing(case, case.assignments[0], decisions(city()))] == [
        (
            "assigned",
            f"{case.id}.1: Parks (parks) got it as lead on 2026-10-01 09:00.",
            f"{case.id}.1：2026-10-01 09:00 派遣 Parks（parks），角色为主办。",
        ),
        (
            "duty",
            (
                f"Duty trees (duties.yaml:3:3) decides: of those in effect it is the most specific for Tree (tree) in cell {CELL}, it "
                "names its group in the whole city (rule set r1)."
            ),
            f"依据职责 trees（duties.yaml:3:3）：对 树（tree）、网格 {CELL}，在有效职责中最具体，指明其类别，范围 全市（规则集 r1）。",
        ),
    ]


def test_what_no_duty_covers_is_the_localitys() -> None:
    rules = city(
        duties="fallback: {department: locality, unit: street}\nduties:\n  holes: {matters: [hole], lead: roads}\n"
    )
    case = opened(rules).case_of("17")
    sentences = list(explain_routing(case, case.assignments[0], decisions(rules)))
    assert sentences[0].en == f"{case.id}.1: Locality (locality), unit {CELL[:9]} got it as lead on 2026-10-01 09:00."
    assert (
        sentences[1].en == f"No duty covers Tree (tree) in cell {CELL}, so the locality answers for it (rule set r1)."
    )


def test_what_a_supervisor_decided_is_no_duty() -> None:
    driver = opened(city())
    driver.pipe(feedback("reroute", driver.tasks[0], 1, SUPERVISION, reason="its verge", department="roads"))
    case = driver.case_of("17")
    gone, now = case.assignments
    assert (
        list(explain_routing(case, now, decisions(city())))[1].en
        == "No duty decided it: a supervisor decided: its verge."
    )
    assert list(explain_routing(case, gone, decisions(city())))[1].en == (
        "Duty trees (duties.yaml:3:3) decided it then, for what the case said."
    )


def life_of(driver: Driver, case: Case) -> CaseLife:
    return CaseLife(case=case, transitions=tuple(one for one in driver.transitions if one.case == case.id))


def returned() -> tuple[Driver, Task]:
    driver = opened(city())
    (task,) = driver.tasks
    driver.pipe(feedback("accept", task, 1), feedback("handled", task, 2))
    return driver, task


def test_history_in_order_of_time() -> None:
    driver, task = returned()
    driver.pipe(report("18", 1.5, east=12, network="policing", rule_set="r1"))
    sentences = explain_history(life_of(driver, driver.case_of("17")), Wording(decisions(city())))
    assert english(sentences)[:4] == [
        "2026-10-01 09:00: hotline:17 opened the case.",
        (
            f"2026-10-01 09:00: {task.id} was given to Parks (parks); reason: duty trees: tree (group green) in the whole city is led by "
            "parks."
        ),
        f"2026-10-01 10:00: Parks (parks), w****1, took the task on: {task.id} of Parks (parks) went from dispatched to accepted.",
        f"2026-10-01 11:00: Parks (parks), w****1, reported it as handled: {task.id} of Parks (parks) went from accepted to closed.",
    ]
    assert [one.zh for one in sentences][2] == (
        f"2026-10-01 10:00：Parks（parks）（w****1）受理任务：Parks（parks） 的 {task.id} 由已派遣转为已受理。"
    )


def test_history_has_every_version_of_a_report() -> None:
    driver = opened(city())
    driver.pipe(
        report("17", received=1, version=2, rule_set="r1", description="b"),
        report("17", received=2, version=3, rule_set="r1", description="c"),
    )
    sentences = explain_history(life_of(driver, driver.case_of("17")), Wording(decisions(city())))
    assert [one.en for one in sentences if one.kind in {"joined", "corrected"}] == [
        "2026-10-01 09:00: hotline:17 opened the case.",
        "2026-10-01 10:00: hotline sent version 2 of hotline:17.",
        "2026-10-01 11:00: hotline sent version 3 of hotline:17.",
    ]


def test_what_a_case_is_now() -> None:
    driver, task = returned()
    case = driver.case_of("17")
    sentences = english(list(describe_case(life_of(driver, case), Wording(decisions(city())))))
    assert sentences == [
        f"{case.id} is closed: Tree (tree), real, 1 report; opened on 2026-10-01 09:00, changed last on 2026-10-01 11:00, revision 3.",
        f"Where: 115.03000 35.76000, cell {CELL}, within 10 m; the point lies in the cell.",
        f"{task.id}: lead Parks (parks), closed since 2026-10-01 11:00.",
        f"No department has a task now. Recorded reason: {case.reason}.",
    ]


def test_an_archived_case_says_so() -> None:
    driver, _ = returned()
    life = replace(life_of(driver, driver.case_of("17")), archived=True)
    assert next(iter(describe_case(life, Wording(None)))).en.startswith(
        f"{life.case.id} is closed and archived: tree, real"
    )


def test_every_kind_of_feedback_and_every_stage_has_words() -> None:
    """A kind without words of its own is named as it is."""
    assert all(feedback_of(kind).en and feedback_of(kind).zh for kind in KINDS_OF_FEEDBACK)
    assert feedback_of("something-new").en == "said `something-new`"
    assert all(said.en and said.zh for said in STAGES.values())
