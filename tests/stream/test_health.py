"""A worker that gets nowhere says so, ends itself and is started again; one that is asked to end is gone in time.

The brokers that are frozen and killed here are these tests' own.
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
from router.cities.folder import city_folder, load_city
from router.simulator.replay.feed import Feed
from router.simulator.scenario import history_of
from router.stream.faust_adapter.app import GROUP
from router.stream.health.http_server import fetch_health
from router.wire.codec import decode_case
from router.wire.errors import BrokerError
from router.wire.settings import Settings
from router.wire.topics import Names, topics_of
from router.workers.exit_codes import IN_ORDER, NOT_DRAINED, STUCK
from router.workers.pool import WorkerPool, environment
from tests.support.broker import free_ports
from tests.support.topics import committed

pytestmark = [pytest.mark.broker, pytest.mark.long, pytest.mark.timeout(600)]

CITY = "los-angeles"
Found = TypeVar("Found")
DRAIN_S = 10.0
"""What is promised; the setting leaves a second for the machine."""
SESSION_S = 10.0
"""After this at the latest a worker that is gone is missed."""


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
    messages = list(history_of(load_city(CITY), city_folder(CITY)).messages(skip + number))[skip:]
    Feed(str(settings.kafka), Names(settings.namespace), settings.partitions, None).run(messages)
    return sorted(message.report for message in messages)


def in_cases(settings: Settings) -> list[str]:
    latest = {r.key: r.value for r in committed(str(settings.kafka), Names(settings.namespace).cases)}
    return sorted(report.id for value in latest.values() for report in decode_case(value).reports)


def by_now(fetch_health: Callable[[], Found]) -> Found | None:
    """What Kafka answers, None while it names no broker: one that was frozen is fenced until its next heartbeat."""
    try:
        return fetch_health()
    except BrokerError:
        return None


def told(settings: Settings) -> int:
    """How many of the recorded requests the group has committed, as its coordinator tells."""
    group, topic = f"{settings.namespace}{GROUP}", Names(settings.namespace).reports("hotline")
    with connected(str(settings.kafka)) as admin:
        positions = admin.list_group_offsets({group: None})[group]
    return sum(there.offset for source, there in positions.items() if source.topic == topic)


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
    apply(address, topics_of(load_city(CITY), settings))
    return settings


def strike(broker: Settings, blow: signal.Signals) -> None:
    pid = server.status(broker).pid
    assert pid is not None
    os.kill(pid, blow)


@contextmanager
def frozen(broker: Settings) -> Iterator[None]:
    strike(broker, signal.SIGSTOP)
    try:
        yield
    finally:
        strike(broker, signal.SIGCONT)


class Up:
    """`grid-router serve` as a service manager runs it."""

    def __init__(self, settings: Settings, workers: int) -> None:
        self._log = settings.home / "up.log"
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

    def said(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def until_said(self, words: str, times: int = 1, seconds: float = 90.0) -> None:
        until(lambda: self.said().count(words) >= times, seconds, lambda: f"{words!r} in\n{self.said()}")

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def up(settings: Settings, workers: int) -> Iterator[Up]:
    service = Up(settings, workers)
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.process.kill()  # the workers hang on its leash
            service.process.wait()


def test_a_broker_that_goes_away_is_told_then_ended_for_then_waited_for_and_nothing_is_lost(
    broker: Settings, own: Settings
) -> None:
    settings = own.model_copy(update={"broker_limit_s": 16})
    with up(settings, 1) as service:
        service.until_said("worker 0 is ok")
        sent = send(settings, 500)
        until(lambda: in_cases(settings) == sent)
        strike(broker, signal.SIGKILL)
        found = until(lambda: (page := health(settings))["status"] == "stuck" and page)
        assert any(reason.startswith("no broker has answered for ") for reason in found["reasons"])
        service.until_said("worker 0 is stuck: no broker has answered for")
        service.until_said("worker 0 ended by itself, getting nowhere (3), starts again in 0.5 s")
        service.until_said("worker 0 ended because it cannot work as things are (2), starts again in 1.0 s")
        server.start(broker)
        service.until_said("worker 0 is ok", times=2)
        sent = sorted(sent + send(settings, 500, skip=500))
        until(lambda: in_cases(settings) == sent)
        assert service.end() == 0
    assert "Workers stopped.\n" in service.said()


def test_a_frozen_broker_is_told_and_a_worker_outlives_what_is_shorter_than_its_limit(
    broker: Settings, own: Settings
) -> None:
    settings = own.model_copy(update={"broker_limit_s": 40})
    with WorkerPool(CITY, settings, 1, "stream") as pool:
        until(lambda: health(settings)["status"] == "ok")
        pids = pool.pids
        with frozen(broker):
            until(lambda: health(settings)["status"] == "stuck")
        sent = until(lambda: by_now(lambda: send(settings, 300)))
        until(lambda: by_now(lambda: in_cases(settings)) == sent)
        until(lambda: health(settings)["status"] == "ok")
        assert pool.pids == pids


def test_a_worker_that_is_asked_to_end_while_the_broker_is_frozen_is_gone_in_time(
    broker: Settings, own: Settings
) -> None:
    with WorkerPool(CITY, own, 1, "stream") as pool:
        until(lambda: health(own)["status"] == "ok")
        sent = send(own, 3000)
        with frozen(broker):
            assert ended(pool, own) == NOT_DRAINED
        until(lambda: pool.poll() or by_now(lambda: in_cases(own)) == sent)


def ended(pool: WorkerPool, settings: Settings, number: int = 0) -> int:
    """SIGTERM a worker; how it ended, within what is promised."""
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
    """On the session's broker, for tests that leave it alone."""
    settings = Settings(kafka=kafka, home=tmp_path, namespace=namespace, metrics_port=free_ports(3))
    apply(kafka, topics_of(load_city(CITY), settings))
    return settings


def test_an_event_loop_that_hangs_is_told_from_another_thread_and_ends_the_worker(shared: Settings) -> None:
    settings = shared.model_copy(update={"loop_limit_s": 12})
    with WorkerPool(CITY, settings, 1, "stream") as pool:
        until(lambda: health(settings)["status"] == "ok")
        process = pool._workers[0].process
        assert process is not None
        process.send_signal(signal.SIGUSR2)  # Faust opens a debugger, which waits for words that never come
        found = until(lambda: (page := health(settings))["status"] == "stuck" and page)
        assert found["reasons"][0].startswith("the event loop has not turned for ")
        assert process.wait(30) == STUCK


DEAF = """
import asyncio, sys
from router.stream.faust_adapter import transport
async def deaf(self, **_):
    await asyncio.sleep(0.1)
    return {}
transport.Consumer._getmany = deaf
sys.argv[0] = "worker"
from router.stream.__main__ import _run
sys.exit(_run())
"""
"""A worker whose consumer believes that there is nothing to read, as after faust-streaming's issue 523."""


def test_a_worker_that_went_deaf_is_told_by_the_logs_ends_and_ends_itself(shared: Settings) -> None:
    settings = shared.model_copy(update={"fetch_limit_s": 8})
    with WorkerPool(CITY, settings, 1, "stream", command=(sys.executable, "-c", DEAF)) as pool:
        until(lambda: health(settings)["status"] == "ok")
        process = pool._workers[0].process
        assert process is not None
        send(settings, 50)
        found = until(lambda: (page := health(settings))["status"] == "stuck" and page)
        (reason,) = found["reasons"]
        assert reason.startswith(Names(settings.namespace).reports("hotline"))
        assert " has records and none is read for " in reason
        assert process.wait(30) == STUCK


def test_a_worker_drains_under_full_load_and_the_other_goes_on_before_anyone_is_missed(shared: Settings) -> None:
    with WorkerPool(CITY, shared, 2, "stream") as pool:
        until(lambda: all(health(shared, n)["status"] == "ok" for n in (0, 1)))
        every = sum(health(shared, n)["partitions"]["assignment"] for n in (0, 1))
        sent = send(shared, 9000)
        assert ended(pool, shared) == IN_ORDER
        begun = time.monotonic()
        until(lambda: health(shared, 1)["partitions"] == {"assignment": every, "opening": 0})
        assert time.monotonic() - begun < SESSION_S, "it has left the group, nobody waits for it"
        until(lambda: len(in_cases(shared)) >= len(sent))
    assert Counter(in_cases(shared)) == Counter(sent)


def test_a_rolling_restart_renews_every_worker_and_loses_and_doubles_nothing(shared: Settings) -> None:
    with up(shared, 2) as service:
        service.until_said("is ok", times=2)
        sent = send(shared, 3000)
        service.process.send_signal(signal.SIGHUP)
        service.until_said("worker 0 renewed")
        sent = sorted(sent + send(shared, 3000, skip=3000))
        service.until_said("rolling restart: done")
        until(lambda: len(in_cases(shared)) >= len(sent))
        assert service.end() == 0
    assert Counter(in_cases(shared)) == Counter(sent)
    assert told(shared) == len(sent), "who ends in order tells the group where its partitions stand"
    lines = [line.split(" ", 1)[1] for line in service.said().splitlines() if " worker " in line]
    assert [line for line in lines if "ended" in line] == [
        f"worker {number} ended in order, starts again at once" for number in (0, 1)
    ]
