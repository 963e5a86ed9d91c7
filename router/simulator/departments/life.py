"""A simulated time of a city through the real router: networks report, departments answer, all by event time.

A city without a simulation has the reports of its recorded history, and its departments answer when the file says that they did.

Time goes on in steps. What is reported and answered in one step is sent, with the time at which it is received in the header
`grid-received-at`. When the router has read all of it, the tasks that it dispatched are planned, and the next step begins. So an answer may
lie behind a later report in the log by a step at most, and its own time is exact.
"""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from itertools import takewhile
from pathlib import Path

from aiokafka.errors import KafkaError
from msgspec import Struct

from router.cities.folder import city_folder, load_city
from router.domain.rules.city import City
from router.kafka.blocking import PATIENT_MS, open_admin, open_consumer
from router.simulator.departments.plan import is_checked
from router.simulator.departments.plan import plan as planned
from router.simulator.departments.rates import Setting
from router.simulator.departments.stepped_run import Answers, SteppedRun
from router.simulator.departments.tally import LifeFigures
from router.simulator.messages import SourceMessage
from router.simulator.recorded.closings import closings_of, recorded_answers
from router.simulator.replay.consumer_group import ConsumerGroup
from router.simulator.replay.monitor import OnProgress, ReplayProgress, await_workers
from router.simulator.replay.temporary_topics import namespace, scratch_topics
from router.simulator.scenario import Recorded, history_of
from router.simulator.synthetic.simulation import FILE
from router.simulator.synthetic.stream import messages, read_simulation
from router.wire.errors import BrokerError
from router.wire.settings import Settings
from router.wire.topic_names import Names
from router.workers.pool import WorkerPool


class LifePlan(Struct, frozen=True, kw_only=True):
    """What to simulate."""

    city: str
    days: float
    seed: int = 1
    rate: float | None = None
    """Mean number of reports a second; None: the city's own volumes."""
    noise: float = 1.0
    workers: int = 2
    keep: bool = False
    """Whether to keep the topics."""


class LifeResult(Struct, frozen=True, kw_only=True):
    """What came of it."""

    namespace: str
    reports: int
    """Records of the networks."""
    answers: dict[str, int]
    """Records of feedback by label: usual, impossible, malformed, again."""
    figures: LifeFigures
    seconds: float
    """From the first record to the last output."""
    restarts: int


def live(plan: LifePlan, settings: Settings, bootstrap: str, on_progress: OnProgress) -> LifeResult:
    """Run a simulated time. Blocks until the router has read everything, and ends all that it started.

    Args:
        plan: what to simulate.
        settings: of the deployment. Namespace and metrics are replaced, so that a running router is not disturbed.
        bootstrap: `host:port` list of the cluster.
        on_progress: called several times a second.

    Raises:
        RouterError: city, simulation, broker or workers cannot be used.
    """
    on_progress(ReplayProgress(doing="reading the city"))
    city = load_city(plan.city, settings.cities)
    stream, answers, to_the_end = _input(plan, city, city_folder(plan.city, settings.cities))
    own = settings.model_copy(update={"namespace": namespace(), "metrics_port": 0, "kafka": bootstrap})
    names = Names(own.namespace)
    on_progress(ReplayProgress(doing="making topics"))
    with ExitStack() as stack:
        kafka = stack.enter_context(open_admin(bootstrap))
        stack.enter_context(scratch_topics(kafka, bootstrap, city, own, group=names.group, keep=plan.keep))
        scout = stack.enter_context(open_consumer(bootstrap, connect_ms=PATIENT_MS))
        pool = stack.enter_context(WorkerPool(plan.city, own, plan.workers, clock="stream"))
        await_workers(ConsumerGroup(kafka, scout, names.group, sources=[], events=[]), pool, plan.workers, on_progress)
        run = SteppedRun(city, own, pool, answers, on_progress, to_the_end=to_the_end)
        try:
            seconds, until = asyncio.run(run.run(bootstrap, stream))
        except KafkaError as error:
            raise BrokerError(
                f"the simulation lost the broker ({type(error).__name__}: {error})",
                where=bootstrap,
                hint="check with `grid-router broker status`",
            ) from error
        return LifeResult(
            namespace=own.namespace,
            reports=run.reports,
            answers=dict(run.answers),
            figures=run.tally.figures(until),
            seconds=seconds,
            restarts=pool.restarts,
        )


def _input(plan: LifePlan, city: City, folder: Path) -> tuple[Iterator[SourceMessage], Answers, bool]:
    """The messages of the networks, what departments answer, and whether all answers are awaited: those of a history end.

    Both are synthetic, or both are as the city's history has them.
    """
    if (folder / FILE).is_file():
        setting = Setting(
            departments=sorted(city.catalogue.departments), transfers=city.catalogue.transfers, seed=plan.seed
        )
        stream = messages(
            city,
            read_simulation(folder),
            reports=None,
            days=plan.days,
            seed=plan.seed,
            noise=plan.noise,
            rate=plan.rate,
        )
        return stream, lambda task: planned(task, setting, checked=is_checked(task, city.catalogue)), False
    history = history_of(city, folder)
    closings = closings_of(history)
    recorded = Recorded(city, history).messages(reports=None, seed=plan.seed, secondary_reports=False)
    return _first_days(recorded, plan.days), lambda task: recorded_answers(task, closings), True


def _first_days(recorded: Iterator[SourceMessage], days: float) -> Iterator[SourceMessage]:
    """The messages received within some days of the first."""
    first = next(recorded, None)
    if first is not None:
        yield first
        end = first.received_at + timedelta(days=days)
        yield from takewhile(lambda one: one.received_at < end, recorded)
