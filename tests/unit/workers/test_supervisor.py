"""The supervisor over fake workers: what it logs, and the order of a rolling restart."""

from collections.abc import Callable
from typing import Any

import pytest

from router.workers.rolling_restart import RESTART_TIMEOUT_S
from router.workers.supervisor import POLL_SECONDS, Supervisor

OK = {"status": "ok", "reasons": []}
STARTING = {"status": "starting", "reasons": ["the worker has not joined its group yet."]}
STALLED = {"status": "stalled", "reasons": ["no broker has answered for 31 s."]}


class Workers:
    """Three workers. A restarted one has a new process after the next poll, and is ok when the test says so."""

    def __init__(self, number: int = 3) -> None:
        self.pids = {n: 100 + n for n in range(number)}
        self.pages: dict[int, Any] = dict.fromkeys(range(number), OK)
        self.restarted: list[int] = []
        self._ending: list[int] = []

    def poll(self) -> None:
        for number in self._ending:
            self.pids[number] += 100
            self.pages[number] = STARTING
        self._ending.clear()

    def restart_gracefully(self, number: int) -> None:
        self.restarted.append(number)
        self._ending.append(number)
        self.pages[number] = None


class Scene:
    def __init__(self) -> None:
        self.workers, self.logged, self.now = Workers(), list[str](), 0.0
        self.supervisor = Supervisor(self.workers, 3, self.workers.pages.get, self.logged.append, lambda: self.now)

    def polls(self, number: int, before: Callable[[], object] = lambda: None) -> None:
        for _ in range(number):
            self.now += POLL_SECONDS
            before()
            self.supervisor.poll()

    def all_healthy(self) -> None:
        self.workers.pages.update(dict.fromkeys(range(3), OK))


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_health_is_logged_when_a_worker_becomes_ok_or_stalled(scene: Scene) -> None:
    scene.polls(3)
    scene.workers.pages[1] = STALLED
    scene.polls(3)
    scene.workers.pages[1] = STARTING
    scene.polls(1)
    scene.workers.pages[1] = None
    scene.polls(1)
    scene.workers.pages[1] = OK
    scene.polls(2)
    assert scene.logged == [
        "worker 0 is ok",
        "worker 1 is ok",
        "worker 2 is ok",
        "worker 1 is stalled: no broker has answered for 31 s.",
        "worker 1 is ok",
    ]


def test_a_restarted_worker_is_logged_as_ok_again(scene: Scene) -> None:
    scene.polls(1)
    del scene.workers.pids[2]
    scene.polls(1)
    scene.workers.pids[2] = 300
    scene.polls(1)
    assert scene.logged.count("worker 2 is ok") == 2


def test_workers_restart_one_after_the_other_when_all_are_healthy(scene: Scene) -> None:
    scene.supervisor.request_rollout()
    scene.polls(5)
    assert scene.workers.restarted == [0], "the others wait until it is healthy"
    scene.polls(3, scene.all_healthy)
    assert scene.workers.restarted == [0, 1]
    scene.workers.pages[2] = STARTING
    scene.workers.pages[1] = OK
    scene.polls(5)
    assert scene.workers.restarted == [0, 1], "the restarted one is healthy, another is not"
    scene.polls(10, scene.all_healthy)
    assert scene.workers.restarted == [0, 1, 2]
    assert not scene.supervisor.rolling
    assert scene.logged[-1] == "rolling restart: done"
    assert [line.split(" in ")[0] for line in scene.logged if " restarted in " in line] == [
        f"worker {n} restarted" for n in range(3)
    ]


def test_the_health_of_the_old_process_does_not_count(scene: Scene) -> None:
    """It answers that it is ok until it has ended."""
    scene.supervisor.request_rollout()
    scene.workers.poll = lambda: None  # type: ignore[method-assign]  # it does not end yet
    scene.polls(20, scene.all_healthy)
    assert scene.workers.restarted == [0]


def test_a_second_request_during_a_rolling_restart_has_no_effect(scene: Scene) -> None:
    scene.supervisor.request_rollout()
    scene.polls(3)
    scene.supervisor.request_rollout()
    scene.polls(30, scene.all_healthy)
    assert scene.workers.restarted == [0, 1, 2]
    scene.supervisor.request_rollout()
    scene.polls(30, scene.all_healthy)
    assert scene.workers.restarted == [0, 1, 2] * 2


def test_a_restarted_worker_that_stays_unhealthy_stops_the_rollout(scene: Scene) -> None:
    scene.supervisor.request_rollout()
    scene.polls(4)
    scene.workers.pages[0] = STALLED
    scene.polls(int(RESTART_TIMEOUT_S / POLL_SECONDS) + 5)
    assert scene.workers.restarted == [0]
    assert not scene.supervisor.rolling
    assert (
        scene.logged[-1] == "rolling restart: stopped after 180 s, worker 0 is not ok: no broker has answered for 31 s."
    )


def test_no_worker_restarts_while_one_is_unhealthy(scene: Scene) -> None:
    scene.workers.pages[2] = STALLED
    scene.supervisor.request_rollout()
    scene.polls(int(RESTART_TIMEOUT_S / POLL_SECONDS) + 5)
    assert scene.workers.restarted == []
    assert not scene.supervisor.rolling
