"""Measures the memory of a matchable case, part by part: bytes a case, folded from the stream and restored from the changelog.

`python -m tests.bench.memory_per_case puyang` takes a minute or two, without Kafka. A part is a field with the objects that
only it refers to. A shared object (city, network, cell) counts once, at its first reference. The allocator rounds up:
`python -m tests.bench growth` measures how much the process grows.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

from msgspec.structs import replace

from router.cities.folder import city_folder, load_city
from router.domain.fold import fold
from router.domain.model.report import Report
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleSets
from router.domain.state.partition_state import PartitionState
from router.simulator.evaluation.offline import Translator
from router.simulator.scenario import input_of
from router.wire.codec import decode_case, decode_event, encode_case, encode_report
from router.wire.partitioning import partition_for_cell
from tests.bench.load_shape import CITY, load_shape

PARTITIONS = 8
INTERVAL = timedelta(milliseconds=1)
"""Time between two reports, so short that no window ends."""
MIN_SHOWN_BYTES = 8
"""Smaller parts are added up."""
Parts = Counter[str]


def reports(city: City) -> Iterator[Report]:
    """First versions of a city's reports, decoded from the bytes of the stream."""
    source = load_shape() if city.name == CITY else input_of(city, city_folder(city.name)).messages(
        reports=10**7, seed=1, secondary_reports=False, noise=1.0
    )  # fmt: skip
    begin = None
    for number, event in enumerate(one for one in Translator(city).events(source) if one.report.version == 1):
        begin = begin or event.report.received_at
        _, value, headers = encode_report(replace(event.report, received_at=begin + number * INTERVAL))
        report = decode_event(headers, value)
        assert isinstance(report, Report)
        yield report


def folded(city: City, cases: int) -> list[PartitionState]:
    """States with a number of cases, as the fold makes them."""
    states, stream, rules = [PartitionState() for _ in range(PARTITIONS)], reports(city), RuleSets(city)
    while (missing := cases - sum(state.matchable_cases for state in states)) > 0:
        for report in islice(stream, missing):
            fold(states[partition_for_cell(report.location.cell.encode(), PARTITIONS)], report, rules)
    return states


def restored(city: City, values: list[bytes]) -> list[PartitionState]:
    """The same states, restored from the changelog."""
    states = [PartitionState() for _ in range(PARTITIONS)]
    for value in values:
        case = decode_case(value)
        states[partition_for_cell(case.cell.encode(), PARTITIONS)].restore(case, city.merging)
    return states


def parts(of: list[PartitionState], city: City) -> Parts:
    """Bytes by part, without the objects of the city."""
    met: set[int] = set()
    _weigh(city.catalogue, "city", met)
    found: Parts = Counter()
    for state in of:
        found += _weigh(state, "state", met)
    return found


def _weigh(whole: object, name: str, met: set[int]) -> Parts:
    found: Parts = Counter()
    left = [(whole, name)]
    while left:
        one, name = left.pop()
        if id(one) not in met and one is not None:
            met.add(id(one))
            found[name] += sys.getsizeof(one)
            left += _held(one, name)
    return found


def _held(one: Any, name: str) -> list[tuple[object, str]]:
    """The objects that an object refers to, by field. Items of a collection have the name of the collection."""
    if isinstance(one, dict):
        return [(held, name) for pair in one.items() for held in pair]
    if isinstance(one, (list, tuple, set, frozenset)):
        return [(held, name) for held in one]
    fields = getattr(one, "__struct_fields__", None) or getattr(one, "__dict__", ())
    return [(getattr(one, field), f"{type(one).__name__}.{field}") for field in fields]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.memory_per_case", description=__doc__)
    parser.add_argument("city", nargs="?", default=CITY)
    parser.add_argument("--cases", type=int, default=100_000)
    arguments = parser.parse_args()
    city = load_city(arguments.city)
    states = folded(city, arguments.cases)
    values = [encode_case(entry.case)[1] for state in states for entry in state.candidates.values()]
    one, two = parts(states, city), parts(restored(city, values), city)
    print(f"{'bytes a case':36}{'folded':>8}{'restored':>10}")
    rows = [(name, one[name] / len(values), two[name] / len(values)) for name in one | two]
    large = sorted((row for row in rows if max(row[1:]) >= MIN_SHOWN_BYTES), key=lambda row: -row[2])
    rest = [row for row in rows if row not in large]
    large += [("smaller parts", sum(row[1] for row in rest), sum(row[2] for row in rest))]
    large += [("all parts", one.total() / len(values), two.total() / len(values))]
    for name, bytes_folded, bytes_restored in large:
        print(f"{name:36}{bytes_folded:>8,.0f}{bytes_restored:>10,.0f}")


if __name__ == "__main__":
    main()
