"""The open-loop generator: each record is sent when the schedule says, however the router keeps up. A process of its own.

The scheduled time counts, not the actual one: a generator that waits for a slow system would hide just the slowness.
"""

import asyncio
import logging
import time
from asyncio import Future
from collections.abc import Iterator, Sequence
from itertools import islice
from multiprocessing.connection import Connection
from typing import NamedTuple

from aiokafka import AIOKafkaProducer

from router.cities.folder import city_folder, load_city
from router.domain.intake.normalise import RECEIVED_AT
from router.simulator.messages import SourceMessage, rfc3339
from router.simulator.scenario import input_of
from router.wire.partitioning import partition_for_key
from router.wire.settings import Settings
from router.wire.topics import Names

LEAD_SECONDS = 0.2
LONGEST_SLEEP = 0.001
"""The event loop's sleep is only about so exact; what has become due meanwhile is sent at once."""


class ReplayPlan(NamedTuple):
    """What is sent, and how fast."""

    city: str
    skip: int
    """Messages of the city that others sent before."""
    number: int
    rate: float
    """A second."""


class Shot(NamedTuple):
    """One report; all times by this machine's monotonic clock, the same for all processes."""

    report: str
    sound: bool
    """Not malformed, so it must come to stand in a case."""
    scheduled: float
    handed: float
    """To the producer: how late the generator itself was."""
    acknowledged: float


def messages(city: str) -> Iterator[SourceMessage]:
    """A city's reports, the recorded ones again and again."""
    folder = city_folder(city)
    return input_of(load_city(city), folder).messages(reports=10**7, seed=1, secondary_reports=False, noise=1.0)


def send(settings: Settings, plan: ReplayPlan, results: Connection) -> None:
    """Send a plan's messages; says `ready`, waits for a word, and answers with the shots."""
    logging.getLogger("aiokafka").setLevel(logging.ERROR)  # a topic that is new has no leader yet, which mends itself
    planned = list(islice(messages(plan.city), plan.skip, plan.skip + plan.number))
    results.send("ready")
    results.recv()
    results.send(asyncio.run(_send(settings, planned, plan.rate)))


async def _send(settings: Settings, planned: Sequence[SourceMessage], rate: float) -> list[Shot]:
    names, partitions = Names(settings.namespace), settings.partitions
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka, acks="all", enable_idempotence=True, linger_ms=0)
    await producer.start()
    topics = {message.network: names.reports(message.network) for message in planned}
    for topic in topics.values():
        await producer.partitions_for(topic)
    times = [[0.0, 0.0] for _ in planned]
    acknowledged: list[Future[object]] = []
    begun = time.monotonic() + LEAD_SECONDS
    for index, (message, noted) in enumerate(zip(planned, times, strict=True)):
        while (wait := begun + index / rate - time.monotonic()) > 0:
            await asyncio.sleep(min(wait, LONGEST_SLEEP))
        key = message.source_id.encode()
        headers = [(RECEIVED_AT, rfc3339(message.received_at).encode())]
        noted[0] = time.monotonic()
        future = await producer.send(
            topics[message.network], message.value, key, partition_for_key(key, partitions), headers=headers
        )
        future.add_done_callback(lambda _, noted=noted: noted.__setitem__(1, time.monotonic()))
        acknowledged.append(future)
    await asyncio.gather(*acknowledged)
    await producer.stop()
    return [
        Shot(one.report, one.kind != "malformed", begun + i / rate, *noted)
        for i, (one, noted) in enumerate(zip(planned, times, strict=True))
    ]
