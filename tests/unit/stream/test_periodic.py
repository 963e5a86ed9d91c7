"""Periodic work goes on after a stray cancellation, and ends when its worker cancels it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from router.stream.periodic import _every

Run = Callable[[], Awaitable[None]]


class OneTimer:
    """An app as far as periodic work knows it: it keeps what its timer would call."""

    run: Run

    def timer(self, _: float) -> Callable[[Run], Run]:
        def keep(run: Run) -> Run:
            self.run = run
            return run

        return keep


def timed(work: Run) -> Run:
    app: Any = OneTimer()
    _every(1.0, app, work)
    return app.run  # type: ignore[no-any-return]


def test_a_stray_cancellation_does_not_end_the_timer() -> None:
    async def work() -> None:
        request = asyncio.get_running_loop().create_future()
        request.cancel()
        await request

    asyncio.run(timed(work)())  # type: ignore[arg-type]


def test_the_end_of_the_worker_ends_it() -> None:
    async def scenario() -> None:
        task = asyncio.ensure_future(timed(asyncio.Event().wait)())  # type: ignore[arg-type]
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(scenario())


def test_any_other_error_reaches_the_worker() -> None:
    async def work() -> None:
        raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        asyncio.run(timed(work)())  # type: ignore[arg-type]
