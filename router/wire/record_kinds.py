"""Every kind of record that the router writes, declared once.

The codec, the JSON Schemas and the AsyncAPI document read this table. A new kind is one entry here and one sample
below `schemas/samples`.
"""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from router.domain.intake.dedup import DedupEntry
from router.domain.model.case import Case
from router.domain.model.erasure import Erasure
from router.domain.model.escalation import Escalation
from router.domain.model.feedback import SUPERVISION, Feedback
from router.domain.model.report import Report, Tick
from router.domain.model.task import Task, TaskState
from router.domain.model.transition import Transition
from router.wire.rejected_feedback_value import KIND as REJECTED_FEEDBACK_KIND
from router.wire.rejected_feedback_value import RejectedFeedback
from router.wire.rejections import KIND as REJECTION_KIND
from router.wire.rejections import RecordRejected
from router.wire.repairs import Repair
from router.wire.rule_sets import RuleSetRecord
from router.wire.stored_offsets import STORED_OFFSET_KEY, StoredOffset
from router.wire.topic_names import Names
from router.wire.trace_context import CE_TRACE_PARENT, CE_TRACE_STATE, TRACE_PARENT, TRACE_STATE

JsonSchema = Mapping[str, Any]
_NAMES = Names()
_TASKS = _NAMES.tasks("{department}")
TEXT: JsonSchema = {"type": "string", "minLength": 1}
TRACE: Mapping[str, JsonSchema] = {
    CE_TRACE_PARENT: {
        **TEXT,
        "description": "Where the trace began that caused it (CloudEvents, distributed tracing).",
    },
    CE_TRACE_STATE: {**TEXT, "description": "What vendors add to that."},
    TRACE_PARENT: {**TEXT, "description": "The last span before it (W3C Trace Context)."},
    TRACE_STATE: {**TEXT, "description": "What vendors add to that."},
}
"""Optional headers of every record that another one has caused."""
CELL: JsonSchema = {"type": "string", "pattern": "^[0-9]{15}$", "description": "Grid cell, 15 digits."}


class EventAttributes(Struct, frozen=True, kw_only=True):
    """How a kind of record fills the attributes of CloudEvents 1.0."""

    source: Literal["network", "sender", "router"]
    """`/networks/<network>`, `/feedback/<sender>` or `/grid-router`."""
    time: str
    """What `ce_time` says, one sentence."""
    has_subject: bool = True
    """Whether `ce_subject` is a grid cell; without it the event concerns a whole partition."""


class RecordKind(Struct, frozen=True, kw_only=True):
    """One kind of record."""

    name: str
    """Name of its schema and its message; of an event, its CloudEvents type."""
    title: str
    topics: tuple[str, ...]
    """Topics that carry it, without namespace; `{network}` and `{department}` are parameters."""
    struct: type[Struct] | None
    """Type of its value; None: the value of another record, byte for byte."""
    key: JsonSchema | None
    """JSON Schema of its key, read as UTF-8; None: the key of another record."""
    event: EventAttributes | None = None
    """Its CloudEvents attributes; None: it is no CloudEvent."""
    headers: Mapping[str, JsonSchema] = {}
    """Optional headers beyond the common ones."""
    header_schema: str | None = None
    """Name of the schema of its headers, where the kind has one of its own."""
    task_state: TaskState | None = None
    """State of the task that it carries."""

    @property
    def published(self) -> bool:
        """Whether other systems consume it; otherwise it is a record of the router's own tables."""
        return self.event is not None or self.header_schema is not None

    @property
    def ce_type(self) -> tuple[str, bytes]:
        """The header with its CloudEvents type."""
        return ("ce_type", self.name.encode())

    @property
    def schema_path(self) -> str | None:
        """Path of the schema of its value."""
        return f"events/{self.name}.json" if self.struct else None

    @property
    def header_path(self) -> str | None:
        """Path of the schema of its headers; None: only a content type."""
        return f"headers/{self.header_schema or self.name}.json" if self.published else None

    @property
    def sample_paths(self) -> list[str]:
        """Paths of its samples below `schemas/samples`: those of its schemas."""
        return [path for path in (self.schema_path, self.header_path) if path]


_CASE_ID: JsonSchema = {**TEXT, "description": "Id of the case."}
_UNIT: JsonSchema = {**TEXT, "description": "Unit of the department that receives the task; absent: the department."}

_ALL = (
    RecordKind(
        name="grid.report.received.v1",
        title="Report",
        topics=(_NAMES.events,),
        struct=Report,
        key=CELL,
        event=EventAttributes(source="network", time="When it occurred, UTC."),
        headers=TRACE,
    ),
    RecordKind(
        name="grid.report.updated.v1",
        title="Report updated",
        topics=(_NAMES.events,),
        struct=Report,
        key={**CELL, "description": "Grid cell of the report's first version, 15 digits."},
        event=EventAttributes(source="network", time="When it occurred, UTC."),
        headers=TRACE,
    ),
    RecordKind(
        name="grid.feedback.received.v1",
        title="Feedback",
        topics=(_NAMES.events,),
        struct=Feedback,
        key={**CELL, "description": "Partition key of the task, 15 digits."},
        event=EventAttributes(source="sender", time="When it happened, UTC."),
        headers=TRACE,
    ),
    RecordKind(
        name="grid.erasure.requested.v1",
        title="Erasure requested",
        topics=(_NAMES.events,),
        struct=Erasure,
        key={**CELL, "description": "Partition key of the case, 15 digits."},
        event=EventAttributes(source="router", time="When it was requested, UTC."),
    ),
    RecordKind(
        name="grid.clock.ticked.v1",
        title="Tick",
        topics=(_NAMES.events,),
        struct=Tick,
        key={"type": "string", "const": "tick", "description": "The same for all: a tick concerns its partition."},
        event=EventAttributes(source="router", time="The instant of the tick, UTC.", has_subject=False),
    ),
    RecordKind(
        name="grid.case.changed.v1",
        title="Case",
        topics=(_NAMES.cases,),
        struct=Case,
        key=_CASE_ID,
        event=EventAttributes(source="router", time="When it changed, UTC."),
    ),
    RecordKind(
        name="grid.case.archived.v1",
        title="Case archived",
        topics=(_NAMES.archive,),
        struct=Case,
        key=_CASE_ID,
        event=EventAttributes(source="router", time="When it was archived, by the times of the reports, UTC."),
    ),
    RecordKind(
        name="grid.task.dispatched.v1",
        title="Task",
        topics=(_TASKS,),
        struct=Task,
        key=_CASE_ID,
        event=EventAttributes(source="router", time="When it was dispatched, UTC."),
        headers={"unit": _UNIT, **TRACE},
        task_state="dispatched",
    ),
    RecordKind(
        name="grid.task.updated.v1",
        title="Task updated",
        topics=(_TASKS,),
        struct=Task,
        key=_CASE_ID,
        event=EventAttributes(source="router", time="When it was updated, UTC."),
        headers={"unit": _UNIT, **TRACE},
        task_state="updated",
    ),
    RecordKind(
        name="grid.task.withdrawn.v1",
        title="Task withdrawn",
        topics=(_TASKS,),
        struct=Task,
        key=_CASE_ID,
        event=EventAttributes(source="router", time="When it was withdrawn, UTC."),
        headers={"unit": _UNIT, **TRACE},
        task_state="withdrawn",
    ),
    RecordKind(
        name="grid.task.transitioned.v1",
        title="Transition",
        topics=(_NAMES.transitions,),
        struct=Transition,
        key={**TEXT, "description": "Id of the case, `/`, and the number of the transition."},
        event=EventAttributes(source="router", time="When the change took effect, UTC."),
        headers=TRACE,
    ),
    RecordKind(
        name="grid.escalation.sent.v1",
        title="Escalation",
        topics=(_NAMES.escalations,),
        struct=Escalation,
        key=_CASE_ID,
        event=EventAttributes(source="router", time="When it came due, or when what settled it took effect, UTC."),
        headers=TRACE,
    ),
    RecordKind(
        name=REJECTED_FEEDBACK_KIND,
        title="Feedback rejected",
        topics=(_NAMES.rejected_feedback("{department}"), _NAMES.rejected_feedback(SUPERVISION)),
        struct=RejectedFeedback,
        key={
            "type": "string",
            "description": "Id of the task; of a record that cannot be read, its own key, up to 256 bytes.",
        },
        event=EventAttributes(source="router", time="Kafka's time of the rejected record, UTC.", has_subject=False),
        headers=TRACE,
    ),
    RecordKind(
        name=REJECTION_KIND,
        title="Record rejected",
        topics=(_NAMES.rejections("{network}"),),
        struct=RecordRejected,
        key={"type": "string", "description": "Key of the rejected record; none when that was longer than 256 bytes."},
        event=EventAttributes(source="router", time="Kafka's time of the rejected record, UTC.", has_subject=False),
        headers=TRACE,
    ),
    RecordKind(
        name="grid.dedup-entry.v1",
        title="Dedup entry",
        topics=(_NAMES.dedup_index("{network}"),),
        struct=DedupEntry,
        key={**TEXT, "description": "The network's id of the report."},
    ),
    RecordKind(
        name="grid.stored-offset.v1",
        title="Stored offset",
        topics=(_NAMES.offsets, _NAMES.dedup_index("{network}"), _NAMES.feedback_offsets),
        struct=StoredOffset,
        key={
            **TEXT,
            "description": f"`{STORED_OFFSET_KEY.decode()}`; on `{_NAMES.feedback_offsets}` the topic, `/` and the partition.",
        },
    ),
    RecordKind(
        name="grid.rule-set.v1",
        title="Rule set",
        topics=(_NAMES.rule_sets,),
        struct=RuleSetRecord,
        key={**TEXT, "description": "Instant from which it is in force, and version."},
    ),
    RecordKind(
        name="grid.repair.v1",
        title="Repair",
        topics=(_NAMES.repairs,),
        struct=Repair,
        key={**TEXT, "description": "Id of the dead letter."},
    ),
    RecordKind(
        name="grid.dead-letter",
        title="Dead letter",
        topics=(_NAMES.dead_letters,),
        struct=None,
        key=None,
        header_schema="dead-letter.v1",
    ),
)

KINDS: Mapping[str, RecordKind] = {kind.name: kind for kind in _ALL}
"""Every kind by its name."""


def kinds_on(topic: str) -> list[RecordKind]:
    """The kinds of a topic, named as in `RecordKind.topics`."""
    return [kind for kind in KINDS.values() if topic in kind.topics]
