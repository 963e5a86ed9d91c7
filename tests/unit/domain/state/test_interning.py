"""Equal values of cases are one object in memory, and no case changes by it."""

import tracemalloc

import pytest

from router.domain.fold import fold
from router.domain.matching.candidate import NO_NETWORKS, with_network
from router.domain.model.report import Report
from router.domain.rules.rule_sets import RuleSets
from router.domain.state.interning import intern_float
from router.domain.state.partition_state import PartitionState
from router.wire.codec import decode_case, decode_event, encode_case, encode_report
from tests.support.driver import Driver, report, tiny

CITY = tiny()
RULES = RuleSets(CITY)
LONE = 10_000
BOUND = 1_750
"""Bytes of a case of one report that is alone. Measured with Python 3.11: 1,712 folded (1,352 before a case had the hash of its transitions); 2,311 and 2,868 when nothing was shared."""


def two_cases_alike(rule_set: str = CITY.rule_set) -> Driver:
    """Two cases of two reports each, far apart; the second was reported by the same networks in the other order."""
    driver = Driver(CITY)
    driver.pipe(
        report("1", rule_set=rule_set, accuracy=12.5),
        report("2", 1, network="policing", rule_set=rule_set, accuracy=12.5),
        report("3", 2, network="policing", rule_set=rule_set, accuracy=12.5, north=3000),
        report("4", 3, rule_set=rule_set, accuracy=12.5, north=3000),
    )
    assert driver.state.matchable_cases == 2
    return driver


@pytest.mark.parametrize("restored", [False, True])
def test_equal_values_of_two_cases_are_one_object(restored: bool) -> None:
    driver = two_cases_alike()
    one, other = (driver.crash() if restored else driver).state.candidates.values()
    assert one.networks is other.networks
    for name in ("cell", "matter", "rule_set", "catalogue", "reason", "accuracy_m"):
        assert getattr(one.case, name) is getattr(other.case, name), name
    first, second = one.case.reports[0], other.case.reports[1]  # both of the hotline
    assert first.network is second.network
    assert (first.cell, first.matter) == (one.case.cell, one.case.matter)
    assert first.cell is second.cell is one.case.cell
    assert first.matter is second.matter is one.case.matter
    assert first.provenance.topic is second.provenance.topic
    for name in ("department", "rule"):
        assert getattr(one.case.assignments[0], name) is getattr(other.case.assignments[0], name), name


def test_equal_instants_of_a_restored_case_are_one_object() -> None:
    for entry in two_cases_alike().crash().state.candidates.values():
        case, first, last = entry.case, entry.case.reports[0], entry.case.reports[-1]
        assert case.opened_at is first.received_at
        assert case.occurred_at is first.occurred_at
        assert case.updated_at is last.received_at


def test_a_restored_case_is_written_as_it_was_read() -> None:
    driver = two_cases_alike()
    assert driver.pipe(_corrected()).decision == "moved"
    for value in driver.latest().values():
        state, case = PartitionState(), decode_case(value)
        state.restore(case, CITY.merging)
        assert encode_case(case)[1] == value


def _corrected() -> Report:
    """The next version of a report, which leads elsewhere and is received later."""
    return report("1", 0, received=5, version=2, matter="hole", description="a hole, not a tree", accuracy=12)


def test_numbers_that_are_written_in_two_ways_stay_two() -> None:
    assert [repr(intern_float(number)) for number in (20.0, 20, 20.0)] == ["20.0", "20", "20.0"]


def test_networks_are_one_set_in_whatever_order_they_came() -> None:
    one = with_network(with_network(NO_NETWORKS, "hotline"), "policing")
    other = with_network(with_network(NO_NETWORKS, "policing"), "hotline")
    assert one is other
    assert one == {"hotline", "policing"}
    assert with_network(one, "hotline") is one


def test_ten_thousand_cases_stay_below_a_bound_each() -> None:
    """Folded from bytes as the shell does it, and restored: a worker's memory is what its open cases cost."""
    folded, restored, values = PartitionState(), PartitionState(), []
    for opening in (_open_alone, _written_alone):
        opening(PartitionState(), 0)  # what is made at the first report belongs to no case
    tracemalloc.start()
    try:
        for number in range(LONE):
            _open_alone(folded, number)
        of_folded = tracemalloc.get_traced_memory()[0] / LONE
        values = [_written_alone(PartitionState(), number) for number in range(LONE)]
        before = tracemalloc.get_traced_memory()[0]
        for value in values:
            restored.restore(decode_case(value), CITY.merging)
        of_restored = (tracemalloc.get_traced_memory()[0] - before) / LONE
    finally:
        tracemalloc.stop()
    assert folded.matchable_cases == restored.matchable_cases == LONE
    assert of_folded < BOUND
    assert of_restored < BOUND


def _open_alone(state: PartitionState, number: int) -> None:
    """A report that arrives as bytes, more than a square away from all others."""
    one = report(
        str(number), east=500 * (number % 100), north=500 * (number // 100), offset=number, rule_set=CITY.rule_set
    )
    _, value, headers = encode_report(one)
    fold(state, decode_event(headers, value), RULES)


def _written_alone(state: PartitionState, number: int) -> bytes:
    _open_alone(state, number)
    (entry,) = state.candidates.values()
    return encode_case(entry.case)[1]
