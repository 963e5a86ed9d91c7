"""The catalogue of Puyang is as large and as whole as such a city's: leads, units, matters, networks, languages, coverage."""

import csv
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from router.cities.city_reader import read_city, read_tests
from router.cities.folder import cities_folder, load_city
from router.domain.calendar.deadlines import due_at
from router.domain.catalogue.checks.coverage import measure
from router.domain.catalogue.checks.rule_tests import RuleTestContext, run
from router.domain.catalogue.resolve import Matter
from router.domain.model.vocabulary import Role
from router.domain.rules.city import City

FOLDER = cities_folder() / "puyang"
LISTS = ("departments", "duties", "matters", "standards", "work")
GB, CJ = "GB/T 30428.2-2013", "CJ/T 214-2007"
FORMS = {
    "policing": r"[0-9]{2}([0-9]{2}){0,2}",
    "urban-management": r"(event|part)-[0-9]{2}([0-9]{2})?",
    "environment": r"[a-z][a-z-]*|reading(/[0-9A-Za-z._-]+)?",
    "social-security": r"[0-9A-Z]{2,16}",
    "party-building": r"DJ[0-9]{4}",
    "work-safety": r"AQ[0-9]{4}",
    "governance": r"[0-9]{2}([0-9]{2})?",
    "enforcement": r"ZF[0-9]{4}",
    "petitions": r"[0-9]{2}([0-9]{2}){0,2}",
    "mediation": r"[0-9]{2}",
    "litigation-services": r"[0-9]{4}",
}
"""What a code of each network looks like; digits are ASCII."""
COUNTIES = ("410902", "410922", "410923", "410926", "410927", "410928", "410971", "410972")


@cache
def puyang() -> City:
    return load_city("puyang", cities_folder())


@cache
def written(name: str) -> Any:
    return yaml.safe_load((FOLDER / "catalogue" / f"{name}.yaml").read_text("utf-8"))


def rows(network: str) -> list[dict[str, str]]:
    with (FOLDER / "codes" / f"{network}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def nodes(tree: Any, key: str) -> Iterator[Any]:
    """Every value of this key anywhere in a document."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            if name == key:
                yield value
            yield from nodes(value, key)
    elif isinstance(tree, list):
        for value in tree:
            yield from nodes(value, key)


def test_lint_finds_nothing() -> None:
    assert read_city("puyang", FOLDER).findings == ()


def test_thirty_one_leads_and_about_a_hundred_units() -> None:
    leads = {one["department"] if isinstance(one, dict) else one for one in nodes(written("duties")["duties"], "lead")}
    units = [unit for department in written("departments").values() for unit in department.get("units", {})]
    assert len(leads) == 31
    assert 95 <= len(units) <= 110


def test_every_department_and_every_unit_has_something_to_do() -> None:
    duties = puyang().catalogue.duties
    receivers = {(one.department, one.unit) for duty in duties for one in (duty.lead, *duty.assist)}
    declared = written("departments")
    assert {department for department, _ in receivers} == declared.keys()
    units = {(name, unit) for name, one in declared.items() for unit in one.get("units", {})}
    assert units - receivers == set()


def test_matters_are_many_and_grouped() -> None:
    matters = written("matters")
    assert len(matters["matters"]) >= 120
    members: defaultdict[str, int] = defaultdict(int)
    for matter in matters["matters"].values():
        members[matter["group"]] += 1
    assert 15 <= len(matters["groups"]) <= 25
    assert min(members[group] for group in matters["groups"]) >= 3


def test_most_matters_are_seen_by_several_networks_and_all_by_one() -> None:
    seen: defaultdict[str, set[str]] = defaultdict(set)
    for network in FORMS:
        for row in rows(network):
            seen[row["matter"]].add(network)
    matters = written("matters")["matters"].keys()
    assert seen.keys() == matters
    assert sum(len(networks) >= 2 for networks in seen.values()) / len(matters) >= 0.6
    assert {"urban-management", "governance", "party-building", "environment"} <= seen["exposed-rubbish"]


def test_the_eleven_networks_report_here() -> None:
    assert {path.stem for path in (FOLDER / "codes").glob("*.csv")} == FORMS.keys() == puyang().codes.keys()


@pytest.mark.parametrize("network", FORMS)
def test_codes_have_the_form_of_their_network_and_are_sorted(network: str) -> None:
    table = rows(network)
    assert [row["code"] for row in table if not re.fullmatch(FORMS[network], row["code"], re.ASCII)] == []
    keys = [(row["code"], row["version"]) for row in table]
    assert keys == sorted(set(keys))


@pytest.mark.parametrize("network", ["policing", "governance", "petitions"])
def test_parents_of_codes_mean_something_too(network: str) -> None:
    codes = {row["code"] for row in rows(network)}
    assert {code[:length] for code in codes for length in range(2, len(code), 2)} - codes == set()


def test_standard_versions_swap_street_order_and_emergencies() -> None:
    table = puyang().codes["urban-management"]
    for gb, cj in (("event-04", "event-05"), ("event-05", "event-04")):
        here = {row.code: row.matter for row in table.codes if row.code.startswith(gb) and row.version == GB}
        there = {row.code: row.matter for row in table.codes if row.code.startswith(cj) and row.version == CJ}
        assert {code.replace(gb, cj): matter for code, matter in here.items()} == there
        assert len(here) >= 8
    assert table.matter("event-0401", GB) == "street-vendor"
    assert table.matter("event-0401", CJ) == "road-subsidence"
    assert table.matter("event-0401", None) is None


def names() -> Iterator[tuple[str, Any]]:
    """Everything with a name, a text or a closing condition, with its list."""
    for name in LISTS:
        for key in ("name", "text", "closing"):
            for value in nodes(written(name), key):
                yield name, value
    for department, one in written("departments").items():
        for unit in one.get("units", {}).values():
            yield f"departments, {department}", unit
    about = yaml.safe_load((FOLDER / "city.yaml").read_text("utf-8"))
    yield "city", about["title"]


def test_every_name_is_chinese_and_english() -> None:
    found = list(names())
    assert len(found) > 400
    wrong = [
        (where, name)
        for where, name in found
        if not re.search(r"[\u4e00-\u9fff]", name.get("zh", "")) or not re.search(r"[A-Za-z]{2}", name["en"])
    ]
    assert wrong == []
    assert [name for _, name in found if re.search(r"[\u4e00-\u9fff]", name["en"])] == []


@pytest.mark.parametrize("network", FORMS)
def test_every_code_is_named_in_chinese_and_english(network: str) -> None:
    form = re.compile(r"(?=.*[\u4e00-\u9fff])\S+ [A-Za-z0-9][A-Za-z0-9 ,'-]*[a-z]")
    assert [row for row in rows(network) if not form.fullmatch(row["name"])] == []


def test_every_matter_in_every_cell_has_one_lead_at_every_time() -> None:
    found = puyang()
    covered = measure(found.catalogue, found.cells.cells)
    assert (covered.share, covered.by_fallback, covered.gaps) == (1, 0, ())
    assert {cell[:6] for cell in found.cells.cells} == set(COUNTIES)
    assert covered.periods > 1


def test_duties_differ_by_area_and_by_season() -> None:
    duties = puyang().catalogue.duties
    assert {area[:6] for duty in duties for area in duty.areas if area} == set(COUNTIES)
    assert sum(bool(duty.since and duty.until) for duty in duties) >= 5
    assert any(duty.since and not duty.until for duty in duties)
    assert any(duty.until and not duty.since for duty in duties)
    assert sum(len(duty.assist) >= 3 for duty in duties) >= 5


def test_four_officials_come_together() -> None:
    (duty,) = (one for one in puyang().catalogue.duties if one.id == "four-officials")
    assert {duty.lead.department, *(one.department for one in duty.assist)} == {
        "court",
        "procuratorate",
        "police",
        "justice",
    }


def test_workflows_are_the_seven_steps() -> None:
    steps = ["collection", "filing", "dispatch", "handling", "feedback", "checking", "evaluation"]
    workflows = written("work")["workflows"]
    assert all(list(workflow["steps"]) == steps for workflow in workflows.values())
    assert {matter.workflow for matter in puyang().catalogue.matters.values()} == workflows.keys()


def test_every_matter_has_limits_for_both_roles_and_a_closing_condition() -> None:
    matters = puyang().catalogue.matters.values()
    assert [matter.id for matter in matters if None in matter.limits.values() or not matter.closing] == []
    monday = datetime(2026, 3, 2, 0, 30, tzinfo=UTC)  # 08:30 in Puyang

    def due(matter: Matter, role: Role) -> datetime:
        limit = matter.limits[role]
        assert limit is not None
        return due_at(monday, limit, puyang().calendar).at

    longer = [matter.id for matter in matters if due(matter, "assist") > due(matter, "lead")]
    assert longer == ["trapped-person"]  # whose lift is looked at when the person is out


def test_its_own_tests_hold_and_reach_every_duty() -> None:
    read, wrong = read_tests(Path(FOLDER))
    assert (wrong, read is None) == ([], False)
    assert read is not None
    found = puyang()
    trial = run(
        *read,
        RuleTestContext(
            catalogue=found.catalogue,
            codes=found.codes,
            cells=found.cells.cells,
            zone=found.zone,
            calendar=found.calendar,
        ),
    )
    assert (trial.coverage, trial.untested) == (100, ())
    assert [verdict.name for verdict in trial.verdicts if verdict.failures] == []
