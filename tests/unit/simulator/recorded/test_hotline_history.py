"""The recorded history: every row once and unchanged, rounds that do not merge, and clear errors for invalid files."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
import pytest

from router.simulator.recorded.hotline_history import History, read_history
from router.wire.errors import InputError

ZONE = ZoneInfo("America/Los_Angeles")
COLUMNS = ("SRNumber", "CreatedDate", "UpdatedDate", "ServiceDate", "ClosedDate", "Owner", "RequestType")
HEADER = ",".join(COLUMNS)
FIRST = "1-1,01/01/2018 12:00:09 AM,01/06/2018 10:18:29 AM,,not yet,BOS,Bulky Items"
LAST = "1-2,01/04/2018 09:33:23 AM,01/04/2018 09:33:23 AM,,,OCB,Graffiti Removal"


def history(folder: Path, *lines: str) -> History:
    (folder / "requests.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_history(folder, COLUMNS, ZONE)


def rejection(folder: Path, *lines: str) -> str:
    with pytest.raises(InputError) as caught:
        history(folder, *lines)
    return str(caught.value)


def test_a_row_becomes_a_message_without_its_owner(tmp_path: Path) -> None:
    first, last = history(tmp_path, HEADER, FIRST, LAST).messages()
    assert first.report == first.incident == "hotline:1-1"
    assert first.received_at == datetime(2018, 1, 1, 8, 0, 9, tzinfo=UTC)  # Los Angeles is 8 hours behind in winter
    assert (first.owner, last.owner) == ("bos", "ocb")
    assert orjson.loads(first.value) == dict(zip(COLUMNS, FIRST.split(","), strict=True))


def test_messages_come_in_recorded_order_not_file_order(tmp_path: Path) -> None:
    assert [m.source_id for m in history(tmp_path, HEADER, LAST, FIRST).messages()] == ["1-1", "1-2"]


def test_a_smaller_number_of_messages_stops_early(tmp_path: Path) -> None:
    assert [m.source_id for m in history(tmp_path, HEADER, FIRST, LAST).messages(1)] == ["1-1"]


def test_the_next_round_has_new_ids_whole_weeks_later(tmp_path: Path) -> None:
    messages = list(history(tmp_path, HEADER, FIRST, LAST).messages(5))
    assert [m.source_id for m in messages] == ["1-1", "1-2", "1-1-r2", "1-2-r2", "1-1-r3"]
    assert messages[2].incident == "hotline:1-1-r2"
    again = orjson.loads(messages[4].value)
    assert again["SRNumber"] == "1-1-r3"
    assert again["CreatedDate"] == "01/15/2018 12:00:09 AM"
    assert again["UpdatedDate"] == "01/20/2018 10:18:29 AM"
    assert (again["ServiceDate"], again["ClosedDate"]) == ("", "not yet")
    assert messages[4].received_at == datetime(2018, 1, 15, 8, 0, 9, tzinfo=UTC)


def test_rounds_are_further_apart_than_a_merge_window(tmp_path: Path) -> None:
    apart = timedelta(days=30)
    messages = list(history(tmp_path, HEADER, FIRST, LAST).messages(4, apart=apart))
    assert messages[2].received_at - messages[1].received_at >= apart
    assert (messages[2].received_at - messages[0].received_at) == timedelta(weeks=5)  # 3.4 + 30 days, rounded up


def test_a_round_in_summer_keeps_the_wall_time(tmp_path: Path) -> None:
    message = list(history(tmp_path, HEADER, FIRST, LAST).messages(3, apart=timedelta(weeks=20)))[2]
    assert orjson.loads(message.value)["CreatedDate"] == "05/28/2018 12:00:09 AM"
    assert message.received_at == datetime(2018, 5, 28, 7, 0, 9, tzinfo=UTC)


def test_an_unknown_column_is_reported_with_its_position(tmp_path: Path) -> None:
    said = rejection(tmp_path, HEADER.replace("Owner", "Ownr"), FIRST)
    assert said.startswith(f"{tmp_path}/requests.csv:1:6: unknown column 'Ownr'; the columns are SRNumber, ")


def test_a_missing_column_is_reported(tmp_path: Path) -> None:
    assert "requests.csv:1:7: column 'RequestType' is missing;" in rejection(
        tmp_path, HEADER.removesuffix(",RequestType")
    )


def test_a_repeated_column_is_rejected(tmp_path: Path) -> None:
    assert "requests.csv:1:8: column 'Owner' stands here a second time;" in rejection(tmp_path, HEADER + ",Owner")


def test_a_row_of_another_length_is_rejected(tmp_path: Path) -> None:
    assert "requests.csv:3:8: the row has 8 fields, not 7;" in rejection(tmp_path, HEADER, FIRST, LAST + ",more")


def test_an_invalid_time_is_rejected(tmp_path: Path) -> None:
    said = rejection(tmp_path, HEADER, LAST.replace("01/04/2018 09:33:23 AM", "2018-01-04"))
    assert "requests.csv:2:2: CreatedDate '2018-01-04' is no time; write it like 01/31/2018 02:05:09 PM." in said


def test_the_line_number_is_right_after_a_two_line_field(tmp_path: Path) -> None:
    said = rejection(tmp_path, HEADER, FIRST.replace("Bulky", '"Bulky\n') + '"', LAST + ",more")
    assert "requests.csv:4:8:" in said


def test_a_repeated_id_is_rejected(tmp_path: Path) -> None:
    assert "requests.csv:4:1: SRNumber '1-1' stands in line 2 too;" in rejection(tmp_path, HEADER, FIRST, LAST, FIRST)


def test_an_id_of_another_file_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "earlier.csv").write_text(f"{HEADER}\n{LAST}\n{FIRST}\n", encoding="utf-8")
    assert "requests.csv:2:1: SRNumber '1-1' stands in earlier.csv:3 too;" in rejection(tmp_path, HEADER, FIRST)


def test_broken_quotes_are_rejected(tmp_path: Path) -> None:
    assert "requests.csv:2:1: this is not CSV" in rejection(tmp_path, HEADER, 'a,"b"c')


def test_bytes_that_are_no_text_are_rejected(tmp_path: Path) -> None:
    (tmp_path / "requests.csv").write_bytes(f"{HEADER}\n{FIRST}\n".encode() + b"\xff")
    with pytest.raises(InputError, match=r"requests.csv:3:1: the text is not UTF-8; save the file as UTF-8\."):
        read_history(tmp_path, COLUMNS, ZONE)


def test_a_missing_history_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no recorded history"):
        read_history(tmp_path / "history", COLUMNS, ZONE)
    assert "holds no row" in rejection(tmp_path, HEADER)
