"""The same domain work in plain Faust: one agent a stage, message by message, with an awaited send each.

At least once, with state in memory that is not restored: the guarantee is weaker than the router's.
"""

import os
import sys
from types import SimpleNamespace
from typing import Any

import faust

from router.cities.folder import load_city
from router.domain.fold import fold
from router.domain.intake.normalise import normalise
from router.domain.networks.registry import NETWORKS
from router.domain.rules.rule_sets import RuleSets
from router.domain.state.partition_state import PartitionState
from router.wire.codec import decode_event, encode_case, encode_report, encode_task
from router.wire.partitioning import partition_for_cell
from router.wire.settings import Settings
from router.wire.topic_names import Names
from tests.bench.reference.job import first
from tests.support.outcomes import cases_of, tasks_of

settings = Settings()
names = Names(settings.namespace)
city = load_city(sys.argv.pop(1))
rules = RuleSets(city)
app = faust.App(
    f"{settings.namespace}plain",
    broker=f"kafka://{settings.kafka}",
    web_enabled=False,
    topic_allow_declare=False,
    topic_disable_leader=True,
    table_standby_replicas=0,
    producer_acks=-1,
    stream_wait_empty=False,
    datadir=os.environ["FAUST_DATADIR"],
)


def raw(name: str) -> faust.TopicT[Any]:
    return app.topic(name, key_serializer="raw", value_serializer="raw")


reports, events, cases = raw(names.reports("hotline")), raw(names.events), raw(names.cases)
tasks = {department: raw(names.tasks(department)) for department in city.catalogue.departments}
states: dict[int, PartitionState] = {}


@app.agent(reports)
async def normalise_each(stream: faust.Stream[bytes]) -> None:
    async for event in stream.events():
        first()
        message = event.message
        record = SimpleNamespace(
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            timestamp=int(message.timestamp * 1000),
            key=message.key,
            value=message.value,
            headers=list(message.headers.items()) if isinstance(message.headers, dict) else message.headers,
        )
        for report in normalise(NETWORKS["hotline"], [record], city).reports:
            key, value, headers = encode_report(report)
            partition = partition_for_cell(key, settings.partitions)
            await (await events.send(key=key, value=value, headers=headers, partition=partition))


@app.agent(events)
async def merge_each(stream: faust.Stream[bytes]) -> None:
    async for event in stream.events():
        message = event.message
        headers = list(message.headers.items()) if isinstance(message.headers, dict) else message.headers
        state = states.setdefault(message.partition, PartitionState())
        outcome = fold(state, decode_event(headers, message.value), rules)
        for case in cases_of(outcome):
            key, value, out = encode_case(case)
            await (await cases.send(key=key, value=value, headers=out, partition=message.partition))
        for task in tasks_of(outcome):
            key, value, out = encode_task(task)
            await (await tasks[task.department].send(key=key, value=value, headers=out, partition=message.partition))


if __name__ == "__main__":
    app.main()
