"""One run of one contender of the reference job, on separate topics, checked by the oracle."""

import asyncio
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from msgspec import Struct
from msgspec.json import Decoder

from router.broker.admin import apply, connected, delete
from router.wire.declared_topics import Topic
from router.wire.settings import Settings
from tests.bench.figures import Figure
from tests.bench.pinned_process import Pinned
from tests.bench.reference.contenders import Contender
from tests.bench.reference.job import PARTITIONS, Run, made
from tests.bench.reference.oracle import Expected, Found, faults
from tests.bench.stopwatch import watch
from tests.bench.topics import ends, fill, read

ROOT = Path(__file__).parents[3]
numbers = count()


class Members(Struct):
    """Fields of a record of `cases` for the oracle."""

    case: str
    reports: list[str]


class Dispatched(Struct):
    """Fields of a record of `dispatch` for the oracle."""

    case: str


members, dispatched_case = Decoder(Members).decode, Decoder(Dispatched).decode


@dataclass(frozen=True)
class Job:
    """A filled input topic and the expected output."""

    raw: str
    expected: Expected


@contextmanager
def filled(bootstrap: str, number: int) -> Iterator[Job]:
    """The input topic with a number of records; all contenders read it."""
    expected, raw = Expected(), f"bench-{os.getpid()}-raw-{number}"

    def records() -> Iterator[tuple[bytes, bytes]]:
        for one in made(number):
            expected.take(one)
            yield one.key, one.value

    apply(bootstrap, [_topic(raw)])
    try:
        asyncio.run(fill(bootstrap, raw, PARTITIONS, records()))
        yield Job(raw, expected)
    finally:
        delete(bootstrap, [raw])


def contend(contender: Contender, job: Job, settings: Settings) -> Figure:
    """One run.

    Raises:
        NotInstalledError: the contender cannot be installed here.
        UnfinishedError: it ended, or its output was not complete in time.
    """
    bootstrap, bench = str(settings.kafka), settings.home.absolute() / "bench"
    prefix = f"bench-{os.getpid()}-{next(numbers)}."
    log = bench / f"{prefix}log"
    with tempfile.TemporaryDirectory() as folder:
        run = Run(bootstrap, prefix, job.raw, folder)
        command, env = contender.command(bench, Path(folder)), environment(run)
        with topics_for(run, contender.changelogs):
            with ends(bootstrap) as committed, Pinned(command, env, log) as worker:
                measured = watch(worker, committed, run.cases, lambda: complete(run, job.expected))
            wrong = tuple(faults(job.expected, found(run)))
    if not wrong:
        log.unlink()
    return Figure(
        contender.name,
        contender.guarantee,
        job.expected.records,
        measured.seconds,
        measured.cpu_seconds,
        measured.others_seconds,
        measured.peak_mib,
        wrong,
    )


def environment(run: Run) -> dict[str, str]:
    """The environment of a contender."""
    return os.environ | run.environment() | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


@contextmanager
def topics_for(run: Run, changelogs: Sequence[str]) -> Iterator[None]:
    """The topics of a run. At the end, changelogs that the contender created are deleted, too."""
    names = [run.grid, run.cases, run.dispatch, run.dlq, *(run.prefix + name for name in changelogs)]
    apply(run.kafka, [_topic(name) for name in names])
    try:
        yield
    finally:
        with connected(run.kafka) as admin:
            existing: Sequence[str] = admin.list_topics()
        delete(run.kafka, [name for name in existing if name.startswith(run.prefix) or f"__{run.prefix}" in name])


def _topic(name: str) -> Topic:
    return Topic(name=name, key="", partitions=PARTITIONS)


def complete(run: Run, expected: Expected) -> bool:
    """Whether every report is in some case."""
    cases = dict(read(run.kafka, run.cases, lambda record: (record.key, record.value)))
    return sum(len(members(value).reports) for value in cases.values()) >= expected.reports


def found(run: Run) -> Found:
    """The committed output of a contender."""
    cases = [(one.case, one.reports) for one in read(run.kafka, run.cases, lambda record: members(record.value))]
    dispatched = read(run.kafka, run.dispatch, lambda record: dispatched_case(record.value).case)
    return Found(cases, dispatched, len(read(run.kafka, run.dlq, lambda _: None)))
