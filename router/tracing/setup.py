"""Switches traces on, as the settings say. OpenTelemetry reads its own variables (`OTEL_*`): where to export, and how much to sample."""

import atexit

from router.tracing.carrying import CARRYING, Tracing
from router.wire.errors import InputError
from router.wire.settings import PREFIX, Settings

PACKAGES = "opentelemetry"


def tracing_of(settings: Settings, service: str) -> Tracing:
    """What traces a process.

    Args:
        settings: of the deployment.
        service: name of the service, unless `OTEL_SERVICE_NAME` says another.

    Raises:
        InputError: traces are switched on, and OpenTelemetry is not installed.
    """
    return _spans(service) if settings.traces else CARRYING


def _spans(service: str) -> Tracing:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        from router.tracing.spans import SpanTracing  # noqa: PLC0415
    except ImportError as error:
        if not (error.name or "").startswith(PACKAGES):
            raise
        raise InputError(
            "OpenTelemetry is not installed, so nothing can be traced",
            where=f"{PREFIX}TRACES",
            hint='`pip install "grid-router[router,otel]"`, or leave the variable out',
        ) from None
    resource = Resource.create()
    if str(resource.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        resource = resource.merge(Resource({SERVICE_NAME: service}))
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    tracing = SpanTracing(provider)
    atexit.register(tracing.close)
    return tracing
