"""One worker process: wires a city's agents on Faust, the health check and the metrics, and runs them until a signal."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector

from router.cities.folder import city_folder, load_city
from router.cities.packing import pack
from router.rule_sets.bootstrap import load_or_bootstrap, rule_set_from_folder
from router.rule_sets.folder_check import folder_difference
from router.rule_sets.loading import RuleSetLoader, build_rule_sets
from router.rule_sets.store import RuleSetStore
from router.stream import periodic
from router.stream.faust_adapter import lenient_headers
from router.stream.faust_adapter.app import build_app
from router.stream.faust_adapter.assignor import ASSIGNOR
from router.stream.faust_adapter.graceful_shutdown import Worker
from router.stream.faust_adapter.offset_reporter import GroupOffsetReporter
from router.stream.faust_adapter.transport import BatchApp
from router.stream.gc_tuning import tune_gc
from router.stream.health.broker_probe import Probe
from router.stream.health.http_server import serve
from router.stream.health.log_watch import LogWatch
from router.stream.health.observations import HealthMonitor
from router.stream.health.verdict import Limits
from router.stream.health.watchdog import Health, start_watchdog
from router.stream.log_setup import log_to_stderr
from router.stream.preflight import check_durability, check_group, check_topics
from router.stream.processors.clock import CLOCKS, ClockName
from router.tracing.setup import tracing_of
from router.wire.declared_topics import declared, topics_of
from router.wire.metrics import Metrics
from router.wire.offset_signing import offset_keys
from router.wire.settings import Settings
from router.wire.topic_names import Names
from router.workers.parent_watch import watch_parent

log = structlog.get_logger(__name__)


def main(
    city: str, *, number: int = 0, clock: ClockName = "wall", bootstrap: str, exit_with_parent: bool = False
) -> None:
    """Run one worker until SIGTERM, SIGINT or (with `exit_with_parent`) the end of standard input.

    Args:
        city: name of the city.
        number: number of the worker on this machine, from 0; added to the metrics port.
        clock: `wall` for live work, `stream` for the replay of history.
        bootstrap: `host:port` list of the cluster.
        exit_with_parent: stop when standard input closes, i.e. when the parent process ends.

    Raises:
        RouterError: the city cannot be loaded, no broker answers, a topic is missing or has another number of partitions,
            workers of another version run, or the metrics port is taken; the keys of stored offsets cannot be read.
    """
    settings = Settings()
    log_to_stderr(settings.log_format)
    tracing = tracing_of(settings, "grid-router-worker")
    keys = offset_keys(settings, bootstrap)
    loaded = load_city(city, settings.cities)
    own_topics = topics_of(loaded, settings)
    asyncio.run(check_topics(bootstrap, own_topics, settings.namespace))
    store = RuleSetStore(bootstrap, Names(settings.namespace).rule_sets)
    own = rule_set_from_folder(loaded, pack(city_folder(city, settings.cities)))
    loader = RuleSetLoader(loaded)
    published = asyncio.run(load_or_bootstrap(store, own, loader))
    rule_sets = build_rule_sets(loaded, published, loader)
    at = datetime.now(UTC) if clock == "wall" else datetime.max.replace(tzinfo=UTC)
    if note := folder_difference(loaded, str(city_folder(city, settings.cities)), published, at):
        log.warning(str(note))
    names = Names(settings.namespace)
    topics = declared(
        names,
        networks=rule_sets.networks,
        departments=rule_sets.departments,
        partitions=settings.partitions,
        archive_years=settings.archive_years,
    )
    later_topics = [one for one in topics if one not in own_topics]
    asyncio.run(check_topics(bootstrap, later_topics, settings.namespace))
    asyncio.run(check_durability(bootstrap, [*own_topics, *later_topics], settings))
    asyncio.run(check_group(bootstrap, Names(settings.namespace).group, ASSIGNOR))
    metrics = Metrics(CollectorRegistry())
    ProcessCollector(registry=metrics.registry)
    app = build_app(
        rule_sets, settings, bootstrap, CLOCKS[clock](), metrics, polls=lambda: store.polls, keys=keys, tracing=tracing
    )
    periodic.poll_rule_sets(app, store, rule_sets, loader)
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
    """Run an app until the process is asked to stop, with health check, metrics and a bounded drain.

    Args:
        app: with its partitions in `assignment`.
        metrics: of this worker, served on the metrics port.
        settings: limits and ports.
        bootstrap: `host:port` list of the cluster.
        number: number of the worker on this machine, from 0; added to the metrics port.
        exit_with_parent: stop when standard input closes, i.e. when the parent process ends.

    Raises:
        BrokerError: the metrics port is taken.
    """
    lenient_headers.install()
    monitor = HealthMonitor(app.assignment, lambda: app.assignment.generation, lambda: app.rebalancing)
    health = Health(monitor, Limits.of(settings))
    if settings.metrics_port:
        serve(metrics.registry, health, settings.metrics_host, settings.metrics_port + number)
    tune_gc()
    reporter = GroupOffsetReporter(app)
    periodic.watch_health(app, metrics, monitor, Probe(bootstrap))
    is_input = Names(settings.namespace).is_input
    periodic.watch_logs(app, LogWatch(app, Probe(bootstrap), monitor, metrics, is_input))
    periodic.report_offsets(app, reporter)
    periodic.ask_for_partitions(app)
    start_watchdog(health, metrics)
    if exit_with_parent:
        watch_parent()
    worker = Worker(
        app, reporter, monitor, settings.drain_s, loglevel="WARN", logfile=None, redirect_stdouts=False, quiet=True,
        workdir=Path.cwd(),
    )  # fmt: skip
    worker.spinner = None  # the spinner turns with every log message, and sets all loggers to DEBUG for that
    worker.execute_from_commandline()
