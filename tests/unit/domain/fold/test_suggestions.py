"""Which reports join by community alone, and which are only suggested."""

from typing import Any

import pytest

from router.domain.model.case import Case, Suggestion
from router.domain.model.report import Report
from tests.support.driver import OTHER_COMMUNITY, Driver, report, tiny

CITY = tiny()


def ids(case: Case) -> list[str]:
    return [one.id for one in case.reports]


def vague(name: str, at: float = 0, **more: Any) -> Report:
    return report(name, at, **({"network": "social-security", "point": False, "accuracy": 900} | more))


def test_by_community_alone_the_only_candidate_is_joined() -> None:
    driver = Driver(CITY)
    driver.pipe(report("1"), report("far", cell=OTHER_COMMUNITY, north=900))
    assert driver.pipe(vague("2")).decision == "community"
    assert ids(driver.case_of("1")) == ["hotline:1", "social-security:2"]


def test_two_candidates_of_the_community_are_suggested_not_joined() -> None:
    driver = Driver(CITY)
    driver.pipe(report("1"), report("2", north=900))
    assert driver.pipe(vague("3")).decision == "opened"
    case = driver.case_of("3", "social-security")
    assert {one.case for one in case.suggestions} == {driver.case_of("1").id, driver.case_of("2").id}


def test_a_vague_candidate_does_not_keep_a_report_from_its_near_case() -> None:
    """It would join by nearness. A better score of a candidate without a point is no reason against that."""
    driver = Driver(CITY)
    driver.pipe(vague("vague"), report("near", network="social-security", north=45))
    assert len(driver.cases) == 2
    outcome = driver.pipe(report("x", network="hotline"))  # near: 1 - 0.5 x 45/50 = 0.55; community: 0.65
    assert outcome.decision == "near"
    assert ids(driver.case_of("x")) == ["social-security:near", "hotline:x"]


def test_two_vague_reports_of_one_network_are_two_cases() -> None:
    driver = Driver(CITY)
    assert [driver.pipe(vague(name)).decision for name in ("1", "2")] == ["opened", "opened"]


RULES = """\
thresholds: {merge: 0.1, suggest: 0.1}
search_radius: {base_m: 30, max_m: 150}
window_hours: 24
decay_at_window_end: 0.6
decay_at_max_distance: 0.5
same_community: 0.65
"""


@pytest.mark.parametrize(
    ("merge", "suggest", "decision", "suggested"),
    [
        ("0.6", "0.3", "near", 0),
        ("0.6001", "0.6", "opened", 1),
        ("0.7", "0.6001", "opened", 0),
    ],
)
def test_a_score_equal_to_the_threshold_is_enough(merge: str, suggest: str, decision: str, suggested: int) -> None:
    driver = Driver(tiny(RULES.replace("{merge: 0.1, suggest: 0.1}", f"{{merge: {merge}, suggest: {suggest}}}")))
    driver.pipe(report("1"))
    assert driver.pipe(report("2", -24, received=1)).decision == decision  # at the end of the window: 0.6
    assert len(driver.case_of("2").suggestions) == suggested


# -- suggestions


def test_below_the_threshold_a_merge_is_suggested_with_a_sentence() -> None:
    driver = Driver(CITY)
    driver.pipe(report("1"))
    outcome = driver.pipe(report("2", 12, north=40))  # 0.6 / (0.6 + 0.4 x 0.5) x 0.5 ^ 0.64 = 0.75 x 0.6417
    assert (outcome.decision, len(outcome.tasks)) == ("opened", 1)
    assert driver.case_of("2").suggestions == (
        Suggestion(
            case=driver.case_of("1").id,
            score=0.4813,
            reason="tree like tree, 40 m away, 12.0 h apart: perhaps the same",
        ),
    )
    assert driver.case_of("1").suggestions == ()


def test_a_suggestion_without_a_point_names_the_community() -> None:
    driver = Driver(CITY)
    driver.pipe(report("1"))
    driver.pipe(vague("2", 12, matter="grass"))  # 0.9 x 0.75 x 0.65
    (one,) = driver.case_of("2", "social-security").suggestions
    assert (one.score, one.reason) == (0.4388, "grass like tree, in the same community, 12.0 h apart: perhaps the same")


def test_at_most_three_are_suggested_the_best_first() -> None:
    driver = Driver(CITY)
    for number in range(5):
        driver.pipe(vague(f"{number}", number, matter="tree"))
    driver.pipe(report("x", 5, network="policing"))
    case = driver.case_of("x", "policing")
    assert [one.case for one in case.suggestions] == [
        driver.case_of(f"{number}", "social-security").id for number in (4, 3, 2)
    ]
