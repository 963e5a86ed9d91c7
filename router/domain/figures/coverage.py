"""Which cells have a full team: for each role that a city names, a department that serves the cell (四官覆盖率)."""

from collections.abc import Collection, Sequence
from itertools import groupby

from msgspec import Struct

from router.domain.catalogue.teams import Post

COMMUNITY = 12


class RoleCoverage(Struct, frozen=True, kw_only=True):
    """How many cells a role serves."""

    role: str
    cells: int


class Lacking(Struct, frozen=True, kw_only=True):
    """Cells that lack the same roles: a whole community, or one cell."""

    area: str
    """Code of the community or the cell."""
    cells: int
    roles: tuple[str, ...]


class TeamCoverage(Struct, frozen=True, kw_only=True):
    """Numerator, denominator, and the cells without a full team."""

    cells: int
    full: int
    """Cells in which every role is served."""
    roles: tuple[RoleCoverage, ...]
    lacking: tuple[Lacking, ...]
    """By code."""

    @property
    def rate(self) -> float:
        """Cells with a full team / cells, 0..1."""
        return self.full / self.cells if self.cells else 0.0


def figures_of_teams(posts: Sequence[Post], cells: Collection[str]) -> TeamCoverage:
    """The coverage of cells by teams. A full team has every role that the posts name.

    Of the rows of a role the one with the longest area decides; without a department it says that there is no one.

    Args:
        posts: of the city.
        cells: codes of the cells that count.
    """
    roles = sorted({one.role for one in posts})
    served = {role: {one.area: one.department is not None for one in posts if one.role == role} for role in roles}
    missing = {cell: tuple(role for role in roles if not _serves(served[role], cell)) for cell in sorted(cells)}
    return TeamCoverage(
        cells=len(missing),
        full=sum(not lacks for lacks in missing.values()) if roles else 0,
        roles=tuple(
            RoleCoverage(role=role, cells=sum(role not in lacks for lacks in missing.values())) for role in roles
        ),
        lacking=tuple(
            one for _, group in groupby(missing.items(), lambda item: item[0][:COMMUNITY]) for one in _lacking([*group])
        ),
    )


def _serves(areas: dict[str, bool], cell: str) -> bool:
    """Whether the longest area that holds the cell has a department."""
    return next((areas[cell[:end]] for end in range(len(cell), -1, -1) if cell[:end] in areas), False)


def _lacking(cells: list[tuple[str, tuple[str, ...]]]) -> list[Lacking]:
    """What the cells of one community lack: one entry if all of them lack the same."""
    code, lacks = cells[0]
    if len({roles for _, roles in cells}) == 1:
        area = code[:COMMUNITY] if len(cells) > 1 else code
        return [Lacking(area=area, cells=len(cells), roles=lacks)] if lacks else []
    return [Lacking(area=cell, cells=1, roles=roles) for cell, roles in cells if roles]
