"""A city's recorded police responses as 110 alarms: each report as it was called in, then its clearance as an update.

The file is open data of Seattle's police, one row for each response. The first message is sent at the scene time, with the
initial type. The second is sent at the clearance time, with the same id, the final type and the finding. Two tables beside
the file map its words to the digits of an alarm: `types.csv` (description -> 2, 4 or 6 digits) and `units.csv` (beat -> 12
digits). No row is dropped. A row without scene time gives one message, at its clearance. A row that is not yet cleared
gives one message, too. A row cleared before the scene time is updated at the scene time.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import orjson
from msgspec import Struct

from router.domain.geometry import wgs84_to_gcj02
from router.simulator.messages import SourceMessage
from router.simulator.recorded.history import Line, header_of, once, read_lines, round_length, utc, wall_time
from router.wire.errors import InputError

NETWORK = "policing"
ID, BEAT, ADDRESS = "CAD Event Number", "Zone/Beat", "Hundred Block Location"
LON, LAT = "Longitude", "Latitude"
SCENE, CLEARED = "At Scene Time", "Event Clearance Date"
INITIAL, FINAL = "Initial Type Description", "Event Clearance Description"
USED = (ID, BEAT, ADDRESS, LON, LAT, SCENE, CLEARED, INITIAL, FINAL)
COLUMNS = (
    *("CAD CDW ID", "General Offense Number", "Event Clearance Code", "Event Clearance SubGroup"),
    *("Event Clearance Group", "District/Sector", "Census Tract", "Incident Location", "Initial Type Subgroup"),
    *("Initial Type Group", *USED),
)
"""Columns of the file, in any order."""
TYPES, UNITS = "types.csv", "units.csv"
"""The tables beside the file."""
STAGES = {INITIAL: "initial", FINAL: "clearance"}
"""Column of a description -> its stage in `types.csv`."""
_is_type = re.compile(r"([0-9]{2}){1,3}").fullmatch
_is_unit = re.compile(r"[0-9]{12}").fullmatch
Types = Mapping[tuple[str, str], str]
"""(stage, description) -> digits."""
Units = Mapping[str, str]
"""Beat -> digits."""


class ResponseVersion(Struct, frozen=True):
    """What was known of a response at one time."""

    at: datetime
    """Local wall time at which it was sent."""
    said: dict[str, Any]
    """Fields of the alarm that changed."""
    cleared: datetime | None = None
    """Local wall time."""


class ResponseRow(Struct, frozen=True):
    """One recorded response."""

    id: str
    place: dict[str, Any]
    """Fields of the alarm that describe the place."""
    versions: tuple[ResponseVersion, ...]
    """One or two versions, the earlier first."""


class PoliceHistory(Struct, frozen=True):
    """The recorded responses of a city, in the order in which they became known."""

    network: ClassVar[str] = NETWORK
    rows: Sequence[ResponseRow]
    zone: tzinfo

    def messages(self, number: int | None = None, *, apart: timedelta = timedelta(0)) -> Iterator[SourceMessage]:
        """See `History.messages`; a response has up to two."""
        left = len(self.rows) if number is None else number
        first, last = self.rows[0].versions[0].at, max(row.versions[-1].at for row in self.rows)
        step = round_length(utc(first, self.zone), utc(last, self.zone), apart)
        for turn in count():
            if left <= 0:
                return
            made = [message for row in self.rows[:left] for message in self._messages(row, turn, turn * step)]
            yield from sorted(made, key=lambda message: message.received_at)  # stable: equal times keep their order
            left -= len(self.rows)

    def _messages(self, row: ResponseRow, turn: int, shift: timedelta) -> Iterator[SourceMessage]:
        id_ = f"{row.id}-r{turn + 1}" if turn else row.id
        reported = _compact(row.versions[0].at + shift)
        for number, version in enumerate(row.versions):
            alarm = {"jjdbh": id_, **row.place, "bjsj": reported, **version.said}
            if version.cleared is not None:
                alarm["jasj"] = _compact(version.cleared + shift)
            yield SourceMessage(
                network=NETWORK,
                source_id=id_,
                value=orjson.dumps(alarm),
                received_at=utc(version.at + shift, self.zone),
                kind="updated" if number else "recorded",
                incident=f"{NETWORK}:{id_}",
            )


def recorded_by_police(folder: Path) -> bool:
    """Whether a folder holds a history of this kind, by the headers of its files. Raises InputError: one cannot be read."""
    return any(ID in header_of(file) for file in _files(folder))


def read_police_history(folder: Path, zone: tzinfo) -> PoliceHistory:
    """The recorded responses in `folder/*.csv`, without its tables.

    Args:
        folder: the city's history folder.
        zone: the city's time zone, in which the file's wall times are read.

    Raises:
        InputError: no row, a file that `read_lines` rejects, a repeated id, an invalid time or coordinate, a row without
            any time, or a description or beat that its table lacks. The sentence names file, line and column.
    """
    types, units = _types(folder / TYPES), _units(folder / UNITS)
    seen: dict[str, Line] = {}
    rows = [_row(line, seen, types, units) for file in _files(folder) for line in read_lines(file, COLUMNS)]
    if not rows:
        raise InputError("the recorded history holds no row", where=str(folder), hint="add rows below its header")
    rows.sort(key=lambda row: utc(row.versions[0].at, zone))
    return PoliceHistory(rows=rows, zone=zone)


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("*.csv") if file.name not in (TYPES, UNITS))


def _types(file: Path) -> Types:
    types: dict[tuple[str, str], str] = {}
    for line in read_lines(file, ("stage", "description", "code")):
        stage, description, code = (line.fields[column] for column in ("stage", "description", "code"))
        if stage not in STAGES.values():
            line.reject(f"{stage[:20]!r} is no stage", "stage", f"write {' or '.join(STAGES.values())}")
        if _is_type(code) is None:
            line.reject(f"{code[:20]!r} is no type", "code", "write 2, 4 or 6 digits")
        if (stage, description) in types:
            line.reject(f"{description[:40]!r} stands above too", "description", "keep one of the two")
        types[stage, description] = code
    return types


def _units(file: Path) -> Units:
    units: dict[str, str] = {}
    seen: dict[str, Line] = {}
    for line in read_lines(file, ("beat", "precinct", "unit")):
        once(seen, line, "beat", "keep one of the two")
        if _is_unit(line.fields["unit"]) is None:
            line.reject(f"{line.fields['unit'][:20]!r} is no unit", "unit", "write 12 digits")
        units[line.fields["beat"]] = line.fields["unit"]
    return units


def _row(line: Line, seen: dict[str, Line], types: Types, units: Units) -> ResponseRow:
    once(seen, line, ID, "give each response an id of its own")
    scene, cleared = _time(line, SCENE), _time(line, CLEARED)
    versions = []
    if scene is not None:
        versions.append(ResponseVersion(scene, _type(line, INITIAL, types) | {"bjnr": line.fields[INITIAL]}))
    if cleared is not None:
        found = line.fields[FINAL]
        text = f"{line.fields[INITIAL]}; cleared: {found}" if scene else found
        said = _type(line, FINAL, types) | {"bjnr": text, "cljg": found}
        versions.append(ResponseVersion(cleared if scene is None else max(scene, cleared), said, cleared))
    if not versions:
        line.reject("the response has no time at all", SCENE, "write when officers were there, or when they cleared it")
    return ResponseRow(line.fields[ID], _place(line, units), tuple(versions))


def _time(line: Line, column: str) -> datetime | None:
    """Local wall time. None if it is not known yet."""
    text = line.fields[column]
    at = wall_time(text)
    if text and at is None:
        line.reject(
            f"{column} {text[:40]!r} is no time", column, "write it like 03/01/2016 02:05:09 PM, or leave it empty"
        )
    return at


def _type(line: Line, column: str, types: Types) -> dict[str, Any]:
    """Class, type and subtype of an alarm: the first 2, 4 and 6 digits."""
    text = line.fields[column]
    code = types.get((STAGES[column], text))
    if code is None:
        line.reject(f"{column} {text[:40]!r} has no type", column, f"add it to {TYPES} as {STAGES[column]}")
    return {"bjlbdm": code[:2], "bjlxdm": code[:4]} | ({"bjxldm": code} if len(code) == 6 else {})


def _place(line: Line, units: Units) -> dict[str, Any]:
    """Unit, point as Chinese phone maps show it (unchanged outside China), and address. Missing fields are left out."""
    place: dict[str, Any] = {}
    beat = line.fields[BEAT]
    if beat:
        if beat not in units:
            line.reject(f"{BEAT} {beat[:20]!r} has no unit", BEAT, f"add it to {UNITS}")
        place["gxdwdm"] = units[beat]
    lon, lat = _degrees(line, LON, 180), _degrees(line, LAT, 90)
    if lon is not None and lat is not None:  # a single coordinate is no point
        place["jd"], place["wd"] = wgs84_to_gcj02(lon, lat)
    return place | {"sfdz": line.fields[ADDRESS]}


def _degrees(line: Line, column: str, limit: int) -> float | None:
    text = line.fields[column]
    if not text:
        return None
    try:
        degrees = float(text)
    except ValueError:
        degrees = float("nan")
    if not -limit <= degrees <= limit:
        line.reject(f"{column} {text[:20]!r} is no coordinate", column, f"write degrees from -{limit} to {limit}")
    return degrees


def _compact(wall: datetime) -> str:
    return wall.strftime("%Y%m%d%H%M%S")
