"""A plain aiokafka loop a stage: at least once, an awaited send a record, state in a dictionary that a restart loses."""

import asyncio
from collections.abc import Callable, Iterator

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from tests.bench.reference.job import (
    MAX_REPORTS,
    Case,
    Rejected,
    Run,
    decode_event,
    dispatch_of,
    encode,
    first,
    normalise,
    open_case,
)

Output = tuple[str, bytes | None, bytes]
run = Run.here()
latest: dict[tuple[str, str], Case] = {}
seen: set[str] = set()


def normalised(value: bytes) -> Iterator[Output]:
    first()
    event = normalise(value)
    if isinstance(event, Rejected):
        yield run.dlq, None, encode(event)
    else:
        yield run.grid, event.cell.encode(), encode(event)


def merged(value: bytes) -> Iterator[Output]:
    event = decode_event(value)
    if event.id in seen:
        return
    seen.add(event.id)
    case = latest.get((event.cell, event.cat))
    if case is None or len(case.reports) == MAX_REPORTS:
        case = latest[event.cell, event.cat] = open_case(event)
        yield run.dispatch, case.cell.encode(), encode(dispatch_of(case))
    else:
        case.reports.append(event.id)
    yield run.cases, case.case.encode(), encode(case)


async def loop(topic: str, producer: AIOKafkaProducer, outputs: Callable[[bytes], Iterator[Output]]) -> None:
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=run.kafka,
        group_id=f"{run.prefix}{topic}",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=4 << 20,
    )
    await consumer.start()
    while True:
        fetched = await consumer.getmany(timeout_ms=500, max_records=2000)
        acknowledged = [
            await producer.send(to, value, key=key)
            for records in fetched.values()
            for record in records
            for to, key, value in outputs(record.value)
        ]
        if fetched:
            await asyncio.gather(*acknowledged)  # an offset is committed after the broker has acknowledged its outputs
            await consumer.commit()


async def main() -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=run.kafka,
        acks="all",
        enable_idempotence=True,
        linger_ms=5,
        max_batch_size=1 << 17,
        max_request_size=4 << 20,
    )
    await producer.start()
    await asyncio.gather(loop(run.raw, producer, normalised), loop(run.grid, producer, merged))


if __name__ == "__main__":
    asyncio.run(main())
