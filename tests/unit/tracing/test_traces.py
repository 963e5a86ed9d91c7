"""A report's trace through both stages: carried while traces are off, and as spans that link to each other when they are on."""

import asyncio
import json
import sys
import threading
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

from router.domain.model.task import Task
from router.domain.networks.registry import NETWORKS
from router.domain.rules.rule_sets import RuleSets
from router.gateway.front_door import GEOREPORT
from router.stream.processors.clock import CLOCKS
from router.stream.processors.feedback import FeedbackProcessor
from router.stream.processors.merge import MergeProcessor
from router.stream.processors.normalise import NormaliseProcessor
from router.tracing import spans
from router.tracing.carrying import CARRYING, Tracing
from router.tracing.setup import tracing_of
from router.tracing.spans import SpanTracing
from router.wire.codec import decode_task
from router.wire.errors import InputError
from router.wire.metrics import Metrics
from router.wire.settings import Settings
from router.wire.topic_names import Names
from router.wire.trace_context import TraceHeaders, carried, trace_id
from tests.support.gateway import TestedGateway
from tests.support.records import ALARM, Record, city

NAMES = Names()
REPORTS = NAMES.reports("policing")
TRACE, OTHER = "0af7651916cd43dd8448eb211c80319c", "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "b7ad6b7169203331"


def parent(trace: str = TRACE, flags: str = "01") -> list[tuple[str, bytes]]:
    return [("traceparent", f"00-{trace}-{SPAN}-{flags}".encode()), ("tracestate", b"v=1")]


def alarm(offset: int, headers: Sequence[tuple[str, bytes]] = (), **more: Any) -> Record:
    """A report that opens a case of its own."""
    message = ALARM | {"jjdbh": f"J{offset}", "jwgxdm": f"1234567890{offset:02}"} | more
    return Record(
        topic=REPORTS,
        partition=0,
        offset=offset,
        key=f"J{offset}".encode(),
        value=json.dumps(message).encode(),
        headers=headers,
    )


class Stages:
    """Both stages without Kafka, and what they write."""

    def __init__(self, tracing: Tracing = CARRYING) -> None:
        rules, metrics = RuleSets(city()), Metrics(CollectorRegistry())
        self.normalise = NormaliseProcessor(NETWORKS["policing"], rules, NAMES, 1, metrics, tracing=tracing)
        self.merge = MergeProcessor(rules, NAMES, CLOCKS["stream"](), metrics, tracing=tracing)
        self.written: list[Record] = []

    def add(self, topic: str, partition: int, key: Any, value: Any, headers: Any = ()) -> None:
        """Takes the outputs like the writer of a transaction."""
        del partition
        self.written.append(
            Record(topic=topic, partition=0, offset=len(self.written), key=key, value=value, headers=headers)
        )

    def on(self, *topics: str) -> list[Record]:
        """What was written to some topics."""
        return [one for one in self.written if one.topic in topics]

    def take(self, *records: Record, commit: bool = True) -> list[Record]:
        """Process records of the network by both stages; what the second one writes."""
        writer: Any = self
        first = self.normalise.process(records, writer, set())
        events = self.on(NAMES.events)
        if not events:
            first()
            return []
        begun = len(self.written)
        second = self.merge.process(events, writer, set())
        if commit:
            first()
            second()
        return self.written[begun:]

    def tasks(self) -> list[tuple[Task, Record]]:
        topics = {name: NAMES.tasks(name) for name in RuleSets(city()).departments}
        return [(decode_task(one.value or b""), one) for one in self.on(*topics.values())]


def test_a_trace_goes_from_a_report_to_its_task_and_no_further() -> None:
    stages = Stages()
    written = stages.take(alarm(1, parent()), alarm(2), alarm(3, parent(OTHER)))
    expected = [
        ("ce_traceparent", f"00-{TRACE}-{SPAN}-01".encode()), ("ce_tracestate", b"v=1"), *parent(),
    ]  # fmt: skip
    assert [list(one.headers)[7:] for one in stages.on(NAMES.events)][:2] == [expected, []]
    assert [trace_id(record.headers) for _, record in stages.tasks()] == [TRACE, None, OTHER]
    traced = {one.topic for one in written if carried(one.headers)}
    assert traced == {NAMES.transitions, *(record.topic for _, record in stages.tasks())}
    assert not [one for one in stages.on(NAMES.cases, NAMES.archive) if carried(one.headers)]


def test_a_rejection_and_what_a_department_says_keep_their_trace() -> None:
    stages = Stages()
    stages.take(alarm(1, parent(), bjlxdm="9999"))
    (rejection,) = stages.on(NAMES.rejections("policing"))
    (dead,) = stages.on(NAMES.dead_letters)
    assert trace_id(rejection.headers) == trace_id(dead.headers) == TRACE
    stages = Stages()
    stages.take(alarm(1))
    task, _ = stages.tasks()[0]
    said = {
        "id": "1", "task": task.id, "partition_key": task.partition_key, "kind": "accept", "actor": "officer-17",
        "occurred_at": "2018-01-01T08:05:00Z",
    }  # fmt: skip
    writer: Any = stages
    offsets: Any = None  # nothing is restored or stored here
    sender = task.department
    feedback = FeedbackProcessor(sender, NAMES, 1, Metrics(CollectorRegistry()), offsets)
    begun, timestamp = len(stages.written), 1_514_793_909_000
    for offset, value in enumerate([said, {**said, "id": "2", "kind": "answer", "reason": "x"}, {}]):
        record = Record(
            topic=NAMES.feedback(sender), partition=0, offset=offset, key=b"k", value=json.dumps(value).encode(),
            headers=parent(OTHER), timestamp=timestamp,
        )  # fmt: skip
        feedback.process([record], writer, set())()
    events = [one for one in stages.written[begun:] if one.topic == NAMES.events]
    stages.merge.process(events, writer, set())()
    changed = [one for one in stages.written[begun:] if one.topic != NAMES.cases]
    assert {trace_id(one.headers) for one in changed} == {OTHER}
    assert {one.topic for one in changed} >= {
        NAMES.events, NAMES.transitions, NAMES.tasks(sender), NAMES.rejected_feedback(sender), NAMES.dead_letters,
    }  # fmt: skip


class Exported:
    """Traces that are switched on, and the spans that were exported."""

    def __init__(self) -> None:
        self._exporter, provider = InMemorySpanExporter(), TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracing = SpanTracing(provider)

    def spans(self, name: str) -> list[ReadableSpan]:
        return [one for one in self._exporter.get_finished_spans() if one.name == name]

    @property
    def names(self) -> list[str]:
        return sorted(one.name for one in self._exporter.get_finished_spans())


def hex_id(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}"


def test_one_trace_leads_from_a_request_through_both_stages() -> None:
    exported = Exported()
    request = exported.tracing.request("POST", carried(parent()))
    stages = Stages(exported.tracing)
    stages.take(alarm(1, request.headers), alarm(2), alarm(3, parent(OTHER)), alarm(4, parent(flags="00")))
    request.ended("/v1/reports/policing", 202)
    (first,) = exported.spans("POST /v1/reports/policing")
    normalised, merged = exported.spans(f"normalise {REPORTS}"), exported.spans(f"merge {NAMES.events}")
    assert [hex_id(one) for one in normalised] == [hex_id(one) for one in merged] == [TRACE, OTHER]
    chain = [first, normalised[0], merged[0]]
    assert first.parent is not None
    assert f"{first.parent.span_id:016x}" == SPAN
    for before, after in pairwise(chain):
        assert after.parent is not None
        assert before.context is not None
        assert after.parent.span_id == before.context.span_id
    task, record = stages.tasks()[0]
    headers = dict(record.headers)
    assert merged[0].context is not None
    assert headers["traceparent"] == f"00-{TRACE}-{merged[0].context.span_id:016x}-01".encode()
    assert (headers["ce_traceparent"], headers["tracestate"]) == (parent()[0][1], b"v=1")
    assert dict(merged[0].attributes or {}) | {"messaging.kafka.offset": 0} == {
        "messaging.system": "kafka", "messaging.operation.name": "merge", "messaging.operation.type": "process",
        "messaging.destination.name": NAMES.events, "messaging.destination.partition.id": "0", "messaging.kafka.offset": 0,
        "grid_router.cases": (task.case,), "grid_router.tasks": (task.id,), "grid_router.decision": "opened",
    }  # fmt: skip
    assert [trace_id(one.headers) for _, one in stages.tasks()] == [TRACE, None, OTHER, TRACE]


def test_a_batch_and_its_records_link_to_each_other() -> None:
    exported = Exported()
    Stages(exported.tracing).take(alarm(1, parent()), alarm(2), alarm(3, parent(OTHER)))
    (batch,) = exported.spans("normalise batch")
    assert (batch.parent, (batch.attributes or {})["messaging.batch.message_count"]) == (None, 3)
    assert [f"{link.context.trace_id:032x}" for link in batch.links] == [TRACE, OTHER]
    for one in exported.spans(f"normalise {REPORTS}"):
        assert [link.context for link in one.links] == [batch.context]


def test_what_did_not_commit_leaves_no_span_and_is_traced_when_it_does() -> None:
    exported = Exported()
    Stages(exported.tracing).take(alarm(1, parent()), commit=False)
    assert exported.names == []
    Stages(exported.tracing).take(alarm(1, parent()))
    assert exported.names == ["merge batch", f"merge {NAMES.events}", "normalise batch", f"normalise {REPORTS}"]


def test_no_span_without_a_trace_that_is_sampled() -> None:
    exported = Exported()
    stages = Stages(exported.tracing)
    stages.take(alarm(1), alarm(2, parent(flags="00")), alarm(3, [("traceparent", b"00-x")]))
    assert exported.names == []
    assert [trace_id(record.headers) for _, record in stages.tasks()] == [None, TRACE, None]
    assert exported.tracing.request("GET", []).headers == []


def test_a_rejection_is_named_in_its_span() -> None:
    exported = Exported()
    Stages(exported.tracing).take(alarm(1, parent(), bjlxdm="9999"))
    (span,) = exported.spans(f"normalise {REPORTS}")
    assert (span.attributes or {})["grid_router.rejection"] == "unknown-code"


FORGED = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
FORM = {"service_code": "graffiti", "lat": "47.6097", "long": "-122.3331"}


def test_a_request_without_a_key_causes_no_span(tmp_path: Path) -> None:
    """Whatever context a request without a key brings: paths that need none, and those that look for it themselves."""
    exported = Exported()

    async def run() -> list[int]:
        gateway = TestedGateway(tmp_path, city="seattle", ready=True, tracing=exported.tracing)
        requests = f"{GEOREPORT}requests.json"
        asked = [
            ("GET", "/v1/receipts/x", {}), ("POST", "/v1/receipts/x", {}), ("GET", f"{GEOREPORT}services.json", {}),
            ("GET", f"{GEOREPORT}services/graffiti.xml", {}), ("GET", f"{GEOREPORT}tokens/x.json", {}),
            ("GET", f"{requests}?service_request_id=x", {}), ("POST", requests, {"data": FORM}),
            ("POST", requests, {"data": FORM | {"api_key": "grt_x"}}), ("POST", "/v1/reports/open311", {"json": FORM}),
        ]  # fmt: skip
        answered = [
            await gateway.call(method, path, token=None, headers=headers, **more)
            for method, path, more in asked for headers in (FORGED, {})
        ]  # fmt: skip
        await gateway.close()
        return [one.status_code for one in answered]

    codes = asyncio.run(run())
    assert codes[::2] == codes[1::2] == [404, 405, 200, 200, 404, 403, 403, 403, 401]
    assert exported.names == []


def test_a_request_of_open311_has_a_span_as_soon_as_its_key_is_known(tmp_path: Path) -> None:
    exported = Exported()

    async def run() -> dict[str, Any]:
        gateway = TestedGateway(tmp_path, city="seattle", ready=True, tracing=exported.tracing)
        form = FORM | {"api_key": gateway.token}
        await gateway.call("POST", f"{GEOREPORT}requests.json", token=None, headers=FORGED, data=form)
        await gateway.close()
        return gateway.log[0]

    line = asyncio.run(run())
    assert (line["holder"], line["trace"], line["status"]) == ("every", TRACE, 503)
    (span,) = exported.spans(f"POST {GEOREPORT}requests.json")
    assert hex_id(span) == TRACE
    assert (span.attributes or {})["http.response.status_code"] == 503


def test_without_opentelemetry_the_setting_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tracing_of(Settings(), "x") is CARRYING
    for name in [name for name in sys.modules if name.startswith("opentelemetry.exporter")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http", None)
    with pytest.raises(
        InputError, match=r"GRID_ROUTER_TRACES: OpenTelemetry is not installed.*grid-router\[router,otel\]"
    ):
        tracing_of(Settings(traces=True), "x")


def test_a_collector_that_is_away_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "CLOSE_S", 0.05)
    closed = threading.Event()
    provider = TracerProvider(shutdown_on_exit=False)
    monkeypatch.setattr(provider, "shutdown", lambda: closed.wait(60))
    SpanTracing(provider).close()
    assert not closed.is_set()
    closed.set()


def test_an_unused_trace_costs_no_headers() -> None:
    """Off, the headers are those of the record, never copies: 50 outputs of one record share them."""
    headers: TraceHeaders = carried(parent())
    assert CARRYING.request("POST", headers).headers is headers
    batch = CARRYING.batch("merge", [replace(alarm(1), headers=[("a", b"b")])], own=1)
    assert batch.headers == {}
