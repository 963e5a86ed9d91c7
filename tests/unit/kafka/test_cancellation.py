"""A cancellation without a caller is an error; one with a caller is not."""

import asyncio

import pytest
from aiokafka.errors import KafkaError

from router.kafka.cancellation import StrayCancellationError, own_cancellation


async def guarded(work: asyncio.Future[None]) -> None:
    with own_cancellation():
        await work


def test_work_that_cancels_itself_is_an_error() -> None:
    async def scenario() -> None:
        work = asyncio.get_running_loop().create_future()
        work.cancel()
        with pytest.raises(StrayCancellationError):
            await guarded(work)

    asyncio.run(scenario())
    assert issubclass(StrayCancellationError, KafkaError)  # who tries again after other failures of Kafka does so here


def test_a_task_group_does_not_take_it_for_the_end_of_the_work() -> None:
    async def scenario() -> None:
        work = asyncio.get_running_loop().create_future()
        work.cancel()
        async with asyncio.TaskGroup() as group:
            group.create_task(guarded(work))

    with pytest.raises(ExceptionGroup):
        asyncio.run(scenario())


def test_it_is_an_error_also_after_a_task_group_has_failed() -> None:
    """A group that cancels its parent leaves a count behind, and the parent is not cancelled."""

    async def fails() -> None:
        await asyncio.sleep(0)
        raise OSError

    async def scenario() -> None:
        with pytest.raises(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(fails())
        work = asyncio.get_running_loop().create_future()
        work.cancel()
        with pytest.raises(StrayCancellationError):
            await guarded(work)

    asyncio.run(scenario())


def test_a_task_that_was_cancelled_stays_cancelled() -> None:
    async def scenario() -> bool:
        task = asyncio.create_task(guarded(asyncio.get_running_loop().create_future()))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(scenario())


def test_a_timeout_stays_a_timeout() -> None:
    async def scenario() -> None:
        async with asyncio.timeout(0.01):
            await guarded(asyncio.get_running_loop().create_future())

    with pytest.raises(TimeoutError):
        asyncio.run(scenario())
