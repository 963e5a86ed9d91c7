"""What parser and validator say, in words for the people at a network: they know their message, not our libraries."""

import re
from typing import Any

from pydantic_core import ErrorDetails

_FIELDS = {
    "missing": "missing",
    "union_tag_not_found": "missing",
    "union_tag_invalid": "none of {expected_tags}",
    "literal_error": "none of {expected}",
    "string_type": "no text in quotes",
    "float_type": "no number, written without quotes",
    "finite_number": "no finite number",
    "list_type": "no list",
    "model_type": "no JSON object",
    "model_attributes_type": "no JSON object",
    "string_too_long": "more than {max_length} characters",
    "string_too_short": "fewer than {min_length} characters",
    "too_long": "more than {max_length} entries",
    "too_short": "fewer than {min_length} entries",
    "greater_than": "not more than {gt:g}",
    "greater_than_equal": "less than {ge:g}",
    "less_than_equal": "more than {le:g}",
    "string_pattern_mismatch": "not written as it must be, {pattern}",
}
"""Kind of error -> what is wrong; what stands in braces is the schema's, never the sender's."""
_PATTERNS = {
    "^[!-~]{1,64}$": "1 to 64 printable ASCII characters without blanks",
    "^[0-9]{14}[0-9]?$": "15 or 14 digits",
    "^[0-9A-Za-z*#_.:+-]{1,64}$": "1 to 64 letters, digits and * # _ . : + -",
    "^https?://[!-~]{1,1000}$": "an address that begins with https:// or http://",
    "^[0-9a-f]{64}$": "64 hexadecimal digits in small letters",
}
_digits = re.compile(r"\^\[0-9\]\{([0-9]+)\}\$").fullmatch
_EARTH = {90, -90}
"""Limits that only a latitude has."""
_SWAPPED = " (perhaps longitude and latitude are swapped)"

_JSON = {
    "EOF while parsing an object": "it ends within an object",
    "EOF while parsing a list": "it ends within a list",
    "EOF while parsing a string": "it ends within a text",
    "EOF while parsing a value": "it ends where a value should stand",
    "expected value": "no value where one should begin",
    "expected ident": "a word that is none of true, false and null",
    "expected `:`": "no colon behind a name",
    "expected `,` or `}`": "neither comma nor brace behind a value",
    "expected `,` or `]`": "neither comma nor bracket behind a value",
    "key must be a string": "a name that is not in double quotes",
    "trailing comma": "a comma before the closing bracket or brace",
    "trailing characters": "something behind its end",
    "recursion limit exceeded": "more than 200 brackets within each other",
    "number out of range": "a number of too many digits",
    "invalid number": "a number that is written in another way",
    "invalid escape": r"an unknown escape behind a \ in a text",
    "control character (\\u0000-\\u001F) found while parsing a string": "a control character in a text that is not escaped",
    "lone leading surrogate in hex escape": "half of a surrogate pair in an escape",
    "unexpected end of hex escape": "half of a surrogate pair, or a cut escape",
}
"""What the parser says before ` at line ... column ...`."""


def of_field(detail: ErrorDetails) -> str:
    """What is wrong with a field, without the sender's own text."""
    kind, context = detail["type"], dict(detail.get("ctx") or {})
    words = _FIELDS.get(kind)
    if words is None:
        return f"{detail['msg'][:1].lower()}{detail['msg'][1:]}"
    if "pattern" in context:
        context["pattern"] = _pattern(str(context["pattern"]))
    said = words.format(**context)
    return said + _SWAPPED if _latitude(context) else said


def of_json(message: str) -> str:
    """What is wrong with a text that is no JSON, and where."""
    what, at, where = message.removeprefix("Invalid JSON: ").partition(" at line ")
    return _JSON.get(what, what) + at + where


def _pattern(pattern: str) -> str:
    digits = _digits(pattern)
    return f"{digits[1]} digits" if digits else _PATTERNS.get(pattern, f"pattern {pattern}")


def _latitude(context: dict[str, Any]) -> bool:
    return context.get("le") in _EARTH or context.get("ge") in _EARTH
