"""Secondary reports: other networks also report a seeded part of the recorded incidents, slightly later and less exact.

Every secondary report carries the recorded report that it belongs to (`SourceMessage.incident`). The router never sees
that, so merging can be scored. Noise is added: byte-for-byte redeliveries of any message, and messages that no network may accept.
"""

from collections.abc import Iterable, Iterator, Mapping
from heapq import heappop, heappush
from itertools import count, islice
from random import Random

import orjson
from msgspec import Struct
from msgspec.structs import replace

from router.domain.cells.registry import Claim
from router.domain.rules.city import City
from router.simulator.messages import SourceMessage
from router.simulator.recorded.message_writers import MESSAGE_WRITERS, Observation, broken
from router.simulator.recorded.noise import delay, moved, off

SEEN_BY: Mapping[str, tuple[tuple[str, str], ...]] = {
    "graffiti": (("policing", "vandalism"),),
    "bulky-items": (("urban-management", "street-obstruction"),),
    "illegal-dumping": (("urban-management", "illegal-dumping"), ("environment", "illegal-dumping")),
    "e-waste": (("environment", "illegal-dumping"),),
    "dead-animal": (("environment", "odour"),),
    "homeless-encampment": (("social-security", "rough-sleeping"),),
}
"""Matter of the recorded report -> the networks that may report it too, and their codes for it."""
DELAYS: Mapping[str, tuple[float, float]] = {
    "policing": (25.0, 1.0),
    "urban-management": (60.0, 0.9),
    "environment": (90.0, 0.9),
    "social-security": (180.0, 0.8),
}
"""Network -> median in minutes and sigma of its lognormal delay after the recorded report. Our assumption."""
SHARE = 0.15
REDELIVERED_SHARE, MALFORMED_SHARE = 0.01, 0.005
INSPECTORS, NEIGHBOUR_SHARE, NEIGHBOUR_M = "urban-management", 0.25, 110.0
"""The network whose workers record a cell, how often they record the next one, and how far that is. A cell is 100 m wide."""
AHEAD = 500
"""Recorded messages handled together, because cells are resolved in batches."""


class _Found(Struct, frozen=True, kw_only=True):
    """A recorded incident that another network reports too."""

    index: int
    message: SourceMessage
    random: Random
    network: str
    code: str
    version: str | None
    lon: float
    lat: float


class SecondaryReports:
    """Other networks' messages beside the recorded ones.

    Args:
        city: its code tables and cells, with which they are written.
        seed: equal seeds give equal messages.
    """

    def __init__(self, city: City, seed: int) -> None:
        self._city, self._seed, self._numbers = city, seed, count(1)

    def beside(self, recorded: Iterable[SourceMessage]) -> Iterator[SourceMessage]:
        """The recorded messages and their secondary reports, in the order of received times. Recorded ones keep their order."""
        waiting: list[tuple[float, int, SourceMessage]] = []
        tickets = count()
        source = iter(recorded)
        while batch := list(islice(source, AHEAD)):
            for message, others in zip(batch, self._others(batch), strict=True):
                while waiting and waiting[0][0] <= message.received_at.timestamp():
                    yield heappop(waiting)[2]
                yield message
                for other in others:
                    heappush(waiting, (other.received_at.timestamp(), next(tickets), other))
        while waiting:
            yield heappop(waiting)[2]

    def _others(self, batch: list[SourceMessage]) -> list[list[SourceMessage]]:
        """For each recorded message, the messages that follow from it."""
        randoms = [Random(f"{self._seed}/{message.report}") for message in batch]
        others: list[list[SourceMessage]] = [[] for _ in batch]
        for index, (message, random) in enumerate(zip(batch, randoms, strict=True)):
            others[index] += self._redelivered(message, random)
        found = [
            one
            for index, (message, random) in enumerate(zip(batch, randoms, strict=True))
            if (one := self._found(index, message, random)) is not None
        ]
        for one, observation in zip(found, self._sights(found), strict=True):
            message = self._written(one, observation)
            others[one.index].append(message)
            others[one.index] += self._redelivered(message, one.random)
            if one.random.random() < MALFORMED_SHARE:
                others[one.index].append(self._malformed(one, observation))
        return others

    def _found(self, index: int, message: SourceMessage, random: Random) -> _Found | None:
        if random.random() >= SHARE:
            return None
        fields = orjson.loads(message.value)
        if not fields["Longitude"] or not fields["Latitude"]:
            return None
        matter = self._city.codes[message.network].matter(fields["RequestType"], None)
        seen_by = [
            (network, codes)
            for network, seen_as in SEEN_BY.get(matter or "", ())
            if (codes := self._codes(network, seen_as))
        ]
        if not seen_by:
            return None
        network, codes = random.choice(seen_by)
        code, version = random.choice(codes)
        return _Found(
            index=index,
            message=message,
            random=random,
            network=network,
            code=code,
            version=version,
            lon=float(fields["Longitude"]),
            lat=float(fields["Latitude"]),
        )

    def _codes(self, network: str, matter: str) -> list[tuple[str, str | None]]:
        """The codes of a network for a matter in this city, with the version of their table."""
        table = self._city.codes.get(network)
        return [] if table is None else [(e.code, e.version) for e in table.of_matter(matter)]

    def _sights(self, found: list[_Found]) -> list[Observation]:
        """What each reporting person knows: an imprecise point, the cell as recorded, the community."""
        points = [off(one.random, one.lon, one.lat) for one in found]
        recorded = [self._recorded_cell(one) for one in found]
        claims = [
            Claim(network=one.network, at=one.message.received_at, lon=lon, lat=lat)
            for one, (lon, lat) in zip(found, recorded, strict=True)
        ]
        cells = [location.cell for location in self._city.cells.resolve(claims)]
        return [self._sight(one, lon, lat, cell) for one, (lon, lat), cell in zip(found, points, cells, strict=True)]

    def _recorded_cell(self, one: _Found) -> tuple[float, float]:
        """The point whose cell is recorded: the true one, or one cell further."""
        if one.network != INSPECTORS or one.random.random() >= NEIGHBOUR_SHARE:
            return one.lon, one.lat
        east, north = one.random.choice(((NEIGHBOUR_M, 0), (-NEIGHBOUR_M, 0), (0, NEIGHBOUR_M), (0, -NEIGHBOUR_M)))
        return moved(one.lon, one.lat, east, north)

    def _sight(self, one: _Found, lon: float, lat: float, cell: str) -> Observation:
        reported = one.message.received_at + delay(one.random, *DELAYS[one.network])
        return Observation(
            number=next(self._numbers),
            network=one.network,
            code=one.code,
            version=one.version,
            lon=lon,
            lat=lat,
            cell=cell,
            reported_at=reported,
            zone=self._city.zone,
        )

    def _written(self, one: _Found, observation: Observation) -> SourceMessage:
        source_id, payload = MESSAGE_WRITERS[one.network](observation, one.random)
        return SourceMessage(
            network=one.network,
            source_id=source_id,
            value=orjson.dumps(payload),
            received_at=observation.reported_at + delay(one.random, 0.5, 0.5),
            kind="secondary_reports",
            incident=one.message.report,
        )

    def _redelivered(self, message: SourceMessage, random: Random) -> list[SourceMessage]:
        """The same message again, now and then."""
        if random.random() >= REDELIVERED_SHARE:
            return []
        later = message.received_at + delay(random, 5.0, 1.0)
        return [replace(message, kind="redelivered", owner=None, received_at=later)]

    def _malformed(self, one: _Found, observation: Observation) -> SourceMessage:
        again = replace(observation, number=next(self._numbers))
        source_id, payload = MESSAGE_WRITERS[one.network](again, one.random)
        return SourceMessage(
            network=one.network,
            source_id=source_id,
            value=broken(payload, one.random),
            received_at=observation.reported_at + delay(one.random, 0.5, 0.5),
            kind="malformed",
        )
