"""Whether a worker gets anywhere: what was observed of it, the limits, and the verdict. Pure; `/health` and the watchdog both ask here.

Faust and aiokafka can come out of an outage alive and read nothing ever after (faust-streaming issues 175, 523, 532, 596), so
each kind of standing still has an age and a limit. From half of a limit on `/health` says so; at the limit the worker ends
itself and its supervisor starts it again. Docs: docs/operations.md.
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
    """How long each kind of standing still may last, in seconds; see docs/settings.md for the reasons."""

    commit_s: float = 120.0
    loop_s: float = 30.0
    broker_s: float = 60.0
    rebalance_s: float = 60.0
    opening_s: float = 900.0
    unread_s: float = 120.0

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """The limits that the settings name."""
        return cls(
            commit_s=settings.commit_limit_s,
            loop_s=settings.loop_limit_s,
            broker_s=settings.broker_limit_s,
            rebalance_s=settings.rebalance_limit_s,
            opening_s=settings.opening_limit_s,
            unread_s=settings.unread_limit_s,
        )


@dataclass(frozen=True, slots=True)
class Age:
    """How long something lasts, in seconds, and which partition it is about; 0 when nothing is the matter."""

    seconds: float = 0.0
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known of a worker at one moment. Ages are 0 when there is nothing to wait for."""

    generation: int | None = None
    """Of the consumer group; None before the first sharing."""
    sharing: bool = False
    """Whether the group shares the partitions at present."""
    owned: int = 0
    opening: int = 0
    """Of those owned: how many do not process yet, or again."""
    stopping: bool = False
    commit: Age = Age()
    """Since the oldest record in hand was handed over."""
    loop: Age = Age()
    """Since the event loop turned last."""
    broker: Age = Age()
    """Since a broker answered last."""
    rebalance: Age = Age()
    """Since the group began to share the partitions, as long as it has not come to an end."""
    opened: Age = Age()
    """Since a partition began to open, failures and new attempts included."""
    unread: Age = Age()
    """Since the log of a partition holds records while nothing of it is read."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the worker says of itself."""

    status: Status
    reasons: tuple[str, ...] = ()
    """A sentence each: why it is not `ok`."""
    hopeless: bool = False
    """A limit is reached: only a new process helps."""


def judge(seen: Seen, limits: Limits) -> Verdict:
    """The verdict on what was seen."""
    if seen.stopping:
        return Verdict("stopping", ("the worker was asked to end and lets go of its partitions.",))
    found = [(sentence, age.seconds >= limit) for sentence, age, limit in _checks(seen, limits) if _told(age, limit)]
    if found:
        return Verdict("stuck", tuple(sentence for sentence, _ in found), any(reached for _, reached in found))
    if seen.generation is None:
        return Verdict("starting", ("the worker has not joined its group yet.",))
    if seen.sharing:
        return Verdict("starting", ("the group is sharing the partitions.",))
    if seen.opening:
        return Verdict("starting", (f"{seen.opening} of {seen.owned} partitions are being opened.",))
    return Verdict("ok")


def _told(age: Age, limit: float) -> bool:
    return age.seconds >= TOLD * limit


def _checks(seen: Seen, limits: Limits) -> Iterator[tuple[str, Age, float]]:
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
        (f"{seen.unread.where} has records and none is read", seen.unread, limits.unread_s, "UNREAD"),
        (f"{seen.opened.where} has not come to process", seen.opened, limits.opening_s, "OPENING"),
    ):
        yield (
            f"{what} for {age.seconds:.0f} s; the worker ends itself at {limit:.0f} s (GRID_ROUTER_{name}_LIMIT_S).",
            age,
            limit,
        )
