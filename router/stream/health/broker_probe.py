"""The broker probe: asks the cluster, outside the consumer, whether a broker answers and where the partitions' logs end.

After an outage a consumer may believe that it has read everything. Only a separate client can show that it has not.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

ANSWER_SECONDS = 5.0


class Probe:
    """A small client without a consumer group.

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
                # the metadata of the cluster, from any broker
                if await client._client.force_metadata_update():  # noqa: SLF001 - the consumer has no smaller request
                    return True
        except (KafkaError, OSError, TimeoutError):
            pass
        await self.close()
        return False

    async def ends(self, sources: Sequence[TopicPartition]) -> dict[TopicPartition, int] | None:
        """The end of the committed part of each log; None when it is unknown, e.g. while a partition has no leader."""
        if not sources:
            return {}
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                ends = await (await self._connected()).end_offsets(list(sources))
        except (KafkaError, OSError, TimeoutError):
            return None
        return dict(ends)

    async def close(self) -> None:
        """Close the connection; a later request opens another."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                await client.stop()

    async def _connected(self) -> AIOKafkaConsumer:
        if self._client is None:
            client = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap,
                isolation_level="read_committed",  # so that the end excludes open transactions
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
