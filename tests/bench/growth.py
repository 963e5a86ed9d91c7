"""`python -m tests.bench growth`: reports a second, and memory of an open case, while ever more cases are open.

First without a broker: translation and fold in this process. Then a whole worker whose state was restored.
"""

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import count, islice
from pathlib import Path

import orjson

from router.cities.folder import load_city
from router.domain.fold import fold
from router.domain.networks.registry import NETWORKS
from router.domain.normalise import normalise
from router.domain.reports import Report
from router.domain.state import PartitionState
from router.simulator.feed import Feed
from router.simulator.history import NETWORK
from router.simulator.offline import _arrived
from router.stream.garbage import collect_seldom
from router.wire.partitioning import partition_for_cell
from router.wire.settings import Settings
from router.wire.topics import Names
from tests.bench.course import all_beyond, until_quiet
from tests.bench.product import PARTITIONS, router, started, topics_for
from tests.bench.seeded import seed
from tests.bench.throng import CITY, throng
from tests.bench.topics import ends

SIZES = [10_000, 100_000, 1_000_000]
MEASURED = 5_000
"""Reports whose time is taken, without a broker, at each size."""
IN_A_BATCH = 2_000
PROBES = 1_000
"""Reports after which a worker is known to have opened every partition."""


@dataclass(frozen=True)
class Grown:
    """What was seen at one size."""

    kind: str
    """`fold` without a broker, `worker` with one."""
    cases: int
    reports: int
    """Whose time was taken."""
    rate: float
    """Of them, a second: of the fold alone, or of the worker."""
    per_cpu_second: float
    """The same by CPU seconds: of the fold alone, or of the whole worker."""
    bytes_per_case: float
    """Resident memory more than without any case, by case; of a worker the memory of both hops."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--cases", type=int, nargs="*", default=SIZES, help="open at once")
    parser.add_argument("--reports", type=int, default=100_000, help="through a worker at each size")
    parser.add_argument("--broker", action=argparse.BooleanOptionalAction, default=True, help="measure workers too")


def main(arguments: argparse.Namespace, settings: Settings) -> int:
    """Measure, print, write."""
    print(f"{'':8}{'open cases':>12}{'reports':>10}{'reports/s':>11}{'per CPU-s':>11}{'bytes/case':>12}")
    found = []
    for one in _all(arguments, settings):
        found.append(asdict(one))
        rates = f"{one.rate:>11,.0f}{one.per_cpu_second:>11,.0f}"
        print(f"{one.kind:8}{one.cases:>12,}{one.reports:>10,}{rates}{one.bytes_per_case:>12,.0f}", flush=True)
    (settings.home / "bench" / "growth.json").write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    return 0


def _all(arguments: argparse.Namespace, settings: Settings) -> Iterator[Grown]:
    yield from folded(sorted(arguments.cases))
    if arguments.broker:
        *_, empty = _worker(settings, 0, PROBES)
        for cases in sorted(arguments.cases):
            seconds, cpu_seconds, held = _worker(settings, cases, arguments.reports)
            number = arguments.reports
            yield Grown("worker", cases, number, number / seconds, number / cpu_seconds, (held - empty) / cases)


def folded(sizes: list[int]) -> Iterator[Grown]:
    """Translation and fold in this process, a state a partition."""
    folding = Folding()
    folding.take(IN_A_BATCH)  # what is loaded or made at the first report belongs to no case
    begun_with, before = folding.open_cases, resident()
    for size in sizes:
        while (missing := size - folding.open_cases) > 0:
            folding.take(min(missing, IN_A_BATCH * 10))
        cases, held = folding.open_cases, resident() - before
        spent, cpu_spent = folding.take(MEASURED)
        yield Grown("fold", cases, MEASURED, MEASURED / spent, MEASURED / cpu_spent, held / (cases - begun_with))


class Folding:
    """A throng through translation and fold."""

    def __init__(self) -> None:
        self._city, self._messages, self._offsets = load_city(CITY), throng(), count()
        self._states = [PartitionState() for _ in range(PARTITIONS)]
        collect_seldom()  # as a worker does

    @property
    def open_cases(self) -> int:
        """In all partitions."""
        return sum(state.open_cases for state in self._states)

    def take(self, number: int) -> tuple[float, float]:
        """Seconds, and CPU seconds, that the fold alone takes for so many reports."""
        spent = cpu_spent = 0.0
        for begin in range(0, number, IN_A_BATCH):
            reports = self._translated(min(IN_A_BATCH, number - begin))
            begun, cpu_begun = time.perf_counter(), time.process_time()
            for report in reports:
                partition = partition_for_cell(report.location.cell.encode(), PARTITIONS)
                fold(self._states[partition], report, self._city)
            spent += time.perf_counter() - begun
            cpu_spent += time.process_time() - cpu_begun
        return spent, cpu_spent

    def _translated(self, number: int) -> list[Report]:
        records = [_arrived(message, next(self._offsets)) for message in islice(self._messages, number)]
        return normalise(NETWORKS[NETWORK], records, self._city).reports


def _worker(settings: Settings, cases: int, reports: int) -> tuple[float, float, int]:
    """Seconds and CPU seconds of a worker whose state was restored with so many cases; its resident bytes before."""
    messages = throng()
    with topics_for(CITY, settings) as own:
        seed(own, cases, messages)
        bootstrap, topic = str(own.kafka), Names(own.namespace).cases
        feed = Feed(bootstrap, Names(own.namespace), own.partitions, None)
        with ends(bootstrap) as committed, started(router(CITY), own) as worker:
            earlier = committed.each(topic)
            feed.run(islice(messages, PROBES))
            until_quiet(committed, topic, lambda: all_beyond(committed, topic, earlier), beyond=sum(earlier.values()))
            held = worker.resident_mib << 20
            worker.freeze()
            feed.run(islice(messages, reports))
            there, begun, cpu_begun = committed.of(topic), time.monotonic(), worker.cpu_seconds
            worker.thaw()
            last = until_quiet(committed, topic, beyond=there)
            return last - begun, worker.cpu_seconds - cpu_begun, held


def resident() -> int:
    """Bytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
