"""JSON patches on the value of a dead letter (RFC 6902)."""

from math import isfinite
from typing import Any

from jsonpatch import JsonPatch, JsonPatchException, JsonPatchPathNotFound, JsonPatchTestFailed, JsonPointerException

from router.dead_letters.actions import ActionFailure
from router.domain.exact_json import Number, parse, write
from router.domain.intake.charset import utf8
from router.domain.intake.rejections import printable
from router.domain.model.rejection import Rejection
from router.wire.codec import DeadLetter

Patch = list[dict[str, Any]]
"""Operations of RFC 6902."""
MAX_OPERATIONS = 100
"""Each is a step that a person can read; a larger change is a new value."""
MAX_BYTES = 1 << 20
"""Of a patch, and of the value in between: `copy` doubles it. Four times what a network may send."""


def parse_patch(text: str) -> Patch:
    """Parse operations from JSON.

    Raises:
        ValueError: no JSON patch, or a larger one than a person writes.
    """
    if len(text) > MAX_BYTES:
        raise ValueError(f"a patch of more than {MAX_BYTES} characters")
    try:
        operations: Patch = parse(text)
        _reject_constants(operations)
        JsonPatch(operations)
    except (ValueError, TypeError, RecursionError, JsonPatchException, JsonPointerException) as error:
        raise ValueError("not a JSON patch") from error
    if len(operations) > MAX_OPERATIONS:
        raise ValueError(f"a patch of more than {MAX_OPERATIONS} operations")
    return operations


def patched(dead_letter: DeadLetter, value: bytes | None, patch: Patch) -> bytes | ActionFailure:
    """Apply a patch; the new value is compact JSON in UTF-8. Numbers that it does not name stay as they were written.

    A failure names the operation, never the content of the record: it may be personal data.

    Args:
        dead_letter: its headers name the charset.
        value: the rejected value.
        patch: operations.
    """
    try:
        text = utf8(value or b"", dead_letter.headers)
        document = parse((b"" if isinstance(text, Rejection) else text).decode())
        _reject_constants(document)
    except (ValueError, RecursionError):
        reason = "the rejected value is not JSON, so no patch applies; give the whole value with --value FILE."
        return ActionFailure(code="not-json", reason=reason)
    for number, operation in enumerate(patch, start=1):
        try:
            document = JsonPatch([operation]).apply(document, in_place=True)
            if operation["op"] == "copy" and len(write(document)) > MAX_BYTES:
                raise ValueError("a value that is too large")
        except (JsonPatchException, JsonPointerException, LookupError, TypeError, ValueError, RecursionError) as error:
            step = f"operation {number} ({printable(operation['op'])} {printable(str(operation['path']), 80)})"
            hint = "look at it with `grid-router dead-letters show` and correct the patch"
            return ActionFailure(code="patch-misfit", reason=f"{step} {_misfit(error)}; {hint}.")
    try:
        return write(document)
    except (ValueError, RecursionError):
        reason = "the patched value cannot be written as JSON; give the whole value with --value FILE."
        return ActionFailure(code="not-json", reason=reason)


def _misfit(error: Exception) -> str:
    if isinstance(error, JsonPatchTestFailed):
        return "does not hold for this record"
    if isinstance(error, JsonPatchPathNotFound):
        return "finds nothing at that path"
    return "cannot be applied to this record"


def for_history(patch: Patch) -> Patch:
    """The patch as the history keeps it. A number that a float does not hold is kept as a text."""
    kept: Patch = _kept(patch)
    return kept


def _kept(value: Any) -> Any:
    if isinstance(value, Number):
        number = float(value)
        return number if write(number) == value.text.encode() else value.text
    if isinstance(value, list):
        return [_kept(item) for item in value]
    return {name: _kept(item) for name, item in value.items()} if isinstance(value, dict) else value


def _reject_constants(value: Any) -> None:
    """NaN and Infinity are not JSON. Raises ValueError."""
    if isinstance(value, Number):
        if not isfinite(value) and not any(digit in value.text for digit in "0123456789"):
            raise ValueError(value.text)
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _reject_constants(item)
