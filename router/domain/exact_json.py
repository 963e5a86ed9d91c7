"""JSON whose numbers stay as they were written.

A parser makes floats of numbers and loses digits, a minus before zero, or the number itself (`1e999`). Here a number that Python
would write in another way keeps its text.
"""

import json
from typing import Any, Self

from msgspec import Raw
from msgspec.json import Encoder

LONGEST_INTEGER = 4300
"""Digits that Python converts."""


class Number(float):
    """A number with the text that stands for it. Number, NaN and infinity compare and count as the float that is nearest."""

    __slots__ = ("text",)

    text: str

    def __new__(cls, text: str) -> Self:
        """The number that a text stands for."""
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __reduce__(self) -> tuple[type["Number"], tuple[str]]:
        return Number, (self.text,)


def parse(text: str | bytes, longest_integer: int = LONGEST_INTEGER) -> Any:
    """Parse JSON; also NaN and infinity, which are none, become numbers.

    Args:
        text: JSON, in UTF-8 if it is bytes.
        longest_integer: characters of the longest integer that becomes an `int`; a longer one becomes a Number.

    Raises:
        ValueError: it is no JSON.
        RecursionError: it is nested too deeply.
    """
    text = text.decode() if isinstance(text, bytes) else text  # else a byte order mark would be read, too

    def integer(written: str) -> int | Number:
        return Number(written) if written == "-0" or len(written) > longest_integer else int(written)

    return json.loads(text, parse_float=Number, parse_int=integer, parse_constant=Number)


def write(value: Any) -> bytes:
    """Write what was parsed as compact JSON in UTF-8.

    Raises:
        ValueError: a text in it has half of a surrogate pair.
        RecursionError: it is nested too deeply.
    """
    return _encode(value)


def _as_written(number: object) -> Raw:
    if isinstance(number, Number):
        return Raw(number.text.encode())
    raise TypeError(f"not JSON: {type(number)}")


_encode = Encoder(enc_hook=_as_written).encode
