"""Compares the simulated reports of Puyang with real data: `python -m tests.bench.simulation_facts [SEED]`.

It prints facts about pairs of reports of one incident, and the density of similar reports, for Puyang and for the recorded
requests of Los Angeles. docs/explanation/simulation.md has the figures.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations

from router.cities.folder import city_folder, load_city
from router.domain.geometry import distance_m
from router.domain.model.report import Report
from router.domain.rules.city import City
from router.simulator.evaluation.parameter_sweep import Stream, stream_of
from router.simulator.scenario import input_of

REPORTS, DAY_S = 50_000, 86_400
NEAR_M, RING_M = 50, (100, 300)
MAX_LATITUDE_GAP = 0.003
"""Degrees of latitude, more than RING_M."""
Pair = tuple[Report, Report]


def stream_of_city(name: str, reports: int | None, seed: int) -> tuple[City, Stream]:
    """The first reports of a city with their ground truth, without secondary reports."""
    city = load_city(name)
    fed = input_of(city, city_folder(name))
    return city, stream_of(city, fed.messages(reports=reports, seed=seed, secondary_reports=False, noise=1.0))


def metres(one: Report, other: Report) -> float:
    """Distance in metres; infinite when one has no point."""
    a, b = one.location, other.location
    if a.lon is None or a.lat is None or b.lon is None or b.lat is None:
        return float("inf")
    return distance_m(a.lon, a.lat, b.lon, b.lat)


def share(pairs: Sequence[Pair], holds: Callable[[Report, Report], bool]) -> float:
    """Share of the pairs for which a condition holds."""
    return sum(holds(*pair) for pair in pairs) / max(1, len(pairs))


def true_pairs(stream: Stream) -> list[Pair]:
    """Pairs of reports of one incident, without storms."""
    reports = firsts(stream)
    of_one: dict[str, list[Report]] = defaultdict(list)
    for label in stream.labels:
        if label.report in reports and not label.storm:
            of_one[label.incident].append(reports[label.report])
    return [pair for every in of_one.values() for pair in combinations(every, 2)]


def firsts(stream: Stream) -> dict[str, Report]:
    """First versions of reports, by id."""
    return {event.report.id: event.report for event in reversed(stream.events)}


def print_pairs(city: City, pairs: Sequence[Pair]) -> None:
    """Print every fact about pairs on a line."""
    points = [pair for pair in pairs if metres(*pair) < float("inf")]
    geocoded = [pair for pair in points if {one.network for one in pair} <= {"policing", "environment"}]
    unlike = [pair for pair in pairs if pair[0].matter != pair[1].matter]
    print(f"{len(pairs):,} true pairs")
    print(f"at one point, both networks geocoded: {share(geocoded, lambda a, b: metres(a, b) < 1):.3f}")
    print(f"within {NEAR_M} m: {share(points, lambda a, b: metres(a, b) <= NEAR_M):.3f}")
    apart = [abs((one.reported_at - other.reported_at).total_seconds()) / 3600 for one, other in pairs]
    for hours in (1, 4, 24, 168):
        print(f"within {hours} h: {sum(one <= hours for one in apart) / len(apart):.3f}")
    print(f"another matter: {len(unlike) / len(pairs):.3f}")
    print(f"of these another lead: {share(unlike, lambda a, b: lead(city, a) != lead(city, b)):.3f}")


def lead(city: City, report: Report) -> str:
    """The lead department of a report."""
    route = city.catalogue.route(report.matter, report.location.cell, report.received_at)
    return next((one.department for one in route.assigned if one.role == "lead"), "")


def density(reports: Iterable[Report]) -> str:
    """Earlier reports of the same matter within a day, a report: near, and in a ring around."""
    like: dict[str, list[Report]] = defaultdict(list)
    for report in sorted(reports, key=lambda one: one.occurred_at):
        if report.location.lat is not None:
            like[report.matter].append(report)
    number, near, ring = 0, 0, 0
    for every in like.values():
        number += len(every)
        for pair in within_a_day(every):
            away = metres(*pair)
            near += away <= NEAR_M
            ring += RING_M[0] < away <= RING_M[1]
    return f"{near / number:.3f} within {NEAR_M} m, {ring / number:.3f} from {RING_M[0]} to {RING_M[1]} m"


def within_a_day(every: Sequence[Report]) -> Iterable[Pair]:
    """Pairs of reports within a day that are not far apart."""
    for index, later in enumerate(every):
        for back in range(index - 1, -1, -1):
            earlier = every[back]
            if (later.occurred_at - earlier.occurred_at).total_seconds() > DAY_S:
                break
            if abs((later.location.lat or 0) - (earlier.location.lat or 0)) < MAX_LATITUDE_GAP:
                yield later, earlier


def main(seed: int) -> None:
    """Print everything."""
    city, stream = stream_of_city("puyang", REPORTS, seed)
    print_pairs(city, true_pairs(stream))
    reports = firsts(stream)
    calm = [label for label in stream.labels if not label.storm and label.report in reports]
    distinct = {one.incident: one.report for one in reversed(calm)}
    print("similar reports, Puyang:", density(reports[one.report] for one in calm))
    print("distinct incidents, Puyang:", density(reports[one] for one in distinct.values()))
    recorded = [event.report for event in stream_of_city("los-angeles", None, seed)[1].events]
    print("requests of Los Angeles:", density(recorded))
    print("without bulky items:", density(one for one in recorded if one.matter != "bulky-items"))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
