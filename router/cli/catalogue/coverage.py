"""`grid-router catalogue coverage`: checks that every matter in every cell always has exactly one lead."""

from datetime import UTC, tzinfo
from typing import Annotated, Any

import typer

from router.cities.city_reader import CityReading, read_city
from router.cities.folder import city_folder, city_names
from router.cli.catalogue.regions import as_json, sentence
from router.cli.exit_codes import CHECK_FAILED
from router.cli.text.output import Output, json_out, lines_out
from router.domain.catalogue.checks.coverage import Coverage, Gap
from router.wire.errors import CityError
from router.wire.settings import Settings


def coverage(
    city: Annotated[str | None, typer.Argument(metavar="[CITY]", help="Name of the city; default: all.")] = None,
    *,
    minimum: Annotated[
        float, typer.Option("--min", min=0, max=100, help="Percentage that must have exactly one lead.")
    ] = 100,
    output: Output = "text",
) -> None:
    """Check that every matter in every cell always has exactly one lead; exit code 1 below the minimum.

    Counts each matter in each cell in each period of validity, without sampling. The fallback gives a lead, the locality.
    The command lists what only the fallback covers all the same, because no duty names it.

    Example: grid-router catalogue coverage puyang
    """
    root = Settings().cities
    enough = True
    for name in [city] if city is not None else city_names(root):
        reading = read_city(name, city_folder(name, root))
        covered = _covered(reading)
        enough = enough and 100 * covered.share >= minimum
        if output == "json":
            json_out({"city": name} | _json(covered, minimum))
        else:
            lines_out(*_text(name, covered, reading.city.zone if reading.city else UTC).split("\n"))
    if not enough:
        raise typer.Exit(CHECK_FAILED)


def _covered(reading: CityReading) -> Coverage:
    """The coverage, also of a city that has errors. Raises CityError if it could not be counted."""
    if reading.coverage is not None:
        return reading.coverage
    first = reading.errors[0]
    raise CityError(f"{first.code} {first.message}", where=first.place, hint=first.hint)


def _text(name: str, covered: Coverage, zone: tzinfo) -> str:
    lines = [f"{name}: {_gap(gap, zone)}" for gap in covered.gaps]
    periods = "period" if covered.periods == 1 else "periods"
    lines.append(
        f"{name}: {covered.matters:,} matters x {covered.cells:,} cells x {covered.periods:,} {periods} = "
        f"{covered.total:,}: {covered.by_duty:,} led by one duty, {covered.by_fallback:,} only by the fallback, "
        f"{covered.uncovered:,} uncovered; {_percent(covered.share)} % have exactly one lead"
    )
    return "\n".join(lines)


def _percent(share: float) -> str:
    """The percentage; only a share of 1 becomes 100."""
    return "100" if share == 1 else f"{min(100 * share, 99.9999):.4f}"


def _gap(gap: Gap, zone: tzinfo) -> str:
    what = {
        "fallback": "is covered only by the fallback",
        "no-lead": "has no lead",
        "conflict": f"has equally specific duties {' and '.join(gap.duties)}",
    }
    return f"{gap.matter} {what[gap.why]} {sentence(gap.extent, zone)} ({gap.cells:,} cells)"


def _json(covered: Coverage, minimum: float) -> dict[str, Any]:
    return {
        "passed": 100 * covered.share >= minimum,
        "wanted": minimum,
        "share": covered.share,
        "matters": covered.matters,
        "cells": covered.cells,
        "periods": covered.periods,
        "total": covered.total,
        "by_duty": covered.by_duty,
        "by_fallback": covered.by_fallback,
        "uncovered": covered.uncovered,
        "gaps": [
            {"matter": gap.matter, "why": gap.why, "duties": gap.duties, "cells": gap.cells} | as_json(gap.extent)
            for gap in covered.gaps
        ],
    }
