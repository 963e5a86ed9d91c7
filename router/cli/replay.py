"""`grid-router replay`: a city's recorded history through the whole router, and a ledger that compares every id."""

import logging
import os
import sys
from typing import Annotated, Any, Literal

import orjson
import typer
from msgspec import to_builtins
from rich.console import Console
from rich.progress import Progress as Bar
from rich.progress import SpinnerColumn, TextColumn
from rich.table import Table

from router.broker.server import ensure_running
from router.cli.session import GOES_ON
from router.cli.text.output import talk
from router.simulator.replay.monitor import ReplayProgress
from router.simulator.replay.replay import ReplayPlan, Result
from router.simulator.replay.replay import replay as run
from router.wire.errors import InputError
from router.wire.settings import Settings

CHECK_FAILED = 1
KINDS = ("recorded", "secondary_reports", "simulated", "updated", "redelivered", "malformed")
SHOWN_IDS = 5
"""Ids of one fault that the text shows; the JSON has their number."""


def replay(
    city: Annotated[str, typer.Argument(help="Name of the city's folder, e.g. `los-angeles`.")],
    *,
    reports: Annotated[
        int | None, typer.Option(min=1, help="So many recorded reports; beyond its end the history is repeated.")
    ] = None,
    speed: Annotated[str, typer.Option(help="Simulated seconds per second (1: real time), or `max`.")] = "max",
    summary: Annotated[Literal["text", "json"], typer.Option("--summary", "-o", help="Form of the ledger.")] = "text",
    workers: Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the companion reports: equal seeds, equal messages.")] = 1,
    secondary_reports: Annotated[
        bool, typer.Option(help="Other networks report a part of the same incidents again.")
    ] = True,
    kill: Annotated[bool, typer.Option("--kill", help="kill -9 one worker in the middle.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the topics of the replay for a look.")] = False,
    noise: Annotated[
        float, typer.Option(min=0, max=5, help="Of a synthetic city's reports: 0 none, 1 as its simulation.yaml says.")
    ] = 1.0,
    switch: Annotated[
        str | None, typer.Option(help="Another city's folder: its rules are published for the second half.")
    ] = None,
) -> None:
    """Replay a city's recorded reports and compare every id; exit code 1 when one was lost or doubled.

    Example: grid-router replay los-angeles --reports 100000 --workers 2 --kill --summary json
    """
    settings = Settings()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # of a broker that goes away one sentence tells
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
    with _bar() as bar:
        line = bar.add_task("starting Kafka", total=None)
        bootstrap = ensure_running(settings)
        result = run(plan, settings, bootstrap, lambda progress: bar.update(line, description=described(progress)))
    if summary == "json":
        sys.stdout.write(orjson.dumps(as_json(result)).decode() + "\n")
    else:
        _print(result)
    if keep:
        talk(f"Kept: GRID_ROUTER_NAMESPACE={result.namespace} grid-router tail cases --from beginning")
    if settings.kafka is None:
        talk(GOES_ON)
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
            f"{text[:40]!r} is no speed", where="--speed", hint="give a factor above 0 (1 is real time), or max"
        )
    return value


def described(progress: ReplayProgress) -> str:
    """The progress in one line."""
    if not progress.sent:
        return progress.doing
    return (
        f"{progress.doing}: {progress.sent:,} sent, {progress.arrived:,} in {progress.cases:,} cases, "
        f"{progress.tasks:,} tasks, {progress.dead_letters:,} dead letters, {progress.seconds:.0f} s"
    )


def as_json(result: Result) -> dict[str, Any]:
    """The ledger as one flat object; null where nothing is known."""
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
        console.print(f"{fault}: {', '.join(ids[:SHOWN_IDS])}{more}", style="red", markup=False, highlight=False)


EXPLAINED = {
    "read": "recorded or simulated reports of the city",
    "merged": "reports that joined a case another one had opened",
    "dead_letters": "rejected records, each once",
    "lost": "ids that are in no case and no dead letter, and cases without their task",
    "duplicated": "ids that stand somewhere twice, or where they must not",
    "routing_accuracy": "reports with a known owner whose case is led by that owner",
    "merge_precision": "companion reports merged with recorded ones that are with their own incident",
    "merge_recall": "companion reports whose incident has a case that are in that case",
    "pair_precision": "pairs of reports in one case that are one incident",
    "pair_recall": "pairs of reports of one incident that are in one case",
    "coverage": "of all matters, cells and periods, those for which the catalogue names one lead",
    "secondary_reports": "reports of other networks about recorded incidents",
    "updated": "later versions of known reports",
    "switched": "cases by the old and the new rule set, decided late, and decided by a mixture",
    "rejected_sound": "sound reports among the dead letters",
    "killed_at": "reports in cases when a worker was killed",
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


def _bar() -> Bar:
    """A progress line on stderr; nothing when stderr is no terminal."""
    quiet = not sys.stderr.isatty() or os.environ.get("TERM") == "dumb"
    return Bar(
        SpinnerColumn(), TextColumn("{task.description}"), console=Console(stderr=True), transient=True, disable=quiet
    )
