"""`grid-router department list|tail|rejections DEPT`, and a command for each kind of answer."""

from typing import Annotated, Any

import typer
from msgspec import to_builtins

from router.cli.department.answering import add_answers
from router.cli.department.session import Department, Since, Unit, client, latest, since_instant, task_out
from router.cli.text.output import Output, flush, json_out, lines_out, say
from router.cli.text.timestamps import stamp
from router.client import RejectedAnswer
from router.domain.lifecycle.lifecycles import ENDED
from router.wire.rejected_feedback_value import RejectedFeedback

app = typer.Typer(no_args_is_help=True, help="A department's tasks and answers.")


@app.command("list")
def list_(
    department: Department,
    *,
    since: Since = "beginning",
    unit: Unit = None,
    everything: Annotated[bool, typer.Option("--all", help="Also tasks with which nothing is left to do.")] = False,
    output: Output = "text",
) -> None:
    """List the tasks that the department has, the one that is due first at the top. No consumer group is moved.

    Example: grid-router department list sanitation -o json
    """
    with client() as found:
        tasks = latest(found.replay(department, since_instant(since), unit=unit)).values()
        shown = [one for one in tasks if everything or not (one.withdrawn or one.stage in ENDED)]
        for task in sorted(shown, key=lambda one: (one.due_at is None, one.due_at or one.dispatched_at, one.id)):
            task_out(task, output)
        flush()
        say(f"{len(shown):,} of {len(tasks):,} tasks of {department}.")


@app.command()
def tail(
    department: Department,
    *,
    since: Since = "-1h",
    unit: Unit = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for new records until Ctrl-C.")] = False,
    output: Output = "text",
) -> None:
    """Show the records of the department's tasks in order of time. No consumer group is moved.

    Example: grid-router department tail sanitation --from -1h -f -o json
    """
    number = 0
    with client() as found:
        for task in found.replay(department, since_instant(since), unit=unit, follow=follow):
            task_out(task, output)
            number += 1
            if follow:
                flush()
    say(f"{number:,} records of {department} since {since}.")


@app.command()
def rejections(
    department: Department,
    *,
    since: Since = "-1d",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for new records until Ctrl-C.")] = False,
    output: Output = "text",
) -> None:
    """Show which answers of the department changed nothing, why, and what could be said instead.

    Example: grid-router department rejections sanitation --from -1d
    """
    number = 0
    with client() as found:
        for one in found.replay_rejections(department, since_instant(since), follow=follow):
            if output == "json":
                json_out(_fields(one))
            else:
                lines_out(f"{stamp(one.rejected_at)}  {one.feedback_id or '-'}  {one.code}: {one.reason}")
            number += 1
            if follow:
                flush()
    say(f"{number:,} rejections of {department} since {since}.")


def _fields(one: RejectedAnswer) -> dict[str, Any]:
    plain = RejectedFeedback(**{name: getattr(one, name) for name in RejectedFeedback.__struct_fields__})
    found: dict[str, Any] = to_builtins(plain)
    return found


add_answers(app)
