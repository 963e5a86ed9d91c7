"""The full product: both stages with the catalogue of a city, beside plain Faust agents with the same domain work."""

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count

from router.broker.admin import apply, delete
from router.cities.folder import city_folder, load_city
from router.simulator.replay.feed import Feed
from router.simulator.scenario import history_of, input_of
from router.wire.codec import decode_case
from router.wire.declared_topics import topics_of
from router.wire.settings import Settings
from router.wire.topic_names import Names
from router.workers.pool import environment
from tests.bench.figures import Figure
from tests.bench.pinned_process import Pinned
from tests.bench.stopwatch import watch
from tests.bench.topics import ends, read

RECORDED, SYNTHETIC = "los-angeles", "puyang"
PARTITIONS = 8
"""Partitions of every topic: while one partition commits, the others fold."""
BETWEEN_ROUNDS = timedelta(days=14)
"""Longer than any merge window, so that two rounds of the history do not merge."""
numbers = count()


@dataclass(frozen=True)
class Contender:
    """One contender: its city and its command."""

    key: str
    name: str
    guarantee: str
    city: str
    command: Sequence[str]


def router(city: str) -> list[str]:
    """The command line of one worker."""
    return [sys.executable, "-m", "tests.bench.announcing_worker", city, "--clock", "stream"]


ALL = (
    Contender("los-angeles", "grid-router, Los Angeles", "exactly once", RECORDED, router(RECORDED)),
    Contender(
        "plain",
        "plain Faust, Los Angeles",
        "at least once",
        RECORDED,
        [sys.executable, "-m", "tests.bench.plain_faust", RECORDED, "worker", "-l", "warn", "--without-web"],
    ),
    Contender("puyang", "grid-router, Puyang", "exactly once", SYNTHETIC, router(SYNTHETIC)),
)


def contend(contender: Contender, reports: int, settings: Settings) -> Figure:
    """One run on separate topics; every id must be in exactly one case.

    Raises:
        UnfinishedError: it ended, or its output was not complete in time.
    """
    with topics_for(contender.city, settings) as own:
        bootstrap, names = str(own.kafka), Names(own.namespace)
        ids = filled(own, contender.city, reports)
        with ends(bootstrap) as committed, started(contender.command, own) as worker:
            run = watch(worker, committed, names.cases, lambda: len(members(bootstrap, names)) >= len(ids))
        faults = () if members(bootstrap, names) == sorted(ids) else ("not every id is in exactly one case",)
    if not faults:
        worker.log.unlink()
    return Figure(
        contender.name,
        contender.guarantee,
        reports,
        run.seconds,
        run.cpu_seconds,
        run.others_seconds,
        run.peak_mib,
        faults,
    )


@contextmanager
def topics_for(city: str, settings: Settings) -> Iterator[Settings]:
    """The topics of a city in a separate namespace, deleted at the end of the context."""
    prefix = f"bench-{os.getpid()}-p{next(numbers)}."
    own = settings.model_copy(update={"namespace": prefix, "partitions": PARTITIONS, "metrics_port": 0})
    topics = topics_of(load_city(city), own)
    apply(str(own.kafka), topics)
    try:
        yield own
    finally:
        delete(str(own.kafka), [topic.name for topic in topics])


@contextmanager
def started(command: Sequence[str], own: Settings) -> Iterator[Pinned]:
    """A worker alone on its core, which ends with the context."""
    log = own.home.absolute() / "bench" / f"{own.namespace}log"
    with tempfile.TemporaryDirectory() as folder:
        env = environment(own) | {"FAUST_DATADIR": folder}
        with Pinned(command, env, log) as worker:
            yield worker


@contextmanager
def deployed(city: str, settings: Settings) -> Iterator[tuple[Settings, Pinned]]:
    """A worker of the router on separate topics."""
    with topics_for(city, settings) as own, started(router(city), own) as worker:
        yield own, worker


def filled(settings: Settings, name: str, reports: int) -> set[str]:
    """Fill the networks' topics; returns the ids that must be in a case."""
    city, folder = load_city(name), city_folder(name)
    feed = Feed(str(settings.kafka), Names(settings.namespace), settings.partitions, None)
    if name == RECORDED:
        feed.run(history_of(city, folder).messages(reports, apart=BETWEEN_ROUNDS))
    else:
        feed.run(input_of(city, folder).messages(reports=reports, seed=1, secondary_reports=False, noise=1.0))
    return {sent.report for sent in feed.sent if sent.kind != "malformed"}


def members(bootstrap: str, names: Names) -> list[str]:
    """Report ids of the final state of every case, sorted; an id in two cases is listed twice.

    The archive is read first: a case that is archived meanwhile is missing until the next reading, and is never there twice.
    """
    archived = read(bootstrap, names.archive, lambda record: record.value)
    last = dict(read(bootstrap, names.cases, lambda record: (record.key, record.value)))
    cases = [*archived, *(value for value in last.values() if value is not None)]
    return sorted(report.id for value in cases for report in decode_case(value).reports)
