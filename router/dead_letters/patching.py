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
from router.domain.model.report import Refusal, Report
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
            f"cannot be read ({error.strerror})", where=text[1:], cure="name a file of operations"
        ) from None
    except (ValueError, TypeError, RecursionError, JsonPatchException, JsonPointerException):
        raise InputError("that is no JSON patch", where="--patch", cure=_EXAMPLE) from None
    if not patch:
        raise InputError("the patch changes nothing", where="--patch", cure=_EXAMPLE)
    operations: Patch = patch
    return operations


def patched(letter: DeadLetter, value: bytes | None, patch: Patch) -> bytes | Refusal:
    """The value after a patch, written anew as compact JSON in UTF-8.

    Args:
        letter: whose value it is; its headers say in which charset.
        value: that was refused.
        patch: operations.

    Sentences name the operation, never what the record holds: it may be about a person.
    """
    try:
        text = utf8(value or b"", letter.headers)
        document = json.loads((b"" if isinstance(text, Refusal) else text).decode(), parse_constant=_no_json)
    except (ValueError, RecursionError):
        reason = (
            "the refused value is no JSON that can be read, so no patch fits; give the whole value with --value FILE."
        )
        return Refusal(code="not-json", reason=reason)
    for number, operation in enumerate(patch, start=1):
        try:
            document = JsonPatch([operation]).apply(document, in_place=True)
        except (JsonPatchException, JsonPointerException, LookupError, TypeError, ValueError, RecursionError) as error:
            step = f"operation {number} ({printable(operation['op'])} {printable(str(operation['path']), 80)})"
            cure = "look at it with `grid-router dead-letters show` and correct the patch"
            return Refusal(code="patch-misfit", reason=f"{step} {_said(error)}; {cure}.")
    try:
        return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (ValueError, RecursionError):
        reason = "the patched value is no text that JSON can hold; give the whole value with --value FILE."
        return Refusal(code="not-json", reason=reason)


def _said(error: Exception) -> str:
    if isinstance(error, JsonPatchTestFailed):
        return "does not hold for this record"
    if isinstance(error, JsonPatchPathNotFound):
        return "finds nothing at that path"
    return "cannot be done on this record"


def _no_json(constant: str) -> NoReturn:
    raise ValueError(constant)


def refusal_of(letter: DeadLetter, value: bytes, city: City, names: Names, partitions: int) -> Refusal | None:
    """Why the router would refuse this value in the place of the refused one; None when it would take it.

    Args:
        letter: whose place it is.
        value: the new one.
        city: whose rules it will meet.
        names: of the deployment.
        partitions: of `grid.events`.
    """
    astray = homeless(letter, names)
    if astray is not None:
        return astray
    if letter.topic == names.events:
        return _event_refusal(letter, value, partitions)
    if letter.network not in city.codes:
        reason = f"the city {city.name} does not hear the network {letter.network}; name the city whose record it is with --city."
        return Refusal(code="not-heard", reason=reason)
    record = record_of(letter, value, headers_again(letter, repaired=True))
    refusals = normalise(NETWORKS[letter.network], [record], city).refusals
    return refusals[0][1] if refusals else None


def _event_refusal(letter: DeadLetter, value: bytes, partitions: int) -> Refusal | None:
    try:
        event = decode_event(letter.headers, value)
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        reason = f"still no event of the grid stream ({printable(str(error), 160)}); send the network's own record again instead."
        return Refusal(code="not-an-event", reason=reason)
    if (
        isinstance(event, Report)
        and event.version == 1
        and partition_for_cell(event.location.cell.encode(), partitions) != letter.partition
    ):
        # an update goes where the first version went
        reason = "its cell belongs to another partition, where this record cannot go; send the network's own record again instead."
        return Refusal(code="other-street", reason=reason)
    return None


def original(consumer: KafkaConsumer, letter: DeadLetter) -> bytes | Refusal | None:
    """The value that was refused; one that was too large to be kept twice is read from its own topic, if it is still there."""
    if letter.omitted is None:
        return letter.value
    tp = TopicPartition(letter.topic, letter.partition)
    if letter.topic in consumer.topics():
        there = bounds_since(consumer, letter.topic, BEGINNING).get(tp)
        if there is not None and there.start <= letter.offset < there.end:
            alone = Bounds(start=letter.offset, end=letter.offset + 1)
            record = next(read_range(consumer, {tp: alone}), None)
            value = None if record is None else record.value
            if value is not None and letter.omitted.endswith(sha256(value).hexdigest()):
                return bytes(value)
    reason = (
        "the value was too large to be kept and its topic no longer has it; give a new one with `repair --value FILE`."
    )
    return Refusal(code="original-gone", reason=reason)
