"""Checks that it is clear in which datum the networks of a city draw their points. Finding GR060."""

from collections.abc import Iterable, Iterator, Mapping

import shapely

from router.domain.cells.csv_tables import Tables
from router.domain.documents import Finding, SourcePosition, found
from router.domain.geometry import in_china
from router.domain.intake.coordinate_systems import ZONES_OF_CHINA
from router.domain.model.vocabulary import Datum

UNCLEAR_DATUM = "GR060"


def check(
    tables: Tables, zone: str, at: SourcePosition, networks: Iterable[str], datums: Mapping[str, Datum]
) -> Iterator[Finding]:
    """Networks whose phone maps shift points in China, in a city near China whose zone is none of China's.

    Args:
        tables: cells of the city.
        zone: its time zone.
        at: where the city names it.
        networks: those that report in the city and draw GCJ-02 by their schema.
        datums: those that the city names, by network.
    """
    west, south, east, north = shapely.total_bounds(tables.geometries).tolist()
    if zone in ZONES_OF_CHINA or not in_china((west + east) / 2, (south + north) / 2):
        return
    for network in networks:
        if network not in datums:
            message = f"the points of {network} are taken as WGS 84, because {zone} is no zone of China"
            hint = f"write `datums: {{{network}: gcj02}}` if its phone maps shift them, else `wgs84`"
            yield found(UNCLEAR_DATUM, at, message, hint, "warning")
