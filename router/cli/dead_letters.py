"""`grid-router dead-letters`: which records were rejected and why, exactly what they were, and what was done about them."""

from collections import deque
from typing import Annotated, Any, Literal

import orjson
import typer
from msgspec import to_builtins

from router.broker.server import bootstrap
from router.cli.text.envelope import content_of, text_of
from router.cli.text.output import Form, Output, json_out, table_out, talk
from router.cli.text.sanitize import plain, plain_bytes
from router.cli.text.timestamps import stamp
from router.dead_letters.redrive import redrive
from router.dead_letters.repair import repair
from router.dead_letters.repair_log import RepairLog
from router.dead_letters.selection import (
    DEAD_LETTERS,
    OfNetwork,
    Reason,
    Since,
    Until,
    address,
    chosen,
    found,
    selection_of,
)
from router.kafka.blocking import open_consumer
from router.kafka.topic_reader import bounds_since, find_topic
from router.wire.codec import DeadLetter
from router.wire.repairs import Repair, State, Step
from router.wire.settings import Settings
from router.wire.topics import Names

__all__ = ["address", "app", "as_json", "as_text", "list_", "show"]

SHOWN_CHARACTERS = 4000
"""How much of an original value `show` prints as text; `-o json` prints all of it."""
SHOWN_PATCH = 1000

app = typer.Typer(no_args_is_help=True, help="Rejected records: why, what they were, repairing and driving them again.")


@app.command("list")
def list_(
    *,
    reason: Reason = None,
    network: OfNetwork = None,
    since: Since = None,
    until: Until = None,
    state: Annotated[
        Literal["open", "repaired", "redriven", "all"], typer.Option(help="Only those with which this was done.")
    ] = "all",
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 200,
    output: Output = "text",
) -> None:
    """List the rejected records, oldest first.

    Example: grid-router dead-letters list --reason not-json --from -2d --state open
    """
    selection = selection_of(None, reason, network, since, until)
    settings = Settings()
    names = Names(settings.namespace)
    strangers = number = 0
    newest: deque[DeadLetter] = deque(maxlen=limit)
    with open_consumer(bootstrap(settings)) as consumer:
        topic = find_topic(consumer, DEAD_LETTERS, names)
        repair_log = RepairLog(consumer, names)
        for dead_letter in chosen(consumer, bounds_since(consumer, topic, selection.since), selection):
            if dead_letter is None:
                strangers += 1
            elif state in ("all", repair_log.state(dead_letter.id)):
                newest.append(dead_letter)
                number += 1
    _print_list([(dead_letter, repair_log.state(dead_letter.id)) for dead_letter in newest], output)
    if strangers:
        talk(f"{strangers} records of {topic} are no dead letters: something else writes to it.")
    talk(f"{number} dead letters, {len(newest)} shown.")


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="TOPIC/PARTITION/OFFSET of the rejected record.")],
    output: Output = "text",
) -> None:
    """Show one rejected record: the reason, where it came from, its headers, its original bytes, and what was done about it.

    Example: grid-router dead-letters show reports.policing/2/1041
    """
    settings = Settings()
    names = Names(settings.namespace)
    address(id_)
    with open_consumer(bootstrap(settings)) as consumer:
        (dead_letter,) = found(consumer, find_topic(consumer, DEAD_LETTERS, names), [id_], names)
        said = RepairLog(consumer, names).of([dead_letter.id])[dead_letter.id]
    if output == "json":
        json_out(as_json(dead_letter, said.state) | _history_json(said))
    else:
        typer.echo(as_text(dead_letter, said))


app.command()(repair)
app.command()(redrive)


def _print_list(dead_letters: list[tuple[DeadLetter, State]], output: Form) -> None:
    if output == "json":
        for dead_letter, state in dead_letters:
            json_out(as_json(dead_letter, state))
        return
    if not dead_letters:
        return
    rows = [
        (dead_letter.id, stamp(dead_letter.at), dead_letter.network, state, dead_letter.code, dead_letter.reason)
        for dead_letter, state in dead_letters
    ]
    table_out(
        ["id", "rejected record of", "network", "state", "code", "reason"],
        [[plain(cell) for cell in row] for row in rows],
    )


def as_json(dead_letter: DeadLetter, state: State) -> dict[str, Any]:
    """The dead letter with its original key, headers and value; the value as JSON, text or hexadecimal digits."""
    value = content_of(dead_letter.value)
    return {
        "id": dead_letter.id,
        "state": state,
        "code": dead_letter.code,
        "reason": dead_letter.reason,
        "network": dead_letter.network,
        "topic": dead_letter.topic,
        "partition": dead_letter.partition,
        "offset": dead_letter.offset,
        "time": stamp(dead_letter.at),
        "key": text_of(dead_letter.key),
        "headers": [[name, text_of(content)] for name, content in dead_letter.headers],
        "value": value.shown,
        "value_kind": value.kind,
        "omitted": dead_letter.omitted,
    }


def _history_json(said: Repair) -> dict[str, Any]:
    """What was done about a dead letter, and the value that replaces the rejected one (null: none does)."""
    value = content_of(said.content)
    steps = [to_builtins(step) | {"at": stamp(step.at)} for step in said.steps]
    return {"history": steps, "repaired_value": value.shown, "repaired_value_kind": value.kind}


def as_text(dead_letter: DeadLetter, said: Repair) -> str:
    """The dead letter for people: reason first, then source, key, headers, what was done, and the value, cut to a screen or two."""
    rows = [
        ("reason", f"{dead_letter.code}: {dead_letter.reason}"),
        ("state", said.state),
        ("network", dead_letter.network),
        ("record", f"{dead_letter.id} of {stamp(dead_letter.at)}"),
        ("key", "none" if dead_letter.key is None else plain_bytes(dead_letter.key, 200)),
        *(("header", f"{name} = {plain_bytes(content or b'', 200)}") for name, content in dead_letter.headers),
        *(row for step in said.steps for row in _step_rows(step)),
    ]
    head = [f"{name:<8} {plain(text)}" for name, text in rows]
    if dead_letter.omitted is not None:
        head.append(f"value    not kept, only here: {dead_letter.omitted}; it stands in the record itself")
    elif dead_letter.value is None:
        head.append("value    none (a tombstone)")
    else:
        head += _value_rows("value", dead_letter.value)
    if said.content is not None:
        head += _value_rows("repaired value", said.content)
    return "\n".join(head)


def _step_rows(step: Step) -> list[tuple[str, str]]:
    to = f" as {step.to}" if step.to else ""
    rows = [("history", f"{stamp(step.at)} {step.done} by {step.actor}{to}: {step.why}")]
    if step.done == "repaired":
        patch = "the whole value" if step.patch is None else plain_bytes(orjson.dumps(step.patch), SHOWN_PATCH)
        rows.append(("  patch", patch))
    return rows


def _value_rows(name: str, value: bytes) -> list[str]:
    cut = " (the beginning; -o json prints all of it)" if len(value) > SHOWN_CHARACTERS else ""
    return [f"{name:<8} {len(value)} bytes{cut}", plain_bytes(value, SHOWN_CHARACTERS)]
