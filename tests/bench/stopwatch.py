"""The time one contender takes: from its first input record in hand to the last commit on its output topic."""

import time
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.bench.pinned_process import Pinned, core_seconds
from tests.bench.topics import Ends

POLL_SECONDS = 0.05
QUIET_SECONDS = 4.0
"""Without a commit for so long, it may have finished; then its output is read."""
LIMIT_SECONDS = 900.0


@dataclass(frozen=True)
class Course:
    """What was measured from outside."""

    seconds: float
    cpu_seconds: float
    others_seconds: float
    """CPU seconds that others had of the contender's core."""
    peak_mib: int


class UnfinishedError(Exception):
    """A contender ended, or got nowhere."""


def watch(worker: Pinned, ends: Ends, topic: str, complete: Callable[[], bool]) -> Course:
    """Wait until nothing more is committed and the output is complete.

    Args:
        worker: just started.
        ends: what is committed.
        topic: the output.
        complete: reads it; asked only when all has been quiet for a while, once for each end.

    Raises:
        UnfinishedError: the worker ended, or its output is not complete in time.
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
                return Course(last - first, own, others, worker.peak_mib)
        time.sleep(POLL_SECONDS)
    raise UnfinishedError(f"exit code {worker.exit_code}, {end} on {topic}; see {worker.log}")


def until_quiet(ends: Ends, topic: str, complete: Callable[[], bool] = lambda: True, *, beyond: int = 0) -> float:
    """Wait until more than so much is committed, nothing more has come for a while, and it is complete.

    Returns:
        when the last commit was seen, by the monotonic clock.

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
    raise UnfinishedError(f"{topic} gets no further than {end}")


def all_beyond(ends: Ends, topic: str, earlier: Mapping[int, int]) -> bool:
    """Whether something was committed since on every partition of a topic."""
    return all(end > earlier[partition] for partition, end in ends.each(topic).items())


def cpu_between(samples: list[tuple[float, float]], first: float, last: float) -> float:
    """CPU seconds between two instants, from samples (instant, CPU seconds so far); between two samples it grows evenly."""
    return _at(samples, last) - _at(samples, first)


def _at(samples: list[tuple[float, float]], instant: float) -> float:
    index = bisect_left(samples, (instant, 0.0))
    if index == 0 or index == len(samples):
        return samples[min(index, len(samples) - 1)][1]
    (before, low), (after, high) = samples[index - 1], samples[index]
    return low + (high - low) * (instant - before) / (after - before)
