"""What the commands of a department share: the client, the search for a task, and what they print."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from typing import Annotated, Any

import typer
from msgspec import Struct, to_builtins

from router.cli.text.output import Form, flush, json_out, lines_out, say
from router.cli.text.timestamps import BEGINNING, instant, stamp
from router.client import Client, Connection, DepartmentTask, InputError
from router.domain.model.task import Task
from router.wire.settings import Settings

PATIENCE_S = 0.0
"""A command makes one attempt, of five seconds."""
Department = Annotated[str, typer.Argument(help="Id of the department, e.g. `sanitation`.")]
Unit = Annotated[str | None, typer.Option(help="Only what is for this unit of the department.")]
Since = Annotated[
    str, typer.Option("--from", help="Start: -30m, -1h, -2d, beginning, now, or a time with a zone (RFC 3339).")
]


@contextmanager
def client() -> Iterator[Client]:
    """A client of the cluster in use. Ctrl-C and a reader that closes its end are no errors."""
    settings = Settings()
    kafka = settings.kafka or _embedded(settings)
    connection = Connection(kafka=kafka, namespace=settings.namespace, patience_s=PATIENCE_S)
    with Client(connection) as found:
        try:
            yield found
            flush()
        except KeyboardInterrupt:
            say("Ended: interrupted.")
        except BrokenPipeError:
            os.dup2(
                os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
            )  # Python flushes at exit, and would fail again
            say("Ended: the reader closed the output.")


def _embedded(settings: Settings) -> str:
    """Address of the embedded broker, which only an installation of the router has."""
    try:
        server = import_module("router.broker.server")
    except ModuleNotFoundError:
        raise InputError(
            "no cluster is named", where="GRID_ROUTER_KAFKA", hint="set it to host:port of a broker"
        ) from None
    return str(server.bootstrap(settings))


def since_instant(text: str) -> datetime:
    """The instant of `--from`. Raises InputError."""
    return instant(text, datetime.now(UTC), option="--from")


def latest(tasks: Iterable[DepartmentTask]) -> dict[str, DepartmentTask]:
    """Task id -> its last record."""
    return {task.id: task for task in tasks}


def find_task(found: Client, department: str, id_: str) -> DepartmentTask:
    """The last record of a task. Raises InputError when the department has no such task."""
    last = None
    for task in found.replay(department, BEGINNING):
        if task.id == id_:
            last = task
    if last is None:
        raise InputError(
            f"the department {department} has no task {id_[:60]!r}",
            hint=f"`grid-router department list {department}` shows its tasks",
        )
    return last


def task_out(task: DepartmentTask, output: Form) -> None:
    """Print a record of a task: a line, or JSON with the names of the record, and the stage and state at any rate."""
    if output == "json":
        json_out(as_json(task))
        return
    due = stamp(task.due_at) if task.due_at is not None else "-"
    receiver = f"{task.department}/{task.unit}" if task.unit else task.department
    stage = "withdrawn" if task.withdrawn else task.stage
    lines_out(f"{task.id}  {stage}  due {due}  {task.role}  {task.matter}  {task.cell}  {receiver}")


def as_json(task: DepartmentTask) -> dict[str, Any]:
    """The fields of a task."""
    plain = Task(**{name: getattr(task, name) for name in Task.__struct_fields__})
    return {**to_builtins(plain), "state": task.state, "stage": task.stage, "revision": task.revision}


def struct_out(one: Struct) -> None:
    """Print a struct as a line of JSON."""
    json_out(to_builtins(one))
