"""A real Prometheus scrapes a running worker with the shipped rules: its series are the declared ones, and alerts follow what happens."""

import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from router.broker.admin import apply
from router.simulator.replay.feed import Feed
from router.wire.declared_topics import topics_of
from router.wire.settings import Settings
from router.wire.topic_names import Names
from router.workers.pool import WorkerPool
from tests.support.broker import HOST, free_ports
from tests.support.cities import open_requests, shipped
from tests.support.monitoring import FOLDER, RULES, series
from tests.support.patience import PATIENCE_S

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(
        shutil.which("prometheus") is None, reason="Prometheus is not installed; Debian's package `prometheus` has it"
    ),
]

CITY = "los-angeles"
REPORTS = 60


class Prometheus:
    """The query interface of a running Prometheus."""

    def __init__(self, port: int) -> None:
        self._url = f"http://{HOST}:{port}/api/v1"

    def get(self, path: str, **parameters: str) -> Any:
        """The data of an answer."""
        with urllib.request.urlopen(f"{self._url}/{path}?{urllib.parse.urlencode(parameters)}", timeout=5) as page:
            return orjson.loads(page.read())["data"]

    def value(self, query: str) -> float | None:
        """The value of a query that gives one series or none."""
        found = self.get("query", query=query)["result"]
        assert len(found) <= 1, found
        return float(found[0]["value"][1]) if found else None

    def is_ready(self) -> bool:
        try:
            return self.get("status/runtimeinfo") is not None
        except (OSError, urllib.error.URLError):
            return False

    def alerts(self) -> dict[str, str]:
        """The alerts that are pending or firing."""
        return {one["labels"]["alertname"]: one["state"] for one in self.get("alerts")["alerts"]}


@contextmanager
def prometheus(folder: Path, target: str) -> Iterator[Prometheus]:
    """Prometheus with the shipped configuration and rules, that scrapes one worker each second."""
    config = yaml.safe_load((FOLDER / "prometheus.yaml").read_text(encoding="utf-8"))
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(path) for path in RULES]
    config["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    port = free_ports(1)
    options = {
        "config.file": folder / "prometheus.yaml",
        "storage.tsdb.path": folder / "data",
        "web.listen-address": f"{HOST}:{port}",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["prometheus", *(f"--{name}={value}" for name, value in options.items())], stdout=log, stderr=log
        )
        try:
            one = Prometheus(port)
            until(one.is_ready, lambda: (folder / "log").read_text(encoding="utf-8")[-2000:])
            yield one
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def until(condition: Callable[[], Any], about: Callable[[], Any] = str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, about()
        time.sleep(0.2)


@pytest.fixture
def settings(kafka: str, namespace: str, tmp_path: Path) -> Settings:
    one = Settings(kafka=kafka, home=tmp_path, namespace=namespace, partitions=2, metrics_port=free_ports(1))
    apply(kafka, topics_of(shipped(CITY), one))
    return one


def test_prometheus_scrapes_what_is_declared_and_alerts_when_the_worker_ends(
    settings: Settings, tmp_path: Path
) -> None:
    with prometheus(tmp_path, f"{HOST}:{settings.metrics_port}") as watching:
        with WorkerPool(CITY, settings, 1, "wall"):
            Feed(str(settings.kafka), Names(settings.namespace), settings.partitions, None).run(
                open_requests(CITY, REPORTS)
            )
            counted = 'sum(grid_reports_total{outcome="accepted"})'
            until(lambda: watching.value(counted) == REPORTS, lambda: watching.value(counted))
            opened = "sum(grid_merges_total) - on () sum(grid_reports_total)"
            until(lambda: watching.value(opened) == 0, lambda: watching.value(opened))
            until(lambda: watching.value("job:grid_slow:bool") == 0, watching.alerts)
            until(lambda: watching.value("grid_healthy") == 1, watching.alerts)
            assert (watching.value("sum(grid_tasks_total)") or 0) >= 1
            assert (watching.value("process_resident_memory_bytes") or 0) > 10 << 20
            firing = {name for name, state in watching.alerts().items() if state == "firing"}
            # seconds of history: a start that takes some of them is much of the hour that those of the budget know
            assert {name for name in firing if "Budget" not in name} == set()
            assert undeclared(watching) == []
        until(lambda: {"GridRouterDown", "GridRouterWorkerDown"} <= watching.alerts().keys(), watching.alerts)
        until(lambda: watching.value("job:grid_slow:bool") == 1, watching.alerts)


def undeclared(watching: Prometheus) -> list[str]:
    """The series of the job that no definition and no rule has, or that have other labels."""
    known = series()
    found = watching.get("series", **{"match[]": '{job="grid-router"}'})
    assert len({one["__name__"] for one in found} & known.keys()) > 40
    return [
        f"{one['__name__']} {sorted(one)}"
        for one in found
        if not one["__name__"].endswith("_created") and not one["__name__"].startswith(("scrape_", "ALERTS"))
        if not one.keys() - {"__name__"} <= known.get(one["__name__"], frozenset())
    ]
