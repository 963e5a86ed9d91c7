"""How long before a deadline: dates counted on the calendar over Puyang's holidays, and the way back is the way on."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.domain.calendar.budget import time_before
from router.domain.calendar.deadlines import due_at
from router.domain.calendar.limits import Limit, read_limit
from router.domain.instants import MICROSECOND
from tests.support.calendars import los_angeles, puyang

SHANGHAI = ZoneInfo("Asia/Shanghai")


def limit(text: str) -> Limit:
    one = read_limit(text)
    assert one is not None
    return one


@pytest.mark.parametrize(
    ("end", "text", "expected"),
    [
        ("2026-03-04 18:00", "4h", "2026-03-04 14:00"),
        ("2026-03-04 18:00", "3wh", "2026-03-04 15:00"),
        ("2026-03-04 18:00", "4wh", "2026-03-04 11:30"),  # over the break at noon
        ("2026-03-04 18:00", "7wh", "2026-03-04 08:30"),  # the opening, not the evening before
        ("2026-03-04 18:00", "8wh", "2026-03-03 17:00"),
        ("2026-03-04 12:00", "3uwh", "2026-03-04 09:00"),  # every hour is on duty
        ("2026-02-24 10:30", "4wh", "2026-02-14 16:00"),  # 15 to 23 February is Spring Festival, the 14th is made up
        ("2026-02-24 18:00", "1wd", "2026-02-14 08:30"),
        ("2026-02-24 18:00", "2wd", "2026-02-13 08:30"),
        ("2026-10-08 18:00", "1wd", "2026-09-30 08:30"),  # National Day
        ("2026-10-10 18:00", "2wd", "2026-10-08 08:30"),  # Saturday 10 October is made up
        ("2026-01-05 12:00", "2wd", "2025-12-31 08:30"),  # 4 January is made up, 1 to 3 is New Year
    ],
)
def test_dates_of_puyang(end: str, text: str, expected: str) -> None:
    at = datetime.fromisoformat(end).replace(tzinfo=SHANGHAI).astimezone(UTC)
    found = time_before(at, limit(text), puyang())
    assert found.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M") == expected


def test_working_time_needs_a_calendar() -> None:
    with pytest.raises(ValueError, match="needs office hours"):
        time_before(datetime(2026, 3, 4, tzinfo=UTC), limit("4wh"))


@settings(max_examples=300, deadline=None)
@given(
    minutes=st.integers(0, 700 * 24 * 60),
    amount=st.integers(1, 60),
    unit=st.sampled_from(["h", "wh", "uwh"]),
    city=st.sampled_from([puyang, los_angeles]),
)
def test_it_is_the_latest_instant_from_which_the_limit_ends_then(
    minutes: int, amount: int, unit: str, city: object
) -> None:
    calendar, counted = city(), limit(f"{amount}{unit}")  # type: ignore[operator]
    if not calendar.has("duty") and unit == "uwh":
        return
    end = due_at(datetime(2025, 2, 1, tzinfo=UTC) + timedelta(minutes=minutes), counted, calendar).at
    begin = time_before(end, counted, calendar)
    assert due_at(begin, counted, calendar).at == end
    assert due_at(begin + MICROSECOND, counted, calendar).at > end
