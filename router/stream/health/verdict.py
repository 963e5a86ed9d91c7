"""The health of a worker: the limits, and the report that follows from a snapshot. Pure; `/health` and the watchdog call it.

Faust and aiokafka can survive an outage and then read nothing (faust-streaming issues 175, 523, 532, 596). So every kind of
stall has an age and a limit. From half of a limit on, `/health` reports the stall. At the limit the worker exits, and its
supervisor restarts it. Docs: docs/how-to/operate.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from router.wire.settings import Settings

REPORTED_SHARE = 0.5
"""The share of a limit from which `/health` reports a stall, so that people see it before the worker exits."""
Status = Literal["ok", "degraded", "starting", "stalled", "stopping"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long each kind of stall may last, in seconds; docs/reference/settings.md has the reasons."""

    commit_s: float = 120.0
    loop_s: float = 30.0
    broker_s: float = 60.0
    rebalance_s: float = 60.0
    restore_s: float = 900.0
    fetch_s: float = 120.0

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """The limits in the settings."""
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
    """How long a stall lasts, in seconds, and in which partition; 0 without a stall."""

    seconds: float = 0.0
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthSnapshot:
    """The state of a worker at one moment. An age is 0 when there is nothing to wait for."""

    generation: int | None = None
    """Of the consumer group; None before the first assignment."""
    rebalancing: bool = False
    """Whether the group rebalances now."""
    assigned: int = 0
    """Number of assigned partitions."""
    restoring: int = 0
    """Number of assigned partitions that restore their state, for the first time or after a failure; without those that cannot
    go on until an operator acts."""
    restored: int = 0
    to_restore: int = 0
    """How many records of their changelogs these partitions have read, of how many; removed ones count, too."""
    stopping: bool = False
    findings: tuple[str, ...] = ()
    """What is not processed until an operator acts, a sentence each. A restart of the worker alone does not help."""
    commit: StallAge = StallAge()
    """Age of the oldest uncommitted record."""
    loop: StallAge = StallAge()
    """Time since the event loop last turned."""
    broker: StallAge = StallAge()
    """Time since a broker last answered."""
    rebalance: StallAge = StallAge()
    """Time since the rebalance began that has not ended."""
    restore: StallAge = StallAge()
    """Time since a partition began to restore or last came further, failed attempts included."""
    fetch: StallAge = StallAge()
    """Time for which a partition has had unread records and its fetch position has not moved."""


@dataclass(frozen=True, slots=True)
class HealthReport:
    """The status of a worker, and why."""

    status: Status
    reasons: tuple[str, ...] = ()
    """One sentence each: why the status is not `ok`."""
    fatal: bool = False
    """Whether a limit is reached: only a new process helps."""


def evaluate(snapshot: HealthSnapshot, limits: Limits) -> HealthReport:
    """The health report that follows from a snapshot."""
    if snapshot.stopping:
        return HealthReport("stopping", ("the worker was asked to stop and releases its partitions.",))
    stalls = [
        (sentence, age.seconds >= limit)
        for sentence, age, limit in _checks(snapshot, limits)
        if age.seconds >= REPORTED_SHARE * limit
    ]
    if stalls:
        return HealthReport("stalled", tuple(sentence for sentence, _ in stalls), any(fatal for _, fatal in stalls))
    if snapshot.generation is None or snapshot.rebalancing:
        joined = snapshot.generation is not None
        return HealthReport(
            "starting", ("the group rebalances." if joined else "the worker has not joined its group yet.",)
        )
    if snapshot.restoring:
        read = f"; {snapshot.restored} of {snapshot.to_restore} records are read" if snapshot.to_restore else ""
        restoring = f"{snapshot.restoring} of {snapshot.assigned} partitions restore their state{read}."
        return HealthReport("starting", (restoring, *snapshot.findings))
    if snapshot.findings:
        return HealthReport("degraded", snapshot.findings)
    return HealthReport("ok")


def _checks(snapshot: HealthSnapshot, limits: Limits) -> Iterator[tuple[str, StallAge, float]]:
    """Every check: its sentence, age and limit."""
    for what, age, limit, name in (
        ("the event loop has not turned", snapshot.loop, limits.loop_s, "LOOP"),
        ("no broker has answered", snapshot.broker, limits.broker_s, "BROKER"),
        ("the rebalance of the group has not ended", snapshot.rebalance, limits.rebalance_s, "REBALANCE"),
        (
            f"{snapshot.commit.where} has uncommitted records and has not committed",
            snapshot.commit,
            limits.commit_s,
            "COMMIT",
        ),
        (f"{snapshot.fetch.where} has unread records and none was fetched", snapshot.fetch, limits.fetch_s, "FETCH"),
        (
            f"{snapshot.restore.where} has not come further in restoring its state",
            snapshot.restore,
            limits.restore_s,
            "RESTORE",
        ),
    ):
        yield (
            f"{what} for {age.seconds:.0f} s; the worker exits at {limit:.0f} s (GRID_ROUTER_{name}_LIMIT_S).",
            age,
            limit,
        )
