"""The Faust app of one worker: an agent for each network and each sender of feedback, and one that merges. Wiring only."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import faust
import structlog
from faust.types import TP

from router.domain.model.feedback import SUPERVISION
from router.domain.networks.registry import NETWORKS
from router.domain.rules.rule_sets import RuleSets
from router.kafka.connecting import authentication
from router.stream.engine.assignment import AssignedPartitions
from router.stream.engine.changelog_reader import ChangelogReader
from router.stream.engine.processor import Processor
from router.stream.engine.shared_offsets import SharedOffsets
from router.stream.faust_adapter.assignor import GroupAssignor, Holdings
from router.stream.faust_adapter.transport import BatchApp
from router.stream.processors.clock import Clock
from router.stream.processors.feedback import FeedbackProcessor
from router.stream.processors.merge import MergeProcessor
from router.stream.processors.normalise import NormaliseProcessor
from router.tracing.carrying import CARRYING, Tracing
from router.wire.metrics import Metrics
from router.wire.offset_signing import NO_KEYS, OffsetKeys
from router.wire.private_files import private_folder
from router.wire.security import Security, security_for
from router.wire.settings import Settings
from router.wire.topic_names import Names
from router.workers.client_id import client_id
from router.workers.exit_codes import DEFECT, exit_after_logging

SESSION_SECONDS = 10.0
"""After this time without a heartbeat the group gives a worker's partitions to the others."""
HEARTBEAT_SECONDS = 0.5
"""Until its next heartbeat a worker does not know that the group rebalances. All wait for the last one."""
FETCH_BYTES = 2 << 20
POLL_RECORDS = 20_000
"""Records made into objects at once. A batch of 40 MiB can hold millions of empty ones, and each object takes 500 bytes."""

log = structlog.get_logger(__name__)


def build_app(
    rule_sets: RuleSets,
    settings: Settings,
    bootstrap: str,
    clock: Clock,
    metrics: Metrics,
    *,
    polls: Callable[[], int] = lambda: 0,
    keys: OffsetKeys = NO_KEYS,
    tracing: Tracing = CARRYING,
) -> BatchApp:
    """The app of one worker for one city; every topic must exist already (`grid-router topics apply`).

    It hears the networks and departments of every rule set that is published now. One that is published later adds its own after a
    restart.

    `polls` says how many polls of the published rule sets have ended. `keys` sign the stored offsets. `tracing` is of the worker.
    """
    names = Names(settings.namespace)
    processors: dict[str, Callable[[], Processor]] = {
        names.events: lambda: MergeProcessor(rule_sets, names, clock, metrics, polls, keys=keys, tracing=tracing)
    }
    for name in rule_sets.networks:
        processors[names.reports(name)] = _normaliser(
            name, rule_sets, names, settings.partitions, metrics, history=not clock.waits, keys=keys, tracing=tracing
        )
    offsets = SharedOffsets(
        names.feedback_offsets, settings.partitions, keys, lambda topic: metrics.ignored_offsets.labels(topic).inc()
    )
    for sender in (*rule_sets.departments, SUPERVISION):
        processors[names.feedback(sender)] = _feedback(
            sender, names, settings.partitions, metrics, offsets, history=not clock.waits, tracing=tracing
        )
    return app_of(processors, settings, bootstrap, metrics)


def app_of(
    processors: Mapping[str, Callable[[], Processor]], settings: Settings, bootstrap: str, metrics: Metrics
) -> BatchApp:
    """The app of one worker for any processors.

    Args:
        processors: for each consumed topic, a factory of the processor of one partition.
        settings: of the deployment. The group's name begins with its namespace.
        bootstrap: `host:port` list of the cluster.
        metrics: of this worker.
    """
    group = Names(settings.namespace).group
    app = _configured(group, settings.home / "faust", bootstrap)
    app.assignment = AssignedPartitions(
        processors, partitions=settings.partitions, logs=ChangelogReader(bootstrap, group), metrics=metrics
    )
    app.group_assignor = GroupAssignor(settings.standby_copies, lambda: _holdings(app.assignment))
    _connect(app)
    for topic in processors:
        _agent(app, topic)
    return app


def _configured(group: str, scratch: Path, bootstrap: str) -> BatchApp:
    private_folder(scratch)
    return BatchApp(
        group,
        broker=";".join(f"kafka://{address}" for address in bootstrap.split(",")),
        broker_credentials=_credentials(security_for(bootstrap)),
        broker_client_id=client_id(os.getpid()),
        datadir=str(scratch),
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        stream_wait_empty=False,
        broker_session_timeout=SESSION_SECONDS,
        broker_heartbeat_interval=HEARTBEAT_SECONDS,
        broker_rebalance_timeout=20.0,
        broker_request_timeout=20.0,
        consumer_max_fetch_size=FETCH_BYTES,
        broker_max_poll_records=POLL_RECORDS,
        consumer_auto_offset_reset="earliest",
    )


def _credentials(security: Security) -> faust.SASLCredentials | faust.SSLCredentials | None:
    """How the worker authenticates, in Faust's words; None: in plain text, without a name."""
    options = authentication(security)
    context = options.get("ssl_context")
    if security.sasl:
        return faust.SASLCredentials(
            username=options["sasl_plain_username"],
            password=options["sasl_plain_password"],
            mechanism=options["sasl_mechanism"],
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if security.tls else None


def _normaliser(
    network: str,
    rule_sets: RuleSets,
    names: Names,
    partitions: int,
    metrics: Metrics,
    *,
    history: bool,
    keys: OffsetKeys,
    tracing: Tracing,
) -> Callable[[], Processor]:
    return lambda: NormaliseProcessor(
        NETWORKS[network], rule_sets, names, partitions, metrics, history=history, keys=keys, tracing=tracing
    )


def _feedback(
    sender: str,
    names: Names,
    partitions: int,
    metrics: Metrics,
    offsets: SharedOffsets,
    *,
    history: bool,
    tracing: Tracing,
) -> Callable[[], Processor]:
    return lambda: FeedbackProcessor(sender, names, partitions, metrics, offsets, history=history, tracing=tracing)


def _agent(app: BatchApp, topic: str) -> None:
    """Add an agent that offers each batch of a topic to its partition and never waits for it."""

    async def offer(stream: faust.Stream[Any]) -> None:
        async for event in stream.noack().events():
            message = event.message
            try:
                app.assignment.offer(message.topic, message.partition, *message.value)
            except Exception:  # noqa: BLE001 - it ends the worker
                # Faust would skip the batch and go on with the next message
                exit_after_logging(DEFECT, lambda: log.exception("an agent failed, so this worker ends"))

    # with acks Faust would keep a tree of offsets without a message, which here are all but the last of each batch
    batches = app.topic(topic, key_serializer="raw", value_serializer="raw", acks=False)
    app.agent(batches, name=f"agent {topic}")(offer)


def _holdings(assignment: AssignedPartitions) -> Holdings:
    """What the worker has, by topic. The consumer asks from its own thread."""
    holdings = Holdings(owned={}, ready={}, following={})
    for topic, number in assignment.owned:
        holdings.owned.setdefault(topic, []).append(number)
    for (topic, number), ready in assignment.copies.items():
        (holdings.ready if ready else holdings.following).setdefault(topic, []).append(number)
    return holdings


def _connect(app: BatchApp) -> None:
    async def assigned(_: Any, sources: set[TP], **__: Any) -> None:
        standbys = app.group_assignor.standbys()
        await app.assignment.assigned(
            [(tp.topic, tp.partition) for tp in sources], app.consumer_generation_id, standbys
        )

    async def revoked(_: Any, sources: set[TP], **__: Any) -> None:
        await app.assignment.revoked([(tp.topic, tp.partition) for tp in sources])

    app.on_partitions_assigned.connect(assigned, weak=False)
    app.on_partitions_revoked.connect(revoked, weak=False)
