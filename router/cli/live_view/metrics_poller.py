"""What the workers of one run have counted together, read from their `/metrics` pages."""

import http.client
from collections import defaultdict
from collections.abc import Iterable

from prometheus_client.parser import text_string_to_metric_families

Key = tuple[str, tuple[tuple[str, str], ...]]
"""Sample name, and its labels in order of their names."""
TIMEOUT_S = 0.5
COUNTED, CREATED = "_total", "_created"
"""Endings of a counter's two samples."""


def page(host: str, port: int) -> str | None:
    """A worker's metrics page; None while it does not answer."""
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        return response.read().decode() if response.status == http.client.OK else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def samples(text: str) -> dict[Key, float]:
    """Counters (with the instants of their creation) and gauges of the router on a metrics page, without histograms.

    Raises:
        ValueError: the page is no Prometheus text.
    """
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        if family.name.startswith("grid_") and family.type in {"counter", "gauge"}
        for sample in family.samples
    }


class Meter:
    """Sums over the workers: of counters since the first look, of gauges as they are now.

    A worker that was killed and started again counts from 0; what its forerunner had counted is kept.
    """

    def __init__(self) -> None:
        self._last: dict[int, dict[Key, float]] = {}
        self._silent: set[int] = set()
        self._before: dict[Key, float] = defaultdict(float)

    @property
    def answering(self) -> int:
        """How many workers answered last time."""
        return len(self._last) - len(self._silent)

    def take(self, worker: int, page: dict[Key, float] | None) -> None:
        """What one worker says now; None when it does not answer: busy, or dead, which its next page will tell."""
        if page is None:
            if worker in self._last:
                self._silent.add(worker)
            return
        self._silent.discard(worker)
        last = self._last.get(worker, {})
        if any(_began_anew(key, value, page) for key, value in last.items()):
            for key, value in last.items():
                if key[0].endswith(COUNTED):
                    self._before[key] += value
        self._last[worker] = page

    def _all(self, name: str) -> Iterable[tuple[dict[str, str], float]]:
        lasting = name.endswith(COUNTED)
        heard = (page for worker, page in self._last.items() if lasting or worker not in self._silent)
        for source in (self._before, *heard):
            for (metric, labels), value in source.items():
                if metric == name:
                    yield dict(labels), value

    def total(self, name: str, **labels: str) -> int:
        """The sum of a counter or gauge over all workers and over the labels not given."""
        return round(sum(value for have, value in self._all(name) if labels.items() <= have.items()))

    def most(self, name: str) -> float:
        """The largest value of a gauge, 0 when nobody reports it."""
        return max((value for _, value in self._all(name)), default=0.0)

    def by(self, name: str, label: str, **labels: str) -> dict[str, int]:
        """The sums by the values of one label, in the order of those values."""
        sums: dict[str, float] = defaultdict(float)
        for have, value in self._all(name):
            if labels.items() <= have.items() and label in have:
                sums[have[label]] += value
        return {value: round(sums[value]) for value in sorted(sums)}


def _began_anew(key: Key, value: float, page: dict[Key, float]) -> bool:
    name = key[0]
    if name.endswith(COUNTED):
        return page.get(key, 0.0) < value
    return name.endswith(CREATED) and page.get(key, value) != value
