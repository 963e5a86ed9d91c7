"""A generated police history: rows without time or position, rounds, and clear errors for invalid files."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
import pytest

from router.cities.folder import city_folder
from router.simulator.recorded.police_history import COLUMNS, PoliceHistory, read_police_history
from router.wire.errors import InputError

SHIPPED = city_folder("seattle") / "history"
ZONE = ZoneInfo("America/Los_Angeles")
HEADER = ",".join(COLUMNS)
FIRST = {
    "CAD Event Number": "1",
    "Zone/Beat": "Q3",
    "Hundred Block Location": "1 AV N / JOHN ST",
    "Longitude": "-122.355446",
    "Latitude": "47.619766",
    "Initial Type Description": "PROPERTY - DAMAGE",
    "Event Clearance Description": "GANG GRAFFITI",
    "At Scene Time": "07/02/2016 11:59:59 PM",
    "Event Clearance Date": "07/03/2016 12:30:00 AM",
}


def line(**changed: str) -> str:
    """The row of `FIRST` with other fields, named by their first letters in lower case without blanks."""
    fields = {column: FIRST.get(column, "") for column in COLUMNS}
    for short, text in changed.items():
        (column,) = [name for name in FIRST if name.lower().replace(" ", "").startswith(short)]
        fields[column] = text
    return ",".join(f'"{fields[column]}"' for column in COLUMNS)


def history(folder: Path, *lines: str, types: str | None = None, units: str | None = None) -> PoliceHistory:
    (folder / "responses.csv").write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    for name, text in (("types.csv", types), ("units.csv", units)):
        (folder / name).write_text(text if text is not None else (SHIPPED / name).read_text(encoding="utf-8"))
    return read_police_history(folder, ZONE)


def rejection(folder: Path, *lines: str, types: str | None = None, units: str | None = None) -> str:
    with pytest.raises(InputError) as caught:
        history(folder, *lines, types=types, units=units)
    return str(caught.value)


def place(column: str) -> int:
    return COLUMNS.index(column) + 1


def test_a_response_in_summer_uses_daylight_saving_time(tmp_path: Path) -> None:
    first, second = history(tmp_path, line()).messages()
    assert first.received_at == datetime(2016, 7, 3, 6, 59, 59, tzinfo=UTC)  # 7 hours behind
    assert second.received_at == datetime(2016, 7, 3, 7, 30, tzinfo=UTC)
    assert orjson.loads(second.value)["jasj"] == "20160703003000"


def test_a_response_without_scene_time_uses_its_clearance(tmp_path: Path) -> None:
    (only,) = history(tmp_path, line(atscene="", initial="")).messages()
    assert (only.kind, only.received_at) == ("recorded", datetime(2016, 7, 3, 7, 30, tzinfo=UTC))
    alarm = orjson.loads(only.value)
    assert alarm["bjsj"] == alarm["jasj"] == "20160703003000"
    assert alarm["bjnr"] == alarm["cljg"] == "GANG GRAFFITI"
    assert alarm["bjxldm"] == "200703"


def test_an_uncleared_response_is_one_message(tmp_path: Path) -> None:
    (only,) = history(tmp_path, line(eventclearancedate="", eventclearancedescription="")).messages()
    assert only.kind == "recorded"
    assert orjson.loads(only.value).keys().isdisjoint({"cljg", "jasj"})


def test_a_clearance_before_the_scene_updates_at_the_scene_time(tmp_path: Path) -> None:
    first, second = history(tmp_path, line(eventclearancedate="07/02/2016 10:00:00 PM")).messages()
    assert (first.kind, second.kind) == ("recorded", "updated")
    assert first.received_at == second.received_at
    assert orjson.loads(second.value)["jasj"] == "20160702220000"


def test_a_response_without_any_time_is_rejected(tmp_path: Path) -> None:
    said = rejection(tmp_path, line(), line(cadevent="2", atscene="", eventclearancedate=""))
    assert f"responses.csv:3:{place('At Scene Time')}: the response has no time at all;" in said


def test_beat_and_point_may_be_unknown(tmp_path: Path) -> None:
    for changed in ({"zone": "", "longitude": ""}, {"zone": "", "latitude": ""}):
        first, _ = history(tmp_path, line(**changed)).messages()
        assert orjson.loads(first.value).keys().isdisjoint({"gxdwdm", "jd", "wd"})


def test_rounds_are_further_apart_than_a_merge_window(tmp_path: Path) -> None:
    apart = timedelta(days=30)
    messages = list(history(tmp_path, line(), line(cadevent="2")).messages(3, apart=apart))
    assert [one.source_id for one in messages] == ["1", "2", "1", "2", "1-r2", "1-r2"]
    assert messages[4].received_at - messages[0].received_at == timedelta(
        weeks=5
    )  # 30 days and half an hour, rounded up


def test_a_round_begins_after_the_latest_clearance(tmp_path: Path) -> None:
    long = line(eventclearancedate="07/30/2016 12:30:00 AM")
    messages = list(history(tmp_path, long, line(cadevent="2", atscene="07/03/2016 12:10:00 AM")).messages(3))
    assert [one.source_id for one in messages] == ["1", "2", "2", "1", "1-r2", "1-r2"]
    assert messages[4].received_at - messages[0].received_at == timedelta(
        weeks=4
    )  # 27 days and half an hour, rounded up


def test_two_digits_are_a_type_of_an_unknown_kind(tmp_path: Path) -> None:
    types = "stage,description,code\ninitial,PROPERTY - DAMAGE,20\nclearance,GANG GRAFFITI,2007\n"
    first, second = (orjson.loads(one.value) for one in history(tmp_path, line(), types=types).messages())
    assert (first["bjlbdm"], first["bjlxdm"], "bjxldm" in first) == ("20", "20", False)
    assert (second["bjlbdm"], second["bjlxdm"], "bjxldm" in second) == ("20", "2007", False)


@pytest.mark.parametrize(
    ("changed", "column", "what"),
    [
        ({"initial": "SOMETHING NEW"}, "Initial Type Description", "'SOMETHING NEW' has no type; add it to types.csv as initial."),
        ({"eventclearancedescription": "NEW"}, "Event Clearance Description", "'NEW' has no type; add it to types.csv as clearance."),
        ({"zone": "99"}, "Zone/Beat", "'99' has no unit; add it to units.csv."),
        ({"atscene": "2016-03-01"}, "At Scene Time", "'2016-03-01' is no time;"),
        ({"longitude": "nan"}, "Longitude", "'nan' is no coordinate; write degrees from -180 to 180."),
        ({"latitude": "here"}, "Latitude", "'here' is no coordinate; write degrees from -90 to 90."),
    ],
)  # fmt: skip
def test_an_invalid_field_is_reported_with_its_position(
    tmp_path: Path, changed: dict[str, str], column: str, what: str
) -> None:
    said = rejection(tmp_path, line(cadevent="2"), line(**changed))
    assert said.startswith(f"{tmp_path}/responses.csv:3:{place(column)}: {column} {what}")


def test_an_id_repeated_in_another_file_is_rejected(tmp_path: Path) -> None:
    assert f"responses.csv:3:{place('CAD Event Number')}: CAD Event Number '1' stands in line 2 too;" in rejection(
        tmp_path, line(), line()
    )
    (tmp_path / "earlier.csv").write_text(f"{HEADER}\n{line()}\n", encoding="utf-8")
    assert "CAD Event Number '1' stands in earlier.csv:2 too;" in rejection(tmp_path, line())


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("last,GANG GRAFFITI,2007", "types.csv:2:1: 'last' is no stage; write initial or clearance."),
        ("clearance,GANG GRAFFITI,207", "types.csv:2:3: '207' is no type; write 2, 4 or 6 digits."),
        ("clearance,A,10\nclearance,A,20", "types.csv:3:2: 'A' stands above too; keep one of the two."),
    ],
)
def test_an_invalid_type_is_reported_with_its_position(tmp_path: Path, row: str, said: str) -> None:
    assert said in rejection(tmp_path, line(), types=f"stage,description,code\n{row}\n")


def test_an_invalid_unit_is_reported_with_its_position(tmp_path: Path) -> None:
    head = "beat,precinct,unit\nQ3,West,530335013039\n"
    assert "units.csv:3:3: '12' is no unit; write 12 digits." in rejection(
        tmp_path, line(), units=f"{head}Q4,West,12\n"
    )
    assert "units.csv:3:1: beat 'Q3' stands in line 2 too;" in rejection(tmp_path, line(), units=f"{head}Q3,West,1\n")


def test_a_history_without_rows_or_table_is_rejected(tmp_path: Path) -> None:
    assert "holds no row" in rejection(tmp_path)
    (tmp_path / "types.csv").unlink()
    with pytest.raises(
        InputError, match=r"types.csv: the file is missing; write it; docs/how-to/replay-history.md shows how\."
    ):
        read_police_history(tmp_path, ZONE)
