"""What the gateway does in the background for as long as it runs. Work that ends by itself is a defect, and never goes unnoticed."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import structlog

Ended = Callable[[str], None]
"""Gets the name of work that has ended by itself."""
log = structlog.get_logger(__name__)


class Followers:
    """Tasks that have no end of their own.

    Args:
        work: what each one does, by its name.
        ended: is called when one has ended all the same.
    """

    def __init__(self, work: Mapping[str, Callable[[], Coroutine[Any, Any, None]]], ended: Ended) -> None:
        self._work, self._ended = work, ended
        self._tasks: list[asyncio.Task[None]] = []
        self.complete = True
        """Whether none has ended."""

    def start(self) -> None:
        """Begin all of it."""
        for name, work in self._work.items():
            task = asyncio.create_task(work(), name=name)
            task.add_done_callback(self._note_end)
            self._tasks.append(task)

    async def stop(self) -> None:
        """Cancel all of it, and wait until it has ended."""
        for task in self._tasks:
            task.remove_done_callback(self._note_end)
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        self.complete = False
        error = None if task.cancelled() else task.exception()
        log.error("the gateway follows something no longer", what=task.get_name(), exc_info=error)
        self._ended(task.get_name())
