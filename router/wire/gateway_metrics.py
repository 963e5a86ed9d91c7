"""Every metric of a gateway, declared once, as those of a worker are in `metrics.py`."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from router.wire.metrics import SECONDS, Metric

_ROUTE = {"route": "path of the request, or `none` for a path that does not exist"}
GATEWAY_METRICS: Sequence[Metric] = (
    Metric(
        attribute="requests",
        name="grid_gateway_requests_total",
        kind="counter",
        unit="requests",
        help="Answered requests; probes are left out.",
        labels={**_ROUTE, "status": "HTTP status, e.g. `202`"},
    ),
    Metric(
        attribute="request_seconds",
        name="grid_gateway_request_seconds",
        kind="histogram",
        unit="seconds",
        help="Time from the head of a request to the end of its answer.",
        labels=_ROUTE,
        buckets=SECONDS,
    ),
    Metric(
        attribute="reports",
        name="grid_gateway_reports_total",
        kind="counter",
        unit="reports",
        help="Reports that apps sent, alone or in batches, by what became of them.",
        labels={
            "network": "code of the network; `unknown` for one that the router does not know",
            "outcome": "`accepted`, or the code of the problem",
        },
    ),
    Metric(
        attribute="waiting_bytes",
        name="grid_gateway_waiting_bytes",
        kind="gauge",
        unit="bytes",
        help="Reports that wait for the acknowledgement of Kafka.",
    ),
    Metric(
        attribute="feedback",
        name="grid_gateway_feedback_total",
        kind="counter",
        unit="answers",
        help="Feedback that departments sent over HTTP, by what became of it.",
        labels={
            "department": "id of the department",
            "outcome": "`accepted`, or the code of the problem",
        },
    ),
    Metric(
        attribute="polls",
        name="grid_gateway_polls",
        kind="gauge",
        unit="requests",
        help="Requests of departments that wait for tasks or rejections.",
    ),
    Metric(
        attribute="known_reports",
        name="grid_gateway_known_reports",
        kind="gauge",
        unit="reports",
        help="Reports whose case receipts can name; 0 without keys for receipts.",
    ),
)
"""Every metric of a gateway, in the order of the documentation."""


class GatewayMetrics:
    """The metrics of one gateway, one attribute for each entry of `GATEWAY_METRICS`.

    Args:
        registry: where they are registered.
    """

    requests: Counter
    request_seconds: Histogram
    reports: Counter
    waiting_bytes: Gauge
    feedback: Counter
    polls: Gauge
    known_reports: Gauge

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        for metric in GATEWAY_METRICS:
            setattr(self, metric.attribute, metric.register(registry))
