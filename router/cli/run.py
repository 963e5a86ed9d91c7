"""`grid-router run`: the main job on this machine, from the city's own history to the departments' topics, shown live."""

import shutil
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from router.broker.admin import apply
from router.broker.server import ensure_running, status, stop
from router.cities.folder import city_folder, load_city
from router.cli.live import Watch, watch_until
from router.cli.output import talk
from router.cli.recent import Recent
from router.cli.records import connect
from router.cli.replay import factor
from router.cli.resume import last_keys, unsent
from router.cli.stage import Input, cores, interruptible, running_fleet, running_input
from router.cli.view import View
from router.domain.city import City
from router.simulator.feed import Feed
from router.simulator.messages import Message
from router.simulator.scenario import input_of
from router.stream.fleet import Fleet
from router.wire.settings import Settings
from router.wire.topics import Names, topics_of

DEMO_SPEED = "2000"
"""Los Angeles' 3.4 recorded days in two and a half minutes: something happens at once, and it lasts."""
PORT = 19100
"""Of worker 0's metrics when the settings switch them off: the view is made of them."""


def run(
    city: Annotated[str, typer.Argument(help="Name of the city's folder, e.g. `los-angeles`.")],
    *,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="Worker processes; default: one per core, at most one a partition."),
    ] = None,
    speed: Annotated[str, typer.Option(help="Simulated seconds per second (1: real time), or `max`.")] = DEMO_SPEED,
    reports: Annotated[
        int | None, typer.Option(min=1, help="So many recorded reports; beyond its end the history is repeated.")
    ] = None,
    live: Annotated[bool, typer.Option(help="Without it, or without a terminal: a line now and then.")] = True,
    exit_at_end: Annotated[bool, typer.Option("--exit-at-end", help="End when all input is routed.")] = False,
) -> None:
    """Start Kafka and the router, feed a city's recorded reports, and show what happens; Ctrl-C stops it all.

    A second run keeps the data and goes on where the first one stopped.

    Example: grid-router run los-angeles --speed max
    """
    pace = factor(speed)
    settings = Settings()
    loaded = load_city(city, settings.cities)
    messages = _messages(loaded, city_folder(city, settings.cities), reports)
    with ExitStack() as stack:
        address = _kafka(settings, stack)
        asked = stack.enter_context(interruptible())
        own = settings.model_copy(update={"kafka": address, "metrics_port": settings.metrics_port or PORT})
        names = _topics(own, loaded)
        left = _left(own, messages, loaded)
        number = workers or min(cores(), own.partitions)
        fleet = stack.enter_context(running_fleet(Fleet(city, own, number, clock="stream")))
        talk(f"Workers started: {number}; their logs are {settings.home}/logs/{own.namespace}worker-*.log")
        feed = Feed(address, names, own.partitions, pace)
        source = Input(feed, left, len(messages), f"x{pace:g}" if pace else "max")
        stack.enter_context(running_input(source))
        recent = Recent(stack.enter_context(connect(address)), map(names.tasks, loaded.catalogue.departments))
        view = View(loaded.title, list(loaded.codes), hints(city, loaded), number)
        watch = Watch(view, fleet, source, recent, own.metrics_host, own.metrics_port, exit_at_end)
        watch_until(asked, watch, live=live)
    talk(f"Everything is kept in {settings.home}; the same command goes on where this stopped.")


def _topics(settings: Settings, city: City) -> Names:
    apply(str(settings.kafka), topics_of(city, settings), replication=settings.replication)
    return Names(settings.namespace)


def _messages(city: City, folder: Path, reports: int | None) -> list[Message]:
    return list(input_of(city, folder).messages(reports=reports, seed=1, companion=True, noise=1.0))


def _kafka(settings: Settings, stack: ExitStack) -> str:
    """The address of a running cluster; an embedded broker that this run starts is stopped at its end."""
    if settings.kafka is None and not status(settings).running:
        talk("Starting Kafka (about 10 s) ...")
        stack.callback(_stop_kafka, settings)
    return ensure_running(settings)


def _stop_kafka(settings: Settings) -> None:
    stop(settings)
    talk("Kafka stopped.")


def _left(settings: Settings, messages: Sequence[Message], city: City) -> list[Message]:
    names = Names(settings.namespace)
    with connect(str(settings.kafka)) as consumer:
        last = last_keys(consumer, [names.reports(network) for network in city.codes])
    left = unsent(messages, last, names, settings.partitions)
    if not left:
        talk("All of the city's history is in the topics already; `--reports 20000` adds a second round of it.")
    elif len(left) < len(messages):
        talk(f"Going on after {len(messages) - len(left):,} of {len(messages):,} records.")
    return left


def hints(city: str, loaded: City) -> list[str]:
    """Commands that a newcomer can copy from the footer."""
    command = "grid-router" if shutil.which("grid-router") else sys.argv[0]
    matter = "graffiti" if "graffiti" in loaded.catalogue.matters else next(iter(loaded.catalogue.matters))
    cell = next(iter(loaded.cells.cells))
    return [
        f"{command} tail tasks.{next(iter(loaded.catalogue.departments))} --from -10m",
        f"{command} catalogue explain --matter {matter} --cell {cell}",
        f"{command} dead-letters list",
        f"{command} replay {city} --speed max --summary json",
    ]
