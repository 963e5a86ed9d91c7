"""Points of reports: the GPS fix of a phone, the point of an address, or the place of a station."""

from typing import Any

import numpy as np

from router.simulator.synthetic.code_usage import CodeUsage
from router.simulator.synthetic.coordinates import moved
from router.simulator.synthetic.incidents import WORDS, Incidents
from router.simulator.synthetic.parameters import SimulationParameters
from router.simulator.synthetic.rng import RandomColumns, exponential, normal

Column = Any
_FAR_MEAN_M = 150.0
"""Mean distance of an outlier beyond the minimum."""
_FINE = 1_000_000
"""Resolution of a standard deviation."""


class GpsError:
    """Draws the points of reports.

    Args:
        noise: factor of the errors. A geocoded address is not an error and does not depend on it.
    """

    def __init__(self, parameters: SimulationParameters, code_usage: CodeUsage, noise: float) -> None:
        networks = list(parameters.networks.values())
        self._errors, self._noise, self._code_usage = parameters.errors, noise, code_usage
        self._sigma_mm = np.array([1000 * network.sigma_m for network in networks]) * noise
        self._geocoded = np.array([network.geocoded for network in networks])

    def points(
        self,
        incidents: Incidents,
        which: Column,
        network: Column,
        spelling: Column,
        rng: RandomColumns,
        *,
        accuracy_factor: int,
    ) -> tuple[Column, Column]:
        """Reported points in millionths of a degree.

        Args:
            incidents: the incidents of the block.
            which: index of each report's incident.
            network: index of each report's network.
            spelling: index of each report's code. Codes of stations have exact places.
            rng: the random stream.
            accuracy_factor: factor by which errors are smaller than usual.
        """
        number, errors = len(which), self._errors
        sigma, table = self._sigma_mm[network] / (accuracy_factor * _FINE), normal(_FINE)
        east, north = sigma * rng.of(table, number), sigma * rng.of(table, number)
        exact = self._exact(network, spelling)
        # an address is known to all operators or to none, so its incident decides
        geocoded = (incidents.word[which] < self._geocoded[network] * WORDS) & ~exact
        far = rng.chance(min(1.0, errors.far * self._noise / accuracy_factor), number) & ~exact
        away = 1000 * (errors.far_m + _FAR_MEAN_M * rng.of(exponential(), number))
        angle = 2 * np.pi * rng.unit(number)
        east = np.where(far, away * np.cos(angle), np.where(geocoded | exact, 0, east))
        north = np.where(far, away * np.sin(angle), np.where(geocoded | exact, 0, north))
        lon = np.where(geocoded, incidents.door_lon[which], incidents.lon[which])
        lat = np.where(geocoded, incidents.door_lat[which], incidents.lat[which])
        return moved(lon, lat, east, north)

    def _exact(self, network: Column, spelling: Column) -> Column:
        """Whether each report is the reading of a station."""
        exact = np.zeros(len(network), dtype=bool)
        for one, codes in enumerate(self._code_usage.networks):
            if codes.exact.any():
                rows = np.flatnonzero(network == one)
                exact[rows] = codes.exact[spelling[rows]]
        return exact
