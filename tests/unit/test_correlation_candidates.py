"""Candidates: by community, in what order, and what the index finds against a scan of all open cases."""

from itertools import permutations
from math import cos, hypot, pi, radians, sin
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.domain.correlation import Index, OpenCase, correlate
from router.domain.merging import Merging
from router.domain.reports import Report
from tests.support.candidates import COMPONENT, OTHER_COMPONENT, REAL, ask, opened, us
from tests.support.driver import CELL, NEXT_CELL, OTHER_COMMUNITY, OTHER_STREET, hours, merging, report

TINY = merging()


def without_point(name: str, at: float = 0, network: str = "social-security", **more: Any) -> Report:
    return report(name, at, network=network, point=False, accuracy=900, **more)


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        (report("1"), without_point("2"), [0.65]),
        (without_point("1"), report("2"), [0.65]),
        (without_point("1"), without_point("2", network="policing"), [0.65]),
        (without_point("1"), without_point("2"), []),  # of one network
        (report("1"), report("2", network="policing", east=3000), []),  # both have a point
        (without_point("1", matter="graffiti"), report("2", 84, matter="graffiti"), [0.52]),  # 0.65 x 0.8
        (without_point("1", matter="rough-sleeping"), report("2", matter="homeless-encampment"), [0.6175]),
        (without_point("1", matter="odour"), report("2", matter="graffiti"), []),
        (without_point("1", matter="bulky-items"), report("2", matter="illegal-dumping"), []),  # 0.65 x 0.45 < 0.3
        (without_point("1", matter="graffiti"), report("2", 169, received=170, matter="graffiti"), []),
        (without_point("1"), report("2", cell=NEXT_CELL), [0.65]),
        (without_point("1"), report("2", cell=OTHER_COMMUNITY), []),
    ],
)
def test_without_a_point_the_community_of_another_network_counts(
    one: Report, two: Report, expected: list[float]
) -> None:
    matches = ask(two, *opened(one))
    assert [match.score for match in matches] == expected
    assert all(match.joined == "community" and match.distance_m is None for match in matches)


def test_every_network_of_a_case_counts_as_its_own() -> None:
    (entry,) = opened(without_point("1"))
    entry.networks.add("policing")
    assert ask(report("2", network="policing"), entry) == []
    assert len(ask(report("2", network="hotline"), entry)) == 1


def test_a_report_that_names_no_place_at_all_has_no_neighbours() -> None:
    """It stands in the city's default cell, as all of them do; two of them are not one thing for that."""
    nowhere = without_point("1", resolved_by="fallback")
    assert ask(without_point("2", network="policing", resolved_by="fallback"), *opened(nowhere)) == []
    assert ask(report("2"), *opened(nowhere)) == []
    assert ask(nowhere, *opened(report("2"))) == []
    named = without_point("1", resolved_by="fallback", component_id=COMPONENT)
    assert len(ask(report("2", component_id=COMPONENT), *opened(named))) == 1


def test_the_best_comes_first_then_the_oldest_then_the_smallest_id() -> None:
    reports = [
        report("better", 5, east=10),
        report("older", 2, east=25),
        report("twin-a", 4, east=25),
        report("twin-b", 4, east=25),
        report("worse", 0, east=35),
    ]
    entries = opened(*reports)
    for entry in entries:
        entry.first_us, entry.last_us = us(hours(0)), us(hours(6))
    twins = sorted((entry.case.id, entry.case.reports[0].id) for entry in entries[2:4])
    expected = ["hotline:better", "hotline:older", *(name for _, name in twins), "hotline:worse"]
    for order in permutations(entries):
        found = [match.open.case.reports[0].id for match in ask(report("x", 5), *order)]
        assert found == expected


def test_what_leaves_the_index_is_found_no_more_and_leaves_nothing_behind() -> None:
    entries = opened(
        report("1"), report("2"), without_point("3"), report("4", component_id=COMPONENT), without_point("5")
    )
    index = Index()
    for entry in entries:
        index.add(entry, REAL)
    asked = report("x", network="policing")
    assert len(correlate(asked, index, REAL, us(hours(0)), us(hours(0)))) == 5
    for left, entry in enumerate(entries, 1):
        index.remove(entry, REAL)
        assert len(correlate(asked, index, REAL, us(hours(0)), us(hours(0)))) == 5 - left
    assert index.listed() == Index().listed()


# -- the index against a scan of all open cases


def scanned(one: Report, entries: list[OpenCase], by: Merging) -> list[tuple[str, str, float]]:
    """Case id, how, score: the rule as docs/merging.md states it, over every open case."""
    shares = {frozenset(affinity.between): affinity.share for affinity in by.affinities}
    alive = [
        entry
        for entry in entries
        if us(one.received_at) < entry.until_us
        and entry.case.status == one.status
        and entry.case.cell[:9] == one.location.cell[:9]
    ]
    same = [entry for entry in alive if one.component_id and entry.case.component_id == one.component_id]
    if same:
        return sorted((entry.case.id, "component", 1.0) for entry in same)
    found = []
    for entry in alive:
        case = entry.case
        share = 1.0 if case.matter == one.matter else shares.get(frozenset((case.matter, one.matter)), 0.0)
        apart = max(entry.first_us - us(one.occurred_at), us(one.occurred_at) - entry.last_us, 0)
        window = 3600e6 * max(by.window_hours_of.get(matter, by.window_hours) for matter in (case.matter, one.matter))
        if (one.component_id and case.component_id) or apart > window:
            continue
        how, place = scored_place(one, entry, by)
        score = round(share * (1 - (1 - by.late) * apart / window) * place, 4)
        if score >= by.thresholds.suggest:
            found.append((case.id, how, score))
    return sorted(found)


def scored_place(one: Report, entry: OpenCase, by: Merging) -> tuple[str, float]:
    """How the two places are compared, and the place's part of the score; 0 when they do not fit."""
    case, location = entry.case, one.location
    if location.lon is not None and location.lat is not None and case.lon is not None and case.lat is not None:
        width = (location.lon - case.lon) * cos(radians((location.lat + case.lat) / 2))
        metres = hypot(width, location.lat - case.lat) * 111_320
        base = max(by.base_m_of.get(matter, by.reach.base_m) for matter in (one.matter, case.matter))
        reach = min(base + location.accuracy_m + case.accuracy_m, by.reach.most_m)
        return "near", 1 - (1 - by.far) * metres / reach if metres <= reach and reach else float(metres <= reach)
    vague = "fallback" in (location.resolved_by, case.resolved_by)
    same = case.cell[:12] == location.cell[:12] and one.network not in entry.networks and not vague
    return "community", by.same_community if same else 0.0


def strewn(random: Random, name: str, lon: float, lat: float) -> Report:
    """A report somewhere within a few hundred metres and some days of the others, of any kind."""
    point = random.random() < 0.7
    return report(
        name,
        random.uniform(0, 60),
        received=random.uniform(60, 70),
        matter=random.choice(["tree", "grass", "hole"]),
        network=random.choice(["hotline", "policing", "environment"]),
        cell=random.choice([CELL, CELL, NEXT_CELL, OTHER_COMMUNITY, OTHER_STREET]),
        lon=lon,
        lat=lat,
        east=random.uniform(-250, 250),
        north=random.uniform(-250, 250),
        point=point,
        resolved_by="point" if point else random.choice(["community", "community", "code", "fallback"]),
        accuracy=random.choice([0, 5, 30, 80, 400]),
        component_id=random.choice([None, None, None, COMPONENT, OTHER_COMPONENT]),
        status=random.choice(["Actual", "Actual", "Actual", "Test"]),
    )


@settings(max_examples=25, deadline=None)
@given(
    random=st.randoms(use_true_random=False),
    lon=st.sampled_from([-118.3, 115.03, 0.0, -0.0001, 179.9, -179.9]),
    lat=st.sampled_from([34.05, 54.0, -54.0, 0.0, -0.0001, 65.9]),
)
def test_the_index_finds_what_a_scan_of_all_open_cases_finds(random: Random, lon: float, lat: float) -> None:
    entries = opened(*(strewn(random, str(number), lon, lat) for number in range(25)))
    index = Index()
    for entry in entries:
        entry.until_us = us(hours(random.uniform(60, 80)))
        index.add(entry, TINY)
    for gone in random.sample(entries, 5):
        index.remove(gone, TINY)
        entries.remove(gone)
    for number in range(10):
        one = strewn(random, f"asked-{number}", lon, lat)
        matches = correlate(one, index, TINY, us(one.occurred_at), us(one.received_at))
        assert sorted((match.open.case.id, match.joined, match.score) for match in matches) == scanned(
            one, entries, TINY
        )
        assert [match.score for match in matches] == sorted((match.score for match in matches), reverse=True)


WIDE = """\
thresholds: {merge: 0.01, suggest: 0.01}
reach: {base_m: 0, most_m: 150}
window_hours: 24
late: 0.5
far: 0.5
same_community: 0
"""


@pytest.mark.parametrize("lat", [0.0, 34.05, -34.05, 54.0, -54.0, 65.9, -65.9])
@pytest.mark.parametrize("lon", [-118.3, 0.0, 115.03])
def test_whatever_lies_in_the_reach_lies_in_the_squares(lat: float, lon: float) -> None:
    """Wherever in its square a point lies, and up to 66 degrees of latitude: in all directions to the very reach."""
    by = merging(WIDE)
    for shift in range(0, 400, 25):
        one = report("1", lon=lon, lat=lat, accuracy=2000, east=shift, north=shift)
        (entry,) = opened(one)
        for direction in range(16):
            angle, metres = direction * pi / 8, 149.9
            east, north = shift + metres * cos(angle), shift + metres * sin(angle)
            two = report("2", lon=lon, lat=lat, accuracy=2000, east=east, north=north)
            assert len(ask(two, entry, by=by)) == 1, (shift, direction)
