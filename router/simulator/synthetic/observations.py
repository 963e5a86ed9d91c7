"""Observations of incidents, with the errors of people, clocks and phones, and later updates."""

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
_OCCURRED_SHARE = 0.7
"""Share of reports with the time of the incident. An assumption."""
_DELAY_S, _DELAY_SIGMA = 480, 1.0
"""Delay from the stated incident to its report: median and sigma of a lognormal distribution."""
_UPLOAD_SIGMA, _UPLOAD_MOST_S = 0.6, 900
_UPDATE_MOST_S = 3 * DAY
_ABOUT = np.array([0.5, 0.25, 0.25])
"""Shares of the updates that correct only the text, the code, or the place."""
_TEXT, _CLASS, _PLACE = range(3)
_UPDATE_ACCURACY = 3
"""Factor by which the place of an update is more accurate."""


class Observations(Struct, frozen=True):
    """Observations as columns of equal length."""

    incident: Column
    network: Column
    person: Column
    number: Column
    """Running number in the network. An update keeps the number."""
    reported: Column
    """Time of the report by the reporter's clock, seconds of UTC."""
    occurred: Column
    """Time of the incident by the same clock; NEVER if unknown."""
    lon: Column
    lat: Column
    """Reported point in WGS 84, millionths of a degree."""
    cell: Column
    """Index of the reported cell."""
    cell_error: Column
    """0: the cell's code is valid; 1: a retired cell; 2: a code that never existed."""
    spelling: Column
    """Index of its code in the network's spellings."""
    phrase: Column
    supplement: Column
    """Index of the text's supplement; 0: none."""
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
    """Draws observations.

    Args:
        noise: 0 for no errors, 1 for the errors of the parameters, 2 for twice as many and as large.
    """

    def __init__(
        self, parameters: SimulationParameters, place_model: PlaceModel, code_usage: CodeUsage, noise: float
    ) -> None:
        self._place_model, self._code_usage, self._noise = place_model, code_usage, noise
        self._errors: Errors = parameters.errors
        self._gps_error = GpsError(parameters, code_usage, noise)
        self._phones = np.array([network.phones for network in parameters.networks.values()])
        self._writes_cell = np.array([codes.form.writes_cell for codes in code_usage.networks])
        self._next = np.ones(len(code_usage.names), dtype=np.int64)
        """Next running number of each network."""

    def numbers(self, network: Column) -> Column:
        """Allocate running numbers of these networks, in this order."""
        number = np.empty(len(network), dtype=np.int64)
        for one in range(len(self._next)):
            rows = np.flatnonzero(network == one)
            number[rows] = self._next[one] + np.arange(len(rows))
            self._next[one] += len(rows)
        return number

    def observations(self, incidents: Incidents, sightings: Sightings, day: date, rng: RandomColumns) -> Observations:
        """The observations of all sightings, then their updates."""
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
        cell, cell_error = self._cell(incidents.cell[which], network, about == _PLACE, day, rng)
        wrong = self._happens(self._errors.wrong_class, number, rng) | (about == _CLASS)
        spelling = self._class(incidents, which, network, wrong, rng)
        lon, lat = self._gps_error.points(incidents, which, network, spelling, rng, accuracy_factor=1)
        off = self._clock(number, rng)
        upload, late = self._upload(network, rng)
        return Observations(
            incident=which,
            network=network,
            person=sightings.person,
            number=self.numbers(network),
            reported=sightings.reported + off,
            occurred=self._occurred(incidents.start[which], sightings.reported, off, rng),
            lon=lon,
            lat=lat,
            cell=cell,
            cell_error=cell_error,
            spelling=spelling,
            phrase=rng.below(1 << 16, number),
            supplement=np.zeros(number, dtype=np.int64),
            received=1000 * (sightings.reported + upload) + rng.below(1000, number),
            updated=np.zeros(number, dtype=bool),
            late=late,
        )

    def _second(self, first: Observations, incidents: Incidents, about: Column, rng: RandomColumns) -> Observations:
        """The updates: each has another text, and the true code or a better place if it corrects that."""
        number, which = len(first), first.incident
        right = np.zeros(number, dtype=bool)
        spelling = self._class(incidents, which, first.network, right, rng)
        lon, lat = self._gps_error.points(
            incidents, which, first.network, spelling, rng, accuracy_factor=_UPDATE_ACCURACY
        )
        placed = about == _PLACE
        errors = self._errors.update_delay
        delay = rng.of(lognormal(60 * errors.median_minutes, errors.sigma, _UPDATE_MOST_S), number) + 1
        return replace(
            first,
            spelling=np.where(about == _CLASS, spelling, first.spelling),
            lon=np.where(placed, lon, first.lon),
            lat=np.where(placed, lat, first.lat),
            cell=np.where(placed, incidents.cell[which], first.cell),
            cell_error=np.where(placed, 0, first.cell_error),
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
        number, writes = len(cell), self._writes_cell[network]
        beside = writes & self._happens(self._errors.neighbour_cell, number, rng) | misplaced
        wrong = writes & self._happens(self._errors.unknown_cell, number, rng)
        retired = self._place_model.retired(day)
        cell_error = np.where(wrong, 1 + rng.below(2, number), 0)
        written = np.where(beside, self._place_model.neighbour(cell, day, rng), cell)
        if len(retired):
            return np.where(cell_error == 1, retired[rng.below(len(retired), number)], written), cell_error
        return written, np.where(wrong, 2, 0)

    def _class(self, incidents: Incidents, which: Column, network: Column, wrong: Column, rng: RandomColumns) -> Column:
        """Index of the code, for the true matter or a confused one. All reports of an incident name one component."""
        matter, word = incidents.matter[which], incidents.word[which]
        spelling = np.empty(len(matter), dtype=np.int64)
        alike = rng.chance(self._errors.confusable, len(matter))
        for one, codes in enumerate(self._code_usage.networks):
            rows = np.flatnonzero(network == one)
            true = matter[rows]
            taken, other = codes.confused.pick(true, rng), codes.others.pick(true, rng)
            matters: Column = np.where(alike[rows] & (taken >= 0), taken, other)
            matters = np.where(wrong[rows] & (matters >= 0), matters, true)
            drawn = codes.rows.pick(matters, rng)
            itself = (matters == true) & codes.numbered[drawn]
            spelling[rows] = np.where(itself, codes.parts.of(true, word[rows]), drawn)
        return spelling

    def _clock(self, number: int, rng: RandomColumns) -> Column:
        """Error of the reporter's clock, seconds."""
        most = round(60 * self._errors.skew_minutes * self._noise)
        day = self._happens(self._errors.off_by_a_day, number, rng)
        skew = rng.below(2 * most + 1, number) - most
        return skew + np.where(day, DAY * (2 * rng.below(2, number) - 1), 0)

    def _occurred(self, start: Column, reported: Column, off: Column, rng: RandomColumns) -> Column:
        delay = np.minimum(rng.of(lognormal(_DELAY_S, _DELAY_SIGMA, DAY), len(reported)), reported - start)
        return np.where(rng.chance(_OCCURRED_SHARE, len(reported)), reported - delay + off, NEVER)

    def _upload(self, network: Column, rng: RandomColumns) -> tuple[Column, Column]:
        """Seconds from the report to its receipt, and whether that is more than an hour."""
        number, errors = len(network), self._errors
        usual = rng.of(lognormal(errors.upload_seconds, _UPLOAD_SIGMA, _UPLOAD_MOST_S), number)
        median = 60 * errors.offline_delay.median_minutes
        offline = lognormal(median, errors.offline_delay.sigma, 3600 * errors.offline_most_hours)
        without = self._phones[network] & self._happens(errors.offline, number, rng)
        delay: Column = np.where(without, rng.of(offline, number), usual)
        return delay, delay > 3600


def _columns(observations: Observations) -> list[Column]:
    return [getattr(observations, name) for name in observations.__struct_fields__]
