"""A command for each kind of answer, made from the table of kinds: `grid-router department accept|return|handled|... DEPT TASK`."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from router.cli.department.session import Department, client, find_task, struct_out
from router.cli.text.output import Form, Output, lines_out
from router.cli.text.timestamps import instant
from router.client import Evidence, InputError
from router.domain.model.feedback import DEPARTMENT_KINDS, KINDS_OF_FEEDBACK, WITH_DEPARTMENT, FeedbackKind

KINDS: tuple[FeedbackKind, ...] = (*DEPARTMENT_KINDS, "reroute")
EXAMPLES = {
    "return": "--actor hw-17 --reason 'not on a public road' --to parks",
    "ask-extension": "--actor hw-17 --reason 'waits for a crane' --limit 2wd",
    "ask-support": "--actor hw-17 --reason 'needs a ladder' --to fire",
    "answer": "--actor hw-17 --reason 'the lamp has no power'",
    "transfer": "--actor hw-17 --reason 'both parties have sued' --to courts",
    "reroute": "--actor hw-17 --reason 'its road' --to parks",
}
Task = Annotated[str, typer.Argument(metavar="TASK", help="Id of the task.")]
Actor = Annotated[str, typer.Option(help="Who did it: a masked reference, never a name or a number.")]
Reason = Annotated[str | None, typer.Option(help="Why, at most 500 characters.")]
To = Annotated[str | None, typer.Option(help="Department that gets the task, or whose it is.")]
ToUnit = Annotated[str | None, typer.Option(help="Unit of that department.")]
Limit = Annotated[str | None, typer.Option(help="How much more time, e.g. `24h` or `2wd`.")]
Milestone = Annotated[str | None, typer.Option(help="Milestone of the task that is done.")]
Files = Annotated[
    list[str] | None, typer.Option("--evidence", metavar="URL=SHA256", help="Photo or file by reference; at most five.")
]
Id = Annotated[
    str | None,
    typer.Option("--id", help="An id of your own; default: one that follows from the task and what is said."),
]
At = Annotated[
    str | None, typer.Option("--at", help="When it happened: -30m, or a time with a zone (RFC 3339); default: now.")
]


def add_answers(app: typer.Typer) -> None:
    """Add the commands to the group of a department."""
    for kind in KINDS:
        app.command(kind, help=_help(kind))(_command(kind))


def _help(kind: FeedbackKind) -> str:
    meaning = KINDS_OF_FEEDBACK[kind].replace("`2wd`", "2wd")
    example = f"grid-router department {kind} sanitation C-5e1b0c9b7c1f2a3d4e5f.1 {EXAMPLES.get(kind, '--actor hw-17')}"
    return f"{meaning}\n\nPrint where Kafka has stored it. Whether it is possible now, the router decides.\n\nExample: {example}"


def _command(kind: FeedbackKind) -> Callable[..., None]:
    """The command of a kind, with the options that the kind may have."""
    if kind in WITH_DEPARTMENT or kind == "return":

        def with_department(
            department: Department, task: Task, *, actor: Actor, reason: Reason = None, to: To = None, to_unit: ToUnit = None,
            evidence: Files = None, id_: Id = None, at: At = None, output: Output = "text",
        ) -> None:  # fmt: skip
            said = {"actor": actor, "reason": reason, "department": to, "unit": to_unit, "id": id_, "at": at}
            _say(kind, department, task, {**said, "evidence": evidence}, output)

        return with_department
    if kind == "ask-extension":

        def with_limit(
            department: Department, task: Task, *, actor: Actor, reason: Reason = None, limit: Limit = None,
            evidence: Files = None, id_: Id = None, at: At = None, output: Output = "text",
        ) -> None:  # fmt: skip
            said = {"actor": actor, "reason": reason, "limit": limit, "id": id_, "at": at}
            _say(kind, department, task, {**said, "evidence": evidence}, output)

        return with_limit

    if kind == "progress":

        def with_milestone(
            department: Department, task: Task, *, actor: Actor, reason: Reason = None, milestone: Milestone = None,
            evidence: Files = None, id_: Id = None, at: At = None, output: Output = "text",
        ) -> None:  # fmt: skip
            said = {"actor": actor, "reason": reason, "milestone": milestone, "id": id_, "at": at}
            _say(kind, department, task, {**said, "evidence": evidence}, output)

        return with_milestone

    def plain(
        department: Department, task: Task, *, actor: Actor, reason: Reason = None,
        evidence: Files = None, id_: Id = None, at: At = None, output: Output = "text",
    ) -> None:  # fmt: skip
        said = {"actor": actor, "reason": reason, "id": id_, "at": at}
        _say(kind, department, task, {**said, "evidence": evidence}, output)

    return plain


def _say(kind: FeedbackKind, department: str, task: str, given: dict[str, Any], output: Form) -> None:
    """Say something about the last record of a task, and print where it is stored."""
    at, files = given.pop("at"), given.pop("evidence")
    said = {
        **given,
        "occurred_at": None if at is None else instant(at, datetime.now(UTC), option="--at"),
        "evidence": None if files is None else [_file(one) for one in files],
    }
    with client() as found:
        stored = find_task(found, department, task).say(kind, **said)
        if output == "json":
            struct_out(stored)
        else:
            place = f"{stored.topic}/{stored.partition}/{stored.offset}"
            lines_out(f"{stored.kind} of {stored.task} is stored as {stored.id} ({place})")


def _file(text: str) -> Evidence:
    url, equals, digest = text.rpartition("=")
    if not equals:
        raise InputError(f"{text[:80]!r} is no address and hash", where="--evidence", hint="write URL=SHA256")
    return Evidence(url=url, sha256=digest)
