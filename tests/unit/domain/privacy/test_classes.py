"""What a department sees: the class of a field, the department's entry in the catalogue, and every way in which a task changes hands."""

from dataclasses import replace
from typing import Any

import pytest

from router.domain.catalogue.lists import read_lists
from router.domain.model.feedback import SUPERVISION
from router.domain.model.report import Media
from router.domain.model.task import Task
from router.domain.privacy.classes import class_of, withhold
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleSets
from tests.support.cases import task as minimal_task
from tests.support.catalogue_lists import DEPARTMENTS, DUTIES, catalogue, codes_and_positions, sources
from tests.support.driver import Driver, hours, report, tiny
from tests.support.feedback import feedback

PHOTO = Media(url="https://photos.example.org/1.jpg", sha256="a" * 64)
TEXT: dict[str, Any] = {"description": "her leg is broken", "address": "3 Oak Street", "media": (PHOTO,)}


def city(parks: str, **lists: str) -> City:
    """The tiny city, in which Parks has this entry, and Roads sees what is internal."""
    departments = DEPARTMENTS.replace("{en: Parks}", "{en: Parks}, " + parks).replace(
        "{en: Roads}", "{en: Roads}, sees: internal"
    )
    return replace(tiny(departments=departments, **lists), rule_set="")


def seen(task: Task) -> dict[str, object]:
    """What the task shows of the six fields, and what it says that it does not."""
    shown = {"description": task.description, "address": task.address, "point": task.lon is not None}
    shown |= {"media": len(task.media), "reports": len(task.reports), "team": len(task.team)}
    return shown | {"withheld": task.withheld}


FIELDS = ("description", "address", "point", "media", "reports", "team")
ALL = {
    "description": TEXT["description"],
    "address": TEXT["address"],
    "point": True,
    "media": 1,
    "reports": 1,
    "team": 1,
}
NONE = {"description": "", "address": "", "point": False, "media": 0, "reports": 0, "team": 0}
ASSISTED = DUTIES.replace("    lead: parks\n", "    lead: parks\n    assist: [roads]\n")


@pytest.mark.parametrize(
    ("networks", "field", "expected"),
    [
        (["hotline"], "description", "internal"),
        (["policing"], "description", "personal"),
        (["policing"], "address", "internal"),
        (["social-security"], "description", "special"),
        (["hotline", "petitions"], "address", "personal"),
        (["policing", "social-security"], "description", "special"),
        (["unknown"], "description", "internal"),
        ([], "media", "internal"),
    ],
)
def test_the_strictest_class_of_the_networks_counts(networks: list[str], field: Any, expected: str) -> None:
    assert class_of(field, networks) == expected


@pytest.mark.parametrize(
    ("entry", "network", "withheld"),
    [
        ("", "social-security", ()),
        ("sees: special", "social-security", ()),
        ("sees: personal", "social-security", ("description", "address", "media")),
        ("sees: personal", "policing", ()),
        ("sees: internal", "policing", ("description", "media")),
        ("sees: internal", "hotline", ()),
        ("sees: public", "hotline", FIELDS),
        ("masks: [point]", "hotline", ("point",)),
        ("masks: [team, reports]", "hotline", ("reports", "team")),
        ("sees: internal, masks: [address]", "policing", ("description", "address", "media")),
    ],
)
def test_a_task_shows_what_its_department_may_see(entry: str, network: str, withheld: tuple[str, ...]) -> None:
    """What is withheld is empty and named; the case has everything."""
    driver = Driver(city(entry, duties=ASSISTED))
    driver.pipe(report("17", network=network, **TEXT))
    task = driver.tasks[0]
    assert seen(task) == ALL | {name: NONE[name] for name in withheld} | {"withheld": withheld}
    assert task.names is not None, "what the catalogue says of ids that the department has anyway"
    case = driver.case_of("17", network)
    assert (case.description, case.address, case.media, case.lon is not None) == (*TEXT.values(), True)


def test_an_update_shows_no_more_than_the_dispatch() -> None:
    driver = Driver(city("sees: internal"))
    driver.pipe(report("17", network="policing", **TEXT))
    driver.pipe(report("17", network="policing", received=1, version=2, **TEXT | {"description": "both legs"}))
    task = driver.tasks[-1]
    assert (task.state, task.description, task.withheld) == ("updated", "", ("description", "media"))


def test_a_case_that_a_stricter_network_joins_shows_less_from_then_on() -> None:
    driver = Driver(city("sees: internal"))
    driver.pipe(report("17", **TEXT))
    assert driver.tasks[-1].withheld == ()
    driver.pipe(report("18", 0.1, network="policing"))
    task = driver.tasks[-1]
    assert (task.state, task.networks, task.withheld) == ("updated", ("hotline", "policing"), ("description", "media"))


def test_a_task_that_changes_hands_shows_what_the_next_department_may_see() -> None:
    """By a supervisor, by a return that names the department, by a transfer, and by a request for support."""
    rules = city("sees: special", duties=DUTIES + "transfers: [[parks, roads]]\n")
    for kind, sender in (("reroute", SUPERVISION), ("return", None), ("transfer", None), ("ask-support", None)):
        driver = Driver(rules)
        driver.pipe(report("17", network="social-security", **TEXT))
        (first,) = driver.tasks
        assert first.withheld == ()
        if kind in {"transfer", "ask-support"}:
            driver.pipe(feedback("accept", first, 0.5))
        driver.pipe(feedback(kind, first, 1, sender, reason="x", department="roads"))  # type: ignore[arg-type]
        last = next(one for one in reversed(driver.tasks) if one.department == "roads")
        assert last.withheld == ("description", "address", "media"), kind


def test_the_rule_set_that_dispatched_a_task_decides_until_the_next_routing() -> None:
    first, second = replace(city("sees: special"), rule_set="a"), replace(city("sees: internal"), rule_set="b")
    rules = RuleSets(first)
    rules.add("b", hours(1), lambda: second)
    driver = Driver(rules)
    driver.pipe(report("17", network="policing", rule_set="a", **TEXT))
    driver.pipe(report("17", network="policing", received=2, version=2, rule_set="b", **TEXT | {"description": "both"}))
    assert (driver.tasks[-1].description, driver.tasks[-1].withheld) == ("both", ())
    moved = {"matter": "grass", "received": 3, "version": 3, "rule_set": "b"}
    driver.pipe(report("17", network="policing", **moved, **TEXT))
    assert (driver.tasks[-1].description, driver.tasks[-1].withheld) == ("", ("description", "media"))


def test_nothing_withheld_is_the_same_task() -> None:
    one = minimal_task("C-1")
    assert withhold(one, "internal", ()) is one
    assert withhold(one, None, ()) is one


def test_a_mask_that_names_no_field_is_an_error_with_its_position() -> None:
    text = "parks:\n  name: {en: Parks}\n  masks: [adress]\n"
    lists, wrong = read_lists(sources(departments=text, duties="duties: {}\n"))
    assert lists is None
    assert codes_and_positions(wrong) == [("GR003", "departments.yaml", 3, 11)]
    assert "address" in wrong[0].message + wrong[0].hint


def test_a_catalogue_without_these_keys_has_the_version_that_it_had() -> None:
    """The version was computed before there were such keys. With one of them it is another."""
    assert catalogue().version == "6663e08cf7"
    for entry in ("sees: internal", "masks: [media]"):
        assert (
            catalogue(departments=DEPARTMENTS.replace("{en: Parks}", "{en: Parks}, " + entry)).version != "6663e08cf7"
        )
