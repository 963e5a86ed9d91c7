"""`grid-router cells divide`: makes a city's cells from its division codes."""

from typing import Annotated

import typer

from router.cities.division import divided
from router.cities.folder import city_folder
from router.cities.tessellation import renumbered
from router.cli.exit_codes import CHECK_FAILED
from router.cli.text.output import say
from router.wire.settings import Settings


def divide(
    city: Annotated[str, typer.Argument(help="Name of the city's folder, e.g. `puyang`.")],
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Compare only and write nothing; exit code 1 on a difference.")
    ] = False,
) -> None:
    """Make cells.csv, communities.csv, areas.csv and grids.csv from the parameters in the city's cells/division.yaml.

    For a city of which only the division codes are known. Other parameters may change the code of a place.

    Example: grid-router cells divide puyang --check
    """
    folder = city_folder(city, Settings().cities) / "cells"
    made = divided(folder.parent)
    current = {name: (folder / name).read_bytes() if (folder / name).is_file() else b"" for name in made}
    different = [name for name, text in made.items() if current[name] != text.encode()]
    if not check:
        for name in different:
            (folder / name).write_bytes(made[name].encode())
    counts = ", ".join(f"{text.count(chr(10)) - 1:,} rows in {name}" for name, text in made.items())
    say(f"{counts}; {'different' if check else 'written'}: {', '.join(different) or 'none'}.")
    moved = renumbered(current["cells.csv"].decode("utf-8", "replace"), made["cells.csv"])
    if moved:
        say(f"Codes that {'would denote' if check else 'now denote'} another place: {moved:,}.")
    if check and different:
        raise typer.Exit(CHECK_FAILED)
