"""`python -m tests.bench restore`: how long after kill -9 every partition of a worker processes again, by open cases.

`noticed`: until the group gives the partitions to the worker that was started at once in its place (a session timeout, because
nobody said goodbye). `restored`: from there until the slowest partition has committed again, its backlog's first batch included.
"""

import argparse
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from threading import Event, Thread

import orjson

from router.wire.settings import Settings
from tests.bench.large_state import SIZES, Grown, grown
from tests.bench.pinned_process import Pinned
from tests.bench.stopwatch import LIMIT_SECONDS, UnfinishedError
from tests.bench.topics import Ends

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
    found = []
    for cases in sorted(arguments.cases):
        one = measure(cases, settings)
        found.append(asdict(one))
        print(told(one), flush=True)
    (settings.home / "bench" / "restore.json").write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    return 0


def told(one: Restored) -> str:
    """In words."""
    return (
        f"{one.cases:,} open cases: noticed after {one.noticed:.1f} s, restored {one.restored:.2f} s later, "
        f"the first partition after {one.restored_first:.2f} s"
    )


def measure(cases: int, settings: Settings) -> Restored:
    """Kill a worker with so many open cases."""
    with grown(cases, settings) as load_shape:
        return killed(cases, load_shape)


def killed(cases: int, load_shape: Grown) -> Restored:
    """Kill the worker under a steady load and start it again."""
    committed, worker, topic = load_shape.committed, load_shape.worker, load_shape.cases
    with _Load(load_shape):
        time.sleep(1.0)
        at = time.time()
        worker.kill()
        earlier = committed.each(topic)
        worker.restart()
        again = _again(worker, committed, topic, earlier)
    assigned = worker.assigned or at
    return Restored(cases, assigned - at, min(again) - assigned, max(again) - assigned)


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

    def __init__(self, load_shape: Grown) -> None:
        self._throng, self._over = load_shape, Event()
        self._thread = Thread(target=self._send, name="load", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _send(self) -> None:
        while not self._over.wait(0.5):
            self._throng.send(self._throng.take(RATE // 2))
