"""Shares that a person can verify: three cases, three recorded reports, four secondary reports."""

from router.simulator.evaluation.ground_truth import RoutingScore, score
from router.simulator.messages import Sent
from tests.support.cases import case, report


def recorded(name: str, owner: str) -> Sent:
    return Sent(report=f"hotline:{name}", place=("h", 0, 0), kind="recorded", incident=f"hotline:{name}", owner=owner)


def secondary_reports(name: str, incident: str) -> Sent:
    return Sent(
        report=f"policing:{name}",
        place=("p", 0, 0),
        kind="secondary_reports",
        incident=f"hotline:{incident}",
        owner=None,
    )


CASES = {
    "k1": case("k1", report("a", 0), report("p1", 0, "policing"), lead="ocb"),
    "k2": case("k2", report("b", 1), report("p2", 1, "policing"), report("p4", 3, "policing"), lead="bos"),
    "k3": case("k3", report("p3", 2, "policing"), lead="lapd"),
}
SENT = [
    recorded("a", "ocb"),  # right
    recorded("b", "ocb"),  # led by bos: wrong
    recorded("c", "bos"),  # in no case: not judged
    secondary_reports("p1", "a"),  # with its incident
    secondary_reports("p2", "a"),  # with another one
    secondary_reports("p3", "b"),  # alone: says nothing about precision
    secondary_reports("p4", "c"),  # its incident is in no case: says nothing about recall
]


def test_shares_match_the_manual_count() -> None:
    assert score(SENT, CASES) == RoutingScore(routing_accuracy=1 / 2, merge_precision=1 / 3, merge_recall=1 / 3)


def test_redeliveries_and_malformed_messages_are_not_judged() -> None:
    again = Sent(report="policing:p2", place=("p", 0, 9), kind="redelivered", incident="hotline:a", owner=None)
    broken = Sent(report="policing:p9", place=("p", 0, 8), kind="malformed", incident=None, owner=None)
    assert score([*SENT, again, broken], CASES) == score(SENT, CASES)


def test_a_share_without_data_is_null_not_zero() -> None:
    assert score([], {}) == RoutingScore(routing_accuracy=None, merge_precision=None, merge_recall=None)
