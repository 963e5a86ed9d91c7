"""The rules of the history of lives: Puyang as it is shipped, with a filing before investigations and milestones, and a year that is published.

The log names its rule sets `2026` and `2027`, not by their versions. So it still folds when the city's data has changed.
"""

from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory

from router.cities.folder import city_folder, load_city
from router.domain.calendar.city_calendar import CityCalendar
from router.domain.calendar.year_file import CalendarYear
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleSets
from tests.chaos.cities import add_milestone, file_first
from tests.replay.golden import Rules, digest_of_merging
from tests.support.calendars import PUYANG_HOURS, year

CITY, FIRST, PUBLISHED = "puyang", "2026", "2027"
PUBLISHED_AT = datetime(2027, 1, 5, 2, tzinfo=UTC)
"""Late: some deadlines of the new year have passed by the weekly pattern."""
FREE = tuple(date(2027, 1, day) for day in (1, 4, 5, 6, 7))
"""Made: days that the weekly pattern does not have, so that deadlines move."""


@cache
def _city() -> City:
    """Puyang with more of the standard than it has: its own tests hold what is shipped."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / CITY
        copytree(city_folder(CITY), copy)
        file_first(copy / "catalogue" / "work.yaml")
        add_milestone(copy / "catalogue" / "standards.yaml")
        return load_city(CITY, Path(folder))


def _calendar(city: City, **published: CalendarYear) -> CityCalendar:
    """The years before 2027 as they are shipped, and those that are published."""
    shipped = {} if city.calendar is None else city.calendar.years
    years = {number: one for number, one in shipped.items() if number < int(PUBLISHED)}
    return CityCalendar(years | {int(name): one for name, one in published.items()}, city.zone)


def _published(city: City) -> City:
    """The city with the calendar of 2027. Its version is computed."""
    new = year(office=PUYANG_HOURS, holidays=FREE)
    return replace(city, rule_set="", calendar=_calendar(city, **{PUBLISHED: new}))


def rule_sets() -> RuleSets:
    """Both rule sets by the names that the log has."""
    city = _city()
    known = RuleSets(replace(city, rule_set=FIRST, calendar=_calendar(city)))
    known.add(PUBLISHED, PUBLISHED_AT, lambda: replace(_published(city), rule_set=PUBLISHED))
    return known


def rules() -> Rules:
    """The data that the decisions follow: the later rule set has all of the first one."""
    city = _city()
    return Rules(rule_set=_published(city).rule_set, merging=digest_of_merging(city))
