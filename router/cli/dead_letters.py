"""`grid-router dead-letters list|show`: which records were refused, why, and exactly what they were."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from kafka import KafkaConsumer, TopicPartition

from router.broker.server import bootstrap
from router.cli.envelope import content_of, text_of
from router.cli.instants import BEGINNING, instant, stamp
from router.cli.output import Form, Output, json_out, table_out, talk
from router.cli.plain import plain, plain_bytes
from router.cli.records import Bounds, bounds_since, connect, find_topic, read_range
from router.wire.codec import DeadLetter, read_dead_letter
from router.wire.errors import InputError
from router.wire.settings import Settings
from router.wire.topics import Names

SHOWN_CHARACTERS = 4000
"""How much of an original value `show` prints as text; `-o json` prints all of it."""

app = typer.Typer(no_args_is_help=True, help="Refused records: why, and what they were.")


@app.command("list")
def list_(
    *,
    reason: Annotated[str | None, typer.Option(help="Only this code, e.g. `not-json`.")] = None,
    network: Annotated[str | None, typer.Option(help="Only records of this network.")] = None,
    since: Annotated[str, typer.Option("--from", help="-1h, -2d, beginning, or a time with its zone.")] = "beginning",
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 200,
    output: Output = "text",
) -> None:
    """List the refused records, oldest first.

    Example: grid-router dead-letters list --reason not-json --from -2d
    """
    at_least = instant(since, datetime.now(UTC), option="--from")
    settings = Settings()
    strangers = 0
    chosen: list[DeadLetter] = []
    with connect(bootstrap(settings)) as consumer:
        topic = find_topic(consumer, "grid.dead-letters", Names(settings.namespace))
        for letter in _letters(consumer, bounds_since(consumer, topic, at_least)):
            if letter is None:
                strangers += 1
            elif reason in (None, letter.code) and network in (None, letter.network):
                chosen.append(letter)
    shown = chosen[-limit:]
    _print_list(shown, output)
    if strangers:
        talk(f"{strangers} records of {topic} are no dead letters: something else writes to it.")
    talk(f"{len(chosen)} dead letters, {len(shown)} shown.")


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="TOPIC/PARTITION/OFFSET of the refused record.")],
    output: Output = "text",
) -> None:
    """Show one refused record: the reason, where it came from, its headers and its original bytes.

    Example: grid-router dead-letters show reports.policing/2/1041
    """
    settings = Settings()
    names = Names(settings.namespace)
    wanted = address(id_)
    with connect(bootstrap(settings)) as consumer:
        letter = _find(consumer, find_topic(consumer, "grid.dead-letters", names), wanted, names)
    if letter is None:
        raise InputError(
            "no dead letter of that record",
            where=id_,
            cure="copy an id from `grid-router dead-letters list`",
        )
    if output == "json":
        json_out(as_json(letter))
    else:
        typer.echo(as_text(letter))


def address(text: str) -> tuple[str, int, int]:
    """Topic, partition and offset of an id like `reports.policing/2/1041`. Raises InputError."""
    topic, _, place = text.partition("/")
    partition, _, offset = place.partition("/")
    if not (topic and partition.isdecimal() and offset.isdecimal()):
        raise InputError(
            "an id is TOPIC/PARTITION/OFFSET", where=text, cure="copy one from `grid-router dead-letters list`"
        )
    return topic, int(partition), int(offset)


def _letters(consumer: KafkaConsumer, bounds: dict[TopicPartition, Bounds]) -> Iterator[DeadLetter | None]:
    for record in read_range(consumer, bounds):
        try:
            yield read_dead_letter(record.key, record.value, record.headers)
        except ValueError:
            yield None


def _find(consumer: KafkaConsumer, topic: str, wanted: tuple[str, int, int], names: Names) -> DeadLetter | None:
    """By the refused record's address, or by the dead letter's own."""
    asked, partition, offset = wanted
    if asked in (topic, "grid.dead-letters"):
        there = bounds_since(consumer, topic, BEGINNING).get(TopicPartition(topic, partition))
        if there is None or not there.start <= offset < there.end:
            return None
        alone = {TopicPartition(topic, partition): Bounds(start=offset, end=offset + 1)}
        return next(_letters(consumer, alone), None)
    for letter in _letters(consumer, bounds_since(consumer, topic, BEGINNING)):
        if (
            letter is not None
            and letter.topic in (asked, f"{names.namespace}{asked}")
            and (letter.partition, letter.offset) == (partition, offset)
        ):
            return letter
    return None


def _print_list(letters: list[DeadLetter], output: Form) -> None:
    if output == "json":
        for letter in letters:
            json_out(as_json(letter))
        return
    if not letters:
        return
    rows = [(letter.id, stamp(letter.at), letter.network, letter.code, letter.reason) for letter in letters]
    table_out(["id", "refused record of", "network", "code", "reason"], [[plain(cell) for cell in row] for row in rows])


def as_json(letter: DeadLetter) -> dict[str, Any]:
    """The dead letter with its original key, headers and value; the value as JSON, text or hexadecimal digits."""
    value = content_of(letter.value)
    return {
        "id": letter.id,
        "code": letter.code,
        "reason": letter.reason,
        "network": letter.network,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "time": stamp(letter.at),
        "key": text_of(letter.key),
        "headers": [[name, text_of(content)] for name, content in letter.headers],
        "value": value.shown,
        "value_kind": value.kind,
        "omitted": letter.omitted,
    }


def as_text(letter: DeadLetter) -> str:
    """The dead letter for people: reason first, then source, key, headers and the value, cut to a screen or two."""
    rows = [
        ("reason", f"{letter.code}: {letter.reason}"),
        ("network", letter.network),
        ("record", f"{letter.id} of {stamp(letter.at)}"),
        ("key", "none" if letter.key is None else plain_bytes(letter.key, 200)),
        *(("header", f"{name} = {plain_bytes(content, 200)}") for name, content in letter.headers),
    ]
    head = [f"{name:<8} {plain(text)}" for name, text in rows]
    if letter.omitted is not None:
        return "\n".join([*head, f"value    not kept, only here: {letter.omitted}; it stands in the record itself"])
    if letter.value is None:
        return "\n".join([*head, "value    none (a tombstone)"])
    size = f"value    {len(letter.value)} bytes"
    kept = plain_bytes(letter.value, SHOWN_CHARACTERS)
    cut = " (the beginning; -o json prints all of it)" if len(letter.value) > SHOWN_CHARACTERS else ""
    return "\n".join([*head, size + cut, kept])
