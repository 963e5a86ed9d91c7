"""A cancellation without a caller.

asyncio ends a task without a word when a CancelledError reaches its end, wherever that came from: a task group counts such a task as done. aiokafka
raises it out of tasks of its own, for example when a consumer stops while it waits to fetch again. So a partition would count as
restored though its restore has ended half-way.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka.errors import KafkaError


class StrayCancellationError(KafkaError):  # type: ignore[misc]
    """Work was cancelled, and not by who asked for it. It has not come to its end."""

    retriable = True


@contextmanager
def own_cancellation() -> Iterator[None]:
    """Let a CancelledError pass only if the present task was cancelled.

    Raises:
        StrayCancellationError: instead of any other.
    """
    task = asyncio.current_task()
    before = 0 if task is None else task.cancelling()
    try:
        yield
    except asyncio.CancelledError as stray:
        # not whether it is above 0: before Python 3.13 a task group whose child failed leaves its parent at 1
        if task is None or task.cancelling() > before:
            raise
        raise StrayCancellationError("Kafka's client has cancelled a request by itself") from stray
