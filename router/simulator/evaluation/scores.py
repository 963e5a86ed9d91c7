"""Scores merging where the true incident of each report is known. Pure: labels and cases in, figures out.

Pairs are counted by group sizes, never one by one. A case of n reports claims that n (n - 1) / 2 pairs are one incident.
Docs: docs/explanation/merging.md.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple, TypeVar

from msgspec import Struct

from router.domain.model.case import Case
from router.domain.model.identity import first_incident_id
from router.simulator.messages import Kind, Sent, SourceMessage

JUDGED: frozenset[Kind] = frozenset({"recorded", "secondary_reports", "simulated"})
"""Kinds that become a report of their own. Updates are further versions, redeliveries nothing new, malformed ones no report."""
Key = TypeVar("Key", bound=Hashable)
Clusters = Mapping[str, str]
"""Report id -> case id. A report in no case is a group of its own."""
Count = Counter[tuple[Key, Key]]


class Label(NamedTuple):
    """The ground truth about one sound report."""

    report: str
    incident: str
    network: str
    storm: bool
    late: bool
    recorded: bool
    """Whether it is from a recorded history. It is unknown whether two such rows are one incident, so their pairs are not scored."""


class Score(Struct, frozen=True):
    """Pairs of reports: claimed to be one incident, truly one incident, and both."""

    said: int
    true: int
    right: int

    @property
    def precision(self) -> float | None:
        """Of the pairs in one case, the share that is one incident. None without such a pair."""
        return self.right / self.said if self.said else None

    @property
    def recall(self) -> float | None:
        """Of the pairs that are one incident, the share in one case. None without such a pair."""
        return self.right / self.true if self.true else None

    @property
    def f1(self) -> float | None:
        """The harmonic mean of both."""
        return 2 * self.right / (self.said + self.true) if self.said + self.true else None


class Cubed(Struct, frozen=True):
    """B-cubed (Bagga and Baldwin 1998): the mean over reports, so that one large case does not outweigh many small ones."""

    precision: float | None
    """Of the reports in a report's case, itself included, the share of its incident."""
    recall: float | None
    """Of the reports of a report's incident, itself included, the share in its case."""


class Evaluation(Struct, frozen=True):
    """The result."""

    reports: int
    incidents: int
    cases: int
    """Groups of scored reports. A report in no case is a group of one."""
    pairs: Score
    cubed: Cubed
    slices: Mapping[str, Score]
    """`same network`, `across networks`, `in storms`, `outside storms`, `late`, `in time`. A pair is in a storm, or late, if one
    of its two reports is.
    """
    networks: Mapping[tuple[str, str], Score]
    """By the networks of the two reports, in alphabetical order."""


def labels_of(sent: Iterable[SourceMessage | Sent]) -> list[Label]:
    """The sound reports among the sent messages, each once."""
    labels: dict[str, Label] = {}
    for one in sent:
        if one.kind in JUDGED and one.incident is not None:
            network = one.report.partition(":")[0]
            labels.setdefault(
                one.report, Label(one.report, one.incident, network, one.storm, one.late, one.kind == "recorded")
            )
    return list(labels.values())


def clusters_of(cases: Iterable[Case]) -> dict[str, str]:
    """The case of each report. Labels name a report by its source id, also when that had named another incident before."""
    clusters = {report.id: case.id for case in cases for report in case.reports}
    for id_, case_id in sorted(clusters.items()):
        first = first_incident_id(id_)
        if first is not None:
            clusters.setdefault(first, case_id)
    return clusters


def evaluate(labels: Sequence[Label], clusters: Clusters) -> Evaluation:
    """Compare cases with true incidents.

    Args:
        labels: one for each sound report.
        clusters: the case of each report.
    """
    said, true, right = groups(labels, clusters)
    whole = _scores((said, true, right), lambda _: True)
    networks = _scores((said, true, right), lambda label: label.network)
    storm = _scores((said, true, right), lambda label: label.storm)
    late = _scores((said, true, right), lambda label: label.late)
    return Evaluation(
        reports=len(labels),
        incidents=len(true),
        cases=len(said),
        pairs=_sum(whole.values()),
        cubed=_cubed(said, true, right),
        slices={
            "same network": _sum(score for (one, other), score in networks.items() if one == other),
            "across networks": _sum(score for (one, other), score in networks.items() if one != other),
            "in storms": _sum(score for pair, score in storm.items() if True in pair),
            "outside storms": _sum(score for pair, score in storm.items() if True not in pair),
            "late": _sum(score for pair, score in late.items() if True in pair),
            "in time": _sum(score for pair, score in late.items() if True not in pair),
        },
        networks=networks,
    )


Groups = list[list[Label]]


def groups(labels: Iterable[Label], clusters: Clusters) -> tuple[Groups, Groups, Groups]:
    """The labels by case, by incident, and by both."""
    said: dict[str, list[Label]] = defaultdict(list)
    true: dict[str, list[Label]] = defaultdict(list)
    both: dict[tuple[str, str], list[Label]] = defaultdict(list)
    for label in labels:
        case = clusters.get(label.report, label.report)  # ids of cases and of reports never collide
        said[case].append(label)
        true[label.incident].append(label)
        both[case, label.incident].append(label)
    return list(said.values()), list(true.values()), list(both.values())


def _scores(three: tuple[Groups, Groups, Groups], key: Callable[[Label], Key]) -> dict[tuple[Key, Key], Score]:
    """The score of each pair of keys that occurs, sorted by key."""
    said, true, right = (_pairs(one, key) for one in three)
    return {pair: Score(said[pair], true[pair], right[pair]) for pair in sorted(said | true, key=repr)}


def _pairs(one: Groups, key: Callable[[Label], Key]) -> "Count[Key]":
    """Pairs of labels in one group, by their keys. Two recorded rows are not scored against each other."""
    pairs: Count[Key] = Counter()
    for group in one:
        if len(group) > 1:
            pairs.update(_within(Counter(map(key, group))))
            pairs.subtract(_within(Counter(key(label) for label in group if label.recorded)))
    return +pairs


def _within(sizes: Counter[Key]) -> dict[tuple[Key, Key], int]:
    keys = sorted(sizes, key=repr)
    alike = {(one, one): sizes[one] * (sizes[one] - 1) // 2 for one in keys if sizes[one] > 1}
    return alike | {(one, other): sizes[one] * sizes[other] for one, other in combinations(keys, 2)}


def _sum(scores: Iterable[Score]) -> Score:
    known = list(scores)
    return Score(
        sum(score.said for score in known), sum(score.true for score in known), sum(score.right for score in known)
    )


def _cubed(said: Groups, true: Groups, right: Groups) -> Cubed:
    """For each report: how many reports of its case and of its incident it is scored against, and how many are both."""
    in_case, in_incident, in_both = (_partners(one) for one in (said, true, right))
    if not in_both:
        return Cubed(None, None)
    return Cubed(
        precision=sum(number / in_case[report] for report, number in in_both.items()) / len(in_both),
        recall=sum(number / in_incident[report] for report, number in in_both.items()) / len(in_both),
    )


def _partners(one: Groups) -> dict[str, int]:
    """For each report, the reports of its group, itself included. A recorded row is not scored against other rows."""
    partners = {}
    for group in one:
        rows = sum(label.recorded for label in group)
        for label in group:
            partners[label.report] = len(group) - rows + 1 if label.recorded else len(group)
    return partners
