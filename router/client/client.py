"""The client of one department: tasks in, answers out, rejections in."""

import signal
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from datetime import datetime
from types import FrameType, TracebackType
from typing import Any, Self, TypeVar
from weakref import WeakSet

from msgspec.structs import asdict

from router.client.answers import EncodedAnswer
from router.client.connection import Connection
from router.client.records import UNREADABLE, Record, header, read_task, rejected_of, traced_task_of
from router.client.replay import Replay
from router.client.sender import Sender
from router.client.stopping import StopRequest
from router.client.subscription import Handed, Subscription
from router.client.task import Conversation, DepartmentTask, StoredAnswer
from router.domain.model.task import Task
from router.wire.errors import InputError
from router.wire.rejected_feedback_value import RejectedFeedback
from router.wire.trace_context import TraceHeaders

S = TypeVar("S")
T = TypeVar("T")


class RejectedAnswer(RejectedFeedback, frozen=True, kw_only=True, gc=True):
    """A record of `feedback.rejected.<department>`: why an answer changed nothing, and what could be said instead."""

    stored: Callable[[], None]

    def acknowledge(self) -> None:
        """Say that this record is stored: a restart does not hand it out again."""
        self.stored()


class Client:
    """Reads the tasks of departments and answers them. One consumer a loop, one producer for all answers.

    As a context it ends cleanly: what was acknowledged is committed, and the group hears that the member left. In the main thread it
    takes SIGTERM, if no other handler has: the loops end after the task that is worked on.

    Args:
        connection: the connection, or addresses of the cluster alone, `host:port[,host:port]`.
        actor: who answers, where an answer names no actor: a masked reference, never a name or a number.
    """

    def __init__(self, connection: Connection | str, *, actor: str | None = None) -> None:
        self.connection = Connection(kafka=connection) if isinstance(connection, str) else connection
        self._actor, self._stop = actor, StopRequest()
        self._sender = Sender(self.connection, self._stop)
        self._loops: WeakSet[Generator[Any, None, None]] = WeakSet()
        self._took_signal = False

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self._on_signal)
            self._took_signal = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def stop(self) -> None:
        """End the loops after the task that is worked on. From any thread, and from a signal handler."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        """Whether the client has to stop."""
        return self._stop.is_set()

    def close(self) -> None:
        """End the loops, commit what is acknowledged, close the connections."""
        self._stop.set()
        for loop in list(self._loops):
            with suppress(ValueError):  # it runs in another thread, and ends there
                loop.close()
        self._sender.close()
        if self._took_signal:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self._took_signal = False

    def tasks(self, department: str, *, group: str | None = None, unit: str | None = None) -> Iterator[DepartmentTask]:
        """The tasks of a department that its system has not acknowledged, then those that come, until the client is stopped.

        Each record comes at least once: again after a restart, if it was not acknowledged. One that was acknowledged in this process is
        recognised by task and revision. Waits for a cluster that does not answer.

        Args:
            department: its id.
            group: consumer group of the department's system; its members share the partitions. Default: the department's id, and the unit.
            unit: only tasks of this unit; the others count as acknowledged.

        Raises:
            TopicError: there is no such department.
            BrokerError: the cluster denies access, or does not answer for longer than the connection allows.
        """
        name = department if unit is None else f"{department}.{unit}"
        subscription = Subscription(
            self.connection,
            topic=self.connection.names.tasks(department),
            group=self._group(group, name),
            stop=self._stop,
            read=lambda record: traced_task_of(record) if of_unit(record, unit) else None,
            mark=lambda one: (one.task.id, one.task.revision, one.task.state),
        )
        return self._loop(
            subscription.records(), lambda one: self._task(one.said.task, one.acknowledge, one.said.trace)
        )

    def task(self, value: bytes | str) -> DepartmentTask:
        """A task that the department has stored, to answer it. Nothing is acknowledged.

        Args:
            value: of its latest record, as `DepartmentTask.json` gives it, or as the topic has it.

        Raises:
            InputError: it is no task.
        """
        try:
            task = read_task(value.encode() if isinstance(value, str) else value)
        except UNREADABLE as error:
            raise InputError(
                f"it is no task ({type(error).__name__})",
                where="the stored value",
                hint="store what `task.json()` gives",
            ) from None
        return self._task(task, _nothing)

    def replay(
        self, department: str, since: datetime, *, unit: str | None = None, follow: bool = False
    ) -> Iterator[DepartmentTask]:
        """The tasks of a department again, from an instant on, outside of any group: `acknowledge` does nothing.

        Args:
            department: its id.
            since: Kafka's time of the first record, with a zone.
            unit: only tasks of this unit.
            follow: whether to wait for what comes after the present end.

        Raises:
            TopicError, BrokerError: as with `tasks`.
        """
        replay = Replay(
            self.connection,
            topic=self.connection.names.tasks(department),
            since=since,
            following=follow,
            stop=self._stop,
        )

        def task(record: Record) -> DepartmentTask | None:
            found = traced_task_of(record) if of_unit(record, unit) else None
            return None if found is None else self._task(found.task, _nothing, found.trace)

        return self._loop(replay.records(), task)

    def rejections(self, department: str, *, group: str | None = None) -> Iterator[RejectedAnswer]:
        """Which answers of a department changed nothing, and why: those that are not acknowledged, then those that come.

        Args:
            department: its id.
            group: consumer group; default: the department's id and `.rejections`.

        Raises:
            TopicError, BrokerError: as with `tasks`.
        """
        subscription = Subscription(
            self.connection,
            topic=self.connection.names.rejected_feedback(department),
            group=self._group(group, f"{department}.rejections"),
            stop=self._stop,
            read=rejected_of,
            mark=lambda one: (one.topic, one.partition, one.offset, one.code),
        )
        return self._loop(subscription.records(), _rejected)

    def replay_rejections(self, department: str, since: datetime, *, follow: bool = False) -> Iterator[RejectedAnswer]:
        """Which answers changed nothing, from an instant on, outside of any group: `acknowledge` does nothing.

        Args:
            department: its id.
            since: Kafka's time of the first record, with a zone.
            follow: whether to wait for what comes after the present end.

        Raises:
            TopicError, BrokerError: as with `tasks`.
        """
        replay = Replay(
            self.connection,
            topic=self.connection.names.rejected_feedback(department),
            since=since,
            following=follow,
            stop=self._stop,
        )

        def rejected(record: Record) -> RejectedAnswer | None:
            found = rejected_of(record)
            return None if found is None else RejectedAnswer(**asdict(found), stored=_nothing)

        return self._loop(replay.records(), rejected)

    def _group(self, given: str | None, default: str) -> str:
        return f"{self.connection.namespace}{default}" if given is None else given

    def _loop(self, records: Generator[S, None, None], made: Callable[[S], T | None]) -> Iterator[T]:
        """What is made of records. It is closed with the client, and closes the reading."""

        def loop() -> Generator[T, None, None]:
            with closing(records):
                for record in records:
                    found = made(record)
                    if found is not None:
                        yield found

        running = loop()
        self._loops.add(running)
        return running

    def _task(self, task: Task, stored: Callable[[], None], trace: TraceHeaders | None = None) -> DepartmentTask:
        topic = self.connection.names.feedback(task.department)

        def send(answer: EncodedAnswer) -> StoredAnswer:
            partition, offset = self._sender.send(topic, answer.key, answer.value, trace)
            return StoredAnswer(
                id=answer.id, kind=answer.kind, task=answer.task, topic=topic, partition=partition, offset=offset
            )

        return DepartmentTask.of(task, Conversation(send, self._actor, stored))

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.stop()


def of_unit(record: Record, unit: str | None) -> bool:
    """Whether a record is for a unit, by its header: its value is not read."""
    return unit is None or header(record, "unit") == unit.encode()


def _rejected(handed: Handed[RejectedFeedback]) -> RejectedAnswer:
    return RejectedAnswer(**asdict(handed.said), stored=handed.acknowledge)


def _nothing() -> None:
    """What a replay acknowledges belongs to no group."""
