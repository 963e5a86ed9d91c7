"""What `doctor` checks of a city: its folder, and whether that is the rule set in effect."""

from datetime import UTC, datetime

from router.broker import admin, server
from router.cities.city_reader import display_path, read_city, read_tests
from router.cities.folder import city_folder, load_city
from router.cli.checks.outcome import Skipped, shown
from router.cli.published import read_published
from router.domain.rules.in_effect import in_effect, takes_effect
from router.rule_sets.folder_check import folder_difference
from router.wire.errors import CityError
from router.wire.other_topics import elsewhere
from router.wire.rule_sets import RuleSetRecord
from router.wire.settings import Settings
from router.wire.topic_names import Names


def deployed_city(settings: Settings, named: str | None, found: list[str]) -> str:
    """The city to check: the named one, else the one whose rule set is in effect. Adds it to `found`."""
    if named is not None:
        found.append(named)
        return f"{named}, as named"
    active = in_effect(_published(settings), datetime.now(UTC))
    if active is None:
        raise Skipped("no city is deployed here yet; `grid-router doctor CITY` checks a city's folder")
    found.append(active.city)
    return f"{active.city} is deployed; its rule set {active.version} is in effect"


def rules(settings: Settings, name: str) -> str:
    """The city's folder is the rule set in effect."""
    published = _published(settings)
    try:
        city = load_city(name, settings.cities)
    except CityError:
        raise Skipped("the city cannot be loaded; see its catalogue") from None
    now = datetime.now(UTC)
    if difference := folder_difference(city, display_path(city_folder(name, settings.cities)), published, now):
        raise difference
    if not published:
        raise Skipped("no rule set is published yet; the first worker publishes the folder")
    active, later = in_effect(published, now), takes_effect(published, city.rule_set, now)
    if active and active.version != city.rule_set and later and later.effective_from:
        return f"the folder's rule set {city.rule_set} takes effect at {shown(later.effective_from.timestamp())}"
    return f"the folder's rule set {city.rule_set} is in effect"


def _published(settings: Settings) -> list[RuleSetRecord]:
    """All published rule sets. Raises Skipped when there can be none."""
    if not server.status(settings).running:
        raise Skipped("no broker runs")
    address, topic = server.bootstrap(settings), Names(settings.namespace).rule_sets
    existing = admin.existing(address)
    if topic not in existing:
        raise Skipped(
            f"no city is deployed here{elsewhere(existing, settings.namespace)}; `grid-router doctor CITY` checks a city's folder"
        )
    return read_published(address, topic)


def catalogue(settings: Settings, name: str) -> str:
    """The city's folder has no errors."""
    folder = city_folder(name, settings.cities)
    reading = read_city(name, folder)
    findings = [*reading.findings, *read_tests(folder)[1]]
    errors = [finding for finding in findings if finding.level == "error"]
    if errors:
        more = f" (and {len(errors) - 1} more)" if errors[1:] else ""
        raise CityError(
            f"{errors[0].code} {errors[0].message}{more}",
            where=errors[0].place,
            hint=f"{errors[0].hint}; `grid-router catalogue lint {name}` shows all",
        )
    city = load_city(name, settings.cities)
    return f"{len(city.catalogue.departments)} departments, {len(city.catalogue.matters)} matters, {len(findings)} warnings"
