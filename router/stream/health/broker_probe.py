"""Asks the cluster from outside the consumer: does a broker answer, and how far do the logs of our partitions reach?

A consumer that came out of an outage deaf believes it has read everything; only a client of its own can tell.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

ANSWER_SECONDS = 5.0


class Probe:
    """One small client without a group.

    Args:
        bootstrap: `host:port` list of the cluster.
    """

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._client: AIOKafkaConsumer | None = None

    async def answers(self) -> bool:
        """Whether any broker answers now."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                client = await self._connected()
                # the cluster's own data, from whichever broker has it
                if await client._client.force_metadata_update():  # noqa: SLF001 - the consumer has no question this small
                    return True
        except (KafkaError, OSError, TimeoutError):
            pass
        await self.close()
        return False

    async def ends(self, sources: Sequence[TopicPartition]) -> dict[TopicPartition, int] | None:
        """Where the committed part of each log ends; None when that is not known, e.g. while a partition has no leader."""
        if not sources:
            return {}
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                found = await (await self._connected()).end_offsets(list(sources))
        except (KafkaError, OSError, TimeoutError):
            return None
        return dict(found)

    async def close(self) -> None:
        """Let go of the connection; a later question makes another."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                await client.stop()

    async def _connected(self) -> AIOKafkaConsumer:
        if self._client is None:
            client = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap,
                isolation_level="read_committed",  # so that an unfinished transaction is no end
                enable_auto_commit=False,
                request_timeout_ms=int(ANSWER_SECONDS * 1000),
            )
            try:
                await client.start()
            except BaseException:
                await client.stop()
                raise
            self._client = client
        return self._client
