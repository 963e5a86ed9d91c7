"""`python -m tests.bench case-commands`: seconds of `grid-router case` among many cases, the first time and later.

Each case has one report and the journal of a task that was accepted and handled. The topics are filled without the stages, in one
partition after the other. Each command is a process of its own, so its time is what a person waits.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import blake2b

import orjson
from aiokafka import AIOKafkaProducer
from msgspec.structs import replace

from router.broker.admin import apply
from router.cities.folder import city_folder, load_city
from router.cities.packing import pack
from router.domain.lifecycle.journal import hash_of
from router.domain.model.case import Case
from router.domain.model.transition import Transition
from router.domain.rules.city import City
from router.kafka.record_batches import Writer
from router.wire.codec import encode_case, encode_transition
from router.wire.declared_topics import topics_of
from router.wire.rule_sets import RuleSetRecord, encode_rule_set
from router.wire.settings import PREFIX, Settings
from router.wire.topic_names import Names
from tests.bench.load_shape import CITY
from tests.support.driver import Driver, hours, report
from tests.support.feedback import feedback

BATCH = 5_000
"""Cases between two flushes."""


@dataclass(frozen=True)
class Measured:
    """Seconds of each command among a number of cases."""

    cases: int
    first: float
    """With the file of positions to make."""
    later: dict[str, list[float]]
    file_mib: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--cases", type=int, default=1_000_000, help="number of cases")


def main(arguments: argparse.Namespace, settings: Settings) -> int:
    """Measure, print, write."""
    own = settings.model_copy(
        update={"namespace": f"case{os.getpid()}.", "home": settings.home / "bench" / f"case{os.getpid()}"}
    )
    city = load_city(CITY)
    apply(str(own.kafka), [one for one in topics_of(city, own) if ".grid." in one.name])
    id_ = asyncio.run(_fill(own, arguments.cases))
    first = _timed(own, "verify", id_)
    later = {name: [_timed(own, name, id_) for _ in range(3)] for name in ("verify", "show", "why", "history")}
    size = sum(file.stat().st_size for file in own.home.iterdir()) / (1 << 20)
    found = Measured(arguments.cases, first, later, size)
    for name, seconds in {"first verify": [first], **later}.items():
        print(f"{name}: {' '.join(f'{one:.2f}' for one in seconds)} s", flush=True)
    print(f"file of positions: {size:.0f} MiB")
    (settings.home / "bench" / "case-commands.json").write_bytes(
        orjson.dumps(asdict(found), option=orjson.OPT_INDENT_2)
    )
    return 0


def _timed(own: Settings, name: str, id_: str) -> float:
    environment = os.environ | {
        f"{PREFIX}KAFKA": str(own.kafka),
        f"{PREFIX}HOME": str(own.home),
        f"{PREFIX}NAMESPACE": own.namespace,
    }
    begin = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "router.cli.main", "case", name, id_], env=environment, check=True, capture_output=True
    )
    return time.monotonic() - begin


async def _fill(own: Settings, cases: int) -> str:
    """Write the rule set, the cases and their journals; the id of a case in the middle."""
    names, id_ = Names(own.namespace), ""
    city = load_city(CITY)
    rules = RuleSetRecord(version=city.rule_set, city=CITY, published_at=hours(0), texts=pack(city_folder(CITY)))
    producer = AIOKafkaProducer(
        bootstrap_servers=own.kafka, acks="all", enable_idempotence=True, max_batch_size=1 << 20
    )
    await producer.start()
    try:
        key, value, headers = encode_rule_set(rules)
        await producer.send_and_wait(names.rule_sets, value, key=key, headers=headers, partition=0)
        writer = Writer(producer)
        for number, (case, journal) in enumerate(_lives(city, cases), 1):
            partition = (number - 1) * own.partitions // cases
            writer.add(names.cases, partition, *encode_case(case))
            for one in journal:
                writer.add(names.transitions, partition, *encode_transition(one, case.partition_key))
            id_ = case.id if number == cases // 2 else id_
            if number % BATCH == 0 or number == cases:
                await asyncio.gather(*await writer.send())
                writer = Writer(producer)
    finally:
        await producer.stop()
    return id_


def _lives(city: City, cases: int) -> Iterator[tuple[Case, list[Transition]]]:
    """One life, under as many ids."""
    driver = Driver(city)
    driver.pipe(report("17", matter="graffiti", cell=next(iter(city.cells.cells)), rule_set=city.rule_set))
    driver.pipe(feedback("accept", driver.tasks[0], 1), feedback("handled", driver.tasks[0], 2))
    (case,) = driver.cases
    for number in range(cases):
        id_ = f"C-{blake2b(str(number).encode(), digest_size=10).hexdigest()}"
        journal: list[Transition] = []
        for one in driver.transitions:
            previous = journal[-1].hash if journal else ""
            made = replace(one, case=id_, task=f"{id_}.1", previous=previous)
            journal.append(replace(made, hash=hash_of(made)))
        reports = (replace(case.reports[0], id=f"hotline:{number}"),)
        held = (replace(case.assignments[0], task=f"{id_}.1"),)
        yield replace(case, id=id_, reports=reports, assignments=held, chain=journal[-1].hash), journal
