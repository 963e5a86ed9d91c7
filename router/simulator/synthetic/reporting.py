"""Reporters and times of reports: the first report, and further ones by the same person, network or other networks."""

from typing import Any

import numpy as np
from msgspec import Struct

from router.simulator.synthetic.code_usage import CodeUsage
from router.simulator.synthetic.incidents import Incidents
from router.simulator.synthetic.parameters import Delay, SimulationParameters
from router.simulator.synthetic.places import PlaceModel
from router.simulator.synthetic.rng import RandomColumns, exponential, lognormal

Column = Any
_STAFF = 6
"""Number of workers of a network per community."""
CITIZENS, SUBJECTS = 1, 0
"""Parity of the numbers of two sorts of people: reporters, and people whom a report is about."""
_PEOPLE, _SPREAD = (1 << 31) - 1, 0x9E3779B1
"""Mask of the numbers of people, and an odd factor that maps them to distinct numbers."""
_MOST_S = 30 * 86_400
_IN_STORM = (0.1, 0.45, 0.45)
"""Shares of further reports in a storm: same person, same network, other networks."""


class Sightings(Struct, frozen=True):
    """Acts of reporting, as columns of equal length."""

    incident: Column
    """Index of the incident in the block."""
    network: Column
    person: Column
    reported: Column
    """True instant of the report, seconds of UTC."""

    def take(self, rows: Column) -> "Sightings":
        """Some of the rows."""
        return Sightings(*(getattr(self, name)[rows] for name in self.__struct_fields__))

    def __len__(self) -> int:
        return len(self.incident)


class ReportingModel:
    """Draws the reporters and times of reports."""

    def __init__(self, parameters: SimulationParameters, place_model: PlaceModel, code_usage: CodeUsage) -> None:
        self._parameters, self._place_model, self._code_usage = parameters, place_model, code_usage
        networks = list(parameters.networks.values())
        self._staff = np.array([network.phones or network.staff for network in networks])
        self._citizens = 0
        """Number of citizens who have reported."""
        self._volumes = np.array([network.a_day for network in networks])
        self._firsts = [_seconds(network.delay) for network in networks]

    def sightings(self, incidents: Incidents, rng: RandomColumns) -> Sightings:
        """The sightings of a block's incidents."""
        first = np.zeros(len(incidents), dtype=np.int64)
        for network, table in enumerate(self._firsts):
            rows = np.flatnonzero(incidents.network == network)
            first[rows] = rng.of(table, len(rows))
        first = np.where(incidents.storm, np.minimum(first, 600), first)
        person = self._person(incidents.network, incidents.cell, rng)
        every = np.arange(len(incidents))
        parts = [(every, incidents.network, person, incidents.start + first)]
        parts += self._again(incidents, person, first, rng)
        return Sightings(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def _again(
        self, incidents: Incidents, person: Column, first: Column, rng: RandomColumns
    ) -> list[tuple[Column, ...]]:
        again = self._parameters.again
        attention = rng.of(exponential(), len(incidents))  # few incidents get many reports, most get one
        parts = []
        for kind, usual in enumerate((again.reporter, again.network, again.others)):
            mean = np.where(incidents.storm, incidents.repeat_mean * _IN_STORM[kind], usual)
            which = np.repeat(np.arange(len(incidents)), rng.counts(mean * attention))
            network, whose = incidents.network[which], person[which]
            if kind == 2:
                network, known = self._other(incidents.matter[which], network, rng)
                which, network, whose = which[known], network[known], whose[known]
            if kind:
                whose = self._person(network, incidents.cell[which], rng, whose if kind == 1 else None)
            parts.append((which, network, whose, incidents.start[which] + self._later(incidents, which, first, rng)))
        return parts

    def _later(self, incidents: Incidents, which: Column, first: Column, rng: RandomColumns) -> Column:
        """Seconds from the incident to a further report: mostly soon after the first, else while it is visible."""
        number, again, visible_s = len(which), self._parameters.again, incidents.visible_s[which]
        storm = incidents.storm[which]
        soon = np.where(
            storm,
            rng.of(_seconds(self._parameters.storms.delay), number),
            rng.of(_seconds(again.delay), number),
        )
        late = rng.of(_seconds(again.slow_delay), number)
        slow = rng.chance(again.slow, number) & ~storm & (late < visible_s)
        over = rng.below(np.maximum(visible_s, 1), number)
        return first[which] + np.where(slow, late, np.where(soon < visible_s, soon, over))

    def _other(self, matter: Column, network: Column, rng: RandomColumns) -> tuple[Column, Column]:
        """Another network that has a code for each matter, and whether there is one."""
        weights = self._code_usage.known_by[matter] * self._volumes
        weights[np.arange(len(matter)), network] = 0
        edges = np.cumsum(weights, axis=1)
        total = edges[:, -1]
        drawn = (edges <= (rng.unit(len(matter)) * total)[:, None]).sum(axis=1)
        return np.minimum(drawn, weights.shape[1] - 1), total > 0

    def _person(self, network: Column, cell: Column, rng: RandomColumns, unlike: Column | None = None) -> Column:
        """The reporters: a worker of the community, or a citizen, who reports only one incident. Never the worker `unlike`."""
        shift = rng.below(_STAFF if unlike is None else _STAFF - 1, len(cell))
        if unlike is not None:
            shift = (unlike % _STAFF + 1 + shift) % _STAFF
        worker = self._place_model.community[cell] * _STAFF + shift
        citizen = people(self._citizens + np.arange(len(cell)), CITIZENS)
        self._citizens += len(cell)
        return np.where(self._staff[network], worker, citizen)


def people(numbers: Column, sort: int) -> Column:
    """Masked numbers of people below 2 ** 31, distinct for up to 2 ** 30 people of a sort."""
    return (2 * numbers + sort) * _SPREAD & _PEOPLE


def _seconds(delay: Delay) -> Column:
    return lognormal(60 * delay.median_minutes, delay.sigma, _MOST_S)
