"""`grid-router serve`: the workers of a city as a service, in the foreground, restarted for ever, renewed one by one."""

from contextlib import ExitStack
from datetime import datetime
from functools import partial
from typing import Annotated

import typer

from router.broker.admin import apply
from router.cities.folder import load_city
from router.cli.session import cores, interruptible, kafka, running_pool
from router.cli.text.output import talk
from router.stream.health.http_server import fetch_health
from router.stream.processors.clock import ClockName
from router.wire.errors import InputError
from router.wire.settings import Settings
from router.wire.topics import topics_of
from router.workers.pool import ENDLESS, WorkerPool
from router.workers.supervisor import Supervisor

LOOK_S = 0.25


def serve(
    city: Annotated[str, typer.Argument(help="Name of the city's folder, e.g. `puyang`.")],
    *,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="Worker processes; default: one per core, at most one a partition."),
    ] = None,
    clock: Annotated[ClockName, typer.Option(help="What timers follow; `stream` for a replay of history.")] = "wall",
) -> None:
    """Apply the topics, run the workers, and start again whichever ends, until SIGTERM or Ctrl-C; for service managers.

    SIGHUP renews the workers one after the other, each waited for until all are well. One line on stderr for each event.

    Example: GRID_ROUTER_KAFKA=kafka-1:9092 grid-router serve puyang --workers 4
    """
    settings = Settings()
    if not settings.metrics_port:
        raise InputError(
            "the workers' health cannot be asked for",
            where="GRID_ROUTER_METRICS_PORT=0",
            hint="give it a port; worker n takes that port plus n",
        )
    loaded = load_city(city, settings.cities)
    with ExitStack() as stack:
        own = settings.model_copy(update={"kafka": kafka(settings, stack)})
        apply(str(own.kafka), topics_of(loaded, own), replication=own.replication)
        number = workers or min(cores(), own.partitions)
        pool = WorkerPool(city, own, number, clock, restart_policy=ENDLESS, say=_say)
        supervisor = Supervisor(pool, number, partial(_health, own), _say)
        asked = stack.enter_context(interruptible(supervisor.roll))
        stack.enter_context(running_pool(pool))
        _say(f"{loaded.title}: {number} workers; their logs are {own.home}/logs/{own.namespace}worker-*.log")
        while not asked.wait(LOOK_S):
            supervisor.look()
        _say("stopping")


def _health(settings: Settings, number: int) -> dict[str, object] | None:
    return fetch_health(settings.metrics_host, settings.metrics_port + number)


def _say(line: str) -> None:
    talk(f"{datetime.now().astimezone().isoformat(timespec='milliseconds')} {line}")
