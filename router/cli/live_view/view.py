"""The live view: renders one screen from measured values, without a terminal, Kafka or a clock."""

from collections import deque
from datetime import datetime

from msgspec import Struct, field
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from router.cli.live_view.metrics_poller import WorkerMetrics
from router.cli.text.sanitize import sanitize
from router.domain.model.task import Task

RATE_SPAN_S = 5.0
"""Time over which rates are averaged."""
MERGED = ("near", "component", "community", "reference")
"""Decisions by which a report joins a case."""
ROUTED = 10
"""Number of routed cases on the screen."""
WIDE = 104
"""Terminal width in columns from which every table is complete."""
DEPARTMENTS = 7
"""Number of department rows. One more row sums the other departments."""


class Routed(Struct, kw_only=True):
    """A routed case with its lead and assisting departments."""

    case: str
    at: datetime
    matter: str
    cell: str
    lead: str = ""
    assists: list[str] = field(default_factory=list)
    rule: str = ""


class ViewProgress(Struct, kw_only=True):
    """The progress of the input."""

    fed: int = 0
    of: int = 0
    until: datetime | None = None
    """Simulated time: the received time of the last record sent."""
    speed: str = ""
    ended: bool = False
    problem: str | None = None


class View:
    """The content of the screen.

    Args:
        title: the city's title.
        networks: its networks, in the order of the rows.
        hints: commands to try next, for the footer.
        workers: number of started workers.
    """

    def __init__(self, title: str, networks: list[str], hints: list[str], workers: int = 1) -> None:
        self.title, self.networks, self.hints = title, networks, hints
        self.metrics = WorkerMetrics()
        self.progress = ViewProgress()
        self.workers = workers
        self.restarts = 0
        self._read: deque[tuple[float, dict[str, int]]] = deque()
        self._routed: dict[str, Routed] = {}

    def add_sample(self, seconds: float) -> None:
        """Add a sample for the rates.

        Args:
            seconds: time of a monotonic clock at which `metrics` was updated.
        """
        self._read.append((seconds, self.metrics.by("grid_reports_total", "network")))
        while len(self._read) > 2 and seconds - self._read[1][0] >= RATE_SPAN_S:
            self._read.popleft()

    def rate(self, network: str | None = None) -> float:
        """Reports per second over the last `RATE_SPAN_S`, for one network or for all."""
        if len(self._read) < 2:
            return 0.0
        (began, first), (ended, last) = self._read[0], self._read[-1]
        names = self.networks if network is None else [network]
        increase = sum(last.get(name, 0) - first.get(name, 0) for name in names)
        return increase / (ended - began) if ended > began else 0.0

    def add_tasks(self, tasks: list[Task]) -> None:
        """Add new tasks in order of dispatch. Only the last `ROUTED` cases are kept."""
        for task in tasks:
            if task.state == "withdrawn":
                continue
            routed = self._routed.pop(task.case, None) or Routed(
                case=task.case, at=task.dispatched_at, matter=task.matter, cell=task.cell
            )
            receiver = f"{task.department}/{task.unit}" if task.unit else task.department
            if task.role == "lead":
                routed.lead, routed.rule = receiver, task.rule
            elif receiver not in routed.assists:
                routed.assists.append(receiver)
            self._routed[task.case] = routed
        for case in list(self._routed)[:-ROUTED]:
            del self._routed[case]

    @property
    def routed(self) -> list[Routed]:
        """The last routed cases, newest first."""
        return list(reversed(self._routed.values()))

    def line(self) -> str:
        """The state in one line of text, for output that is not a terminal."""
        metrics = self.metrics
        merged = sum(metrics.by("grid_merges_total", "decision").get(d, 0) for d in MERGED)
        return (
            f"fed {self.progress.fed:,}/{self.progress.of:,}  read {metrics.total('grid_reports_total'):,} "
            f"({self.rate():,.0f}/s)  opened {metrics.total('grid_merges_total', decision='opened'):,}  "
            f"merged {merged:,}  tasks {metrics.total('grid_tasks_total'):,}  "
            f"dead letters {metrics.total('grid_dead_letters_total'):,}  lag {metrics.total('grid_lag_records'):,} records "
            f"{metrics.maximum('grid_lag_seconds'):.1f} s  workers {metrics.answering}/{self.workers}"
        )

    def render(self, width: int = 120, height: int = 40) -> RenderableType:
        """The screen for a terminal of this width and height. A narrow terminal gets fewer columns."""
        narrow = width < WIDE
        tables = Table.grid(padding=(0, 2 if narrow else 4))
        tables.add_row(self._networks(narrow=narrow), self._cases(), self._departments(narrow=narrow))
        used = 3 + max(len(self.networks) + 2, 11) + 2 + len(self.hints) + 2
        rows = max(3, min(ROUTED, height - used))
        return Group(self._head(), tables, Text(), self._last(rows, narrow=narrow), Text(), self._foot())

    def _head(self) -> Group:
        progress = self.progress
        head = Text.assemble(("grid-router ", "bold"), (sanitize(self.title), "bold cyan"), overflow="ellipsis")
        head.no_wrap = True
        head.append(f"  {self.metrics.answering} of {self.workers} workers")
        if self.restarts:
            head.append(f" ({self.restarts} restarted)")
        head.append(f"  input {progress.fed:,} of {progress.of:,}")
        head.append(" (complete)" if progress.ended else f", speed {progress.speed}")
        if progress.until is not None:
            head.append(f", {progress.until:%Y-%m-%d %H:%M}")
        return Group(head, Text(sanitize(progress.problem or ""), "bold red"))

    def _networks(self, *, narrow: bool) -> Table:
        read = self.metrics.by("grid_reports_total", "network")
        rejected = self.metrics.by("grid_reports_total", "network", outcome="rejected")
        table = _table("network", "per s", "read") if narrow else _table("network", "reports/s", "read", "rejected")
        for name in [*self.networks, None]:
            figures = [_rate(self.rate(name)), _count(read, name), _count(rejected, name)]
            label = Text("all", "bold") if name is None else _safe(name)
            table.add_row(label, *(figures[:2] if narrow else figures))
        return table

    def _cases(self) -> Table:
        metrics = self.metrics
        decisions = metrics.by("grid_merges_total", "decision")
        table = _table("cases", "")
        table.add_row("opened", _count(decisions, "opened"))
        table.add_row("merged: place", _count(decisions, "near"))
        table.add_row("  community", _count(decisions, "community"))
        table.add_row("  component", _count(decisions, "component"))
        table.add_row("  reference", _count(decisions, "reference"))
        again = decisions.get("redelivered", 0) + metrics.total("grid_reports_total", outcome="redelivered")
        table.add_row("redelivered", f"{again:,}")
        table.add_row("corrected", f"{metrics.total('grid_reports_total', outcome='updated'):,}")
        table.add_row("window open", f"{metrics.total('grid_matchable_cases'):,}")
        table.add_row("dead letters", f"{metrics.total('grid_dead_letters_total'):,}")
        table.add_row("lag", f"{metrics.total('grid_lag_records'):,} / {metrics.maximum('grid_lag_seconds'):.1f} s")
        return table

    def _departments(self, *, narrow: bool) -> Table:
        leads = self.metrics.by("grid_tasks_total", "department", role="lead")
        assists = self.metrics.by("grid_tasks_total", "department", role="assist")
        both = {name: leads.get(name, 0) + assists.get(name, 0) for name in sorted({*leads, *assists})}
        order = sorted(both, key=lambda name: -both[name])
        table = _table("tasks of", "lead") if narrow else _table("tasks of", "lead", "assist")
        rows = [(_safe(name), [name]) for name in order[:DEPARTMENTS]]
        if rest := order[DEPARTMENTS:]:
            rows.append((Text(f"{len(rest)} more"), rest))
        for label, names in rows:
            figures = [f"{sum(kind.get(name, 0) for name in names):,}" for kind in (leads, assists)]
            table.add_row(label, *(figures[:1] if narrow else figures))
        if not rows:
            table.add_row("none yet")
        return table

    def _last(self, rows: int, *, narrow: bool) -> Table:
        table = Table(box=None, pad_edge=False, header_style="dim")
        fixed = {"last routed": 8 if narrow else 14, "cell": 15}
        for name in ("last routed", "matter", "cell", "to", "by rule"):
            table.add_column(name, no_wrap=True, overflow="ellipsis", min_width=fixed.get(name))
        for routed in self.routed[:rows]:
            to = _safe(routed.lead or "?", "bold")
            if not narrow:
                to.append("".join(f" +{sanitize(name)}" for name in routed.assists), "dim")
            at = f"{routed.at:%H:%M:%S}" if narrow else f"{routed.at:%m-%d %H:%M:%S}"
            table.add_row(at, _safe(routed.matter), _safe(routed.cell), to, _safe(routed.rule))
        if not self._routed:
            table.add_row("none")
        return table

    def _foot(self) -> Text:
        foot = Text("Ctrl-C stops everything and keeps the data. Try in another terminal:", "dim")
        for hint in self.hints:
            foot.append(f"\n  {sanitize(hint)}", "cyan")
        return foot


def _safe(text: str, style: str = "") -> Text:
    """Text from outside, sanitized. A table would read `[...]` in a string as markup."""
    return Text(sanitize(text), style)


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 or rate == 0 else f"{rate:.1f}"


def _count(counts: dict[str, int], name: str | None) -> str:
    return f"{sum(counts.values()) if name is None else counts.get(name, 0):,}"
