"""Converts columns of points: metres to degrees, and WGS 84 to GCJ-02 with the polynomial of `router.domain.geometry`.

Points are integers in millionths of a degree, about 0.1 m. No source has a finer resolution.
"""

from typing import Any

import numpy as np

Column = Any
MICRO = 1_000_000
MM_PER_MICRO = 111.320
"""Millimetres of a millionth of a degree of latitude."""
_A, _EE = 6378245.0, 0.00669342162296594323
_WEST, _EAST, _SOUTH, _NORTH = 72.004, 137.8347, 0.8293, 55.8271


def moved(lon: Column, lat: Column, east_mm: Column, north_mm: Column) -> tuple[Column, Column]:
    """Points moved by offsets in millimetres."""
    narrow = MM_PER_MICRO * np.cos(np.radians(lat / MICRO))
    return (
        lon + np.rint(east_mm / narrow).astype(np.int64),
        lat + np.rint(north_mm / MM_PER_MICRO).astype(np.int64),
    )


def gcj02(lon: Column, lat: Column) -> tuple[Column, Column]:
    """The points in GCJ-02, the datum of phone maps in China."""
    x, y = lon / MICRO, lat / MICRO
    inside = (x >= _WEST) & (x <= _EAST) & (y >= _SOUTH) & (y <= _NORTH)
    east, north = _offset(x - 105.0, y - 35.0)
    magic = 1 - _EE * np.sin(np.radians(y)) ** 2
    root = np.sqrt(magic)
    shifted_x = x + east * 180.0 / (_A / root * np.cos(np.radians(y)) * np.pi)
    shifted_y = y + north * 180.0 / ((_A * (1 - _EE)) / (magic * root) * np.pi)
    return (
        np.where(inside, np.rint(shifted_x * MICRO), lon).astype(np.int64),
        np.where(inside, np.rint(shifted_y * MICRO), lat).astype(np.int64),
    )


def _offset(x: Column, y: Column) -> tuple[Column, Column]:
    sin, pi, sqrt = np.sin, np.pi, np.sqrt
    waves = (20 * sin(6 * x * pi) + 20 * sin(2 * x * pi)) * 2 / 3
    slow = (20 * sin(x * pi) + 40 * sin(x / 3 * pi)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x)) + waves + slow
    east += (150 * sin(x / 12 * pi) + 300 * sin(x / 30 * pi)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x)) + waves
    north += (20 * sin(y * pi) + 40 * sin(y / 3 * pi)) * 2 / 3
    return east, north + (160 * sin(y / 12 * pi) + 320 * sin(y * pi / 30)) * 2 / 3
