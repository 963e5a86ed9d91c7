"""How large a case may become, so that every record made of it fits its topic, whatever networks send.

A case is written whole at every change. So a flood of one incident costs the square of its reports, and a case with many long
versions could outgrow `max.message.bytes` of `grid.cases`: then no change of it could be written any more, not even the end of its
merge window. Three bounds exclude that:

1. A full case takes no further report. The next report opens a case that suggests the full one.
2. A case beyond `CASE_BYTES` loses texts of earlier versions, then the versions themselves. Number and provenance of the first
   version stay, and `earlier_omitted` counts the others. The topic of the network still has them.
3. A case that is still beyond `UPDATED_BYTES` takes no update. The record goes to the dead letters, and the case stays as it was.

What is written after all that is below MOST_BYTES: one update adds a text, and the tasks of one route. Docs: docs/adr/0018-bounded-bytes-and-memory.md.
"""

from collections.abc import Callable
from typing import Any

from msgspec.json import Encoder
from msgspec.structs import replace

from router.domain.model.case import Case, CaseReport, Version
from router.domain.model.rejection import Rejection

MAX_REPORTS = 100
"""Ten times as many as the largest case of the recorded histories. A thousand joins then write 30 MB."""
CASE_BYTES = 128 << 10
"""Twice the bytes of MAX_REPORTS usual reports."""
UPDATED_BYTES = 1 << 20
MOST_BYTES = 2 << 20
"""Half of what the topic takes."""
MEASURED_FROM = 48
"""Reports. Fewer cannot fill a case beyond its topic: what joins has 200 characters of text and 3 media at most, and the history of an updated report is bounded by its update."""
SOME_VERSIONS = 4

_encode: Callable[[object], bytes] = Encoder().encode


def encoded_bytes(value: Any) -> int:
    """Bytes of a case, or of a part of one, as JSON: about 1 us for a case of three reports."""
    return len(_encode(value))


def is_full(case: Case) -> bool:
    """Whether the case takes no further report."""
    number = len(case.reports)
    return number >= MAX_REPORTS or (number >= MEASURED_FROM and encoded_bytes(case) >= CASE_BYTES)


def rejection_of(case: Case) -> Rejection | None:
    """Why the case takes no update; None if it does."""
    if encoded_bytes(case) <= UPDATED_BYTES:
        return None
    reason = (
        f"case {case.id} is full: it has {len(case.reports)} reports and {len(case.assignments)} assignments, so it takes no "
        "further version of one of them; send the new content under a new id."
    )
    return Rejection(code="case-full", reason=reason)


def thin(case: Case) -> None:
    """Leave out what the case can do without, until it is within CASE_BYTES or nothing is left to leave out.

    First the texts of earlier versions, then all but the first and the latest few versions, then all but the first.
    """
    for most in (None, SOME_VERSIONS, 1):
        if encoded_bytes(case) <= CASE_BYTES:
            return
        case.reports = tuple([_thinned(report, most) for report in case.reports])


def _thinned(report: CaseReport, most: int | None) -> CaseReport:
    """The report without the texts of its earlier versions, and with at most `most` of them: the first and the latest ones."""
    versions = [_without_text(version) for version in report.earlier]
    kept = versions if most is None or len(versions) <= most else [versions[0], *versions[len(versions) - most + 1 :]]
    if tuple(kept) == report.earlier:
        return report
    omitted = report.earlier_omitted + len(versions) - len(kept)
    return replace(report, earlier=tuple(kept), earlier_omitted=omitted)


def _without_text(version: Version) -> Version:
    return replace(version, description="") if version.description else version
