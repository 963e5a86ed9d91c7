"""The cells and the networks' own grids of a city's folder, for simulated reporters.

Loading the city has already checked these files, so this module checks nothing.
"""

import csv
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from msgspec import Struct

from router.domain.csv_texts import allow_long_fields


class CellGeometry(Struct, frozen=True):
    """The rows of `cells.csv`, `areas.csv` and `grids.csv`."""

    codes: Sequence[str]
    """15 digits, sorted."""
    periods: Sequence[tuple[date | None, date | None]]
    """First day of each cell, and first day after it; None: unlimited."""
    shapes: Any
    """Polygons in degrees; a numpy array of shapely geometries."""
    areas: Mapping[str, Mapping[str, str]]
    """Network -> cell or community -> the network's own area with the largest share."""
    grids: Mapping[str, tuple[Sequence[str], Any]]
    """Network -> codes and polygons of its grids that have a shape."""


def read_cell_geometry(folder: Path) -> CellGeometry:
    """Read the cells of the city in a folder. Grids are optional."""
    cells = sorted(_rows(folder / "cells.csv"), key=lambda row: row["code"])
    return CellGeometry(
        codes=[row["code"] for row in cells],
        periods=[(_day(row["valid_from"]), _day(row["valid_until"])) for row in cells],
        shapes=_shapes(cells),
        areas=_areas(_rows(folder / "areas.csv")),
        grids=_grids(_rows(folder / "grids.csv")),
    )


def _rows(file: Path) -> list[dict[str, str]]:
    if not file.is_file():
        return []
    allow_long_fields()
    with file.open(encoding="utf-8-sig", newline="") as text:
        return list(csv.DictReader(text))


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _shapes(rows: list[dict[str, str]]) -> Any:
    return np.asarray(shapely.from_wkt([row["geometry"] for row in rows]), dtype=object)


def _areas(rows: list[dict[str, str]]) -> dict[str, dict[str, str]]:
    areas: dict[str, dict[str, str]] = {}
    for row in rows:
        areas.setdefault(row["network"], {}).setdefault(row["code"], row["area"])
    return areas


def _grids(rows: list[dict[str, str]]) -> dict[str, tuple[list[str], Any]]:
    networks = sorted({row["network"] for row in rows})
    of_network = {name: [row for row in rows if row["network"] == name] for name in networks}
    return {name: ([row["area"] for row in own], _shapes(own)) for name, own in of_network.items()}
