"""Erasing a person's data: from a case, and from every later version of its reports.

What goes is what people wrote or what leads to a person: text, address, point, photos, references, and the words of departments. What
stays is what figures and deadlines are made of: ids, matter, cell, times, levels, networks, tasks, stages. Docs: docs/adr/0038-erasure.md.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from router.domain.model.case import Assignment, Case, CaseReport, Version
from router.domain.model.erasure import Erased
from router.domain.model.report import Report

UNKNOWN_M = 0.0
"""Accuracy of a report whose point was erased. The case says the same of a report whose area has no size."""


def without_person(report: Report) -> Report:
    """The report as the router takes it when its data was erased before: a correction or a copy must not bring them back."""
    location = replace(report.location, lon=None, lat=None, source_grid=None, doubt=None, accuracy_m=UNKNOWN_M)
    return replace(report, location=location, description="", address="", media=(), reporter=None, extensions={})


def erased_report(one: CaseReport, mark: Erased) -> CaseReport:
    """A report of a case without a person's data. Of two requests it keeps the later one.

    Args:
        one: whole.
        mark: who had it erased, and why.
    """
    says = one.says
    assert says is not None  # noqa: S101 - it is whole
    says = replace(says, accuracy_m=UNKNOWN_M, address="", place_doubt=None, media=(), erased=mark)
    earlier = tuple([_without_text(version) for version in one.earlier])
    return replace(one, description="", place=None, reporter=None, person=None, says=says, earlier=earlier)


def _without_text(version: Version) -> Version:
    return replace(version, description="") if version.description else version


def without_words(assignments: Sequence[Assignment]) -> tuple[Assignment, ...]:
    """The assignments without what departments and supervisors wrote; who decided stays. What has no words is the same object."""
    return tuple([replace(one, why=_head(one.why)) if _head(one.why) != one.why else one for one in assignments])


def _head(why: str) -> str:
    """`parks returned the task: the owner is away; it named police` -> `parks returned the task`."""
    return why.partition(": ")[0]


def without_text(case: Case) -> None:
    """Clear what a case says that its reports said: of one without reports, whose last report left it."""
    case.description, case.address, case.place_doubt, case.media = "", "", None, ()
    case.lon, case.lat, case.accuracy_m = None, None, UNKNOWN_M


def has_text(case: Case) -> bool:
    """Whether `without_text` changes the case."""
    return bool(case.description or case.address or case.place_doubt or case.media) or case.lon is not None
