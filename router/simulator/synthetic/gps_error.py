"""Where a report says that it is: a fix of a phone, the point of an address, a station's own place."""

from typing import Any

import numpy as np

from router.simulator.synthetic.code_usage import CodeUsage
from router.simulator.synthetic.coordinates import moved
from router.simulator.synthetic.incidents import WORDS, Incidents
from router.simulator.synthetic.parameters import SimulationParameters
from router.simulator.synthetic.rng import RandomColumns, exponential, normal

Column = Any
_FAR_MEAN_M = 150.0
"""Of a point that is far off, beyond the least."""
_FINE = 1_000_000
"""Parts of a standard deviation."""


class GpsError:
    """Draws the points that are written.

    Args:
        noise: of the errors; the address that a seat writes is none, and the same at every noise.
    """

    def __init__(self, parameters: SimulationParameters, code_usage: CodeUsage, noise: float) -> None:
        networks = list(parameters.networks.values())
        self._errors, self._noise, self._vocabulary = parameters.errors, noise, code_usage
        self._sigma_mm = np.array([1000 * network.sigma_m for network in networks]) * noise
        self._geocoded = np.array([network.geocoded for network in networks])

    def points(
        self, incidents: Incidents, which: Column, network: Column, spelt: Column, rng: RandomColumns, *, surer: int
    ) -> tuple[Column, Column]:
        """Points as they are written, millionths of a degree.

        Args:
            incidents: of the block.
            which: the incident of each report.
            network: its network.
            spelt: its class, because a station knows where it stands.
            rng: to draw from.
            surer: how much better than usual.
        """
        number, errors = len(which), self._errors
        sigma, table = self._sigma_mm[network] / (surer * _FINE), normal(_FINE)
        east, north = sigma * rng.of(table, number), sigma * rng.of(table, number)
        exact = self._exact(network, spelt)
        # whether an address can be found is a matter of the address: all seats find it, or none
        found = (incidents.word[which] < self._geocoded[network] * WORDS) & ~exact
        far = rng.chance(min(1.0, errors.far * self._noise / surer), number) & ~exact
        away = 1000 * (errors.far_m + _FAR_MEAN_M * rng.of(exponential(), number))
        angle = 2 * np.pi * rng.unit(number)
        east = np.where(far, away * np.cos(angle), np.where(found | exact, 0, east))
        north = np.where(far, away * np.sin(angle), np.where(found | exact, 0, north))
        lon = np.where(found, incidents.door_lon[which], incidents.lon[which])
        lat = np.where(found, incidents.door_lat[which], incidents.lat[which])
        return moved(lon, lat, east, north)

    def _exact(self, network: Column, spelt: Column) -> Column:
        """Whether it is a station's reading."""
        exact = np.zeros(len(network), dtype=bool)
        for one, speech in enumerate(self._vocabulary.speeches):
            if speech.exact.any():
                its = np.flatnonzero(network == one)
                exact[its] = speech.exact[spelt[its]]
        return exact
