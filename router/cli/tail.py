"""`grid-router tail`: prints the committed records of one topic from an instant on, and why it ended."""

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import typer
from kafka import KafkaConsumer, TopicPartition
from msgspec import Struct

from router.broker.server import bootstrap
from router.cli.text.envelope import envelope, in_cell, line
from router.cli.text.output import Form, Output, flush, json_out, lines_out, say
from router.cli.text.timestamps import from_ms, instant, stamp
from router.kafka.blocking import open_consumer
from router.kafka.topic_lookup import find_topic
from router.kafka.topic_reader import Bounds, Record, bounds_since, follow, read_range
from router.wire.errors import InputError
from router.wire.settings import Settings
from router.wire.topic_names import Names

PIPED_WIDTH = 200
"""Characters of a text line when the output is not a terminal."""


class TailRequest(Struct, frozen=True, kw_only=True):
    """Which records of a topic to show."""

    since: datetime
    until: datetime | None = None
    cell: str | None = None
    limit: int | None = None
    follow: bool = False


class Tally(Struct, kw_only=True):
    """The number of records read and shown, and why the command ended."""

    read: int = 0
    shown: int = 0
    ended: str = ""


def tail(
    topic: Annotated[
        str, typer.Argument(help="Name of a topic: `grid.cases`, `cases`, `tasks.lapd`, `reports.hotline`, ...")
    ],
    *,
    since: Annotated[
        str, typer.Option("--from", help="Start: -30m, -1h, -2d, beginning, now, or a time with a zone (RFC 3339).")
    ] = "-1h",
    until: Annotated[
        str | None,
        typer.Option("--to", help="End, in the same forms as --from; default: the present end of the topic."),
    ] = None,
    cell: Annotated[str | None, typer.Option(help="Glob that the key or the cell of a record must match.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Largest number of records.")] = None,
    follow_: Annotated[bool, typer.Option("--follow", "-f", help="Wait for new records until Ctrl-C.")] = False,
    output: Output = "text",
) -> None:
    """Show the committed records of a topic in order of time. Stdout has the data, stderr the reason for the end.

    Example: grid-router tail grid.cases --from -1h --cell '06037*' -o json
    """
    now = datetime.now(UTC)
    request = TailRequest(
        since=instant(since, now, option="--from"),
        until=instant(until, now, option="--to") if until not in (None, "now") else None,
        cell=cell,
        limit=limit,
        follow=follow_,
    )
    if follow_ and until is not None:
        raise InputError("--follow and --to exclude each other", where="tail", hint="give one of the two")
    settings = Settings()
    with open_consumer(bootstrap(settings)) as consumer:
        name = find_topic(consumer, topic, Names(settings.namespace))
        tally = Tally()
        try:
            for record in select(consumer, name, request, tally):
                _print(record, output)
                if follow_:
                    flush()
            flush()
        except KeyboardInterrupt:
            tally.ended = "interrupted"
        except BrokenPipeError:
            _discard_stdout()
            tally.ended = "the reader closed the output"
    say(f"Ended: {tally.ended} ({name}: {tally.read} read, {tally.shown} shown).")


def select(consumer: KafkaConsumer, topic: str, request: TailRequest, tally: Tally) -> Iterator[Record]:
    """The requested records in order of time. Updates the tally; its `ended` says why the records end."""
    bounds = bounds_since(consumer, topic, request.since)
    for record in _stream(consumer, bounds, request):
        if not _in_time(record, request):
            continue
        tally.read += 1
        if request.cell is not None and not in_cell(record, request.cell):
            continue
        if tally.shown == request.limit:
            tally.ended = f"--limit {request.limit} reached, there are more"
            return
        tally.shown += 1
        yield record
        if request.follow and tally.shown == request.limit:
            tally.ended = f"--limit {request.limit} reached"
            return
    tally.ended = _end_reason(consumer, bounds, request, tally)


def _stream(consumer: KafkaConsumer, bounds: dict[TopicPartition, Bounds], request: TailRequest) -> Iterator[Record]:
    yield from read_range(consumer, bounds, request.until)
    if request.follow:
        for records in follow(consumer, {tp: bound.end for tp, bound in bounds.items()}):
            yield from records


def _in_time(record: Record, request: TailRequest) -> bool:
    at = from_ms(record.timestamp)
    return request.since <= at and (request.until is None or at < request.until)


def _end_reason(
    consumer: KafkaConsumer, bounds: dict[TopicPartition, Bounds], request: TailRequest, tally: Tally
) -> str:
    """Why the records ended. When none was shown: an empty topic, a wrong time or a wrong cell."""
    if request.until is None:
        reached = f"the end as of {stamp(datetime.now(UTC))}"
    else:
        reached = f"--to {stamp(request.until)} reached"
    if tally.shown:
        return reached
    if tally.read:
        return f"{reached}; no record matches" + (f" --cell {request.cell}" if request.cell else "")
    begins = consumer.beginning_offsets(list(bounds))
    ends = consumer.end_offsets(list(bounds))
    older = sum(ends[tp] - begins[tp] for tp in bounds)
    if older == 0:
        return f"{reached}; the topic is empty"
    return f"{reached}; nothing since {stamp(request.since)}, try --from beginning"


def _print(record: Record, output: Form) -> None:
    if output == "json":
        json_out(envelope(record))
        return
    try:
        width = os.get_terminal_size(sys.stdout.fileno()).columns
    except OSError:
        width = PIPED_WIDTH
    lines_out(line(record, width))


def _discard_stdout() -> None:
    """Replace stdout: Python flushes it at exit and would report the closed pipe again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
