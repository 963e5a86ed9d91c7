"""The parts of `grid-router demo`: Kafka, workers and input. Each prints a line when it stops, in the opposite order."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import FrameType

from router.broker.server import ensure_running, folders_in_use, status, stop
from router.cli.live_view.view import ViewProgress
from router.cli.text.output import say
from router.simulator.messages import SourceMessage
from router.simulator.replay.feed import Feed
from router.wire.errors import RouterError
from router.wire.settings import Settings
from router.workers.pool import WorkerPool

KEEPS_RUNNING = "Kafka keeps running; `grid-router broker stop` stops it."
ABOUT_S = {1: 10, 3: 40}
"""About how long the start of a broker, and of a cluster of three, takes on two cores."""
STOPPING_S = 20.0
"""How long to wait for the last acknowledgements of Kafka. Without a broker none arrive."""


@contextmanager
def interruptible(hung_up: Callable[[], None] | None = None) -> Iterator[threading.Event]:
    """The first Ctrl-C, SIGTERM or SIGHUP sets the event; a second Ctrl-C raises KeyboardInterrupt.

    Args:
        hung_up: called at SIGHUP instead of setting the event.
    """
    stop_requested = threading.Event()

    def on_signal(number: int, _: FrameType | None) -> None:
        if stop_requested.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        if hung_up is not None and number == signal.SIGHUP:
            hung_up()
        else:
            stop_requested.set()

    kinds = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(kind, on_signal) for kind in kinds]
    try:
        yield stop_requested
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            signal.signal(kind, handler)


def kafka(settings: Settings, stack: ExitStack) -> str:
    """The address of a running cluster. An embedded broker that this call starts is stopped when the stack closes."""
    if settings.kafka is None:
        if status(settings).pid is not None:  # it runs, though it may not answer yet
            stack.callback(say, KEEPS_RUNNING)
        else:
            brokers = len(folders_in_use(settings))
            say(f"Starting {f'{brokers} brokers of ' if brokers > 1 else ''}Kafka (about {ABOUT_S[brokers]} s) ...")
            stack.callback(_stop_kafka, settings)
            return _started(settings)
    return ensure_running(settings)


def _started(settings: Settings) -> str:
    started = time.monotonic()
    address = ensure_running(settings)
    say(f"Kafka answers at {address} after {time.monotonic() - started:.1f} s.")
    return address


def _stop_kafka(settings: Settings) -> None:
    if stop(settings):
        say("Kafka stopped.")


class ReplayInput:
    """Sends the city's history to the networks' topics, in its own thread.

    Args:
        feed: the simulator's feed.
        remaining: the messages to send.
        total: number of all messages, including those of earlier runs.
        speed: the speed as text, for the view.
    """

    def __init__(self, feed: Feed, remaining: Sequence[SourceMessage], total: int, speed: str) -> None:
        self._feed, self._remaining, self._total, self._speed = feed, remaining, total, speed
        self._error: RouterError | None = None
        self._thread = threading.Thread(target=self._run, name="input", daemon=True)

    def _run(self) -> None:
        try:
            self._feed.run(self._remaining)
        except RouterError as error:
            self._error = error

    def start(self) -> None:
        """Start to send."""
        self._thread.start()

    def stop(self) -> None:
        """Stop early. Waits for the acknowledgements of the messages already handed to Kafka."""
        self._feed.stop()
        self._thread.join(STOPPING_S)

    @property
    def sent(self) -> int:
        """Records acknowledged in this run."""
        return len(self._feed.sent)

    @property
    def progress(self) -> ViewProgress:
        """The progress of the input.

        Raises:
            RouterError: Kafka does not accept the input.
        """
        if self._error is not None:
            raise self._error
        sent = self.sent
        return ViewProgress(
            fed=self._total - len(self._remaining) + sent,
            of=self._total,
            until=self._remaining[sent - 1].received_at if sent else None,
            speed=self._speed,
            ended=self._feed.complete,
        )


@contextmanager
def running_pool(pool: WorkerPool) -> Iterator[WorkerPool]:
    """Start the workers; stop them at the end."""
    try:
        pool.start()
        yield pool
    finally:
        orderly = pool.stop()
        say("Workers stopped." if orderly else "Workers stopped, some of them by force; no record is lost.")


@contextmanager
def running_input(source: ReplayInput) -> Iterator[ReplayInput]:
    """Start the input; stop it at the end."""
    source.start()
    try:
        yield source
    finally:
        source.stop()
        say(f"Input stopped after {source.sent:,} records in this run.")


def cores() -> int:
    """Number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
