"""Who reports an incident, and when: the first report, and further ones of the same person, network, or another."""

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
"""Workers of a network in one community."""
CITIZENS, SUBJECTS = 1, 0
"""Parity of the two sorts of people: those who report, and those whom a report is about."""
_PEOPLE, _SPREAD = (1 << 31) - 1, 0x9E3779B1
"""Mask of the numbers of people, and an odd factor that spreads them over all of it without meeting twice."""
_MOST_S = 30 * 86_400
_IN_STORM = (0.1, 0.45, 0.45)
"""Of the further reports in a storm: same person, same network, other networks."""


class Sightings(Struct, frozen=True):
    """Columns of one length."""

    incident: Column
    """Index in the block."""
    network: Column
    person: Column
    seen: Column
    """True instant at which it is reported, seconds of UTC."""

    def take(self, rows: Column) -> "Sightings":
        """Some of the rows."""
        return Sightings(*(getattr(self, name)[rows] for name in self.__struct_fields__))

    def __len__(self) -> int:
        return len(self.incident)


class ReportingModel:
    """Draws who reports."""

    def __init__(self, parameters: SimulationParameters, ground: PlaceModel, code_usage: CodeUsage) -> None:
        self._parameters, self._ground, self._vocabulary = parameters, ground, code_usage
        networks = list(parameters.networks.values())
        self._staff = np.array([network.phones or network.staff for network in networks])
        self._citizens = 0
        """How many of them have reported."""
        self._volumes = np.array([network.a_day for network in networks])
        self._firsts = [_seconds(network.delay) for network in networks]

    def sightings(self, incidents: Incidents, rng: RandomColumns) -> Sightings:
        """All reports of a block's incidents."""
        first = np.zeros(len(incidents), dtype=np.int64)
        for network, table in enumerate(self._firsts):
            its = np.flatnonzero(incidents.network == network)
            first[its] = rng.of(table, len(its))
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
        attention = rng.of(exponential(), len(incidents))  # some things everybody reports, most things nobody else
        parts = []
        for kind, usual in enumerate((again.reporter, again.network, again.others)):
            mean = np.where(incidents.storm, incidents.eager * _IN_STORM[kind], usual)
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
        """Seconds from the start to a further report: mostly soon after the first, else as long as it can be seen."""
        number, again, restart_policy = len(which), self._parameters.again, incidents.restart_policy[which]
        storm = incidents.storm[which]
        soon = np.where(
            storm,
            rng.of(_seconds(self._parameters.storms.delay), number),
            rng.of(_seconds(again.delay), number),
        )
        late = rng.of(_seconds(again.slow_delay), number)
        slow = rng.chance(again.slow, number) & ~storm & (late < restart_policy)
        over = rng.below(np.maximum(restart_policy, 1), number)
        return first[which] + np.where(slow, late, np.where(soon < restart_policy, soon, over))

    def _other(self, matter: Column, network: Column, rng: RandomColumns) -> tuple[Column, Column]:
        """Another network that knows each matter, and whether there is one."""
        weights = self._vocabulary.who_knows[matter] * self._volumes
        weights[np.arange(len(matter)), network] = 0
        edges = np.cumsum(weights, axis=1)
        total = edges[:, -1]
        drawn = (edges <= (rng.unit(len(matter)) * total)[:, None]).sum(axis=1)
        return np.minimum(drawn, weights.shape[1] - 1), total > 0

    def _person(self, network: Column, cell: Column, rng: RandomColumns, unlike: Column | None = None) -> Column:
        """Who reports: one of the network's workers there, or a citizen, who reports no other incident; never `unlike`."""
        shift = rng.below(_STAFF if unlike is None else _STAFF - 1, len(cell))
        if unlike is not None:
            shift = (unlike % _STAFF + 1 + shift) % _STAFF
        worker = self._ground.community[cell] * _STAFF + shift
        citizen = people(self._citizens + np.arange(len(cell)), CITIZENS)
        self._citizens += len(cell)
        return np.where(self._staff[network], worker, citizen)


def people(numbers: Column, sort: int) -> Column:
    """Masked numbers of people below 2 ** 31: each its own, up to 2 ** 30 of a sort."""
    return (2 * numbers + sort) * _SPREAD & _PEOPLE


def _seconds(delay: Delay) -> Column:
    return lognormal(60 * delay.median_minutes, delay.sigma, _MOST_S)
