"""One run: broker, workers, load, one fault a round, and the audit at the end."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

from kafka import TopicPartition
from msgspec import Struct

from router.broker.admin import apply
from router.cities.folder import city_folder, load_city
from router.domain.rules.city import City
from router.kafka.blocking import PATIENT_MS, open_admin, open_consumer
from router.simulator.replay.consumer_group import ConsumerGroup
from router.simulator.synthetic.stream import messages, read_simulation
from router.stream.faust_adapter.app import GROUP
from router.stream.rule_sets.loading import build_rule_sets
from router.stream.rule_sets.store import RuleSetStore
from router.wire.rule_sets import RuleSetRecord
from router.wire.settings import Settings
from router.wire.topics import Names, topics_of
from router.workers.pool import WorkerPool
from tests.chaos.audit.audit import Deployment, Verdict, audit
from tests.chaos.audit.topics import KafkaLog
from tests.chaos.cities import CITY, make_cities
from tests.chaos.cluster import Cluster
from tests.chaos.deployment import PATIENCE, WORKER, WORKERS, Stage, stopped_within
from tests.chaos.group_monitor import Watch
from tests.chaos.inject import STRIKES
from tests.chaos.ledger import Ledger, read_ledger
from tests.chaos.load import Load
from tests.chaos.proxy import Proxy
from tests.chaos.schedule import Fault

RECOVERED_S = 120.0
"""After this long a round gives up; the watchdog of a worker that hangs takes as long, and then the worker starts again."""
FINISHED_S = 180.0
SIMULATED_A_SECOND = 20.0
"""How dense the simulated city's reports are in their own time, so that some merge and most do not."""


class ReplayPlan(Struct, frozen=True, kw_only=True):
    """What to run."""

    faults: list[Fault]
    seed: int
    home: Path
    """A folder that is empty or made anew."""
    per_second: int = 400
    partitions: int = 4
    workers: int = WORKERS
    command: tuple[str, ...] = WORKER
    """How they are started."""
    clock: Literal["wall", "stream"] = "wall"


class FaultResult(Struct, frozen=True, kw_only=True):
    """What one fault did."""

    fault: Fault
    lasted_s: float
    """From its beginning until it was over."""
    recovered_s: float | None
    """From its beginning until all that was acknowledged before had passed both stages; None: it never did."""
    notes: dict[str, float]


class Result(Struct, frozen=True, kw_only=True):
    """What a run found."""

    verdict: Verdict
    injected: list[FaultResult]
    seconds: float
    """Of load."""
    restarts: int
    """Workers that the fleet started again, for whatever reason."""
    drained_s: float
    """How long the last workers took to end."""


def run(plan: ReplayPlan, tell: Callable[[str], None], meanwhile: Callable[[Stage], None] = lambda _: None) -> Result:
    """Run it all; whatever it started is ended, whatever happens.

    Args:
        plan: what to run.
        tell: gets a line at every step.
        meanwhile: what else is done under load, after the faults.

    Raises:
        StuckError: a round does not recover, or the end does not come.
    """
    cities, path = make_cities(plan.home / "cities"), plan.home / "ledger.jsonl"
    with Cluster(plan.home) as cluster:
        settings = cluster.settings.model_copy(
            update={"kafka": cluster.address, "cities": cities, "metrics_port": 0, "partitions": plan.partitions}
        )
        city = load_city(CITY, cities)
        apply(cluster.address, topics_of(city, settings))
        begun = time.monotonic()
        with _staged(plan, settings, cluster, city) as stage:
            stage.together(plan.workers)
            with stage.load:
                injected = [_round(stage, fault, tell) for fault in plan.faults]
                meanwhile(stage)
                stage.pause(1.0)
            seconds = time.monotonic() - begun
            tell(f"all {stage.load.ledger.kept:,} records are kept; waiting until nothing is left to read")
            finish(stage)
            drained_s, restarts = stopped_within(stage.pool), stage.pool.restarts
        tell("reading every topic to its end")
        verdict = examine(path, settings, city)
        return Result(verdict=verdict, injected=injected, seconds=seconds, restarts=restarts, drained_s=drained_s)


@contextmanager
def _staged(plan: ReplayPlan, settings: Settings, cluster: Cluster, city: City) -> Iterator[Stage]:
    """Proxy, ledger and load, workers, and who watches them."""
    simulation = read_simulation(city_folder(CITY, settings.cities))
    stream = messages(city, simulation, reports=None, days=None, seed=plan.seed, rate=SIMULATED_A_SECOND)
    with (
        Proxy(cluster.proxy, cluster.behind_proxy) as proxy,
        closing(Ledger(plan.home / "ledger.jsonl", city)) as ledger,
        WorkerPool(CITY, settings, plan.workers, plan.clock, command=plan.command, restart_policy=PATIENCE) as pool,
        watching(settings, city) as watch,
    ):
        load = Load(
            ledger,
            cluster.address,
            Names(settings.namespace),
            partitions=settings.partitions,
            messages=stream,
            per_second=plan.per_second,
        )
        yield Stage(settings=settings, cluster=cluster, proxy=proxy, pool=pool, load=load, watch=watch, city=city)


def _round(stage: Stage, fault: Fault, tell: Callable[[str], None]) -> FaultResult:
    stage.together()
    stage.pause(fault.calm_s)
    tell(f"round {fault.round}: {fault}")
    begun = time.monotonic()
    stage.watch.expect()
    recovery = stage.watch.recovery
    assert recovery is not None
    notes = STRIKES[fault.kind](stage, fault)
    lasted = time.monotonic() - begun
    stage.until(lambda: recovery.took_s is not None, RECOVERED_S, f"no recovery after {fault}")
    told = ", ".join(f"{name} {value:g}" for name, value in notes.items() if name != "injected")
    tell(f"  lasted {lasted:.1f} s, recovered after {recovery.took_s:.1f} s{', ' if told else ''}{told}")
    return FaultResult(fault=fault, lasted_s=round(lasted, 2), recovered_s=round(recovery.took_s or 0, 2), notes=notes)


@contextmanager
def watching(settings: Settings, city: City) -> Iterator[Watch]:
    """A watch of the deployment's group."""
    names, numbers = Names(settings.namespace), range(settings.partitions)
    sources = [TopicPartition(names.reports(network), n) for network in sorted(city.codes) for n in numbers]
    events = [TopicPartition(names.events, n) for n in numbers]
    group = f"{settings.namespace}{GROUP}"
    with Watch(str(settings.kafka), group, sources=sources, events=events) as watch:
        yield watch


def finish(stage: Stage) -> None:
    """Wait until the group has committed past everything there is to read.

    Raises:
        StuckError: that does not happen.
    """
    names, numbers = Names(stage.settings.namespace), range(stage.settings.partitions)
    bootstrap = str(stage.settings.kafka)
    with open_admin(bootstrap) as admin, open_consumer(bootstrap, connect_ms=PATIENT_MS) as scout:
        group = ConsumerGroup(
            admin,
            scout,
            f"{names.namespace}{GROUP}",
            sources=[TopicPartition(names.reports(one), n) for one in sorted(stage.city.codes) for n in numbers],
            events=[TopicPartition(names.events, n) for n in numbers],
        )
        stage.until(group.finished, FINISHED_S, "records are left that nobody commits")


def examine(ledger: Path, settings: Settings, city: City) -> Verdict:
    """Audit what stands on the broker; the workers have ended."""
    bootstrap, names = str(settings.kafka), Names(settings.namespace)
    entries, kept = read_ledger(ledger)
    noted = {names.reports(network): names.dedup_index(network) for network in city.codes} | {
        names.events: names.offsets
    }
    rule_sets = build_rule_sets(city, asyncio.run(_published(RuleSetStore(bootstrap, names.rule_sets))))
    with KafkaLog(bootstrap, settings.partitions, noted) as log:
        deployment = Deployment(log=log, names=names, partitions=settings.partitions, rule_sets=rule_sets)
        return audit(entries, kept, deployment)


async def _published(store: RuleSetStore) -> list[RuleSetRecord]:
    try:
        return await store.read()
    finally:
        await store.close()
