"""Points of phone maps (GCJ-02) moved to where they are, a whole batch at once."""

from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace

from router.domain.cells.registry import Claim
from router.domain.geometry import gcj02_points_to_wgs84


def on_the_ground(claims: Sequence[Claim]) -> list[Claim]:
    """The claims with every point in WGS 84, in their order."""
    moved = list(claims)
    places = [n for n, claim in enumerate(claims) if claim.gcj02]
    if places:
        lon = np.array([claims[n].lon for n in places], dtype=float)
        lat = np.array([claims[n].lat for n in places], dtype=float)
        east, north = gcj02_points_to_wgs84(lon, lat)
        for n, x, y in zip(places, east.tolist(), north.tolist(), strict=True):
            moved[n] = replace(claims[n], lon=x, lat=y, gcj02=False)
    return moved
