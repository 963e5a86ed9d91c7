"""A supervisor over workers that are made up: what it says, and in which order it renews."""

from collections.abc import Callable
from typing import Any

import pytest

from router.workers.exit_codes import describe_exit
from router.workers.supervisor import HEAR_SECONDS, RENEWAL_SECONDS, Supervisor

OK = {"status": "ok", "reasons": []}
STARTING = {"status": "starting", "reasons": ["the worker has not joined its group yet."]}
STUCK = {"status": "stuck", "reasons": ["no broker has answered for 31 s."]}


class Workers:
    """Three workers; one that is renewed runs anew after the next poll, and is well when the test says so."""

    def __init__(self, number: int = 3) -> None:
        self.pids = {n: 100 + n for n in range(number)}
        self.pages: dict[int, Any] = dict.fromkeys(range(number), OK)
        self.renewed: list[int] = []
        self._ending: list[int] = []

    def poll(self) -> None:
        for number in self._ending:
            self.pids[number] += 100
            self.pages[number] = STARTING
        self._ending.clear()

    def restart_gracefully(self, number: int) -> None:
        self.renewed.append(number)
        self._ending.append(number)
        self.pages[number] = None


class Scene:
    def __init__(self) -> None:
        self.workers, self.said, self.now = Workers(), list[str](), 0.0
        self.supervisor = Supervisor(self.workers, 3, self.workers.pages.get, self.said.append, lambda: self.now)

    def looks(self, number: int, before: Callable[[], object] = lambda: None) -> None:
        for _ in range(number):
            self.now += HEAR_SECONDS
            before()
            self.supervisor.look()

    def all_well(self) -> None:
        self.workers.pages.update(dict.fromkeys(range(3), OK))


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_health_is_told_when_it_changes_and_passing_states_are_no_news(scene: Scene) -> None:
    scene.looks(3)
    scene.workers.pages[1] = STUCK
    scene.looks(3)
    scene.workers.pages[1] = STARTING
    scene.looks(1)
    scene.workers.pages[1] = None
    scene.looks(1)
    scene.workers.pages[1] = OK
    scene.looks(2)
    assert scene.said == [
        "worker 0 is ok",
        "worker 1 is ok",
        "worker 2 is ok",
        "worker 1 is stuck: no broker has answered for 31 s.",
        "worker 1 is ok",
    ]


def test_a_worker_that_ended_is_told_to_be_ok_again(scene: Scene) -> None:
    scene.looks(1)
    del scene.workers.pids[2]
    scene.looks(1)
    scene.workers.pids[2] = 300
    scene.looks(1)
    assert scene.said.count("worker 2 is ok") == 2


def test_workers_are_renewed_one_after_the_other_each_waited_for(scene: Scene) -> None:
    scene.supervisor.roll()
    scene.looks(5)
    assert scene.workers.renewed == [0], "the others wait until it is well"
    scene.looks(3, scene.all_well)
    assert scene.workers.renewed == [0, 1]
    scene.workers.pages[2] = STARTING
    scene.workers.pages[1] = OK
    scene.looks(5)
    assert scene.workers.renewed == [0, 1], "the renewed one is well, another is not"
    scene.looks(10, scene.all_well)
    assert scene.workers.renewed == [0, 1, 2]
    assert not scene.supervisor.rolling
    assert scene.said[-1] == "rolling restart: done"
    assert [line.split(" in ")[0] for line in scene.said if "renewed" in line] == [
        f"worker {n} renewed" for n in range(3)
    ]


def test_a_worker_is_not_taken_for_well_before_it_runs_anew(scene: Scene) -> None:
    """It may answer as it was until it has ended."""
    scene.supervisor.roll()
    scene.workers.poll = lambda: None  # type: ignore[method-assign]  # it does not end yet
    scene.looks(20, scene.all_well)
    assert scene.workers.renewed == [0]


def test_a_second_wish_while_it_goes_on_changes_nothing(scene: Scene) -> None:
    scene.supervisor.roll()
    scene.looks(3)
    scene.supervisor.roll()
    scene.looks(30, scene.all_well)
    assert scene.workers.renewed == [0, 1, 2]
    scene.supervisor.roll()
    scene.looks(30, scene.all_well)
    assert scene.workers.renewed == [0, 1, 2] * 2


def test_what_is_new_and_not_well_stops_the_rolling_restart(scene: Scene) -> None:
    scene.supervisor.roll()
    scene.looks(4)
    scene.workers.pages[0] = STUCK
    scene.looks(int(RENEWAL_SECONDS / HEAR_SECONDS) + 5)
    assert scene.workers.renewed == [0]
    assert not scene.supervisor.rolling
    assert (
        scene.said[-1] == "rolling restart: stopped after 180 s, worker 0 is not ok: no broker has answered for 31 s."
    )


def test_nothing_is_renewed_while_a_worker_is_not_well(scene: Scene) -> None:
    scene.workers.pages[2] = STUCK
    scene.supervisor.roll()
    scene.looks(int(RENEWAL_SECONDS / HEAR_SECONDS) + 5)
    assert scene.workers.renewed == []
    assert not scene.supervisor.rolling


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "in order"),
        (1, "with an unexpected error (1)"),
        (2, "because it cannot work as things are (2)"),
        (3, "by itself, getting nowhere (3)"),
        (4, "before its work was finished (4)"),
        (-9, "by SIGKILL"),
        (-200, "by signal 200"),
        (77, "with exit code 77"),
    ],
)
def test_every_end_has_words(code: int, words: str) -> None:
    assert describe_exit(code) == words
