"""The one CSV reader of the router: fields may be long, because a border of thousands of vertices stands in one field."""

import csv
import io
from collections.abc import Iterator
from typing import Protocol

MAX_FIELD = 8 << 20
"""Most characters of a field: a border of 200,000 vertices. Python's own limit, 131,072, ends at 4,000."""
_LONG = "field larger than field limit"
_QUOTES = "close its quotes, and double a quote inside quotes"


class CsvReader(Protocol):
    """A reader of the standard library."""

    @property
    def line_num(self) -> int:
        """Lines read so far."""

    def __iter__(self) -> Iterator[list[str]]:
        """The rows."""

    def __next__(self) -> list[str]:
        """The next row."""


def csv_reader(text: str) -> CsvReader:
    """A strict reader of a CSV text (RFC 4180), with or without a byte order mark.

    Python's limit holds for the whole process. It is only ever raised, so threads do not disturb each other.
    """
    allow_long_fields()
    return csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)


def allow_long_fields() -> None:
    """Let every CSV reader of the process read fields of MAX_FIELD characters."""
    if csv.field_size_limit() < MAX_FIELD:
        csv.field_size_limit(MAX_FIELD)


def unreadable(error: csv.Error) -> tuple[str, str]:
    """What a finding says about a text that is no CSV: its message and its hint."""
    if str(error).startswith(_LONG):
        message = f"a field has more than {MAX_FIELD:,} characters"
        return message, "close a quote that was left open, or draw the border with fewer vertices"
    return f"no readable CSV ({error})", _QUOTES
