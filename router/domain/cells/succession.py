"""Successors of cells that were split, joined or retired, and predecessors of new ones.

A cell follows another if it begins on the day on which the other ended and lies on its ground. Borders that were merely
redrawn slightly make no successor.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from router.domain.cells.spatial_index import CellMap

COMMUNITY = 12
"""Digits of a community's code."""
_MOST = 5
"""How many codes a sentence names."""


class Succession:
    """Successors and predecessors of the cells of one city."""

    def __init__(self, cells: CellMap) -> None:
        self._map = cells
        self.successors: dict[str, tuple[str, ...]] = {}
        """For a retired cell: the cells that began on its ground on that day, sorted. Cells without a successor are missing."""
        self.predecessors: dict[str, tuple[str, ...]] = {}
        """The inverse."""
        for instant in cells.changes:
            self._change(instant)
        self._communities: dict[tuple[str, int], Sequence[str]] = {}
        """Memo of answers: by community and the number of changes that lie in the past."""
        self._others: dict[str, tuple[str, ...]] = {}
        for code in {*self.successors, *self.predecessors}:
            self._others[code] = self._ranked(code)

    def others(self, code: str, at: datetime) -> list[str]:
        """The cells valid at an instant on the ground of a cell that was not valid: largest overlap first, then smallest code.

        After its retirement these are successors, also over several changes; before its beginning they are predecessors.
        """
        instant = at.timestamp()
        return [one for one in self._others.get(code, ()) if self._valid(one, instant)]

    def communities(self, community: str, at: datetime) -> Sequence[str]:
        """The communities on the ground of one that had no valid cell at an instant, in both directions of time.

        Codes of 12 digits are retired and newly given when communities are joined or split, and networks keep the old ones for
        years. First comes the community that took over most of its cells; ties go to the smallest code.
        """
        if not self._others:
            return ()
        instant = at.timestamp()
        key = community, bisect_right(self._map.changes, instant)
        if key not in self._communities:
            first, after = self._map.among(community)
            nearest = [self.others(code, at)[:1] for code in self._map.codes[first:after]]
            counts = Counter(one[:COMMUNITY] for found in nearest for one in found)
            self._communities[key] = tuple(sorted(counts, key=lambda one: (-counts[one], one)))
        return self._communities[key]

    def instead(self, others: Sequence[str], code: str, at: datetime) -> str:
        """The end of a sentence about a cell that was not valid at an instant: which cells were there instead."""
        if not others:
            return ""
        retired = at.timestamp() >= self._map.until[self._place(code)]
        return f", {'succeeded' if retired else 'preceded'} by {named(others)}"

    def relatives(self, code: str) -> tuple[str, ...]:
        """All cells that ever preceded or followed a cell on its ground."""
        return self._others.get(code, ())

    def _valid(self, code: str, instant: float) -> bool:
        return bool(self._map.valid(self._place(code), instant))

    def _place(self, code: str) -> int:
        return bisect_left(self._map.codes, code)

    def _change(self, instant: float) -> None:
        ended, begun = np.flatnonzero(self._map.until == instant), np.flatnonzero(self._map.since == instant)
        if not len(ended) or not len(begun):
            return
        one, other, _ = self._map.overlaps(self._map.shapes[ended], begun)
        pairs = sorted(zip(ended[one].tolist(), begun[other].tolist(), strict=True))
        codes = self._map.codes
        for before, after in pairs:
            old, new = codes[before], codes[after]
            self.successors[old] = (*self.successors.get(old, ()), new)
            self.predecessors[new] = (*self.predecessors.get(new, ()), old)

    def _ranked(self, code: str) -> tuple[str, ...]:
        """All predecessors and successors that lie on the cell's own ground."""
        family = sorted(_reached(code, self.successors) | _reached(code, self.predecessors))
        places = np.array([self._place(one) for one in family])
        shape = self._map.shapes[self._place(code)]
        _, other, shared = self._map.overlaps(np.array([shape]), places)
        found = sorted(zip(np.round(-shared).tolist(), (family[n] for n in other.tolist()), strict=True))
        return tuple(one for _, one in found)


def named(codes: Sequence[str]) -> str:
    """Codes for a sentence. If there are many, only the first."""
    more = f" and {len(codes) - _MOST} more" if len(codes) > _MOST else ""
    return ", ".join(codes[:_MOST]) + more


def _reached(code: str, steps: Mapping[str, tuple[str, ...]]) -> set[str]:
    """All cells within any number of steps from a cell."""
    reached: set[str] = set()
    ahead = [code]
    while ahead:
        following = [one for one in steps.get(ahead.pop(), ()) if one not in reached]
        reached.update(following)
        ahead += following
    return reached
