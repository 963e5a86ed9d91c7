"""Points of Chinese phone maps (GCJ-02) converted to WGS 84, a whole batch in one call."""

from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace

from router.domain.cells.registry import Claim
from router.domain.geometry import gcj02_points_to_wgs84


def to_wgs84(claims: Sequence[Claim]) -> list[Claim]:
    """The claims in their order, with every point in WGS 84 degrees."""
    converted = list(claims)
    indexes = [n for n, claim in enumerate(claims) if claim.gcj02]
    if indexes:
        lon = np.array([claims[n].lon for n in indexes], dtype=float)
        lat = np.array([claims[n].lat for n in indexes], dtype=float)
        lons, lats = gcj02_points_to_wgs84(lon, lat)
        for n, x, y in zip(indexes, lons.tolist(), lats.tolist(), strict=True):
            converted[n] = replace(claims[n], lon=x, lat=y, gcj02=False)
    return converted
