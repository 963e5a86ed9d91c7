"""The schedule: the order and the parameters of faults. Equal seeds give equal schedules."""

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
    "requests late",
    "clock off",
    "rules reloaded",
    "topic replayed",
    "topic made again",
    "topic grown",
    "broker's clock jumps",
    "offsets forged",
    "feedback offsets forged",
    "keys wrong",
    "case flooded",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
ClusterKind = Literal[
    "leader killed",
    "two brokers away",
    "controller killed",
    "controller cut off",
    "disk lost",
    "disk full",
    "several at once",
]
"""Faults of a cluster of three brokers."""
CLUSTER_KINDS: tuple[ClusterKind, ...] = get_args(ClusterKind)
OF_ONE_BROKER = ("broker killed", "broker frozen")
"""Faults of the only broker; of three, the kinds above take their place."""
CLUSTER_DURATIONS = {
    "leader killed": (2.0, 14.0),  # shorter and longer than a broker's session
    "two brokers away": (6.0, 14.0),
    "controller killed": (2.0, 14.0),
    "controller cut off": (12.0, 16.0),
    "disk lost": (2.0, 12.0),
    "disk full": (2.0, 6.0),
    "several at once": (4.0, 8.0),
}
FROZEN_S = 30.0
"""How long the broker is stopped."""


class Fault(Struct, frozen=True, kw_only=True):
    """One fault of a run."""

    round: int
    kind: Kind | ClusterKind
    calm_s: float
    """Seconds of load without a fault before it."""
    lasts_s: float = 0.0
    """Duration, for faults that have one."""
    worker: int = 0
    share: float = 0.0
    """A random number between 0 and 1 for any other choice."""

    def __str__(self) -> str:
        return f"{self.kind}{f' {self.lasts_s:.1f} s' if self.lasts_s else ''}"


def schedule(
    rounds: int,
    seed: int,
    *,
    broker_frozen_s: float = FROZEN_S,
    late_s: float | None = None,
    quick: bool = False,
    kinds: Sequence[Kind | ClusterKind] = KINDS,
) -> list[Fault]:
    """One fault a round. Every kind comes once before one repeats.

    Args:
        rounds: number of faults.
        seed: of their order and parameters.
        broker_frozen_s: how long the broker is stopped.
        late_s: how long requests are late; None: 10 to 15 s.
        quick: whether each fault has its shortest duration.
        kinds: of faults.
    """
    rng = random.Random(seed)
    durations = {
        "worker frozen": (11.5, 14.0),  # longer than a session
        "worker joins": (2.0, 4.0),
        "broker killed": (0.0, 3.0),
        "broker frozen": (broker_frozen_s, broker_frozen_s),
        "network delayed": (4.0, 8.0),
        "network cut": (3.0, 6.0),
        "network half open": (3.0, 14.0),  # shorter and longer than a session
        "requests late": (10.0, 15.0) if late_s is None else (late_s, late_s),
        "clock off": (3.0, 6.0),
        "keys wrong": (1.0, 2.0),
        **CLUSTER_DURATIONS,
    }
    calm = (0.5, 2.5)
    if quick:
        durations, calm = {kind: (least, least) for kind, (least, _) in durations.items()}, (0.5, 0.5)
    return [
        Fault(
            round=number,
            kind=kind,
            calm_s=round(rng.uniform(*calm), 3),
            lasts_s=round(rng.uniform(*durations.get(kind, (0.0, 0.0))), 3),
            worker=rng.randrange(2),
            share=round(rng.random(), 6),
        )
        for number, kind in enumerate(islice(_kinds(rng, kinds), rounds), 1)
    ]


def kinds_of(brokers: int) -> list[Kind | ClusterKind]:
    """Every kind of fault of a deployment with one broker or three."""
    return [*KINDS] if brokers == 1 else [*CLUSTER_KINDS, *(kind for kind in KINDS if kind not in OF_ONE_BROKER)]


def _kinds(rng: random.Random, kinds: Sequence[Kind | ClusterKind]) -> Iterator[Kind | ClusterKind]:
    while True:
        yield from rng.sample(kinds, len(kinds))
