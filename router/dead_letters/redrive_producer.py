"""The redrive producer: the one transactional producer of a deployment that writes repairs and redriven records.

A command opens the producer before it reads the repair log. Opening fences an earlier command and aborts its transaction.
So no command decides by a repair log that is about to change. Docs: docs/explanation/dead-letters.md.
"""

import asyncio
from collections import defaultdict
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from aiokafka.errors import KafkaError, ProducerFenced
from msgspec import Struct

from router.kafka.record_batches import Slot
from router.kafka.rejection import unreachable
from router.kafka.transactional_producer import TransactionalProducer, UnknownOutcomeError
from router.wire.errors import BrokerError
from router.wire.principal import LONGEST, PRINCIPAL, with_principal
from router.wire.security import security_for

ANSWER_S = 30.0
ABORT_S = 5.0
BATCH_BYTES = 900_000
"""Size of a record batch at most; a larger record is alone in its batch."""

T = TypeVar("T")


class OutgoingRecord(Struct, frozen=True, kw_only=True):
    """One record to write, and where."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]

    @property
    def size(self) -> int:
        """Upper bound of its bytes in a record batch."""
        headers = sum(len(name.encode()) + len(content) + 10 for name, content in self.headers)
        return len(self.key or b"") + len(self.value or b"") + headers + len(PRINCIPAL) + LONGEST + 60


class RedriveProducer:
    """Writes records in transactions. Blocking; made by `open_redrive_producer`.

    Args:
        producer: not opened yet.
        runner: of the event loop in which the producer lives.
        principal: the user of its connection, which each record names; empty without one.
    """

    def __init__(self, producer: TransactionalProducer, runner: asyncio.Runner, principal: str = "") -> None:
        self._producer, self._runner, self._principal = producer, runner, principal

    def open(self) -> None:
        """Fence earlier owners and abort their transaction. Raises like `transaction`."""
        self._wait(self._producer.open())

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all records that are sent within it, or none if anything fails.

        After a failure this producer sends nothing more. Open another one and read the repair log, to learn whether a
        commit without an answer took effect.

        Raises:
            KafkaError: it failed.
            TimeoutError: Kafka does not answer.
        """
        self._wait(self._producer.begin())
        try:
            yield
            self._wait(self._producer.commit())
        except BaseException:
            # otherwise readers wait until the broker's timeout aborts it; after a commit without an answer nothing is sent
            with suppress(KafkaError, TimeoutError):
                self._wait(self._producer.abort(), ABORT_S)
            raise

    def send(self, records: Sequence[OutgoingRecord]) -> list[int]:
        """Send records within the transaction and wait until Kafka has them. Raises like `transaction`.

        Returns:
            The offset of each record, in their order.
        """
        return self._wait(self._send(records))

    async def _send(self, records: Sequence[OutgoingRecord]) -> list[int]:
        writer = self._producer.writer()
        numbers: dict[Slot, list[int]] = defaultdict(list)
        for number, record in enumerate(records):
            headers = with_principal(record.headers, self._principal)
            writer.add(record.topic, record.partition, record.key, record.value, headers)
            numbers[record.topic, record.partition].append(number)
        counts = [(slot, builder.record_count()) for slot, builder in writer.batches]
        remaining = {slot: iter(of_slot) for slot, of_slot in numbers.items()}
        offsets = [-1] * len(records)
        for (slot, count), batch in zip(counts, await self._producer.send(writer), strict=True):
            if batch.offset < 0:
                raise KafkaError("Kafka acknowledged a batch without its offset")
            for offset in range(batch.offset, batch.offset + count):
                offsets[next(remaining[slot])] = offset
        return offsets

    def close(self) -> None:
        """Close the connections. The next owner aborts an open transaction, or its timeout does."""
        with suppress(KafkaError, TimeoutError):
            self._wait(self._producer.stop(), ABORT_S)

    def _wait(self, work: Coroutine[Any, Any, T], seconds: float = ANSWER_S) -> T:
        return self._runner.run(_within(work, seconds))


async def _within(work: Coroutine[Any, Any, T], seconds: float) -> T:
    return await asyncio.wait_for(work, seconds)


@contextmanager
def open_redrive_producer(bootstrap: str, namespace: str) -> Iterator[RedriveProducer]:
    """Open the redrive producer of a deployment. An earlier owner can write nothing more.

    Raises:
        BrokerError: another command opened it in the meantime, or Kafka does not answer.
    """
    with asyncio.Runner() as runner:
        principal = security_for(bootstrap).user
        producer = RedriveProducer(runner.run(_new_producer(bootstrap, namespace)), runner, principal)
        try:
            producer.open()
            yield producer
        except ProducerFenced as error:
            raise BrokerError(
                "another `dead-letters repair`, `redrive` or `erase` has begun since; what this command has committed stays",
                hint="wait until the other one ends, then run this again: it skips what is done",
            ) from error
        except (TimeoutError, UnknownOutcomeError) as error:
            raise BrokerError(
                "Kafka does not end a transaction; whether it was committed is not known",
                where=bootstrap,
                hint="run the same command again when Kafka answers: it skips what is done",
            ) from error
        except KafkaError as error:
            raise unreachable(bootstrap, error, "Kafka does not answer, or rejects the request") from error
        finally:
            producer.close()


async def _new_producer(bootstrap: str, namespace: str) -> TransactionalProducer:
    """Created in the event loop that will run it."""
    return TransactionalProducer(bootstrap, f"{namespace}grid-router-repairs", batch_bytes=BATCH_BYTES)
