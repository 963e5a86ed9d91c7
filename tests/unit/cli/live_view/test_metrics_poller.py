"""Sums over workers that come, fall silent, die and come again."""

import socket

import pytest
from prometheus_client import CollectorRegistry, generate_latest, start_http_server

from router.cli.live_view.metrics_poller import Meter, page, samples
from router.wire.metrics import Metrics


class Worker:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)

    def page(self) -> str:
        return generate_latest(self.registry).decode()


def test_sums_over_workers_by_label() -> None:
    a, b, meter = Worker(), Worker(), Meter()
    a.metrics.reports.labels("policing", "accepted").inc(10)
    b.metrics.reports.labels("policing", "accepted").inc(5)
    b.metrics.reports.labels("hotline", "rejected").inc(2)
    a.metrics.lag_seconds.labels("t", "0").set(3.5)
    b.metrics.lag_seconds.labels("t", "1").set(7.5)
    meter.take(0, samples(a.page()))
    meter.take(1, samples(b.page()))
    assert meter.by("grid_reports_total", "network", outcome="accepted") == {"policing": 15}
    assert meter.by("grid_reports_total", "network") == {"hotline": 2, "policing": 15}
    assert meter.total("grid_reports_total") == 17
    assert meter.total("grid_reports_total", network="policing", outcome="accepted") == 15
    assert meter.most("grid_lag_seconds") == 7.5
    assert meter.answering == 2


def test_a_silent_worker_keeps_its_counters_and_loses_its_gauges() -> None:
    a, meter = Worker(), Meter()
    a.metrics.ticks.inc(4)
    a.metrics.matchable_cases.labels("0").set(9)
    meter.take(0, samples(a.page()))
    meter.take(0, None)
    assert (meter.total("grid_ticks_total"), meter.total("grid_matchable_cases"), meter.answering) == (4, 0, 0)
    meter.take(0, samples(a.page()))
    assert (meter.total("grid_ticks_total"), meter.total("grid_matchable_cases"), meter.answering) == (4, 9, 1)


@pytest.mark.parametrize("again", [1, 4, 6])
def test_a_restarted_worker_adds_to_what_its_forerunner_counted(again: int) -> None:
    old, new, meter = Worker(), Worker(), Meter()
    old.metrics.tasks.labels("lapd", "lead").inc(4)
    meter.take(0, samples(old.page()))
    meter.take(0, None)
    new.metrics.tasks.labels("lapd", "lead").inc(again)
    meter.take(0, samples(new.page()))
    meter.take(0, samples(new.page()))
    assert meter.total("grid_tasks_total") == 4 + again


def test_a_page_is_read_over_loopback() -> None:
    worker = Worker()
    worker.metrics.ticks.inc(3)
    server, thread = start_http_server(0, "127.0.0.1", worker.registry)
    try:
        text = page("127.0.0.1", server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert text is not None
    assert samples(text)["grid_ticks_total", ()] == 3


def test_no_worker_is_no_page() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert page("127.0.0.1", taken.getsockname()[1]) is None
