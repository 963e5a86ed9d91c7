"""Extensions: source fields that no schema names. The router keeps them as they came, in a form that every JSON reader accepts.

A parser makes floats of numbers and loses digits, a minus before zero, or the number itself. So numbers that would be written
in another way keep their text: as a JSON number where every reader has one, and in quotes where readers fail (beyond 64 bits
or 1.8e308).
"""

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any

from msgspec import MsgspecError, Raw
from msgspec.json import Decoder, Encoder

NO_EXTENSIONS: dict[str, Any] = {}
"""Shared by all messages and drafts without extensions; never change it."""
_LEAST, _MOST = -(2**63), 2**63 - 1
_LONGEST_INTEGER = 20
"""Characters of the longest integer of 64 bits, with its sign."""
_SAFE = {str, bool, type(None)}
"""Types without numbers in them."""
_encode = Encoder().encode
_fields_of = Decoder(dict[str, Raw]).decode


def numbers_as_sent(unknown: Mapping[str, Any], text: bytes) -> dict[str, Any]:
    """The unknown fields whose numbers would be written in another way than they were sent, with those numbers as sent.

    Args:
        unknown: fields of a valid message that its schema does not name.
        text: the message as JSON.
    """
    for value in unknown.values():
        if type(value) not in _SAFE:
            break
    else:
        return {}  # the usual case
    try:
        fields = _fields_of(text)
    except MsgspecError:  # NaN or infinity in another field
        whole = _exactly(text)
        return {name: _numbers_of(value, whole[name]) for name, value in unknown.items()}
    written = {name: bytes(fields[name]) for name, value in unknown.items() if type(value) not in _SAFE}
    return {
        name: _numbers_of(unknown[name], _exactly(raw))
        for name, raw in written.items()
        if _encode(unknown[name]) != raw
    }


def _exactly(text: bytes) -> Any:
    return json.loads(text, parse_float=_decimal, parse_int=_integer, parse_constant=str)


def storable(extensions: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the map in which integers beyond 64 bits, NaN and infinity are text; readers would lose them."""
    return {name: _storable(value) for name, value in extensions.items()}


def _storable(value: Any) -> Any:
    if isinstance(value, int) and not _LEAST <= value <= _MOST:
        return str(value)
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return storable(value)
    return value


def _numbers_of(value: Any, sent: Any) -> Any:
    """The value with the numbers of the same value as sent; nothing else of that one counts."""
    if isinstance(value, dict) and isinstance(sent, dict):
        return {name: _numbers_of(inner, sent.get(name)) for name, inner in value.items()}
    if isinstance(value, list) and isinstance(sent, list) and len(value) == len(sent):
        return [_numbers_of(inner, of) for inner, of in zip(value, sent, strict=True)]
    if isinstance(value, int | float) and not isinstance(value, bool) and sent is not None:
        return sent
    return value


def _decimal(text: str) -> Any:
    number = float(text)
    if not isfinite(number):
        return text
    return number if _encode(number) == text.encode() else Raw(text.encode())


def _integer(text: str) -> Any:
    if text == "-0":
        return Raw(b"-0")
    if len(text) > _LONGEST_INTEGER:
        return text
    number = int(text)
    return number if _LEAST <= number <= _MOST else text
