"""`python -m tests.bench restore`: how long after kill -9 every partition of a worker processes again, by open cases.

`noticed`: until the group gives the partitions to the worker that was started at once in its place (a session timeout, because
nobody said goodbye). `restored`: from there until the slowest partition has committed again, its backlog's first batch included.
"""

import argparse
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from threading import Event, Thread

import orjson

from router.simulator.feed import Feed
from router.wire.settings import Settings
from router.wire.topics import Names
from tests.bench.course import LIMIT_SECONDS, UnfinishedError, all_beyond, until_quiet
from tests.bench.growth import PROBES, SIZES
from tests.bench.pinned import Pinned
from tests.bench.product import router, started, topics_for
from tests.bench.seeded import seed
from tests.bench.throng import CITY, throng
from tests.bench.topics import Ends, ends

RATE = 200
"""Reports a second while it is killed, so that every partition has something to do."""
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Restored:
    """One kill; all in seconds."""

    cases: int
    noticed: float
    restored_first: float
    """Until the quickest partition commits."""
    restored: float
    """Until all do."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--cases", type=int, nargs="*", default=SIZES, help="open when it is killed")


def main(arguments: argparse.Namespace, settings: Settings) -> int:
    """Measure, print, write."""
    print(f"{'open cases':>12}{'noticed s':>11}{'restored s':>12}{'(first)':>9}")
    found = []
    for cases in sorted(arguments.cases):
        one = measure(cases, settings)
        found.append(asdict(one))
        print(f"{cases:>12,}{one.noticed:>11.1f}{one.restored:>12.2f}{one.restored_first:>9.2f}", flush=True)
    (settings.home / "bench" / "restore.json").write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    return 0


def measure(cases: int, settings: Settings) -> Restored:
    """Kill a worker with so many open cases, under a steady load."""
    messages = throng()
    with topics_for(CITY, settings) as own:
        seed(own, cases, messages)
        bootstrap, topic = str(own.kafka), Names(own.namespace).cases
        with ends(bootstrap) as committed, started(router(CITY), own) as worker:
            earlier = committed.each(topic)
            Feed(bootstrap, Names(own.namespace), own.partitions, None).run(islice(messages, PROBES))
            until_quiet(committed, topic, lambda: all_beyond(committed, topic, earlier), beyond=sum(earlier.values()))
            with _Load(own, messages):
                time.sleep(1.0)
                killed = time.time()
                worker.kill()
                earlier = committed.each(topic)
                worker.restart()
                again = _again(worker, committed, topic, earlier)
    assigned = worker.assigned or killed
    return Restored(cases, assigned - killed, min(again) - assigned, max(again) - assigned)


def _again(worker: Pinned, committed: Ends, topic: str, earlier: Mapping[int, int]) -> list[float]:
    """When each partition of a topic has got something new (seconds since 1970)."""
    again: dict[int, float] = {}
    deadline = time.monotonic() + LIMIT_SECONDS
    while len(again) < len(earlier):
        if time.monotonic() > deadline or worker.exit_code is not None:
            raise UnfinishedError(f"{len(again)} of {len(earlier)} partitions process again; see {worker.log}")
        for partition, end in committed.each(topic).items():
            if end > earlier[partition]:
                again.setdefault(partition, time.time())
        time.sleep(POLL_SECONDS)
    return list(again.values())


class _Load:
    """A steady load until the end of the context."""

    def __init__(self, settings: Settings, messages: object) -> None:
        self._settings, self._messages = settings, messages
        self._over = Event()
        self._thread = Thread(target=self._send, name="load", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _send(self) -> None:
        feed = Feed(str(self._settings.kafka), Names(self._settings.namespace), self._settings.partitions, None)
        while not self._over.wait(0.5):
            feed.run(islice(self._messages, RATE // 2))
