"""A request to erase a person's data is folded: the case is written again without them, and everything else stays.

The same change is made to an archived case, which no fold has in its state. Docs: docs/adr/0038-erasure.md.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from router.domain.case.derived import derive
from router.domain.case.reports import whole
from router.domain.case.task_record import task
from router.domain.lifecycle.journal import erased_data
from router.domain.lifecycle.provisional import city_of
from router.domain.lifecycle.stages import is_unheard
from router.domain.model.case import Case, CaseReport
from router.domain.model.erasure import Erased, Erasure
from router.domain.model.outcome import CaseChanged, ErasureDecided, Fact, Outcome, Output, TransitionMade, add_tasks
from router.domain.model.task import Task
from router.domain.model.transition import Transition
from router.domain.privacy.erasing import erased_report, has_text, without_text, without_words
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleLookup
from router.domain.state.partition_state import PartitionState

UNKNOWN = Outcome([], [ErasureDecided("unknown-case")])
NOTHING = Outcome([], [ErasureDecided("nothing")])


def take_erasure(state: PartitionState, erasure: Erasure, rules: RuleLookup) -> Outcome:
    """Fold a request to erase a person's data. One that comes twice changes nothing.

    Raises:
        RuleSetError: the rule set of the case is not at hand; nothing was changed.
    """
    case = state.case_of(erasure.case)
    if case is None:
        return UNKNOWN
    ids = erasure.reports or tuple([one.id for one in case.reports])
    # a case that a report left as its last one still says what the report said
    left = [one for (report, _), one in state.left.items() if report in ids and not one.reports and one is not case]
    found = [(one, city_of(one, rules)) for one in (case, *left) if _changes(one, erasure)]
    records: list[Output] = []
    tasks: list[Task] = []
    for one, city in found:
        records.append(CaseChanged(one))
        with state.changing(one, city.merging) as entry:
            made = erase(one, erasure)
            if entry is not None:
                entry.reread(city.merging)
        records += [TransitionMade(transition, one.partition_key) for transition in made]
        tasks += _tasks(one, city, erasure)
    if not records:
        return NOTHING
    facts: list[Fact] = [ErasureDecided("erased")]
    add_tasks(tasks, records, facts)
    return Outcome(records, facts)


def has_data(case: Case, erasure: Erasure) -> bool:
    """Whether the case has data that the request means."""
    if without_words(case.assignments) != case.assignments:
        return True
    if not case.reports:
        return has_text(case)
    return any(_is_meant(one.id, erasure) and _mark_of(one) is None for one in case.reports)


def _changes(case: Case, erasure: Erasure) -> bool:
    """Whether the request changes the case. One that is later than the last one does: departments may have written more into the journal."""
    return has_data(case, erasure) or any(
        _is_meant(one.id, erasure) and _is_before(one, erasure) for one in case.reports
    )


def _mark_of(one: CaseReport) -> Erased | None:
    return None if one.says is None else one.says.erased


def _is_before(one: CaseReport, erasure: Erasure) -> bool:
    """Whether the request is later than the last one for the report. It has what departments wrote since erased from the journal."""
    erased = _mark_of(one)
    return erased is None or erased.at < erasure.at


def erase(case: Case, erasure: Erasure) -> list[Transition]:
    """Take the data out of a case that has some, with the transition that says so. The case's revision is not touched.

    Args:
        case: changed in place.
        erasure: the request.
    """
    if case.reports:
        known, mark = [whole(case, one) for one in case.reports], erasure.mark
        case.reports = tuple([erased_report(one, mark) if _is_meant(one.id, erasure) else one for one in known])
        derive(case)
    else:
        without_text(case)
    case.assignments = without_words(case.assignments)
    case.updated_at = max(case.updated_at, erasure.at)
    return [erased_data(case, one, erasure) for one in case.assignments[:1]]


def erased_archived(case: Case, erasure: Erasure) -> list[Transition]:
    """The same for a case of the archive, whose next record this makes. Nothing else changes such a case.

    Args:
        case: as the archive has it; changed in place.
        erasure: the request.
    """
    made = erase(case, erasure)
    case.revision += 1
    return made


def _is_meant(report_id: str, erasure: Erasure) -> bool:
    return not erasure.reports or report_id in erasure.reports


def _tasks(case: Case, city: City, erasure: Erasure) -> Sequence[Task]:
    """Every department that ever had a task of the case hears of it, because it may have kept the record."""
    return [
        replace(
            task(
                case,
                one,
                city.catalogue,
                "updated" if one.withdrawn_at is None or one.stage == "closed" else "withdrawn",
                case.updated_at,
            ),
            erased_at=erasure.at,
        )
        for one in case.assignments
        if not is_unheard(one)
    ]
