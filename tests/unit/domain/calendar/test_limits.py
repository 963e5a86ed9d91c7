"""The end of a limit counts real hours, across clock changes."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.domain.calendar.deadlines import due_at
from router.domain.calendar.limits import Limit, read_limit

ANGELES = ZoneInfo("America/Los_Angeles")


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        ("2026-10-01T01:00:00+00:00", 72, "2026-10-04T01:00:00+00:00"),
        ("2026-12-31T23:30:00.000001+00:00", 1, "2027-01-01T00:30:00.000001+00:00"),
        ("2028-02-28T12:00:00+00:00", 24, "2028-02-29T12:00:00+00:00"),  # a leap year
        ("2027-02-28T12:00:00+00:00", 24, "2027-03-01T12:00:00+00:00"),
    ],
)
def test_the_limit_counts_hours_from_the_start(start: str, hours: int, due: str) -> None:
    assert due_at(datetime.fromisoformat(start), Limit(amount=hours)).at == datetime.fromisoformat(due)


@pytest.mark.parametrize(
    ("start", "due"),
    [
        ((2018, 3, 10, 9), (2018, 3, 13, 10)),  # summer time begins on the 11th: an hour is missing on the wall
        ((2018, 11, 2, 9), (2018, 11, 5, 8)),  # it ends on the 4th: an hour comes twice
    ],
)
def test_a_clock_change_does_not_change_the_limit(
    start: tuple[int, int, int, int], due: tuple[int, int, int, int]
) -> None:
    begin = datetime(*start, tzinfo=ANGELES).astimezone(UTC)
    assert due_at(begin, Limit(amount=72)).at.astimezone(ANGELES) == datetime(*due, tzinfo=ANGELES)


@given(
    start=st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    hours=st.integers(1, 24 * 365),
)
def test_due_instants_stay_in_utc_to_the_microsecond(start: datetime, hours: int) -> None:
    due = due_at(start, Limit(amount=hours)).at
    assert due.tzinfo is UTC
    assert (due - start).total_seconds() == hours * 3600
    assert due.microsecond == start.microsecond


@pytest.mark.parametrize(
    ("text", "limit", "again"),
    [
        ("24h", Limit(amount=24), "24h"),
        ("3d", Limit(amount=72), "72h"),
        ("4wh", Limit(amount=4, calendar="working-hours"), "4wh"),
        ("2uwh", Limit(amount=2, calendar="urgent-working-hours"), "2uwh"),
        ("7wd", Limit(amount=7, calendar="working-days"), "7wd"),
        ("0wd", Limit(amount=0, calendar="working-days"), "0wd"),
        ("99999h", Limit(amount=99_999), "99999h"),
    ],
)
def test_a_limit_is_read_and_written(text: str, limit: Limit, again: str) -> None:
    assert read_limit(text) == limit
    assert str(limit) == again
    assert read_limit(again) == limit


@pytest.mark.parametrize(
    "text", ["", "4", "wh", "-1h", "04h", "4 wh", "4WH", "4wm", "４wh", "4wh\n", "10000wh", "1000wd"]
)
def test_what_is_no_limit(text: str) -> None:
    assert read_limit(text) is None
