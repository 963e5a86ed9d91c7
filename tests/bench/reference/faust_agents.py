"""The reference job in plain Faust: an agent a stage, message by message, with Faust's tables. At least once."""

from typing import Any

import faust
from msgspec.structs import asdict

from tests.bench.reference.job import (
    MAX_REPORTS,
    PARTITIONS,
    Event,
    Rejected,
    Run,
    decode_event,
    dispatch_of,
    encode,
    first,
    normalise,
    open_case,
)

run = Run.here()
app = faust.App(
    f"{run.prefix}faust",
    broker=f"kafka://{run.kafka}",
    store="memory://",
    topic_partitions=PARTITIONS,
    topic_disable_leader=True,
    table_standby_replicas=0,
    web_enabled=False,
    producer_linger=0.02,
    producer_acks=-1,
    stream_wait_empty=False,
    datadir=run.folder,
)


def topic(name: str) -> faust.TopicT[Any]:
    return app.topic(name, key_serializer="raw", value_serializer="raw")


raw, grid, dlq = topic(run.raw), topic(run.grid), topic(run.dlq)
cases, dispatch = topic(run.cases), topic(run.dispatch)
latest = app.Table("latest", partitions=PARTITIONS)
seen = app.Table("seen", partitions=PARTITIONS)


@app.agent(raw)
async def normalise_each(stream: faust.Stream[bytes]) -> None:
    async for value in stream:
        first()
        event = normalise(value)
        if isinstance(event, Rejected):
            await dlq.send(key=b"", value=encode(event))
        else:
            await grid.send(key=event.cell.encode(), value=encode(event))


@app.agent(grid)
async def merge_each(stream: faust.Stream[bytes]) -> None:
    async for value in stream:
        event: Event = decode_event(value)
        if seen.get(event.id):
            continue
        seen[event.id] = 1
        key = f"{event.cell}|{event.cat}"
        case = latest.get(key)
        new = case is None or len(case["reports"]) == MAX_REPORTS
        if new:
            opened = open_case(event)
            case = asdict(opened)
            await dispatch.send(key=event.cell.encode(), value=encode(dispatch_of(opened)))
        else:
            case = {**case, "reports": [*case["reports"], event.id]}
        latest[key] = case
        await cases.send(key=case["case"].encode(), value=encode(case))


if __name__ == "__main__":
    app.main()
