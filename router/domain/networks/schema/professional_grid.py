"""Professional grids (专业网格), CJ/T 349: areas of 20 digits, which work safety and enforcement write.

6 managed object, 6 county, 3 street, 3 community (from 601 on: several joined), 2 sequence (00: not split).
"""

from typing import Annotated

from pydantic import Field

from router.domain.cells.crosswalk import JOINED

ProfessionalGrid = Annotated[str, Field(pattern=r"^[0-9]{20}$")]
"""20 digits, CJ/T 349."""


def whole_community(grid: str) -> str | None:
    """The community of 12 digits that a professional grid is; None when it is a part of one, or several joined.

    What those are only the crosswalk knows, which a claim with a community would not be asked.
    """
    return grid[6:18] if 0 < int(grid[15:18]) < JOINED and grid[18:] == "00" else None
