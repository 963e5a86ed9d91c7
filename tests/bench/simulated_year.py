"""`python -m tests.bench.simulated_year --a-day 17650 --days 365`: state, table of cases and dedup index while a city grows old.

Without Kafka. Reports of Puyang come evenly over the days, each under a new id and a few metres beside the place of an earlier one,
through the dedup index and the fold of four partitions. Ticks come when a window is due. The table holds the last value of each key,
as `grid.cases` does after compaction. One line for every thirty days; `restore` is the time to build all states from the table again.
"""

import argparse
import resource
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice

from msgspec.structs import replace

from router.cities.folder import city_folder, load_city
from router.domain.fold import fold
from router.domain.intake.dedup import DedupIndex, Said
from router.domain.model.outcome import CaseArchived, CaseChanged, Outcome
from router.domain.model.rejection import Rejection
from router.domain.model.report import Report, Tick
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleSets
from router.domain.state.partition_state import PartitionState
from router.simulator.evaluation.offline import Translator
from router.simulator.scenario import input_of
from router.stream.gc_tuning import tune_gc
from router.wire.codec import decode_case, encode_case
from router.wire.partitioning import partition_for_cell

PARTITIONS = 4
TEMPLATES = 20_000
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SHIFT = 0.0001
"""Degrees, about ten metres: the same places come again, the same points do not."""


def templates(city: City) -> list[Report]:
    """First versions of reports of the city."""
    source = input_of(city, city_folder(city.name)).messages(reports=10**7, seed=1, secondary_reports=False, noise=1.0)
    firsts = (event.report for event in Translator(city).events(source) if event.report.version == 1)
    return list(islice(firsts, TEMPLATES))


class Year:
    """The partitions of one city, and the table that they write.

    Args:
        city: the rules.
    """

    def __init__(self, city: City) -> None:
        self.rules = RuleSets(city)
        self.states = [PartitionState() for _ in range(PARTITIONS)]
        self.index = DedupIndex()
        self.table: dict[str, bytes] = {}
        self.counts: Counter[str] = Counter()

    def take(self, report: Report) -> None:
        """One report, and before it the ticks that are due."""
        for number, state in enumerate(self.states):
            due = state.next_due()
            if due is not None and due <= report.received_at:
                self._written(fold(self.states[number], Tick(at=report.received_at), self.rules))
                self.counts["ticks"] += 1
        decided = self.index.register(report, Said(report.id), b"")
        self.index.forget(report.received_at)
        assert decided is not None
        assert not isinstance(decided, Rejection)
        partition = partition_for_cell(report.location.cell.encode(), PARTITIONS)
        self._written(fold(self.states[partition], report, self.rules))

    def _written(self, outcome: Outcome) -> None:
        for record in outcome.records:
            if isinstance(record, CaseChanged):
                value = encode_case(record.case)[1]
                self.table[record.case.id] = value
                self.counts["bytes"] += len(value)
            elif isinstance(record, CaseArchived):
                self.counts["archived"] += 1
                self.counts["tombstones"] += self.table.pop(record.case.id, None) is not None
        self.counts["rejected"] += outcome.rejection is not None

    def restored_s(self) -> float:
        """Seconds in which the states are restored from the table."""
        begun = time.perf_counter()
        state = PartitionState()
        for value in self.table.values():
            state.restore(decode_case(value), self.rules.merging)
        return time.perf_counter() - begun


def main() -> None:
    """Fold, and print a line for each month."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.simulated_year", description=__doc__)
    parser.add_argument("--a-day", type=int, default=17_650, help="reports a day")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--every", type=int, default=30, help="days between two lines")
    arguments = parser.parse_args()
    tune_gc()
    city = load_city("puyang")
    year, source, number = Year(city), cycle(templates(city)), 0
    print(
        "  day  rows in table  MB in table  ids in state  in index   archived  rejected     ticks  us/report  MiB (peak)  restore s"
    )
    for day in range(1, arguments.days + 1):
        begun = time.perf_counter()
        for report in islice(source, arguments.a_day):
            year.take(_again(report, number, BEGIN + number * DAY / arguments.a_day))
            number += 1
        if day % arguments.every == 0 or day == arguments.days:
            _print(year, day, (time.perf_counter() - begun) / arguments.a_day * 1e6)


def _again(report: Report, number: int, at: datetime) -> Report:
    """The report under a new id, now, a little further north."""
    location, turn = report.location, number // TEMPLATES % 100
    if location.lat is not None:
        location = replace(location, lat=location.lat + turn * SHIFT)
    name = f"{report.network}:Y-{number:012}"
    again = replace(report, id=name, source_id=f"Y-{number:012}", location=location)
    return replace(again, occurred_at=at, reported_at=at, received_at=at, rule_set="")


def _print(year: Year, day: int, us: float) -> None:
    counts, table = year.counts, year.table
    ids = sum(len(state.case_by_report) for state in year.states)
    size, peak = sum(map(len, table.values())) / 1e6, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert counts["archived"] == counts["tombstones"]
    print(
        f"{day:5}{len(table):15,}{size:13,.0f}{ids:14,}{len(year.index):10,}{counts['archived']:11,}{counts['rejected']:10,}"
        f"{counts['ticks']:10,}{us:11,.0f}{peak:12,.0f}{year.restored_s():11.1f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
