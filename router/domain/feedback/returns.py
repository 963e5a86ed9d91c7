"""Who gets a task that its department returned, so that no order flies from door to door (推诿).

The first return may name whose the task is, and that department gets it. One that names none goes to the locality, which cannot return
it (属地兜底). The second goes to the authority that the city names (一次终审), whose decision cannot be returned; to the locality, if the
city names none. So a task is returned twice at most, and always has a department.
"""

from msgspec import Struct
from msgspec.structs import replace

from router.domain.case.task_record import returns_of
from router.domain.catalogue.model import ARBITRATION, FALLBACK, Receiver
from router.domain.catalogue.resolve import Assigned, Catalogue
from router.domain.model.case import Assignment, Case
from router.domain.model.feedback import Feedback
from router.domain.model.vocabulary import Role


class NextReceiver(Struct, frozen=True):
    """Who gets the task, and why."""

    assigned: Assigned
    final: bool
    """The department cannot return it."""
    why: str
    arbitrates: bool = False
    """It shall decide whose the task is."""


def next_receiver(case: Case, returned: Assignment, feedback: Feedback, catalogue: Catalogue) -> NextReceiver:
    """Who gets a task after a return.

    Args:
        case: with the assignment as it was.
        returned: the assignment that its department gives back.
        feedback: the return.
        catalogue: of the case's rule set.
    """
    back = returns_of(case)
    why, named = f"{returned.department} returned the task: {feedback.reason}", feedback.department
    if not back and named is not None and named in catalogue.departments and named != returned.department:
        receiver = Receiver(department=named, unit=feedback.unit)
        assigned = assigned_to(case, receiver, returned.role, "return", catalogue)
        return NextReceiver(assigned, final=False, why=f"{why}; it named {named}")
    authority = catalogue.arbitration
    if back and authority is not None:
        assigned = assigned_to(case, authority, returned.role, ARBITRATION, catalogue)
        assigned = replace(assigned, limit=authority.limit or assigned.limit, milestones=())
        why = f"{why}; it is the second return, so {authority.department} decides whose it is"
        return NextReceiver(assigned, final=True, why=why, arbitrates=True)
    fallback = catalogue.fallback
    if fallback is None:
        receiver = Receiver(department=returned.department, unit=returned.unit)
        assigned = assigned_to(case, receiver, returned.role, "return", catalogue)
        return NextReceiver(
            assigned, final=True, why=f"{why}; no fallback is declared, so {returned.department} keeps it"
        )
    assigned = assigned_to(case, fallback, returned.role, FALLBACK, catalogue)
    return NextReceiver(
        assigned, final=True, why=f"{why}; what is returned stays with the locality, {fallback.department}"
    )


def assigned_to(case: Case, receiver: Receiver, role: Role, rule: str, catalogue: Catalogue) -> Assigned:
    """A receiver with the limit that the case's matter has for the role."""
    matter = catalogue.matters.get(case.matter)
    return catalogue.assign(receiver, role, rule, case.cell, matter)
