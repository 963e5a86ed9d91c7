"""The open-loop generator: it sends each record on schedule, whether or not the router keeps up. Runs in its own process.

Latency counts from the scheduled time, not the actual one: a generator that waits for a slow system hides its latency.
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
from router.wire.topic_names import Names

START_DELAY_S = 0.2
MAX_SLEEP_S = 0.001
"""Resolution of the event loop's sleep; records due in the meantime are sent together."""


class ReplayPlan(NamedTuple):
    """What to send, and how fast."""

    city: str
    skip: int
    """Messages of the city to leave out, because they were sent before."""
    number: int
    rate: float
    """Messages a second."""


class Shot(NamedTuple):
    """One report that was sent. Times are of the monotonic clock, which all processes share."""

    report: str
    sound: bool
    """Not malformed, so it must be in a case."""
    scheduled: float
    handed: float
    """When the producer got it: shows the delay of the generator."""
    acknowledged: float


def messages(city: str) -> Iterator[SourceMessage]:
    """Messages of a city; recorded ones repeat without end."""
    folder = city_folder(city)
    return input_of(load_city(city), folder).messages(reports=10**7, seed=1, secondary_reports=False, noise=1.0)


def send(settings: Settings, plan: ReplayPlan, results: Connection) -> None:
    """Send the messages of a plan. Sends `ready`, waits for any message, then sends the shots."""
    logging.getLogger("aiokafka").setLevel(logging.ERROR)  # a new topic has no leader yet; the client retries
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
    begun = time.monotonic() + START_DELAY_S
    for index, (message, stamps) in enumerate(zip(planned, times, strict=True)):
        while (wait := begun + index / rate - time.monotonic()) > 0:
            await asyncio.sleep(min(wait, MAX_SLEEP_S))
        key = message.source_id.encode()
        headers = [(RECEIVED_AT, rfc3339(message.received_at).encode())]
        stamps[0] = time.monotonic()
        future = await producer.send(
            topics[message.network], message.value, key, partition_for_key(key, partitions), headers=headers
        )
        future.add_done_callback(lambda _, stamps=stamps: stamps.__setitem__(1, time.monotonic()))
        acknowledged.append(future)
    await asyncio.gather(*acknowledged)
    await producer.stop()
    return [
        Shot(one.report, one.kind != "malformed", begun + i / rate, *stamps)
        for i, (one, stamps) in enumerate(zip(planned, times, strict=True))
    ]
