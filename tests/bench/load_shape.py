"""A city in which very many cases are open at once: recorded requests, all within an hour, strewn over the whole city."""

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
APART = timedelta(milliseconds=1)
"""From one request to the next: a million within 17 minutes, so that no window ends meanwhile."""
STREWN_DEGREES = 0.01
"""About a kilometre: so far from where some recorded request lay, because real ones lie in heaps and would join."""
LATITUDE, LONGITUDE = "Latitude", "Longitude"


def load_shape(seed: int = 1) -> Iterator[SourceMessage]:
    """Requests without end, in the order of receipt; the same for equal seeds."""
    city, random = load_city(CITY), Random(seed)
    rows = [row for row in history_of(city, city_folder(CITY)).rows if row.fields[LATITUDE]]
    begin = rows[0].created
    for number in count():
        at = begin + number * APART
        fields = _moved(random.choice(rows), random.choice(rows), random) | {
            ID: f"t{seed}-{number}",
            CREATED: at.astimezone(city.zone).strftime(WHEN),
        }
        yield SourceMessage(
            network=NETWORK, source_id=fields[ID], value=orjson.dumps(fields), received_at=at, kind="recorded"
        )


def _moved(what: RequestRow, where: RequestRow, random: Random) -> dict[str, str]:
    """One request near the place of another."""
    return what.fields | {
        column: f"{float(where.fields[column]) + random.gauss(0, STREWN_DEGREES):.7f}"
        for column in (LATITUDE, LONGITUDE)
    }
