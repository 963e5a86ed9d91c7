"""One replay from beginning to end: its own topics, workers, feed, and the ledger at the end."""

import asyncio
import dataclasses
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from msgspec import Struct
from msgspec.structs import replace

from router.cities.folder import city_folder, load_city
from router.cities.packing import pack
from router.domain.catalogue.checks.coverage import coverage
from router.domain.rules.city import City
from router.kafka.blocking import PATIENT_MS, open_admin, open_consumer
from router.rule_sets.store import publish
from router.simulator.evaluation.ground_truth import RoutingScore, score
from router.simulator.evaluation.scores import Score, clusters_of, evaluate, labels_of
from router.simulator.messages import Sent, SourceMessage
from router.simulator.replay.consumer_group import ConsumerGroup
from router.simulator.replay.feed import Feed
from router.simulator.replay.flow_control import InFlightLimiter
from router.simulator.replay.ledger import Ledger, reconcile
from router.simulator.replay.monitor import KILL_AT, End, OnProgress, ReplayMonitor, ReplayProgress
from router.simulator.replay.outputs import Outputs
from router.simulator.replay.rule_switch import Switch, Switched, examine, middle
from router.simulator.replay.temporary_topics import namespace, scratch_topics
from router.simulator.scenario import ScenarioInput, input_of
from router.wire.rule_sets import RuleSetRecord
from router.wire.settings import Settings
from router.wire.topic_names import Names
from router.workers.pool import WorkerPool


class ReplayPlan(Struct, frozen=True, kw_only=True):
    """What to replay, and how."""

    city: str
    reports: int | None = None
    """None: the recorded history once."""
    speed: float | None = None
    """Simulated seconds per second. None: as fast as possible."""
    workers: int = 1
    seed: int = 1
    secondary_reports: bool = True
    """Whether other networks also report a part of the same incidents."""
    kill: bool = False
    """Whether to kill -9 one worker in the middle."""
    keep: bool = False
    """Whether to keep the topics."""
    noise: float = 1.0
    """Noise of a synthetic city: 0 none, 1 the default, 2 double."""
    switch: str | None = None
    """Name of a city whose rules are published during the replay, for the second half of the messages."""


class Result(Struct, frozen=True, kw_only=True):
    """The result of a replay."""

    namespace: str
    sent: list[Sent]
    ledger: Ledger
    judgement: RoutingScore
    pairs: Score
    """Pairs of reports whose true incidents are known."""
    coverage: float | None
    """Share of the city's matters and areas that a duty of the catalogue covers."""
    cases: int
    tasks: int
    dead_letters: int
    end: End
    switched: Switched | None = None

    @property
    def sound(self) -> bool:
        """Whether nothing was lost and nothing duplicated."""
        return not self.ledger.faults and not (self.switched and self.switched.mixed)


def replay(plan: ReplayPlan, settings: Settings, bootstrap: str, on_progress: OnProgress) -> Result:
    """Run the replay. Blocks until the ledger is complete, and always ends everything that it started.

    Args:
        plan: what to replay.
        settings: of the deployment. Namespace and metrics are replaced, so that a running router is not disturbed.
        bootstrap: `host:port` list of the cluster.
        on_progress: called several times a second.

    Raises:
        RouterError: city, history, broker or workers cannot be used.
    """
    on_progress(ReplayProgress(doing="reading the city"))
    city = load_city(plan.city, settings.cities)
    source = input_of(city, city_folder(plan.city, settings.cities))
    own = settings.model_copy(update={"namespace": namespace(), "metrics_port": 0, "kafka": bootstrap})
    limiter = InFlightLimiter()
    in_step = limiter if plan.secondary_reports and plan.speed is None else None
    feed = Feed(bootstrap, Names(own.namespace), own.partitions, plan.speed, in_step)
    recorded = source.reports if plan.reports is None else plan.reports
    switch = _switch(plan, city, source, settings, recorded)
    on_progress(ReplayProgress(doing="making topics"))
    with ExitStack() as stack:
        kafka = stack.enter_context(open_admin(bootstrap))
        group = Names(own.namespace).group
        stack.enter_context(scratch_topics(kafka, bootstrap, city, own, group=group, keep=plan.keep))
        reader, scout = (stack.enter_context(open_consumer(bootstrap, connect_ms=PATIENT_MS)) for _ in range(2))
        outputs = Outputs(reader, Names(own.namespace), sorted(city.catalogue.departments), own.partitions)
        pool = stack.enter_context(WorkerPool(plan.city, own, plan.workers, clock="stream"))
        seen = _group(kafka, scout, group, own, sorted(city.codes))
        kill_at = max(1, round(KILL_AT * recorded)) if plan.kill else None
        course = ReplayMonitor(feed, outputs, seen, pool, limiter=limiter, kill_at=kill_at, on_progress=on_progress)
        course.until_ready(plan.workers)
        if switch is not None:
            _publish(plan, switch, settings, own, bootstrap)
        end = _send(feed, _messages(plan, source), course)
        pool.stop()
        outputs.take_all()  # late and duplicate records arrived before the workers ended
        result = _found(own.namespace, city, feed.sent, outputs, end)
        return replace(result, switched=examine(switch, outputs.cases().values())) if switch else result


def _messages(plan: ReplayPlan, source: ScenarioInput) -> Iterator[SourceMessage]:
    return source.messages(
        reports=plan.reports, seed=plan.seed, secondary_reports=plan.secondary_reports, noise=plan.noise
    )


def _switch(plan: ReplayPlan, city: City, source: ScenarioInput, settings: Settings, recorded: int) -> Switch | None:
    """The other rules, for messages received in the second half."""
    if plan.switch is None:
        return None
    new = dataclasses.replace(load_city(plan.switch, settings.cities), merging=city.merging)
    return Switch(old=city, new=new, effective_from=middle(_messages(plan, source), recorded))


def _publish(plan: ReplayPlan, switch: Switch, settings: Settings, own: Settings, bootstrap: str) -> None:
    """Publish as `catalogue publish` does, while the workers run."""
    folder = city_folder(plan.switch or "", settings.cities)
    record = RuleSetRecord(
        version=switch.new.rule_set,
        city=switch.new.name,
        published_at=datetime.now(UTC),
        effective_from=switch.effective_from,
        texts=pack(folder),
    )
    asyncio.run(publish(bootstrap, Names(own.namespace).rule_sets, record))


def _group(
    admin: KafkaAdminClient, consumer: KafkaConsumer, name: str, settings: Settings, networks: Iterable[str]
) -> ConsumerGroup:
    names, numbers = Names(settings.namespace), range(settings.partitions)
    sources = [TopicPartition(names.reports(network), number) for network in networks for number in numbers]
    return ConsumerGroup(
        admin, consumer, name, sources=sources, events=[TopicPartition(names.events, number) for number in numbers]
    )


def _send(feed: Feed, messages: Iterator[SourceMessage], course: ReplayMonitor) -> End:
    with ThreadPoolExecutor(1, thread_name_prefix="feed") as pool:
        try:
            return course.follow(pool.submit(feed.run, messages))
        finally:
            feed.stop()


def _found(namespace: str, city: City, sent: list[Sent], outputs: Outputs, end: End) -> Result:
    cases = outputs.cases()
    return Result(
        namespace=namespace,
        sent=sent,
        ledger=reconcile(sent, cases, outputs.tasks, outputs.dead),
        judgement=score(sent, cases),
        pairs=evaluate(labels_of(sent), clusters_of(cases.values())).pairs,
        coverage=coverage(city),
        cases=len(cases),
        tasks=len(outputs.tasks),
        dead_letters=len(outputs.dead),
        end=end,
    )
