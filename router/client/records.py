"""Records of Kafka -> tasks and rejections, also those of a later release.

A later release may add a field, which is ignored, or a word to a closed list, such as a stage. An unknown word is kept as it is:
a client that could not read it would stand still.
"""

import logging
from collections.abc import Callable
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct
from msgspec.json import Decoder
from msgspec.structs import fields

from router.domain.model.task import Task
from router.wire.rejected_feedback_value import KIND as REJECTED
from router.wire.rejected_feedback_value import RejectedFeedback
from router.wire.trace_context import TraceHeaders, carried

T = TypeVar("T", bound=Struct)
Record = Any
"""A `ConsumerRecord` of kafka-python: topic, partition, offset, timestamp (ms), key, value, headers."""
TASK_KINDS = frozenset(
    {b"grid.task.dispatched.v1", b"grid.task.updated.v1", b"grid.task.withdrawn.v1"},
)
_CLOSED: dict[type, type[Struct]] = {}
"""A struct that takes any word -> the declared one."""
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
log = logging.getLogger("router.client")


def open_words(annotation: Any) -> Any:
    """A type with `str` in the place of each closed list of words, also within its structs."""
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return str
    if origin in (Union, UnionType):
        return Union[tuple(NoneType if one is NoneType else open_words(one) for one in inside)]  # noqa: UP007 - made at run time
    if origin is tuple:
        return tuple[tuple(one if one is ... else open_words(one) for one in inside)]  # type: ignore[misc]
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        return _open(annotation)
    return annotation


@cache
def _open(struct: type[Struct]) -> type[Struct]:
    """A struct of the same fields that takes any word."""
    hints = get_type_hints(struct)
    own = [
        (one.name, open_words(hints[one.name]))
        if one.required
        else (one.name, open_words(hints[one.name]), one.default)
        for one in fields(struct)
    ]
    found = msgspec.defstruct(struct.__name__, own, kw_only=True)
    _CLOSED[found] = struct
    return found


def _as_declared(value: Any) -> Any:
    """A value of an open struct as the struct that is declared."""
    if isinstance(value, tuple):
        return tuple(_as_declared(one) for one in value)
    struct = _CLOSED.get(type(value))
    if struct is None:
        return value
    return struct(**{name: _as_declared(getattr(value, name)) for name in struct.__struct_fields__})


def tolerant(struct: type[T]) -> Callable[[bytes], T]:
    """A decoder of a struct that takes any word where the struct has a closed list."""
    decode = Decoder(_open(struct)).decode

    def read(value: bytes) -> T:
        found: T = _as_declared(decode(value))
        return found

    return read


read_task, read_rejected = tolerant(Task), tolerant(RejectedFeedback)


def header(record: Record, name: str) -> bytes | None:
    """The first header of this name."""
    return next((content for key, content in record.headers if key == name), None)


def task_of(record: Record) -> Task | None:
    """The task of a record; None: it is of another kind, or no task can be read from it."""
    if header(record, "ce_type") not in TASK_KINDS:
        return None
    return _read(record, read_task)


class TracedTask(NamedTuple):
    """A task, and the trace that dispatched it. What is said about the task belongs to that trace."""

    task: Task
    trace: TraceHeaders


def traced_task_of(record: Record) -> TracedTask | None:
    """The task of a record with its trace; None as with `task_of`."""
    task = task_of(record)
    return None if task is None else TracedTask(task, carried(record.headers))


def rejected_of(record: Record) -> RejectedFeedback | None:
    """What a record says was rejected; None as with `task_of`."""
    if header(record, "ce_type") != REJECTED.encode():
        return None
    return _read(record, read_rejected)


def _read(record: Record, read: Callable[[bytes], T]) -> T | None:
    try:
        return read(record.value or b"")
    except UNREADABLE as error:
        place = f"{record.topic}/{record.partition}/{record.offset}"
        log.warning("%s is not what its header says (%s) and was skipped", place, type(error).__name__)
        return None
