"""Points on the ground: coordinate systems, distances in metres, and a flat projection of one city.

CGCS2000 (EPSG:4490, the datum of GB/T 30428) and WGS 84 (EPSG:4326) differ by centimetres and count as one here. GCJ-02 is
the offset datum of Chinese phone maps. It is some hundred metres off inside China and equal to WGS 84 outside. BD-09 is the
datum of Baidu's maps: GCJ-02 with a second offset, of about 900 m.
"""

from math import cos, hypot, pi, radians
from typing import Any

import numpy as np

METRES_PER_DEGREE = 111_320.0
"""Metres per degree of latitude, and of longitude at the equator, on a sphere with the equatorial radius of WGS 84."""
_A, _EE = 6378245.0, 0.00669342162296594323
"""Krasovsky 1940 ellipsoid: semi-major axis in metres and squared eccentricity; GCJ-02 is defined on it."""
_WEST, _EAST, _SOUTH, _NORTH = 72.004, 137.8347, 0.8293, 55.8271
_BD_EAST, _BD_NORTH, _BD_WAVE = 0.0065, 0.006, pi * 3000 / 180
"""BD-09 in degrees of GCJ-02: a shift to the east and north, and the wave of the two small terms."""
_DECIMALS = 9
_ROUNDS = 3
"""Rounds of the inverse's fixed-point iteration. The third leaves at most 0.2 mm."""


def distance_m(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    """Distance of two points in metres by equirectangular projection. Not valid across the 180th meridian.

    Up to 10 km and 60 degrees of latitude the error stays below 0.7 % of the WGS 84 geodesic: largest at the equator, 0.4 % at
    34 degrees.
    """
    return hypot((lon2 - lon1) * cos(radians((lat1 + lat2) / 2)), lat2 - lat1) * METRES_PER_DEGREE


def wgs84_to_gcj02(lon: float, lat: float) -> tuple[float, float]:
    """WGS 84 degrees to GCJ-02 degrees by the published polynomial; identity outside China's bounding box."""
    x, y = _gcj02(np.array([lon]), np.array([lat]))
    return float(x[0]), float(y[0])


def gcj02_to_wgs84(lon: float, lat: float) -> tuple[float, float]:
    """GCJ-02 degrees to WGS 84 degrees: the inverse by fixed-point iteration, accurate to a millimetre.

    Within a kilometre of the bounding box's edge, where the offset jumps, an inverse may not exist.
    """
    x, y = gcj02_points_to_wgs84(np.array([lon]), np.array([lat]))
    return float(x[0]), float(y[0])


def gcj02_points_to_wgs84(lon: Any, lat: Any) -> tuple[Any, Any]:
    """The same for arrays of degrees (float64). A batch costs a twentieth of its points one by one.

    Results are rounded to 0.1 mm, so that processors whose sines differ in the last bit agree.
    """
    x, y = lon, lat
    for _ in range(_ROUNDS):
        there_x, there_y = _gcj02(x, y)
        x, y = x + lon - there_x, y + lat - there_y
    return np.where(x == lon, lon, np.round(x, _DECIMALS)), np.where(y == lat, lat, np.round(y, _DECIMALS))


def bd09_points_to_wgs84(lon: Any, lat: Any) -> tuple[Any, Any]:
    """Arrays of BD-09 degrees (float64) to WGS 84 degrees; identity outside China's bounding box."""
    x, y = lon - _BD_EAST, lat - _BD_NORTH
    for _ in range(_ROUNDS):
        there_x, there_y = _bd09(x, y)
        x, y = x + lon - there_x, y + lat - there_y
    inside = in_china(lon, lat)
    return gcj02_points_to_wgs84(np.where(inside, x, lon), np.where(inside, y, lat))


def _bd09(lon: Any, lat: Any) -> tuple[Any, Any]:
    """GCJ-02 degrees to BD-09 degrees."""
    far = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BD_WAVE)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BD_WAVE)
    return far * np.cos(angle) + _BD_EAST, far * np.sin(angle) + _BD_NORTH


def in_china(lon: Any, lat: Any) -> Any:
    """Whether points lie in the bounding box of China, which holds its neighbours' cities, too."""
    return (lon >= _WEST) & (lon <= _EAST) & (lat >= _SOUTH) & (lat <= _NORTH)


def _gcj02(lon: Any, lat: Any) -> tuple[Any, Any]:
    inside = in_china(lon, lat)
    east, north = _offset(lon - 105.0, lat - 35.0)
    radian = np.radians(lat)
    magic = 1 - _EE * np.sin(radian) ** 2
    root = np.sqrt(magic)
    return (
        np.where(inside, lon + east * 180.0 / (_A / root * np.cos(radian) * pi), lon),
        np.where(inside, lat + north * 180.0 / ((_A * (1 - _EE)) / (magic * root) * pi), lat),
    )


def _offset(x: Any, y: Any) -> tuple[Any, Any]:
    """Offset in metres, east and north, at `x`, `y` degrees from 105 E 35 N."""
    sin, sqrt = np.sin, np.sqrt
    waves = (20 * sin(6 * x * pi) + 20 * sin(2 * x * pi)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x)) + waves
    east += (20 * sin(x * pi) + 40 * sin(x / 3 * pi)) * 2 / 3
    east += (150 * sin(x / 12 * pi) + 300 * sin(x / 30 * pi)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x)) + waves
    north += (20 * sin(y * pi) + 40 * sin(y / 3 * pi)) * 2 / 3
    north += (160 * sin(y / 12 * pi) + 320 * sin(y * pi / 30)) * 2 / 3
    return east, north
