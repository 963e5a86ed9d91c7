"""`python -m tests.bench growth`: reports a second and memory of a matchable case, by the number of matchable cases.

First without a broker: translation and fold in this process. Then a worker with restored state. With `--kill` it measures
the restore, too, as `restore` does, because preloading a million cases takes longer than measuring them. With `--cities` the
fold alone has its cases in many copies of the city, and is timed in turn with one city.
"""

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import count, cycle, islice
from pathlib import Path
from statistics import median

import orjson

from router.cities.folder import load_city
from router.domain.fold import fold
from router.domain.intake.normalise import normalise
from router.domain.model.report import Report
from router.domain.networks.registry import NETWORKS
from router.domain.rules.rule_sets import RuleSets
from router.domain.state.partition_state import PartitionState
from router.simulator.evaluation.offline import record_of
from router.simulator.recorded.hotline_history import NETWORK
from router.stream.gc_tuning import tune_gc
from router.wire.partitioning import partition_for_cell
from router.wire.settings import Settings
from tests.bench.copies import in_copy
from tests.bench.large_state import SIZES, LargeState, large_state
from tests.bench.load_shape import CITY, load_shape
from tests.bench.pinned_process import Pinned
from tests.bench.product import PARTITIONS
from tests.bench.restore import describe, kill_and_restore
from tests.bench.stopwatch import until_quiet

MEASURED = 5_000
"""Reports that are timed at each size, without a broker."""
BATCH = 2_000
CASES_OF_A_CITY = 10_000
"""Matchable cases of each copy, and of the city with which they are timed in turn."""
TURNS, TURN = 15, 200
"""How often the two are timed, and reports each time. They keep most of their density: the city grows by less than a third."""
IDLE_SHARE = 0.3
"""Share of a core that heartbeats and empty fetches need."""


@dataclass(frozen=True)
class GrowthRow:
    """Measurement at one size."""

    kind: str
    """`fold` without a broker, `worker` with one; `city` and `copies` without a broker and in turn."""
    cases: int
    reports: int
    """Reports that were timed."""
    rate: float
    """Reports a second of the fold alone, or of the worker."""
    per_cpu_second: float
    """Reports a CPU second of the fold alone, or of the worker."""
    bytes_per_case: float
    """Resident memory beyond that without cases, divided by cases; of a worker for both stages."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--cases", type=int, nargs="*", default=SIZES, help="numbers of matchable cases")
    parser.add_argument("--reports", type=int, default=100_000, help="reports through a worker at each size")
    parser.add_argument(
        "--kill", action="store_true", help="kill each worker first, and print how long the restore takes"
    )
    parser.add_argument(
        "--fold", action=argparse.BooleanOptionalAction, default=True, help="measure the fold alone, too"
    )
    parser.add_argument(
        "--cities",
        type=int,
        nargs="?",
        const=0,
        help=f"the fold alone, in turn in one city and in this number of copies of it; without a number one copy for each {CASES_OF_A_CITY:,} cases",
    )
    parser.add_argument("--broker", action=argparse.BooleanOptionalAction, default=True, help="measure workers, too")


def main(arguments: argparse.Namespace, settings: Settings) -> int:
    """Measure, print, write."""
    print(f"{'':8}{'cases':>12}{'reports':>10}{'reports/s':>11}{'per CPU-s':>11}{'bytes/case':>12}")
    found = []
    for one in _all(arguments, settings):
        found.append(asdict(one))
        rates = f"{one.rate:>11,.0f}{one.per_cpu_second:>11,.0f}"
        print(f"{one.kind:8}{one.cases:>12,}{one.reports:>10,}{rates}{one.bytes_per_case:>12,.0f}", flush=True)
    (settings.home / "bench" / "growth.json").write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    return 0


def _all(arguments: argparse.Namespace, settings: Settings) -> Iterator[GrowthRow]:
    if arguments.cities is not None:
        for size in sorted(arguments.cases):
            yield from in_turn(size, arguments.cities or max(1, size // CASES_OF_A_CITY))
        return
    if arguments.fold:
        yield from folded(sorted(arguments.cases))
    if not arguments.broker:
        return
    with large_state(0, settings) as large:
        empty = large.worker.resident_mib
    for cases in sorted(arguments.cases):
        with large_state(cases, settings) as large:
            held, number = large.worker.resident_mib - empty, arguments.reports
            if arguments.kill:
                print(describe(kill_and_restore(cases, large)), flush=True)
            seconds, cpu_seconds = _worker(number, large)
        yield GrowthRow("worker", cases, number, number / seconds, number / cpu_seconds, (held << 20) / cases)


def folded(sizes: list[int]) -> Iterator[GrowthRow]:
    """Translation and fold in this process, one state for each partition."""
    folding = Folding()
    folding.take(BATCH)  # memory allocated at the first report belongs to no case
    begun_with, before = folding.matchable_cases, resident()
    for size in sizes:
        folding.fill(size)
        cases, held = folding.matchable_cases, resident() - before
        spent, cpu_spent = folding.take(MEASURED)
        yield GrowthRow("fold", cases, MEASURED, MEASURED / spent, MEASURED / cpu_spent, held / (cases - begun_with))


def in_turn(size: int, cities: int) -> Iterator[GrowthRow]:
    """Translation and fold of one city, and of copies with `size` cases in all, timed in turn: the machine drifts."""
    foldings = {"city": Folding(), "copies": Folding(cities)}
    held: dict[str, float] = {}
    for (kind, folding), cases in zip(foldings.items(), (CASES_OF_A_CITY, size), strict=True):
        folding.take(BATCH)  # memory allocated at the first report belongs to no case
        begun_with, before = folding.matchable_cases, resident()
        folding.fill(cases)
        held[kind] = (resident() - before) / max(1, folding.matchable_cases - begun_with)
    spent: dict[str, list[tuple[float, float]]] = {kind: [] for kind in foldings}
    for _ in range(TURNS):
        for kind, folding in foldings.items():
            spent[kind].append(folding.take(TURN))
    for kind, cases in zip(foldings, (CASES_OF_A_CITY, size), strict=True):
        seconds, cpu_seconds = (median(one) for one in zip(*spent[kind], strict=True))
        yield GrowthRow(kind, cases, TURNS * TURN, TURN / seconds, TURN / cpu_seconds, held[kind])


class Folding:
    """The load shape through translation and fold.

    Args:
        cities: copies of the city, of which each gets its share of the reports.
    """

    def __init__(self, cities: int = 1) -> None:
        self._city, self._messages, self._offsets = load_city(CITY), load_shape(), count()
        self._copies = cycle(range(cities))
        self._rules = RuleSets(self._city)
        self._states = [PartitionState() for _ in range(PARTITIONS)]
        tune_gc()  # as a worker does

    @property
    def matchable_cases(self) -> int:
        """Matchable cases in all partitions."""
        return sum(state.matchable_cases for state in self._states)

    def fill(self, size: int) -> None:
        """Take reports until there are at least this many matchable cases."""
        while (missing := size - self.matchable_cases) > 0:
            self.take(min(missing, BATCH * 10))

    def take(self, number: int) -> tuple[float, float]:
        """Seconds and CPU seconds that the fold alone takes for a number of reports."""
        spent = cpu_spent = 0.0
        for begin in range(0, number, BATCH):
            reports = self._translated(min(BATCH, number - begin))
            begun, cpu_begun = time.perf_counter(), time.process_time()
            for report in reports:
                partition = partition_for_cell(report.location.cell.encode(), PARTITIONS)
                fold(self._states[partition], report, self._rules)
            spent += time.perf_counter() - begun
            cpu_spent += time.process_time() - cpu_begun
        return spent, cpu_spent

    def _translated(self, number: int) -> list[Report]:
        records = [record_of(message, next(self._offsets)) for message in islice(self._messages, number)]
        reports = normalise(NETWORKS[NETWORK], records, self._city).reports
        return [in_copy(report, copy) for report, copy in zip(reports, self._copies, strict=False)]


def _worker(reports: int, large: LargeState) -> tuple[float, float]:
    """Seconds and CPU seconds of a worker for a number of reports, which arrive faster than it processes them."""
    committed, worker, messages = large.committed, large.worker, large.take(reports)
    before, begun, cpu_begun = committed.of(large.cases), time.monotonic(), worker.cpu_seconds
    large.send(messages)
    last = until_quiet(committed, large.cases, lambda: _idle(worker), beyond=before)
    return last - begun, worker.cpu_seconds - cpu_begun


def _idle(worker: Pinned) -> bool:
    """Whether the worker is idle. With many matchable cases it may fold for seconds before it commits."""
    before = worker.cpu_seconds
    time.sleep(1.0)
    return worker.cpu_seconds - before < IDLE_SHARE


def resident() -> int:
    """Resident memory of this process in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
