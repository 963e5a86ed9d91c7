"""What a witness notes of an incident, with the errors of people, clocks and phones; what is corrected later."""

from datetime import date
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from router.simulator.synthetic.code_usage import CodeUsage
from router.simulator.synthetic.gps_error import GpsError
from router.simulator.synthetic.incidents import Incidents
from router.simulator.synthetic.local_time import DAY, NEVER
from router.simulator.synthetic.parameters import Errors, SimulationParameters
from router.simulator.synthetic.places import PlaceModel
from router.simulator.synthetic.reporting import Sightings
from router.simulator.synthetic.rng import RandomColumns, lognormal

Column = Any
_SAYS_WHEN = 0.7
"""Share of reports that say when it happened, and not only when it was reported; our assumption."""
_LOOKED_S, _LOOKED_SIGMA = 480, 1.0
"""How long it was looked at before it is reported."""
_UPLOAD_SIGMA, _UPLOAD_MOST_S = 0.6, 900
_UPDATE_MOST_S = 3 * DAY
_ABOUT = np.array([0.5, 0.25, 0.25])
"""Of the updates: only the text, the class, the place."""
_TEXT, _CLASS, _PLACE = range(3)
_SURER = 3
"""How much better the place is the second time."""


class Observations(Struct, frozen=True):
    """Columns of one length."""

    incident: Column
    network: Column
    person: Column
    number: Column
    """Running number in the network; a corrected report keeps it."""
    stated: Column
    """When it was reported by the witness's own clock, seconds of UTC."""
    occurred: Column
    """When it happened by the same clock, NEVER where it is not said."""
    lon: Column
    lat: Column
    """As its phone says, millionths of a degree."""
    cell: Column
    """Noted, index."""
    strange: Column
    """0 or how its cell's code is wrong: 1 a retired cell, 2 one that never was."""
    spelt: Column
    """Index of its class."""
    phrase: Column
    supplement: Column
    """Which addition the text has; 0: none."""
    received: Column
    """Milliseconds of UTC."""
    updated: Column
    late: Column

    def take(self, rows: Column) -> "Observations":
        """Some of the rows."""
        return Observations(*(getattr(self, name)[rows] for name in self.__struct_fields__))

    def __len__(self) -> int:
        return len(self.incident)


class ObservationModel:
    """Draws what is noted.

    Args:
        noise: 0 for no errors, 1 for those of the parameters, 2 for twice as many and as large.
    """

    def __init__(
        self, parameters: SimulationParameters, ground: PlaceModel, code_usage: CodeUsage, noise: float
    ) -> None:
        self._ground, self._vocabulary, self._noise = ground, code_usage, noise
        self._errors: Errors = parameters.errors
        self._fixes = GpsError(parameters, code_usage, noise)
        self._phones = np.array([network.phones for network in parameters.networks.values()])
        self._noting = np.array([speech.form.notes_cell for speech in code_usage.speeches])
        self._next = np.ones(len(code_usage.names), dtype=np.int64)
        """The next number of each network."""

    def numbers(self, network: Column) -> Column:
        """The next running numbers of these networks, in this order."""
        number = np.empty(len(network), dtype=np.int64)
        for one in range(len(self._next)):
            its = np.flatnonzero(network == one)
            number[its] = self._next[one] + np.arange(len(its))
            self._next[one] += len(its)
        return number

    def notes(self, incidents: Incidents, sightings: Sightings, day: date, rng: RandomColumns) -> Observations:
        """What is noted of all sightings, then what is corrected of them."""
        updated = self._happens(self._errors.updated, len(sightings), rng)
        about = np.where(updated, rng.pick(_ABOUT, len(sightings)), -1)
        first = self._first(incidents, sightings, about, day, rng)
        which = np.flatnonzero(updated)
        second = self._second(first.take(which), incidents, about[which], rng)
        return Observations(*(np.concatenate(pair) for pair in zip(_columns(first), _columns(second), strict=True)))

    def _first(
        self, incidents: Incidents, sightings: Sightings, about: Column, day: date, rng: RandomColumns
    ) -> Observations:
        number, which, network = len(sightings), sightings.incident, sightings.network
        cell, strange = self._cell(incidents.cell[which], network, about == _PLACE, day, rng)
        wrong = self._happens(self._errors.wrong_class, number, rng) | (about == _CLASS)
        spelt = self._class(incidents, which, network, wrong, rng)
        lon, lat = self._fixes.points(incidents, which, network, spelt, rng, surer=1)
        off = self._clock(number, rng)
        upload, late = self._upload(network, rng)
        return Observations(
            incident=which,
            network=network,
            person=sightings.person,
            number=self.numbers(network),
            stated=sightings.seen + off,
            occurred=self._occurred(incidents.start[which], sightings.seen, off, rng),
            lon=lon,
            lat=lat,
            cell=cell,
            strange=strange,
            spelt=spelt,
            phrase=rng.below(1 << 16, number),
            supplement=np.zeros(number, dtype=np.int64),
            received=1000 * (sightings.seen + upload) + rng.below(1000, number),
            updated=np.zeros(number, dtype=bool),
            late=late,
        )

    def _second(self, first: Observations, incidents: Incidents, about: Column, rng: RandomColumns) -> Observations:
        """The corrected version: always another text, and the true class or a better place where it was about that."""
        number, which = len(first), first.incident
        right = np.zeros(number, dtype=bool)
        spelt = self._class(incidents, which, first.network, right, rng)
        lon, lat = self._fixes.points(incidents, which, first.network, spelt, rng, surer=_SURER)
        placed = about == _PLACE
        errors = self._errors.update_delay
        delay = rng.of(lognormal(60 * errors.median_minutes, errors.sigma, _UPDATE_MOST_S), number) + 1
        return replace(
            first,
            spelt=np.where(about == _CLASS, spelt, first.spelt),
            lon=np.where(placed, lon, first.lon),
            lat=np.where(placed, lat, first.lat),
            cell=np.where(placed, incidents.cell[which], first.cell),
            strange=np.where(placed, 0, first.strange),
            supplement=1 + rng.below(3, number),
            received=first.received + 1000 * delay,
            updated=np.ones(number, dtype=bool),
            late=np.zeros(number, dtype=bool),
        )

    def _happens(self, share: float, number: int, rng: RandomColumns) -> Column:
        return rng.chance(min(1.0, share * self._noise), number)

    def _cell(
        self, cell: Column, network: Column, misplaced: Column, day: date, rng: RandomColumns
    ) -> tuple[Column, Column]:
        number, noting = len(cell), self._noting[network]
        beside = noting & self._happens(self._errors.neighbour_cell, number, rng) | misplaced
        wrong = noting & self._happens(self._errors.unknown_cell, number, rng)
        retired = self._ground.retired(day)
        strange = np.where(wrong, 1 + rng.below(2, number), 0)
        noted = np.where(beside, self._ground.neighbour(cell, day, rng), cell)
        if len(retired):
            return np.where(strange == 1, retired[rng.below(len(retired), number)], noted), strange
        return noted, np.where(wrong, 2, 0)

    def _class(self, incidents: Incidents, which: Column, network: Column, wrong: Column, rng: RandomColumns) -> Column:
        """Index of the class: of the true matter, or of one that is taken for it. One incident is of one component."""
        matter, word = incidents.matter[which], incidents.word[which]
        spelt = np.empty(len(matter), dtype=np.int64)
        alike = rng.chance(self._errors.confusable, len(matter))
        for one, speech in enumerate(self._vocabulary.speeches):
            its = np.flatnonzero(network == one)
            true = matter[its]
            taken, other = speech.confused.pick(true, rng), speech.others.pick(true, rng)
            said: Column = np.where(alike[its] & (taken >= 0), taken, other)
            said = np.where(wrong[its] & (said >= 0), said, true)
            drawn = speech.rows.pick(said, rng)
            itself = (said == true) & speech.numbered[drawn]
            spelt[its] = np.where(itself, speech.parts.of(true, word[its]), drawn)
        return spelt

    def _clock(self, number: int, rng: RandomColumns) -> Column:
        """Seconds by which the witness's clock is off."""
        most = round(60 * self._errors.skew_minutes * self._noise)
        day = self._happens(self._errors.off_by_a_day, number, rng)
        skew = rng.below(2 * most + 1, number) - most
        return skew + np.where(day, DAY * (2 * rng.below(2, number) - 1), 0)

    def _occurred(self, start: Column, seen: Column, off: Column, rng: RandomColumns) -> Column:
        looked = np.minimum(rng.of(lognormal(_LOOKED_S, _LOOKED_SIGMA, DAY), len(seen)), seen - start)
        return np.where(rng.chance(_SAYS_WHEN, len(seen)), seen - looked + off, NEVER)

    def _upload(self, network: Column, rng: RandomColumns) -> tuple[Column, Column]:
        """Seconds from the report to its receipt, and whether they are more than an hour."""
        number, errors = len(network), self._errors
        usual = rng.of(lognormal(errors.upload_seconds, _UPLOAD_SIGMA, _UPLOAD_MOST_S), number)
        median = 60 * errors.offline_delay.median_minutes
        offline = lognormal(median, errors.offline_delay.sigma, 3600 * errors.offline_most_hours)
        without = self._phones[network] & self._happens(errors.offline, number, rng)
        delay: Column = np.where(without, rng.of(offline, number), usual)
        return delay, delay > 3600


def _columns(notes: Observations) -> list[Column]:
    return [getattr(notes, name) for name in notes.__struct_fields__]
