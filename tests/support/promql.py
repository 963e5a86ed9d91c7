"""What a PromQL expression names: its selectors with their matchers, and the labels by which it groups.

It reads the expressions of rules and dashboards only, so that a test without Prometheus finds a metric or a label that does not exist.
`promtool` checks their syntax where it is installed.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from router.wire.gateway_metrics import GATEWAY_METRICS
from router.wire.metrics import METRICS, PROCESS_METRICS, Metric

TARGET = frozenset({"job", "instance"})
"""Labels that Prometheus gives to every series of a target."""
_WORDS = frozenset({"and", "or", "unless", "bool", "inf", "nan"})
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_WINDOW = re.compile(r"\[[^\]]*\]|\boffset\s+\w+|\$__\w+")
_GROUPING = re.compile(r"\b(?:by|on|group_left|group_right)\s*\(([^)]*)\)")
_SELECTOR = re.compile(r"(?<![\w:.])([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\})?(?!\s*\()(?![\w:])")
_MATCHER = re.compile(r"(\w+)\s*(=~|!~|!=|=)\s*<(\d+)>")


class Selector(NamedTuple):
    """A metric, and its matchers: label -> operator and value."""

    metric: str
    matchers: Mapping[str, tuple[str, str]]


class Expression(NamedTuple):
    """What an expression names."""

    selectors: list[Selector]
    grouped: frozenset[str]
    """Labels of `by`, `on`, `group_left` and `group_right`."""


def read(text: str) -> Expression:
    """The names in an expression."""
    strings: list[str] = []

    def keep(match: re.Match[str]) -> str:
        strings.append(match[1])
        return f"<{len(strings) - 1}>"

    text = _WINDOW.sub(" ", _STRING.sub(keep, text))
    grouped = frozenset(
        label.strip() for found in _GROUPING.findall(text) for label in found.split(",") if label.strip()
    )
    selectors = [
        Selector(name, {label: (operator, strings[int(at)]) for label, operator, at in _MATCHER.findall(matchers)})
        for name, matchers in _SELECTOR.findall(_GROUPING.sub(" ", text))
        if name.lower() not in _WORDS
    ]
    return Expression(selectors, grouped)


def served() -> dict[str, frozenset[str]]:
    """Every series that Prometheus has of a worker or a gateway, with its labels."""
    series = dict.fromkeys((*PROCESS_METRICS, "up"), TARGET)
    for metric in (*METRICS, *GATEWAY_METRICS):
        labels = TARGET | set(metric.labels)
        if metric.kind == "histogram":
            series |= {f"{metric.name}_bucket": labels | {"le"}}
            series |= {f"{metric.name}_{part}": labels for part in ("sum", "count")}
        else:
            series[metric.name] = labels
    return series


def labels_of(text: str, series: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The labels that the result of an expression can have."""
    selectors, grouped = read(text)
    if grouped:
        return grouped - ({"le"} if "histogram_quantile" in text else set())
    return frozenset().union(*(series.get(one.metric, frozenset()) for one in selectors))


def problems(text: str, series: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """A sentence for each metric, label or value of an expression that does not exist."""
    selectors, grouped = read(text)
    known = frozenset().union(*(series.get(one.metric, frozenset()) for one in selectors))
    for metric, matchers in selectors:
        if metric not in series:
            yield f"no metric {metric}"
            continue
        for label, (operator, value) in matchers.items():
            if label not in series[metric]:
                yield f"{metric} has no label {label}"
            elif operator == "=" and not _is_value(_metric(metric), label, value):
                yield f"the label {label} of {metric} is never {value}"
    yield from (f"nothing has the label {label}" for label in grouped - known)


def _metric(series: str) -> Metric | None:
    return next((one for one in (*METRICS, *GATEWAY_METRICS) if series.removesuffix("_bucket") == one.name), None)


def _is_value(metric: Metric | None, label: str, value: str) -> bool:
    """Whether a label can have a value: where its meaning lists the values, it is one of them."""
    meaning = "" if metric is None else metric.labels.get(label, "")
    return "$" in value or not meaning.startswith("`") or f"`{value}`" in meaning
