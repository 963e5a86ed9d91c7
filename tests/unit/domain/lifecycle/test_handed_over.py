"""The ladder of a task that is handed over goes on with its clock."""

from router.domain.model.report import Tick
from tests.support.catalogue_lists import DUTIES
from tests.support.driver import Driver, hours, report, tiny
from tests.support.feedback import feedback

LADDERS = """\
authorities:
  town: {name: {en: Town}, digits: 9}
  county: {name: {en: County}, digits: 6}
ladders:
  usual:
    remind: [24h]
    rungs:
      - {to: town, after: 0h}
      - {to: county, after: 24h}
default: {lead: usual}
"""


def test_what_was_escalated_is_neither_repeated_nor_settled_by_a_transfer() -> None:
    """The limit ends at 72: the county hears of the second department at 96, and both hear when it is handled."""
    driver = Driver(tiny(escalations=LADDERS, duties="transfers: [[parks, roads]]\n" + DUTIES))
    driver.pipe(report("17"), *[Tick(at=hours(hour)) for hour in range(73)])
    first = driver.tasks[0]
    driver.pipe(feedback("transfer", first, 75, reason="x", department="roads"))
    second = driver.tasks[-1]
    driver.pipe(*[Tick(at=hours(hour)) for hour in range(76, 100)], feedback("handled", second, 100))
    assert [(one.kind, one.step, one.task) for one in driver.escalations] == [
        ("reminder", "before-24h", first.id),
        ("escalation", "town", first.id),
        ("escalation", "county", second.id),
        ("cleared", "town", second.id),
        ("cleared", "county", second.id),
    ]


def test_a_solved_case_reminds_only_when_its_check_has_failed() -> None:
    work = "workflows:\n  field:\n    name: {en: F}\n    steps:\n      dispatch: {text: {en: S}}\n"
    work += "      handling: {text: {en: D}}\n      checking: {text: {en: C}}\n"
    driver = Driver(tiny(escalations=LADDERS, work=work))
    driver.pipe(report("17", solved=True), *[Tick(at=hours(hour)) for hour in range(100)])
    assert driver.escalations == []
    driver.pipe(feedback("check-failed", driver.tasks[0], 100, "supervision", reason="x"))
    driver.pipe(*[Tick(at=hours(hour)) for hour in range(101, 150)])
    assert [one.step for one in driver.escalations] == ["before-24h"]
