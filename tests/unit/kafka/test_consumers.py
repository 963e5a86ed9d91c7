"""A lazy consumer connects at its first use; without a broker."""

import asyncio

import pytest
from aiokafka.errors import KafkaConnectionError

from router.kafka.consumers import LazyConsumer

UNREACHABLE = "127.0.0.1:1"


def test_a_failed_connection_raises_and_the_next_use_tries_again() -> None:
    async def connect_twice() -> None:
        consumer = LazyConsumer(UNREACHABLE)
        for _ in range(2):
            with pytest.raises(KafkaConnectionError):
                await consumer.connected()
        await consumer.close()

    asyncio.run(connect_twice())


def test_closing_before_the_first_use_does_nothing() -> None:
    asyncio.run(LazyConsumer(UNREACHABLE).close())
