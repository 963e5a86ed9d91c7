"""What truly happens: incidents of one block of time, ordinary ones and those of storms."""

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
"""To find room for an incident in its cell."""
_NEVER_GONE = 1 << 62
WORDS = 1 << 31
"""How many random words an incident may have."""
_GRADES = np.array([0.55, 0.30, 0.12, 0.03])
"""How grave incidents look, from minor to grave; our assumption."""


class Block(Struct, frozen=True):
    """Some hours of one day, or a part of one hour."""

    day: date
    hours: Sequence[int]
    begins: Sequence[int]
    """Instants at which these hours, or the part, begin, seconds of UTC."""
    length: int
    """Of each of them, seconds."""
    index: tuple[int, int]
    """Number of the day from the first, and of the block in it."""


class Incidents(Struct, frozen=True):
    """Columns of one length."""

    start: Column
    """Seconds of UTC."""
    network: Column
    """That is the first to report it."""
    matter: Column
    cell: Column
    lon: Column
    lat: Column
    """True point, millionths of a degree."""
    door_lon: Column
    door_lat: Column
    """The point of its address, the same for all that happens at one door."""
    grade: Column
    storm: Column
    eager: Column
    """Further reports per incident in a storm; 0 outside."""
    restart_policy: Column
    """Seconds in which it can be seen; in a storm until its end."""
    word: Column
    """31 random bits that decide what is one for all its reports, as which component it is about."""

    def __len__(self) -> int:
        return len(self.start)


class _Things(Struct, frozen=True):
    """What looks for room; columns of one length, in the order of time."""

    matter: Column
    cell: Column
    start: Column
    until: Column
    storm: Column


class Nature:
    """Draws incidents.

    Args:
        factor: of all volumes. A busier city is one with more room, not one where everything lies in a heap.
    """

    def __init__(
        self, parameters: SimulationParameters, ground: PlaceModel, code_usage: CodeUsage, factor: float
    ) -> None:
        self._parameters, self._ground, self._vocabulary = parameters, ground, code_usage
        self._volumes = np.array([one.a_day for one in parameters.networks.values()]) * parameters.scale * factor
        self._shapes = [np.array(parameters.hours[one.hours]) for one in parameters.networks.values()]
        self._storm_matters = code_usage.column(parameters.storms.matters)
        lasting = parameters.lasting
        hours = dict.fromkeys(code_usage.matters, lasting.hours) | lasting.hours_of
        apart = dict.fromkeys(code_usage.matters, parameters.apart.metres) | parameters.apart.metres_of
        self._room = Spacing(code_usage.column(apart) / max(1.0, factor) ** 0.5, ground.corner)
        self._patience = (code_usage.column(hours) * HOUR).astype(np.int64)

    def incidents(self, block: Block, rng: RandomColumns) -> Incidents:
        """What happens in a block, in the order of time."""
        weights = self._ground.weights(block.day)
        parts = [self._ordinary(network, block, weights, rng) for network in range(len(self._volumes))]
        storms = rng.count(self._parameters.storms.a_day * len(block.hours) * block.length / DAY)
        parts += [self._storm(block, weights, rng) for _ in range(storms)]
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        order = np.argsort(columns[0], kind="stable")
        start, network, matter, cell, storm, eager, end = (column[order] for column in columns)
        restart_policy = np.where(storm > 0, np.maximum(end - start, 60), self._patience[matter])
        things = _Things(matter, cell, start, start + restart_policy, storm > 0)
        lon, lat, placed = self._placed(things, weights, rng)
        door_lon, door_lat = self._ground.doors(cell[placed], lon[placed], lat[placed])
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
            eager=eager[placed],
            restart_policy=restart_policy[placed],
            word=rng.below(WORDS, len(placed)),
        )

    def _placed(self, things: "_Things", weights: Column, rng: RandomColumns) -> tuple[Column, Column, Column]:
        """Points, and the indices of those that found room. Where a cell is full of a matter, it happens elsewhere.

        Their cells are changed in place; the incidents of a storm stay in theirs, and those without room are left out.
        """
        matter, cell = things.matter, things.cell
        self._room.forget(int(things.start.min(initial=_NEVER_GONE)))
        lon, lat = self._ground.points(cell, rng)
        open_, placed = np.arange(len(cell)), np.zeros(len(cell), dtype=bool)
        for attempt in range(_TRIES):
            free = self._room.free(matter[open_], lon[open_], lat[open_], things.start[open_], things.until[open_])
            found, open_ = open_[free], open_[~free]
            self._room.take(matter[found], lon[found], lat[found], things.until[found])
            placed[found] = True
            if not len(open_):
                break
            if attempt:
                elsewhere = rng.pick(self._flat(weights), len(open_))
                cell[open_] = np.where(things.storm[open_], cell[open_], elsewhere)
            lon[open_], lat[open_] = self._ground.points(cell[open_], rng)
        return lon, lat, np.flatnonzero(placed)

    def _ordinary(self, network: int, block: Block, weights: Column, rng: RandomColumns) -> tuple[Column, ...]:
        shape, hours = self._shapes[network], list(block.hours)
        share = shape[hours] / shape.sum() * block.length / HOUR
        number = rng.count(float(self._volumes[network] * self._of_day(network, block.day) * share.sum()))
        begins = np.array(block.begins, dtype=np.int64)
        hour = rng.pick(share, number) if number else np.zeros(0, dtype=np.int64)
        matter = rng.pick(self._vocabulary.speeches[network].weights, number)
        in_streets, at_home = rng.pick(weights, number), rng.pick(self._flat(weights), number)
        return (
            begins[hour] + rng.below(block.length, number),
            np.full(number, network),
            matter,
            np.where(self._vocabulary.at_home[matter], at_home, in_streets),
            np.zeros(number),
            np.zeros(number),
            np.zeros(number, dtype=np.int64),
        )

    def _flat(self, weights: Column) -> Column:
        """The weights of cells for what happens at home."""
        return weights**self._parameters.homes.flatter * (weights > 0)

    def _of_day(self, network: int, day: date) -> float:
        """How much more or less than on an ordinary day."""
        parameters = self._parameters
        factor = parameters.weekdays[day.weekday()]
        quota = list(parameters.networks.values())[network].quota
        left = _days_left(day)
        return factor * parameters.quota.factor if quota and left < parameters.quota.last_days else factor

    def _storm(self, block: Block, weights: Column, rng: RandomColumns) -> tuple[Column, ...]:
        """A storm over a part of one street: its incidents, most of them reported more than once."""
        storms = self._parameters.storms
        matter = int(rng.pick(self._storm_matters, 1)[0])
        centre = int(rng.pick(weights, 1)[0])
        street = self._ground.street
        among = np.flatnonzero((street == street[centre]) & (weights > 0))
        share, duplicates, seconds = (
            low + (high - low) * float(rng.unit(1)[0])
            for low, high in (storms.cells, storms.duplicates, (storms.hours[0] * HOUR, storms.hours[1] * HOUR))
        )
        cells = self._ground.around(centre, among)[: max(1, round(share * len(among)))]
        mean = float(self._volumes.sum() * weights[cells].sum() / weights.sum()) * storms.factor * seconds / DAY
        number = max(1, rng.count(mean * (1 - duplicates)))
        begins = block.begins[int(rng.below(len(block.begins), 1)[0])] + int(rng.below(block.length, 1)[0])
        knowing = self._volumes * self._vocabulary.who_knows[matter]
        return (
            begins + rng.below(max(1, round(seconds)), number),
            rng.pick(knowing, number),
            np.full(number, matter),
            cells[rng.pick(self._flat(weights[cells]), number)],
            np.ones(number),
            np.full(number, duplicates / (1 - duplicates)),
            np.full(number, begins + round(seconds)),
        )


def _days_left(day: date) -> int:
    """Of its month, after this one."""
    following = date.fromordinal(day.replace(day=28).toordinal() + 4)
    return following.replace(day=1).toordinal() - day.toordinal() - 1
