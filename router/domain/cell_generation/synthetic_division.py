"""Makes cells from division codes. A box is cut into rectangular counties, streets, communities and cells.

This serves a city of which only the codes are known. All coordinates are whole millionths of a degree, so neighbours share
their border exactly and parts fill the whole. Equal divisions and plans give equal cells. Codes follow GB/T 30428.1: 6
county, 3 street, 3 community, 3 sequence. Within a community, cells are numbered from north to south, then from west to east.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import accumulate, pairwise
from math import cos, radians

from msgspec import Struct
from msgspec.structs import replace

SEQUENCES = 999
"""Most cells of one community code, including retired ones."""
_COUNTY, _STREET = 6, 9
"""Digits of the prefixes. A community has 12."""
_MICRO = 1_000_000
_DIGITS = "零一二三四五六七八九"


class Box(Struct, frozen=True):
    """A rectangle between meridians and parallels, in millionths of a degree."""

    west: int
    south: int
    east: int
    north: int

    @property
    def area(self) -> int:
        """Area in square millionths of a degree: comparable within one city, but not square metres."""
        return (self.east - self.west) * (self.north - self.south)

    @property
    def aspect(self) -> float:
        """Its width on the ground divided by its height."""
        shrink = cos(radians((self.south + self.north) / 2 / _MICRO))
        return (self.east - self.west) * shrink / (self.north - self.south)

    def wkt(self) -> str:
        """Its outline in degrees with six decimals."""
        west, south, east, north = (f"{side / _MICRO:.6f}" for side in (self.west, self.south, self.east, self.north))
        return f"POLYGON(({west} {south},{east} {south},{east} {north},{west} {north},{west} {south}))"


class Division(Struct, frozen=True):
    """One row of the divisions (行政区划)."""

    code: str
    """4 digits a city, 6 a county, 9 a street, 12 a community."""
    name: str


class DivisionChange(Struct, frozen=True, kw_only=True):
    """What is redrawn on one day. The old codes end, and new cells get the next free numbers of their community."""

    day: date
    split: Sequence[str] = ()
    """Cells that are split in two."""
    join: Sequence[Sequence[str]] = ()
    """Cells of one community that are joined. Together they must be a rectangle."""


class Density(Struct, frozen=True):
    """The number of cells of a community."""

    cells: int
    area: int
    """Weight relative to the other communities of its county."""


class DivisionPlan(Struct, frozen=True, kw_only=True):
    """How a city is cut."""

    box: Box
    columns: Sequence[Sequence[Mapping[str, int]]]
    """Columns from west to east, each with rows from north to south, each with counties from west to east and their areas."""
    urban: Density
    """For communities of subdistricts (街道): the seventh digit of their codes is 0."""
    rural: Density
    endings: Mapping[str, str]
    """Suffixes of community names that a cell's name does not need, and their replacements. The first match wins."""
    changes: Sequence[DivisionChange] = ()
    """Sorted by day."""


class Parcel(Struct, frozen=True, kw_only=True):
    """One cell: its name, its days of validity (None: always), its place."""

    name: str
    valid_from: date | None = None
    valid_until: date | None = None
    box: Box


class Divided(Struct, frozen=True):
    """A city cut into pieces: code -> piece, each sorted by code."""

    streets: Mapping[str, Box]
    communities: Mapping[str, Box]
    cells: Mapping[str, Parcel]


def slices(box: Box, weights: Sequence[int], *, across: bool) -> list[Box]:
    """Cut a box by parallel cuts. Each slice is as large as its weight.

    Args:
        box: to be cut.
        weights: whole numbers, so that every machine cuts in the same place.
        across: whether the slices run from west to east; otherwise from north to south.

    Raises:
        ValueError: a slice would be narrower than a millionth of a degree.
    """
    total = sum(weights)
    length = box.east - box.west if across else box.north - box.south
    cuts = [0, *(round(length * done / total) for done in accumulate(weights))]
    if any(a >= b for a, b in pairwise(cuts)):
        raise ValueError("the box is too small for the number of cells")
    if across:
        return [replace(box, west=box.west + a, east=box.west + b) for a, b in pairwise(cuts)]
    return [replace(box, north=box.north - a, south=box.north - b) for a, b in pairwise(cuts)]


def parts(box: Box, weights: Sequence[int]) -> list[Box]:
    """Cut a box into one part for each weight: across its longer side, where the halves weigh most alike, recursively.

    The order is kept, so that neighbours in the list are neighbours on the ground.
    """
    if len(weights) == 1:
        return [box]
    done = list(accumulate(weights))
    middle = min(range(1, len(weights)), key=lambda n: abs(done[n - 1] - done[-1] / 2))
    halves = (weights[:middle], weights[middle:])
    pieces = slices(box, [sum(half) for half in halves], across=box.aspect >= 1)
    return [part for piece, half in zip(pieces, halves, strict=True) for part in parts(piece, half)]


def divide(divisions: Sequence[Division], plan: DivisionPlan) -> Divided:
    """Every street, community and cell of a city.

    Raises:
        ValueError: divisions and plan do not match, or a change cannot be drawn. The message is a clause for people.
    """
    counties, streets = _contents(divisions)
    places = _counties(plan)
    if odd := places.keys() ^ counties.keys():
        raise ValueError(f"county {min(odd)} is not both among the divisions and in the columns")
    quarters: dict[str, Box] = {}
    for county, inside in counties.items():
        sizes = [_density(plan, street).area * len(streets[street]) for street in inside]
        quarters |= zip(inside, parts(places[county], sizes), strict=True)
    communities: dict[str, Box] = {}
    for street, inside in streets.items():
        communities |= zip(inside, parts(quarters[street], [1] * len(inside)), strict=True)
    stems = {one.code: _stem(one.name, plan.endings) for one in divisions}
    cells = _cells(communities, stems, plan)
    for change in plan.changes:
        _change(cells, stems, change)
    return Divided(quarters, communities, dict(sorted(cells.items())))


def numeral(number: int) -> str:
    """A number from 1 to 99 in Chinese digits; larger numbers in Arabic digits."""
    if number > 99:
        return str(number)
    tens, ones = divmod(number, 10)
    return f"{_DIGITS[tens] if tens > 1 else ''}{'十' if tens else ''}{_DIGITS[ones] if ones or not tens else ''}"


def _contents(divisions: Sequence[Division]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The streets of each county and the communities of each street, by code prefix, all sorted."""
    codes = sorted(one.code for one in divisions)
    if twice := next((a for a, b in pairwise(codes) if a == b), None):
        raise ValueError(f"division {twice} stands there twice")
    inside: dict[str, list[str]] = {code: [] for code in codes if len(code) in (_COUNTY, _STREET)}
    for code in codes:
        if len(code) > _COUNTY:
            above = code[: _STREET if len(code) > _STREET else _COUNTY]
            if above not in inside:
                raise ValueError(f"division {above} is missing, but {code} lies in it")
            inside[above].append(code)
    if bare := next((code for code, found in inside.items() if not found), None):
        raise ValueError(f"nothing lies in division {bare}")
    counties = {code: found for code, found in inside.items() if len(code) == _COUNTY}
    return counties, {code: found for code, found in inside.items() if len(code) == _STREET}


def _density(plan: DivisionPlan, code: str) -> Density:
    return plan.urban if code[6] == "0" else plan.rural


def _counties(plan: DivisionPlan) -> dict[str, Box]:
    """The boxes of the counties."""
    placed: dict[str, Box] = {}
    sizes = [[sum(row.values()) for row in column] for column in plan.columns]
    for column, heights, strip in zip(
        plan.columns, sizes, slices(plan.box, [sum(size) for size in sizes], across=True), strict=True
    ):
        for row, band in zip(column, slices(strip, heights, across=False), strict=True):
            if again := placed.keys() & row.keys():
                raise ValueError(f"county {min(again)} stands in the columns twice")
            placed |= zip(row, slices(band, list(row.values()), across=True), strict=True)
    return placed


def _stem(name: str, endings: Mapping[str, str]) -> str:
    ending = next((one for one in endings if name.endswith(one)), "")
    return name.removesuffix(ending) + endings.get(ending, "")


def _cells(places: Mapping[str, Box], stems: Mapping[str, str], plan: DivisionPlan) -> dict[str, Parcel]:
    cells: dict[str, Parcel] = {}
    for community, place in places.items():
        boxes = parts(place, [1] * _density(plan, community).cells)
        for number, box in enumerate(sorted(boxes, key=lambda box: (-box.north, box.west)), 1):
            cells[f"{community}{number:03d}"] = Parcel(name=_name(stems[community], number), box=box)
    return cells


def _name(stem: str, number: int) -> str:
    return f"{stem}{numeral(number)}网格"


def _change(cells: dict[str, Parcel], stems: Mapping[str, str], change: DivisionChange) -> None:
    """End the old cells and add the new ones."""
    drawn: list[tuple[str, list[Box]]] = []
    for code in change.split:
        (box,) = _end(cells, (code,), change.day)
        drawn.append((code[:12], slices(box, (1, 1), across=box.aspect >= 1)))
    drawn += [(codes[0][:12], [_joined(codes, _end(cells, codes, change.day))]) for codes in change.join]
    for community, boxes in drawn:
        last = max(int(code[12:]) for code in cells if code.startswith(community))
        if last + len(boxes) > SEQUENCES:
            raise ValueError(f"community {community} has more than {SEQUENCES} cells")
        for number, box in enumerate(boxes, last + 1):
            name = _name(stems[community], number)
            cells[f"{community}{number:03d}"] = Parcel(name=name, valid_from=change.day, box=box)


def _end(cells: dict[str, Parcel], codes: Sequence[str], day: date) -> list[Box]:
    """Set the last day of the cells, and return their boxes."""
    for code in codes:
        cell = cells.get(code)
        if cell is None or cell.valid_until is not None or (cell.valid_from is not None and cell.valid_from >= day):
            raise ValueError(f"there is no cell {code} that could end on {day}")
        cells[code] = replace(cell, valid_until=day)
    return [cells[code].box for code in codes]


def _joined(codes: Sequence[str], boxes: Sequence[Box]) -> Box:
    if len({code[:12] for code in codes}) != 1:
        raise ValueError(f"cells {', '.join(codes)} are not of one community")
    west, south = min(box.west for box in boxes), min(box.south for box in boxes)
    whole = Box(west, south, max(box.east for box in boxes), max(box.north for box in boxes))
    if whole.area != sum(box.area for box in boxes):
        raise ValueError(f"cells {', '.join(codes)} together are no rectangle")
    return whole
