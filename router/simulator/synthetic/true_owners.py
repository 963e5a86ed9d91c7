"""The department that must lead an incident, by the catalogue at its true place."""

from bisect import bisect_right
from datetime import UTC, datetime
from typing import Any

import numpy as np

from router.domain.rules.city import City
from router.simulator.synthetic.code_usage import CodeUsage
from router.simulator.synthetic.places import PlaceModel

Column = Any
NO_OWNER = -1
_LENGTHS = (0, 2, 4, 6, 9, 12, 15)
"""Numbers of digits that the area of a duty can have."""


class Owners:
    """Looks up the catalogue once per matter and area that its duties distinguish."""

    def __init__(self, city: City, place_model: PlaceModel, code_usage: CodeUsage) -> None:
        self._catalogue, self._place_model, self._code_usage = city.catalogue, place_model, code_usage
        self.departments: list[str] = sorted(city.catalogue.departments)
        self._index = {name: place for place, name in enumerate(self.departments)}
        areas = [
            np.unique([code[:length] for code in place_model.codes], return_inverse=True)[1] for length in _LENGTHS
        ]
        self._areas = np.array(areas)
        """Length x cell: index of the cell's area of that length."""
        self._length = np.array([self._digits(matter) for matter in code_usage.matters])
        self._owners: dict[tuple[int, int], int] = {}
        """Period, and pair of matter and area -> owner."""

    def of(self, matter: Column, cell: Column, at: int) -> Column:
        """Index of the lead department of each incident; NO_OWNER without a duty and a fallback. `at` is in seconds of UTC.

        Duties begin and end at midnight, so one instant represents its day.
        """
        instant = datetime.fromtimestamp(at, UTC)
        period = bisect_right(self._catalogue.boundaries, instant)
        cells = len(self._place_model.codes)
        area = self._areas[self._length[matter], cell]
        pairs, first, place = np.unique(matter * cells + area, return_index=True, return_inverse=True)
        owners = []
        for pair, one in zip(pairs.tolist(), first.tolist(), strict=True):
            key = (period, pair)
            if key not in self._owners:
                self._owners[key] = self._lead(int(matter[one]), int(cell[one]), instant)
            owners.append(self._owners[key])
        return np.array(owners, dtype=np.int64)[place]

    def _digits(self, matter: str) -> int:
        """Index in _LENGTHS of the longest area that a duty for this matter names."""
        return max((_LENGTHS.index(len(one.area)) for one in self._catalogue.candidates.get(matter, ())), default=0)

    def _lead(self, matter: int, cell: int, at: datetime) -> int:
        route = self._catalogue.route(self._code_usage.matters[matter], self._place_model.codes[cell], at)
        return next((self._index[one.department] for one in route.assigned if one.role == "lead"), NO_OWNER)
