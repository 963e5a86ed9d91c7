"""Whether a report fits one given case: would they merge, if there were no other case?

It is the score of `correlation.py` without its penalties for other cases. So a report fits the case that it joined, and goes on
fitting it while its matter, place and time stay near. Docs: docs/explanation/cases.md.
"""

from router.domain.cells.registry import COMMUNITY, STREET
from router.domain.geometry import distance_m
from router.domain.matching.candidate import MatchCandidate, named_references
from router.domain.matching.parameters import MergeParameters, Pair
from router.domain.matching.scoring import (
    SAME_M,
    Match,
    metres_to,
    nearest_place,
    nearness,
    reach_m,
    time_decay,
    time_gap_us,
    within_reference_radius,
)
from router.domain.model.case import JoinKind
from router.domain.model.report import Report
from router.domain.model.vocabulary import BY_POINT

_Evidence = tuple[float, JoinKind]
"""The share of the score that the place leaves, and what it is."""


def fit(report: Report, entry: MatchCandidate, merging: MergeParameters, occurred_us: int) -> Match | str:
    """How well a report fits a case.

    Args:
        report: any version.
        entry: the case without the report.
        merging: the parameters.
        occurred_us: occurrence of the report.

    Returns:
        The match; or why it is none, in a few words.
    """
    case, street = entry.case, report.location.cell[:STREET]
    if street != case.cell[:STREET]:
        return f"it is in {street}, another street than {case.cell[:STREET]}"
    pair, apart = merging.pairs(report.matter).get(case.matter), time_gap_us(entry, occurred_us)
    if pair is None:
        return f"{report.matter} is not like {case.matter}"
    if report.component_id is not None and case.component_id is not None:
        same = report.component_id == case.component_id
        other = f"it is about component {report.component_id}, not {case.component_id}"
        return Match(entry, "component", 1.0, None, apart / 1e6) if same else other
    if apart > pair.window_us:
        return f"it is {apart / 3.6e9:.1f} h apart"
    metres = metres_to(report, entry)
    share, joined = _place(report, entry, metres, pair, merging)
    score = round(time_decay(pair, apart, merging) * share, 4)
    if score < merging.thresholds.merge:
        where = "" if metres is None else f", {metres:.0f} m away"
        return f"{report.matter} is too little like {case.matter}{where}, {apart / 3.6e9:.1f} h apart"
    return Match(entry, joined, score, None if metres is None else round(metres, 1), apart / 1e6)


def _place(
    report: Report, entry: MatchCandidate, metres: float | None, pair: Pair, merging: MergeParameters
) -> _Evidence:
    """The strongest evidence of place or reference."""
    found: list[_Evidence] = [(0.0, "near")]
    if metres is not None:
        found.append((_near(report, entry, pair, merging), "near"))
    if _share_community(report, entry):
        found.append((merging.same_community, "community"))
    evidence = merging.evidence
    if evidence.reference_factor and entry.references:
        named = [one for one in named_references(report, merging) if one in entry.references]
        if named and within_reference_radius(report, entry, metres, merging):
            found.append((evidence.reference_factor, "reference"))
    return max(found, key=lambda one: one[0])


def _near(report: Report, entry: MatchCandidate, pair: Pair, merging: MergeParameters) -> float:
    lon, lat, case = report.location.lon, report.location.lat, entry.case
    if lon is None or lat is None or case.lon is None or case.lat is None:
        return 0.0
    first_m = distance_m(lon, lat, case.lon, case.lat)
    metres, accuracy_m = nearest_place(lon, lat, first_m, entry)
    reach = reach_m(pair, report.location.accuracy_m, accuracy_m, merging)
    if first_m > merging.search_radius.max_m or metres > reach:
        return 0.0
    share = nearness(metres, reach, merging.decay_at_max_distance)
    geocoded_sources = merging.evidence.geocoded_sources
    if report.network in geocoded_sources and metres >= SAME_M and entry.networks <= geocoded_sources:
        share *= merging.evidence.off_address_factor
    return share


def _share_community(report: Report, entry: MatchCandidate) -> bool:
    """Whether only the community says where one of the two is, and it is the same one."""
    case, location = entry.case, report.location
    if "fallback" in (location.resolved_by, case.resolved_by) or report.network in entry.networks:
        return False
    sure = case.lon is not None and case.resolved_by in BY_POINT and location.resolved_by in BY_POINT
    return not sure and location.cell[:COMMUNITY] == case.cell[:COMMUNITY]
