"""The one way to print: data on stdout as a table or as JSON, talk on stderr."""

import sys
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from router.cli.text.sanitize import escaped

Form = Literal["text", "json"]
Output = Annotated[Form, typer.Option("--output", "-o", help="Form of the data on stdout.")]


def json_out(value: Any) -> None:
    """Write one value as one line of JSON, which a terminal can show: what it would obey or hide is escaped."""
    sys.stdout.buffer.write(escaped(orjson.dumps(value).decode()).encode() + b"\n")
    sys.stdout.buffer.flush()


def table_out(columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str | None = None) -> None:
    """Print a table; cells are text, never markup, because they may come from outside."""
    table = Table(*columns, title=title, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    _console().print(table)


def styled_out(*parts: tuple[str, str]) -> None:
    """Print one line of parts, each a text with its style; never markup."""
    _console().print(Text.assemble(*parts), soft_wrap=True)


def _console() -> Console:
    """As wide as the terminal; a pipe has no edge to break lines at."""
    return Console(width=None if sys.stdout.isatty() else 1000)


def talk(text: str) -> None:
    """Say something to the person; never data."""
    sys.stderr.write(f"{text}\n")
