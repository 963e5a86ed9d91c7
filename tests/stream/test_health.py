"""A worker that makes no progress reports it, exits and is restarted; a worker that is asked to stop exits in time.

The brokers that are frozen and killed here belong to these tests.
"""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from router.broker import server
from router.broker.admin import apply, connected
from router.simulator.replay.feed import Feed
from router.stream.health.http_server import fetch_health
from router.wire.codec import decode_case
from router.wire.declared_topics import topics_of
from router.wire.errors import BrokerError
from router.wire.settings import Settings
from router.wire.topic_names import Names
from router.workers.exit_codes import IN_ORDER, NOT_DRAINED, STALLED
from router.workers.pool import WorkerPool, environment
from tests.support.broker import free_ports
from tests.support.cities import recorded, shipped
from tests.support.topics import committed

pytestmark = [pytest.mark.broker, pytest.mark.long, pytest.mark.timeout(600)]

CITY = "los-angeles"
Answer = TypeVar("Answer")
DRAIN_S = 10.0
"""The promised limit; the setting leaves one second for a slow machine."""
SESSION_S = 10.0
"""The group notices a dead worker after this time."""


def until(condition: Callable[[], Any], seconds: float = 90.0, about: Callable[[], str] = str) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, about()
        time.sleep(0.1)
    return found


def health(settings: Settings, number: int = 0) -> dict[str, Any]:
    return fetch_health(settings.metrics_host, settings.metrics_port + number) or {"status": "silent", "reasons": []}


def send(settings: Settings, number: int, skip: int = 0) -> list[str]:
    """Recorded requests onto their topic; their reports' ids."""
    messages = list(recorded(CITY).messages(skip + number))[skip:]
    Feed(str(settings.kafka), Names(settings.namespace), settings.partitions, None).run(messages)
    return sorted(message.report for message in messages)


def in_cases(settings: Settings) -> list[str]:
    latest = {r.key: r.value for r in committed(str(settings.kafka), Names(settings.namespace).cases)}
    return sorted(report.id for value in latest.values() for report in decode_case(value).reports)


def if_answered(request: Callable[[], Answer]) -> Answer | None:
    """Kafka's answer; None while it has no broker, as after a freeze, which fences the broker until its next heartbeat."""
    try:
        return request()
    except BrokerError:
        return None


def committed_in_group(settings: Settings) -> int:
    """The number of recorded requests that the group has committed, by its coordinator."""
    names = Names(settings.namespace)
    group, topic = names.group, names.reports("hotline")
    with connected(str(settings.kafka)) as admin:
        positions = admin.list_group_offsets({group: None})[group]
    return sum(position.offset for source, position in positions.items() if source.topic == topic)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A broker that a test may freeze and kill."""
    embedded = Settings(kafka=None, home=tmp_path_factory.mktemp("broker"), broker_port=free_ports(2))
    server.start(embedded)
    yield embedded
    server.stop(embedded)


@pytest.fixture
def own(broker: Settings, tmp_path: Path, namespace: str) -> Settings:
    """The city's topics on that broker."""
    address = server.start(broker).address
    settings = Settings(kafka=address, home=tmp_path, namespace=namespace, metrics_port=free_ports(1))
    apply(address, topics_of(shipped(CITY), settings))
    return settings


def signal_broker(broker: Settings, number: signal.Signals) -> None:
    pid = server.status(broker).pid
    assert pid is not None
    os.kill(pid, number)


@contextmanager
def frozen(broker: Settings) -> Iterator[None]:
    signal_broker(broker, signal.SIGSTOP)
    try:
        yield
    finally:
        signal_broker(broker, signal.SIGCONT)


class Service:
    """`grid-router serve` as a service manager runs it."""

    def __init__(self, settings: Settings, workers: int) -> None:
        self._log = settings.home / "serve.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "router.cli.main",
                    "serve",
                    CITY,
                    "--workers",
                    str(workers),
                    "--clock",
                    "stream",
                ],
                env=environment(settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def until_logged(self, words: str, times: int = 1, seconds: float = 90.0) -> None:
        until(lambda: self.log().count(words) >= times, seconds, lambda: f"{words!r} in\n{self.log()}")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def serving(settings: Settings, workers: int) -> Iterator[Service]:
    service = Service(settings, workers)
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.process.kill()  # its workers stop with it
            service.process.wait()


def test_a_killed_broker_is_reported_outlived_and_costs_no_record(broker: Settings, own: Settings) -> None:
    settings = own.model_copy(update={"broker_limit_s": 16})
    with serving(settings, 1) as service:
        service.until_logged("worker 0 is ok")
        sent = send(settings, 500)
        until(lambda: in_cases(settings) == sent)
        signal_broker(broker, signal.SIGKILL)
        page = until(lambda: (page := health(settings))["status"] == "stalled" and page)
        assert any(reason.startswith("no broker has answered for ") for reason in page["reasons"])
        service.until_logged("worker 0 is stalled: no broker has answered for")
        service.until_logged("worker 0 ended because it made no progress (3), restarts in 0.5 s")
        service.until_logged("worker 0 ended because it cannot run as things are (2), restarts in 1.0 s")
        server.start(broker)
        service.until_logged("worker 0 is ok", times=2)
        sent = sorted(sent + send(settings, 500, skip=500))
        until(lambda: in_cases(settings) == sent)
        assert service.stop() == 0
    assert "Workers stopped.\n" in service.log()


def test_a_frozen_broker_is_reported_and_a_worker_survives_a_short_freeze(broker: Settings, own: Settings) -> None:
    settings = own.model_copy(update={"broker_limit_s": 40})
    with WorkerPool(CITY, settings, 1, "stream") as pool:
        until(lambda: health(settings)["status"] == "ok")
        pids = pool.pids
        with frozen(broker):
            until(lambda: health(settings)["status"] == "stalled")
        sent = until(lambda: if_answered(lambda: send(settings, 300)))
        until(lambda: if_answered(lambda: in_cases(settings)) == sent)
        until(lambda: health(settings)["status"] == "ok")
        assert pool.pids == pids


def test_a_worker_stops_in_time_while_the_broker_is_frozen(broker: Settings, own: Settings) -> None:
    with WorkerPool(CITY, own, 1, "stream") as pool:
        until(lambda: health(own)["status"] == "ok")
        sent = send(own, 3000)
        with frozen(broker):
            assert ended(pool, own) == NOT_DRAINED
        until(lambda: pool.poll() or if_answered(lambda: in_cases(own)) == sent)


def ended(pool: WorkerPool, settings: Settings, number: int = 0) -> int:
    """Send SIGTERM to a worker; its exit code, within the promised limit."""
    process = pool._workers[number].process
    assert process is not None
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    code = process.wait(DRAIN_S)
    assert time.monotonic() - begun < DRAIN_S
    assert health(settings, number)["status"] == "silent"
    return code


@pytest.fixture
def shared(kafka: str, namespace: str, tmp_path: Path) -> Settings:
    """On the session's broker, for tests that neither freeze nor kill it."""
    settings = Settings(kafka=kafka, home=tmp_path, namespace=namespace, metrics_port=free_ports(3))
    apply(kafka, topics_of(shipped(CITY), settings))
    return settings


def test_a_hanging_event_loop_is_reported_and_the_worker_exits(shared: Settings) -> None:
    settings = shared.model_copy(update={"loop_limit_s": 12})
    with WorkerPool(CITY, settings, 1, "stream") as pool:
        until(lambda: health(settings)["status"] == "ok")
        process = pool._workers[0].process
        assert process is not None
        process.send_signal(signal.SIGUSR2)  # Faust opens a debugger, which waits for input that never comes
        page = until(lambda: (page := health(settings))["status"] == "stalled" and page)
        assert page["reasons"][0].startswith("the event loop has not turned for ")
        assert process.wait(30) == STALLED


READS_NOTHING = """
import asyncio, sys
from router.stream.faust_adapter import transport
async def read_nothing(self, **_):
    await asyncio.sleep(0.1)
    return {}
transport.Consumer._getmany = read_nothing
sys.argv[0] = "worker"
from router.stream.__main__ import _run
sys.exit(_run())
"""
"""A worker whose consumer believes that there is nothing to read, as after faust-streaming's issue 523."""


def test_a_worker_whose_consumer_reads_nothing_reports_it_and_exits(shared: Settings) -> None:
    settings = shared.model_copy(update={"fetch_limit_s": 8})
    with WorkerPool(CITY, settings, 1, "stream", command=(sys.executable, "-c", READS_NOTHING)) as pool:
        until(lambda: health(settings)["status"] == "ok")
        process = pool._workers[0].process
        assert process is not None
        send(settings, 50)
        page = until(lambda: (page := health(settings))["status"] == "stalled" and page)
        (reason,) = page["reasons"]
        assert reason.startswith(Names(settings.namespace).reports("hotline"))
        assert " has unread records and none was fetched for " in reason
        assert process.wait(30) == STALLED


def test_a_worker_drains_under_load_and_the_other_takes_over_at_once(shared: Settings) -> None:
    with WorkerPool(CITY, shared, 2, "stream") as pool:
        until(lambda: all(health(shared, n)["status"] == "ok" for n in (0, 1)))
        every = sum(health(shared, n)["partitions"]["assigned"] for n in (0, 1))
        sent = send(shared, 9000)
        assert ended(pool, shared) == IN_ORDER
        begun = time.monotonic()
        until(lambda: health(shared, 1)["partitions"] == {"assigned": every, "restoring": 0})
        assert time.monotonic() - begun < SESSION_S, "it has left the group, which waits for no timeout"
        until(lambda: len(in_cases(shared)) >= len(sent))
    assert Counter(in_cases(shared)) == Counter(sent)


def test_a_rolling_restart_loses_and_duplicates_nothing(shared: Settings) -> None:
    with serving(shared, 2) as service:
        service.until_logged("is ok", times=2)
        sent = send(shared, 3000)
        service.process.send_signal(signal.SIGHUP)
        service.until_logged("worker 0 restarted in")
        sent = sorted(sent + send(shared, 3000, skip=3000))
        service.until_logged("rolling restart: done")
        until(lambda: len(in_cases(shared)) >= len(sent))
        assert service.stop() == 0
    assert Counter(in_cases(shared)) == Counter(sent)
    assert committed_in_group(shared) == len(sent), "a worker that stops in order commits its positions to the group"
    lines = [line.split(" ", 1)[1] for line in service.log().splitlines() if " worker " in line]
    assert [line for line in lines if "ended" in line] == [
        f"worker {number} ended in order, restarts at once" for number in (0, 1)
    ]
