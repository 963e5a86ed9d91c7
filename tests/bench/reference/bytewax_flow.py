"""The reference job on Bytewax: one dataflow with Kafka between its halves, recovery in SQLite. At least once.

Run by `python -m bytewax.run tests.bench.reference.bytewax_flow:flow`.
"""

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow, Stream

from tests.bench.reference.job import (
    MAX_REPORTS,
    Case,
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

SAFE = {"acks": "all", "enable.idempotence": "true", "partitioner": "murmur2_random"}
run = Run.here()
flow = Dataflow("reference")
CellState = tuple[dict[str, Case], set[str]]
"""State of a cell: the latest case of each category, and all report ids."""
Changed = tuple[bytes, bytes, bytes | None]
"""Case id, case, and the dispatch record of a new case."""


def normalised(message: KafkaSourceMessage) -> tuple[bool, KafkaSinkMessage]:
    first()
    event = normalise(message.value)
    if isinstance(event, Rejected):
        return False, KafkaSinkMessage(None, encode(event))
    return True, KafkaSinkMessage(event.cell.encode(), encode(event))


def merged(state: CellState | None, event: Event) -> tuple[CellState, list[Changed]]:
    latest, seen = state = state or ({}, set())
    if event.id in seen:
        return state, []
    seen.add(event.id)
    case = latest.get(event.cat)
    new = case is None or len(case.reports) == MAX_REPORTS
    if new:
        case = latest[event.cat] = open_case(event)
    else:
        case.reports.append(event.id)
    return state, [(case.case.encode(), encode(case), encode(dispatch_of(case)) if new else None)]


def sink(name: str, messages: Stream, topic: str) -> None:
    op.output(name, messages, KafkaSink([run.kafka], topic, add_config=dict(SAFE)))


halves = op.branch(
    "valid",
    op.map("normalise", op.input("raw", flow, KafkaSource([run.kafka], [run.raw])), normalised),
    lambda it: it[0],
)
sink("grid out", op.map("valid out", halves.trues, lambda it: it[1]), run.grid)
sink("dlq out", op.map("invalid out", halves.falses, lambda it: it[1]), run.dlq)
events = op.input("grid", flow, KafkaSource([run.kafka], [run.grid]))
keyed = op.map("by cell", events, lambda message: (message.key.decode(), decode_event(message.value)))
changes = op.stateful_flat_map("merge", keyed, merged)
sink("cases out", op.map("case", changes, lambda it: KafkaSinkMessage(it[1][0], it[1][1])), run.cases)
new = op.filter("new", changes, lambda it: it[1][2] is not None)
sink("dispatch out", op.map("dispatch", new, lambda it: KafkaSinkMessage(it[0].encode(), it[1][2])), run.dispatch)
