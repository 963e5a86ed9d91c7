"""The wording of parser and validator errors for people at a network, who know their message but not our libraries."""

import re
from math import isfinite, isnan
from typing import Any

from pydantic_core import ErrorDetails

from router.domain.calendar.limits import LIMIT_PATTERN

_FIELDS = {
    "missing": "missing",
    "extra_forbidden": "not a field of the schema",
    "union_tag_not_found": "missing",
    "union_tag_invalid": "not one of {expected_tags}",
    "literal_error": "not one of {expected}",
    "string_type": "not a text in quotes",
    "float_type": "not a number without quotes",
    "finite_number": "not a finite number",
    "list_type": "not a list",
    "tuple_type": "not a list",
    "model_type": "not a JSON object",
    "model_attributes_type": "not a JSON object",
    "string_too_long": "more than {max_length} characters",
    "string_too_short": "fewer than {min_length} characters",
    "too_long": "more than {max_length} entries",
    "too_short": "fewer than {min_length} entries",
    "greater_than": "not greater than {gt:g}",
    "greater_than_equal": "less than {ge:g}",
    "less_than_equal": "more than {le:g}",
    "string_pattern_mismatch": "not in the required form, {pattern}",
}
"""Wording by type of error. The values in braces are from the schema, never from the sender."""
_PATTERNS = {
    "^[!-~]{1,64}$": "1 to 64 printable ASCII characters without spaces",
    "^[!-~]{1,128}$": "1 to 128 printable ASCII characters without spaces",
    "^[0-9a-z-]{1,48}$": "1 to 48 lower-case letters, digits and hyphens",
    "^[0-9]{14}[0-9]?$": "15 or 14 digits",
    "^[0-9A-Za-z*#_.:+-]{1,64}$": "1 to 64 letters, digits and * # _ . : + -",
    f"^({LIMIT_PATTERN})$": "a number of hours or days like 24h, 3d, 4wh, 2uwh or 7wd",
    "^https?://[!-~]{1,1000}$": "an address that begins with https:// or http://",
    "^[0-9a-f]{64}$": "64 hexadecimal digits in lower case",
}
_digits = re.compile(r"\^\[0-9\]\{([0-9]+)\}\$").fullmatch
_EARTH = {90, -90}
"""Limits that only a latitude has."""
_SWAPPED = " (perhaps longitude and latitude are swapped)"

_JSON = {
    "EOF while parsing an object": "it ends inside an object",
    "EOF while parsing a list": "it ends inside a list",
    "EOF while parsing a string": "it ends inside a string",
    "EOF while parsing a value": "it ends where a value is expected",
    "expected value": "something else where a value is expected",
    "expected ident": "a word other than true, false and null",
    "expected `:`": "no colon after a name",
    "expected `,` or `}`": "neither a comma nor a brace after a value",
    "expected `,` or `]`": "neither a comma nor a bracket after a value",
    "key must be a string": "a name that is not in double quotes",
    "trailing comma": "a comma before the closing bracket or brace",
    "trailing characters": "more text after its end",
    "recursion limit exceeded": "more than 200 nested brackets",
    "number out of range": "a number with too many digits",
    "invalid number": "a number in another form",
    "invalid escape": r"an unknown escape after \ in a string",
    "control character (\\u0000-\\u001F) found while parsing a string": "an unescaped control character in a string",
    "lone leading surrogate in hex escape": "half of a surrogate pair in an escape",
    "unexpected end of hex escape": "half of a surrogate pair, or an incomplete escape",
}
"""Wording by the part of the parser's message before ` at line ... column ...`."""


def of_field(detail: ErrorDetails, value: bytes) -> str:
    """Describe the error of a field without the sender's own text.

    Args:
        detail: the error with its input.
        value: the JSON of the whole message.
    """
    sent = detail["input"]
    if isinstance(sent, float) and not isfinite(sent):
        return _no_number(sent, value)
    kind, context = detail["type"], dict(detail.get("ctx") or {})
    wording = _FIELDS.get(kind)
    if wording is None:
        return f"{detail['msg'][:1].lower()}{detail['msg'][1:]}"
    if "pattern" in context:
        context["pattern"] = _pattern(str(context["pattern"]))
    description = wording.format(**context)
    return description + _SWAPPED if _latitude(context) else description


def _no_number(sent: float, value: bytes) -> str:
    """NaN and infinity by their names. Infinity may also be a number that no float holds."""
    if isnan(sent):
        return "NaN, which is no JSON number"
    if b"Infinity" in value:
        return f"{'Infinity' if sent > 0 else '-Infinity'}, which is no JSON number"
    return "a number beyond 1.8e308, which no reader holds"


def of_json(message: str) -> str:
    """Describe why a text is not JSON, and where."""
    what, at, where = message.removeprefix("Invalid JSON: ").partition(" at line ")
    return _JSON.get(what, what) + at + where


def _pattern(pattern: str) -> str:
    digits = _digits(pattern)
    return f"{digits[1]} digits" if digits else _PATTERNS.get(pattern, f"pattern {pattern}")


def _latitude(context: dict[str, Any]) -> bool:
    return context.get("le") in _EARTH or context.get("ge") in _EARTH
