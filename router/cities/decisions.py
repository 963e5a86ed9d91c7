"""Reads the part of a published rule set that decides about departments and time, without its cells: a tenth of the work."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel

from router.cities.city_reader import CALENDAR, CityFile
from router.cities.zones import read_zone
from router.domain.calendar.city_calendar import CityCalendar
from router.domain.calendar.year_file import CalendarYear
from router.domain.catalogue.checks import reference_lint
from router.domain.catalogue.compile import compile_catalogue
from router.domain.catalogue.lists import ESCALATIONS, FILES, read_lists
from router.domain.documents import Finding, Source, read_yaml, validate
from router.domain.explanation.case_life import Decisions
from router.wire.errors import CityError

Model = TypeVar("Model", bound=BaseModel)


def read_decisions(texts: Mapping[str, str], version: str) -> Decisions:
    """What the texts of a rule set say about departments and time.

    Args:
        texts: of the whole rule set, by their path in the city's folder.
        version: of it.

    Raises:
        CityError: one of the texts is missing or has an error.
    """
    missing = next((path for path in _needed() if path not in texts), None)
    if missing is not None:
        raise _unreadable("the file is missing", f"rule set {version}: {missing}")
    zone = read_zone(_model(CityFile, "city.yaml", texts, version).zone)
    named = {name: f"catalogue/{name}" for name in (*FILES, ESCALATIONS)}
    lists, findings = read_lists({name: Source(path, texts[path]) for name, path in named.items() if path in texts})
    if lists is not None:
        findings = [*findings, *reference_lint.check(lists)]
    errors = [one for one in findings if one.level == "error"]
    if lists is None or errors:
        raise _failure(errors, version)
    paths = [path for path in texts if path.startswith(f"{CALENDAR}/")]
    years = {_year(path, version): _model(CalendarYear, path, texts, version) for path in paths}
    calendar = CityCalendar(years, zone) if years else None
    return Decisions(rule_set=version, zone=zone, catalogue=compile_catalogue(lists, zone), calendar=calendar)


def _needed() -> list[str]:
    return ["city.yaml", *(f"catalogue/{name}" for name in FILES)]


def _year(path: str, version: str) -> int:
    name = path.removeprefix(f"{CALENDAR}/").removesuffix(".yaml")
    if not (name.isascii() and name.isdigit()):
        raise _unreadable("the name of the file is no year", f"rule set {version}: {path[:80]}")
    return int(name)


def _model(model: type[Model], path: str, texts: Mapping[str, str], version: str) -> Model:
    document, findings = read_yaml(Source(path, texts[path]))
    value = None
    if document is not None:
        value, findings = validate(model, document)
    if value is None:
        raise _failure(findings, version)
    return value


def _failure(findings: list[Finding], version: str) -> CityError:
    first = findings[0]
    return _unreadable(f"{first.code} {first.message}", f"rule set {version}: {first.place}")


def _unreadable(what: str, where: str) -> CityError:
    return CityError(what, where=where, hint="read it with the release of the router that published it")
