"""Which dead letters a command is about: by id, or by reason, network and time of rejection."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from kafka import KafkaConsumer, TopicPartition
from msgspec import Struct

from router.cli.text.timestamps import BEGINNING, instant
from router.kafka.topic_reader import Bounds, bounds_since, read_range
from router.wire.codec import DeadLetter, read_dead_letter
from router.wire.errors import InputError
from router.wire.topics import Names

DEAD_LETTERS = "grid.dead-letters"
FIND_ONE = "copy an id from `grid-router dead-letters list`"

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="TOPIC/PARTITION/OFFSET of rejected records.")]
Reason = Annotated[str | None, typer.Option(help="Only this code, e.g. `not-json`.")]
OfNetwork = Annotated[str | None, typer.Option("--network", help="Only records of this network.")]
Since = Annotated[
    str | None,
    typer.Option("--from", help="Rejected then or later: -1h, -2d, beginning, or a time with its zone."),
]
Until = Annotated[str | None, typer.Option("--to", help="Rejected before this; written like --from.")]

Address = tuple[str, int, int]
"""Topic, partition, offset."""


class Selection(Struct, frozen=True, kw_only=True):
    """Which dead letters; without anything set, all of them."""

    ids: tuple[str, ...] = ()
    reason: str | None = None
    network: str | None = None
    since: datetime = BEGINNING
    until: datetime | None = None

    def takes(self, dead_letter: DeadLetter, refused_at_ms: int) -> bool:
        """Whether a dead letter is meant, by everything but its id."""
        return (
            self.reason in (None, dead_letter.code)
            and self.network in (None, dead_letter.network)
            and refused_at_ms >= self.since.timestamp() * 1000
            and (self.until is None or refused_at_ms < self.until.timestamp() * 1000)
        )


def selection_of(
    ids: Sequence[str] | None, reason: str | None, network: str | None, since: str | None, until: str | None
) -> Selection:
    """The selection that the options describe.

    Raises:
        InputError: an id or a time is malformed, or ids stand beside other conditions.
    """
    if ids and any(condition is not None for condition in (reason, network, since, until)):
        raise InputError(
            "ids are given, and conditions too", hint="give ids alone, or --reason, --network, --from, --to alone"
        )
    for id_ in ids or ():
        address(id_)
    now = datetime.now(UTC)
    return Selection(
        ids=tuple(dict.fromkeys(ids or ())),
        reason=reason,
        network=network,
        since=BEGINNING if since is None else instant(since, now, option="--from"),
        until=None if until is None else instant(until, now, option="--to"),
    )


def some_selection_of(
    ids: Sequence[str] | None,
    reason: str | None,
    network: str | None,
    since: str | None,
    until: str | None,
    *,
    otherwise: str,
) -> Selection:
    """The same, but leaving everything out does not mean all dead letters; `otherwise` says what does. Raises InputError."""
    if not ids and all(condition is None for condition in (reason, network, since, until)):
        raise InputError("no dead letters are named", hint=f"give ids, --reason, --network, --from or --to{otherwise}")
    return selection_of(ids, reason, network, since, until)


def address(text: str) -> Address:
    """Topic, partition and offset of an id like `reports.policing/2/1041`. Raises InputError."""
    topic, _, place = text.partition("/")
    partition, _, offset = place.partition("/")
    if not (topic and partition.isdecimal() and offset.isdecimal()):
        raise InputError(
            "an id is TOPIC/PARTITION/OFFSET", where=text, hint="copy one from `grid-router dead-letters list`"
        )
    return topic, int(partition), int(offset)


def selected(consumer: KafkaConsumer, topic: str, selection: Selection, names: Names) -> Iterator[DeadLetter]:
    """The dead letters that are meant, one partition after the other, so that few are in memory at a time.

    Raises:
        InputError: an id has no dead letter; before anything is handed out.
    """
    if selection.ids:
        yield from found(consumer, topic, selection.ids, names)
        return
    for tp, bound in bounds_since(consumer, topic, selection.since).items():
        for dead_letter in chosen(consumer, {tp: bound}, selection):
            if dead_letter is not None:
                yield dead_letter


def chosen(
    consumer: KafkaConsumer, bounds: dict[TopicPartition, Bounds], selection: Selection
) -> Iterator[DeadLetter | None]:
    """The dead letters within bounds that are meant, oldest first; None for a record that is no dead letter."""
    for record in read_range(consumer, bounds, selection.until):
        try:
            dead_letter = read_dead_letter(record.key, record.value, record.headers)
        except ValueError:
            yield None
            continue
        if selection.takes(dead_letter, record.timestamp):
            yield dead_letter


def found(consumer: KafkaConsumer, topic: str, ids: Sequence[str], names: Names) -> list[DeadLetter]:
    """The dead letters of these ids, in their order: by the rejected record's address, or by the dead letter's own.

    Raises:
        InputError: one of them has none.
    """
    there: dict[str, DeadLetter] = {}
    wanted: dict[Address, str] = {}
    for id_ in ids:
        asked, partition, offset = address(id_)
        if asked in (topic, DEAD_LETTERS):
            dead_letter = _standing_at(consumer, TopicPartition(topic, partition), offset)
            if dead_letter is not None:
                there[id_] = dead_letter
        else:
            wanted[asked, partition, offset] = id_
    if wanted:
        there |= _searched(consumer, topic, wanted, names)
    for id_ in ids:
        if id_ not in there:
            raise InputError("no dead letter of that record", where=id_, hint=FIND_ONE)
    return list({there[id_].id: there[id_] for id_ in ids}.values())


def _standing_at(consumer: KafkaConsumer, tp: TopicPartition, offset: int) -> DeadLetter | None:
    there = bounds_since(consumer, tp.topic, BEGINNING).get(tp)
    if there is None or not there.start <= offset < there.end:
        return None
    return next(chosen(consumer, {tp: Bounds(start=offset, end=offset + 1)}, Selection()), None)


def _searched(consumer: KafkaConsumer, topic: str, wanted: dict[Address, str], names: Names) -> dict[str, DeadLetter]:
    """Ids may be written without the namespace. The first dead letter of a record is taken, should there be two."""
    there: dict[str, DeadLetter] = {}
    for dead_letter in chosen(consumer, bounds_since(consumer, topic, BEGINNING), Selection()):
        if dead_letter is None:
            continue
        for asked in dict.fromkeys((dead_letter.topic, dead_letter.topic.removeprefix(names.namespace))):
            id_ = wanted.get((asked, dead_letter.partition, dead_letter.offset))
            if id_ is not None:
                there.setdefault(id_, dead_letter)
        if len(there) == len(wanted):
            break
    return there
