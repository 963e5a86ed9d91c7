"""The table of metrics is what a worker serves, and it has what the documentation needs."""

from collections.abc import Sequence
from typing import get_args, get_type_hints

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from router.domain.model.outcome import ReportDecision
from router.wire.gateway_metrics import GATEWAY_METRICS, GatewayMetrics
from router.wire.metrics import METRICS, Metric, Metrics

EVERY = (*METRICS, *GATEWAY_METRICS)
KINDS = {"counter": Counter, "gauge": Gauge, "histogram": Histogram}


@pytest.mark.parametrize(("served", "declared"), [(Metrics, METRICS), (GatewayMetrics, GATEWAY_METRICS)])
def test_every_metric_is_an_attribute_of_its_kind(
    served: type[Metrics | GatewayMetrics], declared: Sequence[Metric]
) -> None:
    hints = {name: kind for name, kind in get_type_hints(served).items() if kind in KINDS.values()}
    assert hints == {metric.attribute: KINDS[metric.kind] for metric in declared}
    metrics = served(CollectorRegistry())
    for metric in declared:
        assert type(getattr(metrics, metric.attribute)) is KINDS[metric.kind]


@pytest.mark.parametrize("metric", EVERY, ids=lambda metric: metric.name)
def test_a_worker_serves_the_metric_under_its_name_with_its_help(metric: Metric) -> None:
    registry = CollectorRegistry()
    served = metric.register(registry)
    if metric.labels:
        served.labels(*metric.labels)
    text = generate_latest(registry).decode()
    assert f"# HELP {metric.name} {metric.help}\n" in text
    assert f"# TYPE {metric.name} {metric.kind}\n" in text


@pytest.mark.parametrize("metric", EVERY, ids=lambda metric: metric.name)
def test_names_and_sentences_are_as_prometheus_wants_them(metric: Metric) -> None:
    assert metric.name.startswith("grid_")
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert metric.help.endswith(".")
    assert metric.unit
    assert bool(metric.buckets) == (metric.kind == "histogram")


def test_the_label_of_merges_names_every_decision_about_a_report() -> None:
    (merges,) = (metric for metric in METRICS if metric.attribute == "merges")
    for decision in get_args(ReportDecision):
        assert f"`{decision}`" in merges.labels["decision"]
