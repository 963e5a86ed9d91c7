"""Keeps concurrent incidents of one matter apart. Closer ones would be one incident.

Two floods twenty metres apart are the same water. The city is divided into squares as wide as the distance. An incident
needs its own square and the eight around it to be free of its matter.
"""

from typing import Any

import numpy as np

from router.simulator.synthetic.coordinates import MICRO, MM_PER_MICRO

Column = Any
_BITS = 26
_SPARE = 2
"""Number of spare squares south and west of the city, so that no neighbour has a negative number."""
_LONG = 40
"""More bits than an instant in seconds has."""


class Spacing:
    """The occupied squares of each matter.

    Args:
        apart_m: smallest distance between incidents of each matter; 0: any number at one place.
        corner: south-west corner of the city, millionths of a degree.
    """

    def __init__(self, apart_m: Column, corner: tuple[int, int]) -> None:
        self._west, self._south = corner
        height = 1000 * apart_m / MM_PER_MICRO
        self._height = np.maximum(np.rint(height), 1).astype(np.int64)
        width = np.rint(height / np.cos(np.radians(self._south / MICRO)))
        self._width = np.maximum(width, 1).astype(np.int64)
        self._bounded = apart_m > 0
        self._keys, self._until = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)

    def free(self, matter: Column, lon: Column, lat: Column, start: Column, until: Column) -> Column:
        """Whether each incident, in order of time, is far enough from present incidents and earlier ones of the batch."""
        free = np.ones(len(matter), dtype=bool)
        rows = np.flatnonzero(self._bounded[matter])
        own = self._squares(matter[rows], lon[rows], lat[rows])
        order = np.argsort(own, kind="stable")  # sorted look-ups of neighbours are several times faster
        rows, own = rows[order], own[order]
        before = _Before(own, rows, until[rows])
        taken = np.zeros(len(own), dtype=bool)
        for east in (-1, 0, 1):
            for north in (-1, 0, 1):
                beside = own + (east << _BITS) + north
                taken |= _at(self._keys, self._until, beside) > start[rows]
                taken |= before.until(beside, rows) > start[rows]
        free[rows] = ~taken
        return free

    def forget(self, now: int) -> None:
        """Release the squares of incidents that have ended."""
        present = self._until > now
        self._keys, self._until = self._keys[present], self._until[present]

    def take(self, matter: Column, lon: Column, lat: Column, until: Column) -> None:
        """Occupy the squares of these incidents."""
        rows = np.flatnonzero(self._bounded[matter])
        squares, ends = self._squares(matter[rows], lon[rows], lat[rows]), until[rows]
        order = np.lexsort((ends, squares))
        squares, ends = squares[order], ends[order]
        last = np.append(squares[1:] != squares[:-1], True)[: len(squares)]
        squares, ends = squares[last], ends[last]
        place: Column = np.searchsorted(self._keys, squares)
        existing = np.zeros(len(squares), dtype=bool)
        if len(self._keys):
            existing = self._keys[np.minimum(place, len(self._keys) - 1)] == squares
        self._until[place[existing]] = np.maximum(self._until[place[existing]], ends[existing])
        self._keys = np.insert(self._keys, place[~existing], squares[~existing])
        self._until = np.insert(self._until, place[~existing], ends[~existing])

    def _squares(self, matter: Column, lon: Column, lat: Column) -> Column:
        across = (lon - self._west) // self._width[matter] + _SPARE
        up = (lat - self._south) // self._height[matter] + _SPARE
        return (((matter << _BITS) + across) << _BITS) + up


class _Before:
    """The time until which earlier incidents of the batch occupy each square.

    Args:
        squares: squares of the incidents, sorted.
        rows: positions in the batch, ascending within a square.
        until: end of each incident.
    """

    def __init__(self, squares: Column, rows: Column, until: Column) -> None:
        self._among, rank = np.unique(squares, return_inverse=True)
        self._size = int(rows.max(initial=0)) + 1
        self._place = rank * self._size + rows
        self._latest = np.maximum.accumulate((rank << _LONG) + until) & ((1 << _LONG) - 1)
        """The running maximum restarts at each square, because all numbers of a later square are larger."""

    def until(self, squares: Column, rows: Column) -> Column:
        """The end of occupation for each square and position in the batch; 0 if no earlier incident occupies it."""
        if not len(self._among):
            return np.zeros(len(squares), dtype=np.int64)
        rank = np.minimum(np.searchsorted(self._among, squares), len(self._among) - 1)
        last = np.searchsorted(self._place, rank * self._size + rows) - 1
        occupied = (self._among[rank] == squares) & (last >= 0) & (self._place[last] // self._size == rank)
        return np.where(occupied, self._latest[last], 0)


def _at(keys: Column, values: Column, wanted: Column) -> Column:
    """The value of each wanted key in a sorted column of keys; 0 for a missing key."""
    if not len(keys):
        return np.zeros(len(wanted), dtype=np.int64)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0)
