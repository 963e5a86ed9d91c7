"""`grid-router topics plan|apply`: compare the declared topics of a city with the cluster, and create them."""

from typing import Annotated

import msgspec
import typer

from router.broker.admin import apply as apply_topics
from router.broker.admin import plan as plan_topics
from router.broker.server import bootstrap
from router.broker.topic_plan import Plan
from router.cities.folder import load_city
from router.cli.exit_codes import CHECK_FAILED
from router.cli.text.output import Form, Output, json_out, say, table_out
from router.wire.declared_topics import Topic, topics_of
from router.wire.other_topics import renamed_topics
from router.wire.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Plan and apply the topics that a city needs.")
City = Annotated[str, typer.Argument(help="Name of the city's folder, e.g. `los-angeles`.")]


@app.command()
def plan(city: City, output: Output = "text") -> None:
    """Show what `apply` would change; exit code 1 when a difference cannot be applied.

    Topics of an earlier version are named with their new names and what to do.

    Example: grid-router topics plan los-angeles
    """
    settings = Settings()
    topics = _topics(city, settings)
    found = plan_topics(
        bootstrap(settings), topics, replication=settings.replication, min_insync=settings.min_insync_replicas
    )
    _show(found, output)
    if old := renamed_topics([str(change.found) for change in found.renamed], topics):
        say(str(old))
    if found.rejected or found.renamed:
        raise typer.Exit(CHECK_FAILED)


@app.command()
def apply(city: City, output: Output = "text") -> None:
    """Create missing topics and correct their configuration; never changes the partitions of a topic keyed by place.

    A network's topic may have more partitions than declared. Its dedup index then gets as many.

    On a cluster of three brokers or more, each topic gets three replicas, of which two must have a record before it is
    acknowledged. Topics that exist with fewer are copied, Kafka's own included; the command waits until all are in sync.

    Stops without a change while a topic of an earlier version exists under its old name.

    Example: GRID_ROUTER_PARTITIONS=8 grid-router topics apply los-angeles
    """
    settings = Settings()
    topics = _topics(city, settings)
    found = apply_topics(
        bootstrap(settings), topics, replication=settings.replication, min_insync=settings.min_insync_replicas
    )
    _show(found, output)


def _topics(name: str, settings: Settings) -> list[Topic]:
    return topics_of(load_city(name, settings.cities), settings)


def _show(found: Plan, output: Form) -> None:
    if output == "json":
        json_out(msgspec.to_builtins(found))
        return
    marks = {"create": "+", "set": "~", "grow": "+", "replicate": "+", "reject": "!", "rename": "!"}
    rows = [
        (marks[change.action], change.topic, change.what, change.found or "-", change.declared)
        for change in found.changes
    ]
    if rows:
        table_out(["", "topic", "what", "found", "declared"], rows)
    say(f"{len(rows)} differences, {found.unchanged} topics as declared.")
