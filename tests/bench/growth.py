"""`python -m tests.bench growth`: reports a second, and memory of an open case, while ever more cases are open.

First without a broker: translation and fold in this process. Then a whole worker whose state was restored.
"""

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import orjson

from router.cities.folder import load_city
from router.domain.fold import fold
from router.domain.networks.registry import NETWORKS
from router.domain.normalise import normalise
from router.domain.state import PartitionState
from router.simulator.feed import Feed
from router.simulator.history import NETWORK
from router.simulator.offline import _arrived
from router.stream.worker import collect_seldom
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
    bytes_per_case: float
    """Resident memory more than without any case, by case; of a worker the memory of both hops."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--cases", type=int, nargs="*", default=SIZES, help="open at once")
    parser.add_argument("--reports", type=int, default=100_000, help="through a worker at each size")
    parser.add_argument("--broker", action=argparse.BooleanOptionalAction, default=True, help="measure workers too")


def main(arguments: argparse.Namespace, settings: Settings) -> int:
    """Measure, print, write."""
    print(f"{'':8}{'open cases':>12}{'reports':>10}{'reports/s':>11}{'bytes/case':>12}")
    found = []
    for one in _all(arguments, settings):
        found.append(asdict(one))
        print(
            f"{one.kind:8}{one.cases:>12,}{one.reports:>10,}{one.rate:>11,.0f}{one.bytes_per_case:>12,.0f}", flush=True
        )
    (settings.home / "bench" / "growth.json").write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    return 0


def _all(arguments: argparse.Namespace, settings: Settings) -> Iterator[Grown]:
    yield from folded(sorted(arguments.cases))
    if arguments.broker:
        _, empty = _worker(settings, 0, PROBES)
        for cases in sorted(arguments.cases):
            rate, held = _worker(settings, cases, arguments.reports)
            yield Grown("worker", cases, arguments.reports, rate, (held - empty) / cases)


def folded(sizes: list[int]) -> Iterator[Grown]:
    """Translation and fold in this process, a state a partition."""
    city, states, messages = load_city(CITY), [PartitionState() for _ in range(PARTITIONS)], throng()
    collect_seldom()
    offset = 0

    def take(number: int) -> float:
        """CPU seconds of the fold for so many reports."""
        nonlocal offset
        spent = 0.0
        while number:
            batch = list(islice(messages, min(IN_A_BATCH, number)))
            number -= len(batch)
            records = [_arrived(message, offset + i) for i, message in enumerate(batch)]
            offset += len(batch)
            reports = normalise(NETWORKS[NETWORK], records, city).reports
            begun = time.process_time()
            for report in reports:
                fold(states[partition_for_cell(report.location.cell.encode(), PARTITIONS)], report, city)
            spent += time.process_time() - begun
        return spent

    take(IN_A_BATCH)  # what is loaded or made at the first report belongs to no case
    begun_with, before = sum(state.open_cases for state in states), resident()
    for size in sizes:
        while (missing := size - sum(state.open_cases for state in states)) > 0:
            take(min(missing, IN_A_BATCH * 10))
        cases, held = sum(state.open_cases for state in states), resident() - before
        yield Grown("fold", cases, MEASURED, MEASURED / take(MEASURED), held / (cases - begun_with))


def _worker(settings: Settings, cases: int, reports: int) -> tuple[float, int]:
    """Reports a second of a worker whose state was restored with so many cases, and its resident bytes before them."""
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
            there, begun = committed.of(topic), time.monotonic()
            worker.thaw()
            last = until_quiet(committed, topic, beyond=there)
    return reports / (last - begun), held


def resident() -> int:
    """Bytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
