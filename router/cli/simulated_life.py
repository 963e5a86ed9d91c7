"""`grid-router simulate --run`: a simulated time through the real router, and its summary."""

import logging

from msgspec import to_builtins

from router.broker.server import ensure_running
from router.cli.replay import progress_bar
from router.cli.session import KEEPS_RUNNING
from router.cli.text.output import Output, json_out, say, table_out
from router.simulator.departments.life import LifePlan, LifeResult, live
from router.simulator.replay.monitor import ReplayProgress
from router.wire.settings import Settings


def live_through(plan: LifePlan, output: Output) -> None:
    """Run the plan with the deployment of the settings, and print what came of it."""
    settings = Settings()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # one error sentence reports a lost broker
    with progress_bar() as bar:
        line = bar.add_task("starting Kafka", total=None)
        bootstrap = ensure_running(settings)
        result = live(plan, settings, bootstrap, lambda progress: bar.update(line, description=_progress(progress)))
    if output == "json":
        json_out(to_builtins(result))
    else:
        _print(result)
    if plan.keep:
        say(f"Kept: GRID_ROUTER_NAMESPACE={result.namespace} grid-router tail cases --from beginning")
    if settings.kafka is None:
        say(KEEPS_RUNNING)


def _progress(progress: ReplayProgress) -> str:
    if not progress.sent:
        return progress.doing
    return f"{progress.doing}: {progress.sent:,} records sent, {progress.tasks:,} tasks, {progress.seconds:.0f} s"


def _print(result: LifeResult) -> None:
    figures, answers = result.figures, sum(result.answers.values())
    share = f"{figures.in_time / figures.limited:.1%}" if figures.limited else "-"
    table_out(
        ("what", "number"),
        [
            ("reports", f"{result.reports:,}"),
            ("cases", f"{figures.cases:,}, {figures.closed:,} of them closed"),
            ("tasks", f"{figures.tasks:,}, {figures.handled:,} of them handled"),
            ("handled in time", f"{share} of {figures.limited:,} with a limit"),
            ("overdue", f"{figures.overdue:,} not handled when their limit had ended"),
            ("returns", f"{figures.returns:,}, in {figures.returned_twice:,} cases more than one"),
            ("answers", f"{answers:,} ({_counts(result.answers)})"),
            ("applied", f"{figures.applied:,} ({_counts(figures.by_kind)})"),
            ("rejected", f"{sum(figures.rejected.values()):,} ({_counts(figures.rejected)})"),
        ],
    )
    sent = result.reports + answers
    say(
        f"{result.seconds:,.0f} s, {sent / max(result.seconds, 0.001):,.0f} records/s; {result.restarts} workers restarted."
    )


def _counts(numbers: dict[str, int]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in numbers.items()) or "none"
