"""Random columns that are identical on every machine.

All draws come from the raw 64-bit words of PCG64, whose stream numpy guarantees. The methods of numpy's Generator may
change between releases. Distributions are tables of integers, because the last bit of a logarithm differs by machine.
"""

from functools import cache
from math import exp, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np

Column = Any
"""A numpy array of one dimension."""
_BITS = 12
"""Bits of the index of a quantile table: 4,096 rows reach three and a half standard deviations."""
_DIGITS = 1 << 64
_FEW = 32.0
"""Largest mean of an exact Poisson draw. Larger means use the normal approximation."""


class RandomColumns:
    """An independent stream of draws for each key.

    Args:
        key: integers, e.g. the seed and the day. Equal keys give equal draws.
    """

    def __init__(self, *key: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence([part % _DIGITS for part in key]))

    def words(self, number: int) -> Column:
        """Words of 64 random bits."""
        words: Column = self._bits.random_raw(number)
        return words

    def unit(self, number: int) -> Column:
        """Uniform numbers from 0 to below 1."""
        return (self.words(number) >> np.uint64(11)) * 2.0**-53

    def below(self, limit: Any, number: int) -> Column:
        """Integers from 0 to below `limit`, which is one number or one per draw, at most 2 ** 31."""
        high = self.words(number) >> np.uint64(32)
        return ((high * np.asarray(limit, dtype=np.uint64)) >> np.uint64(32)).astype(np.int64)

    def chance(self, share: Any, number: int) -> Column:
        """True with probability `share`, which is one number or one per draw."""
        return self.unit(number) < share

    def pick(self, weights: Column, number: int) -> Column:
        """Indices drawn by weight."""
        edges = np.cumsum(weights)
        indices = np.searchsorted(edges, self.unit(number) * edges[-1], side="right")
        return np.minimum(indices, len(weights) - 1)

    def of(self, table: Column, number: int) -> Column:
        """Values drawn from a quantile table."""
        return table[(self.words(number) >> np.uint64(64 - _BITS)).astype(np.int64)]

    def count(self, mean: float) -> int:
        """A Poisson number with this mean."""
        if mean > _FEW:
            return max(0, round(mean + sqrt(mean) * float(self.of(_deviates(), 1)[0])))
        return int(self.counts(np.array([mean]))[0])

    def counts(self, means: Column) -> Column:
        """A Poisson number for each of many small means."""
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
    """Quantiles of the standard normal distribution at the middle of each row."""
    normal = NormalDist()
    rows = 1 << _BITS
    return np.array([normal.inv_cdf((row + 0.5) / rows) for row in range(rows)])


@cache
def normal(sigma: float) -> Column:
    """Quantile table of a normal distribution around 0, as integers."""
    return np.rint(sigma * _deviates()).astype(np.int64)


@cache
def lognormal(median: float, sigma: float, most: float) -> Column:
    """Quantile table of a lognormal distribution, as integers, limited to `most`."""
    factors = np.array([exp(min(sigma * deviate, 50.0)) for deviate in _deviates().tolist()])
    return np.rint(np.minimum(median * factors, most)).astype(np.int64)


@cache
def exponential() -> Column:
    """Quantile table of the exponential distribution with mean 1."""
    rows = 1 << _BITS
    return -np.log1p(-(np.arange(rows) + 0.5) / rows)
