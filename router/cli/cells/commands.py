"""`grid-router cells`: makes a city's cells, resolves places to cells, checks cells and compares versions."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from router.cities.folder import city_folder, load_city
from router.cities.tessellation import renumbered, tessellated
from router.cli.cells.checks import check, diff
from router.cli.cells.division import divide
from router.cli.exit_codes import CHECK_FAILED
from router.cli.text.output import Output, json_out, lines_out, say
from router.cli.text.timestamps import instant, stamp
from router.domain.catalogue.checks.rule_tests import local
from router.domain.cells.crosswalk import Belonging
from router.domain.cells.csv_rows import nearest
from router.domain.cells.registry import Claim
from router.domain.geometry import gcj02_to_wgs84
from router.domain.model.report import Location
from router.domain.networks.registry import NETWORKS
from router.wire.errors import InputError
from router.wire.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Make, check and compare grid cells, and resolve places to cells.")
City = Annotated[str, typer.Argument(help="Name of the city's folder, e.g. `los-angeles`.")]


@app.command()
def tessellate(
    city: City,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Compare only and write nothing; exit code 1 on a difference.")
    ] = False,
) -> None:
    """Make cells.csv, communities.csv and areas.csv from the parameters in the city's cells/tessellation.yaml.

    Other recorded places may change the code of a square. Edit the cells of a city with cases manually instead.

    Example: grid-router cells tessellate los-angeles --check
    """
    folder = city_folder(city, Settings().cities)
    made = tessellated(folder)
    current = {name: _current(folder / "cells" / name) for name in made}
    different = [name for name, text in made.items() if current[name] != text]
    if not check:
        for name in different:
            (folder / "cells" / name).write_text(made[name], "utf-8", newline="")
    counts = ", ".join(f"{text.count(chr(10)) - 1:,} rows in {name}" for name, text in made.items())
    say(f"{counts}; {'different' if check else 'written'}: {', '.join(different) or 'none'}.")
    moved = renumbered(current["cells.csv"] or "", made["cells.csv"])
    if moved:
        say(f"Codes that {'would denote' if check else 'now denote'} another square: {moved:,}.")
    if check and different:
        raise typer.Exit(CHECK_FAILED)


def _current(file: Path) -> str | None:
    return file.read_bytes().decode("utf-8", "replace") if file.is_file() else None


app.command()(divide)
app.command()(check)


@app.command()
def resolve(
    city: City,
    *,
    lon: Annotated[
        float | None, typer.Option(min=-180, max=180, help="Longitude, degrees (WGS 84 or CGCS2000).")
    ] = None,
    lat: Annotated[float | None, typer.Option(min=-90, max=90, help="Latitude, degrees.")] = None,
    gcj02: Annotated[
        bool, typer.Option("--gcj02", help="Read the point as GCJ-02, the datum of Chinese phone maps.")
    ] = False,
    cell: Annotated[str | None, typer.Option(help="Code of a cell, as the source wrote it: 15 or 14 digits.")] = None,
    community: Annotated[str | None, typer.Option(help="Code of a community, 12 digits.")] = None,
    network: Annotated[str | None, typer.Option(help="Network to which --area belongs.")] = None,
    area: Annotated[str | None, typer.Option(help="Area of the network, as the network writes it.")] = None,
    at: Annotated[str, typer.Option(help="Time: local time of the city, a time with a zone, -1h, or now.")] = "now",
    output: Output = "text",
) -> None:
    """Resolve the place of a report to a cell. Prints the method, any doubt, and the networks' areas of the cell.

    Example: grid-router cells resolve los-angeles --lon -118.2940 --lat 34.0676 --at 2018-01-03T09:00
    """
    if (lon is None) != (lat is None):
        raise InputError(
            "a point needs both coordinates", where="--lat" if lat is None else "--lon", hint="give --lon and --lat"
        )
    if area is not None and network is None:
        raise InputError(
            "an area needs its network", where="--area", hint=f"add --network, one of {', '.join(NETWORKS)}"
        )
    if network is not None and network not in NETWORKS:
        hint = nearest(network, sorted(NETWORKS), f"choose one of {', '.join(NETWORKS)}")
        raise InputError(f"there is no network {network[:40]!r}", where="--network", hint=hint)
    if lon is not None and lat is not None and gcj02:
        lon, lat = gcj02_to_wgs84(lon, lat)
    found = load_city(city, Settings().cities)
    when = local(at, found.zone) or instant(at, datetime.now(UTC), option="--at")
    claim = Claim(network=network or "", at=when, lon=lon, lat=lat, cell=cell, community=community, area=area)
    (location,) = found.cells.resolve([claim])
    areas = found.cells.crosswalk.of(location.cell, when)
    if output == "json":
        json_out({"city": found.name, "at": stamp(when), **msgspec.to_builtins(location), "areas": _areas_json(areas)})
    else:
        _print(location, areas)


def _areas_json(areas: list[Belonging]) -> list[dict[str, object]]:
    return [msgspec.structs.asdict(one) for one in areas]


def _print(location: Location, areas: list[Belonging]) -> None:
    lines_out(f"{location.cell}  by {location.resolved_by}, within {location.accuracy_m:,.0f} m")
    if location.doubt is not None:
        lines_out(f"  doubt: {location.doubt}")
    for one in areas:
        lines_out(f"  area of {one.network}: {one.area} ({one.share:.1%} of it in {one.code})")


app.command()(diff)
