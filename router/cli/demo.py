"""`grid-router demo`: the main job on this machine, from a city's own reports to the departments' topics, shown live."""

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
from router.cli.live_view.latest_tasks import Recent
from router.cli.live_view.live import Watch, watch_until
from router.cli.live_view.resume_point import last_keys, unsent
from router.cli.live_view.view import View
from router.cli.replay import factor
from router.cli.session import ReplayInput, cores, interruptible, kafka, running_input, running_pool
from router.cli.text.output import talk
from router.domain.rules.city import City
from router.kafka.blocking import open_consumer
from router.simulator.messages import SourceMessage
from router.simulator.replay.feed import Feed
from router.simulator.scenario import input_of
from router.wire.settings import Settings
from router.wire.topics import Names, topics_of
from router.workers.pool import WorkerPool

DEMO_SPEED = "2000"
"""Los Angeles' 3.4 recorded days in two minutes and a half: something happens at once, and it lasts."""
PORT = 19100
"""Of worker 0's metrics when the settings switch them off: the view is made of them."""


def demo(
    cities: Annotated[list[str], typer.Argument(metavar="CITY...", help="Names of cities' folders, e.g. `puyang`.")],
    *,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="Worker processes; default: one per core, at most one a partition."),
    ] = None,
    speed: Annotated[str, typer.Option(help="Simulated seconds per second (1: real time), or `max`.")] = DEMO_SPEED,
    reports: Annotated[
        int | None, typer.Option(min=1, help="So many reports of each; beyond its end a history is repeated.")
    ] = None,
    live: Annotated[bool, typer.Option(help="Without it, or without a terminal: a line now and then.")] = True,
    exit_at_end: Annotated[bool, typer.Option("--exit-at-end", help="End when all input is routed.")] = False,
) -> None:
    """Start Kafka and the router, feed a city's recorded or simulated reports, and show what happens; Ctrl-C stops it all.

    Of several cities each has a namespace of its own, and the next begins when all reports of the one before are routed.
    A second run keeps the data and goes on where the first one stopped.

    Example: grid-router demo los-angeles --speed max
    """
    settings = Settings()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # of a broker that goes away the screen tells, once
    show = Show(workers=workers, pace=factor(speed), reports=reports, live=live, exit_at_end=exit_at_end)
    for city in cities:
        load_city(city, settings.cities)  # a misspelt name is told before Kafka is started
    with ExitStack() as stack:
        address = kafka(settings, stack)
        asked = stack.enter_context(interruptible())
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
            _city(city, own, show if number == len(cities) else replace(show, exit_at_end=True), asked)
            if asked.is_set():
                break
    talk(f"Everything is kept in {settings.home}; the same command goes on where this stopped.")


class Show(Struct, frozen=True, kw_only=True):
    """How cities are shown."""

    workers: int | None
    pace: float | None
    """None: as fast as possible."""
    reports: int | None
    live: bool
    exit_at_end: bool


def _city(city: str, own: Settings, show: Show, asked: threading.Event) -> None:
    """One city, from its first report to its last or to Ctrl-C."""
    loaded = load_city(city, own.cities)
    messages = _messages(loaded, city_folder(city, own.cities), show.reports)
    names = _topics(own, loaded)
    left = _left(own, messages, loaded)
    if not left and show.exit_at_end:
        return
    number = show.workers or min(cores(), own.partitions)
    with ExitStack() as stack:
        pool = stack.enter_context(running_pool(WorkerPool(city, own, number, clock="stream")))
        talk(f"Workers started: {number}; their logs are {own.home}/logs/{own.namespace}worker-*.log")
        feed = Feed(str(own.kafka), names, own.partitions, show.pace)
        source = ReplayInput(feed, left, len(messages), f"x{show.pace:g}" if show.pace else "max")
        stack.enter_context(running_input(source))
        recent = Recent(
            stack.enter_context(open_consumer(str(own.kafka))), map(names.tasks, loaded.catalogue.departments)
        )
        view = View(loaded.title, list(loaded.codes), hints(city, loaded, own.namespace), number)
        watch = Watch(view, pool, source, recent, own.metrics_host, own.metrics_port, show.exit_at_end)
        watch_until(asked, watch, live=show.live)


def _topics(settings: Settings, city: City) -> Names:
    apply(str(settings.kafka), topics_of(city, settings), replication=settings.replication)
    return Names(settings.namespace)


def _messages(city: City, folder: Path, reports: int | None) -> list[SourceMessage]:
    return list(input_of(city, folder).messages(reports=reports, seed=1, secondary_reports=True, noise=1.0))


def _left(settings: Settings, messages: Sequence[SourceMessage], city: City) -> list[SourceMessage]:
    names = Names(settings.namespace)
    with open_consumer(str(settings.kafka)) as consumer:
        last = last_keys(consumer, [names.reports(network) for network in city.codes])
    left = unsent(messages, last, names, settings.partitions)
    if not left:
        talk(f"All reports of {city.title} are in the topics already; `--reports` with a larger number adds more.")
    elif len(left) < len(messages):
        talk(f"Going on after {len(messages) - len(left):,} of {len(messages):,} records.")
    return left


def hints(city: str, loaded: City, namespace: str = "") -> list[str]:
    """Commands that a newcomer can copy from the footer."""
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
