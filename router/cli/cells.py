"""`grid-router cells tessellate|locate`: make a city's cells, ask where a point lies."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from router.cities.folder import city_folder, load_city
from router.cities.tessellating import renumbered, tessellated
from router.cli.exits import CHECK_FAILED
from router.cli.output import Output, json_out, talk
from router.domain.cells import Claim
from router.wire.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Grid cells: made from recorded places, looked up by point.")
City = Annotated[str, typer.Argument(help="Name of the city's folder, e.g. `los-angeles`.")]


@app.command()
def tessellate(
    city: City,
    *,
    check: Annotated[bool, typer.Option("--check", help="Only compare; exit code 1 on a difference.")] = False,
) -> None:
    """Make cells.csv, communities.csv and areas.csv by the parameters in the city's cells/tessellation.yaml.

    Other recorded places may give a square another code: a city with cases keeps its cells and edits them by hand.

    Example: grid-router cells tessellate los-angeles --check
    """
    folder = city_folder(city, Settings().cities)
    made = tessellated(folder)
    held = {name: _held(folder / "cells" / name) for name in made}
    drifted = [name for name, text in made.items() if held[name] != text]
    if not check:
        for name in drifted:
            (folder / "cells" / name).write_text(made[name], "utf-8", newline="")
    counts = ", ".join(f"{text.count(chr(10)) - 1:,} rows in {name}" for name, text in made.items())
    talk(f"{counts}; {'differing' if check else 'written'}: {', '.join(drifted) or 'none'}.")
    moved = renumbered(held["cells.csv"] or "", made["cells.csv"])
    if moved:
        talk(f"Codes that {'would ' if check else ''}stand for another square than before: {moved:,}.")
    if check and drifted:
        raise typer.Exit(CHECK_FAILED)


@app.command()
def locate(
    city: City,
    *,
    lon: Annotated[float, typer.Option(min=-180, max=180, help="Longitude, degrees (WGS 84 or CGCS2000).")],
    lat: Annotated[float, typer.Option(min=-90, max=90, help="Latitude, degrees.")],
    at: Annotated[datetime | None, typer.Option(help="When, UTC; default: now.")] = None,
    output: Output = "text",
) -> None:
    """Say which cell holds a point, and how it was found.

    Example: grid-router cells locate los-angeles --lon -118.2940 --lat 34.0676
    """
    instant = datetime.now(UTC) if at is None else at.replace(tzinfo=UTC)
    claim = Claim(network="hotline", at=instant, lon=lon, lat=lat)
    (found,) = load_city(city, Settings().cities).cells.resolve([claim])
    if output == "json":
        json_out(msgspec.to_builtins(found))
    else:
        typer.echo(f"{found.cell}  by {found.resolved_by}{f' ({found.doubt})' if found.doubt else ''}")


def _held(file: Path) -> str | None:
    return file.read_bytes().decode("utf-8", "replace") if file.is_file() else None
