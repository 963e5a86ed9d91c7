"""A report whose id the partition knows already: a redelivery, the next version, another incident, or a report too late.

The normalise stage recognises most of them. Its dedup index forgets an id after 30 days, and then takes the record for a first
version; the state of the merge stage still has the report. Docs: docs/explanation/updates.md.
"""

from datetime import UTC, datetime

from msgspec.structs import replace

from router.domain.case.derived import leading
from router.domain.case.reports import KEPT_CHARACTERS, next_statement
from router.domain.case.revisions import revise_report
from router.domain.intake.dedup import MAX_VERSIONS
from router.domain.intake.event_rejections import too_late
from router.domain.intake.rejections import superseded, too_many_versions
from router.domain.matching.candidate import place_of
from router.domain.model.case import Case, CaseReport, Version
from router.domain.model.identity import TOLERANCE, incident_id, is_another_incident
from router.domain.model.outcome import REDELIVERED, Outcome, rejected
from router.domain.model.report import Report
from router.domain.privacy.erasing import without_person
from router.domain.rules.city import City
from router.domain.state.log_clock import LogClock
from router.domain.state.partition_state import PartitionState

_EARLIEST = datetime.min.replace(tzinfo=UTC) + TOLERANCE
"""TOLERANCE cannot be subtracted from an earlier instant."""


def take_known_report(state: PartitionState, known_id: str, report: Report, city: City) -> Outcome | Report:
    """Decide about a report whose id is known.

    Args:
        state: of the partition, which has a case with this id.
        known_id: id of the latest incident that the report's id names.
        report: any version.
        city: the rule set of the report.

    Returns:
        The outcome; or the report under an id of its own, when it is about another incident and may open a case.
    """
    case = state.case_by_report[known_id]
    known = next(one for one in case.reports if one.id == known_id)
    if known.says is not None and known.says.erased is not None and not _is_another_incident(known, report):
        report = without_person(report)
    if report.version <= known.version:
        decided = _of_forgotten(case, known, report)
        if isinstance(decided, Outcome) or decided.version == 1:
            return decided
        report = decided
    if not state.is_within_reach(case, report):
        return rejected(too_late(report.id))
    return revise_report(state, case, report if report.id == known_id else replace(report, id=known_id), city)


def may_be_forgotten(clock: LogClock, report: Report) -> bool:
    """Whether a report whose id is not known may be in a case that the state has forgotten.

    No version of a report is received before the report exists, give or take what clocks differ. So a report that is younger than
    everything forgotten is new. A person answers for a redriven one.

    Args:
        clock: of the partition.
        report: any version.
    """
    until = clock.forgotten_until
    if until is None or report.redriven:
        return False
    first = report.first_received_at or min(report.reported_at, report.received_at)
    return first - TOLERANCE <= until if first > _EARLIEST else True


def _of_forgotten(case: Case, known: CaseReport, report: Report) -> Outcome | Report:
    """The index forgot the report, so its version says nothing.

    Returns:
        The outcome, the report as another incident, or the report as the next version.
    """
    if _is_known_record(case, known, report):
        return REDELIVERED
    if _is_another_incident(known, report):
        return _of_another_incident(report)
    if report.received_at < known.received_at:
        return rejected(superseded(known.received_at.isoformat()))
    if _says_the_same(case, known, report):
        return REDELIVERED
    if known.version >= MAX_VERSIONS:
        return rejected(too_many_versions(MAX_VERSIONS))
    return replace(report, version=known.version + 1)


def _of_another_incident(report: Report) -> Report:
    return replace(report, id=incident_id(report.network, report.source_id, report.received_at))


def _is_another_incident(known: CaseReport, report: Report) -> bool:
    return report.version == 1 and is_another_incident(
        report.occurred_at,
        report.received_at,
        known_occurred_at=known.occurred_at,
        known_received_at=known.received_at,
    )


def _is_known_record(case: Case, known: CaseReport, report: Report) -> bool:
    """Whether the event is of a source record that the case has taken in, or of a copy of one.

    Only a first version can be a copy: the index knows the record before a later one, and has seen that the two differ.
    """
    if report.provenance in [known.provenance, *[one.provenance for one in known.earlier]]:
        return True
    return report.version == 1 and (_is_copy_of_latest(case, known, report) or _is_copy_of_earlier(known, report))


def _is_copy_of_latest(case: Case, known: CaseReport, report: Report) -> bool:
    """Whether the report has the received time of the latest version, and says what the case still has of it."""
    if not _is_of_moment(known, report) or (known.reporter, known.person) != (report.reporter, report.person):
        return False
    if known.closed != report.closed:
        return False
    if known.says is None:  # the only report, so the case says what it says
        return _says_all(case, report)
    same_text = known.description == report.description[:KEPT_CHARACTERS]
    if not same_text and (
        known.version > 1 or known.description
    ):  # release 0.1.0 did not keep the text of a first version
        return False
    return (known.place, known.says) == (place_of(report), next_statement(known, report))


def _is_copy_of_earlier(known: CaseReport, report: Report) -> bool:
    """Whether the report has the received time of an earlier version, and its text, if the case still has that."""
    text = report.description[:KEPT_CHARACTERS]
    return any(_is_of_moment(one, report) and one.description in ("", text) for one in known.earlier)


def _is_of_moment(one: CaseReport | Version, report: Report) -> bool:
    moment = report.received_at, report.occurred_at, report.matter, report.location.cell
    return moment == (one.received_at, one.occurred_at, one.matter, one.cell)


def _says_all(case: Case, report: Report) -> bool:
    """Whether the case says what the report says beside matter, cell and time."""
    location = report.location
    return (
        *(case.lon, case.lat, case.description, case.status, case.component_id),
        *(case.urgency, case.severity, case.certainty, case.address, case.place_doubt, case.media),
    ) == (
        *(location.lon, location.lat, report.description, report.status, report.component_id),
        *(report.urgency, report.severity, report.certainty, report.address, location.doubt, report.media),
    )


def _says_the_same(case: Case, known: CaseReport, report: Report) -> bool:
    """Whether the case says all that the report says. If the case did not keep something, the answer is no."""
    if (known.matter, known.cell, known.occurred_at) != (report.matter, report.location.cell, report.occurred_at):
        return False
    if (known.reporter, known.person, known.closed) != (report.reporter, report.person, report.closed):
        return False
    if known.says is None:
        return _says_all(case, report)
    leads = leading(case.reports) is known
    text = case.description if leads else known.description
    kept = (
        leads or known.version > 1 or known.description != ""
    )  # release 0.1.0 did not keep the text of a first version
    return (
        kept
        and text == report.description
        and (known.place, known.says) == (place_of(report), next_statement(known, report))
    )
