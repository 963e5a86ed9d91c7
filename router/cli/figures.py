"""`grid-router figures returns`: figures about the lives of tasks, read from `grid.transitions`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from msgspec import to_builtins

from router.broker.server import bootstrap
from router.cli.text.output import Output, json_out, say, table_out
from router.cli.text.timestamps import instant
from router.domain.figures.returns import ReturnFigures, figures_of_returns
from router.kafka.blocking import open_consumer
from router.kafka.topic_reader import bounds_since, find_topic, read_range
from router.wire.codec import decode_transition
from router.wire.settings import Settings
from router.wire.topic_names import Names

app = typer.Typer(no_args_is_help=True, help="Figures about the lives of tasks, from grid.transitions.")
COLUMNS = ("duty", "returned by", "went to", "returns", "cases", "hours", "median", "longest")


@app.callback()
def figures() -> None:
    """Figures about the lives of tasks, from grid.transitions."""


@app.command()
def returns(
    *,
    since: Annotated[
        str,
        typer.Option("--from", help="Returns from then on: -30d, -2d, beginning, or a time with a zone (RFC 3339)."),
    ] = "beginning",
    until: Annotated[str, typer.Option("--to", help="Returns before then, in the same forms.")] = "now",
    output: Output = "text",
) -> None:
    """List which duties bounce, between which departments, how often, and for how many hours the case lay with them.

    Example: grid-router figures returns --from -30d
    """
    now = datetime.now(UTC)
    begin, end = instant(since, now, option="--from"), instant(until, now, option="--to")
    settings = Settings()
    with open_consumer(bootstrap(settings)) as consumer:
        topic = find_topic(consumer, Names(settings.namespace).transitions, Names(settings.namespace))
        records = read_range(consumer, bounds_since(consumer, topic))
        rows = figures_of_returns((decode_transition(one.value) for one in records), begin, end)
    if output == "json":
        json_out(to_builtins(rows))
    else:
        _print(rows)


def _print(rows: Sequence[ReturnFigures]) -> None:
    if not rows:
        say("No department has returned a task in this time.")
        return
    table_out(
        COLUMNS,
        [
            [
                *(one.duty, one.returned_by, one.went_to, str(one.returns), str(one.cases)),
                *(f"{hours:.1f}" for hours in (one.hours, one.median_hours, one.longest_hours)),
            ]
            for one in rows
        ],
    )
    say(f"{sum(one.returns for one in rows)} returns cost {sum(one.hours for one in rows):.1f} hours.")
