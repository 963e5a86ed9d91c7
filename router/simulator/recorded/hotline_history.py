"""A city's recorded history as hotline messages: the rows of `history/*.csv`, in recorded order, with the known owner.

The file's own columns are the source schema of the hotline (12345 in China, 311 in Los Angeles). Beyond its end the file
repeats, one round later: with fresh ids, and times shifted by whole weeks. That keeps the day of the week and avoids the
hour that summer time skips, which is always on a Sunday (see `round_length`).
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, tzinfo
from itertools import count, islice
from pathlib import Path
from typing import ClassVar

import orjson
from msgspec import Struct

from router.simulator.messages import SourceMessage
from router.simulator.recorded.history import WHEN, History, Line, once, read_lines, round_length, utc, wall_time
from router.wire.errors import InputError

NETWORK = "hotline"
ID, CREATED, OWNER = "SRNumber", "CreatedDate", "Owner"
SHIFTED = (CREATED, "UpdatedDate", "ServiceDate", "ClosedDate")


class RequestRow(Struct, frozen=True):
    """One recorded request."""

    created: datetime
    """UTC."""
    fields: dict[str, str]
    """Column -> text, as in the file."""
    dates: dict[str, datetime]
    """Column -> local wall time, for those of `SHIFTED` that have one."""


class HotlineHistory(Struct, frozen=True):
    """The recorded requests of a city in recorded order, one message each."""

    network: ClassVar[str] = NETWORK
    rows: Sequence[RequestRow]
    zone: tzinfo

    def messages(self, number: int | None = None, *, apart: timedelta = timedelta(0)) -> Iterator[SourceMessage]:
        """See `History.messages`."""
        wanted = len(self.rows) if number is None else number
        return islice((self._message(row, turn, apart) for turn in count() for row in self.rows), wanted)

    def _message(self, row: RequestRow, turn: int, apart: timedelta) -> SourceMessage:
        fields, created = row.fields, row.created
        if turn:
            shift = turn * round_length(self.rows[0].created, self.rows[-1].created, apart)
            moved = {column: (at + shift).strftime(WHEN) for column, at in row.dates.items()}
            fields = fields | moved | {ID: f"{fields[ID]}-r{turn + 1}"}
            created = utc(row.dates[CREATED] + shift, self.zone)
        return SourceMessage(
            network=NETWORK,
            source_id=fields[ID],
            value=orjson.dumps(fields),
            received_at=created,
            kind="recorded",
            incident=f"{NETWORK}:{fields[ID]}",
            owner=fields[OWNER].lower(),
        )


def read_history(folder: Path, columns: Sequence[str], zone: tzinfo) -> History:
    """The recorded requests in `folder/*.csv`.

    Args:
        folder: the city's history folder.
        columns: the columns of the hotline's source schema. A file has exactly these, in any order.
        zone: the city's time zone, in which the file's wall times are read.

    Raises:
        InputError: no file, no row, a file that `read_lines` rejects, a repeated id, or an invalid creation time. The
            sentence names file, line and column.
    """
    files = sorted(folder.glob("*.csv"))
    if not files:
        raise InputError(
            "there is no recorded history", where=str(folder), hint="put the city's requests there as a CSV file"
        )
    seen: dict[str, Line] = {}
    rows = [_row(line, seen, zone) for file in files for line in read_lines(file, columns)]
    if not rows:
        raise InputError("the recorded history holds no row", where=str(files[0]), hint="add rows below its header")
    rows.sort(key=lambda row: row.created)
    return HotlineHistory(rows=rows, zone=zone)


def _row(line: Line, seen: dict[str, Line], zone: tzinfo) -> RequestRow:
    fields = line.fields
    dates = {column: at for column in SHIFTED if (at := wall_time(fields[column])) is not None}
    if CREATED not in dates:
        wrong = f"{CREATED} {fields[CREATED][:40]!r} is no time"
        line.reject(wrong, CREATED, "write it like 01/31/2018 02:05:09 PM")
    once(seen, line, ID, "give each request an id of its own")
    return RequestRow(created=utc(dates[CREATED], zone), fields=fields, dates=dates)
