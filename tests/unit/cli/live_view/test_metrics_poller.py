"""Sums over workers that start, stop answering, die and restart."""

import socket

import pytest
from prometheus_client import CollectorRegistry, generate_latest, start_http_server

from router.cli.live_view.metrics_poller import WorkerMetrics, fetch_metrics, parse_metrics
from router.wire.metrics import Metrics


class Worker:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)

    def page(self) -> str:
        return generate_latest(self.registry).decode()


def test_sums_over_workers_by_label() -> None:
    a, b, metrics = Worker(), Worker(), WorkerMetrics()
    a.metrics.reports.labels("policing", "accepted").inc(10)
    b.metrics.reports.labels("policing", "accepted").inc(5)
    b.metrics.reports.labels("hotline", "rejected").inc(2)
    a.metrics.lag_seconds.labels("t", "0").set(3.5)
    b.metrics.lag_seconds.labels("t", "1").set(7.5)
    metrics.update(0, parse_metrics(a.page()))
    metrics.update(1, parse_metrics(b.page()))
    assert metrics.by("grid_reports_total", "network", outcome="accepted") == {"policing": 15}
    assert metrics.by("grid_reports_total", "network") == {"hotline": 2, "policing": 15}
    assert metrics.total("grid_reports_total") == 17
    assert metrics.total("grid_reports_total", network="policing", outcome="accepted") == 15
    assert metrics.maximum("grid_lag_seconds") == 7.5
    assert metrics.answering == 2


def test_a_silent_worker_keeps_its_counters_and_loses_its_gauges() -> None:
    a, metrics = Worker(), WorkerMetrics()
    a.metrics.ticks.inc(4)
    a.metrics.matchable_cases.labels("0").set(9)
    metrics.update(0, parse_metrics(a.page()))
    metrics.update(0, None)
    assert (metrics.total("grid_ticks_total"), metrics.total("grid_matchable_cases"), metrics.answering) == (4, 0, 0)
    metrics.update(0, parse_metrics(a.page()))
    assert (metrics.total("grid_ticks_total"), metrics.total("grid_matchable_cases"), metrics.answering) == (4, 9, 1)


@pytest.mark.parametrize("again", [1, 4, 6])
def test_a_restarted_worker_adds_to_its_earlier_counts(again: int) -> None:
    old, new, metrics = Worker(), Worker(), WorkerMetrics()
    old.metrics.tasks.labels("lapd", "lead").inc(4)
    metrics.update(0, parse_metrics(old.page()))
    metrics.update(0, None)
    new.metrics.tasks.labels("lapd", "lead").inc(again)
    metrics.update(0, parse_metrics(new.page()))
    metrics.update(0, parse_metrics(new.page()))
    assert metrics.total("grid_tasks_total") == 4 + again


def test_a_page_is_read_over_loopback() -> None:
    worker = Worker()
    worker.metrics.ticks.inc(3)
    server, thread = start_http_server(0, "127.0.0.1", worker.registry)
    try:
        text = fetch_metrics("127.0.0.1", server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert text is not None
    assert parse_metrics(text)["grid_ticks_total", ()] == 3


def test_without_a_worker_there_is_no_page() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert fetch_metrics("127.0.0.1", taken.getsockname()[1]) is None
