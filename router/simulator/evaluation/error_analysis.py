"""Pairs of reports that were merged wrongly or missed, grouped by cause, the most costly first. Pure.

If a case holds two incidents, or an incident is in two cases, their two earliest reports explain it. The cost is the number
of pairs: the reports on one side times those on the other.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Literal

from msgspec import Struct

from router.domain.cells.registry import COMMUNITY, STREET
from router.domain.geometry import distance_m
from router.domain.matching.parameters import MergeParameters, Pair
from router.domain.matching.scoring import nearness, reach_m, time_decay
from router.domain.model.report import Report
from router.simulator.evaluation.scores import Clusters, Groups, Label, groups

What = Literal["merged wrongly", "missed"]
EXAMPLES = 3
"""Example pairs of report ids shown for each cause."""


class MergeError(Struct, frozen=True):
    """One cause and its cost."""

    what: What
    cause: str
    matters: tuple[str, str]
    """What the two reports say they are about, in alphabetical order."""
    pairs: int
    sentence: str
    """Details of the first example, for people."""
    examples: Sequence[tuple[str, str]]


def merge_errors(
    labels: Sequence[Label], clusters: Clusters, reports: Mapping[str, Report], merging: MergeParameters
) -> list[MergeError]:
    """Every cause of an error with its cost, the most costly first.

    Args:
        labels: one for each sound report.
        clusters: the case of each report.
        reports: as first translated, by id. A missing report was rejected.
        merging: the parameters with which they were merged.
    """
    said, true, _ = groups(labels, clusters)
    found: dict[tuple[What, str, tuple[str, str]], list[tuple[int, Label, Label]]] = defaultdict(list)
    torn: list[tuple[What, int, Label, Label]] = []
    torn += [("merged wrongly", *one) for one in _torn(said, lambda label: label.incident)]
    torn += [("missed", *one) for one in _torn(true, lambda label: clusters.get(label.report, label.report))]
    for what, cost, one, other in torn:
        if cost:
            first, second = _in_order(one, other, reports)
            a, b = reports.get(first.report), reports.get(second.report)
            cause = "rejected" if a is None or b is None else _cause(what, a, b, merging)
            found[what, cause, _matters(a, b)].append((cost, first, second))
    counted = [_counted(what, cause, matters, its, reports) for (what, cause, matters), its in found.items()]
    return sorted(counted, key=lambda one: (-one.pairs, one.what, one.cause, one.matters))


def by_cause(found: Iterable[MergeError]) -> list[tuple[What, str, int]]:
    """The pairs that each cause costs, over all matters, the most costly first."""
    costs: dict[tuple[What, str], int] = defaultdict(int)
    for one in found:
        costs[one.what, one.cause] += one.pairs
    return sorted(((what, cause, cost) for (what, cause), cost in costs.items()), key=lambda it: (-it[2], *it[:2]))


def _counted(
    what: What,
    cause: str,
    matters: tuple[str, str],
    its: list[tuple[int, Label, Label]],
    reports: Mapping[str, Report],
) -> MergeError:
    its.sort(key=lambda one: (-one[0], one[1].report, one[2].report))
    _, first, second = its[0]
    return MergeError(
        what=what,
        cause=cause,
        matters=matters,
        pairs=sum(cost for cost, _, _ in its),
        sentence=_sentence(first, second, reports),
        examples=[(one.report, other.report) for _, one, other in its[:EXAMPLES]],
    )


def _sentence(first: Label, second: Label, reports: Mapping[str, Report]) -> str:
    a, b = reports.get(first.report), reports.get(second.report)
    if a is None or b is None:
        gone = first if a is None else second
        return f"{gone.report} was rejected, so it met no case"
    metres = _metres(a, b)
    where = "one without a point" if metres is None else f"{metres:.0f} m"
    minutes = abs((a.occurred_at - b.occurred_at).total_seconds()) / 60
    when = f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"
    return f"{b.network} says {b.matter}, {where} and {when} from the {a.matter} of {a.network}"


def _torn(whole: Groups, part: Callable[[Label], str]) -> Iterator[tuple[int, Label, Label]]:
    """For each group that falls apart: the cost of each two parts, and one label of either."""
    for group in whole:
        if len(group) < 2:
            continue
        parts: dict[str, list[Label]] = defaultdict(list)
        for label in group:
            parts[part(label)].append(label)
        for one, other in combinations(parts.values(), 2):
            rows = sum(label.recorded for label in one) * sum(label.recorded for label in other)
            yield len(one) * len(other) - rows, one[0], other[0]


def _in_order(one: Label, other: Label, reports: Mapping[str, Report]) -> tuple[Label, Label]:
    if one.report in reports and other.report in reports:
        received = [(reports[label.report].received_at, label.report) for label in (one, other)]
        return (one, other) if received[0] <= received[1] else (other, one)
    return (one, other) if one.report <= other.report else (other, one)


def _matters(one: Report | None, other: Report | None) -> tuple[str, str]:
    first, second = sorted("-" if report is None else report.matter for report in (one, other))
    return first, second


def _cause(what: What, first: Report, second: Report, merging: MergeParameters) -> str:
    """Why the later of two reports did or did not join the earlier one, as far as the two explain it."""
    pair = merging.pairs(first.matter).get(second.matter)
    if first.location.cell[:STREET] != second.location.cell[:STREET]:
        return "in another street"
    if first.component_id and second.component_id:
        return "the same component" if first.component_id == second.component_id else "another component"
    if pair is None:
        return "no affinity of the matters"
    metres = _metres(first, second)
    return (
        _without_point(first, second)
        if metres is None
        else _measured(what, first, second, pair, metres, merging=merging)
    )


def _without_point(first: Report, second: Report) -> str:
    if first.network == second.network:
        return "no point, of one network"
    if first.location.cell[:COMMUNITY] != second.location.cell[:COMMUNITY]:
        return "no point, another community"
    return "no point, the community alone"


def _measured(what: What, first: Report, second: Report, pair: Pair, metres: float, *, merging: MergeParameters) -> str:
    """The cause if both have a point."""
    apart_us = int(abs((first.occurred_at - second.occurred_at).total_seconds()) * 1e6)
    waited_us = (second.received_at - first.received_at).total_seconds() * 1e6
    reach = reach_m(pair, first.location.accuracy_m, second.location.accuracy_m, merging)
    if apart_us > pair.window_us:
        return "further apart in time than the window"
    if what == "missed" and waited_us >= pair.window_us:
        return "the window had closed"
    if metres > reach:
        return "further apart than the reach"
    if what == "merged wrongly":
        return "near in place and time"
    return _lowest(
        pair, time_decay(pair, apart_us, merging), nearness(metres, reach, merging.decay_at_max_distance), merging
    )


def _lowest(pair: Pair, left: float, near: float, merging: MergeParameters) -> str:
    """What kept the score of two reports low."""
    if pair.affinity < merging.thresholds.merge:
        return "too little affinity of the matters"
    if left * near >= merging.thresholds.merge:
        return "a crowd around it, or a better case"
    return "late" if left / pair.affinity < near else "far"


def _metres(first: Report, second: Report) -> float | None:
    one, other = first.location, second.location
    if one.lon is None or one.lat is None or other.lon is None or other.lat is None:
        return None
    return distance_m(one.lon, one.lat, other.lon, other.lat)
