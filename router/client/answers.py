"""What a department says about a task, as a record of its topic of feedback. Pure: the same task and words give the same id.

The rules are those of the first stage of the router (`router/domain/feedback/message.py`): what it cannot read is rejected here, with its
sentence. Docs: docs/reference/feedback.md.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any, TypedDict

from msgspec import Struct, to_builtins
from msgspec.json import encode
from pydantic import ValidationError

from router.domain.feedback.message import FeedbackMessage, missing_field
from router.domain.intake.error_wording import of_field
from router.domain.model.feedback import FeedbackKind
from router.domain.model.report import Media
from router.domain.model.task import Task
from router.wire.errors import InputError

ID_BYTES = 16
_SEE = "docs/how-to/answer-tasks.md says what each field may hold"


class AnswerFields(TypedDict, total=False):
    """What may be said with every kind."""

    actor: str
    """Who did it: a masked reference, never a name or a number; without it, the actor of the client."""
    occurred_at: datetime
    """When it happened, with a zone; without it, now."""
    id: str
    """An id of the department's own; without it, one that follows from the task and what is said."""
    evidence: Sequence[Media]
    """Photos and files, by reference."""


class FreeAnswerFields(AnswerFields, total=False):
    """What may be said with a kind that needs no reason."""

    reason: str
    """Why, in the department's words."""


class EncodedAnswer(Struct, frozen=True, kw_only=True):
    """A record of `feedback.<department>`."""

    id: str
    kind: FeedbackKind
    task: str
    value: bytes

    @property
    def key(self) -> bytes:
        """Its key: what is said about one task stays in order."""
        return self.task.encode()


def answer_about(task: Task, kind: FeedbackKind, now: datetime, **said: Any) -> EncodedAnswer:
    """Say something about a task.

    Args:
        task: as it was read.
        kind: what is said.
        now: when it happened, if `said` has no time.
        said: fields of the feedback by their names; None is as if it were not given.

    Raises:
        InputError: the router would not accept it; the sentence names the field.
    """
    given = {name: value for name, value in said.items() if value is not None}
    at = given.pop("occurred_at", None)
    if (at or now).tzinfo is None:
        raise InputError("a time without a zone", where="field `occurred_at`", hint="give it one, such as UTC")
    content = to_builtins({**given, **({"evidence": list(given["evidence"])} if "evidence" in given else {})})
    own = content.pop("id", None)
    fields = {
        "id": answer_id(task, kind, content, at) if own is None else own,
        "task": task.id,
        "partition_key": task.partition_key,
        "kind": kind,
        "occurred_at": (at or now).isoformat(),
        **content,
    }
    value = encode(fields)
    return EncodedAnswer(id=str(_checked(task, value).id), kind=kind, task=task.id, value=value)


def answer_id(task: Task, kind: FeedbackKind, content: dict[str, Any], at: datetime | None) -> str:
    """The id of what is said: the same for the same record of a task, kind and content.

    The revision of the case is part of it. A task that comes back, because a check failed, can be `handled` again in the same words. A
    time that the department did not give is no part: a handler that runs again after a crash gives another, and must not count twice.
    """
    said = [task.id, task.revision, kind, sorted(content.items()), None if at is None else at.isoformat()]
    return f"auto-{blake2b(encode(said), digest_size=ID_BYTES).hexdigest()}"


def _checked(task: Task, value: bytes) -> FeedbackMessage:
    if not task.partition_key:
        raise InputError(
            "release 0.1.0 of the router dispatched it, and nothing can be said about such a task",
            where=f"task {task.id}",
            hint="wait for its next record",
        )
    try:
        message = FeedbackMessage.model_validate_json(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(of_field(first, value), where=f"field `{where}`", hint=_SEE) from None
    absent = missing_field(message)
    if absent is not None:
        what, _, hint = absent.removeprefix("field ").partition("; ")
        where, _, what = what.partition(": ")
        raise InputError(what, where=f"field {where}", hint=hint)
    return message
