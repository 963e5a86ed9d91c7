"""The content of the screen, rendered without a terminal."""

from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from rich.console import Console

from router.cli.live_view.metrics_poller import parse_metrics
from router.cli.live_view.tables import DEPARTMENTS
from router.cli.live_view.view import ROUTED, View, ViewProgress
from router.domain.model.task import Task
from router.wire.metrics import Metrics

NETWORKS = ["hotline", "policing"]


class Scene:
    """A view and one worker that feeds it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)
        self.view = View("Los Angeles", NETWORKS, ["grid-router tail tasks.lapd --from -10m"])
        self.view.workers = 2

    def measured(self, seconds: float) -> None:
        self.view.metrics.update(0, parse_metrics(generate_latest(self.registry).decode()))
        self.view.rates.add_sample(seconds)

    def screen(self, width: int = 120, height: int = 40) -> str:
        console = Console(record=True, width=width, height=height, file=StringIO())
        console.print(self.view.render(width, height))
        return console.export_text()


@pytest.fixture
def scene() -> Scene:
    return Scene()


def task(case: int, **given: Any) -> Task:
    fields: dict[str, Any] = {
        "id": f"t{case}{given.get('role', 'lead')}",
        "case": f"c{case}",
        "department": "bos",
        "role": "lead",
        "matter": "graffiti",
        "cell": f"06037100100{case:04}",
        "rule": f"rule-{case}",
        "catalogue": "v1",
        "reason": "",
        "dispatched_at": datetime(2018, 1, 1, 0, 0, case % 60, tzinfo=UTC),
        "due_at": None,
    }
    return Task(**(fields | given))


def row(screen: str, start: str) -> str:
    return next(line for line in screen.splitlines() if start in line)


def test_an_empty_view_says_so(scene: Scene) -> None:
    screen = scene.screen()
    assert "0 of 2 workers" in screen
    assert "none yet" in screen
    assert "none" in screen


def test_rates_are_means_over_the_last_seconds(scene: Scene) -> None:
    counter = scene.metrics.reports.labels("hotline", "accepted")
    for second, increase in enumerate([0, 100, 100, 100, 100, 100, 700, 700]):
        counter.inc(increase)
        scene.measured(float(second))
    # second 7 against second 2: 1900 - 200 over 5 s
    assert scene.view.rates.rate("hotline") == 340
    assert scene.view.rates.rate("policing") == 0
    assert scene.view.rates.rate() == 340


def test_counts_are_in_their_rows(scene: Scene) -> None:
    scene.metrics.reports.labels("hotline", "accepted").inc(1234)
    scene.metrics.reports.labels("policing", "rejected").inc(7)
    scene.metrics.merges.labels("opened").inc(900)
    scene.metrics.merges.labels("near").inc(33)
    scene.metrics.tasks.labels("lapd", "lead").inc(41)
    scene.metrics.tasks.labels("lapd", "assist").inc(5)
    scene.metrics.dead_letters.labels("policing", "not-json").inc(7)
    scene.metrics.lag_records.labels("grid.events", "0").set(12)
    scene.metrics.lag_seconds.labels("grid.events", "0").set(2.25)
    scene.measured(0)
    screen = scene.screen()
    assert row(screen, "hotline").split()[:4] == ["hotline", "0", "1,234", "0"]
    assert row(screen, "policing").split()[:4] == ["policing", "0", "7", "7"]
    assert row(screen, "all ").split()[:4] == ["all", "0", "1,241", "7"]
    assert "900" in row(screen, "opened")
    assert "33" in row(screen, "merged: place")
    assert row(screen, "lapd").rstrip().endswith("41       5")
    assert "12 / 2.2 s" in row(screen, "lag")
    assert "read 1,241 (0/s)  opened 900  merged 33  tasks 46  dead letters 7  lag 12 records 2.2 s" in (
        scene.view.line()
    )


def test_departments_beyond_the_rows_are_summed(scene: Scene) -> None:
    for number in range(DEPARTMENTS + 2):
        scene.metrics.tasks.labels(f"d{number}", "lead").inc(100 - number)
    scene.measured(0)
    screen = scene.screen()
    assert f"d{DEPARTMENTS - 1}" in screen
    assert f"d{DEPARTMENTS} " not in screen
    assert row(screen, "2 more").split()[-2:] == [str(100 - 7 + 100 - 8), "0"]


def test_the_last_cases_are_listed_newest_first(scene: Scene) -> None:
    scene.view.add_tasks([task(n) for n in range(ROUTED + 3)])
    scene.view.add_tasks([task(12, department="lapd", role="assist", rule="other")])
    routed = scene.view.routed
    assert [r.case for r in routed] == [f"c{n}" for n in range(12, 2, -1)]
    assert (routed[0].lead, routed[0].assists, routed[0].rule) == ("bos", ["lapd"], "rule-12")
    screen = scene.screen()
    assert "bos +lapd" in row(screen, "rule-12")
    assert "rule-2 " not in screen


def test_a_unit_follows_its_department(scene: Scene) -> None:
    scene.view.add_tasks([task(1, department="locality", unit="060371001")])
    assert "locality/060371001" in scene.screen()


@pytest.mark.parametrize("hostile", ["[red]x[/red]", "\x1b[2J", "a\nb", "\N{RIGHT-TO-LEFT OVERRIDE}txt", "[/]"])
def test_text_from_outside_is_only_text(scene: Scene, hostile: str) -> None:
    scene.view.title = hostile
    scene.view.progress = ViewProgress(problem=hostile)
    scene.metrics.tasks.labels(hostile, "lead").inc()
    scene.measured(0)
    scene.view.add_tasks([task(1, matter=hostile, department=hostile, rule=hostile, unit=hostile, cell=hostile)])
    screen = scene.screen()
    assert "\x1b" not in screen
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in screen
    if hostile.startswith("[red]"):
        assert screen.count("[red]x[/red]") >= 5


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (120, 40), (200, 60)])
def test_the_screen_fits_the_terminal(scene: Scene, width: int, height: int) -> None:
    for name in NETWORKS:
        scene.metrics.reports.labels(name, "accepted").inc(123_456)
    for number in range(9):
        scene.metrics.tasks.labels(f"department-{number}", "lead").inc(12_345)
    scene.measured(0)
    scene.view.add_tasks([task(n, matter="homeless-encampment") for n in range(20)])
    lines = scene.screen(width, height).splitlines()
    assert len(lines) <= height
    assert max(len(line) for line in lines) <= width
    assert lines[-1].strip() == "grid-router tail tasks.lapd --from -10m"


def test_the_head_shows_the_progress_and_the_end_of_the_input(scene: Scene) -> None:
    scene.view.progress = ViewProgress(
        fed=3412, of=10_400, until=datetime(2018, 1, 2, 14, 5, tzinfo=UTC), speed="x1000"
    )
    assert "input 3,412 of 10,400, speed x1000, 2018-01-02 14:05" in scene.screen()
    scene.view.progress.ended = True
    assert "input 3,412 of 10,400 (complete), 2018-01-02 14:05" in scene.screen()
