"""Which department must have an incident: what the catalogue says at its true place."""

from bisect import bisect_right
from datetime import UTC, datetime
from typing import Any

import numpy as np

from router.domain.rules.city import City
from router.simulator.synthetic.code_usage import CodeUsage
from router.simulator.synthetic.places import PlaceModel

Column = Any
NOBODY = -1
_LENGTHS = (0, 2, 4, 6, 9, 12, 15)
"""Digits of the areas that a duty can have."""


class Owners:
    """Asks the catalogue once for each matter and area that its duties tell apart."""

    def __init__(self, city: City, ground: PlaceModel, code_usage: CodeUsage) -> None:
        self._catalogue, self._ground, self._vocabulary = city.catalogue, ground, code_usage
        self.departments: list[str] = sorted(city.catalogue.departments)
        self._index = {name: place for place, name in enumerate(self.departments)}
        areas = [np.unique([code[:length] for code in ground.codes], return_inverse=True)[1] for length in _LENGTHS]
        self._areas = np.array(areas)
        """Length x cell: the area of that length."""
        self._length = np.array([self._digits(matter) for matter in code_usage.matters])
        self._asked: dict[tuple[int, int], int] = {}
        """Period and pair of matter and area -> owner."""

    def of(self, matter: Column, cell: Column, at: int) -> Column:
        """Index of the leading department of each incident, NOBODY where no duty and no fallback is; `at` seconds of UTC.

        Duties begin and end at midnight, so one instant stands for its day.
        """
        instant = datetime.fromtimestamp(at, UTC)
        period = bisect_right(self._catalogue.boundaries, instant)
        cells = len(self._ground.codes)
        area = self._areas[self._length[matter], cell]
        pairs, first, place = np.unique(matter * cells + area, return_index=True, return_inverse=True)
        owners = []
        for pair, one in zip(pairs.tolist(), first.tolist(), strict=True):
            key = (period, pair)
            if key not in self._asked:
                self._asked[key] = self._lead(int(matter[one]), int(cell[one]), instant)
            owners.append(self._asked[key])
        return np.array(owners, dtype=np.int64)[place]

    def _digits(self, matter: str) -> int:
        """Index in _LENGTHS of the longest area that a duty about this matter names."""
        return max((_LENGTHS.index(len(one.area)) for one in self._catalogue.candidates.get(matter, ())), default=0)

    def _lead(self, matter: int, cell: int, at: datetime) -> int:
        route = self._catalogue.route(self._vocabulary.matters[matter], self._ground.codes[cell], at)
        return next((self._index[one.department] for one in route.assigned if one.role == "lead"), NOBODY)
