"""Match candidates for tests of correlation."""

from datetime import UTC, datetime, timedelta

from router.cities.folder import cities_folder
from router.domain.fold import fold
from router.domain.matching.candidate import MatchCandidate
from router.domain.matching.case_index import CaseIndex
from router.domain.matching.parameters import MergeParameters
from router.domain.matching.scoring import Match, correlate
from router.domain.model.report import Report
from router.domain.rules.rule_sets import RuleSets
from router.domain.state.partition_state import PartitionState
from tests.support.driver import merging, tiny
from tests.support.outcomes import cases_of

REAL = merging((cities_folder() / "los-angeles" / "merging.yaml").read_text(encoding="utf-8"))
"""Merge parameters of the shipped city; expected scores are computed from them."""
COMPONENT, OTHER_COMPONENT = "4109020109000017", "4109020109000018"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def us(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def opened(*reports: Report) -> list[MatchCandidate]:
    """A case for each report, as the fold opens it, with a window of three months."""
    entries = []
    for one in reports:
        case = cases_of(fold(PartitionState(), one, RuleSets(tiny())))[0]
        case.window_until = one.received_at + timedelta(days=90)
        at = us(one.occurred_at)
        entries.append(MatchCandidate(case, at, at, us(case.window_until), {one.network}))
    return entries


def ask(one: Report, *cases: MatchCandidate, by: MergeParameters = REAL) -> list[Match]:
    index = CaseIndex()
    for entry in cases:
        index.add(entry, by)
    return correlate(one, index, by, us(one.occurred_at), us(one.received_at))


def scores(one: Report, *others: Report, by: MergeParameters = REAL) -> list[float]:
    return [match.score for match in ask(one, *opened(*others), by=by)]
