"""`grid-router catalogue diff`: compares the routes of two versions of a city's rules."""

from collections.abc import Iterator
from datetime import tzinfo
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec import to_builtins

from router.cities.folder import ABOUT, load_city
from router.cli.catalogue.regions import as_json, sentence
from router.cli.exit_codes import CHECK_FAILED
from router.cli.text.output import Output, json_out, lines_out, say
from router.domain.catalogue.diff import Diff, Recoded, RouteChange
from router.domain.catalogue.diff import diff as difference
from router.domain.rules.city import City
from router.wire.settings import Settings

SHOWN_MATTERS = 8
"""Number of matters in a sentence. The JSON names all of them."""


def diff(
    old: Annotated[str, typer.Argument(help="Name of a city, or folder of the old version.")],
    new: Annotated[str, typer.Argument(help="Name of a city, or folder of the new version.")],
    *,
    output: Output = "text",
) -> None:
    """List each difference in lead, assistants, limit and workflow by matter, area and period, in the code tables, the lifecycles of tasks and the calendar.

    Exit code 0 if nothing would be routed differently, else 1.

    Example: grid-router catalogue diff /tmp/before/puyang puyang
    """
    root = Settings().cities
    before, after = city_of(old, root), city_of(new, root)
    found = difference(before, after)
    if output == "json":
        json_out(_json(found, before, after))
    else:
        lines_out(*_lines(found, after.zone))
        versions = f"rule set {before.rule_set} of {before.name} -> {after.rule_set} of {after.name}"
        say(f"{versions}: {'nothing' if found.same else 'something'} would be routed differently.")
    if not found.same:
        raise typer.Exit(CHECK_FAILED)


def city_of(reference: str, root: Path | None) -> City:
    """The city of a name, or of the path of a folder.

    Raises:
        CityError: there is no such city, or it has an error.
    """
    folder = Path(reference)
    if (folder / ABOUT).is_file():
        folder = folder.resolve()
        return load_city(folder.name, folder.parent)
    return load_city(reference, root)


def _lines(found: Diff, zone: tzinfo) -> Iterator[str]:
    """Lines: first additions and removals, then routes, then codes."""
    for what, names in (
        ("matters added", found.matters_added),
        ("matters removed", found.matters_removed),
        ("departments added", found.departments_added),
        ("departments removed", found.departments_removed),
    ):
        if names:
            yield f"{what}: {', '.join(names)}"
    for change in found.changes:
        yield _change(change, zone)
    for code in found.codes:
        yield _code(code)
    for one in found.lifecycles:
        yield f"{one.what}: {one.before} -> {one.after}"
    for day in found.calendar:
        yield f"calendar {day.what}: {day.before} -> {day.after}"


def _change(change: RouteChange, zone: tzinfo) -> str:
    matters = ", ".join(change.matters[:SHOWN_MATTERS])
    if (more := len(change.matters) - SHOWN_MATTERS) > 0:
        matters += f" and {more} more"
    aspects = "; ".join(f"{one.aspect} {one.before} -> {one.after}" for one in change.differences)
    return f"{matters} {sentence(change.extent, zone)}: {aspects}"


def _code(code: Recoded) -> str:
    version = f" ({code.version})" if code.version else ""
    return f"{code.network} {code.code}{version}: {code.before or 'no matter'} -> {code.after or 'no matter'}"


def _json(found: Diff, before: City, after: City) -> dict[str, Any]:
    value: dict[str, Any] = to_builtins(found)
    value["changes"] = [
        {"matters": one.matters, "differences": to_builtins(one.differences)} | as_json(one.extent)
        for one in found.changes
    ]
    versions = {
        side: {"city": city.name, "catalogue": city.catalogue.version, "rule_set": city.rule_set}
        for side, city in (("old", before), ("new", after))
    }
    return {"same": found.same} | versions | value
