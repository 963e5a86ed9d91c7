"""True incidents of a block of time: ordinary incidents and storms."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
from msgspec import Struct

from router.simulator.synthetic.code_usage import CodeUsage
from router.simulator.synthetic.local_time import DAY, HOUR
from router.simulator.synthetic.parameters import SimulationParameters
from router.simulator.synthetic.places import PlaceModel
from router.simulator.synthetic.rng import RandomColumns
from router.simulator.synthetic.spacing import Spacing

Column = Any
_TRIES = 4
"""Attempts to place an incident with enough distance to others."""
_NEVER_GONE = 1 << 62
WORDS = 1 << 31
"""Number of different random words of an incident."""
_GRADES = np.array([0.55, 0.30, 0.12, 0.03])
"""Shares of the severity grades, from minor to grave. An assumption."""


class Block(Struct, frozen=True):
    """Some whole hours of one day, or a part of one hour."""

    day: date
    hours: Sequence[int]
    begins: Sequence[int]
    """Start of each hour, or of the part, seconds of UTC."""
    length: int
    """Length of each, seconds."""
    index: tuple[int, int]
    """Number of the day from the first day, and of the block in the day."""


class Incidents(Struct, frozen=True):
    """Incidents as columns of equal length."""

    start: Column
    """Seconds of UTC."""
    network: Column
    """Index of the network that reports it first."""
    matter: Column
    cell: Column
    lon: Column
    lat: Column
    """True point, millionths of a degree."""
    door_lon: Column
    door_lat: Column
    """Point of its address. Incidents at one door have the same point."""
    grade: Column
    storm: Column
    repeat_mean: Column
    """Mean number of further reports in a storm; 0 outside of storms."""
    visible_s: Column
    """Seconds for which it is visible. In a storm: until the end of the storm."""
    word: Column
    """31 random bits for choices that all its reports share, such as the component."""

    def __len__(self) -> int:
        return len(self.start)


class _Candidates(Struct, frozen=True):
    """Incidents to place: columns of equal length, ordered by start."""

    matter: Column
    cell: Column
    start: Column
    until: Column
    storm: Column


class IncidentModel:
    """Draws incidents.

    Args:
        factor: factor of all volumes. Distances shrink with it, so that a busier city still has room.
    """

    def __init__(
        self, parameters: SimulationParameters, place_model: PlaceModel, code_usage: CodeUsage, factor: float
    ) -> None:
        self._parameters, self._place_model, self._code_usage = parameters, place_model, code_usage
        self._volumes = np.array([one.a_day for one in parameters.networks.values()]) * parameters.scale * factor
        self._shapes = [np.array(parameters.hours[one.hours]) for one in parameters.networks.values()]
        self._storm_matters = code_usage.column(parameters.storms.matters)
        lasting = parameters.lasting
        hours = dict.fromkeys(code_usage.matters, lasting.hours) | lasting.hours_of
        apart = dict.fromkeys(code_usage.matters, parameters.apart.metres) | parameters.apart.metres_of
        self._spacing = Spacing(code_usage.column(apart) / max(1.0, factor) ** 0.5, place_model.corner)
        self._visible_s = (code_usage.column(hours) * HOUR).astype(np.int64)

    def incidents(self, block: Block, rng: RandomColumns) -> Incidents:
        """Draw the incidents of a block, ordered by start."""
        weights = self._place_model.weights(block.day)
        parts = [self._ordinary(network, block, weights, rng) for network in range(len(self._volumes))]
        storms = rng.count(self._parameters.storms.a_day * len(block.hours) * block.length / DAY)
        parts += [self._storm(block, weights, rng) for _ in range(storms)]
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        order = np.argsort(columns[0], kind="stable")
        start, network, matter, cell, storm, repeat_mean, end = (column[order] for column in columns)
        visible_s = np.where(storm > 0, np.maximum(end - start, 60), self._visible_s[matter])
        candidates = _Candidates(matter, cell, start, start + visible_s, storm > 0)
        lon, lat, placed = self._placed(candidates, weights, rng)
        door_lon, door_lat = self._place_model.doors(cell[placed], lon[placed], lat[placed])
        return Incidents(
            start=start[placed],
            network=network[placed],
            matter=matter[placed],
            cell=cell[placed],
            lon=lon[placed],
            lat=lat[placed],
            door_lon=door_lon,
            door_lat=door_lat,
            grade=rng.pick(_GRADES, len(placed)),
            storm=storm[placed] > 0,
            repeat_mean=repeat_mean[placed],
            visible_s=visible_s[placed],
            word=rng.below(WORDS, len(placed)),
        )

    def _placed(self, candidates: "_Candidates", weights: Column, rng: RandomColumns) -> tuple[Column, Column, Column]:
        """Points, and the indices of the incidents that were placed. If a cell is full, the incident moves to another cell.

        Changes `candidates.cell` in place. Incidents of a storm keep their cell, and are left out if it is full.
        """
        matter, cell = candidates.matter, candidates.cell
        self._spacing.forget(int(candidates.start.min(initial=_NEVER_GONE)))
        lon, lat = self._place_model.points(cell, rng)
        open_, placed = np.arange(len(cell)), np.zeros(len(cell), dtype=bool)
        for attempt in range(_TRIES):
            free = self._spacing.free(
                matter[open_], lon[open_], lat[open_], candidates.start[open_], candidates.until[open_]
            )
            fitting, open_ = open_[free], open_[~free]
            self._spacing.take(matter[fitting], lon[fitting], lat[fitting], candidates.until[fitting])
            placed[fitting] = True
            if not len(open_):
                break
            if attempt:
                elsewhere = rng.pick(self._home_weights(weights), len(open_))
                cell[open_] = np.where(candidates.storm[open_], cell[open_], elsewhere)
            lon[open_], lat[open_] = self._place_model.points(cell[open_], rng)
        return lon, lat, np.flatnonzero(placed)

    def _ordinary(self, network: int, block: Block, weights: Column, rng: RandomColumns) -> tuple[Column, ...]:
        shape, hours = self._shapes[network], list(block.hours)
        share = shape[hours] / shape.sum() * block.length / HOUR
        number = rng.count(float(self._volumes[network] * self._day_factor(network, block.day) * share.sum()))
        begins = np.array(block.begins, dtype=np.int64)
        hour = rng.pick(share, number) if number else np.zeros(0, dtype=np.int64)
        matter = rng.pick(self._code_usage.networks[network].weights, number)
        in_streets, at_home = rng.pick(weights, number), rng.pick(self._home_weights(weights), number)
        return (
            begins[hour] + rng.below(block.length, number),
            np.full(number, network),
            matter,
            np.where(self._code_usage.at_home[matter], at_home, in_streets),
            np.zeros(number),
            np.zeros(number),
            np.zeros(number, dtype=np.int64),
        )

    def _home_weights(self, weights: Column) -> Column:
        """Weights of cells for incidents in homes."""
        return weights**self._parameters.homes.flatter * (weights > 0)

    def _day_factor(self, network: int, day: date) -> float:
        """Factor of a network's volume on a day."""
        parameters = self._parameters
        factor = parameters.weekdays[day.weekday()]
        quota = list(parameters.networks.values())[network].quota
        left = _days_left(day)
        return factor * parameters.quota.factor if quota and left < parameters.quota.last_days else factor

    def _storm(self, block: Block, weights: Column, rng: RandomColumns) -> tuple[Column, ...]:
        """The incidents of a storm over a part of one street. Most are reported more than once."""
        storms = self._parameters.storms
        matter = int(rng.pick(self._storm_matters, 1)[0])
        centre = int(rng.pick(weights, 1)[0])
        street = self._place_model.street
        among = np.flatnonzero((street == street[centre]) & (weights > 0))
        share, duplicates, seconds = (
            low + (high - low) * float(rng.unit(1)[0])
            for low, high in (storms.cells, storms.duplicates, (storms.hours[0] * HOUR, storms.hours[1] * HOUR))
        )
        cells = self._place_model.around(centre, among)[: max(1, round(share * len(among)))]
        mean = float(self._volumes.sum() * weights[cells].sum() / weights.sum()) * storms.factor * seconds / DAY
        number = max(1, rng.count(mean * (1 - duplicates)))
        begins = block.begins[int(rng.below(len(block.begins), 1)[0])] + int(rng.below(block.length, 1)[0])
        knowing = self._volumes * self._code_usage.known_by[matter]
        return (
            begins + rng.below(max(1, round(seconds)), number),
            rng.pick(knowing, number),
            np.full(number, matter),
            cells[rng.pick(self._home_weights(weights[cells]), number)],
            np.ones(number),
            np.full(number, duplicates / (1 - duplicates)),
            np.full(number, begins + round(seconds)),
        )


def _days_left(day: date) -> int:
    """Number of days of the month after this day."""
    following = date.fromordinal(day.replace(day=28).toordinal() + 4)
    return following.replace(day=1).toordinal() - day.toordinal() - 1
