"""Makes the networks' own grids over the cells of a synthetic city: shapes that cross communities, and codes that name some.

Police grids (警格) are drawn on the map and ignore community borders. Professional grids (专业网格, CJ/T 349) have 20 digits: 6
managed object (CJ/T 348), 6 county, 3 street, 3 community (601 and above: several joined), 2 sequence (00: not split).
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle

from msgspec import Struct

from router.domain.cell_generation.synthetic_division import Box, Divided, numeral, slices
from router.domain.cells.crosswalk import JOINED

_LEAST = 2
"""Least number of grids in a street. A single one would equal the street."""
_HUNDREDTHS = 100


class GridLattice(Struct, frozen=True):
    """Shapes: every street cut into columns and rows of roughly square boxes."""

    communities: int
    """Approximate size of a grid, in communities."""
    first: int
    """Number of a street's first grid: the last three of twelve digits, above those of all communities."""
    title: str
    """Suffix of a grid's name after its number."""


class Table(Struct, frozen=True, kw_only=True):
    """Codes: the communities of some counties, alone or several together."""

    object: str
    """The six digits of the managed object."""
    counties: Sequence[str]
    takes: Sequence[int]
    """How many communities of a street each grid takes in turn."""
    halve: int
    """Every n-th grid of a single community is split in two, each with some of its cells."""


def lattices(names: Mapping[str, str], divided: Divided, lattice: GridLattice) -> Iterator[tuple[str, str, Box]]:
    """Code, name and shape of each grid of one network, sorted by code.

    Args:
        names: of the streets, by code.
        divided: the city.
        lattice: how the grids are drawn.

    Raises:
        ValueError: a community already has such a number, or the numbers run out.
    """
    for street, box in divided.streets.items():
        inside = [code for code in divided.communities if code.startswith(street)]
        grids = _lattice(box, max(_LEAST, round(len(inside) / lattice.communities)))
        last = lattice.first + len(grids) - 1
        if inside[-1] >= f"{street}{lattice.first:03d}" or last > 999:
            raise ValueError(f"street {street} has no free numbers from {lattice.first} to {last}")
        for number, grid in enumerate(grids):
            yield (
                f"{street}{lattice.first + number:03d}",
                f"{names[street]}第{numeral(number + 1)}{lattice.title}",
                grid,
            )


def table(divided: Divided, plan: Table) -> Iterator[tuple[str, str, str]]:
    """Code of a grid, code of a community or cell, and the share of the grid's area there, sorted by the grid's code.

    The shares of one grid have two decimals and sum to exactly 1. A community is split by cells only if all of them are always
    valid.

    Raises:
        ValueError: a county holds no street, or a community has a number reserved for joined ones.
    """
    for county in sorted(plan.counties):
        streets = [code for code in divided.streets if code.startswith(county)]
        if not streets:
            raise ValueError(f"county {county} is not among the divisions")
        for street in streets:
            yield from sorted(_street(street, divided, plan))


def shares(areas: Sequence[int]) -> list[str]:
    """The share of each part, with two decimals, summing to exactly 1. The rest goes to the largest remainders."""
    whole = sum(areas)
    hundredths = [area * _HUNDREDTHS // whole for area in areas]
    rests = sorted(range(len(areas)), key=lambda n: (-(areas[n] * _HUNDREDTHS % whole), n))
    for n in rests[: _HUNDREDTHS - sum(hundredths)]:
        hundredths[n] += 1
    return [f"{share / _HUNDREDTHS:g}" for share in hundredths]


def _lattice(box: Box, count: int) -> list[Box]:
    """About as many boxes as requested, from north to south, then from west to east."""
    columns = min(max(1, round((count * box.aspect) ** 0.5)), count)
    rows = max(1, round(count / columns))
    bands = slices(box, [1] * rows, across=False)
    return [grid for band in bands for grid in slices(band, [1] * columns, across=True)]


def _street(street: str, divided: Divided, plan: Table) -> Iterator[tuple[str, str, str]]:
    left = [code for code in divided.communities if code.startswith(street)]
    if left[-1] >= f"{street}{JOINED}":
        raise ValueError(f"community {left[-1]} has a number for joined communities")
    joined, singles = JOINED, 0
    for take in cycle(plan.takes):
        taken, left = left[:take], left[take:]
        if len(taken) > 1:
            areas = [divided.communities[code].area for code in taken]
            yield from _rows(f"{plan.object}{street}{joined}00", taken, areas)
            joined += 1
        elif taken:
            singles += 1
            yield from _single(taken[0], divided, plan, halved=singles % plan.halve == 0)
        if not left:
            return


def _single(community: str, divided: Divided, plan: Table, *, halved: bool) -> Iterator[tuple[str, str, str]]:
    cells = {code: cell for code, cell in divided.cells.items() if code.startswith(community)}
    dated = any(cell.valid_from or cell.valid_until for cell in cells.values())
    if not halved or dated or len(cells) == 1:
        yield f"{plan.object}{community}00", community, "1"
        return
    codes = list(cells)
    middle = (len(codes) + 1) // 2
    for part, some in enumerate((codes[:middle], codes[middle:]), 1):
        yield from _rows(f"{plan.object}{community}{part:02d}", some, [cells[code].box.area for code in some])


def _rows(grid: str, codes: Sequence[str], areas: Sequence[int]) -> Iterator[tuple[str, str, str]]:
    for code, share in zip(codes, shares(areas), strict=True):
        yield grid, code, share
