"""The task: what one department is asked to do about one case."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from router.domain.model.milestone import Milestone
from router.domain.model.report import Media
from router.domain.model.transition import TaskStage
from router.domain.model.vocabulary import ResolvedBy, Role, Severity, Status, TaskField, Urgency

TaskState = Literal["dispatched", "updated", "withdrawn"]
"""A task is dispatched once. It is updated when the department must know more, and withdrawn when a correction leads elsewhere."""


class BilingualName(Struct, frozen=True, gc=False, omit_defaults=True):
    """A name for people, as the catalogue has it."""

    en: str
    zh: str | None = None


class TaskNames(Struct, frozen=True, gc=False, omit_defaults=True):
    """What the ids of a task are called. A name that the catalogue does not have is absent."""

    matter: BilingualName | None = None
    department: BilingualName | None = None
    unit: BilingualName | None = None


class TeamMember(Struct, frozen=True, gc=False, omit_defaults=True):
    """Another department that acts on the same case."""

    department: str
    role: Role
    unit: str | None = None
    name: BilingualName | None = None


class TaskReport(Struct, frozen=True, gc=False):
    """A report of the case: by its id its network finds the record."""

    id: str
    network: str


class Task(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What one department is asked to do about one case: the record on `tasks.<department>`."""

    id: str
    case: str
    department: str
    role: Role
    matter: str
    cell: str
    rule: str
    catalogue: str
    reason: str
    dispatched_at: datetime
    due_at: datetime | None
    state: TaskState = "dispatched"
    updated_at: datetime | None = None
    """When the task was updated or withdrawn."""
    revision: int = 0
    """Revision of the case from which this record was made. Release 0.1.0 counted the versions of the case's reports instead, and
    wrote it in updates and withdrawals only."""
    partition_key: str = ""
    """The case's partition key. An answer to the task that has this key reaches the partition that owns the case."""
    unit: str | None = None
    workflow: str | None = None
    lon: float | None = None
    lat: float | None = None
    status: Status = "Actual"
    urgency: Urgency = "Unknown"
    severity: Severity = "Unknown"
    description: str = ""
    address: str = ""
    """Address in free text, as the leading report has it."""
    resolved_by: ResolvedBy | None = None
    """How the cell was determined: `code` and `point` are sure; after `fallback` nothing is known of the place. Absent in records
    of earlier releases."""
    accuracy_m: float | None = None
    """How many metres the true place may be from the point; without a point, from the middle of the named area."""
    place_doubt: str | None = None
    """Why the place may be wrong, in one sentence; absent if nothing speaks against it."""
    networks: tuple[str, ...] = ()
    """Networks that reported the incident until this revision, the first one first."""
    names: TaskNames | None = None
    """What matter, department and unit are called. Absent in records of earlier releases."""
    team: tuple[TeamMember, ...] = ()
    """The other departments of the case: lead and assistants, without those that returned or lost their task."""
    reports: tuple[TaskReport, ...] = ()
    """Reports of the case until this revision: the leading one, then the latest of the others, at most 20."""
    reports_omitted: int = 0
    """How many more reports the case has."""
    media: tuple[Media, ...] = ()
    """Photos and files by reference: those of the leading report, then of the others, at most 12."""
    due_provisional: bool = False
    """`due_at` reaches into a year whose calendar was not published, and may move when it is."""
    stage: TaskStage = "dispatched"
    """How far the department is with it, as feedback says."""
    final: bool = False
    """The department cannot return it."""
    arbitrates: bool = False
    """The department shall decide whose the task is (`reroute`), because it was returned twice."""
    returns: int = 0
    """How often departments have returned the order before."""
    supervised_at: datetime | None = None
    """Since when a supervisor has an eye on it (督办)."""
    milestones: tuple[Milestone, ...] = ()
    """Parts of the work with limits of their own, in their order (分段时限); `due_at` is that of all of it."""
    withheld: tuple[TaskField, ...] = ()
    """Fields that are left out, because the catalogue does not let the department see them."""
    erased_at: datetime | None = None
    """Set in the record by which data of persons was erased from the task: who keeps an earlier record of it must erase that, too."""
