"""The transition: one change of a task, whatever caused it."""

from typing import Literal

from msgspec import Struct

from router.domain.model.feedback import FeedbackKind
from router.domain.model.report import Instant, Media, Provenance

TaskStage = Literal[
    "verifying",
    "filing",
    "dispatched",
    "accepted",
    "handling",
    "suspended",
    "handled",
    "returned",
    "withdrawn",
    "closed",
    "rejected",
]
"""How far a task is, after the steps of GB/T 30428.8: planned while an inspector looks whether it is so (核实), or while a supervisor decides
whether the case is filed (立案); given to the department (派遣), taken on (受理), worked on (处置中), on the
list of what cannot be done now (挂账), reported as done (处置完成), given back (退单), taken away because a correction or a decision leads elsewhere (撤回), closed after its check (结案),
never given because the case was not filed (不予立案)."""
Cause = Literal["report", "feedback", "calendar", "erasure"]
"""What changed the task: a report or its correction, an answer, a calendar that was published, or a request to erase the data of a person."""


class Transition(Struct, gc=False, kw_only=True, omit_defaults=True):
    """One change of a task: the record on `grid.transitions`."""

    case: str
    number: int
    """Counts the transitions of the case, from 1."""
    task: str
    department: str
    to: TaskStage
    at: Instant
    """When it took effect."""
    cause: Cause
    provenance: Provenance
    """The source record that caused it; of a calendar or an erasure the report that opened the case, because they have no source record."""
    rule_set: str
    previous: str
    """Hash of the case's transition before; empty for the first one."""
    begin: TaskStage | None = None
    """The stage before; absent when the task was made: dispatched, or planned until the case is filed."""
    kind: FeedbackKind | None = None
    """Of the feedback."""
    actor: str | None = None
    """Who sent the feedback, as it says; who had data erased."""
    sender: str | None = None
    """From whose topic the feedback came."""
    reason: str = ""
    evidence: tuple[Media, ...] = ()
    """Of the feedback, by reference."""
    milestone: str = ""
    """Of feedback by which a milestone of the task is done."""
    rule: str = ""
    """Of a dispatch: the id of the duty that led to it, or `fallback`, `return`, `arbitration`, `support`, `transfer`, `supervision`."""
    said: str = ""
    """BLAKE2b, 16 bytes, of `reason` and `evidence`, if people wrote them. `hash` covers it instead of them, so they can be erased."""
    erased: bool = False
    """`reason` and `evidence` were erased. A later transition of the case says by whom and why (cause `erasure`)."""
    hash: str = ""
    """BLAKE2b, 16 bytes, of all other fields as JSON in the order of the schema: so it depends on the whole life before. Where `said` is
    set, without `reason`, `evidence` and `erased`."""
