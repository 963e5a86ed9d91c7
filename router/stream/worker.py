"""One worker process: a city's agents on Faust, its metrics, and a clean end by signal or by its parent's death."""

import asyncio
import gc
import logging
import sys
from pathlib import Path

import faust
import structlog
from prometheus_client import CollectorRegistry, start_http_server

from router.cities.folder import city_folder, load_city
from router.cities.packing import pack
from router.domain.editions import Editions
from router.stream import fetched
from router.stream.app import build_app
from router.stream.leash import hold
from router.stream.ready import check_topics
from router.stream.shelf import Shelf, follow, found, own_edition, shelve
from router.stream.timers import CLOCKS, ClockName
from router.stream.transport import BatchApp
from router.stream.watch import observe, watch_commits
from router.wire.errors import BrokerError
from router.wire.metrics import Metrics
from router.wire.settings import Settings
from router.wire.topics import Names, topics_of

OBSERVE_SECONDS = 1.0
FOLLOW_SECONDS = 1.0
"""How soon a published edition is known; far less than the time ahead for which it is published."""
YOUNG_OBJECTS = 50_000
"""Allocations between two collections of young objects. Python's 700 makes a batch of 4,000 records, whose objects all live
until its commit, be looked through dozens of times (measured: a quarter of the worker's time)."""


def main(city: str, *, number: int = 0, clock: ClockName = "wall", bootstrap: str, leash: bool = False) -> None:
    """Run one worker until SIGTERM, SIGINT or (on a leash) the end of standard input.

    Args:
        city: name of the city.
        number: which worker on this machine, from 0; gives the metrics port.
        clock: `wall` for live work, `stream` for the replay of history.
        bootstrap: `host:port` list of the cluster.
        leash: end when standard input closes, i.e. when the parent dies.

    Raises:
        RouterError: the city cannot be loaded, no broker answers, a topic is missing or of another number of partitions, or
            the metrics port is taken.
    """
    settings = Settings()
    log_to_stderr()
    fetched.install()
    loaded = load_city(city, settings.cities)
    asyncio.run(check_topics(bootstrap, topics_of(loaded, settings)))
    topic = Names(settings.namespace).catalogue
    shelf = Shelf(bootstrap, topic)
    own = own_edition(loaded, pack(city_folder(city, settings.cities)))
    editions = shelve(loaded, asyncio.run(found(shelf, own, bootstrap, topic)))
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    _serve(registry, settings, number)
    app = build_app(editions, settings, bootstrap, CLOCKS[clock](), metrics)
    collect_seldom()
    _observe_regularly(app, metrics)
    _follow_regularly(app, shelf, editions)
    watch_commits(app)
    if leash:
        hold()
    worker = faust.Worker(app, loglevel="WARN", logfile=None, redirect_stdouts=False, quiet=True, workdir=Path.cwd())
    worker.spinner = None  # it turns with every log message, and for that sets all loggers to DEBUG for good
    worker.execute_from_commandline()


def collect_seldom() -> None:
    """What is loaded (the city) never becomes garbage: take it out of every later collection, and collect by the batch."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])


def _serve(registry: CollectorRegistry, settings: Settings, number: int) -> None:
    if settings.metrics_port == 0:
        return
    port = settings.metrics_port + number
    try:
        start_http_server(port, settings.metrics_host, registry)
    except OSError as error:
        raise BrokerError(
            f"the metrics port is taken ({error.strerror})",
            where=f"{settings.metrics_host}:{port}",
            cure="stop what listens there or set GRID_ROUTER_METRICS_PORT (0 switches metrics off)",
        ) from error


def _observe_regularly(app: BatchApp, metrics: Metrics) -> None:
    @app.timer(OBSERVE_SECONDS)  # type: ignore[untyped-decorator]
    async def watch() -> None:
        await observe(app, metrics)


def _follow_regularly(app: BatchApp, shelf: Shelf, editions: Editions) -> None:
    @app.timer(FOLLOW_SECONDS)  # type: ignore[untyped-decorator]
    async def look() -> None:
        await follow(shelf, editions)


def log_to_stderr() -> None:
    """Warnings and worse, one a line."""
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    # while the last transaction's markers are being written the broker says "not enough replicas"; the next try succeeds
    logging.getLogger("aiokafka.producer.sender").setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
