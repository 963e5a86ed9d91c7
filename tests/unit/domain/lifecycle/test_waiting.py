"""A stage at which a department waits has a limit, and its end goes up the ladder as that of the department's own limit does.

Hours count from START. A check may take 30 hours, a suspension 50. The ladder reminds 24 and 2 hours before, and the town, the county and the
city hear 0, 24 and 72 hours after the end.
"""

import pytest

from router.domain.catalogue.checks import escalation_lint
from router.domain.catalogue.lists import read_lists
from router.domain.fold import fold
from router.domain.model.feedback import SUPERVISION
from router.domain.model.outcome import Escalated, EscalationSent, LimitMissed
from router.domain.model.report import Tick
from tests.support.catalogue_lists import sources
from tests.support.driver import Driver, hours, report, tiny
from tests.support.feedback import feedback
from tests.unit.domain.lifecycle.test_escalations import LADDERS, run
from tests.unit.domain.lifecycle.test_sent_steps import CHECKED

CITY = tiny(escalations=LADDERS, work=CHECKED)


@pytest.fixture
def driver() -> Driver:
    one = Driver(CITY)
    one.pipe(report("17"))
    return one


def test_a_check_that_no_one_makes_goes_up_the_ladder(driver: Driver) -> None:
    task = driver.tasks[0]
    driver.pipe(feedback("handled", task, 10))
    driver = driver.crash()
    sent = run(driver, 1000)
    assert [(one.id.removeprefix(task.id), one.kind, one.at) for one in sent] == [
        ("/0/handled/before-24h", "reminder", hours(16)),
        ("/0/handled/before-2h", "reminder", hours(38)),
        ("/0/handled/town", "escalation", hours(40)),
        ("/0/handled/county", "escalation", hours(64)),
        ("/0/handled/city", "escalation", hours(112)),
    ]
    assert {(one.waiting, one.stage, one.due_at, one.department) for one in sent} == {
        ("handled", "handled", hours(40), "parks")
    }
    assert [one.reason for one in sent[1:3]] == [
        "the task of parks may be handled until 2026-10-02T17:00:00+00:00",
        "the task of parks is still handled: it might be that until 2026-10-02T17:00:00+00:00",
    ]
    assert (sent[2].authority, sent[2].area, sent[2].ladder) == ("town", "410902001", "usual")


def test_a_suspension_of_which_no_one_hears_more_goes_up_the_ladder(driver: Driver) -> None:
    task = driver.tasks[0]
    driver.pipe(feedback("suspend", task, 10, SUPERVISION, reason="frost"))
    assert [(one.step, one.at) for one in run(driver, 61)] == [
        ("before-24h", hours(36)),
        ("before-2h", hours(58)),
        ("town", hours(60)),
    ]
    (cleared,) = driver.pipe(feedback("resume", task, 70, SUPERVISION)).escalations
    assert (cleared.id, cleared.settled) == (f"{task.id}/0/suspended/town/cleared", "late")
    assert (cleared.waiting, cleared.due_at, cleared.stage) == ("suspended", hours(60), "dispatched")
    assert cleared.reason == "the task of parks was suspended for longer than it might be"
    assert [(one.id.removeprefix(task.id), one.at) for one in run(driver, 133)] == [
        ("/1/before-24h", hours(108)),
        ("/1/before-2h", hours(130)),
        ("/1/town", hours(132)),
    ]


def test_each_wait_has_steps_of_its_own(driver: Driver) -> None:
    """A check in time ends them without a word; after the next work they begin again, under other keys."""
    task = driver.tasks[0]
    driver.pipe(feedback("handled", task, 10))
    assert [one.step for one in run(driver, 20)] == ["before-24h"]
    assert driver.pipe(feedback("check-failed", task, 20, SUPERVISION, reason="x")).escalations == []
    driver.pipe(feedback("handled", task, 30))
    assert [one.id.removeprefix(task.id) for one in run(driver, 61)] == [
        "/1/handled/before-24h",
        "/1/handled/before-2h",
        "/1/handled/town",
    ]


def test_a_check_in_time_that_is_heard_of_late_clears_the_alarm(driver: Driver) -> None:
    task = driver.tasks[0]
    driver.pipe(feedback("handled", task, 10))
    run(driver, 41)
    (cleared,) = driver.pipe(feedback("check-passed", task, 39, SUPERVISION, delivered=42)).escalations
    assert (cleared.step, cleared.settled, cleared.at, cleared.sent_at) == ("town", "in-time", hours(39), hours(42))
    assert run(driver, 1000) == []


def test_the_department_and_the_inspector_are_late_one_after_the_other(driver: Driver) -> None:
    task = driver.tasks[0]
    assert [one.step for one in run(driver, 73)] == ["before-24h", "before-2h", "town"]
    (cleared,) = driver.pipe(feedback("handled", task, 74)).escalations
    assert (cleared.id, cleared.waiting) == (f"{task.id}/0/town/cleared", None)
    assert [one.id.removeprefix(task.id) for one in run(driver, 104)] == [
        "/1/handled/before-24h",
        "/1/handled/before-2h",
        "/1/handled/town",
    ]
    (cleared,) = driver.pipe(feedback("check-failed", task, 105, SUPERVISION, reason="x")).escalations
    assert cleared.id == f"{task.id}/1/handled/town/cleared"


def test_a_solved_report_waits_for_its_check_from_the_beginning() -> None:
    driver = Driver(CITY)
    driver.pipe(report("17", solved=True))
    assert [(one.step, one.at) for one in run(driver, 31)] == [
        ("before-24h", hours(6)),
        ("before-2h", hours(28)),
        ("town", hours(30)),
    ]


def test_reminders_of_a_wait_count_as_sent_to_supervision(driver: Driver) -> None:
    driver.pipe(feedback("handled", driver.tasks[0], 10))
    outcome = fold(driver.state, Tick(at=hours(41)), driver.rules)
    assert [one for one in outcome.facts if isinstance(one, Escalated)] == [
        Escalated("reminder", "supervision"),
        Escalated("reminder", "supervision"),
        Escalated("escalation", "town"),
    ]
    assert len([one for one in outcome.records if isinstance(one, EscalationSent)]) == 3
    assert not any(isinstance(one, LimitMissed) for one in outcome.facts), "the department had answered"


@pytest.mark.parametrize(
    ("escalations", "level"),
    [
        (LADDERS, None),
        (LADDERS.replace("default: {lead: usual}", "default: {assist: usual}"), "error"),
        (LADDERS[: LADDERS.index("    rungs:")] + "default: {lead: usual}\n", "error"),
        (None, "warning"),
    ],
)
def test_lint_names_a_wait_of_whose_end_no_one_hears(escalations: str | None, level: str | None) -> None:
    texts = {"work": CHECKED} | ({} if escalations is None else {"escalations": escalations})
    read, wrong = read_lists(sources(**texts))
    assert read is not None, wrong
    findings = list(escalation_lint.check(read))
    assert {(one.code, one.level) for one in findings} == ({("GR084", level)} if level else set())
    if level:
        lines = CHECKED.splitlines()
        assert [lines[one.line - 1].split(":")[0].strip() for one in findings] == ["suspended", "handled"]
        assert "no one hears when the limit of `suspended` has ended: `" in findings[0].message
