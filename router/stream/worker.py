"""One worker process: a city's agents on Faust, its metrics, and a clean end by signal or by its parent's death."""

import asyncio
import logging
import sys
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry

from router.cities.archive import pack
from router.cities.folder import city_folder, load_city
from router.domain.rules.rule_sets import RuleSets
from router.stream.faust_adapter import lenient_headers, log_rate_limit
from router.stream.faust_adapter.app import build_app
from router.stream.faust_adapter.graceful_shutdown import Worker
from router.stream.faust_adapter.offset_reporter import GroupOffsetReporter
from router.stream.faust_adapter.transport import BatchApp
from router.stream.gc_tuning import tune_gc
from router.stream.health.broker_probe import Probe
from router.stream.health.http_server import serve
from router.stream.health.observations import HealthMonitor
from router.stream.health.verdict import Limits
from router.stream.health.watchdog import Health, probe_cluster, start_watchdog, update_gauges
from router.stream.preflight import check_topics
from router.stream.processors.clock import CLOCKS, ClockName
from router.stream.rule_sets.bootstrap import load_or_bootstrap, rule_set_from_folder
from router.stream.rule_sets.follower import poll
from router.stream.rule_sets.loading import build_rule_sets
from router.stream.rule_sets.store import RuleSetStore
from router.wire.metrics import Metrics
from router.wire.settings import Settings
from router.wire.topics import Names, topics_of
from router.workers.parent_watch import watch_parent

OBSERVE_SECONDS = 1.0
ASK_SECONDS = 3.0
"""How often the cluster is asked whether it answers: a small part of every limit."""
TELL_SECONDS = 0.5
FOLLOW_SECONDS = 1.0
"""How soon a published rule set is known; far less than the time ahead for which it is published."""


def main(
    city: str, *, number: int = 0, clock: ClockName = "wall", bootstrap: str, exit_with_parent: bool = False
) -> None:
    """Run one worker until SIGTERM, SIGINT or (on a leash) the end of standard input.

    Args:
        city: name of the city.
        number: which worker on this machine, from 0; gives the metrics port.
        clock: `wall` for live work, `stream` for the replay of history.
        bootstrap: `host:port` list of the cluster.
        exit_with_parent: end when standard input closes, i.e. when the parent dies.

    Raises:
        RouterError: the city cannot be loaded, no broker answers, a topic is missing or of another number of partitions, or
            the metrics port is taken.
    """
    settings = Settings()
    log_to_stderr()
    loaded = load_city(city, settings.cities)
    asyncio.run(check_topics(bootstrap, topics_of(loaded, settings), settings.namespace))
    store = RuleSetStore(bootstrap, Names(settings.namespace).rule_sets)
    own = rule_set_from_folder(loaded, pack(city_folder(city, settings.cities)))
    rule_sets = build_rule_sets(loaded, asyncio.run(load_or_bootstrap(store, own)))
    metrics = Metrics(CollectorRegistry())
    app = build_app(rule_sets, settings, bootstrap, CLOCKS[clock](), metrics)
    _poll_rule_sets_regularly(app, store, rule_sets)
    run(app, metrics, settings, bootstrap, number=number, exit_with_parent=exit_with_parent)


def run(
    app: BatchApp,
    metrics: Metrics,
    settings: Settings,
    bootstrap: str,
    *,
    number: int = 0,
    exit_with_parent: bool = False,
) -> None:
    """Run an app of batches until the process is asked to end: watched, measured, drained within its time.

    Args:
        app: with its partitions in `assignment`.
        metrics: of this worker, served on the metrics port.
        settings: limits and ports.
        bootstrap: `host:port` list of the cluster.
        number: which worker on this machine, from 0; gives the metrics port.
        exit_with_parent: end when standard input closes, i.e. when the parent dies.

    Raises:
        BrokerError: the metrics port is taken.
    """
    lenient_headers.install()
    monitor = HealthMonitor(app.assignment, lambda: app.assignment.generation, lambda: app.rebalancing)
    health = Health(monitor, Limits.of(settings))
    if settings.metrics_port:
        serve(metrics.registry, health, settings.metrics_host, settings.metrics_port + number)
    tune_gc()
    _update_gauges_regularly(app, metrics, monitor)
    _probe_regularly(app, Probe(bootstrap), monitor)
    reporter = _report_offsets_regularly(app)
    start_watchdog(health, metrics)
    if exit_with_parent:
        watch_parent()
    worker = Worker(
        app, reporter, monitor, settings.drain_s, loglevel="WARN", logfile=None, redirect_stdouts=False, quiet=True,
        workdir=Path.cwd(),
    )  # fmt: skip
    worker.spinner = None  # it turns with every log message, and for that sets all loggers to DEBUG for good
    worker.execute_from_commandline()


def _update_gauges_regularly(app: BatchApp, metrics: Metrics, monitor: HealthMonitor) -> None:
    @app.timer(OBSERVE_SECONDS)  # type: ignore[untyped-decorator]
    async def beat() -> None:
        monitor.beat()

    @app.timer(OBSERVE_SECONDS)  # type: ignore[untyped-decorator]
    async def look() -> None:
        await update_gauges(app, metrics, monitor)


def _probe_regularly(app: BatchApp, probe: Probe, monitor: HealthMonitor) -> None:
    @app.timer(ASK_SECONDS)  # type: ignore[untyped-decorator]
    async def look() -> None:
        await probe_cluster(app, probe, monitor)


def _report_offsets_regularly(app: BatchApp) -> GroupOffsetReporter:
    reporter = GroupOffsetReporter(app)

    @app.timer(TELL_SECONDS)  # type: ignore[untyped-decorator]
    async def look() -> None:
        await reporter.report()

    return reporter


def _poll_rule_sets_regularly(app: BatchApp, store: RuleSetStore, rule_sets: RuleSets) -> None:
    @app.timer(FOLLOW_SECONDS)  # type: ignore[untyped-decorator]
    async def look() -> None:
        await poll(store, rule_sets)


def log_to_stderr() -> None:
    """Warnings and worse, one a line."""
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    # while the last transaction's markers are being written the broker says "not enough replicas"; the next try succeeds
    logging.getLogger("aiokafka.producer.sender").setLevel(logging.ERROR)
    # a loaded loop comes late to Faust's timers again and again; what that does to records, `/health` and the metrics tell
    logging.getLogger("mode.timers").setLevel(logging.ERROR)
    log_rate_limit.install()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
