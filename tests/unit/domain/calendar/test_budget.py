"""Limits with pauses and extensions: dates over holidays, and a walk minute by minute."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.domain.calendar.budget import Pause, due_of
from router.domain.calendar.deadlines import due_at
from router.domain.calendar.limits import Limit, read_limit
from tests.support.calendars import los_angeles, puyang

SHANGHAI, CALENDAR = ZoneInfo("Asia/Shanghai"), puyang()
"""Puyang works from 08:30 to 12:00 and from 14:30 to 18:00."""


def at(text: str) -> datetime:
    """A wall time of Puyang."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC)


def limits(*texts: str) -> list[Limit]:
    found = [read_limit(text) for text in texts]
    assert all(found)
    return found  # type: ignore[return-value]


def due(start: str, budgets: str, *pauses: tuple[str, str | None]) -> str | None:
    """The due wall time in Puyang."""
    found = due_of(
        at(start),
        limits(*budgets.split()),
        [Pause(since=at(since), until=at(until) if until else None) for since, until in pauses],
        CALENDAR,
    )
    return found and found.at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("start", "budgets", "pauses", "expected"),
    [
        # calendar hours: the pause is added, hour by hour
        ("2026-03-02 09:00", "24h", [("2026-03-02 10:00", "2026-03-02 12:30")], "2026-03-03 11:30"),
        # a pause that begins at the due instant comes too late
        ("2026-03-02 09:00", "2h", [("2026-03-02 11:00", "2026-03-09 12:00")], "2026-03-02 11:00"),
        # working hours: only the part of the pause inside windows counts. 09:00-10:00 is 1 h, then from 15:00 on 3 h.
        ("2026-03-02 09:00", "4wh", [("2026-03-02 10:00", "2026-03-02 15:00")], "2026-03-02 18:00"),
        # a pause at night changes nothing
        ("2026-03-02 17:00", "4wh", [("2026-03-02 19:00", "2026-03-03 08:00")], "2026-03-03 11:30"),
        # the limit is consumed at noon, exactly; the pause begins in the break behind it
        ("2026-03-02 09:00", "3wh", [("2026-03-02 13:00", "2026-03-05 09:00")], "2026-03-02 12:00"),
        # over Spring Festival 2026 (15 to 23 February; 14 and 28 February are make-up workdays)
        # 14 Feb 17:00-17:30 is 0.5 h; resumed on 20 Feb, a holiday; 3.5 h from 24 Feb 08:30
        ("2026-02-14 17:00", "4wh", [("2026-02-14 17:30", "2026-02-20 09:00")], "2026-02-24 12:00"),
        # two pauses
        ("2026-03-02 08:30", "3wh", [("2026-03-02 09:30", "2026-03-02 10:30"), ("2026-03-02 11:30", "2026-03-02 15:00")], "2026-03-02 16:00"),
        # urgent working hours run every day, from midnight to midnight in Puyang
        ("2026-02-17 09:00", "3uwh", [("2026-02-17 10:00", "2026-02-17 20:00")], "2026-02-17 22:00"),
        # working days: start Monday 2 March, day 1 is Tuesday. Paused Wednesday to Friday: Thursday and Friday do not count.
        ("2026-03-02 09:00", "5wd", [("2026-03-04 10:00", "2026-03-06 10:00")], "2026-03-11 18:00"),
        # a pause within one day costs no day
        ("2026-03-02 09:00", "5wd", [("2026-03-04 10:00", "2026-03-04 16:00")], "2026-03-09 18:00"),
        # over National Day 2025 (1 to 8 October; 28 September and 11 October are make-up workdays):
        # 3 wd from Friday 26 Sept: 28, 29, 30 Sept. Paused from 29 Sept to 10 Oct: 30 Sept, 9 and 10 Oct do not count; the next is 11 Oct.
        ("2025-09-26 09:00", "3wd", [("2025-09-29 09:00", "2025-10-10 09:00")], "2025-10-11 18:00"),
        # a limit of 0 that is paused before time runs
        ("2026-03-02 19:00", "0wh", [("2026-03-02 20:00", "2026-03-03 10:00")], "2026-03-03 10:00"),
        # an extension begins where the limit ends: 4 h end on Monday 17:00, 2 working days more are Wednesday
        ("2026-03-02 11:00", "4wh 2wd", [], "2026-03-04 18:00"),
        # a pause within the extension
        ("2026-03-02 09:00", "24h 24h", [("2026-03-03 10:00", "2026-03-03 20:00")], "2026-03-04 19:00"),
    ],
)  # fmt: skip
def test_dates_over_holidays(start: str, budgets: str, pauses: list[tuple[str, str]], expected: str) -> None:
    assert due(start, budgets, *pauses) == expected


def test_during_a_pause_nothing_is_due() -> None:
    assert due("2026-03-02 09:00", "24h", ("2026-03-02 10:00", None)) is None
    assert due("2026-03-02 09:00", "5wd", ("2026-03-02 10:00", None)) is None
    assert due("2026-03-02 09:00", "2h", ("2026-03-02 12:00", None)) == "2026-03-02 11:00", "it was due before"


def test_summer_time_in_los_angeles() -> None:
    """On 8 March 2026 the clocks skip from 02:00 to 03:00: a pause over the change covers one hour less of real time."""
    zone = ZoneInfo("America/Los_Angeles")
    start, since, until = (
        datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)
        for text in ("2026-03-07 20:00", "2026-03-08 01:00", "2026-03-08 04:00")
    )
    found = due_of(start, limits("24h"), [Pause(since=since, until=until)], los_angeles())
    assert found is not None
    assert found.at == start + timedelta(hours=26)


def test_a_pause_into_a_year_without_a_calendar_is_provisional() -> None:
    found = due_of(
        at("2026-12-30 09:00"),
        limits("8wh"),
        [Pause(since=at("2026-12-30 10:00"), until=at("2027-01-05 09:00"))],
        CALENDAR,
    )
    assert found is not None
    assert found.provisional


def is_open(minute: int, unit: str) -> bool:
    """Whether the unit's time runs in a minute since 1970; Puyang is eight hours ahead all year."""
    wall = datetime.fromtimestamp(60 * minute, UTC) + timedelta(hours=8)
    if unit in {"h", "uwh"}:
        return True
    of_day = 60 * wall.hour + wall.minute
    return CALENDAR.kind(wall.date()).works and (510 <= of_day < 720 or 870 <= of_day < 1080)


MINUTE_0 = int(at("2026-02-10 00:00").timestamp()) // 60
MINUTES = st.integers(MINUTE_0, MINUTE_0 + 14 * 1440)


@st.composite
def pauses(draw: st.DrawFn) -> list[tuple[int, int]]:
    bounds = sorted(draw(st.sets(MINUTES, max_size=6)))
    return list(zip(bounds[::2], bounds[1::2], strict=False))


@settings(max_examples=150, deadline=None)
@given(MINUTES, st.integers(1, 30), st.sampled_from(["h", "wh", "uwh"]), pauses())
def test_a_walk_minute_by_minute_ends_at_the_same_instant(
    start: int, amount: int, unit: str, paused: list[tuple[int, int]]
) -> None:
    left, minute = 60 * amount, start
    while left:
        left -= is_open(minute, unit) and not any(since <= minute < until for since, until in paused)
        minute += 1
    known = [Pause(since=_instant(since), until=_instant(until)) for since, until in paused]
    found = due_of(_instant(start), limits(f"{amount}{unit}"), known, CALENDAR)
    assert found is not None
    assert found.at == _instant(minute)


def _instant(minute: int) -> datetime:
    return datetime.fromtimestamp(60 * minute, UTC)


@settings(max_examples=200, deadline=None)
@given(MINUTES, st.integers(0, 60), st.sampled_from(["h", "wh", "uwh", "wd"]))
def test_without_pauses_it_is_the_plain_deadline(start: int, amount: int, unit: str) -> None:
    limit = limits(f"{amount}{unit}")
    assert due_of(_instant(start), limit, [], CALENDAR) == due_at(_instant(start), limit[0], CALENDAR)
