"""The one transactional producer: `open` fences earlier owners of its transactional id, then one transaction at a time."""

import asyncio
from enum import Enum

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerFenced
from aiokafka.structs import RecordMetadata

from router.kafka.internals import close_producer, end_transactions_once
from router.kafka.reconnecting import reconnect_options
from router.kafka.record_batches import Writer

TRANSACTION_TIMEOUT_MS = 30_000
"""After this time the broker aborts a transaction whose producer is silent. A dead producer holds back `read_committed`
consumers that long at most."""
RETRY_BACKOFF_MS = 5
"""The broker answers ConcurrentTransactions for a few ms, until the last markers are written. aiokafka waits 100 ms by default."""


class _State(Enum):
    """READY -> begin -> OPEN -> commit, abort -> ENDING -> the broker's answer -> READY. ENDING without an answer is final."""

    READY = "no transaction is open"
    OPEN = "a transaction is open"
    ENDING = "a commit or abort has no answer"


class OutOfTurnError(KafkaError):  # type: ignore[misc]
    """A step that this producer must not take now. After a commit or abort without an answer it takes no step at all."""


class UnknownOutcomeError(KafkaError):  # type: ignore[misc]
    """A transaction may have been committed or not. A new epoch settles it, and the stored offset shows it."""


class TransactionalProducer:
    """Writes record batches in transactions. Create it in the event loop that will run it.

    After an error nothing is known about the transaction. Open a new producer with the same transactional id, and read what
    was committed. The request that ends a transaction is sent once: when its answer does not arrive, this producer begins
    no other transaction, because the request may still be on its way (docs/adr/0014-one-end-of-a-transaction-an-epoch.md).

    Args:
        bootstrap: `host:port` list of the cluster.
        transactional_id: two producers of one id fence each other.
        batch_bytes: size of a record batch at most; one record may be larger.
    """

    def __init__(self, bootstrap: str, transactional_id: str, *, batch_bytes: int) -> None:
        self._producer = AIOKafkaProducer(
            **reconnect_options(bootstrap),
            transactional_id=transactional_id,
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            acks="all",
            linger_ms=0,
            max_batch_size=batch_bytes,
            retry_backoff_ms=RETRY_BACKOFF_MS,
        )
        end_transactions_once(self._producer)
        self._state = _State.READY

    async def open(self) -> None:
        """Fence earlier producers of the same id and abort their transaction (InitProducerId). Raises KafkaError."""
        await self._producer.start()

    def writer(self) -> Writer:
        """An empty writer. It may be filled while another transaction commits."""
        return Writer(self._producer)

    async def begin(self) -> None:
        """Begin a transaction. Raises OutOfTurnError unless the one before it has ended with an answer."""
        self._leave(_State.READY)
        await self._producer.begin_transaction()
        self._state = _State.OPEN

    async def send(self, writer: Writer) -> list[RecordMetadata]:
        """Send the batches of a writer within the transaction, and wait until the broker has acknowledged all of them.

        Returns:
            Topic, partition and first offset of each batch, in the order of `writer.batches`.

        Raises:
            KafkaError: the transaction has failed.
        """
        acknowledgements = await writer.send()
        for batch in acknowledgements:
            batch.add_done_callback(_ignore_exception)
        return list(await asyncio.gather(*acknowledgements)) if acknowledgements else []

    async def commit(self) -> None:
        """Commit the transaction.

        Raises:
            ProducerFenced: another producer has taken over; it was not committed.
            UnknownOutcomeError: whether it was committed is not known.
        """
        self._leave(_State.OPEN)
        try:
            await self._producer.commit_transaction()
        except ProducerFenced:
            raise
        except KafkaError as error:
            raise UnknownOutcomeError(f"a commit has no answer that says how it ended ({error!r})") from error
        self._state = _State.READY

    async def abort(self) -> None:
        """Abort the transaction. Raises KafkaError; OutOfTurnError when a commit was sent, which may still arrive."""
        self._leave(_State.OPEN)
        try:
            await self._producer.abort_transaction()
        except AssertionError as fenced:  # aiokafka's words for a producer that failed for good
            raise OutOfTurnError("the producer has failed; the next one aborts its transaction") from fenced
        self._state = _State.READY

    async def stop(self) -> None:
        """Close the connections. The next producer of the same id aborts an open transaction, or its timeout does."""
        await close_producer(self._producer)

    def _leave(self, state: _State) -> None:
        """Leave this state; the step that follows enters another one when it succeeds."""
        if self._state is not state:
            raise OutOfTurnError(f"{self._state.value}; open another producer with this transactional id")
        self._state = _State.ENDING


def _ignore_exception(batch: "asyncio.Future[RecordMetadata]") -> None:
    """Retrieve the exception: a failed transaction raises once, and the errors of its other batches follow from that."""
    if not batch.cancelled():
        batch.exception()
