"""Deadlines in working time, computed on paper from the notices, over holidays, make-up days, clock changes and a leap day."""

import pickle
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from router.domain.calendar.city_calendar import CityCalendar
from router.domain.calendar.deadlines import Deadline, due_at, explain_deadline
from router.domain.calendar.limits import Limit, read_limit
from tests.support.calendars import los_angeles, puyang, year

SHANGHAI, ANGELES = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/Los_Angeles")


def limit(text: str) -> Limit:
    found = read_limit(text)
    assert found is not None, text
    return found


def local(text: str, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def due(start: str, text: str, calendar: CityCalendar | None = None) -> tuple[str, bool]:
    """Local wall time of the deadline, and whether it is provisional."""
    calendar = calendar or puyang()
    found = due_at(local(start, calendar.zone), limit(text), calendar)  # type: ignore[arg-type]
    return found.at.astimezone(calendar.zone).replace(tzinfo=None).isoformat(), found.provisional


PUYANG = [
    # Working hours on one day: across the noon break, to the second, and to the very end of a window.
    ("2026-03-02T08:30:00", "1wh", "2026-03-02T09:30:00"),
    ("2026-03-02T11:00:01", "2wh", "2026-03-02T15:30:01"),
    ("2026-03-02T08:30:00", "7wh", "2026-03-02T18:00:00"),
    ("2026-03-02T11:00:00", "1wh", "2026-03-02T12:00:00"),
    ("2026-03-02T11:00:00.000001", "1wh", "2026-03-02T14:30:00.000001"),
    ("2026-03-02T17:00:00", "1wh", "2026-03-02T18:00:00"),
    # A start outside waits for the next opening: before it, at noon, at the end of a window, on Friday evening, on Sunday.
    ("2026-03-02T06:00:00", "1wh", "2026-03-02T09:30:00"),
    ("2026-03-02T12:00:00", "1wh", "2026-03-02T15:30:00"),
    ("2026-03-02T13:10:00", "1wh", "2026-03-02T15:30:00"),
    ("2026-03-06T18:00:00", "1wh", "2026-03-09T09:30:00"),
    ("2026-03-08T12:00:00", "4wh", "2026-03-09T15:00:00"),
    # Spring Festival 2026: 15 to 23 February off, Saturday the 14th and Saturday the 28th are worked.
    ("2026-02-13T17:00:00", "4wh", "2026-02-14T11:30:00"),
    ("2026-02-14T17:00:00", "4wh", "2026-02-24T11:30:00"),
    ("2026-02-15T09:00:00", "2wh", "2026-02-24T10:30:00"),
    ("2026-02-27T17:30:00", "1wh", "2026-02-28T09:00:00"),
    ("2026-02-13T10:00:00", "1wd", "2026-02-14T18:00:00"),
    ("2026-02-13T10:00:00", "5wd", "2026-02-27T18:00:00"),  # 14, 24, 25, 26, 27
    ("2026-02-13T10:00:00", "7wd", "2026-03-02T18:00:00"),  # and 28, 2 March
    ("2026-02-20T10:00:00", "1wd", "2026-02-24T18:00:00"),
    # The local date of the start never counts: midnight begins the next one, eight hours before UTC.
    ("2026-03-02T00:00:00", "1wd", "2026-03-03T18:00:00"),
    ("2026-03-02T23:59:59", "1wd", "2026-03-03T18:00:00"),
    ("2026-03-03T00:00:00", "1wd", "2026-03-04T18:00:00"),
    # National Day 2025: 1 to 8 October off, Sunday 28 September and Saturday 11 October are worked.
    ("2025-09-26T10:00:00", "1wd", "2025-09-28T18:00:00"),
    ("2025-09-30T16:00:00", "1wd", "2025-10-09T18:00:00"),
    ("2025-09-30T16:00:00", "3wd", "2025-10-11T18:00:00"),
    ("2025-09-30T16:00:00", "4wd", "2025-10-13T18:00:00"),
    ("2025-09-30T17:30:00", "4wh", "2025-10-09T12:00:00"),
    ("2025-10-10T17:30:00", "1wh", "2025-10-11T09:00:00"),
    # National Day 2026: 1 to 7 October off, Sunday 20 September and Saturday 10 October are worked; Mid-Autumn 25 to 27 September.
    ("2026-09-18T17:00:00", "2wh", "2026-09-20T09:30:00"),
    ("2026-09-24T09:00:00", "1wd", "2026-09-28T18:00:00"),
    ("2026-09-30T09:00:00", "3wd", "2026-10-10T18:00:00"),
    ("2026-09-30T09:00:00", "4wd", "2026-10-12T18:00:00"),
    ("2026-09-30T17:59:59", "1wh", "2026-10-08T09:29:59"),
    # New Year: the year ends in the middle of a limit. Sunday 4 January 2026 is worked, 1 to 3 January are off.
    ("2025-12-31T17:00:00", "2wh", "2026-01-04T09:30:00"),
    ("2025-12-30T09:00:00", "2wd", "2026-01-04T18:00:00"),
    # Urgent working hours run round the clock here, on holidays, too.
    ("2026-02-16T23:30:00", "2uwh", "2026-02-17T01:30:00"),
    # Calendar hours need no calendar.
    ("2026-02-13T10:00:00", "3d", "2026-02-16T10:00:00"),
    # A limit of 0 is due as soon as its time runs.
    ("2026-03-02T09:00:00", "0wh", "2026-03-02T09:00:00"),
    ("2026-03-02T12:00:00", "0wh", "2026-03-02T14:30:00"),
    ("2026-02-14T18:00:00", "0wh", "2026-02-24T08:30:00"),
    ("2026-03-02T09:00:00", "0wd", "2026-03-02T09:00:00"),
    ("2026-03-07T09:00:00", "0wd", "2026-03-09T08:30:00"),
    ("2026-03-07T09:00:00", "0uwh", "2026-03-07T09:00:00"),
    ("2026-03-07T09:00:00", "0h", "2026-03-07T09:00:00"),
]


@pytest.mark.parametrize(("start", "text", "end"), PUYANG)
def test_deadlines_of_puyang(start: str, text: str, end: str) -> None:
    assert due(start, text) == (end, False)


@pytest.mark.parametrize(
    ("start", "text", "end"),
    [
        # Summer time begins on Sunday 8 March 2026 at 02:00: the day has 23 hours, office hours on Monday are what they are.
        ("2026-03-06T16:00:00", "2wh", "2026-03-09T09:00:00"),
        ("2026-03-06T16:00:00", "1wd", "2026-03-09T17:00:00"),
        ("2026-03-07T23:00:00", "4uwh", "2026-03-08T04:00:00"),
        ("2026-03-07T12:00:00", "24uwh", "2026-03-08T13:00:00"),
        ("2026-03-07T12:00:00", "24h", "2026-03-08T13:00:00"),
        # It ends on Sunday 1 November 2026 at 02:00: the hour from 1 to 2 comes twice.
        ("2026-10-30T16:00:00", "2wh", "2026-11-02T09:00:00"),
        ("2026-10-30T16:00:00", "1wd", "2026-11-02T17:00:00"),
        ("2026-10-31T23:00:00", "4uwh", "2026-11-01T02:00:00"),
        ("2026-10-31T12:00:00", "24uwh", "2026-11-01T11:00:00"),
        # Thanksgiving, and Independence Day on a Saturday, which is observed on the Friday.
        ("2026-11-25T16:00:00", "2wh", "2026-11-27T09:00:00"),
        ("2026-07-01T10:00:00", "2wd", "2026-07-06T17:00:00"),
    ],
)
def test_deadlines_of_los_angeles(start: str, text: str, end: str) -> None:
    assert due(start, text, los_angeles()) == (end, False)


def test_the_second_of_two_equal_hours_is_another_start() -> None:
    first = datetime(2026, 11, 1, 1, 30, tzinfo=ANGELES)
    ends = [due_at(first.replace(fold=fold).astimezone(UTC), limit("1uwh"), los_angeles()).at for fold in (0, 1)]
    assert ends == [datetime(2026, 11, 1, 9, 30, tzinfo=UTC), datetime(2026, 11, 1, 10, 30, tzinfo=UTC)]


def test_windows_in_the_hour_that_is_skipped_or_comes_twice() -> None:
    night = CityCalendar({2026: year(duty=("01:30-02:30", "03:00-04:00"))}, ANGELES)
    # 8 March: 02:00 is 03:00 at once, so the first window has half an hour, and the second begins where it ends.
    assert due("2026-03-08T01:30:00", "1uwh", night)[0] == "2026-03-08T03:30:00"
    # 1 November: the window begins with the first 01:30 and has two hours.
    assert due("2026-11-01T00:00:00", "2uwh", night)[0] == "2026-11-01T02:30:00"


def test_a_leap_day_is_a_day() -> None:
    leap = CityCalendar({2028: year()}, SHANGHAI)
    assert due("2028-02-28T17:00:00", "2wh", leap) == ("2028-02-29T09:30:00", False)
    assert due("2028-02-28T17:00:00", "2wd", leap) == ("2028-03-01T18:00:00", False)
    off = CityCalendar({2028: year(holidays=(date(2028, 2, 29),))}, SHANGHAI)
    assert due("2028-02-28T17:00:00", "1wd", off) == ("2028-03-01T18:00:00", False)


@pytest.mark.parametrize(
    ("start", "text", "expected"),
    [
        ("2026-12-31T17:00:00", "1wh", ("2026-12-31T18:00:00", False)),
        ("2026-12-31T17:00:01", "1wh", ("2027-01-01T08:30:01", True)),  # New Year's Day works by the weekly pattern
        ("2026-12-30T10:00:00", "1wd", ("2026-12-31T18:00:00", False)),
        ("2026-12-31T10:00:00", "1wd", ("2027-01-01T18:00:00", True)),
        ("2026-12-31T23:00:00", "1uwh", ("2027-01-01T00:00:00", False)),
        ("2026-12-31T23:00:01", "1uwh", ("2027-01-01T00:00:01", True)),
        ("2027-05-03T10:00:00", "1wh", ("2027-05-03T11:00:00", True)),
        ("2024-12-31T10:00:00", "1wh", ("2024-12-31T11:00:00", True)),  # before the first year, too
        ("2024-12-31T10:00:00", "1wd", ("2025-01-02T18:00:00", False)),  # the day of the start does not count
        ("2026-12-31T10:00:00", "90d", ("2027-03-31T10:00:00", False)),
    ],
)
def test_a_limit_that_reaches_a_year_not_published_is_provisional(
    start: str, text: str, expected: tuple[str, bool]
) -> None:
    assert due(start, text) == expected


def test_a_published_year_moves_what_was_provisional() -> None:
    new_year = (date(2027, 1, 1),)
    later = CityCalendar({**puyang().years, 2027: year(holidays=new_year)}, SHANGHAI)
    assert due("2026-12-31T10:00:00", "1wd", later) == ("2027-01-04T18:00:00", False)


def test_the_explanation_names_what_counts_and_what_does_not() -> None:
    explained = explain_deadline(local("2026-02-13T17:00:00", SHANGHAI), limit("6wh"), puyang())
    assert explained.at == local("2026-02-14T16:00:00", SHANGHAI)
    assert [(span.why, span.counted, str(span.first), span.seconds) for span in explained.spans] == [
        ("office-hours", True, "2026-02-13", 3600.0),
        ("office-hours", True, "2026-02-14", 12_600.0),
        ("office-hours", True, "2026-02-14", 5400.0),
    ]
    assert (explained.limit, explained.calendar) == ("6wh", puyang().version)
    explained = explain_deadline(local("2026-02-14T18:30:00", SHANGHAI), limit("1wh"), puyang())
    assert [(span.why, str(span.first), str(span.last), span.days, span.name_zh) for span in explained.spans] == [
        ("closed", "2026-02-14", "2026-02-14", 1, None),
        ("holiday", "2026-02-15", "2026-02-23", 9, "春节"),
        ("office-hours", "2026-02-24", "2026-02-24", 0, None),
    ]


def test_the_explanation_of_working_days() -> None:
    explained = explain_deadline(local("2026-02-13T10:00:00", SHANGHAI), limit("7wd"), puyang())
    assert [(span.why, span.counted, str(span.first), str(span.last), span.days) for span in explained.spans] == [
        ("start-day", False, "2026-02-13", "2026-02-13", 1),
        ("makeup-workday", True, "2026-02-14", "2026-02-14", 1),
        ("holiday", False, "2026-02-15", "2026-02-23", 9),
        ("working-day", True, "2026-02-24", "2026-02-27", 4),
        ("makeup-workday", True, "2026-02-28", "2026-02-28", 1),
        ("day-off", False, "2026-03-01", "2026-03-01", 1),
        ("working-day", True, "2026-03-02", "2026-03-02", 1),
    ]
    beyond = explain_deadline(local("2026-12-31T10:00:00", SHANGHAI), limit("2wd"), puyang())
    assert [(span.why, span.provisional) for span in beyond.spans] == [
        ("start-day", False),
        ("working-day", True),
        ("day-off", True),
        ("working-day", True),
    ]


def test_the_explanation_of_calendar_hours_is_one_span() -> None:
    start = local("2026-02-13T10:00:00", SHANGHAI)
    explained = explain_deadline(start, limit("24h"), puyang())
    (span,) = explained.spans
    assert (span.why, span.since, span.until, explained.calendar) == (
        "all-hours",
        start,
        start + timedelta(days=1),
        None,
    )


def test_working_time_needs_a_calendar() -> None:
    with pytest.raises(ValueError, match="a limit of 4wh needs office hours in the city's calendar"):
        due_at(local("2026-02-13T10:00:00", SHANGHAI), limit("4wh"))
    without = CityCalendar({2026: year(duty=())}, SHANGHAI)
    with pytest.raises(ValueError, match="a limit of 4uwh needs duty hours in the city's calendar"):
        due_at(local("2026-02-13T10:00:00", SHANGHAI), limit("4uwh"), without)


def test_the_longest_limits_have_an_end() -> None:
    start = local("2026-02-13T10:00:00", SHANGHAI)
    assert due_at(start, limit("9999wh"), puyang()).at.year == 2031
    assert due_at(start, limit("999wd"), puyang()).at.year == 2029
    with pytest.raises(OverflowError):
        due_at(start.replace(year=9998), limit("9999wh"), puyang())


def test_a_calendar_survives_the_way_to_another_process() -> None:
    again = pickle.loads(pickle.dumps(puyang()))
    start = local("2026-02-13T17:00:00", SHANGHAI)
    assert again.version == puyang().version
    assert due_at(start, limit("4wh"), again) == Deadline(local("2026-02-14T11:30:00", SHANGHAI))


def test_the_version_follows_the_content() -> None:
    one, same = (CityCalendar({2026: year()}, SHANGHAI) for _ in range(2))
    other = CityCalendar({2026: year(makeup=(date(2026, 2, 14),))}, SHANGHAI)
    assert one.version == same.version != other.version
