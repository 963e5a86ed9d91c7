"""Asks the cluster with a client of its own: does a broker answer, and where do the logs of the worker's partitions end?

A consumer that stopped fetching after an outage reports that it has read everything. Only another client can contradict it.
"""

import asyncio
from collections.abc import Sequence

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from router.kafka.cluster_metadata import TopicDescription, describe_topics, epoch_end
from router.kafka.consumers import LazyConsumer
from router.kafka.internals import refresh_metadata

ANSWER_SECONDS = 5.0


class Probe:
    """One small client without a group.

    Args:
        bootstrap: `host:port` list of the cluster.
    """

    def __init__(self, bootstrap: str) -> None:
        # read_committed, so that an open transaction does not count as read
        self._client = LazyConsumer(bootstrap, request_timeout_ms=int(ANSWER_SECONDS * 1000))

    async def answers(self) -> bool:
        """Whether any broker answers now."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                if await refresh_metadata(await self._client.connected()):
                    return True
        except (KafkaError, OSError, TimeoutError):
            pass
        await self.close()
        return False

    async def ends(self, sources: Sequence[TopicPartition]) -> dict[TopicPartition, int] | None:
        """The last stable offset of each partition. None when it is not known, e.g. while a partition has no leader."""
        if not sources:
            return {}
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                ends = await (await self._client.connected()).end_offsets(list(sources))
        except (KafkaError, OSError, TimeoutError):
            return None
        return dict(ends)

    async def describe(self, topics: Sequence[str] | None) -> dict[str, TopicDescription] | None:
        """The topics that exist, or all of the cluster; None when no broker answers."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await describe_topics(await self._client.connected(), topics)
        except (KafkaError, OSError, TimeoutError):
            return None

    async def epoch_end(self, source: TopicPartition, leader_epoch: int) -> int | None:
        """Where the records of this leader epoch and earlier ones end; None when no leader says it."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await epoch_end(await self._client.connected(), source, leader_epoch)
        except (KafkaError, OSError, TimeoutError):
            return None

    async def begins_and_ends(
        self, sources: Sequence[TopicPartition]
    ) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
        """The first offset and the last stable offset of each partition; empty when they are not known."""
        if not sources:
            return {}, {}
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                client = await self._client.connected()
                return dict(await client.beginning_offsets(list(sources))), dict(
                    await client.end_offsets(list(sources))
                )
        except (KafkaError, OSError, TimeoutError):
            return {}, {}

    async def close(self) -> None:
        """Close the connection; a later request opens another."""
        await self._client.close()
