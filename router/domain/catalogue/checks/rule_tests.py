"""The city's own unit tests of its rules (tests.yaml): their format, and how they run."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Annotated, Protocol, Self

from msgspec import Struct
from pydantic import BeforeValidator, Field, model_validator

from router.domain.calendar.city_calendar import CityCalendar
from router.domain.calendar.deadlines import due_at
from router.domain.catalogue.code_tables import Code
from router.domain.catalogue.model import EARLIEST, FALLBACK, LATEST, LimitText, Strict, digits, one_or_more, several
from router.domain.catalogue.resolve import Assigned, Catalogue, Route
from router.domain.documents import Document, SourcePosition
from router.domain.instants import from_rfc3339

NONE = "none"
"""Value in `expect`: there is none."""
Several = Annotated[tuple[str, ...], BeforeValidator(one_or_more)]


class RuleTestCodes(Protocol):
    """A network's code table."""

    @property
    def otherwise(self) -> Code | None:
        """The row of every code that the table lacks."""

    def matter(self, code: str, version: str | None) -> str | None:
        """The matter of a code."""


class Threshold(Strict):
    """Per cent of the duties that the tests must reach."""

    min: float = Field(default=100, ge=0, le=100, strict=False)


class Expectation(Strict):
    """What a test expects of a route. It does not check what it does not name."""

    lead: str | None = None
    assist: Annotated[tuple[str, ...] | None, BeforeValidator(several)] = None
    rule: str | None = None
    unit: str | None = None
    """Unit of the lead; `none` if there must be none."""
    limit: LimitText = None
    """Rule of the lead."""
    due: str | None = None
    """When the lead's limit ends: local time of the city, or with a zone."""
    workflow: str | None = None


class Refutation(Strict):
    """What must not be: one value or several."""

    lead: Several = ()
    assist: Several = ()
    rule: Several = ()
    workflow: Several = ()


class RuleTest(Strict):
    """One unit test of the rules: a matter (or a network's code), a place, a time, and the expected route."""

    name: str = Field(min_length=1, max_length=200)
    matter: str | None = None
    network: str | None = None
    code: Annotated[str | None, BeforeValidator(digits)] = None
    version: Annotated[str | None, BeforeValidator(digits)] = None
    cell: Annotated[str, Field(pattern=r"^[0-9]{15}$"), BeforeValidator(digits)]
    at: str | None = None
    """Local time of the city, or with a zone. None: the file's default."""
    expect: Expectation | None = None
    expect_not: Refutation | None = Field(default=None, alias="not")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.matter is None) == (self.network is None) or (self.network is None) != (self.code is None):
            raise ValueError("give either `matter`, or `network` and `code`")
        if self.expect is None and self.expect_not is None:
            raise ValueError("give `expect`, `not`, or both")
        return self


class RuleTests(Strict):
    """tests.yaml: the city's own tests."""

    at: str
    """The time of tests that name none."""
    coverage: Threshold = Threshold()
    tests: Annotated[tuple[RuleTest, ...], BeforeValidator(several)] = Field(min_length=1)


class Failure(Struct, frozen=True, kw_only=True):
    """One deviation from a test."""

    mark: SourcePosition
    message: str


class Verdict(Struct, frozen=True, kw_only=True):
    """The result of one test."""

    name: str
    mark: SourcePosition
    route: Route | None
    """None: the test cannot run."""
    failures: tuple[Failure, ...]


class RuleTestRun(Struct, frozen=True, kw_only=True):
    """The results of a city's tests."""

    verdicts: tuple[Verdict, ...]
    untested: tuple[str, ...]
    """Duties that win in no test."""
    duties: int
    """Number of the city's duties."""
    coverage: float
    """Per cent of the duties that win in a test, 0 to 100."""
    threshold: float

    @property
    def passed(self) -> bool:
        """Whether every test passed and enough duties are tested."""
        return self.coverage >= self.threshold and not any(verdict.failures for verdict in self.verdicts)


class RuleTestContext(Struct, frozen=True, kw_only=True):
    """What the tests run against."""

    catalogue: Catalogue
    codes: Mapping[str, RuleTestCodes]
    cells: Mapping[str, object]
    zone: tzinfo
    calendar: CityCalendar | None


def run(tests: RuleTests, document: Document, ground: RuleTestContext) -> RuleTestRun:
    """Run every test against the catalogue."""
    verdicts = tuple(_run(number, test, tests.at, document, ground) for number, test in enumerate(tests.tests))
    tested = {one.rule for verdict in verdicts if verdict.route for one in verdict.route.assigned}
    duties = [duty.id for duty in ground.catalogue.duties]
    untested = tuple(name for name in duties if name not in tested)
    return RuleTestRun(
        verdicts=verdicts,
        untested=untested,
        duties=len(duties),
        coverage=100 * (len(duties) - len(untested)) / len(duties) if duties else 100,
        threshold=tests.coverage.min,
    )


def _run(number: int, test: RuleTest, at_default: str, document: Document, ground: RuleTestContext) -> Verdict:
    def place(*path: str | int) -> SourcePosition:
        return document.mark("tests", number, *path)

    asked = _asked(test, at_default, ground)
    if isinstance(asked, tuple):
        matter, at = asked
        route = ground.catalogue.route(matter, test.cell, at)
        wrong = [
            *_unknown_names(test, ground.catalogue),
            *_expected(test, route, at, ground),
            *_refuted(test, route),
        ]
    else:
        route, wrong = None, [asked]
    failures = tuple(Failure(mark=place(*one.path), message=one.message) for one in wrong)
    return Verdict(name=test.name, mark=place(), route=route, failures=failures)


class _Wrong(Struct, frozen=True):
    path: tuple[str, ...]
    message: str


def _asked(test: RuleTest, at_default: str, ground: RuleTestContext) -> tuple[str, datetime] | _Wrong:
    """Matter and instant of a test, or why it cannot run."""
    at = local(test.at or at_default, ground.zone)
    if at is None:
        return _Wrong(("at",), f"{test.at or at_default!r} is no time; write one like 2026-10-01T09:00")
    if test.cell not in ground.cells:
        return _Wrong(("cell",), f"the city has no cell {test.cell}")
    if test.matter is not None:
        known = test.matter in ground.catalogue.matters
        return (test.matter, at) if known else _Wrong(("matter",), f"the catalogue has no matter {test.matter}")
    table = ground.codes.get(test.network or "")
    if table is None:
        return _Wrong(("network",), f"the city has no code table for the network {test.network}")
    matter = table.matter(test.code or "", test.version)
    if matter is None and table.otherwise is not None:
        matter = table.otherwise.matter
    return (matter, at) if matter else _Wrong(("code",), f"{test.network} has no code {test.code}")


def _unknown_names(test: RuleTest, catalogue: Catalogue) -> Iterator[_Wrong]:
    """Names in `not` that do not exist: such a test could never fail."""
    known = {
        "lead": catalogue.departments.keys(),
        "assist": catalogue.departments.keys(),
        "rule": {FALLBACK, *(duty.id for duty in catalogue.duties)},
        "workflow": catalogue.workflows.keys(),
    }
    for key, values in test.expect_not or ():
        for value in values:
            if value not in known[key]:
                yield _Wrong(("not", key), f"the catalogue knows no {key} {value}, so this can never fail")


def local(text: str, zone: tzinfo) -> datetime | None:
    """An instant written as local time of the city or with its own zone. None: neither, or of a year in which no rule holds."""
    try:
        at = from_rfc3339(text)
    except ValueError:
        return None
    if not EARLIEST.year <= at.year <= LATEST.year:
        return None  # a limit may not end within the years that Python has
    return at if at.tzinfo else at.replace(tzinfo=zone)


def _expected(test: RuleTest, route: Route, at: datetime, ground: RuleTestContext) -> Iterator[_Wrong]:
    lead = next((one for one in route.assigned if one.role == "lead"), None)
    actual = {
        "lead": lead.department if lead else NONE,
        "assist": _assists(route),
        "rule": lead.rule if lead else FALLBACK,
        "unit": (lead.unit if lead else None) or NONE,
        "limit": lead.limit if lead else None,
        "workflow": route.workflow or NONE,
    }
    for key, value in test.expect or ():
        if value is None:
            continue
        if key == "due":
            yield from _due(value, lead, at, ground)
        elif (sorted(value) if key == "assist" else value) != actual[key]:
            yield _Wrong(("expect", key), f"{key} is {_shown(actual[key])}, not {_shown(value)} ({route.reason})")


def _assists(route: Route) -> list[str]:
    return sorted(one.department for one in route.assigned if one.role == "assist")


def _shown(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(value) or NONE
    return NONE if value is None else str(value)


def _due(text: str, lead: Assigned | None, at: datetime, ground: RuleTestContext) -> Iterator[_Wrong]:
    zone = ground.zone
    wanted = local(text, zone)
    if wanted is None:
        yield _Wrong(("expect", "due"), f"{text!r} is no time; write one like 2026-10-01T09:00")
        return
    due = due_at(at.astimezone(UTC), lead.limit, ground.calendar).at if lead and lead.limit else None
    if due is None or due.astimezone(UTC) != wanted.astimezone(UTC):
        actual = due.astimezone(zone).isoformat() if due else NONE
        yield _Wrong(("expect", "due"), f"due is {actual}, not {wanted.isoformat()}")


def _refuted(test: RuleTest, route: Route) -> Iterator[_Wrong]:
    lead = next((one for one in route.assigned if one.role == "lead"), None)
    actual: dict[str, set[str | None]] = {
        "lead": {lead.department} if lead else set(),
        "assist": set(_assists(route)),
        "rule": {one.rule for one in route.assigned},
        "workflow": {route.workflow},
    }
    for key, values in test.expect_not or ():
        for value in values:
            if value in actual[key]:
                yield _Wrong(("not", key), f"{key} is {value}, which it must not be ({route.reason})")
