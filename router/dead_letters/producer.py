"""The one desk at which dead letters are repaired and redriven: a transactional producer that shuts out its predecessor.

Every command opens the desk before it reads the notes. Opening aborts what an earlier command left unfinished and rejects
whatever that one still sends, so nobody decides by notes that are about to change. Docs: docs/explanation/dead-letters.md.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerFenced
from msgspec import Struct

from router.wire.codec import DeadLetter
from router.wire.errors import START_KAFKA, BrokerError

CHUNK_LETTERS, CHUNK_BYTES = 500, 8 << 20
"""Most dead letters and bytes in one transaction, but always one dead letter: what is in memory at a time."""
TRANSACTION_TIMEOUT_MS = 30_000
"""How long a command that was killed can hold back the readers of the networks' topics."""
ANSWER_S = 30.0
ABORT_S = 5.0
BATCH_BYTES, BATCH_FRAME = 900_000, 1024
RETRY_BACKOFF_MS = 5
"""As in router/stream/engine/transaction.py: the broker is busy with the last markers for a few ms."""

T = TypeVar("T")
Slot = tuple[str, int]
"""Topic and partition."""


class Outgoing(Struct, frozen=True, kw_only=True):
    """One record that is to be written, and where."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]

    @property
    def size(self) -> int:
        """Bytes, rather too many than too few."""
        named = sum(len(name.encode()) + len(content) + 10 for name, content in self.headers)
        return len(self.key or b"") + len(self.value or b"") + named + 50


class RedriveProducer:
    """Writes records in transactions; made by `open_exclusive_producer`.

    Args:
        producer: not started yet.
        runner: of the event loop in which the producer lives.
    """

    def __init__(self, producer: AIOKafkaProducer, runner: asyncio.Runner) -> None:
        self._producer, self._runner = producer, runner

    def open(self) -> None:
        """Claim the desk: aborts what an earlier owner left open, and shuts that owner out (InitProducerId)."""
        self._wait(self._producer.start())

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is sent within it is committed at its end; nothing of it, if anything fails.

        After a failure nothing more can be sent: whether a commit without an answer took effect is known only by opening the
        desk again and reading the notes.

        Raises:
            KafkaError: it failed.
            TimeoutError: Kafka does not answer.
        """
        self._wait(self._producer.begin_transaction())
        try:
            yield
            self._wait(self._producer.commit_transaction())
        except BaseException:
            # not to keep the readers waiting until the broker does it; aiokafka asserts that it still may
            with suppress(KafkaError, TimeoutError, AssertionError):
                self._wait(self._producer.abort_transaction(), ABORT_S)
            raise

    def send(self, records: Sequence[Outgoing]) -> list[int]:
        """Write records within the transaction and wait until Kafka has them; their offsets. Raises like `transaction`."""
        return self._wait(self._send(records))

    async def _send(self, records: Sequence[Outgoing]) -> list[int]:
        waiting = []
        for (topic, partition), batch in _batches(records):
            builder = self._producer.create_batch()
            for _, record in batch:
                taken = builder.append(timestamp=None, key=record.key, value=record.value, headers=record.headers)
                if taken is None:
                    raise RuntimeError(f"a batch for {topic} rejected a record")  # it would be dropped without a word
            acknowledged = await self._producer.send_batch(builder, topic, partition=partition)
            acknowledged.add_done_callback(_heard)
            waiting.append((batch, acknowledged))
        offsets = [-1] * len(records)
        for batch, acknowledged in waiting:
            first = (await acknowledged).offset
            if first < 0:
                raise KafkaError("a batch was acknowledged without its place")
            for distance, (number, _) in enumerate(batch):
                offsets[number] = first + distance
        return offsets

    def _wait(self, work: Coroutine[Any, Any, T], seconds: float = ANSWER_S) -> T:
        return self._runner.run(_within(work, seconds))

    def close(self) -> None:
        """Let go of the connection; what was not committed is aborted by the next owner, or by time."""
        with suppress(KafkaError, TimeoutError):
            self._wait(self._stop(), ABORT_S)

    async def _stop(self) -> None:
        try:
            await self._producer.stop()
        finally:
            # a fenced producer's `stop` raises before it closes its sockets
            sending = self._producer._sender._sender_task  # noqa: SLF001
            if sending is not None:
                sending.cancel()
            await self._producer.client.close()


def _heard(batch: "asyncio.Future[object]") -> None:
    """A transaction that fails raises once; that its other batches fail too is no news."""
    if not batch.cancelled():
        batch.exception()


async def _within(work: Coroutine[Any, Any, T], seconds: float) -> T:
    return await asyncio.wait_for(work, seconds)


def _batches(records: Sequence[Outgoing]) -> Iterator[tuple[Slot, list[tuple[int, Outgoing]]]]:
    """Records with their numbers, by partition and in their order, each portion small enough for one batch, or alone."""
    open_: dict[Slot, list[tuple[int, Outgoing]]] = {}
    sizes: dict[Slot, int] = {}
    for number, record in enumerate(records):
        slot, size = (record.topic, record.partition), record.size
        if slot in open_ and sizes[slot] + size > BATCH_BYTES - BATCH_FRAME:
            yield slot, open_.pop(slot)
            sizes[slot] = 0
        open_.setdefault(slot, []).append((number, record))
        sizes[slot] = sizes.get(slot, 0) + size
    yield from open_.items()


def chunks(dead_letters: Iterable[DeadLetter], note_bytes: Callable[[str], int]) -> Iterator[list[DeadLetter]]:
    """Letters in the portions in which they are done; a value that was not kept counts as a whole portion.

    Args:
        dead_letters: in any order.
        note_bytes: size of what is noted about a dead letter, by its id.
    """
    chunk: list[DeadLetter] = []
    total = 0
    for dead_letter in dead_letters:
        size = CHUNK_BYTES if dead_letter.omitted else max(len(dead_letter.value or b""), note_bytes(dead_letter.id))
        if chunk and (len(chunk) == CHUNK_LETTERS or total + size > CHUNK_BYTES):
            yield chunk
            chunk, total = [], 0
        chunk.append(dead_letter)
        total += size
    if chunk:
        yield chunk


@contextmanager
def open_exclusive_producer(bootstrap: str, namespace: str) -> Iterator[RedriveProducer]:
    """Open the desk of a deployment; whoever had it before can write nothing more.

    Raises:
        BrokerError: another command opens it meanwhile, or Kafka does not answer.
    """
    with asyncio.Runner() as runner:
        producer = RedriveProducer(runner.run(_producer(bootstrap, namespace)), runner)
        try:
            producer.open()
            yield producer
        except ProducerFenced as error:
            raise BrokerError(
                "another `dead-letters repair` or `redrive` has begun since; what this one had committed stands",
                hint="wait until it ends, then run this again: what is done already is skipped",
            ) from error
        except TimeoutError as error:
            raise BrokerError(
                "Kafka does not end a transaction; whether it was committed is not known",
                where=bootstrap,
                hint="run the same command again when Kafka answers: what is done already is skipped",
            ) from error
        except KafkaError as error:
            raise BrokerError(
                f"Kafka does not answer, or rejects ({type(error).__name__})", where=bootstrap, hint=START_KAFKA
            ) from error
        finally:
            producer.close()


async def _producer(bootstrap: str, namespace: str) -> AIOKafkaProducer:
    """Made within the loop in which it lives."""
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        transactional_id=f"{namespace}grid-router-repairs",
        transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
        acks="all",
        linger_ms=0,
        max_batch_size=BATCH_BYTES,
        retry_backoff_ms=RETRY_BACKOFF_MS,
    )
