"""The schedule: which fault comes when, with which parameters; equal seeds, equal schedules."""

import random
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Literal, get_args

from msgspec import Struct

Kind = Literal[
    "worker killed",
    "worker terminated",
    "worker frozen",
    "worker joins",
    "broker killed",
    "broker frozen",
    "network delayed",
    "network cut",
    "network half open",
    "clock off",
    "rules reloaded",
    "topic replayed",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
FROZEN_S = 30.0
"""How long the broker stands still."""


class Fault(Struct, frozen=True, kw_only=True):
    """One fault of a run."""

    round: int
    kind: Kind
    calm_s: float
    """Load without a fault before it."""
    lasts_s: float = 0.0
    """Of a fault that has a duration."""
    worker: int = 0
    share: float = 0.0
    """Between 0 and 1: whatever else must be chosen."""

    def __str__(self) -> str:
        return f"{self.kind}{f' {self.lasts_s:.1f} s' if self.lasts_s else ''}"


def schedule(
    rounds: int, seed: int, *, broker_frozen_s: float = FROZEN_S, kinds: Sequence[Kind] = KINDS
) -> list[Fault]:
    """One fault a round; every kind comes once before any comes twice."""
    dice = random.Random(seed)
    lasts = {
        "worker frozen": (11.5, 14.0),  # longer than a session
        "worker joins": (2.0, 4.0),
        "broker killed": (0.0, 3.0),
        "broker frozen": (broker_frozen_s, broker_frozen_s),
        "network delayed": (4.0, 8.0),
        "network cut": (3.0, 6.0),
        "network half open": (3.0, 14.0),  # shorter and longer than a session
        "clock off": (3.0, 6.0),
    }
    return [
        Fault(
            round=number,
            kind=kind,
            calm_s=round(dice.uniform(0.5, 2.5), 3),
            lasts_s=round(dice.uniform(*lasts.get(kind, (0.0, 0.0))), 3),
            worker=dice.randrange(2),
            share=round(dice.random(), 6),
        )
        for number, kind in enumerate(islice(_kinds(dice, kinds), rounds), 1)
    ]


def _kinds(dice: random.Random, kinds: Sequence[Kind]) -> Iterator[Kind]:
    while True:
        yield from dice.sample(kinds, len(kinds))
