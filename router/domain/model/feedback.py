"""Feedback: what departments and supervision answer about a task.

A department answers on `feedback.<department>`, inspectors and supervisors on `feedback.supervision`. The topic says who the sender
is, never the payload. Docs: docs/explanation/feedback.md.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, get_args

from msgspec import Struct

from router.domain.model.report import Instant, Media, Provenance
from router.domain.model.vocabulary import PersonalNumber

SUPERVISION = "supervision"
"""The sender that is no department: inspectors, who check, and supervisors, who decide."""
DepartmentKind = Literal[
    "accept", "return", "progress", "handled", "ask-extension", "ask-support", "answer", "transfer"
]
"""What a department says about its own task."""
SupervisionKind = Literal[
    "verified",
    "file",
    "reject",
    "check-passed",
    "check-failed",
    "suspend",
    "resume",
    "grant-extension",
    "reject-extension",
    "supervise",
    "reroute",
    "close",
    "reopen",
    "silence",
]
"""What inspectors and supervisors say about any task. `reroute` is also the word of the authority that arbitrates, about its own task."""
FeedbackKind = DepartmentKind | SupervisionKind
DEPARTMENT_KINDS: tuple[FeedbackKind, ...] = get_args(DepartmentKind)
SUPERVISION_KINDS: tuple[FeedbackKind, ...] = get_args(SupervisionKind)
KINDS_OF_FEEDBACK: Mapping[FeedbackKind, str] = {
    "verified": "An inspector has seen on site that it is so (核实属实), before a department gets a task.",
    "file": "A supervisor files the case (立案): its departments get their tasks, and their limits begin.",
    "reject": "A supervisor does not file the case (不予立案): it ends, and no department gets a task. Needs a reason.",
    "accept": "The department takes the task on (受理).",
    "return": "The task is not the department's (退单). Needs a reason, and may name the department whose it is.",
    "progress": "Work goes on (进展). It may name the `milestone` of the task that is done.",
    "handled": "The work is done (处置完成), with evidence by reference.",
    "ask-extension": "The department asks for more time before its limit ends (延期申请), as a limit such as `2wd`. Needs a reason.",
    "ask-support": "The lead needs another department (请求协助), which gets a task as an assistant. Needs a reason and the department.",
    "answer": "An assistant has given what the lead needs from it (协办答复), and its task is closed. Needs a reason, the answer.",
    "transfer": "The department hands the task to one with which it shares the matter (诉访调对接). The limit runs on. Needs a reason and the department.",
    "check-passed": "An inspector has seen on site that it is done (核查通过).",
    "check-failed": "An inspector has seen that it is not done (核查不通过): the department works on it again.",
    "suspend": "A supervisor suspends the task, because it cannot be done now (挂账): its time stops. Needs a reason.",
    "resume": "A supervisor lets the task go on at the stage it had, and its time with it (恢复).",
    "grant-extension": "A supervisor grants the time that was asked for, or another limit that this names (同意延期).",
    "reject-extension": "A supervisor grants no more time (拒绝延期). Needs a reason.",
    "supervise": "A supervisor has an eye on the task (督办): its department sees it, and cannot return it. Needs a reason.",
    "reroute": "A supervisor, or the authority that arbitrates (终审), gives the task to a department, which cannot return it (强制派遣). Needs a reason.",
    "close": "A supervisor closes the case (结案). Needs a reason.",
    "reopen": "A supervisor opens a closed case again (重新立案): its tasks are worked on again. Needs a reason.",
    "silence": "A supervisor mutes reminders and escalations of the case for a time such as `2wd` (静默); its limits run on, and `0h` ends it. Needs a reason.",
}
"""Every kind, and what it says."""
WITH_REASON: frozenset[FeedbackKind] = frozenset(
    {
        "reject",
        "return",
        "ask-extension",
        "ask-support",
        "answer",
        "transfer",
        "check-failed",
        "suspend",
        "reject-extension",
        "supervise",
        "reroute",
        "close",
        "reopen",
        "silence",
    }
)
"""Kinds that must give a reason."""
WITH_LIMIT: frozenset[FeedbackKind] = frozenset({"ask-extension", "silence"})
"""Kinds that must say how much time."""
WITH_DEPARTMENT: frozenset[FeedbackKind] = frozenset({"ask-support", "transfer", "reroute"})
"""Kinds that must name a department."""
FeedbackCode = Literal[
    "unknown-task",
    "foreign-task",
    "not-legal",
    "id-reused",
    "too-many",
    "unknown-department",
    "has-task",
    "no-transfer",
    "too-late",
    "bad-limit",
    "unknown-milestone",
]
"""Why the fold rejects feedback. What is malformed is rejected before it reaches the fold, with a code of `RejectionCode`."""
FEEDBACK_CODES: Mapping[FeedbackCode, str] = {
    "unknown-task": "No case of the partition has the task: the id or the partition key is wrong, or the case was archived.",
    "foreign-task": "The task belongs to another department than the one whose topic carries the feedback.",
    "not-legal": "The task is at a stage at which this is not possible. The record names what is.",
    "id-reused": "The sender has used this id before for other content about the case.",
    "too-many": "The sender has sent as much feedback about the case as it keeps.",
    "unknown-department": "The department that shall get the task is not in the catalogue.",
    "has-task": "The department that shall help has a task of the case already.",
    "no-transfer": "The city does not let the two departments transfer tasks to each other.",
    "too-late": "More time is asked for when the limit has ended.",
    "bad-limit": "The task has no limit, or the city's calendar does not have the time that is named, or a silence of it is too long.",
    "unknown-milestone": "The task has no such milestone.",
}
"""Every code, and what it means in one sentence."""


class Feedback(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One answer, after its record was read: the event on `grid.events`."""

    id: str
    """The sender's own id of it. With the sender it is unique, and makes a second delivery harmless."""
    sender: str
    """Department from whose topic it came, or `supervision`."""
    kind: FeedbackKind
    task: str
    """Id of the task."""
    partition_key: str
    """As the task has it: the key by which the answer reaches the partition of its case."""
    actor: str
    """Who did it: a masked reference, never a name or a number."""
    occurred_at: Instant
    """When it happened, by the sender's clock, and never after `received_at`."""
    received_at: Instant
    """Kafka's time of the record."""
    digest: str
    """Of the content, so that another content under the same id is recognised."""
    provenance: Provenance
    reason: str = ""
    department: str | None = None
    """Of `return`: whose the task is, if known. Of `reroute` and `transfer`: who gets it. Of `ask-support`: who shall help."""
    unit: str | None = None
    """Unit of that department."""
    limit: str | None = None
    """Of `ask-extension`, `grant-extension` and `silence`: how much time, as a limit such as `24h` or `2wd`."""
    milestone: str | None = None
    """Of `progress`: the milestone of the task that is done."""
    evidence: tuple[Media, ...] = ()
    clock_ahead: bool = False
    """Whether the sender's clock was ahead of Kafka's, so that `occurred_at` was cut to `received_at`."""
    masked: tuple[PersonalNumber, ...] = ()
    """Which personal numbers were masked in `reason`. The digest is of what was sent."""


class FeedbackRejection(Struct, frozen=True, gc=False, kw_only=True):
    """Why feedback changed nothing."""

    code: FeedbackCode
    reason: str
    """What is wrong, and what to do."""
    legal: tuple[FeedbackKind, ...] = ()
    """What the sender could say about the task now."""


class Answer(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Feedback that a case has decided about: kept so that a second delivery does nothing."""

    id: str
    sender: str
    digest: str
    rejected: bool = False
    at: datetime | None = None
    """When it happened, if it was applied."""
    until: datetime | None = None
    """Of a silence that was applied: when it ends."""
