"""`grid-router demo`: a whole deployment on this machine. It routes a city's reports to the departments and shows it live."""

import logging
import shutil
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct
from msgspec.structs import replace

from router.broker.admin import apply
from router.cities.folder import city_folder, load_city
from router.cli.demo_gateway import running_gateway
from router.cli.live_view.latest_tasks import LatestTasks
from router.cli.live_view.live import Watch, watch_until
from router.cli.live_view.resume_point import last_keys, unsent
from router.cli.live_view.view import View
from router.cli.replay import factor
from router.cli.session import ReplayInput, cores, interruptible, kafka, running_input, running_pool
from router.cli.text.output import say
from router.domain.rules.city import City
from router.kafka.blocking import open_consumer
from router.simulator.messages import SourceMessage
from router.simulator.replay.feed import Feed
from router.simulator.scenario import input_of
from router.wire.declared_topics import topics_of
from router.wire.settings import Settings
from router.wire.topic_names import Names
from router.workers.pool import WorkerPool

DEMO_SPEED = "2000"
"""Plays the 3.4 recorded days of Los Angeles in two and a half minutes."""
PORT = 19100
"""Metrics port of worker 0 when the settings switch metrics off, because the view needs them."""


def demo(
    cities: Annotated[list[str], typer.Argument(metavar="CITY...", help="Names of cities' folders, e.g. `puyang`.")],
    *,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="Worker processes; default: one per core, at most one a partition."),
    ] = None,
    speed: Annotated[str, typer.Option(help="Simulated seconds per second (1: real time), or `max`.")] = DEMO_SPEED,
    reports: Annotated[
        int | None, typer.Option(min=1, help="Number of reports per city; a shorter history is repeated.")
    ] = None,
    live: Annotated[
        bool,
        typer.Option(
            help="Show the live screen; without it, or without a terminal, print a line when something changed."
        ),
    ] = True,
    exit_at_end: Annotated[bool, typer.Option("--exit-at-end", help="Stop when all input is routed.")] = False,
) -> None:
    """Start Kafka and the router, replay a city's reports, and show what happens. Ctrl-C stops everything.

    Each of several cities gets its own namespace. The next city starts when all reports of the previous one are routed.
    A second run keeps the data and continues where the first one stopped.

    Example: grid-router demo los-angeles --speed max
    """
    settings = Settings()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the screen shows a lost broker once
    options = DemoOptions(workers=workers, speed=factor(speed), reports=reports, live=live, exit_at_end=exit_at_end)
    for city in cities:
        load_city(city, settings.cities)  # reject a misspelt name before Kafka starts
    with ExitStack() as stack:
        address = kafka(settings, stack)
        stop_requested = stack.enter_context(interruptible())
        for number, city in enumerate(cities, 1):
            own = settings.model_copy(
                update={
                    "kafka": address,
                    "metrics_port": settings.metrics_port or PORT,
                    "namespace": settings.namespace
                    if len(cities) == 1
                    else f"{settings.namespace[:-1]}-{city}.".removeprefix("-"),
                }
            )
            _city(city, own, options if number == len(cities) else replace(options, exit_at_end=True), stop_requested)
            if stop_requested.is_set():
                break
    say(f"Everything is kept in {settings.home}; the same command continues where this one stopped.")


class DemoOptions(Struct, frozen=True, kw_only=True):
    """The options of the command."""

    workers: int | None
    speed: float | None
    """Simulated seconds per second; None: as fast as possible."""
    reports: int | None
    live: bool
    exit_at_end: bool


def _city(city: str, own: Settings, options: DemoOptions, stop_requested: threading.Event) -> None:
    """Run one city until its last report or Ctrl-C."""
    loaded = load_city(city, own.cities)
    messages = _messages(loaded, city_folder(city, own.cities), options.reports)
    names = _topics(own, loaded)
    remaining = _unsent(own, messages, loaded)
    if not remaining and options.exit_at_end:
        return
    number = options.workers or min(cores(), own.partitions)
    with ExitStack() as stack:
        pool = stack.enter_context(running_pool(WorkerPool(city, own, number, clock="stream")))
        say(f"Workers started: {number}; their logs are {own.home}/logs/{own.namespace}worker-*.log")
        feed = Feed(str(own.kafka), names, own.partitions, options.speed)
        source = ReplayInput(feed, remaining, len(messages), f"x{options.speed:g}" if options.speed else "max")
        stack.enter_context(running_input(source))
        latest_tasks = LatestTasks(
            stack.enter_context(open_consumer(str(own.kafka))), map(names.tasks, loaded.catalogue.departments)
        )
        request = [] if options.exit_at_end else stack.enter_context(running_gateway(city, own, messages))
        for line in request:
            say(f"Report something over HTTP, once the first cases are there: {line}")
        view = View(loaded.title, list(loaded.codes), [*request, *hints(city, loaded, own.namespace)], number)
        watch = Watch(view, pool, source, latest_tasks, own.metrics_host, own.metrics_port, options.exit_at_end)
        watch_until(stop_requested, watch, live=options.live)


def _topics(settings: Settings, city: City) -> Names:
    asked = {"replication": settings.replication, "min_insync": settings.min_insync_replicas}
    apply(str(settings.kafka), topics_of(city, settings), **asked)
    return Names(settings.namespace)


def _messages(city: City, folder: Path, reports: int | None) -> list[SourceMessage]:
    return list(input_of(city, folder).messages(reports=reports, seed=1, secondary_reports=True, noise=1.0))


def _unsent(settings: Settings, messages: Sequence[SourceMessage], city: City) -> list[SourceMessage]:
    names = Names(settings.namespace)
    with open_consumer(str(settings.kafka)) as consumer:
        last = last_keys(consumer, [names.reports(network) for network in city.codes])
    remaining = unsent(messages, last, names, settings.partitions)
    if not remaining:
        say(f"All reports of {city.title} are already in the topics; a larger `--reports` adds more.")
    elif len(remaining) < len(messages):
        say(f"Continuing after {len(messages) - len(remaining):,} of {len(messages):,} records.")
    return remaining


def hints(city: str, loaded: City, namespace: str = "") -> list[str]:
    """The commands to try next, for the footer of the view."""
    command = "grid-router" if shutil.which("grid-router") else sys.argv[0]
    prefix = f"GRID_ROUTER_NAMESPACE={namespace} " if namespace else ""
    matter = "graffiti" if "graffiti" in loaded.catalogue.matters else next(iter(loaded.catalogue.matters))
    cell = next(iter(loaded.cells.cells))
    return [
        f"{prefix}{command} tail tasks.{next(iter(loaded.catalogue.departments))} --from -10m",
        f"{command} catalogue explain {city} --matter {matter} --cell {cell}",
        f"{prefix}{command} dead-letters list",
        f"{command} replay {city} --speed max --summary json",
    ]
