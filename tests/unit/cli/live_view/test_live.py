"""Polling a demo: metrics, the end and signals. The worker pool, the input and the tasks are stubs."""

import os
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from kafka.errors import KafkaTimeoutError
from prometheus_client import CollectorRegistry, start_http_server
from rich.console import Console

from router.cli.live_view.live import QUIET_S, STUCK_S, Watch, watch_until
from router.cli.live_view.screen import LINE_S, REPEAT_S, Screen
from router.cli.live_view.view import View, ViewProgress
from router.cli.session import ReplayInput, interruptible, running_input
from router.domain.model.task import Task
from router.simulator.messages import Sent, SourceMessage
from router.wire.errors import BrokerError, WorkerError
from router.wire.metrics import Metrics
from tests.support.patience import PATIENCE_S

START = datetime(2018, 1, 1, tzinfo=UTC)


class WorkerPool:
    restarts = 1
    error: Exception | None = None

    def poll(self) -> None:
        if self.error:
            raise self.error


class Source:
    def __init__(self) -> None:
        self.sent = 0
        self.ended = False

    @property
    def progress(self) -> ViewProgress:
        return ViewProgress(fed=self.sent, of=100, speed="max", ended=self.ended)


class Dispatches:
    error: Exception | None = None

    def tasks(self) -> list[Task]:
        if self.error:
            raise self.error
        return []


class Scene:
    """A watch over one worker's real metrics page."""

    def __init__(self, port: int, metrics: Metrics) -> None:
        self.metrics = metrics
        self.pool, self.source, self.dispatches = WorkerPool(), Source(), Dispatches()
        view = View("Los Angeles", ["hotline"], ["grid-router doctor"], 1)
        parts: tuple[Any, ...] = (view, self.pool, self.source, self.dispatches)
        self.watch = Watch(*parts, host="127.0.0.1", port=port, exit_at_end=True)

    def done(self, now: float) -> bool:
        self.watch.poll(now)
        return self.watch.done(now)


@pytest.fixture
def scene() -> Iterator[Scene]:
    registry = CollectorRegistry()
    server, thread = start_http_server(0, "127.0.0.1", registry)
    yield Scene(server.server_port, Metrics(registry))
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_poll_reads_every_source(scene: Scene) -> None:
    scene.metrics.reports.labels("hotline", "accepted").inc(5)
    scene.source.sent = 7
    scene.watch.poll(0.0)
    view = scene.watch.view
    assert (view.restarts, view.metrics.answering, view.progress.fed) == (1, 1, 7)
    assert view.metrics.total("grid_reports_total") == 5


def test_the_end_needs_all_input_read_and_a_quiet_time(scene: Scene) -> None:
    scene.source.sent = 10
    assert not scene.done(0.0)
    scene.metrics.partitions.labels("grid.events").set(4)
    scene.metrics.reports.labels("hotline", "accepted").inc(10)
    assert not scene.done(1.0), "the input goes on"
    scene.source.ended = True
    assert not scene.done(2.0), "counted something at 1.0"
    scene.metrics.merges.labels("opened").inc(10)
    assert not scene.done(4.5), "counted something just now"
    scene.metrics.lag_records.labels("grid.events", "0").set(1)
    assert not scene.done(8.0), "a record waits"
    scene.metrics.lag_records.labels("grid.events", "0").set(0)
    assert not scene.done(8.0 + QUIET_S)
    assert scene.done(8.1 + QUIET_S)


def test_the_end_comes_later_when_a_count_was_lost_with_a_worker(scene: Scene) -> None:
    scene.source.sent, scene.source.ended = 10, True
    scene.metrics.partitions.labels("grid.events").set(4)
    scene.metrics.reports.labels("hotline", "accepted").inc(9)
    assert not scene.done(0.0)
    assert not scene.done(STUCK_S)
    assert scene.done(STUCK_S + 0.1)


def test_a_lost_broker_is_shown_and_does_not_end_the_demo(scene: Scene) -> None:
    scene.dispatches.error = KafkaTimeoutError()
    scene.watch.poll(0.0)
    assert scene.watch.view.progress.problem == "Kafka does not answer (KafkaTimeoutError)"
    scene.dispatches.error = None
    scene.watch.poll(1.0)
    assert scene.watch.view.progress.problem is None


def test_a_crash_loop_ends_the_demo(scene: Scene) -> None:
    scene.pool.error = WorkerError("worker 0 ended 5 times", hint="read its log")
    with pytest.raises(WorkerError):
        watch_until(threading.Event(), scene.watch, live=False)


def test_without_a_terminal_a_changed_state_is_a_line(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    out = StringIO()
    shown = Screen(Console(file=out, width=80), scene.watch.view, live=False)
    scene.source.sent = 42
    with shown:
        for now in (100.0, 101.0):
            scene.watch.poll(now)
            shown.update(now)
        scene.source.sent = 43
        for now in (102.0, 100.0 + LINE_S, 106.0):
            scene.watch.poll(now)
            shown.update(now)
        scene.source.ended = True
        scene.watch.poll(111.0)
        shown.update(111.0)
    lines = out.getvalue().splitlines()
    assert [line.split("  ")[0] for line in lines] == ["fed 42/100", "fed 43/100"]
    assert capsys.readouterr().err.count("All input is sent") == 1


def test_on_a_terminal_the_screen_comes_and_goes(scene: Scene) -> None:
    out = StringIO()
    console = Console(file=out, force_terminal=True, width=120, height=40, legacy_windows=False)
    with Screen(console, scene.watch.view, live=True) as shown:
        scene.watch.poll(0.0)
        shown.update(0.0)
    text = out.getvalue()
    assert text.index("\x1b[?1049h") < text.index("Los Angeles") < text.index("\x1b[?1049l")
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l"), "the cursor is visible again"


def test_the_first_signal_stops_and_a_second_ctrl_c_interrupts() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interruptible() as asked:
        assert not asked.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        assert asked.wait(PATIENCE_S)
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


class Feed:
    """Sends until it is stopped."""

    def __init__(self, error: Exception | None = None) -> None:
        self.sent: list[Sent] = []
        self.complete = False
        self._error, self._stop, self.under_way = error, threading.Event(), threading.Event()

    def run(self, messages: list[SourceMessage]) -> None:
        if self._error:
            raise self._error
        for number, one in enumerate(messages[:2]):
            self.sent.append(Sent(one.report, ("t", 0, number), "recorded", None, None))
        self.under_way.set()
        self._stop.wait()

    def stop(self) -> None:
        self._stop.set()


def messages(number: int) -> list[SourceMessage]:
    return [
        SourceMessage(
            network="hotline",
            source_id=f"1-{n}",
            value=b"{}",
            received_at=START + timedelta(minutes=n),
            kind="recorded",
        )
        for n in range(number)
    ]


def test_the_input_counts_what_earlier_runs_sent(capsys: pytest.CaptureFixture[str]) -> None:
    feed: Any = Feed()
    with running_input(ReplayInput(feed, messages(5), total=12, speed="x1000")) as source:
        assert feed.under_way.wait(PATIENCE_S)
        progress = source.progress
    assert (progress.fed, progress.of, progress.until) == (7 + 2, 12, START + timedelta(minutes=1))
    assert (progress.speed, progress.ended) == ("x1000", False)
    assert capsys.readouterr().err == "Input stopped after 2 records in this run.\n"


def test_input_that_kafka_rejects_ends_the_demo() -> None:
    feed: Any = Feed(BrokerError("the messages cannot be sent", hint="start Kafka"))
    with running_input(ReplayInput(feed, messages(1), total=1, speed="max")) as source:
        source.stop()
        with pytest.raises(BrokerError, match="the messages cannot be sent"):
            _ = source.progress


def test_an_unchanged_state_is_printed_every_half_minute(scene: Scene) -> None:
    out = StringIO()
    with Screen(Console(file=out, width=80), scene.watch.view, live=False) as screen:
        for second in range(int(2 * REPEAT_S) + 1):
            scene.watch.poll(100.0 + second)
            screen.update(100.0 + second)
        screen.print_final()
    assert len(out.getvalue().splitlines()) == 3
