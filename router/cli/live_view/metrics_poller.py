"""The metrics of all workers together, read from their `/metrics` pages."""

import http.client
from collections import defaultdict
from collections.abc import Iterable

from prometheus_client.parser import text_string_to_metric_families

Key = tuple[str, tuple[tuple[str, str], ...]]
"""Name of a sample, and its labels sorted by name."""
TIMEOUT_S = 0.5
MOST_BYTES = 16 << 20
"""A longer page is none of a worker."""
COUNTED, CREATED = "_total", "_created"
"""Suffixes of a counter's two samples."""


def fetch_metrics(host: str, port: int) -> str | None:
    """The metrics page of a worker, or None if the worker does not answer."""
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        page = response.read(MOST_BYTES + 1)
        return page.decode() if response.status == http.client.OK and len(page) <= MOST_BYTES else None
    except (OSError, http.client.HTTPException, UnicodeError):
        return None
    finally:
        connection.close()


def parse_metrics(text: str) -> dict[Key, float]:
    """Parse the router's gauges and counters, the latter with their creation time. Histograms are left out.

    Raises:
        ValueError: the page is not in Prometheus text format.
    """
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        if family.name.startswith("grid_") and family.type in {"counter", "gauge"}
        for sample in family.samples
    }


class WorkerMetrics:
    """Sums over the workers: counters since the first poll, gauges at the latest poll.

    A restarted worker counts from 0. The counts of its earlier process are kept.
    """

    def __init__(self) -> None:
        self._last: dict[int, dict[Key, float]] = {}
        self._silent: set[int] = set()
        self._earlier: dict[Key, float] = defaultdict(float)

    @property
    def answering(self) -> int:
        """Number of workers that answered the latest poll."""
        return len(self._last) - len(self._silent)

    def update(self, worker: int, page: dict[Key, float] | None) -> None:
        """Store the samples of one worker; None if it did not answer. Its next page shows whether it was restarted."""
        if page is None:
            if worker in self._last:
                self._silent.add(worker)
            return
        self._silent.discard(worker)
        last = self._last.get(worker, {})
        if any(_restarted(key, value, page) for key, value in last.items()):
            for key, value in last.items():
                if key[0].endswith(COUNTED):
                    self._earlier[key] += value
        self._last[worker] = page

    def _all(self, name: str) -> Iterable[tuple[dict[str, str], float]]:
        is_counter = name.endswith(COUNTED)
        pages = (page for worker, page in self._last.items() if is_counter or worker not in self._silent)
        for source in (self._earlier, *pages):
            for (metric, labels), value in source.items():
                if metric == name:
                    yield dict(labels), value

    def total(self, name: str, **labels: str) -> int:
        """The sum of a counter or gauge over all workers and all labels that are not given."""
        return round(sum(value for own, value in self._all(name) if labels.items() <= own.items()))

    def maximum(self, name: str) -> float:
        """The largest value of a gauge, or 0 if no worker reports it."""
        return max((value for _, value in self._all(name)), default=0.0)

    def maximum_by(self, name: str, label: str) -> dict[str, float]:
        """The largest values of a gauge by the values of one label."""
        largest: dict[str, float] = {}
        for own, value in self._all(name):
            if label in own:
                largest[own[label]] = max(value, largest.get(own[label], value))
        return largest

    def by(self, name: str, label: str, **labels: str) -> dict[str, int]:
        """The sums by the values of one label, sorted by value."""
        sums: dict[str, float] = defaultdict(float)
        for own, value in self._all(name):
            if labels.items() <= own.items() and label in own:
                sums[own[label]] += value
        return {value: round(sums[value]) for value in sorted(sums)}


def _restarted(key: Key, value: float, page: dict[Key, float]) -> bool:
    name = key[0]
    if name.endswith(COUNTED):
        return page.get(key, 0.0) < value
    return name.endswith(CREATED) and page.get(key, value) != value
