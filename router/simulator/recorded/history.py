"""What recorded histories share: their interface, CSV reading with positions, and times."""

import csv
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from io import StringIO
from pathlib import Path
from typing import NoReturn, Protocol

from msgspec import Struct

from router.simulator.messages import SourceMessage
from router.wire.errors import InputError

WHEN = "%m/%d/%Y %I:%M:%S %p"
"""How American cities write a time. 12 AM is midnight, 12 PM is noon."""
WEEK = timedelta(weeks=1)


class History(Protocol):
    """The recorded reports of a city, as messages of the network that received them."""

    @property
    def network(self) -> str:
        """The network of the messages."""

    @property
    def rows(self) -> Sequence[object]:
        """One row for each report, in recorded order."""

    def messages(self, number: int | None = None, *, apart: timedelta = timedelta(0)) -> Iterator[SourceMessage]:
        """The messages of the first `number` reports in the order of their received times. None: the whole file once.

        Beyond the file's end the history repeats, one round later, with fresh ids and times shifted by whole weeks. That keeps
        the day of the week.

        Args:
            number: how many reports.
            apart: least time between two rounds. If it is longer than every merge window, rounds do not merge with each other.
        """


class Line(Struct, frozen=True):
    """One row of a file: its fields by column, and its position."""

    file: Path
    number: int
    """Line number where the row begins."""
    header: Sequence[str]
    fields: dict[str, str]

    def reject(self, what: str, column: str, hint: str) -> NoReturn:
        """Reject one of its fields. Raises InputError."""
        reject(what, self.file, self.number, self.header.index(column) + 1, hint)


def read_lines(file: Path, columns: Sequence[str]) -> Iterator[Line]:
    """The rows of a CSV file with exactly these columns, in any order.

    Raises:
        InputError: the file cannot be read, is not UTF-8 or not CSV, has an unknown, missing or repeated column, or a row
            of another length. The sentence names file, line and column.
    """
    header: list[str] = []
    for number, cells in _rows(file):
        if not header:
            header = _header(cells, columns, file)
        elif len(cells) != len(header):
            place = min(len(cells), len(header)) + 1
            reject(f"the row has {len(cells)} fields, not {len(header)}", file, number, place, "repair the row")
        else:
            yield Line(file, number, header, dict(zip(header, cells, strict=True)))


def header_of(file: Path) -> Sequence[str]:
    """The columns of a file; none if it is empty. Raises InputError as `read_lines` does."""
    return next((cells for _, cells in _rows(file)), [])


def once(seen: dict[str, Line], line: Line, column: str, hint: str) -> None:
    """Reject a row whose field repeats an earlier one. Raises InputError."""
    text = line.fields[column]
    first = seen.setdefault(text, line)
    if first is not line:
        where = f"line {first.number}" if first.file == line.file else f"{first.file.name}:{first.number}"
        line.reject(f"{column} {text[:40]!r} stands in {where} too", column, hint)


def reject(what: str, file: Path, line: int, column: int, hint: str) -> NoReturn:
    """Raises InputError with the position as editors write it."""
    raise InputError(what, where=f"{file}:{line}:{column}", hint=hint)


def wall_time(text: str) -> datetime | None:
    """A time as the files write it. None if the text is no time."""
    try:
        return datetime.strptime(text, WHEN)  # noqa: DTZ007 - wall time on purpose; the zone is the city's
    except ValueError:
        return None


def utc(wall: datetime, zone: tzinfo) -> datetime:
    """The first instant at which the clock of a zone shows this wall time."""
    return wall.replace(tzinfo=zone).astimezone(UTC)


def round_length(first: datetime, last: datetime, apart: timedelta) -> timedelta:
    """Whole weeks between the rounds of a history, so that they lie `apart`."""
    return WEEK * max(1, -(-(last - first + apart) // WEEK))


def _rows(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and fields of each row that is not blank."""
    reader = csv.reader(StringIO(_text(file), newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            reject(f"this is not CSV ({error})", file, line, 1, "repair the row, or export the file again")
        if cells:
            yield line, cells


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError(
            "the file is missing", where=str(file), hint="write it; docs/how-to/replay-history.md shows how"
        ) from None
    except OSError as error:
        raise InputError(
            f"the file cannot be read ({error.strerror})", where=str(file), hint="check its permissions"
        ) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        reject("the text is not UTF-8", file, line, 1, "save the file as UTF-8")


def _header(cells: list[str], columns: Sequence[str], file: Path) -> list[str]:
    for place, name in enumerate(cells, 1):
        if name not in columns:
            reject(f"unknown column {name[:40]!r}", file, 1, place, f"the columns are {', '.join(columns)}")
        if name in cells[: place - 1]:
            reject(f"column {name!r} stands here a second time", file, 1, place, "remove one of the two")
    missing = [name for name in columns if name not in cells]
    if missing:
        reject(f"column {missing[0]!r} is missing", file, 1, len(cells) + 1, "export the file with all its columns")
    return cells
