"""One year of a city's working time, as `calendar/<year>.yaml` writes it. Unknown keys are errors."""

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from router.domain.catalogue.model import EARLIEST, LATEST, SOME, Name, Strict, several

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
"""In the order of `date.weekday()`."""
_TIME = r"(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)"
_WINDOW = re.compile(f"{_TIME}-{_TIME}")
MOST_WINDOWS = 24
MOST_HOLIDAYS = 100


def _not_empty(values: Any) -> Any:
    if not values:
        raise ValueError("the list is empty; name at least one")
    return values


def _window(text: str) -> str:
    if not _WINDOW.fullmatch(text):
        raise ValueError("a window is two times of one day, like 08:30-12:00; midnight at its end is 24:00")
    return text


def minutes(window: str) -> tuple[int, int]:
    """Opening and end of a window as minutes of the day by the wall clock."""
    opening, end = (int(time[:2]) * 60 + int(time[3:]) for time in window.split("-"))
    return opening, end


Window = Annotated[str, Field(pattern=f"^{_WINDOW.pattern}$"), AfterValidator(_window)]
Windows = Annotated[tuple[Window, ...], Field(max_length=MOST_WINDOWS), BeforeValidator(several)]
Day = Annotated[date, Field(ge=EARLIEST, le=LATEST)]


class Notice(Strict):
    """The official notice that fixes the dates of a year."""

    id: str = Field(min_length=1, max_length=200)
    """Its number, e.g. 国办发明电〔2025〕7号."""
    issuer: Name
    date: Day
    """The day of its publication."""


class Holiday(Strict):
    """Consecutive days without office hours, whatever day of the week they are."""

    since: Day = Field(alias="from")
    until: Day | None = None
    """Last day. None: one day only."""
    name: Name

    @property
    def last(self) -> date:
        """Its last day."""
        return self.until or self.since


class CalendarYear(Strict):
    """calendar/<year>.yaml: the office hours, duty hours, holidays and make-up workdays of one year."""

    notices: Annotated[
        tuple[Notice, ...], Field(max_length=MOST_HOLIDAYS), BeforeValidator(several), AfterValidator(_not_empty), SOME
    ]
    """Where the dates come from. A notice for the next year may name days of this December, so there may be several."""
    workdays: Annotated[tuple[Weekday, ...], BeforeValidator(several), AfterValidator(_not_empty), SOME] = WEEKDAYS[:5]
    """Days of the week that are working days unless they are holidays."""
    office_hours: Annotated[Windows, AfterValidator(_not_empty), SOME]
    """Windows of a working day in which working hours (工作时) run."""
    duty_hours: Windows = ()
    """Windows of every day in which urgent working hours (紧急工作时) run. None: the city has no such limits."""
    holidays: Annotated[tuple[Holiday, ...], Field(max_length=MOST_HOLIDAYS), BeforeValidator(several)] = ()
    makeup_workdays: Annotated[tuple[Day, ...], Field(max_length=MOST_HOLIDAYS), BeforeValidator(several)] = ()
    """Days off by the week that are working days for a longer holiday (调休)."""
