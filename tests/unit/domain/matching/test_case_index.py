"""The candidates that the index gives, compared with a scan of all cases whose window is open."""

from itertools import permutations
from math import cos, hypot, pi, radians, sin
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.domain.fold import fold
from router.domain.matching.candidate import MatchCandidate, references_of
from router.domain.matching.case_index import MAX_CANDIDATES, MAX_TIED, CaseIndex, candidates
from router.domain.matching.parameters import MergeParameters
from router.domain.matching.scoring import correlate
from router.domain.model.report import Report, Tick
from router.domain.rules.rule_sets import RuleSets
from router.domain.state.partition_state import PartitionState
from tests.support.candidates import COMPONENT, OTHER_COMPONENT, REAL, ask, opened, scores, us
from tests.support.driver import (
    CELL,
    LAT,
    LON,
    MERGING,
    NEXT_CELL,
    OTHER_COMMUNITY,
    OTHER_STREET,
    hours,
    merging,
    report,
    tiny,
)
from tests.support.outcomes import decision_of

TINY = merging()
CROWDED = merging(f"{MERGING}density_penalty: 0.2\n".replace("max_m: 150", "max_m: 150, accuracy_share: 0.5"))


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
        (without_point("1", matter="graffiti"), report("2", 84, matter="graffiti"), [0.4875]),  # 0.65 x 0.75
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
    entry.networks |= {"policing"}
    assert ask(report("2", network="policing"), entry) == []
    assert len(ask(report("2", network="hotline"), entry)) == 1


def test_a_report_that_names_no_place_at_all_has_no_neighbours() -> None:
    """All such reports are in the city's default cell; that does not make two of them one case."""
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
        found = [match.candidate.case.reports[0].id for match in ask(report("x", 5), *order)]
        assert found == expected


def test_a_removed_case_leaves_nothing_in_the_index() -> None:
    entries = opened(
        report("1"), report("2"), without_point("3"), report("4", component_id=COMPONENT), without_point("5")
    )
    index = CaseIndex()
    for entry in entries:
        index.add(entry, REAL)
    asked = report("x", network="policing")
    assert len(correlate(asked, index, REAL, us(hours(0)), us(hours(0)))) == 5
    for left, entry in enumerate(entries, 1):
        index.remove(entry, REAL)
        assert len(correlate(asked, index, REAL, us(hours(0)), us(hours(0)))) == 5 - left
    assert index.listed() == CaseIndex().listed()


# -- the index against a scan of all open cases


def scanned(one: Report, entries: list[MatchCandidate], by: MergeParameters) -> list[tuple[str, str, float]]:
    """Case id, how, score: the rule of docs/explanation/merging.md, applied to every case."""
    shares = {frozenset(affinity.between): affinity.affinity for affinity in by.affinities}
    alive = [
        entry
        for entry in entries
        if us(one.received_at) < entry.until_us
        and entry.case.status == one.status
        and entry.case.cell[:9] == one.location.cell[:9]
    ]
    alike = [e for e in alive if e.case.matter == one.matter or frozenset((e.case.matter, one.matter)) in shares]
    evidence = [entry for entry in alike if one.component_id and entry.case.component_id == one.component_id]
    if evidence:
        return sorted((entry.case.id, "component", 1.0) for entry in evidence)
    found: list[tuple[str, str, float, float]] = []
    crowd: list[float] = []
    for entry in alive:
        case = entry.case
        affinity = 1.0 if case.matter == one.matter else shares.get(frozenset((case.matter, one.matter)), 0.0)
        apart = max(entry.first_us - us(one.occurred_at), us(one.occurred_at) - entry.last_us, 0)
        window = 3600e6 * max(
            by.window_hours_by_matter.get(matter, by.window_hours) for matter in (case.matter, one.matter)
        )
        if (one.component_id and case.component_id) or apart > window:
            continue
        left = affinity / (1 + (1 / by.decay_at_window_end - 1) * apart / window)
        how, place = scored_place(one, entry, by)
        crowd += [left] if how == "near" and metres_between(one, entry) <= by.search_radius.max_m else []
        found.append((case.id, how, left, place))
    scored = [
        (id_, how, left * place / (1 + by.density_penalty * (sum(crowd) - left) if how == "near" else 1))
        for id_, how, left, place in found
    ]
    return sorted((id_, how, round(score, 4)) for id_, how, score in scored if round(score, 4) >= by.thresholds.suggest)


def metres_between(one: Report, entry: MatchCandidate) -> float:
    location, case = one.location, entry.case
    assert None not in (location.lon, location.lat, case.lon, case.lat)
    width = (location.lon - case.lon) * cos(radians((location.lat + case.lat) / 2))
    return hypot(width, location.lat - case.lat) * 111_320


def scored_place(one: Report, entry: MatchCandidate, by: MergeParameters) -> tuple[str, float]:
    """How the two places are compared, and the share of the score that the place leaves; 0 if they do not fit."""
    case, location = entry.case, one.location
    if location.lon is not None and location.lat is not None and case.lon is not None and case.lat is not None:
        metres = metres_between(one, entry)
        base = max(by.base_m_by_matter.get(matter, by.search_radius.base_m) for matter in (one.matter, case.matter))
        reach = min(
            base + by.search_radius.accuracy_share * (location.accuracy_m + case.accuracy_m), by.search_radius.max_m
        )
        return "near", by.decay_at_max_distance ** ((metres / reach) ** 2) if metres <= reach and reach else float(
            metres <= reach
        )
    vague = "fallback" in (location.resolved_by, case.resolved_by)
    evidence = case.cell[:12] == location.cell[:12] and one.network not in entry.networks and not vague
    return "community", by.same_community if evidence else 0.0


def strewn(random: Random, name: str, lon: float, lat: float) -> Report:
    """A report of any kind within a few hundred metres and some days of the others."""
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


@settings(max_examples=25)
@given(
    random=st.randoms(use_true_random=False),
    lon=st.sampled_from([-118.3, 115.03, 0.0, -0.0001, 179.9, -179.9]),
    lat=st.sampled_from([34.05, 54.0, -54.0, 0.0, -0.0001, 65.9, 80.0]),
    by=st.sampled_from([TINY, CROWDED]),
)
def test_the_index_finds_what_a_scan_of_all_open_cases_finds(
    random: Random, lon: float, lat: float, by: MergeParameters
) -> None:
    entries = opened(*(strewn(random, str(number), lon, lat) for number in range(25)))
    index = CaseIndex()
    for entry in entries:
        entry.until_us = us(hours(random.uniform(60, 80)))
        index.add(entry, by)
    for gone in random.sample(entries, 5):
        index.remove(gone, by)
        entries.remove(gone)
    for number in range(10):
        one = strewn(random, f"asked-{number}", lon, lat)
        matches = correlate(one, index, by, us(one.occurred_at), us(one.received_at))
        found = sorted((match.candidate.case.id, match.joined, match.score) for match in matches)
        expected = scanned(one, entries, by)
        assert [one[:2] for one in found] == [one[:2] for one in expected]
        assert [one[2] for one in found] == pytest.approx(
            [one[2] for one in expected], abs=0.0002
        )  # rivals are whole parts
        assert [match.score for match in matches] == sorted((match.score for match in matches), reverse=True)


WIDE = """\
thresholds: {merge: 0.01, suggest: 0.01}
search_radius: {base_m: 0, max_m: 150}
window_hours: 24
decay_at_window_end: 0.5
decay_at_max_distance: 0.5
same_community: 0
"""


@pytest.mark.parametrize("lat", [0.0, 34.05, -34.05, 54.0, -54.0, 65.9, -80.0])
@pytest.mark.parametrize("lon", [-118.3, 0.0, 115.03])
def test_the_searched_squares_cover_the_search_radius(lat: float, lon: float) -> None:
    """For any point of a square, in all directions, up to the search radius and up to 80 degrees of latitude."""
    by = merging(WIDE)
    for shift in range(0, 400, 25):
        one = report("1", lon=lon, lat=lat, accuracy=2000, east=shift, north=shift)
        (entry,) = opened(one)
        for direction in range(16):
            angle, metres = direction * pi / 8, 149.9
            east, north = shift + metres * cos(angle), shift + metres * sin(angle)
            two = report("2", lon=lon, lat=lat, accuracy=2000, east=east, north=north)
            assert len(ask(two, entry, by=by)) == 1, (shift, direction)


# -- a crowd


def test_like_cases_within_max_m_lower_the_score() -> None:
    by = merging(f"{MERGING}density_penalty: 2\n")
    near, far, further = report("1"), report("2", east=140), report("3", east=160)
    asked = report("x")
    assert scores(asked, near, by=by) == [1.0]
    assert scores(asked, near, far, by=by) == [
        0.3333
    ]  # 1 / (1 + 2 x 1); what lies 140 m away is beyond the reach of 50 m
    assert scores(asked, near, further, by=by) == [1.0]
    assert scores(asked, near, report("2", matter="grass", east=140), by=by) == [0.3571]  # 1 / (1 + 2 x 0.9)
    assert scores(asked, near, report("2", -24, received=0, east=140), by=by) == [0.4545]  # 1 / (1 + 2 x 0.6)
    assert scores(asked, near, report("2", matter="hole", east=140), by=by) == [1.0]


def test_two_cases_alike_are_each_other_s_rivals() -> None:
    by = merging(f"{MERGING}density_penalty: 0.5\n")
    assert scores(report("x"), report("1"), report("2"), by=by) == [0.6667, 0.6667]


@pytest.mark.parametrize("crowd", [10, 1000])
@pytest.mark.parametrize("point", [True, False])
def test_a_report_is_compared_with_no_more_cases_in_a_dense_street(crowd: int, point: bool) -> None:
    """Counted, not timed: with three like matters, four squares, or two tables of a community."""
    entries = opened(*(report(str(number), number / 100, east=number % 7) for number in range(crowd)))
    index = CaseIndex()
    for entry in entries:
        index.add(entry, TINY)
    asked = report("x", 1, network="policing", point=point).location
    found = index.near(CELL, asked.lon, asked.lat, TINY) if asked.lon else index.in_community(CELL, with_point=True)
    looked_at = sum(len(some) for _, some in candidates(TINY.pairs("tree"), found, us(hours(1))))
    assert looked_at == min(crowd, MAX_CANDIDATES)


def test_only_the_cases_nearest_in_time_are_compared() -> None:
    entries = opened(*(report(str(number), number) for number in range(100)))
    for order in (entries, entries[::-1], Random(1).sample(entries, 100)):
        index = CaseIndex()
        for entry in order:
            index.add(entry, TINY)
        found = index.in_community(CELL, with_point=True)
        for at, expected in ((50.5, range(35, 67)), (1000, range(68, 100)), (-9, range(32))):
            ((_, some),) = candidates(TINY.pairs("tree"), found, us(hours(at)))
            assert [entry.case.reports[0].id for entry in some] == [f"hotline:{number}" for number in expected]


@pytest.mark.parametrize("at", [0, 5])
@pytest.mark.parametrize("number", [0, 31, 32, 60, 99])
def test_cases_of_one_instant_do_not_hide_the_one_at_the_report_s_address(number: int, at: float) -> None:
    """A hundred addresses 14 m apart in ten rows, all reported at the same instant: the same address is the best match."""
    entries = opened(*(report(str(n), 3, east=14 * (n % 10), north=14 * (n // 10)) for n in range(100)))
    for order in (entries, entries[::-1], Random(1).sample(entries, 100)):
        index = CaseIndex()
        for entry in order:
            index.add(entry, TINY)
        asked = report(
            "x", at, received=6, network="policing", east=14 * (number % 10) + 2, north=14 * (number // 10) + 2
        )
        matches = correlate(asked, index, TINY, us(asked.occurred_at), us(asked.received_at))
        assert matches[0].candidate.case.reports[0].id == f"hotline:{number}"
        assert len(matches) <= 4 * MAX_CANDIDATES


@pytest.mark.parametrize("crowd", [33, MAX_TIED, 5000])
def test_a_crowd_at_one_instant_is_bounded(crowd: int) -> None:
    index = CaseIndex()
    for entry in opened(*(report(str(n), 3, east=n % 7) for n in range(crowd))):
        index.add(entry, TINY)
    found = index.near(CELL, LON, LAT, TINY)
    looked_at = [some for _, some in candidates(TINY.pairs("tree"), found, us(hours(3)), (LON, LAT))]
    assert sum(map(len, looked_at)) == MAX_CANDIDATES
    assert {round((entry.case.lon or 0) - LON, 9) for some in looked_at for entry in some} <= {0.0} or crowd < MAX_TIED


def test_cases_of_another_instant_count_by_time_first() -> None:
    """40 cases of one instant far away in place, and one that is nearer in time."""
    far = [report(str(n), 3, east=14 + n / 10) for n in range(40)]
    index = CaseIndex()
    for entry in opened(*far, report("soon", 4, east=60)):
        index.add(entry, TINY)
    found = index.near(CELL, LON, LAT, TINY)
    ((_, some),) = candidates(TINY.pairs("tree"), found, us(hours(5)), (LON, LAT))
    ids = [entry.case.reports[0].id for entry in some]
    assert ids == ["hotline:soon", *(f"hotline:{n}" for n in range(31))]


def test_cases_can_be_removed_from_a_crowd_in_any_order() -> None:
    entries = opened(*(report(str(number), number % 5) for number in range(100)))
    index = CaseIndex()
    for entry in entries:
        index.add(entry, TINY)
    for entry in Random(1).sample(entries, 100):
        index.remove(entry, TINY)
    assert index.listed() == CaseIndex().listed()


def test_a_case_of_a_crowd_can_be_removed_after_reports_joined() -> None:
    """Joining moves the case within its square. Closing must find it there, and a restored case must be there as well."""
    state, city = PartitionState(), tiny()
    rules = RuleSets(city)
    for number in range(60):
        fold(state, report(str(number), number / 100, component_id=f"{number:016d}"), rules)
    for number in Random(1).sample(range(60), 60):
        joining = report(f"again-{number}", number / 50, received=2, component_id=f"{number:016d}", network="policing")
        assert decision_of(fold(state, joining, rules)) == "component"
    restored = PartitionState()
    for entry in state.candidates.values():
        restored.restore(entry.case, city.merging)
    found, again = (one.index.in_community(CELL, with_point=True)[0]["tree"] for one in (state, restored))
    assert [entry.case.id for entry in found] == [entry.case.id for entry in again]
    assert [entry.last_us for entry in found] == sorted(us(hours(number / 50)) for number in range(60))
    fold(state, Tick(at=hours(100)), rules)
    assert state.index.listed() == CaseIndex().listed()


# -- evidence: reporters, persons, addresses, and how common the matter is

EVIDENCE = """\
thresholds: {merge: 0.1, suggest: 0.01}
search_radius: {base_m: 50, accuracy_share: 0, max_m: 300}
window_hours: 24
decay_at_window_end: 1
decay_at_max_distance: 0.25
same_community: 0.5
evidence: {citizen_networks: [policing], reference_factor: 0.8, reference_radius_m: 1000, geocoded_sources: [policing, environment], off_address_factor: 0.1}
"""


def test_a_citizen_named_by_more_cases_is_weaker_evidence() -> None:
    by = merging(EVIDENCE)
    first = report("1", network="policing", reporter="B-1")
    again = report("x", network="policing", reporter="B-1", north=900)
    assert [(match.joined, match.score) for match in ask(again, *opened_by(by, first), by=by)] == [("reference", 0.8)]
    another = report("2", network="policing", reporter="B-1", north=-20_000)
    found = ask(again, *opened_by(by, first, another), by=by)
    assert [(match.candidate.case.reports[0].id, match.score) for match in found] == [(first.id, 0.4)]


@pytest.mark.parametrize(
    "other",
    [
        {"network": "policing", "reporter": "B-2", "north": 900},
        {"network": "hotline", "reporter": "B-1", "north": 900},  # another network's B-1 is another citizen
        {"network": "policing", "reporter": "B-1", "north": 1100},
        {"network": "policing", "reporter": "B-1", "matter": "hole"},
    ],
    ids=["another citizen", "another network", "too far", "another matter"],
)
def test_another_citizen_or_one_too_far_away_is_no_evidence(other: dict[str, Any]) -> None:
    by = merging(EVIDENCE)
    assert ask(report("x", **other), *opened_by(by, report("1", network="policing", reporter="B-1")), by=by) == []


def test_a_worker_s_reference_is_no_evidence() -> None:
    by = merging(EVIDENCE)
    (entry,) = opened_by(by, report("1", network="hotline", reporter="W-1"))
    assert ask(report("x", network="hotline", reporter="W-1", north=900), entry, by=by) == []


def test_the_same_person_joins_two_reports_of_one_network_without_a_point() -> None:
    by = merging(EVIDENCE)
    need = {"extensions": {"personRef": "P-1"}}
    (entry,) = opened_by(by, without_point("1", **need))
    assert [match.joined for match in ask(without_point("x", **need), entry, by=by)] == ["reference"]
    assert ask(without_point("y", extensions={"personRef": "P-2"}), entry, by=by) == []


@pytest.mark.parametrize(
    ("networks", "metres", "score"),
    [
        (("policing", "environment"), 0, 1.0),
        (("policing", "environment"), 25, 0.0707),  # 0.25 ^ 0.25 = 0.7071, a tenth of it: two addresses
        (("policing", "hotline"), 25, 0.7071),
        (("hotline", "policing"), 25, 0.7071),
    ],
)
def test_two_addresses_of_geocoded_sources_lower_the_score(
    networks: tuple[str, str], metres: float, score: float
) -> None:
    one, two = report("1", network=networks[0]), report("2", network=networks[1], north=metres)
    assert scores(two, one, by=merging(EVIDENCE)) == [pytest.approx(score, abs=0.0001)]


def test_a_report_is_measured_from_the_nearest_report_of_a_case() -> None:
    (entry,) = opened(report("1"))
    away = report("2", north=60)
    assert away.location.lon is not None
    assert away.location.lat is not None
    entry.places = ((away.location.lon, away.location.lat, 20.0),)
    (match,) = ask(report("x", north=75), entry, by=merging(EVIDENCE))
    assert match.distance_m == pytest.approx(15, abs=0.1)


def test_every_case_of_the_matter_in_the_street_lowers_the_score() -> None:
    by = merging(f"{EVIDENCE}frequency_penalty: 0.5\n")
    far_away = [report(str(number), north=3000 + 400 * number) for number in range(3)]
    assert scores(report("x"), report("a"), by=by) == [pytest.approx(1 / 1.5, abs=0.0001)]
    assert scores(report("x"), report("a"), *far_away, by=by) == [pytest.approx(1 / 3, abs=0.0001)]
    others = [report(f"o{number}", matter="hole") for number in range(3)]
    assert scores(report("x"), report("a"), *others, by=by) == [pytest.approx(1 / 1.5, abs=0.0001)]


def opened_by(by: MergeParameters, *reports: Report) -> list[MatchCandidate]:
    """Cases with the references that a city's parameters ask for."""
    entries = opened(*reports)
    for entry in entries:
        entry.references = references_of(entry.case, by)
    return entries
