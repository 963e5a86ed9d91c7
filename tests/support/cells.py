"""Registries of small test cities: cells are boxes in thousandths of a degree from 115 E 35 N."""

from collections.abc import Iterable, Sequence
from datetime import date
from math import asin, cos, radians, sin, sqrt
from zoneinfo import ZoneInfo

from router.domain.cells.registry import CellRegistry, load_cells

LON, LAT = 115.0, 35.0
Box = tuple[float, float, float, float]
"""West, south, east, north in thousandths of a degree: 91 m and 111 m."""
Dated = tuple[Box, date | None, date | None]
FILES = ("cells.csv", "communities.csv", "areas.csv", "grids.csv")


def wkt(box: Box) -> str:
    west, south, east, north = box
    corners = ((west, south), (east, south), (east, north), (west, north), (west, south))
    return f"POLYGON(({','.join(f'{LON + x / 1000:.8f} {LAT + y / 1000:.8f}' for x, y in corners)}))"


def texts(
    cells: dict[str, Dated],
    communities: dict[str, str],
    areas: Iterable[Sequence[str]] = (),
    grids: Iterable[tuple[str, str, Dated]] = (),
) -> list[str]:
    """The four files; `areas` are rows, `grids` network, area and box."""
    drawn = (f"{network},{area},,{days(*dated)}" for network, area, dated in grids)
    return [
        "\n".join(["code,name,valid_from,valid_until,geometry", *(f"{c},,{days(*d)}" for c, d in cells.items())]),
        "\n".join(["community,name,default_cell", *(f"{code},,{cell}" for code, cell in communities.items())]),
        "\n".join(["network,area,code,share", *(",".join(row) for row in areas)]),
        "\n".join(["network,area,name,valid_from,valid_until,geometry", *drawn]),
    ]


def days(box: Box, since: date | None = None, until: date | None = None) -> str:
    return f'{since or ""},{until or ""},"{wkt(box)}"'


def registry(
    cells: dict[str, Dated],
    communities: dict[str, str],
    areas: Iterable[Sequence[str]] = (),
    grids: Iterable[tuple[str, str, Dated]] = (),
    zone: str = "UTC",
) -> CellRegistry:
    made = load_cells(*texts(cells, communities, areas, grids), files=FILES, zone=ZoneInfo(zone))
    assert isinstance(made, CellRegistry), [str(one) for one in made]
    return made


def half_diagonal(box: Box) -> float:
    """Metres on a sphere of mean radius."""
    west, south, east, north = (radians(side / 1000) for side in box)
    half = sin((north - south) / 2) ** 2 + cos(radians(LAT)) ** 2 * sin((east - west) / 2) ** 2
    return 6_371_008.8 * asin(sqrt(half))
