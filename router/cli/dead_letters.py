"""`grid-router dead-letters`: which records were refused and why, exactly what they were, and what was done about them."""

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
from router.dead_letters.repair_log import Notes
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
from router.kafka.topic_reader import bounds_since, connect, find_topic
from router.wire.codec import DeadLetter
from router.wire.repairs import Repair, State, Step
from router.wire.settings import Settings
from router.wire.topics import Names

__all__ = ["address", "app", "as_json", "as_text", "list_", "show"]

SHOWN_CHARACTERS = 4000
"""How much of an original value `show` prints as text; `-o json` prints all of it."""
SHOWN_PATCH = 1000

app = typer.Typer(no_args_is_help=True, help="Refused records: why, what they were, repairing and driving them again.")


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
    """List the refused records, oldest first.

    Example: grid-router dead-letters list --reason not-json --from -2d --state open
    """
    selection = selection_of(None, reason, network, since, until)
    settings = Settings()
    names = Names(settings.namespace)
    strangers = number = 0
    newest: deque[DeadLetter] = deque(maxlen=limit)
    with connect(bootstrap(settings)) as consumer:
        topic = find_topic(consumer, DEAD_LETTERS, names)
        notes = Notes(consumer, names)
        for letter in chosen(consumer, bounds_since(consumer, topic, selection.since), selection):
            if letter is None:
                strangers += 1
            elif state in ("all", notes.state(letter.id)):
                newest.append(letter)
                number += 1
    _print_list([(letter, notes.state(letter.id)) for letter in newest], output)
    if strangers:
        talk(f"{strangers} records of {topic} are no dead letters: something else writes to it.")
    talk(f"{number} dead letters, {len(newest)} shown.")


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="TOPIC/PARTITION/OFFSET of the refused record.")],
    output: Output = "text",
) -> None:
    """Show one refused record: the reason, where it came from, its headers, its original bytes, and what was done about it.

    Example: grid-router dead-letters show reports.policing/2/1041
    """
    settings = Settings()
    names = Names(settings.namespace)
    address(id_)
    with connect(bootstrap(settings)) as consumer:
        (letter,) = found(consumer, find_topic(consumer, DEAD_LETTERS, names), [id_], names)
        said = Notes(consumer, names).of([letter.id])[letter.id]
    if output == "json":
        json_out(as_json(letter, said.state) | _history_json(said))
    else:
        typer.echo(as_text(letter, said))


app.command()(repair)
app.command()(redrive)


def _print_list(letters: list[tuple[DeadLetter, State]], output: Form) -> None:
    if output == "json":
        for letter, state in letters:
            json_out(as_json(letter, state))
        return
    if not letters:
        return
    rows = [
        (letter.id, stamp(letter.at), letter.network, state, letter.code, letter.reason) for letter, state in letters
    ]
    table_out(
        ["id", "refused record of", "network", "state", "code", "reason"],
        [[plain(cell) for cell in row] for row in rows],
    )


def as_json(letter: DeadLetter, state: State) -> dict[str, Any]:
    """The dead letter with its original key, headers and value; the value as JSON, text or hexadecimal digits."""
    value = content_of(letter.value)
    return {
        "id": letter.id,
        "state": state,
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


def _history_json(said: Repair) -> dict[str, Any]:
    """What was done about a letter, and the value that replaces the refused one (null: none does)."""
    value = content_of(said.content)
    steps = [to_builtins(step) | {"at": stamp(step.at)} for step in said.steps]
    return {"history": steps, "repaired_value": value.shown, "repaired_value_kind": value.kind}


def as_text(letter: DeadLetter, said: Repair) -> str:
    """The dead letter for people: reason first, then source, key, headers, what was done, and the value, cut to a screen or two."""
    rows = [
        ("reason", f"{letter.code}: {letter.reason}"),
        ("state", said.state),
        ("network", letter.network),
        ("record", f"{letter.id} of {stamp(letter.at)}"),
        ("key", "none" if letter.key is None else plain_bytes(letter.key, 200)),
        *(("header", f"{name} = {plain_bytes(content or b'', 200)}") for name, content in letter.headers),
        *(row for step in said.steps for row in _step_rows(step)),
    ]
    head = [f"{name:<8} {plain(text)}" for name, text in rows]
    if letter.omitted is not None:
        head.append(f"value    not kept, only here: {letter.omitted}; it stands in the record itself")
    elif letter.value is None:
        head.append("value    none (a tombstone)")
    else:
        head += _value_rows("value", letter.value)
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
