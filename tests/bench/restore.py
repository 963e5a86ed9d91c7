"""`python -m tests.bench restore`: seconds from kill -9 until every partition processes again, by matchable cases.

`noticed`: until the group assigns the partitions to the worker that was started immediately. That takes a session timeout
when the killed worker does not leave the group. `restored`: from there until the slowest partition has a committed
record.

With `--standby` a second worker has copies of all states when the first one is killed, and nothing is started. With `--supervised` the killed
worker leaves its group at once, as under `serve`.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from threading import Event, Thread

import orjson
from kafka import KafkaConsumer, TopicPartition

from router.kafka.blocking import PATIENT_MS, open_consumer
from router.wire.settings import Settings
from router.wire.topic_names import Names
from router.workers.dead_members import DeadMembers
from tests.bench.large_state import SIZES, LargeState, large_state
from tests.bench.pinned_process import Pinned
from tests.bench.second_worker import await_copies, second_worker
from tests.bench.stopwatch import LIMIT_SECONDS, UnfinishedError

RATE = 200
"""Reports a second around the kill, so that every partition has input."""
POLL_MS = 20


@dataclass(frozen=True)
class Restored:
    """One kill; times in seconds."""

    cases: int
    noticed: float
    restored_first: float
    """Until the first partition has a committed record."""
    restored: float
    """Until all partitions have one."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--cases", type=int, nargs="*", default=SIZES, help="numbers of matchable cases")
    parser.add_argument("--standby", action="store_true", help="kill a worker of which another one has copies")
    parser.add_argument("--supervised", action="store_true", help="remove the killed worker from its group")


def main(arguments: argparse.Namespace, settings: Settings) -> int:
    """Measure, print, write."""
    found = []
    for cases in sorted(arguments.cases):
        one = (measure_standby if arguments.standby else measure)(cases, settings, supervised=arguments.supervised)
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


def measure(cases: int, settings: Settings, *, supervised: bool) -> Restored:
    """Kill a worker that has a number of matchable cases."""
    with large_state(cases, settings) as large:
        return kill_and_restore(cases, large, supervised=supervised)


def kill_and_restore(cases: int, large: LargeState, *, supervised: bool = False) -> Restored:
    """Kill the worker under a constant load and start it again."""
    return _kill(cases, large, large.worker, large.worker.restart, supervised=supervised)


def measure_standby(cases: int, settings: Settings, *, supervised: bool) -> Restored:
    """Kill a worker that has a number of matchable cases, when another one has copies of all states."""
    with large_state(cases, settings) as large, second_worker(large.own) as heir:
        await_copies(heir)
        return _kill(cases, large, heir.worker, lambda: None, supervised=supervised)


def _kill(cases: int, large: LargeState, heir: Pinned, then: Callable[[], None], *, supervised: bool) -> Restored:
    """Kill the worker under a constant load, do what comes `then`, and wait until another one processes its partitions."""
    dead, pid = DeadMembers(str(large.own.kafka), Names(large.own.namespace).group), large.worker.pid
    with _Load(large), open_consumer(str(large.own.kafka), connect_ms=PATIENT_MS) as reader:
        time.sleep(1.0)
        at = time.time()
        large.worker.kill()
        if supervised:
            dead.remove(pid)
        reader.assign([TopicPartition(large.cases, number) for number in range(large.own.partitions)])
        reader.seek_to_end()
        then()
        assigned, processed = _await_records(heir, reader, at)
    return Restored(cases, assigned - at, min(processed) - assigned, max(processed) - assigned)


def _await_records(worker: Pinned, reader: KafkaConsumer, killed: float) -> tuple[float, list[float]]:
    """When the worker got its partitions, and when each of them had its first committed record since then (seconds since 1970).

    End offsets would not do: the marker that aborts the killed worker's transaction raises them.
    """
    last: dict[TopicPartition, list[float]] = {source: [] for source in reader.assignment()}
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline and worker.exit_code is None:
        for source, records in reader.poll(timeout_ms=POLL_MS).items():
            last[source] += [time.time()] if records else []
        assigned = worker.last_assigned or 0.0
        if assigned > killed:
            later = [[instant for instant in instants if instant > assigned] for instants in last.values()]
            if all(later):
                return assigned, [min(instants) for instants in later]
    raise UnfinishedError(f"not all {len(last)} partitions process again; see {worker.log}")


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
