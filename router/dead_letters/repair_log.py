"""The notes about dead letters on `grid.repairs`: where the latest of each dead letter stands, and what it says."""

from collections.abc import Iterable, Iterator

from kafka import KafkaConsumer, TopicPartition
from msgspec import Struct

from router.cli.text.timestamps import BEGINNING
from router.kafka.topic_reader import Bounds, bounds_since, read_range
from router.wire.repairs import Repair, State, decode_repair
from router.wire.topics import Names

GAP = 200
"""Notes that stand nearer than so many records are read in one go."""


class _Place(Struct, frozen=True):
    offset: int
    size: int
    state: State


class RepairLog:
    """An index of the notes: an id, two numbers and a state for each dead letter. What a note says is read when asked for.

    Args:
        consumer: of its own, because reading moves it about.
        names: whose topic it is. Without the topic there are no notes.
    """

    def __init__(self, consumer: KafkaConsumer, names: Names) -> None:
        self._consumer, self._tp = consumer, TopicPartition(names.repairs, 0)
        self._places: dict[str, _Place] = {}
        self.exist = names.repairs in consumer.topics()
        """Whether the topic is there."""
        if self.exist:
            for record in read_range(consumer, bounds_since(consumer, names.repairs, BEGINNING)):
                self._see(record.key, record.value, record.offset)

    def _see(self, key: bytes | None, value: bytes | None, offset: int) -> None:
        if value is None:
            self._places.pop((key or b"").decode(errors="replace"), None)
            return
        try:
            repair = decode_repair(key, value)
        except ValueError:
            return  # a stranger's
        self.moved(repair, offset, len(value))

    def moved(self, repair: Repair, offset: int, size: int) -> None:
        """A dead letter has a new note, at this offset and of so many bytes."""
        self._places[repair.dead_letter] = _Place(offset, size, repair.state)

    def state(self, dead_letter: str) -> State:
        """What was done about a dead letter."""
        place = self._places.get(dead_letter)
        return "open" if place is None else place.state

    def size(self, dead_letter: str) -> int:
        """Bytes of a dead letter's note, 0 when there is none."""
        place = self._places.get(dead_letter)
        return 0 if place is None else place.size

    def of(self, dead_letters: Iterable[str]) -> dict[str, Repair]:
        """What the notes of these dead letters say; an empty one for a dead letter without."""
        said = {dead_letter: Repair(dead_letter=dead_letter) for dead_letter in dead_letters}
        offsets = sorted(self._places[dead_letter].offset for dead_letter in said if dead_letter in self._places)
        for run in _runs(offsets):
            wanted = set(run)
            for record in read_range(self._consumer, {self._tp: Bounds(start=run[0], end=run[-1] + 1)}):
                if record.offset in wanted:
                    repair = decode_repair(record.key, record.value)
                    said[repair.dead_letter] = repair
        return said


def _runs(offsets: list[int]) -> Iterator[list[int]]:
    """Ascending offsets, cut where a gap is wide."""
    run: list[int] = []
    for offset in offsets:
        if run and offset - run[-1] > GAP:
            yield run
            run = []
        run.append(offset)
    if run:
        yield run
