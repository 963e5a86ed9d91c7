"""The repair log: the records of `grid.repairs`, which say what people did about each dead letter."""

from collections.abc import Iterable, Iterator, Sequence

from kafka import KafkaConsumer, TopicPartition
from msgspec import Struct

from router.dead_letters.redrive_producer import OutgoingRecord, RedriveProducer
from router.kafka.topic_reader import Bounds, bounds_since, read_range
from router.wire.errors import TopicError
from router.wire.repairs import Repair, State, decode_repair, encode_repair
from router.wire.topic_names import Names

GAP = 200
"""Repairs that are fewer offsets apart than this are read in one range."""


class _Entry(Struct, frozen=True):
    offset: int
    size: int
    state: State


class RepairLog:
    """An index of the latest repair of each dead letter: offset, size and state. The repair itself is read on demand.

    Args:
        consumer: for this object alone, because reading changes its assignment.
        names: of the deployment's topics.
        must_exist: whether the topic is required. Otherwise a missing topic is an empty log.

    Raises:
        TopicError: the topic is required and does not exist.
    """

    def __init__(self, consumer: KafkaConsumer, names: Names, *, must_exist: bool = False) -> None:
        self._consumer, self._tp = consumer, TopicPartition(names.repairs, 0)
        self._entries: dict[str, _Entry] = {}
        if names.repairs in consumer.topics():
            for record in read_range(consumer, bounds_since(consumer, names.repairs)):
                self._index(record.key, record.value, record.offset)
        elif must_exist:
            raise TopicError(
                "there is no such topic", where=names.repairs, hint="`grid-router topics apply CITY` makes it"
            )

    def _index(self, key: bytes | None, value: bytes | None, offset: int) -> None:
        if value is None:
            self._entries.pop((key or b"").decode(errors="replace"), None)
            return
        try:
            repair = decode_repair(key, value)
        except ValueError:
            return  # a foreign record
        self._entries[repair.dead_letter] = _Entry(offset, len(value), repair.state)

    def append(self, producer: RedriveProducer, repairs: Sequence[Repair]) -> list[_Entry]:
        """Send repairs within the producer's transaction. Call `committed` with the result once it has committed.

        Raises:
            KafkaError: the transaction has failed.
            TimeoutError: Kafka does not answer.
        """
        encoded = [encode_repair(repair) for repair in repairs]
        offsets = producer.send(
            [
                OutgoingRecord(topic=self._tp.topic, partition=0, key=key, value=value, headers=headers)
                for key, value, headers in encoded
            ]
        )
        return [
            _Entry(offset, len(value), repair.state)
            for repair, offset, (_, value, _) in zip(repairs, offsets, encoded, strict=True)
        ]

    def committed(self, repairs: Sequence[Repair], entries: Sequence[_Entry]) -> None:
        """Index repairs that were appended and have committed."""
        for repair, entry in zip(repairs, entries, strict=True):
            self._entries[repair.dead_letter] = entry

    def state(self, dead_letter: str) -> State:
        """The state of a dead letter."""
        entry = self._entries.get(dead_letter)
        return "open" if entry is None else entry.state

    def size(self, dead_letter: str) -> int:
        """Bytes of a dead letter's repair, 0 when there is none."""
        entry = self._entries.get(dead_letter)
        return 0 if entry is None else entry.size

    def of(self, dead_letters: Iterable[str]) -> dict[str, Repair]:
        """The repairs of these dead letters, by id; an empty one for a dead letter without."""
        repairs = {dead_letter: Repair(dead_letter=dead_letter) for dead_letter in dead_letters}
        offsets = sorted(self._entries[dead_letter].offset for dead_letter in repairs if dead_letter in self._entries)
        for run in _runs(offsets):
            wanted = set(run)
            for record in read_range(self._consumer, {self._tp: Bounds(start=run[0], end=run[-1] + 1)}):
                if record.offset in wanted:
                    repair = decode_repair(record.key, record.value)
                    repairs[repair.dead_letter] = repair
        return repairs


def _runs(offsets: list[int]) -> Iterator[list[int]]:
    """Ascending offsets, split at wide gaps."""
    run: list[int] = []
    for offset in offsets:
        if run and offset - run[-1] > GAP:
            yield run
            run = []
        run.append(offset)
    if run:
        yield run
