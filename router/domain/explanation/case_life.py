"""What an explanation is made from: a case, its journal, and the rule set that the case names."""

from datetime import datetime, tzinfo

from msgspec import Struct

from router.domain.calendar.city_calendar import CityCalendar
from router.domain.catalogue.resolve import Catalogue
from router.domain.model.case import Case
from router.domain.model.escalation import Escalation
from router.domain.model.transition import Transition


class CaseLife(Struct, frozen=True, kw_only=True):
    """A case as it is now, what happened to its tasks, and who heard of their limits."""

    case: Case
    transitions: tuple[Transition, ...]
    """In the order of the log, or by their numbers after an erasure."""
    escalations: tuple[Escalation, ...] = ()
    """Reminders, escalations and what settled them, in the order of the log, as long as their topic keeps them."""
    archived: bool = False
    """Nothing reaches the case any more, and this is its last state."""
    partition: int = 0
    """Of the case in `grid.cases`, and of its events in `grid.events`."""
    written_at: datetime | None = None
    """When Kafka stored the latest record of the case, which no report, feedback or task before it was stored after. The history that a
    city replays has other times. None: unknown."""


class Decisions(Struct, frozen=True, kw_only=True):
    """The part of a rule set that decides about departments and time."""

    rule_set: str
    """Its version."""
    zone: tzinfo
    """Of the city."""
    catalogue: Catalogue
    calendar: CityCalendar | None = None


class Sentence(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One sentence of an explanation, in both languages. Names and reasons in it may come from outside."""

    kind: str
    """What it is about, for programs: `joined`, `duty`, `due`, ..."""
    en: str
    zh: str
    at: datetime | None = None
    """When it happened."""
    task: str | None = None
    """Id of the task that it is about."""
