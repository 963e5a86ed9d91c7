"""The cities of the repository, read once in a test process: reading one costs half a second of CPU."""

from functools import cache

import orjson
from msgspec.structs import replace

from router.cities.folder import city_folder, load_city
from router.domain.rules.city import City
from router.simulator.messages import SourceMessage
from router.simulator.recorded.history import History
from router.simulator.scenario import history_of


@cache
def shipped(name: str) -> City:
    """A city as the repository has it; a test that edits a city loads its own copy."""
    return load_city(name)


@cache
def recorded(name: str) -> History:
    """The recorded reports of a city that has some."""
    return history_of(shipped(name), city_folder(name))


def open_requests(name: str, number: int) -> list[SourceMessage]:
    """Recorded requests of a hotline as they were when they were made.

    All were closed later. A message without its received time is received now, so it would arrive closed, and have no task.
    """
    return [replace(one, value=_open(one.value)) for one in recorded(name).messages(number)]


def _open(value: bytes) -> bytes:
    return orjson.dumps(orjson.loads(value) | {"Status": "Open", "ClosedDate": ""})
