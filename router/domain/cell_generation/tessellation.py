"""Squares of 100 m over the places of recorded reports, numbered as GB/T 30428.1 numbers cells.

This serves a city that publishes requests but no grid. An origin fixes the lattice, so more reports add squares but move
none. Every square that holds a report, and the ring around it, becomes a cell (万米单元网格) of the area that most of its
reports name. Cells are numbered within a community from west to east, then from north to south. Equal reports always give
equal codes, but one more report may renumber the cells after its own. So tessellate a city once, and give later cells the
next free numbers manually.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import cos, floor, hypot, radians

from msgspec import Struct

from router.domain.geometry import METRES_PER_DEGREE

SEQUENCES = 999
"""Most cells of one community code. Further cells get a code `OVERFLOW` higher."""
OVERFLOW = 200
MOST = (9, 999, OVERFLOW - 1)
"""Most counties, streets and communities that can be numbered."""
OVERFLOWS = 1000 // OVERFLOW
"""Codes that one community can take, including overflow: 4,995 cells."""
Square = tuple[int, int]
"""Column and row in the lattice, east and north of the origin."""
Names = tuple[str, str, str]
"""Names of county, street and community."""


class Lattice(Struct, frozen=True, kw_only=True):
    """Squares of `size_m` metres from an origin. They are straight in degrees, so their width is exact at the origin's latitude.

    Borders are rounded to six decimals (0.1 m), and the rounded borders count.
    """

    lon: float
    lat: float
    size_m: float = 100.0

    @property
    def _step(self) -> tuple[float, float]:
        return self.size_m / (METRES_PER_DEGREE * cos(radians(self.lat))), self.size_m / METRES_PER_DEGREE

    def square(self, lon: float, lat: float) -> Square:
        """The square that holds a point. On a border, the eastern or northern one."""
        across, up = self._step
        return _strip(lon, self.lon, across), _strip(lat, self.lat, up)

    def wkt(self, square: Square) -> str:
        """Its outline in degrees."""
        across, up = self._step
        west, east = (_border(self.lon, across, square[0] + side) for side in (0, 1))
        south, north = (_border(self.lat, up, square[1] + side) for side in (0, 1))
        return f"POLYGON(({west} {south},{east} {south},{east} {north},{west} {north},{west} {south}))"


def _border(origin: float, step: float, index: int) -> str:
    return f"{origin + index * step:.6f}"


def _strip(place: float, origin: float, step: float) -> int:
    """The index of the strip between two borders. Rounding may have moved the point across one."""
    index = floor((place - origin) / step)
    if place < float(_border(origin, step, index)):
        return index - 1
    return index + (place >= float(_border(origin, step, index + 1)))


class Spot(Struct, frozen=True):
    """One recorded place: its point, if any, and the names of its areas. An empty name is unknown."""

    lon: float | None
    lat: float | None
    names: Names


class Tessellation(Struct, frozen=True):
    """Rows of the three files, without headers, sorted."""

    cells: Sequence[tuple[str, str, str, str, str]]
    communities: Sequence[tuple[str, str, str]]
    areas: Sequence[tuple[str, str, str, str]]


def tessellate(
    spots: Sequence[Spot], lattice: Lattice, *, county: str, network: str | None, ring: int = 1
) -> Tessellation:
    """Cells, communities and the crosswalk of one network's area names.

    Args:
        spots: recorded places; those without a point only add names to the crosswalk.
        lattice: of the squares.
        county: the first five digits of all codes; the sixth is the county's number in alphabetical order.
        network: whose area names (`county|street|community`) the crosswalk resolves; None: there are none, and it is empty.
        ring: how many rings of squares around a reported one become cells too.

    Raises:
        ValueError: more names or cells than numbers. The message is a clause for people.
    """
    points = _points(spots, lattice)
    numbering = _Numbering(county, [spot.names for spot in spots])
    owners = _owners(points, ring)
    codes = _codes(owners, numbering)
    weights = {code: points[square].total() if square in points else 0 for square, code in codes.items()}
    defaults: dict[str, str] = {}
    for code in sorted(codes.values()):
        best = defaults.get(code[:12])
        if best is None or weights[code] > weights[best]:
            defaults[code[:12]] = code
    cells = sorted((code, "", "", "", lattice.wkt(square)) for square, code in codes.items())
    titles = {codes[square][:12]: " / ".join(name or "?" for name in names) for square, names in owners.items()}
    communities = [(code, titles[code], cell) for code, cell in sorted(defaults.items())]
    areas = [] if network is None else _crosswalk(spots, points, codes, network)
    return Tessellation(cells, communities, areas)


def _points(spots: Iterable[Spot], lattice: Lattice) -> dict[Square, Counter[Names]]:
    found: dict[Square, Counter[Names]] = {}
    for spot in spots:
        if spot.lon is not None and spot.lat is not None:
            found.setdefault(lattice.square(spot.lon, spot.lat), Counter())[spot.names] += 1
    return found


def _owners(points: Mapping[Square, Counter[Names]], ring: int) -> dict[Square, Names]:
    """The area of each square: the one that most of its reports name, or for the ring that of the nearest reported square."""
    owners = {square: _most(names) for square, names in points.items()}
    around = sorted(
        ((dx, dy) for dx in range(-ring, ring + 1) for dy in range(-ring, ring + 1) if dx or dy),
        key=lambda d: (hypot(*d), d),
    )
    for dx, dy in around:
        for square in sorted(points):
            owners.setdefault((square[0] + dx, square[1] + dy), owners[square])
    return owners


def _most(names: Counter[Names]) -> Names:
    """The most frequent names, complete ones first. Ties are broken alphabetically."""
    return min(names, key=lambda one: (one.count(""), -names[one], one))


class _Numbering:
    """Numbers of the names in alphabetical order. 0 means an unknown name."""

    def __init__(self, county: str, names: Iterable[Names]) -> None:
        self._county = county
        self._numbers = [
            {name: n for n, name in enumerate(sorted(set(level) - {""}), 1)} for level in zip(*set(names), strict=True)
        ]
        for numbers, most, what in zip(self._numbers, MOST, ("counties", "streets", "communities"), strict=False):
            if len(numbers) > most:
                raise ValueError(f"there are {len(numbers):,} names of {what}, and codes for {most}")

    def community(self, names: Names, overflow: int) -> str:
        if overflow >= OVERFLOWS:
            raise ValueError(f"community {'|'.join(names)!r} has more than {OVERFLOWS * SEQUENCES:,} cells")
        county, street, community = (numbers.get(name, 0) for numbers, name in zip(self._numbers, names, strict=True))
        return f"{self._county}{county}{street:03d}{community + overflow * OVERFLOW:03d}"


def _codes(owners: Mapping[Square, Names], numbering: _Numbering) -> dict[Square, str]:
    groups: dict[Names, list[Square]] = {}
    for square in sorted(owners, key=lambda square: (-square[1], square[0])):
        groups.setdefault(owners[square], []).append(square)
    return {
        square: f"{numbering.community(names, index // SEQUENCES)}{index % SEQUENCES + 1:03d}"
        for names, squares in groups.items()
        for index, square in enumerate(squares)
    }


def _crosswalk(
    spots: Sequence[Spot], points: Mapping[Square, Counter[Names]], codes: Mapping[Square, str], network: str
) -> list[tuple[str, str, str, str]]:
    """Every combination of area names, mapped to the community of most reports among the best matches."""
    reports: dict[Names, Counter[str]] = {}
    for square, found in points.items():
        for one, count in found.items():
            for known in _partial(one):
                reports.setdefault(known, Counter())[codes[square][:12]] += count
    rows = []
    for names in sorted({spot.names for spot in spots}):
        best = next((reports[known] for known in _partial(names) if known in reports), None)
        if best and any(names):
            rows.append((network, "|".join(names), min(best, key=lambda code: (-best[code], code)), "1"))
    return rows


def _partial(names: Names) -> list[Names]:
    """The known prefixes of a place, from all three names to the county alone."""
    county, street, community = names
    steps = [names, ("", street, community), ("", "", community), ("", street, ""), (county, "", "")]
    return [step for step in steps if any(step)]
