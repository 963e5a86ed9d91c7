"""Routing: which duty wins, what it inherits, when it applies, and the fallback."""

from datetime import UTC, datetime, timedelta

import pytest

from router.domain.calendar.limits import Limit
from tests.support.catalogue_lists import CELLS, DUTIES, MATTERS, STANDARDS, catalogue

AT = datetime(2026, 10, 1, 1, tzinfo=UTC)  # 09:00 in Shanghai
CELL = CELLS[0]  # 410902001001001

LADDER = """\
fallback: {department: locality, unit: street}
duties:
  all-city: {matters: ["*"], lead: police}
  all-cell: {matters: ["*"], area: "410902001001001", lead: police}
  group-city: {matters: [green], lead: parks}
  group-street: {matters: [green], area: 410902001, lead: parks}
  tree-city: {matters: [tree], lead: parks}
  tree-county: {matters: [tree], area: 410902, lead: parks}
  tree-county-october: {matters: [tree], area: 410902, from: 2026-10-01, until: 2026-10-31, lead: parks}
  tree-county-later: {matters: [tree], area: 410902, from: 2026-09-01, lead: parks}
  tree-street: {matters: [tree], area: 410902001, lead: parks}
"""
ORDER = [
    "tree-street",
    "tree-county-october",
    "tree-county-later",
    "tree-county",
    "tree-city",
    "group-street",
    "group-city",
    "all-cell",
    "all-city",
]


def without(duties: str, names: list[str]) -> str:
    return "\n".join(line for line in duties.splitlines() if line.strip().split(":")[0] not in names)


@pytest.mark.parametrize("gone", range(len(ORDER)))
def test_the_most_specific_duty_wins_matter_then_area_then_dates(gone: int) -> None:
    city = catalogue(duties=without(LADDER, ORDER[:gone]))
    assert city.route("tree", CELL, AT).assigned[0].rule == ORDER[gone]


def test_other_areas_and_matters_have_their_own_duties() -> None:
    city = catalogue(duties=LADDER)
    assert city.route("tree", "410902002001001", AT).assigned[0].rule == "tree-county-october"
    assert city.route("tree", "410903001001001", AT).assigned[0].rule == "tree-city"
    assert city.route("grass", "410902002001001", AT).assigned[0].rule == "group-city"
    assert city.route("hole", CELL, AT).assigned[0].rule == "all-cell"
    assert city.route("hole", "410902001001002", AT).assigned[0].rule == "all-city"


def test_a_neighbour_with_a_similar_prefix_does_not_match() -> None:
    """The cached route of a cell is not used for a cell that differs in a digit of a duty."""
    city = catalogue(duties=LADDER)
    assert [city.route("hole", cell, AT).assigned[0].rule for cell in (CELL, "410902001001002", CELL)] == [
        "all-cell",
        "all-city",
        "all-cell",
    ]


@pytest.mark.parametrize(
    ("at", "rule"),
    [
        ("2026-09-30T15:59:59+00:00", "tree-county-later"),  # 23:59:59 in Shanghai
        ("2026-09-30T16:00:00+00:00", "tree-county-october"),  # midnight of 1 October there
        ("2026-10-31T15:59:59+00:00", "tree-county-october"),
        ("2026-10-31T16:00:00+00:00", "tree-county-later"),
        ("2026-08-31T15:59:59+00:00", "tree-county"),
        ("1970-01-01T00:00:00+00:00", "tree-county"),
    ],
)
def test_a_duty_applies_between_its_midnights_in_the_city_s_zone(at: str, rule: str) -> None:
    city = catalogue(duties=LADDER)
    for _ in range(2):  # decided, then remembered
        assert city.route("tree", "410902002001001", datetime.fromisoformat(at)).assigned[0].rule == rule


NESTED = """\
fallback: {department: locality, unit: street}
duties:
  base:
    area: "410902"
    lead: parks
    assist: [police]
    from: 2026-01-01
    duties:
      trees:
        matters: [tree]
        duties:
          street-trees: {area: "410902001", assist: []}
          city-trees: {area: "", lead: {department: roads, unit: north}}
"""


def test_a_duty_inherits_missing_fields() -> None:
    city = catalogue(duties=NESTED)
    assert [duty.id for duty in city.duties] == ["trees", "street-trees", "city-trees"]  # base has no matters
    county = city.route("tree", "410902002001001", AT).assigned
    assert [(one.department, one.role, one.rule) for one in county] == [
        ("parks", "lead", "trees"),
        ("police", "assist", "trees"),
    ]
    assert [one.department for one in city.route("tree", CELL, AT).assigned] == ["parks"]  # an empty list is said
    abroad = city.route("tree", "410903001001001", AT).assigned
    assert [(one.department, one.unit) for one in abroad] == [("roads", "north"), ("police", None)]
    before = datetime(2025, 12, 31, tzinfo=UTC)
    assert city.route("tree", CELL, before).assigned[0].rule == "fallback"


def test_units_are_taken_from_the_cell_code() -> None:
    duties = """\
duties:
  trees:
    matters: [tree]
    lead: {department: parks, unit: community}
    assist: [{department: police, unit: street}, {department: roads, unit: north}]
"""
    route = catalogue(duties=duties).route("tree", CELL, AT)
    assert [one.unit for one in route.assigned] == ["410902001001", "410902001", "north"]
    other = catalogue(duties=duties).route("tree", "410903001001001", AT)
    assert [one.unit for one in other.assigned] == ["410903001001", "410903001", "north"]


def test_a_matter_without_duty_goes_to_the_locality_with_a_reason() -> None:
    city = catalogue(duties=DUTIES.replace("matters: [hole]", 'matters: [hole]\n    area: "410903"'))
    for cell, street in ((CELL, "410902001"), ("410902002001001", "410902002")):
        route = city.route("hole", cell, AT)
        assert [(one.department, one.unit, one.rule, one.role) for one in route.assigned] == [
            ("locality", street, "fallback", "lead")
        ]
        assert route.reason == f"fallback: no duty covers hole in {street}, so locality of {street} leads"
        assert route.assigned[0].limit == Limit(amount=72, calendar="calendar-hours")


def test_an_unknown_matter_goes_to_the_locality_with_a_reason() -> None:
    route = catalogue().route("ufo", CELL, AT)
    assert route.assigned[0].department == "locality"
    assert route.reason == "fallback: ufo is no matter of the catalogue, so locality of 410902001 leads"
    assert route.workflow is None


def test_without_a_fallback_no_department_is_assigned() -> None:
    route = catalogue(duties="duties: {trees: {matters: [tree], lead: parks}}").route("hole", CELL, AT)
    assert route.assigned == ()
    assert route.reason == "fallback: no duty covers hole in 410902001, and no fallback is declared"


def test_the_reason_is_a_sentence() -> None:
    city = catalogue(
        duties=DUTIES.replace("lead: roads", 'lead: roads\n    area: "410902"\n    assist: [police, parks]')
    )
    assert city.route("hole", CELL, AT).reason == (
        "duty holes: hole in 410902 is led by roads, assisted by police, parks"
    )
    assert city.route("tree", CELL, AT).reason == "duty trees: tree (group green) in the whole city is led by parks"
    assert catalogue(duties=LADDER).route("hole", CELL, AT).reason == (
        "duty all-cell: hole (every matter) in 410902001001001 is led by police"
    )


def test_standards_are_inherited_from_matter_then_group_then_default() -> None:
    standards = """\
default:
  limit: 3d
  closing: {en: Done}
  assist: {limit: 7h}
groups:
  green: {limit: 2d, closing: {en: Green again}}
matters:
  tree: {lead: {limit: 5h}}
"""
    limits = {
        m.id: {role: limit and limit.amount for role, limit in m.limits.items()}
        for m in catalogue(standards=standards).matters.values()
    }
    assert limits == {
        "tree": {"lead": 5, "assist": 48},
        "grass": {"lead": 48, "assist": 48},
        "hole": {"lead": 72, "assist": 7},
    }
    matters = catalogue(standards=standards).matters
    assert [matters[name].closing for name in ("tree", "hole")] == ["Green again", "Done"]


def test_a_matter_inherits_from_its_group() -> None:
    matters = catalogue().matters
    assert (matters["tree"].workflow, matters["tree"].urgency) == ("field", "Expected")
    assert (matters["grass"].workflow, matters["grass"].urgency) == ("field", "Future")
    assert (matters["hole"].workflow, matters["hole"].urgency) == ("field", None)
    assert catalogue().route("tree", CELL, AT).workflow == "field"


def test_the_version_depends_on_content_not_on_formatting() -> None:
    version = catalogue().version
    assert len(version) == 10
    reordered = "matters:\n" + MATTERS.split("matters:\n")[1] + MATTERS.split("matters:\n")[0]
    assert catalogue(matters=reordered, standards="# a comment\n" + STANDARDS).version == version
    assert catalogue(standards="default: {limit: 72h}").version == version
    assert catalogue(standards="default: {limit: 73h}").version != version
    assert catalogue(duties=DUTIES.replace("lead: roads", "lead: police")).version != version


def test_cells_of_other_cities_do_not_fill_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.domain.catalogue.resolve.MEMO", 10)
    city = catalogue(duties=LADDER)
    for number in range(100):
        city.route("hole", f"{number:015}", AT)
    assert max(len(memo) for memo in city._memo) <= 10


def test_the_cache_of_one_period_does_not_answer_for_the_next() -> None:
    city = catalogue(duties=LADDER)
    first, last = datetime(2026, 9, 30, 16, tzinfo=UTC), datetime(2026, 10, 31, 16, tzinfo=UTC)
    second = timedelta(seconds=1)
    instants = (first, first - second, last, last - second)
    rules = [city.route("tree", "410902002001001", at).assigned[0].rule for at in instants]
    assert rules == ["tree-county-october", "tree-county-later", "tree-county-later", "tree-county-october"]


def test_the_reason_of_a_fallback_names_the_street_of_the_case() -> None:
    city = catalogue(
        duties="fallback: {department: locality}\nduties: {holes: {matters: [hole], area: '41', from: 2027-01-01, lead: roads}}"
    )
    for cell, street in ((CELL, "410902001"), ("410902002001001", "410902002")):
        assert f" in {street}, " in city.route("hole", cell, AT).reason
