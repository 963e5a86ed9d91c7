"""Consumers for a few questions: no group protocol, no automatic commits, committed records only unless asked otherwise."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from router.kafka.abort import close_consumer
from router.kafka.reconnecting import reconnect_options

STOP_SECONDS = 2.0
"""Longer than a consumer without a group needs to close its connections."""


def _consumer(bootstrap: str, **options: Any) -> AIOKafkaConsumer:
    """A consumer that has not started; call it in the event loop that will run it."""
    defaults = {"isolation_level": "read_committed", "enable_auto_commit": False, "auto_offset_reset": "earliest"}
    return AIOKafkaConsumer(**(reconnect_options(bootstrap) | defaults | options))


async def _start(consumer: AIOKafkaConsumer) -> None:
    """Start a consumer, or stop it again when that fails or is cancelled."""
    try:
        await consumer.start()
    except BaseException:
        await _stop(consumer)
        raise


async def _stop(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer, but wait only for some seconds: a takeover or the end of a worker must not wait for a connection."""
    stopping = asyncio.ensure_future(close_consumer(consumer))
    done, _ = await asyncio.wait({stopping}, timeout=STOP_SECONDS)
    if done:
        stopping.result()
    else:
        stopping.cancel()


class LazyConsumer:
    """A consumer that connects at its first use, and again after it was closed.

    Args:
        bootstrap: `host:port` list of the cluster.
        options: of `AIOKafkaConsumer`, beside or instead of the defaults of this module.
    """

    def __init__(self, bootstrap: str, **options: Any) -> None:
        self._bootstrap, self._options = bootstrap, options
        self._current: AIOKafkaConsumer | None = None
        self._starting = asyncio.Lock()

    async def connected(self) -> AIOKafkaConsumer:
        """The consumer, started in this event loop.

        Raises:
            KafkaError: no broker answers. The next call tries again.
        """
        async with self._starting:
            if self._current is None:
                consumer = _consumer(self._bootstrap, **self._options)
                await _start(consumer)
                self._current = consumer
            return self._current

    async def close(self, failed: AIOKafkaConsumer | None = None) -> None:
        """Close the connection and ignore errors; the next use connects again.

        Args:
            failed: close only when this consumer is still the current one. None: close in any case.
        """
        consumer = self._current
        if consumer is None or (failed is not None and failed is not consumer):
            return
        self._current = None
        with suppress(Exception):  # a broker that is down cannot be notified
            await _stop(consumer)


@asynccontextmanager
async def partition_consumer(
    bootstrap: str, *partitions: TopicPartition, **options: Any
) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of some partitions, closed at the end.

    Args:
        bootstrap: `host:port` list of the cluster.
        partitions: that it is assigned.
        options: of `AIOKafkaConsumer`, beside or instead of the defaults of this module.

    Raises:
        KafkaError: no broker answers.
    """
    consumer = _consumer(bootstrap, **options)
    await _start(consumer)
    try:
        consumer.assign(list(partitions))
        yield consumer
    finally:
        await _stop(consumer)
