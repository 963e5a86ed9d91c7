"""Compares every task record of every department with the cases and with the folded log."""

from collections import Counter
from collections.abc import Iterable, Mapping

from router.domain.intake.content import bytes_digest
from router.wire.codec import decode_task
from router.wire.topic_names import Names
from tests.chaos.audit.case_table import Table
from tests.chaos.audit.findings import Findings
from tests.chaos.audit.lives import TaskSays, check_tasks_say, has_ended
from tests.chaos.audit.topics import Log


def check_tasks(
    departments: Iterable[str],
    wanted: Mapping[str, Counter[str]],
    table: Table,
    *,
    log: Log,
    names: Names,
    findings: Findings,
) -> int:
    """Read all tasks to the end, compare them, and return how many were dispatched."""
    dispatched: set[str] = set()
    duties: set[tuple[str, str, str, str | None]] = set()
    found: dict[str, Counter[str]] = {department: Counter() for department in departments}
    revisions: dict[str, tuple[int, str]] = {}
    said: dict[str, TaskSays] = {}
    for record in log.read([names.tasks(department) for department in sorted(found)]):
        task = decode_task(record.value)
        found[task.department][bytes_digest(record.value)] += 1
        if task.case not in table.cases:
            findings.add("task without case", task.id)
        said[task.id] = TaskSays(task.stage, task.due_at)
        assignment = table.assigned.get(task.id)
        # a department may get a second task of a case when two others return theirs
        apart = assignment is not None and (has_ended(assignment) or bool(assignment.why))
        if task.state == "dispatched":
            duty = (task.case, task.department, task.role, task.unit)
            again = duty in duties and not apart
            if task.id in dispatched or again:
                findings.add("dispatched twice", task.id)
            dispatched.add(task.id)
            if not apart:
                duties.add(duty)
        revision = task.revision, task.state
        if revision[0] < revisions.get(task.id, (0, ""))[0] or (
            task.state != "dispatched" and task.id not in dispatched
        ):
            findings.add("out of order in a cell", f"task {task.id}")
        if task.state != "dispatched" and revision == revisions.get(task.id):
            findings.add("dispatched twice", f"{task.id} revision {task.revision}")
        revisions[task.id] = revision
    check_tasks_say(table.assigned, said, findings)
    findings.add("case without task", *sorted(table.assigned.keys() - dispatched - table.unheard))
    findings.add("task before filing", *sorted(dispatched & table.unheard))
    for department in sorted(found.keys() | wanted.keys()):
        differing = _difference(wanted.get(department, Counter()), found.get(department, Counter()))
        findings.add("tasks differ from the log", *[f"{department} {digest}" for digest in differing])
    return len(dispatched)


def _difference(one: Counter[str], other: Counter[str]) -> list[str]:
    return sorted(((one - other) + (other - one)).elements())
