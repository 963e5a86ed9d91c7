"""The score of a report and a case, calculated from the formula and the shipped parameters."""

import re
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.candidates import COMPONENT, OTHER_COMPONENT, ask, opened, scores, us
from tests.support.driver import CELL, NEXT_CELL, OTHER_COMMUNITY, OTHER_STREET, hours, merging, report
from tests.support.repository import ROOT

TINY = merging()


@pytest.mark.parametrize(
    ("apart", "metres", "score"),
    [
        # graffiti: a window of 168 h; a reach of 30 + 20 + 15 = 65 m
        (0, 0, 1.0),
        (168, 0, 0.6),  # late
        (84, 0, 0.75),  # 0.6 / (0.6 + 0.4 x 0.5)
        (0, 64.999, 0.5),  # far
        (0, 32.5, 0.8409),  # 0.5 ^ 0.25, the fourth root of a half
        (84, 32.5, 0.6307),  # 0.75 x 0.8409
        (168, 64.999, 0.3),  # both edges: just a suggestion
        (42, 13, 0.8337),  # 0.6 / 0.7 = 0.8571, times 0.5 ^ 0.04 = 0.9727
        (168.001, 0, None),
        (0, 65.01, None),
    ],
)
@pytest.mark.parametrize("later", [1, -1])
def test_the_score_falls_with_time_and_distance(apart: float, metres: float, score: float | None, later: int) -> None:
    one = report("1", 200, matter="graffiti", accuracy=20)
    two = report(
        "2", 200 + later * apart, received=201, matter="graffiti", network="policing", north=-metres, accuracy=15
    )
    assert scores(two, one) == ([] if score is None else [pytest.approx(score, abs=0.0001)])


def test_a_match_has_the_distance_and_the_time_apart() -> None:
    (match,) = ask(report("2", 7.5, matter="graffiti", north=3, east=4), *opened(report("1", matter="graffiti")))
    assert (match.joined, match.distance_m, match.apart_s) == ("near", 5.0, 7.5 * 3600)


def test_the_worked_example_of_the_docs_is_true() -> None:
    one = report("1", matter="graffiti", accuracy=20)
    two = report("2", 6, matter="vandalism", network="policing", accuracy=30, north=25)
    page = (ROOT / "docs" / "explanation" / "merging.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"= 0.9 x 0.9767 x 0.9346 = (0.\d{4}), more than 0.5: one case", page)
    assert scores(two, one) == [float(shown)]


def test_time_counts_from_the_span_of_the_case_and_not_from_its_opening() -> None:
    (entry,) = opened(report("1", 100, matter="graffiti"))
    entry.first_us, entry.last_us = us(hours(40)), us(hours(100))
    for at, apart in ((40, 0), (70, 0), (100, 0), (39, 3600), (102, 7200)):
        (match,) = ask(report("2", at, received=103, matter="graffiti"), entry)
        assert match.apart_s == apart


@pytest.mark.parametrize(
    ("case", "asked", "affinity"),
    [
        ("graffiti", "vandalism", 0.9),
        ("dead-animal", "odour", 0.85),
        ("illegal-dumping", "odour", 0.6),
        ("homeless-encampment", "rough-sleeping", 0.95),
        ("bulky-items", "illegal-dumping", 0.45),
        ("graffiti", "dead-animal", None),
        ("bulky-items", "e-waste", None),
        ("no-such-matter", "no-such-matter", 1.0),
    ],
)
def test_matters_have_an_affinity_in_both_directions(case: str, asked: str, affinity: float | None) -> None:
    expected = [] if affinity is None else [affinity]
    assert scores(report("2", matter=asked), report("1", matter=case)) == expected
    assert scores(report("2", matter=case), report("1", matter=asked)) == expected


def test_an_affinity_does_not_go_on_to_a_third_matter() -> None:
    """odour is like dead-animal and like illegal-dumping, which are not like each other."""
    assert scores(report("2", matter="dead-animal"), report("1", matter="illegal-dumping")) == []


@pytest.mark.parametrize(
    ("matter", "metres", "matches"),
    [
        ("bulky-items", 44, 1),  # 5 + 20 + 20 = 45 m
        ("bulky-items", 46, 0),
        ("homeless-encampment", 69, 1),  # 30 + 20 + 20 = 70 m
        ("homeless-encampment", 71, 0),
    ],
)
def test_a_matter_may_have_its_own_base(matter: str, metres: float, matches: int) -> None:
    one, two = report("1", matter=matter, accuracy=20), report("2", matter=matter, accuracy=20, east=metres)
    assert len(scores(two, one)) == matches


@settings(max_examples=150)
@given(
    matters=st.tuples(*[st.sampled_from(["illegal-dumping", "odour", "street-obstruction", "bulky-items"])] * 2),
    apart=st.integers(0, 80),
    metres=st.floats(0, 90),
)
def test_the_order_of_arrival_does_not_change_the_score(matters: tuple[str, str], apart: int, metres: float) -> None:
    """They differ in windows (24 and 72 h) and bases (5 and 30 m)."""
    one = report("1", 0, received=80, matter=matters[0], accuracy=15)
    other = report("2", apart, received=80, matter=matters[1], accuracy=20, network="policing", east=metres)
    assert scores(one, other) == scores(other, one)


@pytest.mark.parametrize(
    ("case", "asked", "apart", "metres", "score"),
    [
        ("illegal-dumping", "street-obstruction", 36, 0, 0.5625),  # 72 h are the longer: 0.75 x 0.75
        ("street-obstruction", "illegal-dumping", 36, 0, 0.5625),
        ("odour", "dead-animal", 25, 0, None),  # both 24 h
        ("bulky-items", "street-obstruction", 0, 35, 0.7148),  # 30 m are the larger: 0.85 x 0.5 ^ 0.25
        ("street-obstruction", "bulky-items", 0, 35, 0.7148),
    ],
)
def test_two_matters_share_the_longer_window_and_the_larger_base(
    case: str, asked: str, apart: float, metres: float, score: float | None
) -> None:
    one = report("1", matter=case, accuracy=20)
    two = report("2", apart, matter=asked, accuracy=20, east=metres)
    assert scores(two, one) == ([] if score is None else [pytest.approx(score, abs=0.0001)])


@pytest.mark.parametrize(
    ("ours", "theirs", "metres", "matches"),
    [
        (0, 0, 29, 1),
        (0, 0, 31, 0),
        (50, 0, 79, 1),
        (0, 50, 79, 1),
        (50, 0, 81, 0),
        (50, 60, 139, 1),
        (50, 60, 141, 0),
        (100, 5000, 149, 1),  # max_m
        (100, 5000, 151, 0),
    ],
)
def test_accuracies_widen_the_reach_up_to_most_m(ours: float, theirs: float, metres: float, matches: int) -> None:
    one, two = report("1", accuracy=theirs), report("2", accuracy=ours, east=-metres)
    assert len(scores(two, one)) == matches


def test_a_reach_of_0_m_allows_the_same_point() -> None:
    one = report("1", matter="hole", accuracy=0)
    assert scores(report("2", matter="hole", accuracy=0), one, by=TINY) == [1.0]
    assert scores(report("2", matter="hole", accuracy=0, east=0.001), one, by=TINY) == []


@pytest.mark.parametrize(
    "place",
    [{}, {"point": False, "network": "policing"}, {"component_id": "4109020109000017"}],
    ids=["near", "community", "component"],
)
def test_another_street_is_never_a_candidate(place: dict[str, Any]) -> None:
    one = report("1", component_id=place.get("component_id"))
    assert len(ask(report("2", **place), *opened(one))) == 1
    assert ask(report("2", cell=OTHER_STREET, **place), *opened(one)) == []


@pytest.mark.parametrize(
    "place",
    [{}, {"point": False, "network": "policing"}, {"component_id": "4109020109000017"}],
    ids=["near", "community", "component"],
)
@pytest.mark.parametrize(("one", "other"), list(permutations(["Actual", "Exercise", "Test"], 2)))
def test_drills_tests_and_reality_never_merge(place: dict[str, Any], one: str, other: str) -> None:
    case = report("1", status=one, component_id=place.get("component_id"))
    assert len(ask(report("2", status=one, **place), *opened(case))) == 1
    assert ask(report("2", status=other, **place), *opened(case)) == []


@pytest.mark.parametrize("cell", [NEXT_CELL, OTHER_COMMUNITY])
def test_reports_merge_across_borders_of_cells_and_communities(cell: str) -> None:
    assert scores(report("2", cell=cell, east=20), report("1", cell=CELL)) == [0.895]  # 20 of 50 m: 0.5 ^ 0.16


OUTSIDE = ["code", "community", "fallback"]
"""What decides the cell of a point that no cell holds."""


@pytest.mark.parametrize("by", OUTSIDE)
@pytest.mark.parametrize("other", [*OUTSIDE, "point", "nearest"])
def test_points_outside_every_cell_are_compared_by_their_distance(by: str, other: str) -> None:
    one, two = report("1", resolved_by=other), report("2", east=20, resolved_by=by)
    (match,) = ask(two, *opened(one))
    assert (match.joined, match.score, match.distance_m) == ("near", 0.895, 20.0)  # 20 of 50 m: 0.5 ^ 0.16


@pytest.mark.parametrize("outside", ["code", "community"])
def test_a_point_outside_every_cell_takes_no_neighbour_away(outside: str) -> None:
    """Its point may be wrong, so its community counts as that of a report without a point."""
    far = {"network": "policing", "north": 5000, "resolved_by": outside}
    for one in (report("1", point=False), report("1", resolved_by=outside), report("1")):
        assert [match.joined for match in ask(report("2", **far), *opened(one))] == ["community"]
        assert [match.joined for match in ask(one, *opened(report("2", **far)))] == ["community"]


def test_a_point_outside_every_cell_without_a_known_community_has_no_neighbours_there() -> None:
    far = report("2", network="policing", north=5000, resolved_by="fallback")
    for one in (report("1"), report("1", point=False)):
        assert ask(far, *opened(one)) == []
        assert ask(one, *opened(far)) == []


def test_the_same_component_decides_against_all_evidence_of_place_and_time() -> None:
    one = report("1", matter="tree", component_id=COMPONENT)
    two = report("2", 500, matter="grass", north=5000, cell=OTHER_COMMUNITY, component_id=COMPONENT)
    (match,) = ask(two, *opened(one), by=TINY)
    assert (match.joined, match.score, match.distance_m, match.apart_s) == ("component", 1.0, None, 500 * 3600)


def test_an_unlike_matter_of_the_same_component_is_another_case() -> None:
    """A lamp that is dark and a notice on its post: two departments have to act."""
    one = report("1", matter="tree", component_id=COMPONENT)
    assert ask(report("2", matter="hole", component_id=COMPONENT), *opened(one), by=TINY) == []


def test_the_same_component_goes_before_better_neighbours() -> None:
    lamp = report("1", matter="tree", component_id=COMPONENT, north=100)
    nearer = report("2", matter="tree")
    two = report("3", matter="tree", component_id=COMPONENT)
    assert [match.candidate.case.reports[0].id for match in ask(two, *opened(lamp, nearer))] == ["hotline:1"]


@pytest.mark.parametrize("point", [True, False])
def test_another_component_is_another_case_at_any_distance(point: bool) -> None:
    lamp = report("1", component_id=COMPONENT)
    assert ask(report("2", network="policing", component_id=OTHER_COMPONENT, point=point), *opened(lamp)) == []
    assert len(ask(report("2", network="policing", point=point), *opened(lamp))) == 1
    nameless = report("1")
    assert len(ask(report("2", network="policing", component_id=COMPONENT, point=point), *opened(nameless))) == 1


@pytest.mark.parametrize("where", [{}, {"component_id": COMPONENT}, {"point": False, "network": "policing"}])
def test_a_case_is_a_candidate_until_its_window_ends(where: dict[str, Any]) -> None:
    (entry,) = opened(report("1", component_id=where.get("component_id")))
    entry.until_us = us(hours(10))
    before, at = 10 - 1e-6 / 3600, 10  # a microsecond
    assert len(ask(report("2", 1, received=before, **where), entry)) == 1
    assert ask(report("2", 1, received=at, **where), entry) == []
