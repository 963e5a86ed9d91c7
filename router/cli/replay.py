"""`grid-router replay`: routes a city's recorded history and prints a ledger that compares every id."""

import logging
import os
import sys
from typing import Annotated, Any, Literal

import typer
from msgspec import to_builtins
from rich.console import Console
from rich.progress import Progress as Bar
from rich.progress import SpinnerColumn, TextColumn
from rich.table import Table

from router.broker.server import ensure_running
from router.cli.session import KEEPS_RUNNING
from router.cli.text.output import json_out, say, styled_out
from router.simulator.replay.monitor import ReplayProgress
from router.simulator.replay.replay import ReplayPlan, Result
from router.simulator.replay.replay import replay as run
from router.wire.errors import InputError
from router.wire.settings import Settings

CHECK_FAILED = 1
KINDS = ("recorded", "secondary_reports", "simulated", "updated", "redelivered", "malformed")
SHOWN_IDS = 5
"""Number of ids that the text shows per fault. The JSON has the counts only."""


def replay(
    city: Annotated[str, typer.Argument(help="Name of the city's folder, e.g. `los-angeles`.")],
    *,
    reports: Annotated[
        int | None, typer.Option(min=1, help="Number of recorded reports; a shorter history is repeated.")
    ] = None,
    speed: Annotated[str, typer.Option(help="Simulated seconds per second (1: real time), or `max`.")] = "max",
    summary: Annotated[Literal["text", "json"], typer.Option("--summary", "-o", help="Format of the ledger.")] = "text",
    workers: Annotated[int, typer.Option(min=1, max=64, help="Number of worker processes.")] = 1,
    seed: Annotated[int, typer.Option(help="Random seed; the same seed gives the same messages.")] = 1,
    secondary_reports: Annotated[
        bool, typer.Option(help="Let other networks report a part of the incidents again.")
    ] = True,
    kill: Annotated[bool, typer.Option("--kill", help="Kill one worker with SIGKILL in the middle.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the topics of the replay.")] = False,
    noise: Annotated[
        float, typer.Option(min=0, max=5, help="Noise of a synthetic city's reports: 0 none, 1 as in simulation.yaml.")
    ] = 1.0,
    switch: Annotated[
        str | None, typer.Option(help="Name of another city, whose rules are published for the second half.")
    ] = None,
) -> None:
    """Replay a city's recorded reports and compare every id; exit code 1 if one is lost or duplicated.

    Example: grid-router replay los-angeles --reports 100000 --workers 2 --kill --summary json
    """
    settings = Settings()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # one error sentence reports a lost broker
    plan = ReplayPlan(
        city=city,
        reports=reports,
        speed=factor(speed),
        workers=workers,
        seed=seed,
        secondary_reports=secondary_reports,
        kill=kill,
        keep=keep,
        noise=noise,
        switch=switch,
    )
    with progress_bar() as bar:
        line = bar.add_task("starting Kafka", total=None)
        bootstrap = ensure_running(settings)
        result = run(plan, settings, bootstrap, lambda progress: bar.update(line, description=progress_line(progress)))
    if summary == "json":
        json_out(as_json(result))
    else:
        _print(result)
    if keep:
        say(f"Kept: GRID_ROUTER_NAMESPACE={result.namespace} grid-router tail cases --from beginning")
    if settings.kafka is None:
        say(KEEPS_RUNNING)
    if not result.sound:
        raise typer.Exit(CHECK_FAILED)


def factor(text: str) -> float | None:
    """The speed as a factor, None for `max`. Raises InputError."""
    if text == "max":
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise InputError(
            f"{text[:40]!r} is not a speed", where="--speed", hint="give a factor above 0 (1 is real time), or max"
        )
    return value


def progress_line(progress: ReplayProgress) -> str:
    """The progress in one line."""
    if not progress.sent:
        return progress.doing
    return (
        f"{progress.doing}: {progress.sent:,} sent, {progress.arrived:,} in {progress.cases:,} cases, "
        f"{progress.tasks:,} tasks, {progress.dead_letters:,} dead letters, {progress.seconds:.0f} s"
    )


def as_json(result: Result) -> dict[str, Any]:
    """The ledger as one flat object, with null for an unknown value."""
    kinds = {kind: sum(one.kind == kind for one in result.sent) for kind in KINDS}
    read = kinds["recorded"] + kinds["simulated"]
    seconds = result.end.seconds
    return {
        "read": read,
        "cases": result.cases,
        "merged": result.ledger.merged,
        "tasks": result.tasks,
        "dead_letters": result.dead_letters,
        "lost": result.ledger.lost,
        "duplicated": result.ledger.duplicated,
        "routing_accuracy": _rounded(result.judgement.routing_accuracy),
        "merge_precision": _rounded(result.judgement.merge_precision),
        "merge_recall": _rounded(result.judgement.merge_recall),
        "pair_precision": _rounded(result.pairs.precision),
        "pair_recall": _rounded(result.pairs.recall),
        "coverage": _rounded(result.coverage),
        "secondary_reports": kinds["secondary_reports"],
        "updated": kinds["updated"],
        "redelivered": kinds["redelivered"],
        "malformed": kinds["malformed"],
        "rejected_sound": len(result.ledger.rejected_sound),
        "seconds": round(seconds, 2),
        "reports_per_second": round(len(result.sent) / seconds) if seconds else None,
        "killed_at": result.end.killed_at,
        "restarts": result.end.restarts,
        "stalled": result.end.stalled,
        "switched": None if result.switched is None else to_builtins(result.switched),
    }


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


def _print(result: Result) -> None:
    console = Console(soft_wrap=False)
    values = as_json(result)
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(style="dim")
    for name, value in values.items():
        table.add_row(name.replace("_", " "), _text(name, value), EXPLAINED.get(name, ""))
    console.print(table)
    for fault, ids in result.ledger.faults.items():
        more = f" and {len(ids) - SHOWN_IDS} more" if len(ids) > SHOWN_IDS else ""
        styled_out((f"{fault}: {', '.join(ids[:SHOWN_IDS])}{more}", "red"))


EXPLAINED = {
    "read": "recorded or simulated reports of the city",
    "merged": "reports that joined the case of an earlier report",
    "dead_letters": "rejected records, each counted once",
    "lost": "ids in no case and no dead letter, and cases without a task",
    "duplicated": "ids that appear twice, or in the wrong output",
    "routing_accuracy": "reports with a known owner whose case is led by that owner",
    "merge_precision": "secondary reports merged with a recorded report, of those the share in the right case",
    "merge_recall": "secondary reports whose incident has a case, of those the share in that case",
    "pair_precision": "pairs of reports in one case, of those the share about one incident",
    "pair_recall": "pairs of reports about one incident, of those the share in one case",
    "coverage": "matters x cells x periods, of those the share with exactly one lead",
    "secondary_reports": "reports by other networks about recorded incidents",
    "updated": "later versions of known reports",
    "switched": "cases by the old rule set, by the new one, late, and mixed",
    "rejected_sound": "valid reports among the dead letters",
    "killed_at": "number of reports in cases when a worker was killed",
}
PERCENT = frozenset(
    {"routing_accuracy", "merge_precision", "merge_recall", "pair_precision", "pair_recall", "coverage"}
)


def _text(name: str, value: float | bool | dict[str, int] | None) -> str:
    if value is None:
        return "-"
    if isinstance(value, dict):
        return ", ".join(f"{kind} {number:,}" for kind, number in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.1%}" if name in PERCENT else f"{value:,}"


def progress_bar() -> Bar:
    """A progress line on stderr. It prints nothing when stderr is not a terminal."""
    quiet = not sys.stderr.isatty() or os.environ.get("TERM") == "dumb"
    return Bar(
        SpinnerColumn(), TextColumn("{task.description}"), console=Console(stderr=True), transient=True, disable=quiet
    )
