"""Panels of dashboards: a metric and some of its labels give query, unit and description."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from router.wire.gateway_metrics import GATEWAY_METRICS
from router.wire.metrics import METRICS, Metric

BY_ATTRIBUTE: Mapping[str, Metric] = {metric.attribute: metric for metric in METRICS} | {
    f"gateway.{metric.attribute}": metric for metric in GATEWAY_METRICS
}
"""Attribute of a worker's metrics, or `gateway.` and that of a gateway's -> the definition."""
JOB = 'job=~"$job"'
MOST = 15
"""Lines of an hourly panel."""
UNITS = {"seconds": "s", "bytes": "bytes"}
"""Unit of a metric -> Grafana's; a unit that is a noun has none."""


class Query(Struct, frozen=True):
    """A line of a panel, or one for each value of a label."""

    expr: str
    legend: str


class Panel(Struct, frozen=True, kw_only=True):
    """One diagram."""

    title: str
    about: str
    unit: str
    """Grafana's name of it."""
    queries: Sequence[Query]


class Row(Struct, frozen=True):
    """Panels side by side, under a heading."""

    title: str
    panels: Sequence[Panel]


class Dashboard(Struct, frozen=True, kw_only=True):
    """One screen of Grafana."""

    name: str
    title: str
    about: str
    rows: Sequence[Row]
    since: str = "now-6h"
    of: str = "grid_healthy"
    """A metric that each of the jobs has among which the reader chooses."""
    department: bool = False
    """Whether it is about one department, which the reader chooses."""


def counted(title: str, attribute: str, *by: str, **match: str) -> Panel:
    """How often a counter counts in a second, by the values of labels.

    Args:
        title: of the panel.
        attribute: of the metric.
        by: labels.
        match: label -> value, or `$variable`.
    """
    metric = _metric(attribute, "counter", by, match)
    expr = f"{_summed('sum', by)} (rate({_selected(metric, match)}[$__rate_interval]))"
    return _panel(title, metric, f"suffix: {metric.unit}/s", [Query(expr, _legend(metric, by))])


def hourly(title: str, attribute: str, *by: str, **match: str) -> Panel:
    """How much a counter counted in an hour, by the values of labels: the largest, because a diagram of forty lines says nothing."""
    metric = _metric(attribute, "counter", by, match)
    expr = f"topk({MOST}, {_summed('sum', by)} (increase({_selected(metric, match)}[1h])))"
    return _panel(title, metric, f"suffix: {metric.unit}/h", [Query(expr, _legend(metric, by))])


def measured(title: str, attribute: str, *by: str, over: str = "sum", **match: str) -> Panel:
    """A gauge by the values of labels, as the sum, maximum or minimum over the others."""
    metric = _metric(attribute, "gauge", by, match)
    expr = f"{_summed(over, by)} ({_selected(metric, match)})"
    return _panel(title, metric, UNITS.get(metric.unit, "short"), [Query(expr, _legend(metric, by))])


def spread(title: str, attribute: str, *by: str, **without: str) -> Panel:
    """The median and the 99th percentile of a histogram, by the values of labels.

    Args:
        title: of the panel.
        attribute: of the metric.
        by: labels.
        without: label -> expression of the values that are left out.
    """
    metric = _metric(attribute, "histogram", by, without)
    matchers = ", ".join([JOB, *(f'{label}!~"{values}"' for label, values in without.items())])
    rate = f"{_summed('sum', (*by, 'le'))} (rate({metric.name}_bucket{{{matchers}}}[$__rate_interval]))"
    queries = [
        Query(f"histogram_quantile({quantile}, {rate})", f"{_legend(metric, by)} {name}" if by else name)
        for quantile, name in ((0.5, "median"), (0.99, "99 %"))
    ]
    return _panel(title, metric, UNITS.get(metric.unit, "short"), queries)


def derived(title: str, about: str, unit: str, *queries: tuple[str, str]) -> Panel:
    """A panel of expressions of its own: of recorded series, or of the process."""
    return Panel(title=title, about=about, unit=unit, queries=[Query(*one) for one in queries])


def _metric(attribute: str, kind: str, by: Sequence[str], match: Mapping[str, str]) -> Metric:
    """The definition of a metric.

    Raises:
        ValueError: it is of another kind, or has not these labels.
    """
    metric = BY_ATTRIBUTE[attribute]
    unknown = sorted({*by, *match} - {*metric.labels, "job", "instance"})
    if metric.kind != kind or unknown:
        raise ValueError(
            f"{metric.name} is a {metric.kind} with the labels {sorted(metric.labels)}, not {kind} {unknown}"
        )
    return metric


def _selected(metric: Metric, match: Mapping[str, str]) -> str:
    matchers = [JOB, *(f'{label}="{value}"' for label, value in match.items())]
    return f"{metric.name}{{{', '.join(matchers)}}}"


def _summed(how: str, by: Sequence[str]) -> str:
    return f"{how} by ({', '.join(by)})" if by else how


def _legend(metric: Metric, by: Sequence[str]) -> str:
    return " ".join(f"{{{{{label}}}}}" for label in by) or metric.unit


def _panel(title: str, metric: Metric, unit: str, queries: Sequence[Query]) -> Panel:
    return Panel(title=title, about=f"{metric.name}: {metric.help}", unit=unit, queries=queries)
