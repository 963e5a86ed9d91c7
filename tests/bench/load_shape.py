"""The load shape for a large state: recorded requests, all within an hour, scattered over the whole city."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from random import Random

import orjson

from router.cities.folder import city_folder, load_city
from router.simulator.messages import SourceMessage
from router.simulator.recorded.history import WHEN
from router.simulator.recorded.hotline_history import CREATED, ID, NETWORK, RequestRow
from router.simulator.scenario import history_of

CITY = "los-angeles"
INTERVAL = timedelta(milliseconds=1)
"""Time between two requests: a million within 17 minutes, so that no window ends."""
SCATTER_DEGREES = 0.01
"""About a kilometre from a recorded request: recorded positions are clustered, so their reports would join."""
LATITUDE, LONGITUDE = "Latitude", "Longitude"


def load_shape(seed: int = 1) -> Iterator[SourceMessage]:
    """Endless requests in order of receipt. Equal seeds give equal requests."""
    city, random = load_city(CITY), Random(seed)
    rows = [row for row in history_of(city, city_folder(CITY)).rows if row.fields[LATITUDE]]
    begin = rows[0].created
    for number in count():
        at = begin + number * INTERVAL
        fields = _moved(random.choice(rows), random.choice(rows), random) | {
            ID: f"t{seed}-{number}",
            CREATED: at.astimezone(city.zone).strftime(WHEN),
        }
        yield SourceMessage(
            network=NETWORK, source_id=fields[ID], value=orjson.dumps(fields), received_at=at, kind="recorded"
        )


def _moved(what: RequestRow, where: RequestRow, random: Random) -> dict[str, str]:
    """The fields of one request, with a position near that of another."""
    return what.fields | {
        column: f"{float(where.fields[column]) + random.gauss(0, SCATTER_DEGREES):.7f}"
        for column in (LATITUDE, LONGITUDE)
    }
