"""The new value of a dead letter: made by a patch, and checked by the rules that will meet it."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

import msgspec
from jsonpatch import JsonPatch, JsonPatchException, JsonPatchPathNotFound, JsonPatchTestFailed, JsonPointerException
from kafka import KafkaConsumer, TopicPartition

from router.cli.text.timestamps import BEGINNING
from router.dead_letters.redrive_record import headers_again, homeless, record_of
from router.domain.intake.charset import utf8
from router.domain.intake.normalise import normalise
from router.domain.intake.rejections import printable
from router.domain.model.report import Rejection, Report
from router.domain.networks.registry import NETWORKS
from router.domain.rules.city import City
from router.kafka.topic_reader import Bounds, bounds_since, read_range
from router.wire.codec import DeadLetter, decode_event
from router.wire.errors import InputError
from router.wire.partitioning import partition_for_cell
from router.wire.topics import Names

Patch = list[dict[str, Any]]
"""Operations of RFC 6902."""
_EXAMPLE = """write operations like [{"op":"replace","path":"/bjlxdm","value":"1204"}] (RFC 6902), or @FILE"""


def patch_of(text: str) -> Patch:
    """The patch that `--patch` names, as JSON or as `@FILE`. Raises InputError."""
    try:
        written = Path(text[1:]).read_text("utf-8") if text.startswith("@") else text
        patch = json.loads(written)
        JsonPatch(patch)
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})", where=text[1:], hint="name a file of operations"
        ) from None
    except (ValueError, TypeError, RecursionError, JsonPatchException, JsonPointerException):
        raise InputError("that is no JSON patch", where="--patch", hint=_EXAMPLE) from None
    if not patch:
        raise InputError("the patch changes nothing", where="--patch", hint=_EXAMPLE)
    operations: Patch = patch
    return operations


def patched(dead_letter: DeadLetter, value: bytes | None, patch: Patch) -> bytes | Rejection:
    """The value after a patch, written anew as compact JSON in UTF-8.

    Args:
        dead_letter: whose value it is; its headers say in which charset.
        value: that was rejected.
        patch: operations.

    Sentences name the operation, never what the record holds: it may be about a person.
    """
    try:
        text = utf8(value or b"", dead_letter.headers)
        document = json.loads((b"" if isinstance(text, Rejection) else text).decode(), parse_constant=_no_json)
    except (ValueError, RecursionError):
        reason = (
            "the rejected value is no JSON that can be read, so no patch fits; give the whole value with --value FILE."
        )
        return Rejection(code="not-json", reason=reason)
    for number, operation in enumerate(patch, start=1):
        try:
            document = JsonPatch([operation]).apply(document, in_place=True)
        except (JsonPatchException, JsonPointerException, LookupError, TypeError, ValueError, RecursionError) as error:
            step = f"operation {number} ({printable(operation['op'])} {printable(str(operation['path']), 80)})"
            hint = "look at it with `grid-router dead-letters show` and correct the patch"
            return Rejection(code="patch-misfit", reason=f"{step} {_said(error)}; {hint}.")
    try:
        return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (ValueError, RecursionError):
        reason = "the patched value is no text that JSON can hold; give the whole value with --value FILE."
        return Rejection(code="not-json", reason=reason)


def _said(error: Exception) -> str:
    if isinstance(error, JsonPatchTestFailed):
        return "does not hold for this record"
    if isinstance(error, JsonPatchPathNotFound):
        return "finds nothing at that path"
    return "cannot be done on this record"


def _no_json(constant: str) -> NoReturn:
    raise ValueError(constant)


def rejection_of(dead_letter: DeadLetter, value: bytes, city: City, names: Names, partitions: int) -> Rejection | None:
    """Why the router would reject this value in the place of the rejected one; None when it would take it.

    Args:
        dead_letter: whose place it is.
        value: the new one.
        city: whose rules it will meet.
        names: of the deployment.
        partitions: of `grid.events`.
    """
    astray = homeless(dead_letter, names)
    if astray is not None:
        return astray
    if dead_letter.topic == names.events:
        return _event_rejection(dead_letter, value, partitions)
    if dead_letter.network not in city.codes:
        reason = f"the city {city.name} does not hear the network {dead_letter.network}; name the city whose record it is with --city."
        return Rejection(code="not-heard", reason=reason)
    record = record_of(dead_letter, value, headers_again(dead_letter, repaired=True))
    rejections = normalise(NETWORKS[dead_letter.network], [record], city).rejections
    return rejections[0][1] if rejections else None


def _event_rejection(dead_letter: DeadLetter, value: bytes, partitions: int) -> Rejection | None:
    try:
        event = decode_event(dead_letter.headers, value)
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        reason = f"still no event of the grid stream ({printable(str(error), 160)}); send the network's own record again instead."
        return Rejection(code="not-an-event", reason=reason)
    if (
        isinstance(event, Report)
        and event.version == 1
        and partition_for_cell(event.location.cell.encode(), partitions) != dead_letter.partition
    ):
        # an update goes where the first version went
        reason = "its cell belongs to another partition, where this record cannot go; send the network's own record again instead."
        return Rejection(code="other-street", reason=reason)
    return None


def original(consumer: KafkaConsumer, dead_letter: DeadLetter) -> bytes | Rejection | None:
    """The value that was rejected; one that was too large to be kept twice is read from its own topic, if it is still there."""
    if dead_letter.omitted is None:
        return dead_letter.value
    tp = TopicPartition(dead_letter.topic, dead_letter.partition)
    if dead_letter.topic in consumer.topics():
        there = bounds_since(consumer, dead_letter.topic, BEGINNING).get(tp)
        if there is not None and there.start <= dead_letter.offset < there.end:
            alone = Bounds(start=dead_letter.offset, end=dead_letter.offset + 1)
            record = next(read_range(consumer, {tp: alone}), None)
            value = None if record is None else record.value
            if value is not None and dead_letter.omitted.endswith(sha256(value).hexdigest()):
                return bytes(value)
    reason = (
        "the value was too large to be kept and its topic no longer has it; give a new one with `repair --value FILE`."
    )
    return Rejection(code="original-gone", reason=reason)
