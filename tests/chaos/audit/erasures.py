"""Checks that what was asked to be erased is erased, and stays so. It looks at the cases, and not at how the router erases."""

from collections.abc import Iterable, Mapping, Sequence

from router.domain.model.case import Case, CaseReport
from router.domain.model.transition import Transition
from router.simulator.messages import RecordAddress
from tests.chaos.audit.findings import Findings
from tests.chaos.erasures import ErasureStored

ErasureEvents = Mapping[str, tuple[int, str]]
"""Id of a request on the grid stream -> its offset, and its case."""


def check_stored(stored: Sequence[ErasureStored], partition: int, events: ErasureEvents, findings: Findings) -> None:
    """Check that every acknowledged request of a partition is where Kafka said."""
    lost = [one.id for one in stored if one.partition == partition and events.get(one.id, (-1,))[0] != one.offset]
    findings.add("acknowledged, not stored", *lost)


def check_erased(
    cases: Iterable[Case],
    events: ErasureEvents,
    at: Mapping[RecordAddress, int],
    lives: Mapping[str, Sequence[Transition]],
    findings: Findings,
) -> int:
    """Check the cases of one partition, and return how many were erased.

    Args:
        cases: those that are not archived.
        events: the requests on the partition.
        at: address of a source record -> offset of its event.
        lives: the transitions of each case.
        findings: gets what is left.
    """
    asked: dict[str, int] = {}
    for offset, case in events.values():
        asked[case] = max(asked.get(case, -1), offset)
    known = [(one, asked[one.id]) for one in cases if one.id in asked and one.reports]
    for case, offset in known:
        meant = [one for one in case.reports if _was_there(one, at, offset)]
        left = [one.id for one in meant if _has_data(one)]
        if len(meant) == len(case.reports) and _says_data(case):
            left.append("the case itself")
        if left or (meant and not any(one.cause == "erasure" for one in lives.get(case.id, ()))):
            findings.add("not erased", f"case {case.id}: {', '.join(left) or 'no transition'}")
    return len(known)


def _says_data(case: Case) -> bool:
    """Whether a case still says what its reports said, all of which a request meant."""
    return bool(case.description or case.address or case.place_doubt or case.media) or case.lon is not None


def _was_there(report: CaseReport, at: Mapping[RecordAddress, int], offset: int) -> bool:
    """Whether a report had joined the case before the request, and has stayed."""
    first = (report.earlier[0] if report.earlier else report).provenance
    return report.former is None and at.get((first.topic, first.partition, first.offset), offset) < offset


def _has_data(report: CaseReport) -> bool:
    """Whether a report still says what people wrote, or where or who they were."""
    said = [report.description, *[one.description for one in report.earlier]]
    says = report.says
    if says is not None:
        said += [says.address, says.place_doubt or "", *[one.url for one in says.media]]
    return any(said) or report.place is not None or report.reporter is not None or report.person is not None
