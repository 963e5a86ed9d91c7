"""Field types that the source schemas share: ASCII and nothing around it, real times, real years, masked people."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from router.domain.networks.schema import fields
from router.domain.networks.schema.extensions import storable
from router.domain.networks.schema.local_time import instant

GOOD = {
    "SourceId": "CG-2018/17",
    "Division": "410902001001",
    "CellCode": "410902001001001",
    "CompactTime": "20180131140509",
    "SpacedTime": "2018-01-31 14:05:09",
    "AmericanTime": "01/31/2018 02:05:09 PM",
    "ZonedTime": "2018-01-31T14:05:09+08:00",
    "PersonReference": "p-4109**0012",
}
FIRST, LAST = datetime.fromisoformat("1970-01-01"), datetime.fromisoformat("2199-12-31 23:59:59")
TIMES = ("CompactTime", "SpacedTime", "AmericanTime", "ZonedTime")


def read(field: str, value: Any) -> Any:
    return TypeAdapter(getattr(fields, field)).validate_python(value, strict=True)


def errors(field: str, value: Any) -> list[str]:
    """Kinds of errors; empty: accepted."""
    try:
        read(field, value)
    except ValidationError as error:
        return [detail["type"] for detail in error.errors()]
    return []


def other_digits(text: str, zero: int) -> str:
    return "".join(chr(zero + int(char)) if char.isdigit() else char for char in text)


HOSTILE: dict[str, Callable[[str], Any]] = {
    "full-width digits": lambda text: other_digits(text, 0xFF10),
    "Arabic digits": lambda text: other_digits(text, 0x0660),
    "one full-width digit at the end": lambda text: text.replace("9", "９").replace("1", "１"),
    "a newline behind it": lambda text: text + "\n",
    "a carriage return behind it": lambda text: text + "\r",
    "a newline before it": lambda text: "\n" + text,
    "a blank behind it": lambda text: text + " ",
    "a no-break blank behind it": lambda text: text + "\u00a0",
    "NUL behind it": lambda text: text + "\x00",
    "an escape before it": lambda text: "\x1b[31m" + text,
    "right-to-left override before it": lambda text: "\u202e" + text,
    "twice, in two lines": lambda text: f"{text}\n{text}",
    "a list of it": lambda text: [text],
    "bytes of it": str.encode,
    "a number": lambda text: int("".join(filter(str.isdigit, text))),
    "a truth": bool,
}


@pytest.mark.parametrize("field", GOOD)
def test_a_valid_value_is_accepted(field: str) -> None:
    assert errors(field, GOOD[field]) == []


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.parametrize("field", GOOD)
def test_lookalikes_are_rejected(field: str, what: str) -> None:
    assert errors(field, HOSTILE[what](GOOD[field])) != []


@pytest.mark.parametrize(
    ("field", "length", "accepted"),
    [
        ("SourceId", 0, False),
        ("SourceId", 1, True),
        ("SourceId", 64, True),
        ("SourceId", 65, False),
        ("Division", 11, False),
        ("Division", 12, True),
        ("Division", 13, False),
        ("CellCode", 13, False),
        ("CellCode", 14, True),
        ("CellCode", 15, True),
        ("CellCode", 16, False),
        ("PersonReference", 0, False),
        ("PersonReference", 9, True),
        ("PersonReference", 65, False),
    ],
)
def test_lengths_are_limited(field: str, length: int, accepted: bool) -> None:
    assert (errors(field, "1" * length) == []) == accepted


@given(text=st.text(max_size=70))
def test_a_source_id_is_printable_ascii_without_spaces(text: str) -> None:
    good = 1 <= len(text) <= 64 and all("!" <= char <= "~" for char in text)
    assert (errors("SourceId", text) == []) == good


def in_every_form(wall: datetime) -> dict[str, str]:
    """A time as each kind of field writes it, by the standard library."""
    return {
        "CompactTime": f"{wall:%Y%m%d%H%M%S}",
        "SpacedTime": f"{wall:%Y-%m-%d %H:%M:%S}",
        "AmericanTime": f"{wall:%m/%d/%Y %I:%M:%S %p}",
        "ZonedTime": f"{wall:%Y-%m-%dT%H:%M:%S}Z",
    }


@given(wall=st.datetimes(FIRST, LAST))
def test_every_second_of_a_valid_year_is_read_as_written(wall: datetime) -> None:
    wall = wall.replace(microsecond=0)
    for field, text in in_every_form(wall).items():
        assert read(field, text) == (wall.replace(tzinfo=UTC) if field == "ZonedTime" else wall)


@pytest.mark.parametrize("field", TIMES)
@pytest.mark.parametrize("day", ["2000-02-29", "2016-02-29", "2196-02-29", "1970-01-01", "2199-12-31"])
def test_only_existing_days_are_accepted(field: str, day: str) -> None:
    assert errors(field, in_every_form(datetime.fromisoformat(day))[field]) == []


@pytest.mark.parametrize(
    "digits",
    [
        "20180229000000",
        "21000229000000",  # no leap year, though it divides by four
        "20180431000000",
        "20180001000000",
        "20181301000000",
        "20180100000000",
        "20180132000000",
        "20180101240000",
        "20180101236000",
        "20180101225960",
        "19691231235959",
        "22000101000000",
        "00010101000000",
        "99991231235959",
        "00000101000000",
    ],
)
def test_times_that_do_not_exist_are_rejected(digits: str) -> None:
    year, month, day, hour, minute, second = (digits[:4], *(digits[at : at + 2] for at in range(4, 14, 2)))
    written = {
        "CompactTime": digits,
        "SpacedTime": f"{year}-{month}-{day} {hour}:{minute}:{second}",
        "ZonedTime": f"{year}-{month}-{day}T{hour}:{minute}:{second}Z",
    }
    if int(hour) < 12:
        written["AmericanTime"] = f"{month}/{day}/{year} {int(hour) or 12:02}:{minute}:{second} AM"
    for field, text in written.items():
        assert errors(field, text) == ["bad_time"], (field, text)


@pytest.mark.parametrize(
    ("zone", "accepted"),
    [
        ("Z", True),
        ("+00:00", True),
        ("+14:00", True),
        ("-12:00", True),
        ("+23:59", True),
        ("+24:00", False),
        ("+08:60", False),
        ("+08:99", False),
        ("+0800", False),
        ("+08", False),
        ("z", True),
        ("", False),
        (" +08:00", False),
        ("+08:00:30", False),
    ],
)
def test_times_are_read_with_their_zone(zone: str, accepted: bool) -> None:
    assert errors("ZonedTime", f"2018-01-01T00:00:00{zone}") == ([] if accepted else ["bad_time"])


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-24T09:40:00.1234567+08:00", "2026-11-24T01:40:00.123456+00:00"),
        ("2026-11-24T01:40:00.123456789Z", "2026-11-24T01:40:00.123456+00:00"),
        ("2026-11-24t01:40:00z", "2026-11-24T01:40:00+00:00"),
        ("2026-11-24T01:40:00-00:00", "2026-11-24T01:40:00+00:00"),
        ("2026-11-24T23:59:60Z", "2026-11-25T00:00:00+00:00"),
    ],
)
def test_zoned_times_are_rfc_3339(text: str, instant: str) -> None:
    assert read("ZonedTime", text).isoformat() == instant


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-24T09:40:00+0800",
        "2026-11-24T09:40+08:00",
        "2026-11-24T09:40:00,5+08:00",
        "2026-11-24T09:40:00.+08:00",
        "2026-11-24 09:40:00+08:00",
        "2026-11-24T24:00:00Z",
        "2026-11-24T12:30:60Z",
        "2199-12-31T23:59:60Z",  # a second of 2200
    ],
)
def test_what_rfc_3339_does_not_allow_is_rejected(text: str) -> None:
    assert errors("ZonedTime", text) == ["bad_time"]


@pytest.mark.parametrize("text", ["1970-01-01T00:00:00+14:00", "2199-12-31T23:59:59-12:00"])
def test_the_written_year_counts_and_not_the_year_in_utc(text: str) -> None:
    assert read("ZonedTime", text) == datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("01/31/2018 12:00:00 AM", 0),
        ("01/31/2018 01:00:00 AM", 1),
        ("01/31/2018 12:00:00 PM", 12),
        ("01/31/2018 11:00:00 PM", 23),
    ],
)
def test_a_12_hour_clock_is_read(text: str, hour: int) -> None:
    assert read("AmericanTime", text) == datetime.fromisoformat(f"2018-01-31T{hour:02}:00")


@pytest.mark.parametrize(
    ("zone", "change"),
    [
        ("America/Los_Angeles", "2018-11-04T09:00:00"),
        ("America/Los_Angeles", "2018-03-11T10:00:00"),
        ("Asia/Shanghai", "1991-09-14T17:00:00"),
        ("Australia/Lord_Howe", "2018-03-31T15:00:00"),  # by half an hour
        ("Australia/Lord_Howe", "2018-10-06T15:30:00"),
        ("Africa/Monrovia", "1972-01-07T00:44:30"),  # by 44 and a half minutes, within an hour
        ("Pacific/Apia", "2011-12-30T10:00:00"),  # by a day
    ],
)
@given(seconds=st.integers(-10_000, 10_000))
def test_a_wall_time_converts_back_to_its_instant(zone: str, change: str, seconds: int) -> None:
    """Forward the standard library knows the way; of two instants with one wall time the earlier comes back."""
    city = ZoneInfo(zone)
    true = datetime.fromisoformat(f"{change}+00:00") + timedelta(seconds=seconds)
    shown = true.astimezone(city)
    found = instant(shown.replace(tzinfo=None, fold=0), city)
    if shown.fold:
        assert found.doubt is not None
        assert timedelta(0) < true - found.at <= timedelta(hours=1)
        assert found.at.astimezone(city).replace(tzinfo=None, fold=0) == shown.replace(tzinfo=None, fold=0)
    else:
        assert found.at == true


def test_a_half_hour_may_occur_twice() -> None:
    """Lord Howe Island sets its clocks back by 30 minutes, from 02:00 to 01:30."""
    island = ZoneInfo("Australia/Lord_Howe")
    assert instant(datetime.fromisoformat("2018-04-01 01:29:59"), island).doubt is None
    twice = instant(datetime.fromisoformat("2018-04-01 01:30:00"), island)
    assert (twice.at, twice.doubt) == (
        datetime(2018, 3, 31, 14, 30, tzinfo=UTC),
        "2018-04-01T01:30:00 occurs twice, the first was taken",
    )


@pytest.mark.parametrize(
    ("given_value", "kept"),
    [
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (2**63, "9223372036854775808"),
        (-(2**63) - 1, "-9223372036854775809"),
        ([1, [10**30]], [1, ["1" + "0" * 30]]),
        ({"a": {"b": 10**30}}, {"a": {"b": "1" + "0" * 30}}),
        (True, True),
        (None, None),
        (0.1, 0.1),
        (float("inf"), "inf"),
        ([float("-inf")], ["-inf"]),
        ("１２", "１２"),
    ],
)
def test_extensions_keep_values_that_every_reader_accepts(given_value: Any, kept: Any) -> None:
    assert storable({"x": given_value}) == {"x": kept}


def test_nan_and_infinity_in_extensions_become_text() -> None:
    assert storable({"x": float("nan")}) == {"x": "nan"}
