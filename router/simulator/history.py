"""A city's recorded history as hotline messages: the rows of `history/*.csv`, in recorded order, with the known owner.

The file's own columns are the source schema of the hotline (12345 in China, 311 in Los Angeles). What is asked for
beyond the file's end is the file again, one round later: fresh ids and times shifted by whole weeks, which keep the
day of the week and never fall into the hour that summer time skips (it does so on Sundays; see `Round`).
"""

import csv
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from io import StringIO
from itertools import count, islice
from pathlib import Path
from typing import NoReturn

import orjson
from msgspec import Struct

from router.simulator.messages import Message
from router.wire.errors import InputError

NETWORK = "hotline"
ID, CREATED, OWNER = "SRNumber", "CreatedDate", "Owner"
SHIFTED = (CREATED, "UpdatedDate", "ServiceDate", "ClosedDate")
WHEN = "%m/%d/%Y %I:%M:%S %p"
WEEK = timedelta(weeks=1)


class Row(Struct, frozen=True):
    """One recorded request."""

    created: datetime
    """UTC."""
    fields: dict[str, str]
    """Column -> text, as the file has it."""
    dates: dict[str, datetime]
    """Column -> local wall time, for those of `SHIFTED` that hold one."""


class History(Struct, frozen=True):
    """The recorded requests of a city in recorded order."""

    rows: Sequence[Row]
    zone: tzinfo

    def messages(self, number: int | None = None, *, apart: timedelta = timedelta(0)) -> Iterator[Message]:
        """The first `number` messages, the whole file when None; beyond its end the file again with fresh ids.

        Args:
            number: how many.
            apart: at least this long lies between the end of one round and the start of the next, so that a longer
                time than any merge window keeps the rounds from merging with each other.
        """
        wanted = len(self.rows) if number is None else number
        return islice((self._message(row, turn, apart) for turn in count() for row in self.rows), wanted)

    def _message(self, row: Row, turn: int, apart: timedelta) -> Message:
        fields, created = row.fields, row.created
        if turn:
            shift = turn * self._round(apart)
            moved = {column: _wall_text(at + shift) for column, at in row.dates.items()}
            fields = fields | moved | {ID: f"{fields[ID]}-r{turn + 1}"}
            created = _utc(row.dates[CREATED] + shift, self.zone)
        return Message(
            network=NETWORK,
            source_id=fields[ID],
            value=orjson.dumps(fields),
            received_at=created,
            kind="recorded",
            incident=f"{NETWORK}:{fields[ID]}",
            owner=fields[OWNER].lower(),
        )

    def _round(self, apart: timedelta) -> timedelta:
        """The length of one round in whole weeks."""
        span = self.rows[-1].created - self.rows[0].created + apart
        return WEEK * max(1, -(-span // WEEK))


def read_history(folder: Path, columns: Sequence[str], zone: tzinfo) -> History:
    """The recorded requests in `folder/*.csv`.

    Args:
        folder: the city's history folder.
        columns: the columns of the hotline's source schema; a file has exactly these, in any order.
        zone: the city's time zone; the file's times are its wall times.

    Raises:
        InputError: no file, no row, not UTF-8, not CSV, an unknown or missing column, a row of another length, a repeated
            id, or a creation time that is none. The sentence names file, line and column.
    """
    files = sorted(folder.glob("*.csv"))
    if not files:
        raise InputError(
            "there is no recorded history", where=str(folder), cure="put the city's requests there as a CSV file"
        )
    rows = [row for file in files for row in _read(file, columns, zone)]
    if not rows:
        raise InputError("the recorded history holds no row", where=str(files[0]), cure="add rows below its header")
    rows.sort(key=lambda row: row.created)
    return History(rows=rows, zone=zone)


def _read(file: Path, columns: Sequence[str], zone: tzinfo) -> Iterator[Row]:
    reader = csv.reader(StringIO(_text(file), newline=""), strict=True)
    header: list[str] = []
    seen: dict[str, int] = {}
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            _refuse(f"this is not CSV ({error})", file, line, 1, "repair the row, or export the file again")
        if not header:
            header = _header(cells, columns, file)
        elif cells:
            row = _row(header, cells, file, line, zone)
            _once(seen, row.fields[ID], file, line, header.index(ID) + 1)
            yield row


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(
            f"the file cannot be read ({error.strerror})", where=str(file), cure="check its permissions"
        ) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        _refuse("the text is not UTF-8", file, line, 1, "save the file as UTF-8")


def _header(cells: list[str], columns: Sequence[str], file: Path) -> list[str]:
    for place, name in enumerate(cells, 1):
        if name not in columns:
            _refuse(f"unknown column {name[:40]!r}", file, 1, place, f"the columns are {', '.join(columns)}")
        if name in cells[: place - 1]:
            _refuse(f"column {name!r} stands here a second time", file, 1, place, "remove one of the two")
    missing = [name for name in columns if name not in cells]
    if missing:
        _refuse(f"column {missing[0]!r} is missing", file, 1, len(cells) + 1, "export the file with all its columns")
    return cells


def _row(header: list[str], cells: list[str], file: Path, line: int, zone: tzinfo) -> Row:
    if len(cells) != len(header):
        place = min(len(cells), len(header)) + 1
        _refuse(f"the row has {len(cells)} fields, not {len(header)}", file, line, place, "repair the row")
    fields = dict(zip(header, cells, strict=True))
    dates = {column: at for column in SHIFTED if (at := _wall_time(fields[column])) is not None}
    if CREATED not in dates:
        wrong = f"{CREATED} {fields[CREATED][:40]!r} is no time"
        _refuse(wrong, file, line, header.index(CREATED) + 1, "write it like 01/31/2018 02:05:09 PM")
    return Row(created=_utc(dates[CREATED], zone), fields=fields, dates=dates)


def _once(seen: dict[str, int], id_: str, file: Path, line: int, place: int) -> None:
    first = seen.setdefault(id_, line)
    if first != line:
        _refuse(
            f"{ID} {id_[:40]!r} stands in line {first} too", file, line, place, "give each request an id of its own"
        )


def _refuse(what: str, file: Path, line: int, column: int, cure: str) -> NoReturn:
    raise InputError(what, where=f"{file}:{line}:{column}", cure=cure)


def _wall_time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, WHEN)  # noqa: DTZ007 - wall time on purpose; the zone is the city's
    except ValueError:
        return None


def _wall_text(at: datetime) -> str:
    return at.strftime(WHEN)


def _utc(wall: datetime, zone: tzinfo) -> datetime:
    return wall.replace(tzinfo=zone).astimezone(UTC)
