"""The arithmetic of the benchmarks: percentiles, medians, ratios, CPU seconds between two instants."""

import sys
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.domain.intake.normalise import normalise
from router.domain.networks.registry import NETWORKS
from router.simulator.evaluation.offline import record_of
from tests.bench.figures import Figure, percentile, rows, table
from tests.bench.load_shape import CITY, INTERVAL, load_shape
from tests.bench.reference.installed import _run
from tests.bench.speed import Entry, _take
from tests.bench.stopwatch import UnfinishedError, cpu_between
from tests.support.cities import shipped


def figure(name: str, seconds: float, **given_: object) -> Figure:
    fields = {"guarantee": "exactly once", "reports": 1000, "cpu_seconds": 1.0, "others_seconds": 0.0, "peak_mib": 100}
    return Figure(name=name, seconds=seconds, **(fields | given_))


@pytest.mark.parametrize(
    ("values", "share", "is_"),
    [
        ([7.0], 0.5, 7.0),
        ([1.0, 2.0], 0.5, 1.0),
        ([3.0, 1.0, 2.0], 0.5, 2.0),
        ([float(n) for n in range(1, 101)], 0.99, 99.0),
        ([float(n) for n in range(1, 101)], 0.999, 100.0),
        ([float(n) for n in range(1, 1001)], 0.999, 999.0),
        ([float(n) for n in range(1, 101)], 0.07, 7.0),
        ([1.0, 2.0, 3.0], 1.0, 3.0),
        ([1.0, 2.0, 3.0], 0.0, 1.0),
    ],
)
def test_percentile_by_nearest_rank(values: list[float], share: float, is_: float) -> None:
    assert percentile(values, share) == is_


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60), st.integers(1, 1000))
def test_a_percentile_is_the_smallest_value_that_enough_reach(values: list[int], thousandths: int) -> None:
    found = percentile(values, thousandths / 1000)
    reached = sum(value <= found for value in values)
    below = sum(value < found for value in values)
    assert reached * 1000 >= thousandths * len(values)
    assert below * 1000 < thousandths * len(values)


def test_a_percentile_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_a_row_has_the_medians_and_the_number_of_correct_runs() -> None:
    (row,) = rows([figure("a", 4.0), figure("a", 1.0, faults=("lost",)), figure("a", 2.0)])
    assert (row.rate, row.sound) == (500.0, 2)


def test_another_number_of_reports_is_another_row() -> None:
    assert [row.reports for row in rows([figure("a", 1.0), figure("a", 1.0, reports=5)])] == [1000, 5]


def test_ratios_divide_the_first_row_by_each_row() -> None:
    lines = table("title", rows([figure("ours", 1.0, cpu_seconds=1.0), figure("theirs", 4.0, cpu_seconds=2.0)]))
    assert "4.00" in lines[2]
    assert "2.00" in lines[2]
    assert lines[1].count("1.00") == 2


def test_cpu_seconds_grow_evenly_between_two_samples() -> None:
    samples = [(10.0, 0.0), (20.0, 5.0), (30.0, 5.0)]
    assert cpu_between(samples, 12.0, 25.0) == pytest.approx(4.0)
    assert cpu_between(samples, 0.0, 99.0) == pytest.approx(5.0)


def test_the_load_shape_depends_on_its_seed_and_is_always_accepted() -> None:
    messages = list(islice(load_shape(), 500))
    assert messages == list(islice(load_shape(), 500))
    assert all(later.received_at - earlier.received_at == INTERVAL for earlier, later in pairwise(messages))
    records = [record_of(message, offset) for offset, message in enumerate(messages)]
    done = normalise(NETWORKS[messages[0].network], records, shipped(CITY))
    assert len({report.id for report in done.reports}) == len(messages)


def test_a_peer_that_cannot_be_installed_is_listed_with_its_reason() -> None:
    def install() -> Figure:
        _run([sys.executable, "-c", "raise SystemExit('no such package')"])
        return figure("a", 1.0)

    figures: list[Figure] = []
    missing: dict[str, str] = {}
    _take(Entry("a", "reference job", 1, install), figures, missing)
    assert figures == []
    assert missing["a"].startswith("not installed: ")
    assert "no such package" in missing["a"]


def test_a_contender_that_does_not_finish_is_listed() -> None:
    def fail() -> Figure:
        raise UnfinishedError("exit code 1")

    missing: dict[str, str] = {}
    _take(Entry("a", "reference job", 1, fail), [], missing)
    assert missing == {"a": "did not finish: exit code 1"}
