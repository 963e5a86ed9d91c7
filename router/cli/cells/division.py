"""`grid-router cells divide`: make a city's cells from its division codes."""

from typing import Annotated

import typer

from router.cities.division import divided
from router.cities.folder import city_folder
from router.cities.tessellation import renumbered
from router.cli.exit_codes import CHECK_FAILED
from router.cli.text.output import talk
from router.wire.settings import Settings


def divide(
    city: Annotated[str, typer.Argument(help="Name of the city's folder, e.g. `puyang`.")],
    *,
    check: Annotated[bool, typer.Option("--check", help="Only compare; exit code 1 on a difference.")] = False,
) -> None:
    """Make cells.csv, communities.csv, areas.csv and grids.csv by the parameters in the city's cells/division.yaml.

    For a city that is known by its division codes only; other parameters may give a place another code.

    Example: grid-router cells divide puyang --check
    """
    folder = city_folder(city, Settings().cities) / "cells"
    made = divided(folder.parent)
    held = {name: (folder / name).read_bytes() if (folder / name).is_file() else b"" for name in made}
    drifted = [name for name, text in made.items() if held[name] != text.encode()]
    if not check:
        for name in drifted:
            (folder / name).write_bytes(made[name].encode())
    counts = ", ".join(f"{text.count(chr(10)) - 1:,} rows in {name}" for name, text in made.items())
    talk(f"{counts}; {'differing' if check else 'written'}: {', '.join(drifted) or 'none'}.")
    moved = renumbered(held["cells.csv"].decode("utf-8", "replace"), made["cells.csv"])
    if moved:
        talk(f"Codes that {'would ' if check else ''}stand for another place than before: {moved:,}.")
    if check and drifted:
        raise typer.Exit(CHECK_FAILED)
