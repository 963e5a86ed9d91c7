"""The open connections of one repair or redrive."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from kafka import KafkaConsumer
from msgspec import Struct

from router.dead_letters.redrive_producer import RedriveProducer, open_redrive_producer
from router.dead_letters.repair_log import RepairLog
from router.dead_letters.selection import DEAD_LETTERS, Selection, select
from router.kafka.blocking import open_consumer
from router.kafka.topic_lookup import find_topic
from router.wire.codec import DeadLetter
from router.wire.topic_names import Names


class Session(Struct, frozen=True):
    """What an action reads and writes with."""

    dead_letters: Iterator[DeadLetter]
    """The selected ones."""
    lookup: KafkaConsumer
    """For single records and for metadata."""
    repair_log: RepairLog
    producer: RedriveProducer | None
    """None in a dry run."""


@contextmanager
def open_session(bootstrap: str, names: Names, selection: Selection, *, dry_run: bool) -> Iterator[Session]:
    """Connect, fence an earlier command, then read the repair log.

    Raises:
        BrokerError: Kafka does not answer, or another command has fenced this one.
        TopicError: the topic of dead letters or of repairs does not exist.
    """
    with ExitStack() as stack:
        reader, lookup = (stack.enter_context(open_consumer(bootstrap)) for _ in range(2))
        topic = find_topic(reader, DEAD_LETTERS, names)
        producer = None if dry_run else stack.enter_context(open_redrive_producer(bootstrap, names.namespace))
        repair_log = RepairLog(lookup, names, must_exist=True)
        yield Session(select(reader, topic, selection, names), lookup, repair_log, producer)
