"""What a run found, as a table for people and as JSON."""

from collections.abc import Iterator

from msgspec import to_builtins

from tests.chaos.audit.findings import EXPLAINED
from tests.chaos.run import FaultResult, ReplayPlan, Result

SHOWN = 5
"""Ids of one kind that the table shows; the JSON has more."""
KEPT = 1000
DRAIN_S = 10.5
"""How long a worker may take from SIGTERM to its end: 10 s, and what it takes to notice."""


def lines(result: Result) -> Iterator[str]:
    """The table."""
    verdict = result.verdict
    yield f"{'':40}{'ids':>8}"
    for fault, number in verdict.findings.counts.items():
        yield f"{fault:40}{number:>8,}  {EXPLAINED[fault] if number else ''}".rstrip()
        if number:
            yield f"{'':48}  {', '.join(list(verdict.findings.ids[fault])[:SHOWN])}"
    yield ""
    yield (
        f"{verdict.reports:,} records of {verdict.events:,} reports and versions in {verdict.cases:,} cases; {verdict.tasks:,} tasks,"
        f" {verdict.dead_letters:,} dead letters, {verdict.ticks:,} ticks; {result.seconds:,.0f} s, {len(result.injected)} faults,"
        f" {result.restarts} restarts"
    )
    for kind, took in recoveries(result).items():
        yield f"  {kind:20} {len(took):>3} times, recovered after {min(took):.1f} to {max(took):.1f} s"
    yield f"  SIGTERM: {len(drains(result))} workers ended in at most {max(drains(result)):.1f} s"
    for amiss in shortcomings(result):
        yield f"  AMISS: {amiss}"


def shortcomings(result: Result) -> list[str]:
    """What the run itself must show beside its findings: everything recovered, every fault struck, every worker ended in time."""
    amiss = [f"round {n}: {one.fault.kind} never recovered" for n, one in _numbered(result) if one.recovered_s is None]
    amiss += [
        f"round {n}: {one.fault.kind} did not strike" for n, one in _numbered(result) if not one.notes.get("injected")
    ]
    amiss += [f"a worker took {took:.1f} s to end, of {DRAIN_S:.0f}" for took in drains(result) if took > DRAIN_S]
    return amiss


def _numbered(result: Result) -> Iterator[tuple[int, FaultResult]]:
    return enumerate(result.injected, 1)


def recoveries(result: Result) -> dict[str, list[float]]:
    """Kind of fault -> seconds until everything from before it had passed both stages."""
    took: dict[str, list[float]] = {}
    for one in result.injected:
        took.setdefault(one.fault.kind, []).append(one.recovered_s or 0.0)
    return dict(sorted(took.items()))


def drains(result: Result) -> list[float]:
    """Seconds that each worker took to end after SIGTERM."""
    return [*[one.notes["drained_s"] for one in result.injected if "drained_s" in one.notes], result.drained_s]


def as_json(plan: ReplayPlan, result: Result) -> dict[str, object]:
    """Everything, to be recorded."""
    verdict = result.verdict
    return {
        "seed": plan.seed,
        "rounds": len(plan.faults),
        "per_second": plan.per_second,
        "sound": verdict.findings.sound and not shortcomings(result),
        "amiss": shortcomings(result),
        "findings": verdict.findings.counts,
        "ids": {fault: list(ids)[:KEPT] for fault, ids in verdict.findings.ids.items() if ids},
        "figures": {name: getattr(verdict, name) for name in verdict.__struct_fields__ if name != "findings"}
        | {"seconds": round(result.seconds, 1), "restarts": result.restarts},
        "recoveries_s": recoveries(result),
        "drains_s": drains(result),
        "injected": to_builtins(result.injected),
    }
