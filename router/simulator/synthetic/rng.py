"""Random draws by the thousand that are the same bytes on every machine.

Everything comes from the raw 64-bit words of PCG64, whose stream numpy guarantees; the methods of its Generator may change
from one release to the next. Distributions are tables of whole numbers, so that no machine's last bit of a logarithm shows.
"""

from functools import cache
from math import exp, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np

Column = Any
"""A numpy array of one dimension."""
_BITS = 12
"""Of a table of quantiles: 4,096 rows reach three and a half standard deviations."""
_DIGITS = 1 << 64
_FEW = 32.0
"""Up to this mean a count is drawn exactly, above it from the normal distribution."""


class RandomColumns:
    """A stream of draws of its own for each key.

    Args:
        key: whole numbers, e.g. the seed and the day; equal keys give equal draws.
    """

    def __init__(self, *key: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence([part % _DIGITS for part in key]))

    def words(self, number: int) -> Column:
        """So many words of 64 random bits."""
        words: Column = self._bits.random_raw(number)
        return words

    def unit(self, number: int) -> Column:
        """Uniform from 0 to below 1."""
        return (self.words(number) >> np.uint64(11)) * 2.0**-53

    def below(self, limit: Any, number: int) -> Column:
        """Whole numbers from 0 to below `limit`: one number, or one for each; at most 2 ** 31."""
        high = self.words(number) >> np.uint64(32)
        return ((high * np.asarray(limit, dtype=np.uint64)) >> np.uint64(32)).astype(np.int64)

    def chance(self, share: Any, number: int) -> Column:
        """Whether each of them happens; `share` is one probability, or one for each."""
        return self.unit(number) < share

    def pick(self, weights: Column, number: int) -> Column:
        """Indices drawn by weight."""
        edges = np.cumsum(weights)
        found = np.searchsorted(edges, self.unit(number) * edges[-1], side="right")
        return np.minimum(found, len(weights) - 1)

    def of(self, table: Column, number: int) -> Column:
        """Values of a table of quantiles."""
        return table[(self.words(number) >> np.uint64(64 - _BITS)).astype(np.int64)]

    def count(self, mean: float) -> int:
        """How often something happens that happens so often on average (Poisson)."""
        if mean > _FEW:
            return max(0, round(mean + sqrt(mean) * float(self.of(_deviates(), 1)[0])))
        return int(self.counts(np.array([mean]))[0])

    def counts(self, means: Column) -> Column:
        """The same for each of many small means."""
        draw = self.unit(len(means))
        term = np.exp(-means)
        reached, counted = term.copy(), np.zeros(len(means), dtype=np.int64)
        for one in range(1, 200):
            above = draw >= reached
            if not above.any():
                break
            counted += above
            term = term * means / one
            reached = reached + term
        return counted


@cache
def _deviates() -> Column:
    """Quantiles of the standard normal distribution, in the middle of each row's share."""
    normal = NormalDist()
    rows = 1 << _BITS
    return np.array([normal.inv_cdf((row + 0.5) / rows) for row in range(rows)])


@cache
def normal(sigma: float) -> Column:
    """Table of a normal distribution around 0, whole numbers."""
    return np.rint(sigma * _deviates()).astype(np.int64)


@cache
def lognormal(median: float, sigma: float, most: float) -> Column:
    """Table of a lognormal distribution, whole numbers, cut at `most`."""
    factors = np.array([exp(min(sigma * deviate, 50.0)) for deviate in _deviates().tolist()])
    return np.rint(np.minimum(median * factors, most)).astype(np.int64)


@cache
def exponential() -> Column:
    """Table of the exponential distribution of mean 1."""
    rows = 1 << _BITS
    return -np.log1p(-(np.arange(rows) + 0.5) / rows)
