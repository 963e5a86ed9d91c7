"""Points of Chinese phone maps (GCJ-02, BD-09) converted to WGS 84, a whole batch in one call.

A network's source schema says which datum its phones draw in. A city may name another one for a network in city.yaml. Phone
maps shift points in China only: in a city of another zone a point is taken as it is, unless the city names a datum.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace

from router.domain.cells.registry import Claim
from router.domain.geometry import bd09_points_to_wgs84, gcj02_points_to_wgs84
from router.domain.model.vocabulary import Datum

ZONES_OF_CHINA = frozenset(
    {"Asia/Shanghai", "Asia/Urumqi", "Asia/Chongqing", "Asia/Chungking", "Asia/Harbin", "Asia/Kashgar", "PRC"}
)
"""IANA zones and old names of the mainland, where phone maps draw GCJ-02."""
_TO_WGS84: Mapping[Datum, Callable[[Any, Any], tuple[Any, Any]]] = {
    "gcj02": gcj02_points_to_wgs84,
    "bd09": bd09_points_to_wgs84,
}


def datum_of(network: str, datums: Mapping[str, Datum], zone: str) -> Datum | None:
    """The datum of a network's points in a city. None: as each of its claims says.

    Args:
        network: its name.
        datums: those that the city names, by network.
        zone: name of the city's time zone.
    """
    return datums.get(network, None if zone in ZONES_OF_CHINA else "wgs84")


def to_wgs84(claims: Sequence[Claim], datum: Datum | None = None) -> list[Claim]:
    """The claims in their order, with every point in WGS 84 degrees.

    Args:
        claims: of one network.
        datum: of all their points; None: GCJ-02 where a claim says so, else WGS 84.
    """
    converted = list(claims)
    convert = _TO_WGS84.get("gcj02" if datum is None else datum)
    indexes = [] if convert is None else [n for n, claim in enumerate(claims) if _is_drawn(claim, datum)]
    if convert is not None and indexes:
        lon = np.array([claims[n].lon for n in indexes], dtype=float)
        lat = np.array([claims[n].lat for n in indexes], dtype=float)
        lons, lats = convert(lon, lat)
        for n, x, y in zip(indexes, lons.tolist(), lats.tolist(), strict=True):
            converted[n] = replace(claims[n], lon=x, lat=y, gcj02=False)
    return converted


def _is_drawn(claim: Claim, datum: Datum | None) -> bool:
    """Whether a claim has a point that must be converted."""
    return claim.gcj02 if datum is None else claim.lon is not None and claim.lat is not None
