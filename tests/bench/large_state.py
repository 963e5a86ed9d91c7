"""A worker that has restored a large number of matchable cases, under a load that continues."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from router.simulator.messages import SourceMessage
from router.simulator.replay.feed import Feed
from router.wire.settings import Settings
from router.wire.topic_names import Names
from tests.bench.load_shape import CITY, load_shape
from tests.bench.pinned_process import Pinned
from tests.bench.preloaded_state import preload_state
from tests.bench.product import router, started, topics_for
from tests.bench.stopwatch import all_beyond, until_quiet
from tests.bench.topics import Ends, ends

SIZES = [10_000, 100_000, 1_000_000]
"""Numbers of matchable cases."""
PROBES = 1_000
"""Reports that reach every partition, to show that the worker has opened all of them."""


@dataclass(frozen=True)
class LargeState:
    """The worker, its input and its output."""

    own: Settings
    worker: Pinned
    committed: Ends
    cases: str
    """Name of the topic."""
    feed: Feed
    messages: Iterator[SourceMessage]

    def take(self, reports: int) -> list[SourceMessage]:
        """The next messages of the load."""
        return list(islice(self.messages, reports))

    def send(self, messages: Sequence[SourceMessage]) -> None:
        """Send messages; returns when all are acknowledged."""
        self.feed.run(messages)


@contextmanager
def large_state(cases: int, settings: Settings) -> Iterator[LargeState]:
    """A worker that has restored every partition and processed its input."""
    messages = load_shape()
    with topics_for(CITY, settings) as own:
        preload_state(own, cases, messages)
        bootstrap, names = str(own.kafka), Names(own.namespace)
        feed = Feed(bootstrap, names, own.partitions, None)
        with ends(bootstrap) as committed, started(router(CITY), own) as worker:
            earlier = committed.each(names.cases)
            state = LargeState(own, worker, committed, names.cases, feed, messages)
            state.send(state.take(PROBES))
            begun = lambda: all_beyond(committed, names.cases, earlier)  # noqa: E731
            until_quiet(committed, names.cases, begun, beyond=sum(earlier.values()))
            yield state
