"""`python -m tests.bench lifecycle`: the full product with and without departments that answer, in turns; and a flood of impossible answers.

First a worker reads reports without being measured, and what their tasks bring is planned. Then it gets as many reports again: alone, with
these answers beside them, or with ten impossible answers for each report. A record is a report or an answer.
"""

import argparse
import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from statistics import median

import orjson
from aiokafka import AIOKafkaProducer
from msgspec import Struct

from router.cities.folder import city_folder, load_city
from router.domain.intake.normalise import RECEIVED_AT
from router.domain.model.task import Task
from router.kafka.record_batches import Writer
from router.simulator.departments.plan import PlannedAnswer, is_checked, plan
from router.simulator.departments.positions import ReadProgress
from router.simulator.departments.rates import Setting
from router.simulator.messages import SourceMessage, rfc3339
from router.simulator.replay.feed import Feed
from router.simulator.scenario import input_of
from router.wire.codec import decode_task
from router.wire.partitioning import partition_for_key
from router.wire.settings import Settings
from router.wire.topic_names import Names
from tests.bench.pinned_process import Pinned
from tests.bench.product import SYNTHETIC, deployed, members
from tests.bench.stopwatch import until_quiet
from tests.bench.topics import BATCH, ends, read

KINDS = ("reports", "answered", "flooded")
FLOOD = 10
"""Impossible answers for each report."""


class Measured(Struct, frozen=True, kw_only=True):
    """One run."""

    kind: str
    reports: int
    answers: int
    seconds: float
    cpu_seconds: float

    @property
    def records(self) -> int:
        """Reports and answers."""
        return self.reports + self.answers

    @property
    def per_cpu_second(self) -> float:
        """Records a second of CPU time."""
        return self.records / self.cpu_seconds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--reports", type=int, default=30_000, help="reports before the measurement, and in it")
    parser.add_argument("--runs", type=int, default=3, help="rounds; the kinds take turns in each")
    parser.add_argument("--json", type=Path, default=None, help="default: bench/lifecycle.json in the home folder")


def main(arguments: argparse.Namespace, settings: Settings) -> int:
    """Measure, print, write. Returns 1 when records are left unread."""
    runs: list[Measured] = []
    for _ in range(arguments.runs):
        for kind in KINDS:
            runs.append(_measure(kind, arguments.reports, settings))
            print(_line(runs[-1]), flush=True)
    medians = {kind: median(one.per_cpu_second for one in runs if one.kind == kind) for kind in KINDS}
    print(f"answered / reports: {medians['answered'] / medians['reports']:.2f} records a CPU second")
    path = arguments.json or settings.home / "bench" / "lifecycle.json"
    path.write_bytes(orjson.dumps([{**_fields(one), "per_cpu_second": one.per_cpu_second} for one in runs]))
    return 0


def _fields(one: Measured) -> dict[str, object]:
    return {name: getattr(one, name) for name in one.__struct_fields__}


def _line(one: Measured) -> str:
    return (
        f"{one.kind:10} {one.reports:,} reports, {one.answers:,} answers: {one.records / one.seconds:,.0f} records/s, "
        f"{one.per_cpu_second:,.0f} a CPU second"
    )


def _measure(kind: str, number: int, settings: Settings) -> Measured:
    city, folder = load_city(SYNTHETIC), city_folder(SYNTHETIC)
    stream = input_of(city, folder).messages(reports=2 * number, seed=1, secondary_reports=False, noise=1.0)
    first, second = list(islice(stream, number)), list(stream)
    with deployed(SYNTHETIC, settings) as (own, worker), ends(str(own.kafka)) as committed:
        bootstrap, names = str(own.kafka), Names(own.namespace)
        ids = _fed(own, first)
        until_quiet(committed, names.cases, lambda: len(members(bootstrap, names)) >= len(ids))
        departments = sorted(city.catalogue.departments)
        tasks = [
            decode_task(value)
            for department in departments
            for value in read(bootstrap, names.tasks(department), lambda record: record.value)
        ]
        answers = list(_answers(kind, tasks, Setting(departments=departments), number))
        before = committed.of(names.cases)
        with _timed(worker) as clock:
            ids |= _fed(own, second)
            sent = asyncio.run(_say(own, answers))
            complete = lambda: _all_read(own, sent) and len(members(bootstrap, names)) >= len(ids)  # noqa: E731
            clock.last = until_quiet(committed, names.cases, complete, beyond=before)
    return Measured(
        kind=kind, reports=len(second), answers=len(answers), seconds=clock.seconds, cpu_seconds=clock.cpu_seconds
    )


class _Clock:
    """Seconds until the last commit, and CPU seconds of the worker."""

    def __init__(self, worker: Pinned) -> None:
        self._worker, self._cpu, self._begun = worker, worker.cpu_seconds, time.monotonic()
        self.last = self._begun
        self.cpu_seconds = 0.0

    @property
    def seconds(self) -> float:
        return self.last - self._begun

    def stop(self) -> None:
        self.cpu_seconds = self._worker.cpu_seconds - self._cpu


@contextmanager
def _timed(worker: Pinned) -> Iterator[_Clock]:
    clock = _Clock(worker)
    yield clock
    clock.stop()


def _fed(settings: Settings, messages: Sequence[SourceMessage]) -> set[str]:
    feed = Feed(str(settings.kafka), Names(settings.namespace), settings.partitions, None)
    feed.run(messages)
    return {sent.report for sent in feed.sent if sent.kind != "malformed"}


def _answers(kind: str, tasks: Sequence[Task], setting: Setting, reports: int) -> Iterator[PlannedAnswer]:
    """What is said beside the reports, in the order of delivery."""
    dispatched = {one.id: one for one in tasks if one.state == "dispatched"}
    if kind == "answered":
        catalogue = load_city(SYNTHETIC).catalogue
        lives = [plan(one, setting, checked=is_checked(one, catalogue)) for one in dispatched.values()]
        yield from sorted((one for life in lives for one in life), key=lambda one: one.delivered_at)
    elif kind == "flooded":
        known = list(dispatched.values())
        for number in range(FLOOD * reports):
            yield _impossible(known[number % len(known)], number)


def _impossible(task: Task, number: int) -> PlannedAnswer:
    """A department says what only an inspector can."""
    said = {
        "id": f"f{number}",
        "task": task.id,
        "partition_key": task.partition_key,
        "kind": "check-passed",
        "actor": "officer-17",
        "occurred_at": rfc3339(task.dispatched_at.replace(microsecond=0)),
    }
    return PlannedAnswer(
        delivered_at=task.dispatched_at,
        sender=task.department,
        id=f"f{number}",
        task=task.id,
        value=orjson.dumps(said),
        label="impossible",
        kind="check-passed",
    )


async def _say(settings: Settings, answers: Sequence[PlannedAnswer]) -> dict[tuple[str, int], int]:
    """Write answers, each with the time at which it is received. How many each partition got."""
    names, counts = Names(settings.namespace), dict[tuple[str, int], int]()
    producer = AIOKafkaProducer(
        bootstrap_servers=str(settings.kafka), acks="all", enable_idempotence=True, max_batch_size=1 << 20
    )
    async with producer:
        for start in range(0, len(answers), BATCH):
            writer = Writer(producer)
            for one in answers[start : start + BATCH]:
                key = one.task.encode()
                place = names.feedback(one.sender), partition_for_key(key, settings.partitions)
                counts[place] = counts.get(place, 0) + 1
                writer.add(*place, key, one.value, [(RECEIVED_AT, rfc3339(one.delivered_at).encode())])
            await asyncio.gather(*await writer.send())
    return counts


def _all_read(settings: Settings, sent: dict[tuple[str, int], int]) -> bool:
    """Whether the worker has read every answer and folded every event."""
    bootstrap, names = str(settings.kafka), Names(settings.namespace)
    positions = ReadProgress(names, [])
    for (topic, partition), number in sent.items():
        positions.sent(topic, partition, number - 1)
    for topic in positions.topics:
        for record in read(bootstrap, topic, lambda record: record):
            positions.note(record)
    return positions.all_read(events=False) and positions.all_read(events=True)
