"""Pairs and shares that a person can verify: seven reports of three incidents in four cases."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from router.domain.model.report import Report
from router.simulator.evaluation.error_analysis import by_cause, merge_errors
from router.simulator.evaluation.scores import Cubed, Label, Score, clusters_of, evaluate, labels_of
from router.simulator.messages import Kind, Sent
from tests.support.cases import case
from tests.support.cases import report as in_case
from tests.support.driver import CELL, NEXT_CELL, OTHER_COMMUNITY, OTHER_STREET, merging, report


def label(name: str, incident: str, network: str = "hotline", *, storm: bool = False, **more: bool) -> Label:
    late, recorded = more.get("late", False), more.get("recorded", False)
    return Label(f"{network}:{name}", incident, network, storm, late, recorded)


A1, A2, A3 = label("a1", "A"), label("a2", "A"), label("a3", "A", "policing", late=True)
B1, B2 = label("b1", "B", storm=True), label("b2", "B", "policing", storm=True)
C1, C2 = label("c1", "C"), label("c2", "C", "policing")
LABELS = [A1, A2, A3, B1, B2, C1, C2]
CLUSTERS = {one.report: case_ for case_, of in {"k1": [A1, A2, B1], "k2": [A3], "k3": [B2, C1]}.items() for one in of}
"""c2 was rejected and is in no case."""


def test_pairs_match_the_manual_count() -> None:
    """Merged: a1-a2, a1-b1, a2-b1, b2-c1. True: a1-a2, a1-a3, a2-a3, b1-b2, c1-c2."""
    found = evaluate(LABELS, CLUSTERS)
    assert (found.reports, found.incidents, found.cases) == (7, 3, 4)
    assert found.pairs == Score(said=4, true=5, right=1)
    assert (found.pairs.precision, found.pairs.recall, found.pairs.f1) == (1 / 4, 1 / 5, 2 / 9)


def test_slices_match_the_manual_count() -> None:
    slices = evaluate(LABELS, CLUSTERS).slices
    assert slices["same network"] == Score(3, 1, 1)  # a1-a2, a1-b1, a2-b1
    assert slices["across networks"] == Score(1, 4, 0)  # b2-c1; true: a1-a3, a2-a3, b1-b2, c1-c2
    assert slices["in storms"] == Score(3, 1, 0)  # whatever has a b: a1-b1, a2-b1, b2-c1
    assert slices["outside storms"] == Score(1, 4, 1)
    assert slices["late"] == Score(0, 2, 0)
    assert slices["in time"] == Score(4, 3, 1)


def test_networks_match_the_manual_count() -> None:
    networks = evaluate(LABELS, CLUSTERS).networks
    assert networks == {("hotline", "hotline"): Score(3, 1, 1), ("hotline", "policing"): Score(1, 4, 0)}


def test_b_cubed_matches_the_manual_count() -> None:
    """Precision: 2/3, 2/3, 1 of the three a, 1/3 and 1/2 of the b, 1/2 and 1 of the c. Recall: 2/3, 2/3, 1/3, then 1/2 each."""
    precision = (2 / 3 + 2 / 3 + 1 + 1 / 3 + 1 / 2 + 1 / 2 + 1) / 7
    recall = (2 / 3 + 2 / 3 + 1 / 3 + 4 * 1 / 2) / 7
    cubed = evaluate(LABELS, CLUSTERS).cubed
    assert (cubed.precision, cubed.recall) == (pytest.approx(precision), pytest.approx(recall))


def test_pairs_of_two_recorded_rows_are_not_judged() -> None:
    """Merged: r1-r2 is not judged, r1-x and r2-x are; row r2 is judged only with x."""
    r1, r2 = label("r1", "R1", recorded=True), label("r2", "R2", recorded=True)
    x = label("x", "R1", "policing")
    found = evaluate([r1, r2, x], dict.fromkeys((r1.report, r2.report, x.report), "k"))
    assert found.pairs == Score(said=2, true=1, right=1)
    assert found.cubed == Cubed(precision=pytest.approx((2 / 2 + 1 / 2 + 2 / 3) / 3), recall=1.0)


def test_a_share_without_data_is_null_not_zero() -> None:
    found = evaluate([], {})
    assert (found.pairs.precision, found.pairs.recall, found.pairs.f1, found.cubed) == (None,) * 3 + (
        Cubed(None, None),
    )
    alone = evaluate([A1], {A1.report: "k1"})
    assert (alone.pairs.precision, alone.cubed) == (None, Cubed(1.0, 1.0))


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("klm"), st.booleans(), st.booleans()), max_size=14))
def test_counting_by_cluster_size_equals_counting_pairs(rows: list[tuple[str, str, bool, bool]]) -> None:
    labels = [
        label(str(n), incident, "policing" if police else "hotline", recorded=recorded)
        for n, (incident, _, police, recorded) in enumerate(rows)
    ]
    clusters = {one.report: row[1] for one, row in zip(labels, rows, strict=True)}
    pairs = [(one, other) for one, other in combinations(labels, 2) if not (one.recorded and other.recorded)]
    said = [clusters[one.report] == clusters[other.report] for one, other in pairs]
    true = [one.incident == other.incident for one, other in pairs]
    both = [a and b for a, b in zip(said, true, strict=True)]
    across = [one.network != other.network for one, other in pairs]
    found = evaluate(labels, clusters)
    assert found.pairs == Score(sum(said), sum(true), sum(both))
    sums = [sum(a and b for a, b in zip(each, across, strict=True)) for each in (said, true, both)]
    assert found.slices["across networks"] == Score(*sums)


@pytest.mark.parametrize(
    ("kind", "judged"),
    [
        ("recorded", True),
        ("secondary_reports", True),
        ("simulated", True),
        ("updated", False),
        ("redelivered", False),
        ("malformed", False),
    ],
)
def test_only_valid_reports_are_judged_each_once(kind: Kind, judged: bool) -> None:
    first = Sent("policing:1", ("p", 0, 0), "simulated", "A", None)
    other = Sent("policing:2", ("p", 0, 1), kind, "A", None, storm=True, late=True)
    expected = Label("policing:2", "A", "policing", True, True, kind == "recorded")
    assert labels_of([first, other, first]) == [label("1", "A", "policing"), *([expected] if judged else [])]


def test_every_report_of_a_case_is_in_its_cluster() -> None:
    cases = [case("k1", in_case("a", 0), in_case("b", 1)), case("k2", in_case("c", 2))]
    assert clusters_of(cases) == {"hotline:a": "k1", "hotline:b": "k1", "hotline:c": "k2"}


def test_a_report_whose_number_began_again_is_found_by_its_source_id() -> None:
    """Else it counted as a report in no case. The first incident keeps its own cluster."""
    again, other = in_case("a", 0), in_case("b", 1)
    again, other = replace(again, id="hotline@20190104T170000Z:a"), replace(other, id="hotline@20190104T170000Z:b")
    clusters = clusters_of([case("k1", again), case("k2", in_case("b", 1)), case("k3", other)])
    assert (clusters["hotline:a"], clusters["hotline:b"]) == ("k1", "k2")


# -- mistakes

RULES = merging()


def explained(one: Report, other: Report, *, same: bool) -> tuple[str, str, int]:
    """The explanation of two reports: of one incident in two cases, or of two incidents in one case."""
    labels = [Label(each.id, "A" if same else each.id, each.network, False, False, False) for each in (one, other)]
    clusters = {each.id: each.id if same else "k" for each in (one, other)}
    (mistake,) = merge_errors(labels, clusters, {each.id: each for each in (one, other)}, RULES)
    return mistake.what, mistake.cause, mistake.pairs


@pytest.mark.parametrize(
    ("one", "other", "cause"),
    [
        (report("1"), report("2", cell=OTHER_STREET), "in another street"),
        (report("1", component_id="1" * 16), report("2", component_id="2" * 16), "another component"),
        (report("1"), report("2", matter="hole"), "no affinity of the matters"),
        (report("1"), report("2", point=False), "no point, of one network"),
        (
            report("1"),
            report("2", point=False, network="policing", cell=OTHER_COMMUNITY),
            "no point, another community",
        ),
        (report("1"), report("2", point=False, network="policing", cell=NEXT_CELL), "no point, the community alone"),
        (report("1"), report("2", 25), "further apart in time than the window"),
        (report("1"), report("2", 23, received=24), "the window had closed"),
        (report("1"), report("2", east=51), "further apart than the reach"),  # 30 + 10 + 10
        (report("1", matter="hole"), report("2", matter="grass"), "too little affinity of the matters"),  # 0.45
        (report("1"), report("2"), "a crowd around it, or a better case"),
        (report("1"), report("2", 20, received=20, east=40), "far"),  # 0.64 of time, 0.64 of distance: 0.6429, 0.6417
        (report("1"), report("2", 23, received=23, east=37), "late"),  # 0.6102 and 0.6842
    ],
)
def test_a_missed_pair_has_its_cause(one: Report, other: Report, cause: str) -> None:
    assert explained(one, other, same=True) == ("missed", cause, 1)
    assert explained(other, one, same=True) == ("missed", cause, 1)


def test_a_wrong_pair_has_its_cause() -> None:
    assert explained(report("1"), report("2", 2, cell=CELL), same=False) == (
        "merged wrongly",
        "near in place and time",
        1,
    )


def test_a_rejected_report_is_missing_from_its_incident() -> None:
    there, gone = report("1"), Label("hotline:2", "A", "hotline", False, False, False)
    labels = [Label(there.id, "A", "hotline", False, False, False), gone]
    (mistake,) = merge_errors(labels, {there.id: "k"}, {there.id: there}, RULES)
    assert (mistake.cause, mistake.matters, mistake.sentence) == (
        "rejected",
        ("-", "tree"),
        "hotline:2 was rejected, so it met no case",
    )


def test_the_costliest_mistake_comes_first_with_examples() -> None:
    """Two and one of an incident in two cases: 2 x 1 pairs. Two incidents in one case: 1 pair."""
    reports = {
        one.id: one for one in (report("1"), report("2", 1), report("3", 3, received=3, network="policing", east=60))
    }
    reports |= {one.id: one for one in (report("4", matter="grass"), report("5", matter="grass"))}
    labels = [Label(f"hotline:{n}", "A", "hotline", False, False, False) for n in (1, 2)]
    labels += [Label("policing:3", "A", "policing", False, False, False)]
    labels += [Label(f"hotline:{n}", f"G{n}", "hotline", False, False, False) for n in (4, 5)]
    clusters = {"hotline:1": "k", "hotline:2": "k", "policing:3": "l", "hotline:4": "m", "hotline:5": "m"}
    first, second = merge_errors(labels, clusters, reports, RULES)
    assert (first.what, first.cause, first.pairs) == ("missed", "further apart than the reach", 2)
    assert first.sentence == "policing says tree, 60 m and 3 h from the tree of hotline"
    assert first.examples == [("hotline:1", "policing:3")]
    assert (second.what, second.pairs) == ("merged wrongly", 1)
    assert second.sentence == "hotline says grass, 0 m and 0 min from the grass of hotline"
    assert by_cause([first, second]) == [
        ("missed", "further apart than the reach", 2),
        ("merged wrongly", "near in place and time", 1),
    ]


def test_the_cost_of_mistakes_equals_the_wrong_pairs() -> None:
    """Every wrong and every missed pair is in exactly one cause."""
    reports = {one.report: report(one.report.split(":")[1], network=one.network) for one in LABELS[:-1]}
    found = evaluate(LABELS, CLUSTERS).pairs
    costs = dict.fromkeys(("merged wrongly", "missed"), 0)
    for what, _, pairs in by_cause(merge_errors(LABELS, CLUSTERS, reports, RULES)):
        costs[what] += pairs
    assert costs == {"merged wrongly": found.said - found.right, "missed": found.true - found.right}
