"""Measurements of one contender, medians of several runs, and the table of all contenders."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One run."""

    name: str
    guarantee: str
    reports: int
    """Input records, including corrections, redeliveries and malformed records."""
    seconds: float
    cpu_seconds: float
    others_seconds: float
    """CPU seconds of other processes on its core: how disturbed the run was."""
    peak_mib: int
    faults: tuple[str, ...] = ()
    """Faults of its output, one sentence each."""

    @property
    def rate(self) -> float:
        """Reports a second."""
        return self.reports / self.seconds

    @property
    def per_cpu_second(self) -> float:
        """Reports a second of CPU time."""
        return self.reports / max(self.cpu_seconds, 0.01)

    @property
    def busy(self) -> float:
        """Share of the core that it used; 1 means that the core is the limit."""
        return self.cpu_seconds / self.seconds

    @property
    def others(self) -> float:
        """Share of the core that other processes used."""
        return self.others_seconds / self.seconds


@dataclass(frozen=True)
class RequestRow:
    """All runs of one contender on one input."""

    runs: tuple[Figure, ...]

    @property
    def name(self) -> str:
        return self.runs[0].name

    @property
    def reports(self) -> int:
        return self.runs[0].reports

    @property
    def rate(self) -> float:
        """Median of the runs; each figure has its own median."""
        return median(run.rate for run in self.runs)

    @property
    def per_cpu_second(self) -> float:
        return median(run.per_cpu_second for run in self.runs)

    @property
    def busy(self) -> float:
        return median(run.busy for run in self.runs)

    @property
    def others(self) -> float:
        return median(run.others for run in self.runs)

    @property
    def peak_mib(self) -> int:
        return round(median(run.peak_mib for run in self.runs))

    @property
    def sound(self) -> int:
        """Number of runs with correct output."""
        return sum(not run.faults for run in self.runs)

    def as_json(self) -> dict[str, Any]:
        """The medians and every run."""
        return {
            "name": self.name,
            "reports": self.reports,
            "guarantee": self.runs[0].guarantee,
            "rate": self.rate,
            "per_cpu_second": self.per_cpu_second,
            "busy": self.busy,
            "others": self.others,
            "peak_mib": self.peak_mib,
            "right": self.sound,
            "runs": [asdict(run) | {"rate": run.rate} for run in self.runs],
        }


def rows(figures: Iterable[Figure]) -> list[RequestRow]:
    """Runs grouped by contender and number of reports, in the order of the first run."""
    found: dict[tuple[str, int], list[Figure]] = {}
    for figure in figures:
        found.setdefault((figure.name, figure.reports), []).append(figure)
    return [RequestRow(tuple(runs)) for runs in found.values()]


def table(title: str, among: Sequence[RequestRow]) -> list[str]:
    """Lines of the table. A ratio is the first row divided by the row: of reports a second, and of reports a CPU second."""
    header = (
        f"{'reports/s':>10}{'min - max':>18}{'ratio':>8}{'per CPU-s':>11}{'ratio':>8}{'busy':>6}{'others':>7}{'MiB':>7}"
    )
    lines = [f"{title:34}{'reports':>11}{header}  {'guarantee':14}correct"]
    for row in among:
        rates = sorted(run.rate for run in row.runs)
        spread = f"{rates[0]:,.0f} - {rates[-1]:,.0f}"
        ours = f"{among[0].rate / row.rate:.2f}", f"{among[0].per_cpu_second / row.per_cpu_second:.2f}"
        lines.append(
            f"{row.name:34}{row.reports:>11,}{row.rate:>10,.0f}{spread:>18}{ours[0]:>8}{row.per_cpu_second:>11,.0f}"
            f"{ours[1]:>8}{row.busy:>6.0%}{row.others:>7.0%}{row.peak_mib:>7,}  {row.runs[0].guarantee:14}{row.sound}/{len(row.runs)}"
        )
    return lines


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all reaches or stays below (nearest rank).

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    rank = ceil(round(len(ordered) * share, 6))  # a float such as 0.07 is not exact
    return ordered[max(rank, 1) - 1]
