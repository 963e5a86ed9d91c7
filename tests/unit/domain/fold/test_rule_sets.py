"""Each report is decided by its own rule set, and each case that comes due by the case's own."""

from collections.abc import Iterable

import pytest

from router.domain.fold import fold
from router.domain.matching.parameters import MergeParameters
from router.domain.model.report import Report, Tick
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleSets, UnknownRuleSetError
from tests.support.driver import Driver, hours, report, tiny

OLD, NEW = tiny(), tiny(duties="duties: {trees: {matters: [tree], lead: police}}")


class Lookup:
    """Rule sets of which some are missing, and the versions that were looked up."""

    def __init__(self, *cities: City) -> None:
        self.known, self.asked = {city.rule_set: city for city in cities}, list[str]()

    @property
    def merging(self) -> MergeParameters:
        return OLD.merging

    def of(self, version: str) -> City:
        self.asked.append(version)
        if version not in self.known:
            raise UnknownRuleSetError(version)
        return self.known[version]


def both() -> RuleSets:
    rules = RuleSets(OLD)
    rules.add(NEW.rule_set, hours(1), lambda: NEW)
    return rules


def reports() -> Iterable[Report]:
    """Two of the old rule set and one of the new one; their windows end after 24, 25 and 26 hours."""
    yield report("old", rule_set=OLD.rule_set)
    yield report("new", 1, north=900, rule_set=NEW.rule_set)
    yield report("old too", 2, north=1800, rule_set=OLD.rule_set)


def three_cases() -> Driver:
    driver = Driver(both())
    driver.pipe(*reports())
    return driver


def test_a_report_is_routed_by_its_own_rule_set() -> None:
    driver = three_cases()
    assert [case.catalogue for case in driver.cases] == [city.catalogue.version for city in (OLD, NEW, OLD)]


def test_a_tick_looks_up_the_rule_set_of_every_case_that_is_due() -> None:
    driver, lookup = three_cases(), Lookup(OLD, NEW)
    fold(driver.state, Tick(at=hours(30)), lookup)
    assert lookup.asked == [OLD.rule_set, NEW.rule_set, OLD.rule_set]


def test_a_late_report_closes_windows_by_the_rule_set_of_each_case() -> None:
    driver, lookup = three_cases(), Lookup(OLD, NEW)
    fold(driver.state, report("late", 30, north=2700, rule_set=NEW.rule_set), lookup)
    assert lookup.asked == [
        NEW.rule_set,
        OLD.rule_set,
        NEW.rule_set,
    ]  # its own, then those of the two cases that it closes
    assert driver.state.matchable_cases == 2


@pytest.mark.parametrize("event", [Tick(at=hours(30)), report("late", 30, north=2700, rule_set=OLD.rule_set)])
def test_an_unknown_rule_set_of_a_due_case_changes_nothing(event: Report | Tick) -> None:
    driver = three_cases()
    before = driver.snapshot()
    with pytest.raises(UnknownRuleSetError, match=NEW.rule_set):
        fold(driver.state, event, Lookup(OLD))
    assert driver.snapshot() == before
    driver.pipe(event)
    unhindered = three_cases()
    unhindered.pipe(event)
    assert driver.snapshot() == unhindered.snapshot()


def test_a_report_of_an_unknown_rule_set_changes_nothing() -> None:
    driver = three_cases()
    before = driver.snapshot()
    with pytest.raises(UnknownRuleSetError):
        driver.pipe(report("late", 30, rule_set="unknown"))
    assert driver.snapshot() == before
