"""The end of a consumer, and of a producer that shall send nothing any more. Loads no Faust, which takes a second; its private names are in internals.py."""

from contextlib import suppress

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

from router.kafka.cancellation import StrayCancellationError, own_cancellation


async def abort_producer(producer: AIOKafkaProducer, error: KafkaError) -> None:
    """Stop a producer without sending what it still holds: every record without an acknowledgement fails with `error`.

    `stop` of aiokafka 0.14.0 waits until all is sent, and an idempotent producer never ends its attempts.
    """
    sender = producer._sender
    if sender.sender_task is not None:
        sender.sender_task.cancel()
    accumulator = sender._message_accumulator
    waiting = [batch for batches in accumulator._batches.values() for batch in batches]
    # `fail_all` expects there what is sent again, too, and leaves errors that no caller retrieves
    accumulator._pending_batches.update(batch for batch in waiting if batch.retry_count)
    accumulator.fail_all(error)
    for batch in waiting:
        batch._drain_waiter.exception()
    await producer.client.close()
    await producer.stop()


async def close_consumer(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer in any state, and close its connections.

    `stop` of aiokafka 0.14.0 raises CancelledError, before it closes its sockets, when a fetch has just failed and waits to be tried
    again: it cancels that fetch and awaits it. The task that stops the consumer is not cancelled, and must go on.

    Raises:
        KafkaError: a request at the end has failed. The connections are closed all the same.
    """
    try:
        with suppress(StrayCancellationError), own_cancellation():
            await consumer.stop()
    finally:
        await consumer._client.close()
