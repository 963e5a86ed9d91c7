"""The failure policy of a stream task: which failures back off, which count as progress, what each prepares."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, ProducerFenced

from router.stream.engine import failure_policy
from router.stream.engine.failure_policy import RECOVERIES, Effect, recovery_for
from router.stream.engine.poison_isolation import BatchFailedError, PoisonIsolation
from router.stream.engine.processor import NotReadyError, PoisonError
from router.stream.engine.stream_task_id import StreamTaskId

SOURCE, OTHER = TopicPartition("reports.hotline", 3), TopicPartition("reports.policing", 3)
TASK = StreamTaskId("normalise", 3)


def records(size: int) -> list[Any]:
    return [SimpleNamespace(offset=offset) for offset in range(size)]


def batch(size: int) -> BatchFailedError:
    return BatchFailedError({SOURCE: records(size)})


def poison(offset: int) -> PoisonError:
    failure = PoisonError(offset)
    failure.source = SOURCE
    return failure


@pytest.mark.parametrize(
    ("failure", "effect", "first_backoff_s"),
    [
        (PoisonError(7), Effect.PROGRESS, 0),
        (batch(2), Effect.PROGRESS, 0),
        (NotReadyError("rule set x"), Effect.PROGRESS, 1),
        (ProducerFenced(), Effect.NONE, 2),
        (KafkaError(), Effect.FAILURE, 0.1),
        (TimeoutError(), Effect.FAILURE, 0.1),
        (OSError(), Effect.FAILURE, 0.1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_every_failure_has_its_recovery(failure: Exception, effect: Effect, first_backoff_s: float) -> None:
    assert recovery_for(failure).effect is effect
    assert recovery_for(failure).backoff(0) == first_backoff_s


def test_the_backoff_grows_and_its_last_value_repeats() -> None:
    policy = RECOVERIES[Exception]
    assert [policy.backoff(failures) for failures in range(7)] == [0.1, 0.5, 1.0, 2.0, 5.0, 5.0, 5.0]


def test_a_poison_record_is_marked_and_a_failed_batch_halved() -> None:
    isolation = PoisonIsolation()
    recovery_for(poison(7)).apply(poison(7), {SOURCE: isolation}, TASK)
    assert isolation.poisoned == {7}
    recovery_for(batch(8)).apply(batch(8), {SOURCE: isolation}, TASK)
    assert (isolation.limit, isolation.before) == (4, 8)


def test_a_failed_batch_of_two_partitions_is_split_before_it_is_halved() -> None:
    """Otherwise the only record of one network would count as poison, because another network's record is."""
    isolations = {SOURCE: PoisonIsolation(), OTHER: PoisonIsolation()}
    failure = BatchFailedError({SOURCE: records(1), OTHER: records(8)})
    recovery_for(failure).apply(failure, isolations, TASK)
    assert [(one.limit, one.before, one.poisoned) for one in isolations.values()] == [(1, 1, set()), (8, 8, set())]


def test_a_log_that_cannot_be_written_does_not_stop_a_recovery(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(failure_policy, "log", SimpleNamespace(error=fail, warning=fail))
    isolation = PoisonIsolation()
    recovery_for(poison(7)).apply(poison(7), {SOURCE: isolation}, TASK)
    assert isolation.poisoned == {7}


@pytest.mark.parametrize("failure", [poison(7), batch(1), batch(8)], ids=["poison", "one record", "batch"])
def test_an_isolation_that_repeats_counts_as_a_failure_and_backs_off(failure: Exception) -> None:
    isolation, recovery = PoisonIsolation(), recovery_for(failure)
    effects = [recovery.apply(failure, {SOURCE: isolation}, TASK) for _ in range(3)]
    assert effects == [Effect.PROGRESS, Effect.FAILURE, Effect.FAILURE]
    assert [recovery.backoff(failures) for failures in range(3)] == [0.0, 0.1, 0.5]
    isolation.committed(9)
    assert recovery.apply(failure, {SOURCE: isolation}, TASK) is Effect.PROGRESS
