"""The failure policy of a stream task: what follows each kind of failure before the stream task opens again.

Nothing is retried blindly. Reopening is always safe, because only a fence and the stored offset show whether the last
transaction committed. Docs: docs/explanation/exactly-once.md, docs/explanation/poison.md.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import ProducerFenced

from router.stream.engine.log_position import LogChangedError
from router.stream.engine.poison_isolation import BatchFailedError, PoisonIsolation
from router.stream.engine.processor import NotReadyError, PoisonError
from router.stream.engine.stream_task_id import StreamTaskId

BACKOFF_S = (0.1, 0.5, 1.0, 2.0, 5.0)

log = structlog.get_logger(__name__)


class Effect(Enum):
    """How a failure counts for the watchdog, which ends a worker whose stream tasks make no progress."""

    PROGRESS = "progress"
    """The next attempt is smaller, or waits for something that a restart cannot bring."""
    FAILURE = "failure"
    """The next attempt is the same, so repeated failures mean a stalled task."""
    NONE = "none"


Isolations = Mapping[TopicPartition, PoisonIsolation]
"""Input partition of the stream task -> its poison isolation."""
Prepared = tuple[bool, dict[str, object]]
"""Whether the next attempt differs from the last one, and facts for the log line."""


def _mark_poison(failure: Any, isolations: Isolations) -> Prepared:
    source = failure.source
    new = isolations[source].mark(failure.offset)
    facts = {"topic": source.topic, "partition": source.partition, "offset": failure.offset, **failure.about}
    return new, facts if failure.trace is None else facts | {"trace": failure.trace}


def _bisect(failure: Any, isolations: Isolations) -> Prepared:
    """Halve a batch of one partition. Of several partitions each gets a transaction of its own first."""
    facts: dict[str, object] = {"records": str(failure)}
    if len(failure.batches) == 1:
        ((source, records),) = failure.batches.items()
        return isolations[source].bisect(records), facts
    for source, records in failure.batches.items():
        isolations[source].suspect(records)
    return True, facts


def _name_missing(failure: Any, _: Isolations) -> Prepared:
    return True, {"missing": str(failure)}


def _say(failure: Any, _: Isolations) -> Prepared:
    return True, {"reason": str(failure)}


def _nothing(_: Any, __: Isolations) -> Prepared:
    return True, {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What a stream task does after one kind of failure, before it opens again."""

    event: str
    """The log line."""
    level: Literal["warning", "error"] = "warning"
    traceback: bool = False
    backoff_s: tuple[float, ...] = (0.0,)
    """Waits before the next attempt, by the number of failures in a row; the last one repeats."""
    effect: Effect
    act: Callable[[Any, Isolations], Prepared] = _nothing
    """Prepares the next attempt."""

    def apply(self, failure: Exception, isolations: Isolations, task: StreamTaskId) -> Effect:
        """Prepare the next attempt, and log the failure. A log that cannot be written (a full disk) must not end the stream task.

        Returns:
            How the failure counts. An isolation that repeats is no progress, so it counts as a failure.
        """
        new, facts = self.act(failure, isolations)
        write = log.error if self.level == "error" else log.warning
        with suppress(Exception):
            traceback = failure if self.traceback else None
            write(self.event, stream_task=str(task), exc_info=traceback, **facts)
        return self.effect if new else Effect.FAILURE

    def backoff(self, failures: int) -> float:
        """Seconds to wait, after `failures` earlier ones in a row."""
        return self.backoff_s[min(failures, len(self.backoff_s) - 1)]


RECOVERIES: Mapping[type[Exception], Recovery] = {
    PoisonError: Recovery(
        event="poison record",
        level="error",
        traceback=True,
        backoff_s=(0.0, *BACKOFF_S),
        effect=Effect.PROGRESS,
        act=_mark_poison,
    ),
    BatchFailedError: Recovery(
        event="batch failed, retrying in halves",
        level="error",
        traceback=True,
        backoff_s=(0.0, *BACKOFF_S),
        effect=Effect.PROGRESS,
        act=_bisect,
    ),
    # Another worker opened the stream task, or the broker timed the transaction out. If the group has reassigned the
    # partition, the revoke arrives during this wait, which is longer than a heartbeat. If not, reopening is right.
    ProducerFenced: Recovery(event="fenced", backoff_s=(2.0,), effect=Effect.NONE),
    NotReadyError: Recovery(
        event="task waits and retries", backoff_s=(1.0,), effect=Effect.PROGRESS, act=_name_missing
    ),
    LogChangedError: Recovery(event="the log changed, reopening", level="error", effect=Effect.NONE, act=_say),
    Exception: Recovery(
        event="task failed, reopening",
        traceback=True,
        backoff_s=BACKOFF_S,
        effect=Effect.FAILURE,
    ),
}
"""Kind of failure -> recovery. The first kind that matches counts."""


def recovery_for(failure: Exception) -> Recovery:
    """The recovery for a failure."""
    return next(recovery for kind, recovery in RECOVERIES.items() if isinstance(failure, kind))
