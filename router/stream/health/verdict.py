"""Whether a worker gets anywhere: what was observed of it, the limits, and the verdict. Pure; `/health` and the watchdog both ask here.

Faust and aiokafka can come out of an outage alive and read nothing ever after (faust-streaming issues 175, 523, 532, 596), so
each kind of standing still has an age and a limit. From half of a limit on `/health` says so; at the limit the worker ends
itself and its supervisor starts it again. Docs: docs/how-to/operate.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from router.wire.settings import Settings

TOLD = 0.5
"""From this share of a limit on a worker says that it stands still: people hear of it before it ends itself."""
Status = Literal["ok", "starting", "stuck", "stopping"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long each kind of standing still may last, in seconds; see docs/how-to/operate.md for the reasons."""

    commit_s: float = 120.0
    loop_s: float = 30.0
    broker_s: float = 60.0
    rebalance_s: float = 60.0
    restore_s: float = 900.0
    fetch_s: float = 120.0

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """The limits that the settings name."""
        return cls(
            commit_s=settings.commit_limit_s,
            loop_s=settings.loop_limit_s,
            broker_s=settings.broker_limit_s,
            rebalance_s=settings.rebalance_limit_s,
            restore_s=settings.restore_limit_s,
            fetch_s=settings.fetch_limit_s,
        )


@dataclass(frozen=True, slots=True)
class StallAge:
    """How long something lasts, in seconds, and which partition it is about; 0 when nothing is the matter."""

    seconds: float = 0.0
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthSnapshot:
    """What is known of a worker at one moment. Ages are 0 when there is nothing to wait for."""

    generation: int | None = None
    """Of the consumer group; None before the first sharing."""
    rebalancing: bool = False
    """Whether the group shares the partitions at present."""
    assigned: int = 0
    restoring: int = 0
    """Of those owned: how many do not process yet, or again."""
    stopping: bool = False
    commit: StallAge = StallAge()
    """Since the oldest record in hand was handed over."""
    loop: StallAge = StallAge()
    """Since the event loop turned last."""
    broker: StallAge = StallAge()
    """Since a broker answered last."""
    rebalance: StallAge = StallAge()
    """Since the group began to share the partitions, as long as it has not come to an end."""
    restore: StallAge = StallAge()
    """Since a partition began to open, failures and new attempts included."""
    fetch: StallAge = StallAge()
    """Since the log of a partition holds records while nothing of it is read."""


@dataclass(frozen=True, slots=True)
class HealthReport:
    """What the worker says of itself."""

    status: Status
    reasons: tuple[str, ...] = ()
    """A sentence each: why it is not `ok`."""
    fatal: bool = False
    """A limit is reached: only a new process helps."""


def evaluate(seen: HealthSnapshot, limits: Limits) -> HealthReport:
    """The verdict on what was seen."""
    if seen.stopping:
        return HealthReport("stopping", ("the worker was asked to end and lets go of its partitions.",))
    found = [(sentence, age.seconds >= limit) for sentence, age, limit in _checks(seen, limits) if _told(age, limit)]
    if found:
        return HealthReport("stuck", tuple(sentence for sentence, _ in found), any(reached for _, reached in found))
    if seen.generation is None:
        return HealthReport("starting", ("the worker has not joined its group yet.",))
    if seen.rebalancing:
        return HealthReport("starting", ("the group is sharing the partitions.",))
    if seen.restoring:
        return HealthReport("starting", (f"{seen.restoring} of {seen.assigned} partitions are being opened.",))
    return HealthReport("ok")


def _told(age: StallAge, limit: float) -> bool:
    return age.seconds >= TOLD * limit


def _checks(seen: HealthSnapshot, limits: Limits) -> Iterator[tuple[str, StallAge, float]]:
    """Every check: the sentence, the age, the limit."""
    for what, age, limit, name in (
        ("the event loop has not turned", seen.loop, limits.loop_s, "LOOP"),
        ("no broker has answered", seen.broker, limits.broker_s, "BROKER"),
        (
            "the group has not come to an end with sharing the partitions",
            seen.rebalance,
            limits.rebalance_s,
            "REBALANCE",
        ),
        (f"{seen.commit.where} has not committed what it has in hand", seen.commit, limits.commit_s, "COMMIT"),
        (f"{seen.fetch.where} has records and none is read", seen.fetch, limits.fetch_s, "FETCH"),
        (f"{seen.restore.where} has not come to process", seen.restore, limits.restore_s, "RESTORE"),
    ):
        yield (
            f"{what} for {age.seconds:.0f} s; the worker ends itself at {limit:.0f} s (GRID_ROUTER_{name}_LIMIT_S).",
            age,
            limit,
        )
