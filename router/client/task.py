"""A task in the hands of its department: what it says, what can be answered, and that it is stored."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Unpack

from msgspec import Struct
from msgspec.json import encode
from msgspec.structs import asdict

from router.client.answers import AnswerFields, EncodedAnswer, FreeAnswerFields, answer_about
from router.client.stages import can_say, first_stages, later_stages
from router.domain.model.feedback import FeedbackKind
from router.domain.model.task import Task
from router.wire.errors import InputError


class StoredAnswer(Struct, frozen=True, kw_only=True):
    """Where Kafka has stored an answer. Whether it changed something, the router says: docs/how-to/department-client.md."""

    id: str
    kind: FeedbackKind
    task: str
    topic: str
    partition: int
    offset: int


Send = Callable[[EncodedAnswer], StoredAnswer]
"""Returns when Kafka has stored the answer."""


class Conversation:
    """What was said about one task since its record was read.

    Args:
        send: of the client.
        actor: who says it, if the answer names no actor.
        stored: called when the department acknowledges the record.
    """

    def __init__(self, send: Send, actor: str | None, stored: Callable[[], None]) -> None:
        self.stored = stored
        self._send, self._actor = send, actor
        self._said: list[FeedbackKind] = []

    def say(self, task: Task, kind: FeedbackKind, said: dict[str, Any]) -> StoredAnswer:
        """Say something. Raises what `DepartmentTask.say` raises."""
        possible = self.can_say(task)
        if kind not in possible:
            raise _impossible(task, kind, possible)
        actor = self._actor if said.get("actor") is None else said["actor"]
        if actor is None:
            raise InputError(
                "no actor is named",
                where="field `actor`",
                hint="give a masked reference of who did it, such as hw-officer-17",
            )
        receipt = self._send(answer_about(task, kind, datetime.now(UTC), **{**said, "actor": actor}))
        self._said.append(kind)
        return receipt

    def can_say(self, task: Task) -> tuple[FeedbackKind, ...]:
        """What could be said now, after what was said."""
        stages = first_stages(task)
        for kind in self._said:
            stages = later_stages(stages, kind) or stages
        return can_say(task, stages)


class DepartmentTask(Task, frozen=True, kw_only=True, gc=True):
    """A record of `tasks.<department>`: the fields of the task, and what its department does with it.

    Each method for a kind of feedback returns when Kafka has stored the answer, with a receipt. It waits for a cluster that does not answer.
    The keywords of `AnswerFields` fit each. All raise what `say` raises.
    """

    conversation: Conversation

    @classmethod
    def of(cls, task: Task, conversation: Conversation) -> "DepartmentTask":
        """The task of a record."""
        return cls(**asdict(task), conversation=conversation)

    def json(self) -> bytes:
        """The task as JSON, as its record has it: store this, and `Client.task` answers it later."""
        return encode(Task(**{name: getattr(self, name) for name in Task.__struct_fields__}))

    @property
    def withdrawn(self) -> bool:
        """Whether the department shall stop."""
        return self.state == "withdrawn"

    @property
    def possible(self) -> tuple[FeedbackKind, ...]:
        """What could be said now in some city. The lifecycle of this city may allow less."""
        return self.conversation.can_say(self)

    def acknowledge(self) -> None:
        """Say that this record is stored: a restart does not hand it out again. In any thread, in any order."""
        self.conversation.stored()

    def say(self, kind: FeedbackKind, **said: Any) -> StoredAnswer:
        """Say something about the task: what the methods below do.

        Raises:
            InputError: the router would not accept it; the sentence names the field, or what is possible.
            TopicError: the topic of the department's feedback does not exist.
            BrokerError: the cluster denies access, does not answer for longer than the connection allows, or the client was stopped.
        """
        return self.conversation.say(self, kind, said)

    def accept(self, **said: Unpack[FreeAnswerFields]) -> StoredAnswer:
        """Take the task on (受理)."""
        return self.say("accept", **said)

    def return_(
        self, reason: str, *, department: str | None = None, unit: str | None = None, **said: Unpack[AnswerFields]
    ) -> StoredAnswer:
        """Say that the task is not the department's (退单), and perhaps whose it is."""
        return self.say("return", **{**said, "reason": reason, "department": department, "unit": unit})

    def progress(self, *, milestone: str | None = None, **said: Unpack[FreeAnswerFields]) -> StoredAnswer:
        """Say that work goes on (进展), and perhaps which milestone of the task is done."""
        return self.say("progress", **{**said, "milestone": milestone})

    def handled(self, **said: Unpack[FreeAnswerFields]) -> StoredAnswer:
        """Say that the work is done (处置完成), with `evidence`."""
        return self.say("handled", **said)

    def ask_extension(self, limit: str, reason: str, **said: Unpack[AnswerFields]) -> StoredAnswer:
        """Ask for more time before the limit ends (延期申请), such as `24h` or `2wd`."""
        return self.say("ask-extension", **{**said, "limit": limit, "reason": reason})

    def ask_support(
        self, department: str, reason: str, *, unit: str | None = None, **said: Unpack[AnswerFields]
    ) -> StoredAnswer:
        """Ask that another department help (请求协助)."""
        return self.say("ask-support", **{**said, "department": department, "reason": reason, "unit": unit})

    def answer(self, reason: str, **said: Unpack[AnswerFields]) -> StoredAnswer:
        """Give what the lead needs from an assistant (协办答复), which ends the task."""
        return self.say("answer", **{**said, "reason": reason})

    def transfer(
        self, department: str, reason: str, *, unit: str | None = None, **said: Unpack[AnswerFields]
    ) -> StoredAnswer:
        """Hand the task to a department with which this one shares the matter (诉访调对接)."""
        return self.say("transfer", **{**said, "department": department, "reason": reason, "unit": unit})

    def reroute(
        self, department: str, reason: str, *, unit: str | None = None, **said: Unpack[AnswerFields]
    ) -> StoredAnswer:
        """Decide whose a task is that was returned twice (终审). Possible where the task says `arbitrates`."""
        return self.say("reroute", **{**said, "department": department, "reason": reason, "unit": unit})


def _impossible(task: Task, kind: FeedbackKind, possible: tuple[FeedbackKind, ...]) -> InputError:
    stage = "withdrawn" if task.state == "withdrawn" else task.stage
    final = ", and cannot be returned" if kind == "return" and (task.final or task.supervised_at is not None) else ""
    hint = f"possible are {', '.join(possible)}" if possible else "read its next record"
    return InputError(f"`{kind}` is not possible: it is {stage}{final}", where=f"task {task.id}", hint=hint)
