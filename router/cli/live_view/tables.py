"""Tables that every live screen has: networks, cases, departments. Pure: from measured values, without a terminal or a clock."""

from collections import deque
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from router.cli.live_view.metrics_poller import WorkerMetrics
from router.cli.text.sanitize import sanitize

RATE_SPAN_S = 5.0
"""Time over which rates are averaged."""
MERGED = ("near", "component", "community", "reference")
"""Decisions by which a report joins a case."""
WIDE = 104
"""Terminal width in columns from which every table is complete."""
DEPARTMENTS = 7
"""Number of department rows. One more row sums the other departments."""


class ReportRates:
    """How many reports come in a second.

    Args:
        metrics: of the workers; sampled after each poll.
    """

    def __init__(self, metrics: WorkerMetrics) -> None:
        self._metrics = metrics
        self._read: deque[tuple[float, dict[str, int]]] = deque()

    def add_sample(self, seconds: float) -> None:
        """Add a sample.

        Args:
            seconds: time of a monotonic clock at which the metrics were updated.
        """
        self._read.append((seconds, self._metrics.by("grid_reports_total", "network")))
        while len(self._read) > 2 and seconds - self._read[1][0] >= RATE_SPAN_S:
            self._read.popleft()

    def rate(self, network: str | None = None) -> float:
        """Reports per second over the last `RATE_SPAN_S`, for one network or for all."""
        if len(self._read) < 2:
            return 0.0
        (began, first), (ended, last) = self._read[0], self._read[-1]
        names = last if network is None else [network]
        increase = sum(last.get(name, 0) - first.get(name, 0) for name in names)
        return increase / (ended - began) if ended > began else 0.0


def summary(metrics: WorkerMetrics, rates: ReportRates, workers: int) -> str:
    """The state in a part of a line, for output that is not a terminal."""
    merged = sum(metrics.by("grid_merges_total", "decision").get(d, 0) for d in MERGED)
    return (
        f"read {metrics.total('grid_reports_total'):,} "
        f"({rates.rate():,.0f}/s)  opened {metrics.total('grid_merges_total', decision='opened'):,}  "
        f"merged {merged:,}  tasks {metrics.total('grid_tasks_total'):,}  "
        f"dead letters {metrics.total('grid_dead_letters_total'):,}  lag {metrics.total('grid_lag_records'):,} records "
        f"{metrics.maximum('grid_lag_seconds'):.1f} s  workers {metrics.answering}/{workers}"
    )


def networks(metrics: WorkerMetrics, rates: ReportRates, names: Sequence[str], *, narrow: bool) -> Table:
    """What each network sends, and all together."""
    read = metrics.by("grid_reports_total", "network")
    rejected = metrics.by("grid_reports_total", "network", outcome="rejected")
    made = table("network", "per s", "read") if narrow else table("network", "reports/s", "read", "rejected")
    for name in [*names, None]:
        figures = [_rate(rates.rate(name)), _count(read, name), _count(rejected, name)]
        label = Text("all", "bold") if name is None else safe(name)
        made.add_row(label, *(figures[:2] if narrow else figures))
    return made


def cases(metrics: WorkerMetrics) -> Table:
    """What becomes of reports."""
    decisions = metrics.by("grid_merges_total", "decision")
    made = table("cases", "")
    made.add_row("opened", _count(decisions, "opened"))
    made.add_row("merged: place", _count(decisions, "near"))
    made.add_row("  community", _count(decisions, "community"))
    made.add_row("  component", _count(decisions, "component"))
    made.add_row("  reference", _count(decisions, "reference"))
    again = decisions.get("redelivered", 0) + metrics.total("grid_reports_total", outcome="redelivered")
    made.add_row("redelivered", f"{again:,}")
    made.add_row("corrected", f"{metrics.total('grid_reports_total', outcome='updated'):,}")
    made.add_row("window open", f"{metrics.total('grid_matchable_cases'):,}")
    made.add_row("dead letters", f"{metrics.total('grid_dead_letters_total'):,}")
    made.add_row("lag", f"{metrics.total('grid_lag_records'):,} / {metrics.maximum('grid_lag_seconds'):.1f} s")
    return made


def departments(metrics: WorkerMetrics, *, narrow: bool) -> Table:
    """The departments with the most tasks."""
    leads = metrics.by("grid_tasks_total", "department", role="lead")
    assists = metrics.by("grid_tasks_total", "department", role="assist")
    both = {name: leads.get(name, 0) + assists.get(name, 0) for name in sorted({*leads, *assists})}
    order = sorted(both, key=lambda name: -both[name])
    made = table("tasks of", "lead") if narrow else table("tasks of", "lead", "assist")
    rows = [(safe(name), [name]) for name in order[:DEPARTMENTS]]
    if rest := order[DEPARTMENTS:]:
        rows.append((Text(f"{len(rest)} more"), rest))
    for label, names in rows:
        figures = [f"{sum(kind.get(name, 0) for name in names):,}" for kind in (leads, assists)]
        made.add_row(label, *(figures[:1] if narrow else figures))
    if not rows:
        made.add_row("none yet")
    return made


def safe(text: str, style: str = "") -> Text:
    """Text from outside, sanitized. A table would read `[...]` in a string as markup."""
    return Text(sanitize(text), style)


def table(first: str, *others: str) -> Table:
    """An empty table: a column of names, and columns of figures."""
    made = Table(box=None, pad_edge=False, header_style="dim")
    made.add_column(first, no_wrap=True)
    for name in others:
        made.add_column(name, justify="right", no_wrap=True)
    return made


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 or rate == 0 else f"{rate:.1f}"


def _count(counts: dict[str, int], name: str | None) -> str:
    return f"{sum(counts.values()) if name is None else counts.get(name, 0):,}"
