"""A small test city of eight squares: one was split, one is retired, one is isolated."""

from datetime import UTC, date, datetime
from math import asin, cos, radians, sin, sqrt
from zoneinfo import ZoneInfo

from router.domain.cells.registry import CellRegistry, Claim, load_cells
from router.domain.model.report import Location

# 115 E 35 N, squares of 0.001 degrees: 91 m by 111 m. `S` was split into `S1` and `S2`, and `R` retired, on CHANGE.
#
#   y 1..2   |   S (S1 | S2)   |  R  |
#   y 0..1   |   A1   |   A2   |  B1 |  nothing for 640 m  |  C1  |
#   x        0        1        2     3                    10     11
A, B, C = "410902001001", "410902001002", "410902002001"
A1, A2, S, S1, S2 = (f"{A}{n:03d}" for n in range(1, 6))
B1, R = f"{B}001", f"{B}002"
C1 = f"{C}001"
CHANGE = date(2025, 7, 1)
SQUARES = {
    A1: (0, 0, 1, 1, "", ""),
    A2: (1, 0, 2, 1, "", ""),
    S: (0, 1, 2, 2, "", CHANGE),
    S1: (0, 1, 1, 2, CHANGE, ""),
    S2: (1, 1, 2, 2, CHANGE, ""),
    B1: (2, 0, 3, 1, "", ""),
    R: (2, 1, 3, 2, "", CHANGE),
    C1: (10, 0, 11, 1, "", ""),
}
BEFORE, AFTER = datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 9, 1, tzinfo=UTC)
LON, LAT = 115.0, 35.0
UNIT = "410999000000"
"""A police unit that is not a community."""
AREAS = [("policing", UNIT, B), ("hotline", "Old Town|north", C)]


def square(west: float, south: float, east: float, north: float) -> str:
    """WKT of a square given in thousandths of a degree."""
    west, east = (LON + x / 1000 for x in (west, east))
    south, north = (LAT + y / 1000 for y in (south, north))
    return f"POLYGON(({west} {south},{east} {south},{east} {north},{west} {north},{west} {south}))"


def rows() -> list[tuple[object, ...]]:
    return [(code, "", since, until, square(*box)) for code, (*box, since, until) in SQUARES.items()]


def registry(
    cells: list[tuple[object, ...]] | None = None,
    communities: list[tuple[str, str]] | None = None,
    areas: list[tuple[str, str, str]] | None = None,
    *,
    default: str | None = C1,
    zone: str = "UTC",
) -> CellRegistry:
    cells = rows() if cells is None else cells
    communities = [(A, A2), (B, B1), (C, C1)] if communities is None else communities
    made = load_cells(
        "\n".join(
            ["code,name,valid_from,valid_until,geometry", *(",".join(map(str, r[:4])) + f',"{r[4]}"' for r in cells)]
        ),
        "\n".join(["community,name,default_cell", *(f"{code},,{cell}" for code, cell in communities)]),
        "\n".join(["network,area,code,share", *(",".join([*row, ""]) for row in (AREAS if areas is None else areas))]),
        files=("cells.csv", "communities.csv", "areas.csv"),
        default=default,
        zone=ZoneInfo(zone),
    )
    assert isinstance(made, CellRegistry), made
    return made


CITY = registry()


def claim(x: float | None = None, y: float | None = None, *, at: datetime = AFTER, **said: object) -> Claim:
    """A claim with a point in thousandths of a degree, or without."""
    lon, lat = (None if x is None else LON + x / 1000), (None if y is None else LAT + y / 1000)
    return Claim(network=str(said.pop("network", "policing")), at=at, lon=lon, lat=lat, **said)  # type: ignore[arg-type]


def resolve(one: Claim, city: CellRegistry = CITY) -> Location:
    (found,) = city.resolve([one])
    return found


def metres(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    """Great circle on a sphere of mean radius."""
    half = sin(radians(lat2 - lat1) / 2) ** 2
    half += cos(radians(lat1)) * cos(radians(lat2)) * sin(radians(lon2 - lon1) / 2) ** 2
    return 2 * 6_371_008.8 * asin(sqrt(half))
