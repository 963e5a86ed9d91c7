"""Partitions that a worker should take over: those without a state need no copy first."""

import asyncio
from typing import Any

from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from router.stream.engine.assignment import AssignedPartitions
from router.stream.engine.changelog_reader import ChangelogReader
from router.stream.processors.feedback import FeedbackProcessor
from router.wire.metrics import Metrics

NO_BROKER = "127.0.0.1:1"
FEEDBACK = TopicPartition("feedback.police", 1)


def no_state() -> Any:
    return FeedbackProcessor.__new__(FeedbackProcessor)


def test_a_partition_without_a_state_is_taken_over_at_once() -> None:
    """A worker that waited for a copy of it would never ask for its partitions."""

    async def scenario() -> None:
        metrics = Metrics(CollectorRegistry())
        logs = ChangelogReader(NO_BROKER, "group")
        assignment = AssignedPartitions({FEEDBACK.topic: no_state}, partitions=2, logs=logs, metrics=metrics)
        await assignment.assigned([], 1, [FEEDBACK])
        assert assignment.copies == {FEEDBACK: True}
        assert assignment.can_take_over({FEEDBACK})
        await assignment.assigned([], 2, [])
        assert assignment.copies == {}

    asyncio.run(scenario())
