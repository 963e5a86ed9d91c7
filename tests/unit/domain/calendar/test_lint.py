"""One mistake in a calendar is one finding, with file, line and column."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from router.domain.calendar.city_calendar import CityCalendar
from router.domain.calendar.lint import YearFile, check, check_end, check_limits
from router.domain.calendar.year_file import CalendarYear
from router.domain.catalogue.model import Standards
from router.domain.documents import Document, Source, SourcePosition, read_yaml, validate
from tests.support.calendars import puyang, year

NOTICES = "notices: [{id: A, issuer: {en: B}, date: 2025-11-04}]\n"
YEAR = f"""\
{NOTICES}office_hours: ["08:30-12:00", "14:30-18:00"]
duty_hours: ["00:00-24:00"]
holidays:
  - {{from: 2026-01-01, until: 2026-01-03, name: {{en: New Year}}}}
  - {{from: 2026-02-15, until: 2026-02-23, name: {{en: Spring Festival}}}}
makeup_workdays: [2026-01-04, 2026-02-14]
"""


def read(text: str, file: str) -> YearFile:
    document, wrong = read_yaml(Source(file, text))
    assert document is not None, wrong
    model, wrong = validate(CalendarYear, document)
    assert model is not None, [str(one) for one in wrong]
    return YearFile(model, document)


def lint(**texts: str) -> list[tuple[str, str, str]]:
    """Code, place and message for each finding; a keyword is a year, e.g. `y2026=...`."""
    files = {int(name[1:]): read(text, f"{name[1:]}.yaml") for name, text in texts.items()}
    return [(one.code, one.place, one.message) for one in check(files)]


def test_a_right_year_has_no_findings() -> None:
    assert lint(y2026=YEAR) == []
    assert lint(y2025=f"{NOTICES}office_hours: ['08:30-12:00', '12:00-18:00']", y2026=YEAR) == []


@pytest.mark.parametrize(
    ("old", "new", "code", "place", "message"),
    [
        ('"14:30-18:00"', '"11:59-18:00"', "GR071", "2:31", "the window 11:59-18:00 overlaps the one before it, or is earlier"),
        ('"14:30-18:00"', '"07:00-08:00"', "GR071", "2:31", "the window 07:00-08:00 overlaps the one before it, or is earlier"),
        ('"14:30-18:00"', '"18:00-14:30"', "GR071", "2:31", "the window 18:00-14:30 is empty"),
        ('"00:00-24:00"', '"24:00-24:00", "00:00-24:00"', "GR071", "3:14", "the window 24:00-24:00 is empty"),
        ('"00:00-24:00"', '"06:00-06:59"', "GR071", "3:13", "`duty_hours` has 59 minutes a day"),
        ("2026-01-04, ", "2026-01-02, ", "GR072", "7:19", "2026-01-02 is a make-up workday and a holiday, 'New Year'"),
        ("2026-01-04, ", "2026-01-05, ", "GR072", "7:19", "2026-01-05 is a monday, which works anyway"),
        ("2026-01-04, ", "2026-02-14, ", "GR072", "7:31", "2026-02-14 is a make-up workday already"),
        ("from: 2026-02-15, until: 2026-02-23", "from: 2026-01-03", "GR072", "6:5", "2026-01-03 is a holiday already: 'New Year'"),
        ("2026-01-04, ", "2027-01-02, ", "GR073", "7:19", "2027-01-02 is not in 2026"),
        ("from: 2026-01-01", "from: 2025-12-31", "GR073", "5:12", "2025-12-31 is not in 2026"),
        ("until: 2026-02-23", "until: 2027-02-23", "GR073", "6:31", "2027-02-23 is not in 2026"),
        ("until: 2026-02-23", "until: 2026-02-14", "GR073", "6:31", "a holiday ends on 2026-02-14, before it begins on 2026-02-15"),
    ],
)  # fmt: skip
def test_one_mistake_is_one_finding(old: str, new: str, code: str, place: str, message: str) -> None:
    assert YEAR.count(old) == 1
    text = YEAR.replace(old, new)
    if new.startswith('"24:00-24:00'):
        # The order is a second finding of the same window only if it comes later; here the later window is the earlier one.
        assert lint(y2026=text)[0] == (code, f"2026.yaml:{place}", message)
        return
    assert lint(y2026=text) == [(code, f"2026.yaml:{place}", message)]


def test_a_year_is_missing_between_two() -> None:
    small = f"{NOTICES}office_hours: ['08:30-12:00']"
    assert lint(y2024=small, y2026=small, y2030=small) == [
        ("GR074", "2026.yaml:1:1", "the calendar has 2024 and 2026, but not 2025"),
        ("GR074", "2030.yaml:1:1", "the calendar has 2026 and 2030, but not 2027 to 2029"),
    ]


def standards(text: str) -> tuple[Standards, Document]:
    document, wrong = read_yaml(Source("standards.yaml", text))
    assert document is not None, wrong
    model, wrong = validate(Standards, document)
    assert model is not None, wrong
    return model, document


WORKING = """\
default: {limit: 3d, assist: {limit: 4wh}}
groups:
  green: {limit: 7wd}
matters:
  tree:
    lead: {limit: 2uwh}
"""


def limits(calendar: CityCalendar | None) -> list[tuple[str, str, str]]:
    return [(one.code, one.place, one.message) for one in check_limits(*standards(WORKING), calendar)]


def test_a_limit_in_working_time_needs_a_calendar() -> None:
    assert limits(puyang()) == []
    assert limits(None) == [
        ("GR070", "standards.yaml:1:38", "the limit 4wh counts working hours, and the city has no calendar"),
        ("GR070", "standards.yaml:3:18", "the limit 7wd counts working days, and the city has no calendar"),
        ("GR070", "standards.yaml:6:19", "the limit 2uwh counts urgent working hours, and the city has no calendar"),
    ]
    assert limits(CityCalendar({2026: year(duty=())}, ZoneInfo("Asia/Shanghai"))) == [
        (
            "GR070",
            "standards.yaml:6:19",
            "the limit 2uwh counts urgent working hours, and a year of the calendar has no `duty_hours`",
        )
    ]


@pytest.mark.parametrize(
    ("today", "message"),
    [
        (date(2026, 11, 1), None),  # 60 days are left
        (date(2026, 11, 2), "the calendar ends with 2026-12-31, in 59 days; deadlines beyond it are provisional"),
        (date(2026, 12, 31), "the calendar ends with 2026-12-31, in 0 days; deadlines beyond it are provisional"),
        (date(2027, 1, 2), "the calendar ends with 2026-12-31, 2 days ago; deadlines beyond it are provisional"),
    ],
)
def test_the_end_of_the_data_is_a_warning_sixty_days_before(today: date, message: str | None) -> None:
    found = list(check_end(puyang(), SourcePosition("2026.yaml"), today))
    assert [(one.code, one.level, one.message) for one in found] == ([("GR075", "warning", message)] if message else [])
