"""Room on the ground: two things of one matter that are there at one time are a little apart, else they were one thing.

A flooded road twenty metres from a flooded road is the same water. Kept by squares as wide as the distance: an incident
needs its own square and the eight around it free of its matter, until what stands there is gone.
"""

from typing import Any

import numpy as np

from router.simulator.synthetic.coordinates import MICRO, MM_PER_MICRO

Column = Any
_BITS = 26
_SPARE = 2
"""Squares south and west of the city, so that no neighbour has a number below 0."""
_LONG = 40
"""Bits of an instant in seconds, and more."""


class Spacing:
    """Where something of each matter is.

    Args:
        apart_m: for each matter how far apart its incidents are; 0: any number at one place.
        corner: south-west of the city, millionths of a degree.
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
        """Whether each incident, in the order of time, finds room beside what is there and those before it."""
        found = np.ones(len(matter), dtype=bool)
        rows = np.flatnonzero(self._bounded[matter])
        own = self._squares(matter[rows], lon[rows], lat[rows])
        order = np.argsort(own, kind="stable")  # neighbours are looked up in order, which is several times as fast
        rows, own = rows[order], own[order]
        before = _Before(own, rows, until[rows])
        taken = np.zeros(len(own), dtype=bool)
        for east in (-1, 0, 1):
            for north in (-1, 0, 1):
                beside = own + (east << _BITS) + north
                taken |= _at(self._keys, self._until, beside) > start[rows]
                taken |= before.until(beside, rows) > start[rows]
        found[rows] = ~taken
        return found

    def forget(self, now: int) -> None:
        """What is gone by then takes no room any more."""
        there = self._until > now
        self._keys, self._until = self._keys[there], self._until[there]

    def take(self, matter: Column, lon: Column, lat: Column, until: Column) -> None:
        """These incidents stand there."""
        rows = np.flatnonzero(self._bounded[matter])
        squares, ends = self._squares(matter[rows], lon[rows], lat[rows]), until[rows]
        order = np.lexsort((ends, squares))
        squares, ends = squares[order], ends[order]
        last = np.append(squares[1:] != squares[:-1], True)[: len(squares)]
        squares, ends = squares[last], ends[last]
        place: Column = np.searchsorted(self._keys, squares)
        held = np.zeros(len(squares), dtype=bool)
        if len(self._keys):
            held = self._keys[np.minimum(place, len(self._keys) - 1)] == squares
        self._until[place[held]] = np.maximum(self._until[place[held]], ends[held])
        self._keys = np.insert(self._keys, place[~held], squares[~held])
        self._until = np.insert(self._until, place[~held], ends[~held])

    def _squares(self, matter: Column, lon: Column, lat: Column) -> Column:
        across = (lon - self._west) // self._width[matter] + _SPARE
        up = (lat - self._south) // self._height[matter] + _SPARE
        return (((matter << _BITS) + across) << _BITS) + up


class _Before:
    """Until when each square is taken by those of one batch that come before another.

    Args:
        squares: sorted.
        rows: places in the batch, ascending within a square.
        until: when each is gone.
    """

    def __init__(self, squares: Column, rows: Column, until: Column) -> None:
        self._among, rank = np.unique(squares, return_inverse=True)
        self._size = int(rows.max(initial=0)) + 1
        self._place = rank * self._size + rows
        self._latest = np.maximum.accumulate((rank << _LONG) + until) & ((1 << _LONG) - 1)
        """The running maximum begins anew in each square, because a later square's numbers are all larger."""

    def until(self, squares: Column, rows: Column) -> Column:
        """For each square and place in the batch; 0 when nothing is before it there."""
        if not len(self._among):
            return np.zeros(len(squares), dtype=np.int64)
        rank = np.minimum(np.searchsorted(self._among, squares), len(self._among) - 1)
        last = np.searchsorted(self._place, rank * self._size + rows) - 1
        there = (self._among[rank] == squares) & (last >= 0) & (self._place[last] // self._size == rank)
        return np.where(there, self._latest[last], 0)


def _at(keys: Column, values: Column, wanted: Column) -> Column:
    """The value of each wanted key in a sorted column of keys; 0 where it is not."""
    if not len(keys):
        return np.zeros(len(wanted), dtype=np.int64)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0)
