"""Which case does a report belong to? The index gives candidates; matter, time and distance give each a score.

    score = affinity of the matters
          x late / (late + (1 - late) x apart / window)
          x the place: far ^ (metres to its nearest report / reach)^2, or `same_community` when one of the two has no point,
            or `reference` / cases that name it for the same reporter or person
          / (1 + common x like cases in the street + crowding x rivals)

The rivals of a case are the other like cases around the report, each weighted by affinity and time. A full case is no case's rival,
because another case continues it. A managed component (部件)
decides about place and time: a report of a like matter that names the component of a case belongs to it, and a report that names
another one does not. Cases of another street or another CAP status are never candidates. This is only the correlation (EIP). Docs: docs/explanation/merging.md.
"""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from router.domain.cells.registry import COMMUNITY
from router.domain.geometry import distance_m
from router.domain.matching.candidate import MatchCandidate, named_references
from router.domain.matching.case_index import MAX_CANDIDATES, CaseIndex, candidates
from router.domain.matching.parameters import MergeParameters, Pair
from router.domain.model.case import JoinKind
from router.domain.model.report import Report
from router.domain.model.vocabulary import BY_POINT

SAME_M = 0.15
"""Two points this close are one: 1e-6 degrees, the error of converting a point to another datum and back."""
_PARTS = 10_000


_Fit = tuple[MatchCandidate, int, float, float, int]
"""A case within reach: µs and metres apart, its score before rivals count, and its weight as a rival of others."""


class Match(Struct, frozen=True, gc=False):
    """A candidate and its score."""

    candidate: MatchCandidate
    joined: JoinKind
    score: float
    """0..1, rounded to four digits: the shown value is the compared one."""
    distance_m: float | None
    apart_s: float


def correlate(
    report: Report, index: CaseIndex, merging: MergeParameters, occurred_us: int, received_us: int
) -> list[Match]:
    """The candidates that reach the threshold of suggesting, the best first."""
    named = report.component_id is not None
    matches = _of_component(report, index, merging, occurred_us, received_us) if named else []
    if not matches:
        matches = _near(report, index, merging, occurred_us, received_us)
        matches += _by_community(report, index, merging, occurred_us, received_us)
        if merging.evidence.reference_factor:
            known = _by_reference(report, index, merging, occurred_us, received_us)
            matches = _best_of_each(matches + known) if known else matches
    if len(matches) > 1:
        matches.sort(key=_order)
    return matches


def _order(match: Match) -> tuple[float, datetime, str]:
    """The best score first. Ties go to the oldest case, then to the smallest id, never to the order in memory."""
    return -match.score, match.candidate.case.opened_at, match.candidate.case.id


def _of_component(
    report: Report, index: CaseIndex, merging: MergeParameters, occurred_us: int, received_us: int
) -> list[Match]:
    """Cases of a like matter about the component that the report names, of any age.

    Two unlike matters of one component are two duties, and a case is led to one.
    """
    pairs = merging.pairs(report.matter)
    return [
        Match(entry, "component", 1.0, None, time_gap_us(entry, occurred_us) / 1e6)
        for entry in index.of_component(report.location.cell, report.component_id or "", occurred_us)
        if entry.case.matter in pairs and _may_join(report, entry, received_us)
    ]


def _near(
    report: Report, index: CaseIndex, merging: MergeParameters, occurred_us: int, received_us: int
) -> list[Match]:
    """Cases whose point is within reach of the report's. Like cases around the report are their rivals, within reach or not."""
    location, lon, lat = report.location, report.location.lon, report.location.lat
    if lon is None or lat is None:
        return []
    found = index.near(location.cell, lon, lat, merging)
    if not found:
        return []
    most_m, crowding, around, geocoded_sources = (
        merging.search_radius.max_m,
        merging.density_penalty,
        0,
        merging.evidence.geocoded_sources,
    )
    fits: list[_Fit] = []
    for pair, entries in candidates(merging.pairs(report.matter), found, occurred_us, (lon, lat)):
        for entry in entries:
            case = entry.case
            metres = distance_m(lon, lat, case.lon, case.lat)  # type: ignore[arg-type]  # the squares have only cases with a point
            if metres > most_m or not _may_join(report, entry, received_us):
                continue
            apart, accuracy_m = time_gap_us(entry, occurred_us), case.accuracy_m
            if entry.places:
                metres, accuracy_m = nearest_place(lon, lat, metres, entry)
            reach = reach_m(pair, location.accuracy_m, accuracy_m, merging)
            if apart > pair.window_us or (metres > reach and not crowding):
                continue
            left = time_decay(pair, apart, merging)
            rival = (
                round(left * _PARTS) if crowding and not entry.full else 0
            )  # whole numbers: the sum does not depend on the order
            around += rival
            if metres <= reach:
                left *= nearness(metres, reach, merging.decay_at_max_distance)
                if report.network in geocoded_sources and metres >= SAME_M and entry.networks <= geocoded_sources:
                    left *= merging.evidence.off_address_factor  # these networks write one point for one address
                fits.append((entry, apart, metres, left, rival))
    return _scored(fits, around, index.counts(location.cell), merging) if fits else []


def _scored(fits: list[_Fit], around: int, counts: Mapping[str, int], merging: MergeParameters) -> list[Match]:
    """The fits that reach the threshold of suggesting after the penalties for rivals and for a common matter."""
    matches: list[Match] = []
    common, crowding, least = merging.frequency_penalty, merging.density_penalty, merging.thresholds.suggest
    for entry, apart, metres, fit, rival in fits:
        like = common * counts.get(entry.case.matter, 0) if common else 0
        score = round(fit / (1 + like + crowding * (around - rival) / _PARTS), 4)
        if score >= least:
            matches.append(Match(entry, "near", score, round(metres, 1), apart / 1e6))
    return matches


def reach_m(pair: Pair, one_m: float, other_m: float, merging: MergeParameters) -> float:
    """How many metres apart two reports with these accuracies may be."""
    reach = merging.search_radius
    return min(pair.base_m + reach.accuracy_share * (one_m + other_m), reach.max_m)


def nearness(metres: float, reach: float, far: float) -> float:
    """The share of the score that distance leaves. Two errors of position make it fall like a bell curve."""
    return float(far ** (metres / reach) ** 2) if metres else 1.0  # a reach of 0 m allows the same point


def nearest_place(lon: float, lat: float, metres: float, entry: MatchCandidate) -> tuple[float, float]:
    """Metres to the nearest place of the case, and the accuracy of that place. `metres` is the distance to its first place."""
    nearest = metres, entry.case.accuracy_m
    for other_lon, other_lat, accuracy_m in entry.places:
        metres = distance_m(lon, lat, other_lon, other_lat)
        if metres < nearest[0]:
            nearest = metres, accuracy_m
    return nearest


def _by_reference(
    report: Report, index: CaseIndex, merging: MergeParameters, occurred_us: int, received_us: int
) -> list[Match]:
    """Cases near by or in the community that name the report's reporter or person. The more cases name one, the less it means."""
    matches: list[Match] = []
    pairs, evidence, location = merging.pairs(report.matter), merging.evidence, report.location
    for reference in named_references(report, merging):
        entries = index.of_reference(location.cell, reference)
        for entry in entries if len(entries) <= MAX_CANDIDATES else ():
            pair = pairs.get(entry.case.matter)
            if pair is None or not _may_join(report, entry, received_us):
                continue
            apart = time_gap_us(entry, occurred_us)
            metres = metres_to(report, entry)
            if apart > pair.window_us or not within_reference_radius(report, entry, metres, merging):
                continue
            score = round(time_decay(pair, apart, merging) * evidence.reference_factor / len(entries), 4)
            if score >= merging.thresholds.suggest:
                shown = None if metres is None else round(metres, 1)
                matches.append(Match(entry, "reference", score, shown, apart / 1e6))
    return matches


def metres_to(report: Report, entry: MatchCandidate) -> float | None:
    """Metres to the nearest place of the case; None if one of the two has no point."""
    lon, lat, case = report.location.lon, report.location.lat, entry.case
    if lon is None or lat is None or case.lon is None or case.lat is None:
        return None
    return nearest_place(lon, lat, distance_m(lon, lat, case.lon, case.lat), entry)[0]


def within_reference_radius(
    report: Report, entry: MatchCandidate, metres: float | None, merging: MergeParameters
) -> bool:
    """Whether a report is near enough to a case for a common reference: in metres, or without a point by community."""
    if metres is not None and metres <= merging.evidence.reference_radius_m:
        return True
    return metres is None and report.location.cell[:COMMUNITY] == entry.case.cell[:COMMUNITY]


def _best_of_each(matches: list[Match]) -> list[Match]:
    """Each case once, by its strongest evidence; a tie goes to the kind that was searched first."""
    best: dict[str, Match] = {}
    for match in matches:
        known = best.get(match.candidate.case.id)
        if known is None or match.score > known.score:
            best[match.candidate.case.id] = match
    return list(best.values())


def _by_community(
    report: Report, index: CaseIndex, merging: MergeParameters, occurred_us: int, received_us: int
) -> list[Match]:
    """Cases of other networks in the same community, where the case or the report has no point.

    Two reports of one network without a point count as two incidents: the network itself would know better. A report that names
    no place at all is in the city's default cell and has no neighbours there.
    """
    matches: list[Match] = []
    location = report.location
    if location.resolved_by == "fallback":
        return matches
    # a point outside every cell may be wrong, so it takes no neighbour away
    found = index.in_community(location.cell, with_point=location.resolved_by not in BY_POINT)
    if not found:
        return matches
    for pair, entries in candidates(merging.pairs(report.matter), found, occurred_us):
        for entry in entries:
            if report.network in entry.networks or not _may_join(report, entry, received_us):
                continue
            apart = time_gap_us(entry, occurred_us)
            score = time_decay(pair, apart, merging) * merging.same_community
            score = round(
                score / (1 + merging.frequency_penalty * index.counts(location.cell).get(entry.case.matter, 0)), 4
            )
            if apart <= pair.window_us and score >= merging.thresholds.suggest:
                matches.append(Match(entry, "community", score, None, apart / 1e6))
    return matches


def _may_join(report: Report, entry: MatchCandidate, received_us: int) -> bool:
    """Whether the case's window is open, both have one CAP status, and they do not name two components."""
    case = entry.case
    if received_us >= entry.until_us or case.status != report.status:
        return False
    return report.component_id is None or case.component_id is None or case.component_id == report.component_id


def time_decay(pair: Pair, apart_us: int, merging: MergeParameters) -> float:
    """The share of the score that affinity and time leave."""
    late = merging.decay_at_window_end
    return pair.affinity * late / (late + (1 - late) * apart_us / pair.window_us) if apart_us else pair.affinity


def time_gap_us(entry: MatchCandidate, occurred_us: int) -> int:
    """Time in µs from the report's occurrence to the span of the case's occurrences; 0 inside it."""
    return entry.first_us - occurred_us if occurred_us < entry.first_us else max(0, occurred_us - entry.last_us)
