"""A worker with very many open cases, which it has restored, and the throng goes on."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from router.simulator.messages import SourceMessage
from router.simulator.replay.feed import Feed
from router.wire.settings import Settings
from router.wire.topics import Names
from tests.bench.load_shape import CITY, load_shape
from tests.bench.pinned_process import Pinned
from tests.bench.preloaded_state import seed
from tests.bench.product import router, started, topics_for
from tests.bench.stopwatch import all_beyond, until_quiet
from tests.bench.topics import Ends, ends

SIZES = [10_000, 100_000, 1_000_000]
"""Open cases."""
PROBES = 1_000
"""Reports after which a worker is known to have opened every partition."""


@dataclass(frozen=True)
class Grown:
    """The worker, and what comes in and out of it."""

    worker: Pinned
    committed: Ends
    cases: str
    """The topic."""
    feed: Feed
    messages: Iterator[SourceMessage]

    def take(self, reports: int) -> list[SourceMessage]:
        """So many more of the throng."""
        return list(islice(self.messages, reports))

    def send(self, messages: Sequence[SourceMessage]) -> None:
        """All are on their topic at the end."""
        self.feed.run(messages)


@contextmanager
def grown(cases: int, settings: Settings) -> Iterator[Grown]:
    """Every partition is restored and processes; nothing waits."""
    messages = load_shape()
    with topics_for(CITY, settings) as own:
        seed(own, cases, messages)
        bootstrap, names = str(own.kafka), Names(own.namespace)
        feed = Feed(bootstrap, names, own.partitions, None)
        with ends(bootstrap) as committed, started(router(CITY), own) as worker:
            earlier = committed.each(names.cases)
            there = Grown(worker, committed, names.cases, feed, messages)
            there.send(there.take(PROBES))
            begun = lambda: all_beyond(committed, names.cases, earlier)  # noqa: E731
            until_quiet(committed, names.cases, begun, beyond=sum(earlier.values()))
            yield there
