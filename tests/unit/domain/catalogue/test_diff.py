"""The difference of two rule sets in routing: each aspect with area and period, grouped, and what is no difference."""

from datetime import datetime
from itertools import product
from pathlib import Path
from shutil import copytree
from time import process_time

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from router.cities.folder import cities_folder, load_city
from router.cli.main import app
from router.domain.catalogue.code_tables import Code, CodeTable
from router.domain.catalogue.diff import Diff, Difference, Recoded, RouteChange, diff
from router.domain.catalogue.regions import Extent
from router.domain.catalogue.resolve import Catalogue
from router.domain.rules.city import City
from tests.support.catalogue_lists import CELLS, DEPARTMENTS, DUTIES, MATTERS, STANDARDS, WORK, ZONE, catalogue
from tests.support.cities import shipped

SHIPPED = cities_folder()


class Cells:
    """Only codes; the comparison needs nothing else."""

    version = "1"

    def __init__(self, *cells: str) -> None:
        self.cells = dict.fromkeys(cells)


def table(*rows: tuple[str, str | None, str]) -> CodeTable:
    return CodeTable("codes.csv", [Code(code=c, version=v, matter=m, name="", line=2) for c, v, m in rows])


def city(found: Catalogue | None = None, cells: tuple[str, ...] = CELLS, **codes: CodeTable) -> City:
    return City("tiny", "Tiny", ZONE, Cells(*cells), found or catalogue(), None, codes)  # type: ignore[arg-type]


def changed(**files: str) -> Diff:
    return diff(city(), city(catalogue(**files)))


def always(*areas: str) -> Extent:
    return Extent(areas=areas, since=None, until=None)


def lead(before: str, after: str) -> Difference:
    return Difference(aspect="lead", before=before, after=after)


def test_a_row_for_every_other_code_is_a_difference_and_another_rule_set() -> None:
    without, with_row = (
        city(hotline=table(("1", None, "hole"))),
        city(hotline=table(("1", None, "hole"), ("*", None, "tree"))),
    )
    assert list(diff(without, with_row).codes) == [
        Recoded(network="hotline", code="*", version=None, before=None, after="tree")
    ]
    assert without.rule_set != with_row.rule_set
    assert diff(with_row, with_row).same


def test_equal_cities_have_no_difference() -> None:
    assert diff(city(), city()).same


def test_another_lead_in_one_county_is_one_change() -> None:
    found = changed(duties=DUTIES + "  local: {matters: [hole], area: '410902', lead: parks}\n")
    (change,) = found.changes
    assert change == RouteChange(matters=("hole",), extent=always("410902"), differences=(lead("roads", "parks"),))
    assert not found.same


def test_another_unit_is_another_recipient() -> None:
    found = changed(duties=DUTIES.replace("lead: roads", "lead: {department: roads, unit: north}"))
    assert [one.differences for one in found.changes] == [(lead("roads", "roads/north"),)]


def test_a_dated_duty_changes_only_its_days() -> None:
    winter = "  winter: {matters: [hole], from: 2026-12-01, until: 2027-02-28, lead: roads, assist: [police]}\n"
    (change,) = changed(duties=DUTIES + winter).changes
    days = Extent(areas=("",), since=datetime(2026, 12, 1, tzinfo=ZONE), until=datetime(2027, 3, 1, tzinfo=ZONE))
    assert change.extent == days
    assert change.differences == (
        Difference(aspect="assist", before="none", after="police"),
        Difference(aspect="assist limit", before="none", after="72h"),
    )


def test_periods_in_which_nothing_else_changes_are_one() -> None:
    other = "  other: {matters: [tree], from: 2026-06-01, until: 2026-06-30, lead: parks}\n"
    (change,) = changed(duties=(DUTIES + other).replace("lead: roads", "lead: police")).changes
    assert (change.matters, change.extent) == (("hole",), always(""))


def test_matters_that_change_alike_are_one_change() -> None:
    (change,) = changed(duties=DUTIES.replace("lead: parks", "lead: police")).changes
    assert (change.matters, change.differences) == (("grass", "tree"), (lead("parks", "police"),))


def test_changed_limits_and_workflows_are_reported() -> None:
    found = changed(
        standards=STANDARDS + "matters: {hole: {limit: 5d}}\n",
        work=WORK + WORK.split("\n", 1)[1].replace("  field:", "  quick:"),
        matters=MATTERS.replace("street, workflow: field", "street, workflow: quick"),
    )
    (change,) = found.changes
    assert change.matters == ("hole",)
    assert change.differences == (
        Difference(aspect="limit", before="72h", after="120h"),
        Difference(aspect="workflow", before="field", after="quick"),
    )


def test_a_limit_of_assistants_counts_only_with_assistants() -> None:
    limits = STANDARDS.replace("{limit: 3d}", "{limit: 3d, assist: {limit: 1d}}")
    assert changed(standards=limits).same
    helped = DUTIES.replace("lead: roads", "lead: roads\n    assist: [police]")
    old, new = (city(catalogue(duties=helped, standards=text)) for text in (STANDARDS, limits))
    (change,) = diff(old, new).changes
    assert change.differences == (Difference(aspect="assist limit", before="72h", after="24h"),)


@pytest.mark.parametrize(
    "files",
    [
        {"duties": DUTIES.replace("  holes:", "  potholes:")},
        {"duties": DUTIES.replace("lead: roads", "lead: roads\n    note: why")},
        {"duties": DUTIES + "  local: {matters: [hole], area: '410902', lead: roads}\n"},
        {"duties": DUTIES.replace("matters: [green]", "matters: [tree, grass]")},
        {"departments": DEPARTMENTS.replace("Parks", "Gardens")},
        {"standards": "default: {limit: 72h}\n"},
    ],
    ids=["id", "note", "the same said locally", "group spelt out", "name", "days as hours"],
)
def test_a_change_without_effect_on_departments_is_no_difference(files: dict[str, str]) -> None:
    assert changed(**files).same


def test_the_order_of_assistants_is_no_difference() -> None:
    one, other = (
        city(catalogue(duties=DUTIES.replace("lead: roads", f"lead: roads\n    assist: [{names}]")))
        for names in ("parks, police", "police, parks")
    )
    assert diff(one, other).same


def test_a_matter_that_loses_its_duty_is_reported() -> None:
    gone = DUTIES.replace("matters: [hole]", "matters: [hole]\n    area: '410902'")
    (change,) = changed(duties=gone).changes
    assert (change.extent, change.differences) == (always("410903"), (lead("roads", "locality/street"),))
    bare = gone.split("\n", 1)[1]
    (change,) = diff(city(catalogue(duties=gone)), city(catalogue(duties=bare))).changes
    assert change.differences == (
        lead("locality/street", "none"),
        Difference(aspect="limit", before="72h", after="none"),
    )


def test_added_and_removed_matters_and_departments_are_reported() -> None:
    found = changed(
        departments=DEPARTMENTS.replace("police:", "guards:"),
        matters=MATTERS.replace("  grass:", "  lawn:"),
    )
    assert (found.matters_added, found.matters_removed) == (("lawn",), ("grass",))
    assert (found.departments_added, found.departments_removed) == (("guards",), ("police",))
    assert found.changes == ()
    assert not found.same


def test_cells_of_either_version_count() -> None:
    local = catalogue(duties=DUTIES + "  local: {matters: [hole], area: '410904', lead: parks}\n")
    assert diff(city(), city(local)).same  # there is no assistant
    (change,) = diff(city(), city(local, (*CELLS, "410904001001001"))).changes
    assert change.extent == always("410904")


def test_codes_with_another_matter_are_reported() -> None:
    old = city(
        police=table(("1", None, "tree"), ("2", "A", "hole"), ("3", None, "grass")), gone=table(("9", None, "tree"))
    )
    new = city(police=table(("1", None, "hole"), ("2", "A", "hole"), ("2", "B", "tree"), ("4", None, "grass")))
    found = diff(old, new).codes

    def code(network: str, digits: str, before: str | None, after: str | None, version: str | None = None) -> Recoded:
        return Recoded(network=network, code=digits, version=version, before=before, after=after)

    assert found == (
        code("gone", "9", "tree", None),
        code("police", "1", "tree", "hole"),
        code("police", "2", None, "tree", "B"),
        code("police", "3", "grass", None),
        code("police", "4", None, "grass"),
    )


def test_one_row_for_all_versions_equals_two_rows() -> None:
    both = city(police=table(("1", "A", "tree"), ("1", "B", "tree")))
    one = city(police=table(("1", None, "tree")))
    assert diff(both, one).same


RULES = st.lists(
    st.tuples(
        st.sampled_from(["hole", "tree", "green", "'*'"]),
        st.sampled_from(["", "410902", "410902001", "410902001001002"]),
        st.sampled_from([None, "2026-01-01", "2026-02-01"]),
        st.sampled_from(["parks", "roads", "police"]),
    ),
    max_size=4,
    unique_by=lambda rule: rule[:3],
)
MONTHS = [datetime(2025, 6, 1, tzinfo=ZONE), datetime(2026, 1, 15, tzinfo=ZONE), datetime(2026, 6, 1, tzinfo=ZONE)]


def ruled(rules: list[tuple[str, str, str | None, str]]) -> Catalogue:
    lines = [
        f"  d{n}: {{matters: [{matter}], area: '{area}'{f', from: {since}' if since else ''}, lead: {who}}}\n"
        for n, (matter, area, since, who) in enumerate(rules)
    ]
    return catalogue(
        duties=DUTIES.split("duties:")[0]
        + "duties:\n"
        + "".join(lines)
        + "  z: {matters: [hole], area: '99', lead: parks}\n"
    )


@settings(max_examples=40)
@given(before=RULES, after=RULES)
def test_exactly_the_rerouted_matters_and_cells_are_reported(
    before: list[tuple[str, str, str | None, str]], after: list[tuple[str, str, str | None, str]]
) -> None:
    old, new = ruled(before), ruled(after)
    named = {
        (matter, cell, at): one.differences[0].after.partition("/")[0]
        for one in diff(city(old), city(new)).changes
        for matter, cell, at in product(one.matters, CELLS, MONTHS)
        if cell.startswith(one.extent.areas)
        and (one.extent.since is None or one.extent.since <= at)
        and (one.extent.until is None or at < one.extent.until)
    }
    asked = {(m, c, at): (old.route(m, c, at), new.route(m, c, at)) for m, c, at in product(old.matters, CELLS, MONTHS)}
    leads = {key: tuple(route.assigned[0].department for route in routes) for key, routes in asked.items()}
    assert named == {key: after_ for key, (before_, after_) in leads.items() if before_ != after_}


def copied(tmp_path: Path, *changes: tuple[str, str, str]) -> Path:
    """A copy of Puyang with changed texts."""
    folder = tmp_path / "puyang"
    copytree(SHIPPED / "puyang", folder)
    for file, old, new in changes:
        text = (folder / file).read_text("utf-8")
        assert text.count(old) == 1
        (folder / file).write_text(text.replace(old, new), "utf-8")
    return folder


NEW_DUTY = """
duties:
  rubbish-hualong:
    matters: [exposed-rubbish]
    area: "410902"
    from: 2026-12-01
    lead: environment
"""


def test_the_command_prints_a_sentence_for_each_change(tmp_path: Path) -> None:
    folder = copied(
        tmp_path,
        ("catalogue/duties.yaml", "\nduties:\n", NEW_DUTY),
        ("codes/policing.csv", "5007,,tree-danger,", "5007,,old-tree,"),
    )
    result = CliRunner().invoke(app, ["catalogue", "diff", str(SHIPPED / "puyang"), str(folder)])
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "exposed-rubbish in 410902 from 2026-12-01: lead urban-management/street -> environment",
        "policing 5007: tree-danger -> old-tree",
    ]
    value = orjson.loads(CliRunner().invoke(app, ["catalogue", "diff", "puyang", str(folder), "-o", "json"]).stdout)
    assert (value["same"], value["old"]["city"]) == (False, "puyang")
    (change,) = value["changes"]
    assert (change["matters"], change["areas"]) == (["exposed-rubbish"], ["410902"])
    assert (change["since"], change["until"]) == ("2026-11-30T16:00:00.000Z", None)  # midnight in Puyang


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("calendar/2026.yaml", '"14:30-18:00"', '"14:30-17:30"'),
        ("codes/policing.csv", ",tree-danger,", ",old-tree,"),
        ("city.yaml", "Asia/Shanghai", "Asia/Urumqi"),
    ],
)
def test_the_command_names_two_versions_whatever_differs(tmp_path: Path, file: str, before: str, after: str) -> None:
    """The catalogue alone is the same in all of these."""
    folder = copied(tmp_path)
    text = (folder / file).read_text("utf-8")
    assert before in text
    (folder / file).write_text(text.replace(before, after), "utf-8")
    old, new = shipped("puyang").rule_set, load_city(folder.name, folder.parent).rule_set
    assert old != new
    result = CliRunner().invoke(app, ["catalogue", "diff", "puyang", str(folder)])
    assert f"rule set {old} of puyang -> {new} of {folder.name}: " in result.stderr
    value = orjson.loads(CliRunner().invoke(app, ["catalogue", "diff", "puyang", str(folder), "-o", "json"]).stdout)
    assert [value[side]["rule_set"] for side in ("old", "new")] == [old, new]
    assert (result.exit_code, value["same"]) == (1, False)
    assert result.stdout


def test_another_zone_is_named_since_it_moves_every_limit(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    about = folder / "city.yaml"
    about.write_text(about.read_text("utf-8").replace("Asia/Shanghai", "Asia/Urumqi"), "utf-8")
    result = CliRunner().invoke(app, ["catalogue", "diff", "puyang", str(folder)])
    assert "calendar time zone: Asia/Shanghai -> Asia/Urumqi" in result.stdout.splitlines()


def test_the_command_prints_nothing_for_equal_cities(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["catalogue", "diff", "puyang", str(copied(tmp_path))])
    assert (result.exit_code, result.stdout) == (0, "")


def test_an_unknown_city_is_an_expected_error() -> None:
    result = CliRunner().invoke(app, ["catalogue", "diff", "puyang", "puyong"])
    assert "perhaps puyang was meant" in str(result.exception)


def test_a_whole_city_is_compared_quickly() -> None:
    puyang = shipped("puyang")
    began = process_time()
    assert diff(puyang, puyang).same
    assert process_time() - began < 5
