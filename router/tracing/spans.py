"""Traces as spans of OpenTelemetry (semantic conventions of messaging, and of HTTP).

A record that is part of a sampled trace gets a span for each stage, from the fold to the commit, in its own trace. The batch gets
one in a trace of its own, and they link to each other: one transaction serves many traces. Spans end when the transaction has
committed. Those of a transaction that failed never end, so they are never exported, and its records are traced when they are folded again.

No span has an id of a report, a text or a person: cases, tasks and the place of the record are enough to find it.
"""

from collections.abc import Sequence
from threading import Thread

from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    TraceState,
    set_span_in_context,
)

from router import __version__
from router.domain.model.outcome import CaseChanged, Outcome, ReportDecided, TaskIssued
from router.domain.model.source_record import SourceRecord
from router.tracing.carrying import BatchTraces, RequestTrace, Tracing
from router.wire.trace_context import TRACE_PARENT, TRACE_STATE, TraceHeaders, after_span

MOST_LINKS = 128
"""Links of the span of a batch: as many as OpenTelemetry keeps."""
SERVER_ERROR = 500
CLOSE_S = 2.0
"""How long the end of a process waits for its last spans."""
_ROOT = Context()
"""Without a parent."""


class SpanTracing(Tracing):
    """Makes spans.

    Args:
        provider: samples and exports them.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("grid-router", __version__)

    def batch(self, stage: str, records: Sequence[SourceRecord], own: int = 0) -> BatchTraces:
        """Begin a batch, and a span for each of its records whose trace is sampled."""
        found = super().batch(stage, records, own)
        parents = {
            offset: one for offset, headers in found.headers.items() if (one := _context(headers)).trace_flags.sampled
        }
        return _BatchSpans(found.headers, parents, self._tracer, stage, records) if parents else found

    def request(self, method: str, headers: TraceHeaders) -> RequestTrace:
        """Begin the span of a request that writes, or that has a trace context."""
        if method != "POST" and not headers:
            return RequestTrace(headers)
        parent = set_span_in_context(NonRecordingSpan(_context(headers)), _ROOT) if headers else _ROOT
        attributes = {"http.request.method": method}
        span = self._tracer.start_span(method, context=parent, kind=SpanKind.SERVER, attributes=attributes)
        return _RequestSpan(_behind(headers, span), span, method)

    def close(self) -> None:
        """Export what is left, for a few seconds: OpenTelemetry would wait half a minute for a collector that is away."""
        ending = Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        ending.join(CLOSE_S)


class _BatchSpans(BatchTraces):
    """The spans of a batch and of its traced records."""

    __slots__ = ("_batch", "_spans")

    def __init__(
        self,
        headers: dict[int, TraceHeaders],
        parents: dict[int, SpanContext],
        tracer: Tracer,
        stage: str,
        records: Sequence[SourceRecord],
    ) -> None:
        super().__init__(headers)
        place = {
            "messaging.system": "kafka",
            "messaging.operation.name": stage,
            "messaging.operation.type": "process",
            "messaging.destination.name": records[0].topic,
            "messaging.destination.partition.id": str(records[0].partition),
        }
        self._batch = tracer.start_span(
            f"{stage} batch",
            context=_ROOT,
            kind=SpanKind.CONSUMER,
            attributes=place | {"messaging.batch.message_count": len(records)},
            links=[Link(one) for one in list(parents.values())[:MOST_LINKS]],
        )
        links = [Link(self._batch.get_span_context())]
        self._spans: dict[int, Span] = {}
        for offset, parent in parents.items():
            span = self._spans[offset] = tracer.start_span(
                f"{stage} {records[0].topic}",
                context=set_span_in_context(NonRecordingSpan(parent), _ROOT),
                kind=SpanKind.CONSUMER,
                attributes=place | {"messaging.kafka.offset": offset},
                links=links,
            )
            headers[offset] = _behind(headers[offset], span)

    def decided(self, offset: int, outcome: Outcome) -> None:
        """Name the cases and tasks that a record changed."""
        span = self._spans.get(offset)
        if span is None or not span.is_recording():
            return
        cases = [one.case.id for one in outcome.records if isinstance(one, CaseChanged)]
        tasks = [one.task.id for one in outcome.records if isinstance(one, TaskIssued)]
        span.set_attribute("grid_router.cases", cases)
        span.set_attribute("grid_router.tasks", tasks)
        for fact in outcome.facts:
            if isinstance(fact, ReportDecided):
                span.set_attribute("grid_router.decision", fact.decision)

    def rejected(self, offset: int, code: str) -> None:
        """Name the code of a rejection."""
        if offset in self._spans:
            self._spans[offset].set_attribute("grid_router.rejection", code)

    def committed(self) -> None:
        """End the spans: now others see what the batch has written."""
        for span in self._spans.values():
            span.end()
        self._batch.end()


class _RequestSpan(RequestTrace):
    """The span of a request."""

    __slots__ = ("_method", "_span")

    def __init__(self, headers: TraceHeaders, span: Span, method: str) -> None:
        super().__init__(headers)
        self._span, self._method = span, method

    def ended(self, route: str, status: int) -> None:
        """End the span."""
        self._span.update_name(f"{self._method} {route}")
        self._span.set_attribute("http.route", route)
        self._span.set_attribute("http.response.status_code", status)
        if status >= SERVER_ERROR or not status:
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


def _context(headers: TraceHeaders) -> SpanContext:
    """The last span before a record, whose headers are valid."""
    named = dict(headers)
    _, trace, span, flags = named[TRACE_PARENT].decode().split("-")
    state = named.get(TRACE_STATE, b"").decode()
    return SpanContext(
        int(trace, 16),
        int(span, 16),
        is_remote=True,
        trace_flags=TraceFlags(int(flags, 16)),
        trace_state=TraceState.from_header([state]) if state else TraceState(),
    )


def _behind(headers: TraceHeaders, span: Span) -> TraceHeaders:
    """The trace headers behind a span."""
    context = span.get_span_context()
    parent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
    return after_span(headers, parent.encode(), context.trace_state.to_header().encode())
