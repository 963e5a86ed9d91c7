"""One trace from an HTTP request through the workers to a department's task and back, on a real broker, as a collector gets it."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from router.broker.admin import apply
from router.cities.folder import load_city
from router.client import Client, Connection
from router.tracing.spans import SpanTracing
from router.wire.declared_topics import topics_of
from router.wire.settings import Settings
from router.wire.trace_context import trace_id
from router.workers.pool import WorkerPool
from tests.stream.test_feedback import CITY, Scene
from tests.support.broker import free_ports
from tests.support.city_messages import DUMPING
from tests.support.gateway import TestedGateway
from tests.support.topics import committed

pytestmark = pytest.mark.broker
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"


class Collector:
    """Takes spans by OTLP over HTTP."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Any]] = []
        """Name of the service, and span."""
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                for one in ExportTraceServiceRequest.FromString(body).resource_spans:
                    named = {pair.key: pair.value.string_value for pair in one.resource.attributes}
                    collector.spans += [
                        (named["service.name"], span) for part in one.scope_spans for span in part.spans
                    ]
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def named(self, name: str) -> Any:
        """The span of a name in the trace of the request."""
        found = [span for _, span in self.spans if span.name == name and span.trace_id.hex() == TRACE]
        return found[0] if found else None


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    found = Collector()
    thread = threading.Thread(target=found.server.serve_forever)
    thread.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{found.server.server_port}")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


@pytest.fixture
def scene(kafka: str, namespace: str, tmp_path: Path, collector: Collector) -> Iterator[Scene]:
    assert collector.spans == []
    settings = Settings(
        kafka=kafka, home=tmp_path, namespace=namespace, partitions=1, metrics_port=free_ports(1), traces=True
    )
    apply(kafka, topics_of(load_city(CITY), settings))
    with WorkerPool(CITY, settings, 1, "wall") as pool:
        scene = Scene(settings, pool)
        yield scene
        scene.producer.close()


def test_one_trace_leads_from_a_request_to_a_task_and_its_answer(
    scene: Scene, collector: Collector, tmp_path: Path
) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    async def request() -> int:
        gateway = TestedGateway(
            tmp_path / "gateway", str(scene.settings.kafka), scene.names, city=CITY, tracing=SpanTracing(provider)
        )
        sent = await gateway.send("hotline", DUMPING, headers={"traceparent": PARENT, "tracestate": "v=1"})
        await gateway.close()
        return sent.status_code

    assert asyncio.run(request()) == 202
    scene.until(lambda: bool(scene.tasks()))
    task = scene.tasks()[0]
    (record, *_) = committed(str(scene.settings.kafka), scene.names.tasks(task.department))
    headers = dict(record.headers)
    assert (headers["ce_traceparent"], headers["ce_tracestate"]) == (PARENT.encode(), b"v=1")

    normalised, merged = f"normalise {scene.names.reports('hotline')}", f"merge {scene.names.events}"
    scene.until(lambda: collector.named(merged) is not None)
    (served,) = exporter.get_finished_spans()
    assert served.context is not None
    assert (served.name, f"{served.context.trace_id:032x}") == ("POST /v1/reports/hotline", TRACE)
    assert collector.named(normalised).parent_span_id.hex() == f"{served.context.span_id:016x}"
    assert collector.named(merged).parent_span_id == collector.named(normalised).span_id
    assert headers["traceparent"].decode() == f"00-{TRACE}-{collector.named(merged).span_id.hex()}-01"
    assert {service for service, _ in collector.spans} == {"grid-router-worker"}

    with Client(
        Connection(kafka=str(scene.settings.kafka), namespace=scene.settings.namespace), actor="o-17"
    ) as client:
        next(iter(client.tasks(task.department))).accept()
    scene.until(lambda: scene.stages(task)[1:] == ["handling"])
    said = committed(str(scene.settings.kafka), scene.names.feedback(task.department))
    changed = committed(str(scene.settings.kafka), scene.names.tasks(task.department))[1:]
    transitions = committed(str(scene.settings.kafka), scene.names.transitions)
    assert {trace_id(one.headers) for one in (*said, *changed, *transitions)} == {TRACE}
    assert json.loads(changed[0].value)["id"] == task.id
