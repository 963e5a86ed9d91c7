"""Errors of real sources: imprecise points, late arrival, wrong class. Seeded. Units are metres, minutes and degrees."""

import math
from datetime import timedelta
from random import Random

METRES_PER_DEGREE = 111_195.0
"""Metres per degree of latitude on a sphere of 6,371 km. Exact enough for an error that is itself random."""

SIGMA_M = 15.0
"""Standard deviation of a phone's fix, per axis."""
FAR_SHARE, FAR_M = 0.02, 200.0
"""Share of fixes with a far larger error: the wrong street, the caller's home."""
LATEST = timedelta(hours=48)
"""Largest delay. It keeps a round of history shorter than its week."""


def off(random: Random, lon: float, lat: float) -> tuple[float, float]:
    """A point as a phone or caller gives it, near the true one."""
    if random.random() < FAR_SHARE:
        distance = FAR_M + random.expovariate(1 / 150.0)
        angle = random.uniform(0.0, math.tau)
        return moved(lon, lat, distance * math.cos(angle), distance * math.sin(angle))
    return moved(lon, lat, random.gauss(0.0, SIGMA_M), random.gauss(0.0, SIGMA_M))


def moved(lon: float, lat: float, east_m: float, north_m: float) -> tuple[float, float]:
    """A point moved by metres."""
    return (
        lon + east_m / (METRES_PER_DEGREE * math.cos(math.radians(lat))),
        lat + north_m / METRES_PER_DEGREE,
    )


def delay(random: Random, median_minutes: float, sigma: float) -> timedelta:
    """A lognormal delay in whole seconds, cut at two days."""
    return min(timedelta(seconds=round(60 * random.lognormvariate(math.log(median_minutes), sigma))), LATEST)
