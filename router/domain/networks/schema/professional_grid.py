"""Professional grids (专业网格, CJ/T 349): areas with codes of 20 digits, which work safety and enforcement use.

The digits are 6 managed object, 6 county, 3 street, 3 community (601 and up: several communities), 2 sequence (00: the
whole community).
"""

from typing import Annotated

from pydantic import Field

from router.domain.cells.crosswalk import JOINED

ProfessionalGrid = Annotated[str, Field(pattern=r"^[0-9]{20}$")]
"""20 digits, CJ/T 349."""


def whole_community(grid: str) -> str | None:
    """The community (12 digits) that a professional grid equals; None when it is a part of one or joins several.

    For those the claim must not name a community, because only the crosswalk knows them.
    """
    return grid[6:18] if 0 < int(grid[15:18]) < JOINED and grid[18:] == "00" else None
