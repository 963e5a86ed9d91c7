"""The case: what reports are merged into.

`Case` is the public record on `grid.cases` and also the changelog from which a partition's state is restored. So it has everything
that the fold must remember. What it says follows from its reports (`router/domain/case/derived.py`): the *leading* one gives matter,
place, time and text. Instants are aware UTC datetimes. Docs: docs/explanation/cases.md.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from router.domain.calendar.budget import Pause
from router.domain.model.erasure import Erased
from router.domain.model.feedback import Answer
from router.domain.model.milestone import Milestone
from router.domain.model.report import Media, Provenance
from router.domain.model.transition import TaskStage
from router.domain.model.vocabulary import (
    Certainty,
    Closing,
    DataClass,
    ResolvedBy,
    Role,
    Severity,
    Status,
    TaskField,
    Urgency,
)

JoinKind = Literal["opened", "component", "near", "reference", "community"]
"""Why a report is in its case: it opened the case, named the same component, was near in place and time, named the same reporter or
person, or was in the same community (if one of the two has no point)."""
Place = tuple[float, ...]
"""Longitude, latitude, and how many metres the point may be off."""


CaseState = Literal[
    "verifying", "filing", "dispatched", "accepted", "handling", "suspended", "checking", "closed", "rejected", "empty"
]
"""How far a case is (案卷状态). An inspector looks whether it is so; a supervisor decides whether it is filed; departments have tasks; the lead has taken it on; it is worked on; its time stops; an inspector must look. Closed: its
tasks are, or every report says that nothing is left to do. Rejected: it was not filed, and no department ever had a task. Empty: every report went back to another case."""


class Version(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What a report said before its network corrected or supplemented it."""

    version: int
    matter: str
    cell: str
    occurred_at: datetime
    received_at: datetime
    provenance: Provenance
    """The source record with the whole version, for as long as the network's topic keeps it."""
    description: str = ""


class Statement(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What a report says now beside matter, place, time and text. The case follows from the statements of its reports."""

    status: Status = "Actual"
    urgency: Urgency = "Unknown"
    severity: Severity = "Unknown"
    certainty: Certainty = "Unknown"
    component_id: str | None = None
    resolved_by: ResolvedBy = "point"
    accuracy_m: float | None = None
    """Of a report without a point: the size of its area in metres."""
    address: str = ""
    place_doubt: str | None = None
    media: tuple[Media, ...] = ()
    """The first 3 photos and files, by references of at most 500 characters."""
    erased: Erased | None = None
    """Set when the data of persons was erased from the report. Its corrections come without such data, too."""


class Departure(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A report that left the case, because it no longer fits."""

    report: str
    """Id of the report."""
    version: int
    """Its version when it left."""
    at: datetime
    case: str
    """Id of the case that has it since."""
    reason: str
    """Why it no longer fits, in one sentence."""


class CaseReport(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One report of a case: where it came from and why it was joined."""

    id: str
    """`<network>:<source_id>` or `<network>@<time>:<source_id>`, as in the event of the report."""
    network: str
    matter: str
    cell: str
    occurred_at: datetime
    received_at: datetime
    provenance: Provenance
    joined: JoinKind
    score: float | None = None
    """Merge score 0..1; None for the report that opened the case."""
    distance_m: float | None = None
    apart_s: float | None = None
    """Seconds between its occurrence and that of the nearest-in-time report of the case."""
    version: int = 1
    """Version of this content. From 2 on, the network sent the report again with other content."""
    description: str = ""
    """At most 200 characters of its text. Absent from the only report of a case: its text is the case's own."""
    place: Place | None = None
    """Its point, if it has one. Absent from the only report of a case: its point is the case's own."""
    says: Statement | None = None
    """What else it says now. Absent from the only report of a case that was never corrected: the case says the same."""
    closed: Closing | None = None
    """Set while its network says that nothing is left to do."""
    former: str | None = None
    """Id of the case that it left last. It returns there when a correction fits that case again."""
    reporter: str | None = None
    person: str | None = None
    """Masked references of the reporter and of the person it is about."""
    earlier: tuple[Version, ...] = ()
    """Its earlier versions, the first one first. A large case has only some of them, without their texts."""
    earlier_omitted: int = 0
    """How many earlier versions a large case no longer has. They followed the first one; the network's topic has them."""


class Suggestion(Struct, frozen=True, gc=False, kw_only=True):
    """A suggested merge, below the threshold: perhaps the same incident as another case."""

    case: str
    score: float
    reason: str


class TaskView(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What the task of a department shows beside its case. All assignments without milestones that show the same share one."""

    sees: DataClass | None = None
    """The highest class of fields; absent: every class."""
    masks: tuple[TaskField, ...] = ()
    """Fields that they do not show, whatever their class."""
    milestones: tuple[Milestone, ...] = ()
    """Parts of the work with limits of their own, in their order. They are here because a field of the assignment would cost each case its
    bytes."""


class LadderPlace(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Where the ladder of a task is, if that is not its beginning, or its next step may move. Most tasks have none, so it costs them no memory."""

    round: int = 0
    """How often it has started again."""
    waits: bool = False
    """`timer_at` was before the latest tick when the case changed: the next tick sends the step. Of every other task a step whose time has
    passed by the log time was sent."""
    timer_provisional: bool = False
    """`timer_at` reaches into a year whose calendar was not published, and may move when it is, though the limit may not."""


class Assignment(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A department that must act on a case: the result of one duty (职责)."""

    task: str
    department: str
    role: Role
    rule: str
    """Id of the duty in the catalogue that decided, or `fallback`."""
    due_at: datetime | None
    """Absent without a limit, and while it is suspended."""
    unit: str | None = None
    """Receiver within the department, e.g. a village or a mediation body; a header, not a topic."""
    dispatched_at: datetime | None = None
    """Absent if the task was dispatched when the case was opened."""
    withdrawn_at: datetime | None = None
    """When a correction led elsewhere, or the case was closed; absent while the assignment is valid. Of a closed task: when its case was routed again,
    so that it is not worked on again."""
    due_provisional: bool = False
    """`due_at` reaches into a year whose calendar was not published, and may move when it is."""
    stage: TaskStage = "dispatched"
    """How far the department is. Of one that was withdrawn before its department heard of it, the stage before the dispatch. Records of release 0.1.0
    say only when the assignment was withdrawn."""
    stage_at: datetime | None = None
    """When it began, or was last said again (`progress`); absent while the stage is that of the dispatch."""
    resumes: TaskStage | None = None
    """The stage from which it was suspended."""
    limit: str | None = None
    """How much time it has, as in standards.yaml. `due_at` follows from it, the extensions and the pauses."""
    extensions: tuple[str, ...] = ()
    """Limits that were granted on top."""
    asked: str | None = None
    """An extension that was asked for, and not decided yet."""
    pauses: tuple[Pause, ...] = ()
    """When its time stood still: suspended, or waiting for a check that failed."""
    final: bool = False
    """The department cannot return it: a supervisor or the rule about returns decided."""
    arbitrates: bool = False
    """The department is the authority that decides whose a task is that was returned twice."""
    supervised_at: datetime | None = None
    """Since when a supervisor has an eye on it (督办)."""
    wait_until: datetime | None = None
    """By when an inspector must look, or a supervisor let the task go on, if its life has a limit for that stage. Absent while the department's own time runs."""
    wait_provisional: bool = False
    """`wait_until` reaches into a year whose calendar was not published, and may move when it is."""
    why: str = ""
    """Why this department, if not for the reason of the case: after a return, or by a supervisor."""
    timer_at: datetime | None = None
    """When the next reminder or rung of its ladder comes due. It follows from the limit and the ladder, as `due_at` does. A step that is sent changes no
    record of the case: a restored state comes on by the log time."""
    sent: tuple[str, ...] = ()
    """Steps of its ladder that were sent in this round, when the record was written."""
    ladder: LadderPlace | None = None
    """Where its ladder is; absent: in its first round, and nothing waits."""
    view: TaskView | None = None
    """What its task shows, as the catalogue said at the dispatch; absent: everything."""

    @property
    def milestones(self) -> tuple[Milestone, ...]:
        """Parts of the work with limits of their own, in their order."""
        return () if self.view is None else self.view.milestones

    @property
    def round(self) -> int:
        """How often its ladder has started again."""
        return 0 if self.ladder is None else self.ladder.round

    @property
    def step_waits(self) -> bool:
        """Whether a tick has passed its timer already, so that the next one sends the step."""
        return self.ladder is not None and self.ladder.waits

    @property
    def timer_provisional(self) -> bool:
        """Whether its next step may move when a calendar is published."""
        return self.ladder is not None and self.ladder.timer_provisional


class RoutedFor(Struct, frozen=True, gc=False):
    """What the tasks of a case are about."""

    matter: str
    cell: str


class Case(Struct, gc=False, kw_only=True, omit_defaults=True):
    """An incident as the city sees it: what its reports say now, and the departments that must act."""

    id: str
    cell: str
    matter: str
    opened_at: datetime
    updated_at: datetime
    occurred_at: datetime
    """Occurrence of the leading report."""
    window_until: datetime
    """Further reports may join until this instant of received time."""
    accuracy_m: float
    reports: tuple[CaseReport, ...]
    assignments: tuple[Assignment, ...]
    reason: str
    """Why these departments, in one sentence."""
    catalogue: str
    """Version of the catalogue that decided."""
    rule_set: str = ""
    """Version of the rule set that translated and routed the deciding report: catalogue, code tables and cells together."""
    state: CaseState = "dispatched"
    lon: float | None = None
    lat: float | None = None
    resolved_by: ResolvedBy = "point"
    """How the cell of the leading report was determined; after `fallback` nothing is known of the place."""
    component_id: str | None = None
    """The managed component (部件) that the case is about, from the first report that names one."""
    status: Status = "Actual"
    urgency: Urgency = "Unknown"
    severity: Severity = "Unknown"
    certainty: Certainty = "Unknown"
    description: str = ""
    suggestions: tuple[Suggestion, ...] = ()
    window_closed_at: datetime | None = None
    """When the merge window was closed; absent while reports may still join."""
    revision: int = 0
    """Number of changes so far: 1 when the case is opened, one more at every change. With the id it names one state of the case."""
    partition_key: str = ""
    """Cell of the first version of the report that opened the case, or the key of the case that this report left. Under this key the
    case's events reach their partition of `grid.events`; `cell` is another after a correction of the place."""
    address: str = ""
    place_doubt: str | None = None
    """Why the place of the leading report may be wrong: `doubt` of its location."""
    media: tuple[Media, ...] = ()
    """Address and photos of the leading report."""
    departed: tuple[Departure, ...] = ()
    """The latest reports that left the case, each once."""
    closed_at: datetime | None = None
    """When the last task was closed, by its check or by a supervisor, or when the case was rejected. Absent while tasks are worked on, and after reports alone
    closed the case."""
    transitions: int = 0
    """How many changes of its tasks `grid.transitions` has."""
    chain: str = ""
    """Hash of the latest of them."""
    calendar_set: str = ""
    """Version of the rule set whose calendar counts, if that is a later one than `rule_set`: its years were published meanwhile."""
    answers: tuple[Answer, ...] = ()
    """The feedback that it has decided about."""
    routed_for: RoutedFor | None = None
    """What its tasks were about, if its reports were corrected to another matter or cell after it was closed or rejected. Opened again, the case is
    routed again. Absent while its tasks are about what it says."""

    @property
    def silenced_until(self) -> datetime | None:
        """No reminder and no escalation of its tasks is sent before this instant: the latest word of supervision. None without one."""
        return (
            next((one.until for one in reversed(self.answers) if one.until is not None), None) if self.answers else None
        )
