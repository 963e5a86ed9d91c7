"""Which dead letters a command acts on: by id, or by code, network and time of rejection."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from kafka import KafkaConsumer, TopicPartition
from msgspec import Struct

from router.domain.feedback.reading import feedback_id_of
from router.domain.intake.source_ids import source_id_of
from router.domain.networks.registry import NETWORKS
from router.kafka.topic_reader import Bounds, bounds_since, read_range
from router.wire.codec import DeadLetter, read_dead_letter
from router.wire.errors import InputError
from router.wire.rejected_feedback import FEEDBACK
from router.wire.topic_names import Names

DEAD_LETTERS = "grid.dead-letters"
COPY_ID = "copy an id from `grid-router dead-letters list`"

Address = tuple[str, int, int]
"""Topic, partition, offset."""


class Selection(Struct, frozen=True, kw_only=True):
    """Conditions on dead letters; without any, it selects all of them."""

    ids: tuple[str, ...] = ()
    reason: str | None = None
    """A rejection code."""
    network: str | None = None
    key: str | None = None
    """Key of the rejected record, as UTF-8."""
    report_id: str | None = None
    """The source's own id, in the rejected value."""
    since: datetime | None = None
    """Rejected at this instant or later."""
    until: datetime | None = None
    """Rejected before this instant."""

    def matches(self, dead_letter: DeadLetter, rejected_at_ms: int) -> bool:
        """Whether a dead letter meets every condition but the ids."""
        return (
            self.reason in (None, dead_letter.code)
            and self.network in (None, dead_letter.network)
            and (self.key is None or dead_letter.key == self.key.encode("utf-8", "surrogateescape"))
            and (self.since is None or rejected_at_ms >= self.since.timestamp() * 1000)
            and (self.until is None or rejected_at_ms < self.until.timestamp() * 1000)
            and (self.report_id is None or self.report_id == report_id_of(dead_letter))
        )


def report_id_of(dead_letter: DeadLetter) -> str | None:
    """The source's own id in the rejected value; None when the value is not kept, or has no readable id."""
    if dead_letter.network == FEEDBACK:
        return feedback_id_of(dead_letter.value, dead_letter.headers)
    network = NETWORKS.get(dead_letter.network)
    return None if network is None else source_id_of(network, dead_letter.value, dead_letter.headers)


def parse_id(text: str) -> Address:
    """Topic, partition and offset of an id such as `reports.policing/2/1041`. Raises InputError."""
    topic, _, rest = text.partition("/")
    partition, _, offset = rest.partition("/")
    if not (topic and partition.isdecimal() and offset.isdecimal()):
        raise InputError("an id is TOPIC/PARTITION/OFFSET", where=text, hint=COPY_ID.replace("an id", "one"))
    return topic, int(partition), int(offset)


def select(consumer: KafkaConsumer, topic: str, selection: Selection, names: Names) -> Iterator[DeadLetter]:
    """The selected dead letters, one partition after the other, so that few are in memory at a time.

    Raises:
        InputError: an id has no dead letter. Nothing was yielded then.
    """
    if selection.ids:
        yield from find_by_id(consumer, topic, selection.ids, names)
        return
    for tp, bound in bounds_since(consumer, topic, selection.since).items():
        for dead_letter in read_matching(consumer, {tp: bound}, selection):
            if dead_letter is not None:
                yield dead_letter


def read_matching(
    consumer: KafkaConsumer, bounds: dict[TopicPartition, Bounds], selection: Selection
) -> Iterator[DeadLetter | None]:
    """The dead letters within bounds that match, oldest first; None for a record that is no dead letter."""
    for record in read_range(consumer, bounds, selection.until):
        try:
            dead_letter = read_dead_letter(record.key, record.value, record.headers)
        except ValueError:
            yield None
            continue
        if selection.matches(dead_letter, record.timestamp):
            yield dead_letter


def find_by_id(consumer: KafkaConsumer, topic: str, ids: Sequence[str], names: Names) -> list[DeadLetter]:
    """The dead letters of these ids, in their order. An id is the address of the rejected record or of the dead letter.

    Raises:
        InputError: an id has no dead letter.
    """
    by_id: dict[str, DeadLetter] = {}
    rejected: dict[Address, str] = {}
    for id_ in ids:
        of_topic, partition, offset = parse_id(id_)
        if of_topic in (topic, DEAD_LETTERS):
            dead_letter = _read_at(consumer, TopicPartition(topic, partition), offset)
            if dead_letter is not None:
                by_id[id_] = dead_letter
        else:
            rejected[of_topic, partition, offset] = id_
    if rejected:
        by_id |= _search(consumer, topic, rejected, names)
    for id_ in ids:
        if id_ not in by_id:
            raise InputError("no dead letter of that record", where=id_, hint=COPY_ID)
    return list({by_id[id_].id: by_id[id_] for id_ in ids}.values())


def _read_at(consumer: KafkaConsumer, tp: TopicPartition, offset: int) -> DeadLetter | None:
    bounds = bounds_since(consumer, tp.topic).get(tp)
    if bounds is None or not bounds.start <= offset < bounds.end:
        return None
    return next(read_matching(consumer, {tp: Bounds(start=offset, end=offset + 1)}, Selection()), None)


def _search(consumer: KafkaConsumer, topic: str, wanted: dict[Address, str], names: Names) -> dict[str, DeadLetter]:
    """Search all dead letters. Ids may omit the namespace. If a record has two dead letters, the first one counts."""
    by_id: dict[str, DeadLetter] = {}
    for dead_letter in read_matching(consumer, bounds_since(consumer, topic), Selection()):
        if dead_letter is None:
            continue
        for of_topic in dict.fromkeys((dead_letter.topic, dead_letter.topic.removeprefix(names.namespace))):
            id_ = wanted.get((of_topic, dead_letter.partition, dead_letter.offset))
            if id_ is not None:
                by_id.setdefault(id_, dead_letter)
        if len(by_id) == len(wanted):
            break
    return by_id
