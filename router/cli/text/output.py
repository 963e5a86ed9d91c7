"""All output: data on stdout as lines, as a table or as JSON, messages on stderr.

No other module of the command line writes to a terminal. Whatever these functions get may come from outside, so they print
no character that a terminal obeys or hides, and no line break within a line.
"""

import sys
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from router.cli.text.sanitize import escape_json, sanitize
from router.domain.exact_json import Number

Form = Literal["text", "json"]
Output = Annotated[Form, typer.Option("--output", "-o", help="Format of the data on stdout.")]


def lines_out(*lines: str) -> None:
    """Print lines of data as text."""
    sys.stdout.write("".join(f"{sanitize(line)}\n" for line in lines))


def flush() -> None:
    """Hand what was printed to its reader, before a message or a pause."""
    sys.stdout.flush()


def json_out(value: Any) -> None:
    """Write one value as one line of JSON that is safe for a terminal. Characters that it obeys or hides are escaped."""
    sys.stdout.flush()
    sys.stdout.buffer.write(escape_json(orjson.dumps(value, default=_as_written).decode()).encode() + b"\n")
    sys.stdout.buffer.flush()


def _as_written(number: object) -> orjson.Fragment:
    """A number of a record, as its sender wrote it."""
    if isinstance(number, Number):
        return orjson.Fragment(number.text)
    raise TypeError(type(number).__name__)


def table_out(columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str | None = None) -> None:
    """Print a table. Cells are text, never markup."""
    table = Table(*columns, title=title, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(sanitize(cell)) for cell in row))
    _console().print(table)


def styled_out(*parts: tuple[str, str]) -> None:
    """Print one line of parts, each a text with its style, never markup."""
    _console().print(Text.assemble(*((sanitize(text), style) for text, style in parts)), soft_wrap=True)


def _console() -> Console:
    """As wide as the terminal; wide enough for any line in a pipe."""
    return Console(width=None if sys.stdout.isatty() else 1000)


def say(text: str) -> None:
    """Print a message for the user on stderr, one line; never data."""
    sys.stderr.write(f"{sanitize(text)}\n")
