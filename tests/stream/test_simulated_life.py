"""A simulated time of Puyang through two real workers: departments answer by event time, and every answer is accounted for."""

from pathlib import Path

import pytest

from router.simulator.departments.life import LifePlan, live
from router.wire.settings import Settings

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]

DAYS, A_SECOND = 1.5, 0.004


def test_departments_answer_what_networks_report(kafka: str, tmp_path: Path) -> None:
    """A city of a tenth of the reports: every answer was applied, rejected, or a redelivery that changes nothing."""
    plan = LifePlan(city="puyang", days=DAYS, rate=A_SECOND, seed=3)
    result = live(plan, Settings(kafka=kafka, home=tmp_path, partitions=2), kafka, lambda _: None)
    figures = result.figures
    print(result)
    assert result.restarts == 0
    assert figures.tasks >= figures.cases > 300
    answers = sum(result.answers.values())
    assert answers > figures.tasks
    nothing = answers - figures.applied - sum(figures.rejected.values())
    assert 0 <= nothing <= result.answers["again"] + 0.01 * answers
    assert figures.handled > figures.tasks // 5
    assert figures.closed > figures.cases // 10
    assert figures.returns > 0
    assert 0.9 < figures.in_time / figures.limited <= 1
    assert set(figures.rejected) <= {
        "not-legal",
        "foreign-task",
        "unknown-task",
        "unknown-department",
        "id-reused",
        "has-task",
        "schema",
    }


def test_a_recorded_history_is_answered_as_its_file_says(kafka: str, tmp_path: Path) -> None:
    """The first hours of Los Angeles, and every closing of them: whatever had a task is closed by its department."""
    plan = LifePlan(city="los-angeles", days=0.4, workers=1)
    result = live(plan, Settings(home=tmp_path), kafka, lambda _: None)
    figures = result.figures
    assert result.reports == 125
    assert figures.cases > 50
    assert figures.closed == figures.cases
    assert set(figures.by_kind) <= {"handled", "answer"}
    assert figures.by_kind["handled"] == figures.cases
    assert figures.rejected == {}
