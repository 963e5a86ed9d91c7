"""`python -m tests.bench restore`: seconds from kill -9 until every partition processes again, by matchable cases.

`noticed`: until the group assigns the partitions to the worker that was started immediately. That takes a session timeout,
because the killed worker did not leave the group. `restored`: from there until the slowest partition has committed its
first batch.

With `--standby` a second worker has copies of all states when the first one is killed, and nothing is started.
"""

import argparse
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from threading import Event, Thread

import orjson

from router.wire.settings import Settings
from tests.bench.large_state import SIZES, LargeState, large_state
from tests.bench.pinned_process import Pinned
from tests.bench.second_worker import await_copies, second_worker
from tests.bench.stopwatch import LIMIT_SECONDS, UnfinishedError
from tests.bench.topics import Ends

RATE = 200
"""Reports a second around the kill, so that every partition has input."""
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Restored:
    """One kill; times in seconds."""

    cases: int
    noticed: float
    restored_first: float
    """Until the first partition commits."""
    restored: float
    """Until all partitions have committed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--cases", type=int, nargs="*", default=SIZES, help="numbers of matchable cases")
    parser.add_argument("--standby", action="store_true", help="kill a worker of which another one has copies")


def main(arguments: argparse.Namespace, settings: Settings) -> int:
    """Measure, print, write."""
    found = []
    for cases in sorted(arguments.cases):
        one = (measure_standby if arguments.standby else measure)(cases, settings)
        found.append(asdict(one))
        print(describe(one), flush=True)
    (settings.home / "bench" / "restore.json").write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    return 0


def describe(one: Restored) -> str:
    """The result as a sentence."""
    return (
        f"{one.cases:,} matchable cases: noticed after {one.noticed:.1f} s, restored {one.restored:.2f} s later, "
        f"the first partition after {one.restored_first:.2f} s"
    )


def measure(cases: int, settings: Settings) -> Restored:
    """Kill a worker that has a number of matchable cases."""
    with large_state(cases, settings) as large:
        return kill_and_restore(cases, large)


def kill_and_restore(cases: int, large: LargeState) -> Restored:
    """Kill the worker under a constant load and start it again."""
    committed, worker, topic = large.committed, large.worker, large.cases
    with _Load(large):
        time.sleep(1.0)
        at = time.time()
        worker.kill()
        earlier = committed.each(topic)
        worker.restart()
        committed_at = _await_commits(worker, committed, topic, earlier)
    assigned = worker.assigned or at
    return Restored(cases, assigned - at, min(committed_at) - assigned, max(committed_at) - assigned)


def measure_standby(cases: int, settings: Settings) -> Restored:
    """Kill a worker that has a number of matchable cases, when another one has copies of all states."""
    with large_state(cases, settings) as large, second_worker(large.own) as heir:
        await_copies(heir)
        with _Load(large):
            time.sleep(1.0)
            at = time.time()
            large.worker.kill()
            earlier = large.committed.each(large.cases)
            committed_at = _await_commits(heir.worker, large.committed, large.cases, earlier)
        assigned = heir.worker.last_assigned or at
        return Restored(cases, assigned - at, min(committed_at) - assigned, max(committed_at) - assigned)


def _await_commits(worker: Pinned, committed: Ends, topic: str, earlier: Mapping[int, int]) -> list[float]:
    """When each partition of a topic has a new record (seconds since 1970)."""
    committed_at: dict[int, float] = {}
    deadline = time.monotonic() + LIMIT_SECONDS
    while len(committed_at) < len(earlier):
        if time.monotonic() > deadline or worker.exit_code is not None:
            raise UnfinishedError(f"{len(committed_at)} of {len(earlier)} partitions process again; see {worker.log}")
        for partition, end in committed.each(topic).items():
            if end > earlier[partition]:
                committed_at.setdefault(partition, time.time())
        time.sleep(POLL_SECONDS)
    return list(committed_at.values())


class _Load:
    """A constant load until the end of the context."""

    def __init__(self, large: LargeState) -> None:
        self._large, self._over = large, Event()
        self._thread = Thread(target=self._send, name="load", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _send(self) -> None:
        while not self._over.wait(0.5):
            self._large.send(self._large.take(RATE // 2))
