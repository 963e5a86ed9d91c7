"""The result of a run as a table and as JSON."""

from collections.abc import Iterator

from msgspec import to_builtins

from tests.chaos.audit.findings import EXPLAINED
from tests.chaos.run import FaultResult, ReplayPlan, Result

MAX_SHOWN = 5
"""Ids of each kind in the table; the JSON has more."""
MAX_IN_JSON = 1000
DRAIN_S = 10.5
"""Maximum time from SIGTERM to the end of a worker: 10 s, and a margin for noticing it."""


def lines(result: Result) -> Iterator[str]:
    """Lines of the table."""
    verdict = result.verdict
    yield f"{'finding':40}{'ids':>8}"
    for fault, number in verdict.findings.counts.items():
        yield f"{fault:40}{number:>8,}  {EXPLAINED[fault] if number else ''}".rstrip()
        if number:
            yield f"{'':48}  {', '.join(list(verdict.findings.ids[fault])[:MAX_SHOWN])}"
    yield ""
    yield (
        f"{verdict.reports:,} source records; {verdict.events:,} reports and versions in {verdict.cases:,} cases; {verdict.tasks:,} tasks,"
        f" {verdict.dead_letters:,} dead letters, {verdict.ticks:,} ticks; {result.seconds:,.0f} s of load, {len(result.injected)} faults,"
        f" {result.restarts} worker restarts"
    )
    answers = verdict.feedback
    yield f"  {answers.records:,} records of feedback: {answers.applied:,} applied, {answers.rejected:,} rejected; {verdict.escalations:,} escalations; {verdict.erased:,} cases erased"
    yield f"  {result.observed.whole:,} labelled transactions seen whole, {len(result.observed.torn):,} in part"
    for kind, took in recoveries(result).items():
        yield f"  {kind:20} {len(took):>3} times, recovered after {min(took):.1f} to {max(took):.1f} s"
    yield f"  SIGTERM: {len(drains(result))} workers ended within {max(drains(result)):.1f} s"
    for failure in failures(result):
        yield f"  FAILED: {failure}"


def failures(result: Result) -> list[str]:
    """Failures of the run besides the findings: no progress, no recovery, a fault not injected, a worker that ended too late."""
    found = [f"no progress: {result.stalled}"] if result.stalled else []
    found += [f"round {n}: {one.fault.kind} never recovered" for n, one in _numbered(result) if one.recovered_s is None]
    found += [
        f"round {n}: {one.fault.kind} was not injected" for n, one in _numbered(result) if not one.notes.get("injected")
    ]
    found += [
        f"a worker took {took:.1f} s to end, the limit is {DRAIN_S:.1f} s" for took in drains(result) if took > DRAIN_S
    ]
    found += [f"a reader saw a part of a transaction: {one} records" for one in result.observed.torn]
    return found


def _numbered(result: Result) -> Iterator[tuple[int, FaultResult]]:
    return enumerate(result.injected, 1)


def recoveries(result: Result) -> dict[str, list[float]]:
    """Kind of fault -> seconds until both stages had processed the reports of its first second."""
    took: dict[str, list[float]] = {}
    for one in result.injected:
        took.setdefault(one.fault.kind, []).append(one.recovered_s or 0.0)
    return dict(sorted(took.items()))


def drains(result: Result) -> list[float]:
    """Seconds from SIGTERM to the end of each worker."""
    return [*[one.notes["drained_s"] for one in result.injected if "drained_s" in one.notes], result.drained_s]


def as_json(plan: ReplayPlan, result: Result) -> dict[str, object]:
    """All results."""
    verdict = result.verdict
    return {
        "seed": plan.seed,
        "rounds": len(plan.faults),
        "per_second": plan.per_second,
        "sound": verdict.findings.sound and not failures(result),
        "failures": failures(result),
        "findings": verdict.findings.counts,
        "ids": {fault: list(ids)[:MAX_IN_JSON] for fault, ids in verdict.findings.ids.items() if ids},
        "figures": {
            name: to_builtins(getattr(verdict, name)) for name in verdict.__struct_fields__ if name != "findings"
        }
        | {"seconds": round(result.seconds, 1), "restarts": result.restarts},
        "observed": to_builtins(result.observed),
        "recoveries_s": recoveries(result),
        "drains_s": drains(result),
        "injected": to_builtins(result.injected),
    }
