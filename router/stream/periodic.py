"""The periodic work of a worker, on Faust's timers."""

from collections.abc import Awaitable, Callable

import structlog

from router.domain.rules.rule_sets import RuleSets
from router.kafka.cancellation import StrayCancellationError, own_cancellation
from router.rule_sets.follower import poll
from router.rule_sets.loading import RuleSetLoader
from router.rule_sets.store import RuleSetStore
from router.stream.faust_adapter.offset_reporter import GroupOffsetReporter
from router.stream.faust_adapter.transport import BatchApp
from router.stream.health.broker_probe import Probe
from router.stream.health.log_watch import LogWatch
from router.stream.health.observations import HealthMonitor
from router.stream.health.watchdog import probe_cluster, update_gauges
from router.wire.metrics import Metrics

BEAT_SECONDS = 1.0
GAUGES_SECONDS = 1.0
PROBE_SECONDS = 3.0
"""How often the cluster is probed: a small part of every limit."""
REPORT_SECONDS = 0.5
WARM_UP_SECONDS = 1.0
RULE_SETS_SECONDS = 1.0
"""How soon a published rule set is read; much shorter than the lead time with which rule sets are published."""
log = structlog.get_logger(__name__)


def watch_health(app: BatchApp, metrics: Metrics, monitor: HealthMonitor, probe: Probe) -> None:
    """Observe the event loop, the partitions and the cluster."""

    async def beat() -> None:
        monitor.beat()

    _every(BEAT_SECONDS, app, beat)
    _every(GAUGES_SECONDS, app, lambda: update_gauges(app, metrics, monitor))
    _every(PROBE_SECONDS, app, lambda: probe_cluster(app, probe, monitor))


def watch_logs(app: BatchApp, watch: LogWatch) -> None:
    """Notice topics that were made again, logs that were cut, added partitions, and networks that no worker reads."""
    _every(PROBE_SECONDS, app, watch.look)


def ask_for_partitions(app: BatchApp) -> None:
    """Have the group assign again, once in a generation, when this worker can take over partitions at once that it should have."""
    asked: list[int | None] = [None]

    async def ask() -> None:
        generation = app.assignment.generation
        if generation != asked[0] and app.assignment.can_take_over(app.group_assignor.warm_ups()):
            asked[0] = generation
            await app.consumer.rejoin()

    _every(WARM_UP_SECONDS, app, ask)


def report_offsets(app: BatchApp, reporter: GroupOffsetReporter) -> None:
    """Commit the positions to the group, for monitoring only."""
    _every(REPORT_SECONDS, app, reporter.report)


def poll_rule_sets(app: BatchApp, store: RuleSetStore, rule_sets: RuleSets, loader: RuleSetLoader) -> None:
    """Read newly published rule sets."""
    _every(RULE_SETS_SECONDS, app, lambda: poll(store, rule_sets, loader))


def _every(seconds: float, app: BatchApp, work: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        try:
            with own_cancellation():
                await work()
        except StrayCancellationError as stray:  # it would end the timer
            log.warning("periodic work was cancelled, and comes again", reason=str(stray))

    app.timer(seconds)(run)
