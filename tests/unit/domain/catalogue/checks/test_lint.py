"""Every lint code: one mistake in valid lists gives exactly one finding with its position."""

import re

import pytest

from router.domain import documents
from router.domain.calendar import lint as calendars
from router.domain.catalogue import lists as lists_module
from router.domain.catalogue.checks import code_table_lint as coding
from router.domain.catalogue.checks import coverage, escalation_lint, lifecycle_lint, milestone_lint
from router.domain.catalogue.checks import merging_lint as merged
from router.domain.catalogue.checks import name_lint as naming
from router.domain.catalogue.checks import reference_lint as references
from router.domain.cells import datum_lint as datums
from router.domain.documents import Source
from router.domain.matching.parameters import MergeParameters
from router.domain.networks.registry import NETWORKS
from tests.support.catalogue_lists import (
    CELLS,
    DEPARTMENTS,
    DUTIES,
    MATTERS,
    STANDARDS,
    WORK,
    catalogue,
    codes_and_positions,
    findings,
    lists,
)
from tests.support.repository import ROOT

DUTY = "fallback: {department: locality}\nduties:\n  all: {matters: ['*'], lead: parks}\n"


def test_valid_lists_have_no_findings() -> None:
    assert findings() == []


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("duties", DUTIES.replace("lead: parks", "led: parks"), ("GR002", "duties.yaml", 5, 5)),
        ("departments", DEPARTMENTS.replace("parks:", "Parks:"), ("GR003", "departments.yaml", 1, 8)),
        ("standards", STANDARDS.replace("3d", "3w"), ("GR003", "standards.yaml", 1, 18)),
        ("standards", "default: {limit: -1h}", ("GR003", "standards.yaml", 1, 18)),
        ("duties", DUTIES.replace("matters: [hole]", "matters: []"), ("GR003", "duties.yaml", 7, 14)),
        (
            "duties",
            DUTIES.replace("lead: roads", "lead: roads\n    area: '41090'"),
            ("GR003", "duties.yaml", 9, 11),
        ),
        (
            "duties",
            DUTIES.replace("lead: roads", "lead: roads\n    area: '４１０９０２'"),  # full-width digits
            ("GR003", "duties.yaml", 9, 11),
        ),
        ("departments", DEPARTMENTS + "parks: {name: {en: Again}}\n", ("GR004", "departments.yaml", 5, 1)),
        ("matters", MATTERS.replace(", group: street, workflow: field", ""), ("GR005", "matters.yaml", 11, 3)),
        ("duties", DUTIES.replace("lead: roads", "lead: raods"), ("GR010", "duties.yaml", 8, 11)),
        ("duties", DUTIES.replace("department: locality", "department: unknown"), ("GR010", "duties.yaml", 1, 11)),
        ("duties", DUTIES.replace("matters: [hole]", "matters: [tree, hoel]"), ("GR011", "duties.yaml", 7, 21)),
        ("standards", STANDARDS + "matters: {hoel: {limit: 1h}}", ("GR011", "standards.yaml", 2, 11)),
        (
            "matters",
            MATTERS.replace("street, workflow: field", "street, workflow: feld"),
            ("GR012", "matters.yaml", 11, 53),
        ),
        (
            "duties",
            DUTIES.replace("lead: roads", "lead: {department: roads, unit: south}"),
            ("GR013", "duties.yaml", 8, 11),
        ),
        ("standards", STANDARDS + "groups: {gren: {limit: 1h}}", ("GR014", "standards.yaml", 2, 10)),
        ("matters", MATTERS.replace("group: street,", "group: stret,"), ("GR014", "matters.yaml", 11, 35)),
        ("matters", MATTERS + "  green: {name: {en: Green}, group: street}\n", ("GR015", "matters.yaml", 12, 3)),
        (
            "duties",
            DUTIES.replace("lead: roads", "lead: roads\n    duties:\n      trees: {matters: [tree]}"),
            ("GR015", "duties.yaml", 10, 7),
        ),
        ("duties", DUTIES.replace("holes:", "fallback:"), ("GR015", "duties.yaml", 6, 3)),
        ("duties", DUTIES.replace("    lead: roads\n", ""), ("GR016", "duties.yaml", 6, 3)),
        (
            "duties",
            DUTIES.replace("lead: roads", "lead: roads\n    from: 2026-02-01\n    until: 2026-01-31"),
            ("GR017", "duties.yaml", 10, 12),
        ),
        (
            "duties",
            DUTIES.replace("lead: roads", "lead: roads\n    assist: [police, roads]"),
            ("GR018", "duties.yaml", 9, 22),
        ),
        ("work", WORK.replace("handling", "checking"), ("GR019", "work.yaml", 2, 3)),
        (
            "work",
            WORK.replace("{text: {en: Done}}", "{text: {en: Done}, required: false}"),
            ("GR019", "work.yaml", 2, 3),
        ),
        (
            "work",
            WORK.split("      dispatch")[0]
            + "      handling: {text: {en: Done}}\n      dispatch: {text: {en: Sent}}\n",
            ("GR019", "work.yaml", 2, 3),
        ),
        (
            "duties",
            DUTIES.replace("lead: roads", "lead: roads\n  potholes: {matters: [hole], lead: parks}"),
            ("GR021", "duties.yaml", 9, 3),
        ),
        ("duties", DUTIES + "  never: {matters: ['*'], lead: police}\n", ("GR022", "duties.yaml", 9, 3)),
        (
            "duties",
            DUTIES + "  far: {matters: [hole], area: '990101', lead: police}\n",
            ("GR023", "duties.yaml", 9, 3),
        ),
    ],
)
def test_one_mistake_is_one_finding(file: str, text: str, expected: tuple[str, str, int, int]) -> None:
    found = findings(**{file: text})
    assert codes_and_positions(found) == [expected], [str(one) for one in found]
    assert found[0].level == "error"


def test_an_unknown_name_is_reported_with_the_nearest_name() -> None:
    (finding,) = findings(duties=DUTIES.replace("lead: roads", "lead: raods"))
    assert str(finding) == "duties.yaml:8:11: GR010 no department `raods`; perhaps `roads` was meant."


def test_an_inherited_name_is_reported_where_it_is_written() -> None:
    duties = "fallback: {department: locality}\nduties:\n  top:\n    lead: unknown\n    duties:\n      all: {matters: ['*']}\n"
    assert codes_and_positions(findings(duties=duties)) == [("GR010", "duties.yaml", 4, 11)]


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        ("", "", True),
        ("from: 2026-01-01, ", "from: 2026-06-01, ", True),
        ("until: 2026-05-31, ", "from: 2026-06-01, ", False),
        ("until: 2026-06-01, ", "from: 2026-06-01, ", True),  # both hold on that day
        ("from: 2026-01-01, until: 2026-01-31, ", "from: 2026-02-01, until: 2026-02-28, ", False),
        ("area: '410902', ", "area: '410903', ", False),
        ("area: '410902', ", "area: ['410903', '410902'], ", True),
    ],
)
def test_equal_duties_conflict_only_where_and_while_both_apply(first: str, second: str, clash: bool) -> None:
    duties = DUTIES + f"  a: {{matters: [tree], {first}lead: roads}}\n  b: {{matters: [tree], {second}lead: parks}}\n"
    codes = [finding.code for finding in findings(duties=duties)]
    assert ("GR021" in codes) == clash, codes


def test_a_duty_that_wins_at_another_time_is_not_dead() -> None:
    duties = DUTIES.replace("matters: [hole]", "matters: [hole]\n    from: 2026-06-01")
    assert findings(duties=duties + "  early: {matters: [street], lead: police}\n") == []


def test_a_matter_without_duty_is_a_warning_or_without_fallback_an_error() -> None:
    duties = DUTIES.replace("matters: [hole]", "matters: [hole]\n    area: '410902'")
    (finding,) = findings(duties=duties)
    assert (finding.code, finding.level) == ("GR020", "warning")
    assert finding.message == "no duty covers hole in 410903001; locality gets it"
    (finding,) = findings(duties=duties.replace("fallback: {department: locality, unit: street}\n", ""))
    assert (finding.code, finding.level) == ("GR020", "error")
    assert finding.message == "hole has no lead in 410903001"


def test_a_matter_without_limit_is_a_warning() -> None:
    found = findings(standards="groups: {green: {limit: 1d}}")
    assert [(one.code, one.level) for one in found] == [("GR024", "warning")]
    assert "limits hole for the role lead" in found[0].message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("code,version,matter,name\n1,,tree,x\n2,,grass,x\n3,,hole,x\n", []),
        (
            "code,version,matter,name\n1,,tree,x\n2,,gras,x\n3,,hole,x\n",
            [("GR030", "n.csv", 3, 4), ("GR031", "matters.yaml", 10, 3)],
        ),
        ("code,version,matter,name\n1,,tree,x\n2,,grass,x\n", [("GR031", "matters.yaml", 11, 3)]),
    ],
)
def test_codes_and_matters_are_checked_both_ways(text: str, expected: list[tuple[str, str, int, int]]) -> None:
    assert codes_and_positions(coding.check({"hotline": Source("n.csv", text)}, lists(), {"hotline": ".+"})) == expected


def test_a_table_of_an_unknown_network_is_reported() -> None:
    text = "code,version,matter,name\n1,,tree,x\n2,,grass,x\n3,,hole,x\n"
    assert codes_and_positions(coding.check({"hotlin": Source("n.csv", text)}, lists(), {"hotline": ".+"})) == [
        ("GR032", "n.csv", 1, 1)
    ]


def test_codes_that_read_alike_may_not_mean_different_matters() -> None:
    text = "code,version,matter,name\nOak  Down,,tree,x\noak down,,tree,x\nＯak Down,,grass,x\nHole,,hole,x\n"
    (one,) = coding.check({"hotline": Source("n.csv", text)}, lists(), {"hotline": ".+"})
    assert str(one) == (
        "n.csv:4:1: GR034 code 'Ｏak Down' of hotline differs from 'Oak  Down' only by blanks, case or width, and means another "
        "matter; correct one of the two."
    )


@pytest.mark.parametrize(("file", "old", "new"), [("departments", "Parks", "ROADS"), ("matters", "Tree", "hole")])
def test_names_that_read_alike_are_a_warning(file: str, old: str, new: str) -> None:
    text = {"departments": DEPARTMENTS, "matters": MATTERS}[file]
    assert naming.check(lists()) == []
    found = naming.check(lists(**{file: text.replace(old, new, 1)}))
    assert [(one.code, one.level, one.file) for one in found] == [("GR025", "warning", f"{file}.yaml")], text


@pytest.mark.parametrize("taken", ["supervision", "rejected"])
def test_no_department_has_the_name_of_another_topic_of_feedback(taken: str) -> None:
    (found,) = naming.check(lists(departments=DEPARTMENTS.replace("parks:", f"{taken}:", 1)))
    assert (found.code, found.level) == ("GR026", "error")
    assert found.place.startswith("departments.yaml:")
    assert str(found).endswith("; choose another id.")


def test_the_row_for_every_other_code_is_one_that_no_schema_sends() -> None:
    table = {"governance": Source("n.csv", "code,version,matter,name\n*,,tree,x\n*,,grass,x\n*,,hole,x\n")}
    assert coding.check(table, lists(), {"governance": NETWORKS["governance"].codes}) == []
    table = {"governance": Source("n.csv", "code,version,matter,name\n*,,oak,x\n")}
    assert "GR030" in {one.code for one in coding.check(table, lists(), {"governance": ".+"})}


@pytest.mark.parametrize(
    ("network", "code", "hint"),
    [
        ("governance", "101", "perhaps '0101' was meant"),
        ("governance", "1", "perhaps '01' was meant"),
        ("governance", "０１０１", "perhaps '0101' was meant"),
        ("governance", "101.0", "perhaps '0101' was meant"),
        ("governance", "01 01", "write it as the network sends it; the pattern is ([0-9]{4})|[0-9]{2}"),
        ("party-building", "dj0101", "perhaps 'DJ0101' was meant"),
        ("work-safety", "ＡＱ0101", "perhaps 'AQ0101' was meant"),
        ("environment", "reading SO2", "write it as the network sends it"),
        ("environment", "Odour", "perhaps 'odour' was meant"),
        ("urban-management", "0102", "write it as the network sends it"),
        ("policing", "10010", "perhaps '010010' was meant"),
    ],
)
def test_a_code_that_the_schema_forbids_is_an_error(network: str, code: str, hint: str) -> None:
    text = f"code,version,matter,name\n{code},,tree,x\n"
    table = {network: Source("n.csv", text)}
    (one,) = [one for one in coding.check(table, lists(), {network: NETWORKS[network].codes}) if one.level == "error"]
    assert (one.code, one.place) == ("GR033", "n.csv:2:1")
    assert one.message == f"{network} can never send the code {code!r}: its schema forbids it"
    assert one.hint.startswith(hint)


def test_a_code_in_the_form_of_excel_is_an_error() -> None:
    table = {"governance": Source("n.csv", 'code,version,matter,name\n="0101",,tree,x\n')}
    (one,) = [one for one in coding.check(table, lists(), {"governance": "[0-9]{4}"}) if one.level == "error"]
    assert str(one) == (
        "n.csv:2:1: GR033 governance can never send the code '=\"0101\"': its schema forbids it; perhaps '0101' was meant."
    )


def test_the_lists_of_these_tests_compile() -> None:
    assert set(catalogue(duties=DUTY).departments) == {"parks", "roads", "police", "locality"}


def test_every_code_is_documented() -> None:
    first = (documents, lists_module, references, coverage, coding, merged)
    modules = (*first, datums, naming, calendars, lifecycle_lint, escalation_lint, milestone_lint)
    codes = {value for module in modules for value in vars(module).values() if re.fullmatch(r"GR\d{3}", str(value))}
    page = (ROOT / "docs" / "reference" / "catalogue.md").read_text()
    assert set(re.findall(r"GR\d{3}", page)) == codes


MERGING = """\
thresholds: {merge: 0.5, suggest: 0.3}
search_radius: {base_m: 30, max_m: 200}
window_hours: 24
decay_at_window_end: 0.5
decay_at_max_distance: 0.5
same_community: 0.5
"""


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", []),
        ("window_hours_by_matter: {tree: 4, gras: 4}", [("GR040", "merging.yaml", 7, 35)]),
        ("base_m_by_matter: {hoel: 4}", [("GR040", "merging.yaml", 7, 20)]),
        ("affinities: [{between: [tree, gras], affinity: 0.9}]", [("GR040", "merging.yaml", 7, 31)]),
        ("affinities: [{between: [tree, grass], affinity: 0.9}]", []),
        ("affinities: [{between: [tree, hole], affinity: 0.5}]", [("GR041", "merging.yaml", 7, 14)]),
        ("affinities: [{between: [tree, hole], affinity: 0.4}]", []),
    ],
)
def test_merging_must_name_matters_that_exist_and_share_a_lead(
    more: str, expected: list[tuple[str, str, int, int]]
) -> None:
    document, _ = documents.read_yaml(Source("merging.yaml", MERGING + more))
    assert document is not None
    merging, wrong = documents.validate(MergeParameters, document)
    assert merging is not None, wrong
    assert codes_and_positions(merged.check(merging, document, catalogue(), CELLS)) == expected
