"""A fleet as a service: ends are met with restarts for ever, health is told, and all workers can be renewed one by one."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from functools import partial
from typing import Any, Protocol

HEAR_SECONDS = 1.0
"""Between two questions to every worker."""
STEADY = 2
"""So often in a row all workers must be well before the next one is renewed: a rebalance may just be beginning."""
RENEWAL_SECONDS = 180.0
"""A worker that is not well so long after its renewal stops the rolling restart: what is new may be what ails it."""

Page = Mapping[str, Any]
"""A worker's `/health`."""


class Workers(Protocol):
    """The fleet, as far as it is supervised here."""

    @property
    def pids(self) -> dict[int, int]:
        """Worker number -> process id, of those that run."""

    def poll(self) -> None:
        """Start ended workers again."""

    def restart_gracefully(self, number: int) -> None:
        """Ask one worker to end in order, to be started again at once."""


class Supervisor:
    """Looks after a fleet; call `look` several times a second.

    Args:
        fleet: the workers, started.
        workers: how many.
        ask: a worker's `/health` by its number; None while it does not answer.
        say: told one line for each event.
        now: a clock that never goes back, in seconds.
    """

    def __init__(
        self,
        pool: Workers,
        workers: int,
        ask: Callable[[int], Page | None],
        say: Callable[[str], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fleet, self._workers, self._ask, self._say, self._now = pool, workers, ask, say, now
        self._heard_at = now() - HEAR_SECONDS
        self._pages: dict[int, Page | None] = {}
        self._told: dict[int, str] = {}
        self._course: Iterator[None] | None = None

    @property
    def rolling(self) -> bool:
        """Whether a rolling restart is under way."""
        return self._course is not None

    def roll(self) -> None:
        """Renew all workers, one after the other; another call while that goes on changes nothing."""
        if self._course is None:
            self._course = self._rolling()

    def look(self) -> None:
        """Start what has ended, hear the workers, and go on with a rolling restart.

        Raises:
            WorkerError: the fleet gives up.
        """
        self._fleet.poll()
        if self._now() - self._heard_at < HEAR_SECONDS:
            return
        self._heard_at = self._now()
        self._hear()
        if self._course is not None and next(self._course, True):  # it yields None as long as it lasts
            self._course = None

    def _hear(self) -> None:
        """Ask every worker, and tell who has become well or stands still; passing states are no news."""
        running = self._fleet.pids
        for number in range(self._workers):
            page = self._pages[number] = self._ask(number) if number in running else None
            status = "ended" if number not in running else page["status"] if page else "silent"
            if status in {"ok", "stuck", "ended"} and self._told.get(number) != status:
                self._told[number] = status
                if status != "ended":
                    self._say(f"worker {number} is {status}{_reasons(page)}")

    def _rolling(self) -> Iterator[None]:
        """The course of a rolling restart, a step each time the workers were heard."""
        self._say(f"rolling restart: {self._workers} workers, one after the other")
        if not (yield from self._all_well(lambda: True)):
            return
        for number in range(self._workers):
            before, begun = self._fleet.pids.get(number), self._now()
            self._fleet.restart_gracefully(number)
            if not (yield from self._all_well(partial(self._runs_anew, number, before))):
                return
            self._say(f"worker {number} renewed in {self._now() - begun:.1f} s")
        self._say("rolling restart: done")

    def _all_well(self, further: Callable[[], bool]) -> Generator[None, None, bool]:
        """Wait until all workers are well and something further holds; False when that takes too long."""
        begun, steady = self._now(), 0
        while steady < STEADY:
            yield
            ailing = next((n for n, page in self._pages.items() if page is None or page["status"] != "ok"), None)
            steady = steady + 1 if ailing is None and further() else 0
            if not steady and self._now() - begun > RENEWAL_SECONDS:
                of = "" if ailing is None else f", worker {ailing} is not ok{_reasons(self._pages[ailing])}"
                self._say(f"rolling restart: stopped after {RENEWAL_SECONDS:.0f} s{of}")
                return False
        return True

    def _runs_anew(self, number: int, before: int | None) -> bool:
        return self._fleet.pids.get(number) not in {None, before}


def _reasons(page: Page | None) -> str:
    return f": {' '.join(page['reasons'])}" if page and page["reasons"] else ""
