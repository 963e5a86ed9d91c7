"""Copies of a city: each has the cases that the city alone would have."""

from itertools import islice

from msgspec.structs import replace

from router.domain.fold import fold
from router.domain.intake.normalise import normalise
from router.domain.model.report import Report
from router.domain.networks.registry import NETWORKS
from router.domain.rules.rule_sets import RuleSets
from router.domain.state.partition_state import PartitionState
from router.simulator.evaluation.offline import record_of
from router.simulator.recorded.hotline_history import NETWORK
from tests.bench.copies import in_copy
from tests.bench.load_shape import CITY, load_shape
from tests.support.cities import shipped
from tests.support.outcomes import cases_of

REPORTS, COPIES = 1_500, 3


def joined(reports: list[Report]) -> dict[str, list[str]]:
    """Id of the opening report -> ids of the reports of its case, as one state folds them."""
    state, rules = PartitionState(), RuleSets(shipped(CITY))
    cases = {case.id: case for report in reports for case in cases_of(fold(state, report, rules))}
    return {case.reports[0].id: [one.id for one in case.reports] for case in cases.values()}


def test_copies_of_a_city_have_the_cases_of_one() -> None:
    """Each copy gets the same reports, with ids of its own, in turn with the others."""
    city = shipped(CITY)
    records = [record_of(message, offset) for offset, message in enumerate(islice(load_shape(), REPORTS))]
    reports = normalise(NETWORKS[NETWORK], records, city).reports
    alone = joined(reports)
    assert len(reports) == REPORTS
    assert len(alone) < REPORTS, "some reports join a case"
    copied = [
        replace(in_copy(report, number), id=f"{number}/{report.id}") for report in reports for number in range(COPIES)
    ]
    assert joined(copied) == {
        f"{number}/{first}": [f"{number}/{one}" for one in ids]
        for first, ids in alone.items()
        for number in range(COPIES)
    }
