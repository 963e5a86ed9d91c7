"""`grid-router serve`: the workers of a city as a service in the foreground, always restarted, with rolling restarts."""

from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import typer

from router.broker.admin import apply
from router.cities.city_reader import display_path
from router.cities.folder import city_folder, load_city
from router.cli.published import read_published
from router.cli.session import cores, interruptible, kafka, running_pool
from router.cli.text.output import say
from router.rule_sets.folder_check import folder_difference
from router.stream.health.http_server import fetch_health
from router.stream.processors.clock import ClockName
from router.wire.declared_topics import topics_of
from router.wire.errors import InputError
from router.wire.settings import Settings
from router.wire.topic_names import Names
from router.workers.dead_members import DeadMembers
from router.workers.pool import WorkerPool
from router.workers.restart_policy import ENDLESS
from router.workers.supervisor import Supervisor

POLL_S = 0.25


def serve(
    city: Annotated[str, typer.Argument(help="Name of the city's folder, e.g. `puyang`.")],
    *,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="Worker processes; default: one per core, at most one a partition."),
    ] = None,
    clock: Annotated[ClockName, typer.Option(help="Clock of the timers; `stream` for a replay of history.")] = "wall",
) -> None:
    """Apply the topics, run the workers, and restart those that end, until SIGTERM or Ctrl-C; for service managers.

    SIGHUP starts a rolling restart: one worker after the other, each only while all are healthy. Logs one line per event to stderr.

    Example: GRID_ROUTER_KAFKA=kafka-1:9092 grid-router serve puyang --workers 4
    """
    settings = Settings()
    if not settings.metrics_port:
        raise InputError(
            "the health of the workers cannot be polled",
            where="GRID_ROUTER_METRICS_PORT=0",
            hint="set it to a port; worker n takes that port plus n",
        )
    loaded = load_city(city, settings.cities)
    with ExitStack() as stack:
        own = settings.model_copy(update={"kafka": kafka(settings, stack)})
        asked = {"replication": own.replication, "min_insync": own.min_insync_replicas}
        apply(str(own.kafka), topics_of(loaded, own), **asked)
        published = read_published(str(own.kafka), Names(own.namespace).rule_sets)
        folder = display_path(city_folder(city, own.cities))
        if note := folder_difference(loaded, folder, published, datetime.now(UTC)):
            _log(str(note))
        number = workers or min(cores(), own.partitions)
        dead = DeadMembers(str(own.kafka), Names(own.namespace).group, _log)
        pool = WorkerPool(city, own, number, clock, restart_policy=ENDLESS, log=_log, on_exit=dead.remove)
        supervisor = Supervisor(pool, number, partial(_health, own), _log)
        stop_requested = stack.enter_context(interruptible(supervisor.request_rollout))
        stack.enter_context(running_pool(pool))
        _log(f"{loaded.title}: {number} workers; their logs are {own.home}/logs/{own.namespace}worker-*.log")
        while not stop_requested.wait(POLL_S):
            supervisor.poll()
        _log("stopping")


def _health(settings: Settings, number: int) -> dict[str, object] | None:
    return fetch_health(settings.metrics_host, settings.metrics_port + number)


def _log(line: str) -> None:
    say(f"{datetime.now().astimezone().isoformat(timespec='milliseconds')} {line}")
