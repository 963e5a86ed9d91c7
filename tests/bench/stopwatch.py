"""Measures one contender: from its first fetched input record to the last commit on its output topic."""

import time
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.bench.pinned_process import Pinned, core_seconds
from tests.bench.topics import Ends

POLL_SECONDS = 0.05
QUIET_SECONDS = 4.0
"""After this time without a commit, the output is checked for completeness."""
LIMIT_SECONDS = 900.0


@dataclass(frozen=True)
class Measured:
    """Times and memory of one run."""

    seconds: float
    cpu_seconds: float
    others_seconds: float
    """CPU seconds of other processes on the contender's core."""
    peak_mib: int


class UnfinishedError(Exception):
    """A contender ended, or made no progress."""


def watch(worker: Pinned, ends: Ends, topic: str, complete: Callable[[], bool]) -> Measured:
    """Wait until nothing more is committed and the output is complete.

    Args:
        worker: the contender, just started.
        ends: committed end offsets.
        topic: the output topic.
        complete: whether the output is complete; called after a quiet time, once for each end offset.

    Raises:
        UnfinishedError: the worker ended, or its output was not complete in time.
    """
    begun = time.monotonic()
    samples: list[tuple[float, float]] = []
    core: list[tuple[float, float]] = []
    end, last, asked = 0, 0.0, 0
    while time.monotonic() - begun < LIMIT_SECONDS and worker.exit_code is None:
        now, committed = time.time(), ends.of(topic)
        samples.append((now, worker.cpu_seconds))
        core.append((now, core_seconds()))
        if committed > end:
            end, last = committed, now
        elif end > asked and now - last > QUIET_SECONDS:
            asked = end
            if complete() and (first := worker.first) is not None:
                own = cpu_between(samples, first, last)
                others = max(cpu_between(core, first, last) - own, 0.0)
                return Measured(last - first, own, others, worker.peak_mib)
        time.sleep(POLL_SECONDS)
    raise UnfinishedError(f"exit code {worker.exit_code}, {end} on {topic}; see {worker.log}")


def until_quiet(ends: Ends, topic: str, complete: Callable[[], bool] = lambda: True, *, beyond: int = 0) -> float:
    """Wait until the topic is beyond an offset, has been quiet for a while, and is complete.

    Returns:
        when the last commit was observed, by the monotonic clock.

    Raises:
        UnfinishedError: it takes too long.
    """
    end, last, deadline = beyond, 0.0, time.monotonic() + LIMIT_SECONDS
    while (now := time.monotonic()) < deadline:
        committed = ends.of(topic)
        if committed > end:
            end, last = committed, now
        elif end > beyond and now - last > QUIET_SECONDS and complete():
            return last
        time.sleep(POLL_SECONDS)
    raise UnfinishedError(f"{topic} makes no progress after offset {end}")


def all_beyond(ends: Ends, topic: str, earlier: Mapping[int, int]) -> bool:
    """Whether every partition of a topic has new records since `earlier`."""
    return all(end > earlier[partition] for partition, end in ends.each(topic).items())


def cpu_between(samples: list[tuple[float, float]], first: float, last: float) -> float:
    """CPU seconds between two instants, interpolated linearly from samples (instant, CPU seconds since the start)."""
    return _at(samples, last) - _at(samples, first)


def _at(samples: list[tuple[float, float]], instant: float) -> float:
    index = bisect_left(samples, (instant, 0.0))
    if index == 0 or index == len(samples):
        return samples[min(index, len(samples) - 1)][1]
    (before, low), (after, high) = samples[index - 1], samples[index]
    return low + (high - low) * (instant - before) / (after - before)
