"""One run: broker, workers, load, one fault a round, and the final audit."""

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Literal

from kafka import TopicPartition
from kafka.errors import RetriableError
from msgspec import Struct

from router.broker import access
from router.broker.admin import apply
from router.cities.folder import city_folder, load_city
from router.domain.model.feedback import SUPERVISION
from router.domain.rules.city import City
from router.kafka.blocking import PATIENT_MS, open_admin, open_consumer
from router.rule_sets.loading import build_rule_sets
from router.rule_sets.store import RuleSetStore
from router.simulator.replay.consumer_group import ConsumerGroup
from router.simulator.synthetic.stream import messages, read_simulation
from router.wire.access_rights import compare, declared_access
from router.wire.declared_topics import topics_of
from router.wire.offset_signing import KEY_BYTES, OffsetKeys, read_offset_keys
from router.wire.private_files import write_private
from router.wire.rule_sets import RuleSetRecord
from router.wire.settings import Settings
from router.wire.topic_names import Names
from router.workers.pool import WorkerPool
from tests.chaos.answerers import Answerers
from tests.chaos.audit.audit import AuditInput, Verdict, audit
from tests.chaos.audit.topics import KafkaLog
from tests.chaos.cities import CITY, make_cities
from tests.chaos.cluster import Cluster
from tests.chaos.deployment import (
    LABELLED_WORKER,
    RESTART_POLICY,
    WORKER,
    WORKERS,
    Deployment,
    NoProgressError,
    stopped_within,
)
from tests.chaos.feedback_ledger import FeedbackLedger, read_feedback_ledger
from tests.chaos.group_monitor import GroupMonitor
from tests.chaos.inject import INJECTORS
from tests.chaos.late_requests import LateRequests
from tests.chaos.ledger import Ledger, read_ledger
from tests.chaos.load import Load
from tests.chaos.observer import Observed, Observer
from tests.chaos.partitions import partitions_of
from tests.chaos.schedule import Fault
from tests.support.patience import PATIENCE_S

LEDGER, FEEDBACK_LEDGER = "ledger.jsonl", "feedback.jsonl"
RECOVERY_LIMIT_S = 300.0
"""A round fails after this time. The watchdog needs two minutes to end a worker that hangs, before it is restarted."""
ANSWERED = 0.12
"""A task that is answered has four or five records of feedback."""
SIMULATED_RATE = 20.0
"""Reports a second in simulated time: dense enough that some merge, and most do not."""


class ReplayPlan(Struct, frozen=True, kw_only=True):
    """What to run."""

    faults: list[Fault]
    seed: int
    home: Path
    """An empty folder."""
    namespace: str = ""
    """Prefix of its topics and its group, on a cluster that other runs use."""
    per_second: int = 400
    partitions: int = 4
    brokers: int = 1
    secured: bool = False
    """Whether every client comes by TLS and as a user with rights: the workers as `router`, all others as the administrator."""
    replication: int | None = None
    """Replicas of the networks' topics; None: as many as all other topics have. One of three is a broken setup."""
    workers: int = WORKERS
    command: tuple[str, ...] = WORKER
    """Command of a worker."""
    labelled_worker: tuple[str, ...] = LABELLED_WORKER
    """Command of the worker whose requests are late."""
    clock: Literal["wall", "stream"] = "wall"
    answered: float = ANSWERED
    """Share of the tasks that are answered."""


class FaultResult(Struct, frozen=True, kw_only=True):
    """The result of one fault."""

    fault: Fault
    lasted_s: float
    """Duration of the fault."""
    recovered_s: float | None
    """From the begin of the fault until both stages had processed the reports of its first second; None: never."""
    notes: dict[str, float]


class Result(Struct, frozen=True, kw_only=True):
    """The result of a run."""

    verdict: Verdict
    observed: Observed
    injected: list[FaultResult]
    seconds: float
    """Duration of the load."""
    restarts: int
    """Workers that the worker pool restarted, for any reason."""
    drained_s: float
    """Seconds that the last workers took to end."""
    stalled: str = ""
    """What made no progress, so that the run ended before its time; empty otherwise."""


def run(plan: ReplayPlan, log: Callable[[str], None]) -> Result:
    """Run the plan with brokers of its own, as `run_on` does."""
    small_disk = any(fault.kind == "disk full" for fault in plan.faults)
    with Cluster(plan.home, brokers=plan.brokers, small_disk=small_disk, secured=plan.secured) as cluster:
        return run_on(cluster, plan, log)


def run_on(
    cluster: Cluster,
    plan: ReplayPlan,
    log: Callable[[str], None],
    under_load: Callable[[Deployment], None] = lambda _: None,
) -> Result:
    """Run the plan. Every process that it started has ended when it returns or raises.

    Args:
        cluster: its brokers, which answer.
        plan: what to run.
        log: called with one line a step.
        under_load: called after the faults, while the load goes on.

    Returns:
        The result. A round that does not recover, and records that stay unprocessed, end the run, and what was written is audited all the same.
    """
    cities = make_cities(plan.home / "cities")
    keys = plan.home / "offset-keys"
    write_private(keys, f"key {secrets.token_hex(KEY_BYTES)}\n".encode())  # which trusts nothing, not even for an hour
    own = {"cities": cities, "metrics_port": 0, "partitions": plan.partitions, "offset_keys": keys}
    own |= {"home": plan.home, "namespace": plan.namespace, "kafka": cluster.address, "replication": plan.replication}
    settings = cluster.settings.model_copy(update=own | cluster.connection("router"))
    city = load_city(CITY, cities)
    topics = topics_of(city, settings)
    names = Names(settings.namespace)
    reports = {names.reports(network) for network in city.codes}
    apply(cluster.address, [topic for topic in topics if topic.name in reports], replication=plan.replication)
    apply(cluster.address, [topic for topic in topics if topic.name not in reports], replication=None)
    if cluster.secured:
        wanted = declared_access(names, topics, city.codes, city.catalogue.departments)
        access.apply(cluster.address, compare(wanted, access.found(cluster.address), names), cluster.passwords)
    written = [topic.name for topic in topics if not names.is_input(topic.name)]
    injected: list[FaultResult] = []
    begun, stalled = time.monotonic(), ""
    with Observer(cluster.address, written) as observer:
        with _deployed(plan, settings, cluster, city, observer) as deployment:
            try:
                deployment.await_members(plan.workers)
                with deployment.load, deployment.answerers:
                    # those before one that does not recover stay in the list
                    injected.extend(inject(deployment, fault, log) for fault in plan.faults)
                    under_load(deployment)
                    deployment.pause(1.0)
                seconds = time.monotonic() - begun
                log(
                    f"all {deployment.load.ledger.kept:,} records and {deployment.answerers.ledger.kept:,} answers are acknowledged; "
                    "waiting until the workers have processed them"
                )
                finish(deployment)
            except NoProgressError as stuck:
                stalled, seconds = str(stuck), time.monotonic() - begun
                log(f"NO PROGRESS: {stalled}")
            drained_s, restarts = stopped_within(deployment.pool), deployment.pool.restarts
        observed = observer.finish()
    log("auditing: reading every topic to its end")
    return Result(
        verdict=examine(plan.home, settings, city),
        observed=observed,
        injected=injected,
        seconds=seconds,
        restarts=restarts,
        drained_s=drained_s,
        stalled=stalled,
    )


@contextmanager
def _deployed(
    plan: ReplayPlan, settings: Settings, cluster: Cluster, city: City, observer: Observer
) -> Iterator[Deployment]:
    """Start proxy, ledgers, load, answerers, workers and group monitor."""
    simulation = read_simulation(city_folder(CITY, settings.cities))
    stream = messages(city, simulation, reports=None, days=None, seed=plan.seed, rate=SIMULATED_RATE)
    with (
        LateRequests(cluster.proxy, cluster.behind_proxy, encrypted=cluster.secured) as proxy,
        closing(Ledger(plan.home / LEDGER, city)) as ledger,
        closing(FeedbackLedger(plan.home / FEEDBACK_LEDGER)) as said,
        WorkerPool(
            CITY, settings, plan.workers, plan.clock, command=plan.command, restart_policy=RESTART_POLICY
        ) as pool,
        monitored(settings, city) as monitor,
    ):
        load = Load(
            ledger,
            cluster.address,
            Names(settings.namespace),
            partitions=settings.partitions,
            messages=stream,
            per_second=plan.per_second,
        )
        names = Names(settings.namespace)
        yield Deployment(
            settings=settings,
            cluster=cluster,
            proxy=proxy,
            pool=pool,
            load=load,
            answerers=Answerers(said, cluster.address, names, city, share=plan.answered, seed=plan.seed),
            monitor=monitor,
            observer=observer,
            city=city,
            labelled_worker=plan.labelled_worker,
        )


def inject(deployment: Deployment, fault: Fault, log: Callable[[str], None]) -> FaultResult:
    """One round: inject a fault, and wait until both stages have recovered.

    Raises:
        NoProgressError: they do not.
    """
    deployment.await_members()
    deployment.pause(fault.calm_s)
    log(f"round {fault.round}: {fault}")
    begun = time.monotonic()
    deployment.monitor.measure_recovery()
    notes = INJECTORS[fault.kind](deployment, fault)
    lasted = time.monotonic() - begun
    recovery = deployment.monitor.recovery  # a fault may have begun the measurement again
    assert recovery is not None
    deployment.until(lambda: recovery.took_s is not None, RECOVERY_LIMIT_S, f"no recovery after {fault}")
    details = ", ".join(f"{name} {value:g}" for name, value in notes.items() if name != "injected")
    log(f"  lasted {lasted:.1f} s, recovered after {recovery.took_s:.1f} s{', ' if details else ''}{details}")
    return FaultResult(fault=fault, lasted_s=round(lasted, 2), recovered_s=round(recovery.took_s or 0, 2), notes=notes)


@contextmanager
def monitored(settings: Settings, city: City) -> Iterator[GroupMonitor]:
    """A monitor of the consumer group."""
    names, numbers = Names(settings.namespace), range(settings.partitions)
    sources = [TopicPartition(names.reports(network), n) for network in sorted(city.codes) for n in numbers]
    events = [TopicPartition(names.events, n) for n in numbers]
    group = Names(settings.namespace).group
    with GroupMonitor(str(settings.kafka), group, sources=sources, events=events) as monitor:
        yield monitor


def finish(deployment: Deployment) -> None:
    """Wait until the group has committed every record.

    Raises:
        NoProgressError: it does not.
    """
    names, bootstrap = Names(deployment.settings.namespace), str(deployment.settings.kafka)
    answered = [names.feedback(sender) for sender in senders_of(deployment.city)]
    sources = partitions_of(bootstrap, [*(names.reports(one) for one in sorted(deployment.city.codes)), *answered])
    with open_admin(bootstrap) as admin, open_consumer(bootstrap, connect_ms=PATIENT_MS) as scout:
        group = ConsumerGroup(
            admin,
            scout,
            names.group,
            sources=sources,
            events=partitions_of(bootstrap, [names.events]),
        )
        try:
            deployment.until(group.finished, PATIENCE_S, "some records are not committed")
        except NoProgressError as error:
            raise NoProgressError(f"{error}: {_lags(group)}") from None


def _lags(group: ConsumerGroup) -> str:
    with suppress(RetriableError):
        return ", ".join(f"{tp.topic}/{tp.partition}: {lag}" for tp, lag in sorted(group.lags().items()))
    return "the cluster does not answer"


def examine(home: Path, settings: Settings, city: City) -> Verdict:
    """Audit the topics on the broker against the ledgers in a folder, after the workers have ended."""
    bootstrap, names = str(settings.kafka), Names(settings.namespace)
    offset_topics = {names.reports(network): names.dedup_index(network) for network in city.codes} | {
        names.events: names.offsets
    }
    offset_topics |= {names.feedback(sender): names.feedback_offsets for sender in senders_of(city)}
    rule_sets = build_rule_sets(city, asyncio.run(_published(RuleSetStore(bootstrap, names.rule_sets))))
    keys = OffsetKeys() if settings.offset_keys is None else read_offset_keys(settings.offset_keys)
    with KafkaLog(bootstrap, offset_topics, keys, shared=[names.feedback_offsets]) as log:
        target = AuditInput(log=log, names=names, partitions=settings.partitions, rule_sets=rule_sets)
        return audit(read_ledger(home / LEDGER), target, read_feedback_ledger(home / FEEDBACK_LEDGER))


def senders_of(city: City) -> list[str]:
    """Everyone who has a topic of feedback."""
    return [*sorted(city.catalogue.departments), SUPERVISION]


async def _published(store: RuleSetStore) -> list[RuleSetRecord]:
    try:
        return await store.read()
    finally:
        await store.close()
