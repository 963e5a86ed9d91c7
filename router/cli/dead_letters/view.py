"""A dead letter as JSON and as text."""

from typing import Any

import orjson
from msgspec import to_builtins
from msgspec.structs import replace

from router.cli.text.envelope import content_of, text_of
from router.cli.text.output import Form, json_out, table_out
from router.cli.text.sanitize import sanitize, sanitize_bytes
from router.cli.text.timestamps import stamp
from router.wire.codec import DeadLetter
from router.wire.repairs import Repair, State, Step

SHOWN_CHARACTERS = 4000
"""How much of an original value `show` prints as text; `-o json` prints all of it."""
SHOWN_PATCH = 1000


ERASED = "the data of a person was erased"


def without_person(dead_letter: DeadLetter, state: State) -> DeadLetter:
    """The dead letter as it may be shown: of an erased one only where it is from and when."""
    if state != "erased":
        return dead_letter
    return replace(dead_letter, reason=ERASED, value=None, headers=(), omitted=ERASED)


def print_list(dead_letters: list[tuple[DeadLetter, State]], output: Form) -> None:
    """Print dead letters with their states, as a table or as JSON."""
    shown = [(without_person(dead_letter, state), state) for dead_letter, state in dead_letters]
    if output == "json":
        for dead_letter, state in shown:
            json_out(as_json(dead_letter, state))
        return
    if not shown:
        return
    rows = [
        (dead_letter.id, stamp(dead_letter.at), dead_letter.network, state, dead_letter.code, dead_letter.reason)
        for dead_letter, state in shown
    ]
    table_out(
        ["id", "rejected record of", "network", "state", "code", "reason"],
        [[sanitize(cell) for cell in row] for row in rows],
    )


def as_json(dead_letter: DeadLetter, state: State) -> dict[str, Any]:
    """The dead letter with its original key, headers and value; the value as JSON, text or hexadecimal digits."""
    dead_letter = without_person(dead_letter, state)
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


def history_json(repair: Repair) -> dict[str, Any]:
    """The steps of a repair, and the value that replaces the rejected one (null: none does)."""
    value = content_of(repair.content)
    steps = [to_builtins(step) | {"at": stamp(step.at)} for step in repair.steps]
    return {"history": steps, "repaired_value": value.shown, "repaired_value_kind": value.kind}


def as_text(dead_letter: DeadLetter, repair: Repair) -> str:
    """The dead letter as text: reason, source, key, headers, history, then the values, cut to a screen or two."""
    dead_letter = without_person(dead_letter, repair.state)
    rows = [
        ("reason", f"{dead_letter.code}: {dead_letter.reason}"),
        ("state", repair.state),
        ("network", dead_letter.network),
        ("record", f"{dead_letter.id} of {stamp(dead_letter.at)}"),
        ("key", "none" if dead_letter.key is None else sanitize_bytes(dead_letter.key, 200)),
        *(("header", f"{name} = {sanitize_bytes(content or b'', 200)}") for name, content in dead_letter.headers),
        *(row for step in repair.steps for row in _step_rows(step)),
    ]
    head = [f"{name:<8} {sanitize(text)}" for name, text in rows]
    if repair.state == "erased":
        head.append(f"value    {ERASED}: no command shows or sends it")
    elif dead_letter.omitted is not None:
        head.append(f"value    not kept, only here: {dead_letter.omitted}; the rejected record has it")
    elif dead_letter.value is None:
        head.append("value    none (a tombstone)")
    else:
        head += _value_rows("value", dead_letter.value)
    if repair.content is not None:
        head += _value_rows("repaired value", repair.content)
    return "\n".join(head)


def _step_rows(step: Step) -> list[tuple[str, str]]:
    to = f" as {step.to}" if step.to else ""
    rows = [("history", f"{stamp(step.at)} {step.done} by {step.actor}{to}: {step.why}")]
    if step.done == "repaired":
        patch = "the whole value" if step.patch is None else sanitize_bytes(orjson.dumps(step.patch), SHOWN_PATCH)
        rows.append(("  patch", patch))
    return rows


def _value_rows(name: str, value: bytes) -> list[str]:
    cut = " (the beginning; -o json prints all of it)" if len(value) > SHOWN_CHARACTERS else ""
    return [f"{name:<8} {len(value)} bytes{cut}", sanitize_bytes(value, SHOWN_CHARACTERS)]
