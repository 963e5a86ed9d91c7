"""What `run` brings up and takes down: Kafka, topics, workers, the input; ended in the opposite order, each with a word."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import FrameType

from router.broker.server import ensure_running, status, stop
from router.cli.live_view.view import ViewProgress
from router.cli.text.output import talk
from router.simulator.messages import SourceMessage
from router.simulator.replay.feed import Feed
from router.wire.errors import RouterError
from router.wire.settings import Settings
from router.workers.pool import WorkerPool

GOES_ON = "Kafka goes on; `grid-router broker stop` ends it."
STOPPING_S = 20.0
"""For the last acknowledgements of Kafka; without a broker there are none."""


@contextmanager
def interruptible(hung_up: Callable[[], None] | None = None) -> Iterator[threading.Event]:
    """The first Ctrl-C (or SIGTERM, or a closed terminal) sets the event; a second Ctrl-C raises KeyboardInterrupt.

    Args:
        hung_up: called at SIGHUP instead, by those to whom it means something else.
    """
    asked = threading.Event()

    def ask(number: int, _: FrameType | None) -> None:
        if asked.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        if hung_up is not None and number == signal.SIGHUP:
            hung_up()
        else:
            asked.set()

    kinds = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(kind, ask) for kind in kinds]
    try:
        yield asked
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            signal.signal(kind, handler)


def kafka(settings: Settings, stack: ExitStack) -> str:
    """The address of a running cluster; an embedded broker is stopped at the end of the stack, if it is started here."""
    if settings.kafka is None:
        if status(settings).running:
            stack.callback(talk, GOES_ON)
        else:
            talk("Starting Kafka (about 10 s) ...")
            stack.callback(_stop_kafka, settings)
            return _started(settings)
    return ensure_running(settings)


def _started(settings: Settings) -> str:
    begun = time.monotonic()
    address = ensure_running(settings)
    talk(f"Kafka answers at {address} after {time.monotonic() - begun:.1f} s.")
    return address


def _stop_kafka(settings: Settings) -> None:
    if stop(settings):
        talk("Kafka stopped.")


class ReplayInput:
    """The city's history on its way to the networks' topics, in a thread of its own.

    Args:
        feed: the simulator's feed.
        left: what is still to be sent.
        whole: number of all messages, those of earlier runs included.
        speed: as it is shown.
    """

    def __init__(self, feed: Feed, left: Sequence[SourceMessage], whole: int, speed: str) -> None:
        self._feed, self._left, self._whole, self._speed = feed, left, whole, speed
        self._error: RouterError | None = None
        self._thread = threading.Thread(target=self._run, name="input", daemon=True)

    def _run(self) -> None:
        try:
            self._feed.run(self._left)
        except RouterError as error:
            self._error = error

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """End early; what was handed to Kafka is still acknowledged."""
        self._feed.stop()
        self._thread.join(STOPPING_S)

    @property
    def sent(self) -> int:
        """Records acknowledged in this run."""
        return len(self._feed.sent)

    @property
    def progress(self) -> ViewProgress:
        """How far it is.

        Raises:
            RouterError: Kafka does not take the input.
        """
        if self._error is not None:
            raise self._error
        sent = self.sent
        return ViewProgress(
            fed=self._whole - len(self._left) + sent,
            of=self._whole,
            until=self._left[sent - 1].received_at if sent else None,
            speed=self._speed,
            ended=self._feed.complete,
        )


@contextmanager
def running_pool(pool: WorkerPool) -> Iterator[WorkerPool]:
    """The workers, started, and stopped at the end."""
    try:
        pool.start()
        yield pool
    finally:
        orderly = pool.stop()
        talk("Workers stopped." if orderly else "Workers stopped, some by force; nothing is lost by that.")


@contextmanager
def running_input(source: ReplayInput) -> Iterator[ReplayInput]:
    """The input, started, and stopped at the end."""
    source.start()
    try:
        yield source
    finally:
        source.stop()
        talk(f"Input stopped after {source.sent:,} records in this run.")


def cores() -> int:
    """CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
