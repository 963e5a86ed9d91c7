"""Scores routing and merging where the ground truth is known. Pure: values in, values out.

The router never sees what is compared here: the recorded owner of a row, and the incident behind a secondary report.
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from router.domain.model.case import Case
from router.simulator.messages import Sent


class RoutingScore(Struct, frozen=True):
    """Shares between 0 and 1. None where there was nothing to score."""

    routing_accuracy: float | None
    """Of the reports whose owner is known and whose case is not closed, the share whose case is led by that owner."""
    merge_precision: float | None
    """Of the secondary reports in a case with recorded reports, the share whose case holds their own incident."""
    merge_recall: float | None
    """Of the secondary reports whose incident is in a case, the share in that very case."""


def score(sent: Sequence[Sent], cases: Mapping[str, Case]) -> RoutingScore:
    """Compare cases with owners and incidents. Redeliveries and malformed messages are not scored."""
    home = {report.id: case for case in cases.values() for report in case.reports}
    recorded = [one for one in sent if one.kind == "recorded"]
    owned = [one for one in sent if one.kind in {"recorded", "simulated"} and one.owner is not None]
    secondary_reports = [one for one in sent if one.kind == "secondary_reports"]
    hotline = {home[one.report].id for one in recorded if one.report in home}
    return RoutingScore(
        routing_accuracy=_share(
            lead(home[one.report]) == one.owner
            for one in owned
            if one.report in home and home[one.report].state == "dispatched"
        ),
        merge_precision=_share(
            _together(one, home) for one in secondary_reports if one.report in home and home[one.report].id in hotline
        ),
        merge_recall=_share(_together(one, home) for one in secondary_reports if one.incident in home),
    )


def lead(case: Case) -> str | None:
    """The department that leads a case."""
    return next((d.department for d in case.assignments if d.role == "lead" and d.withdrawn_at is None), None)


def _together(one: Sent, home: Mapping[str, Case]) -> bool:
    mine, other = home.get(one.report), home.get(one.incident or "")
    return mine is not None and other is not None and mine.id == other.id


def _share(answers: Iterable[bool]) -> float | None:
    counted = list(answers)
    return sum(counted) / len(counted) if counted else None
