"""A lazy consumer connects at its first use, and no consumer waits long for its end; without a broker."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.fetch import FetchRequest

from router.kafka import consumers
from router.kafka.consumers import LazyConsumer, partition_consumer

UNREACHABLE = "127.0.0.1:1"
NOTHING = FetchRequest(0, 1, 1, 0, [])


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


async def closed_lazily() -> None:
    consumer = LazyConsumer(UNREACHABLE)
    await consumer.connected()
    await consumer.close()


async def ended_block() -> None:
    async with partition_consumer(UNREACHABLE):
        pass


async def cancelled_block() -> None:
    """As the copies of a state are, when their partition moves."""
    inside = asyncio.Event()

    async def follow() -> None:
        async with partition_consumer(UNREACHABLE):
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(follow())
    await inside.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("end", [closed_lazily, ended_block, cancelled_block])
def test_a_consumer_that_does_not_stop_is_waited_for_a_short_time(
    end: Callable[[], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection hangs, and who takes its partitions over waits for it."""
    begun: list[AIOKafkaConsumer] = []

    async def start(_: AIOKafkaConsumer) -> None:
        """Connected at once."""

    stop = AIOKafkaConsumer.stop

    async def hang(consumer: AIOKafkaConsumer) -> None:
        begun.append(consumer)
        await asyncio.Event().wait()

    async def ended() -> None:
        async with asyncio.timeout(60):
            await end()
        for consumer in begun:
            await stop(consumer)

    monkeypatch.setattr(consumers, "STOP_SECONDS", 0.05)
    monkeypatch.setattr(AIOKafkaConsumer, "start", start)
    monkeypatch.setattr(AIOKafkaConsumer, "stop", hang)
    asyncio.run(ended())
    assert len(begun) == 1


def test_a_consumer_that_stops_while_a_fetch_waits_to_be_tried_again_lets_its_owner_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """aiokafka cancels that fetch and raises its CancelledError out of `stop`. A task group takes that for the end of the work."""
    ended: list[str] = []

    async def start(consumer: AIOKafkaConsumer) -> None:
        """Connected; the connection is gone when the first fetch is sent."""
        consumer._fetcher = fetcher = Fetcher(consumer._client, consumer._subscription, retry_backoff_ms=60_000)
        await asyncio.sleep(0)  # it waits for an assignment from here on
        fetch = asyncio.create_task(fetcher._proc_fetch_request(None, 1, NOTHING))
        fetcher._pending_tasks.add(fetch)

    async def read() -> None:
        async with partition_consumer(UNREACHABLE) as consumer:
            (fetch,) = consumer._fetcher._pending_tasks
            await asyncio.sleep(0)
            assert not fetch.done()
        ended.append("read")

    async def restore() -> None:
        async with asyncio.timeout(60), asyncio.TaskGroup() as restores:
            restores.create_task(read())

    monkeypatch.setattr(AIOKafkaConsumer, "start", start)
    asyncio.run(restore())
    assert ended == ["read"]
