"""The live view: renders one screen from measured values, without a terminal, Kafka or a clock."""

from datetime import datetime

from msgspec import Struct, field
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from router.cli.live_view.metrics_poller import WorkerMetrics
from router.cli.live_view.tables import WIDE, ReportRates, cases, departments, networks, safe, summary
from router.cli.text.sanitize import sanitize
from router.domain.model.task import Task

ROUTED = 10
"""Number of routed cases on the screen."""


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
        self.rates = ReportRates(self.metrics)
        self._routed: dict[str, Routed] = {}

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
        return f"fed {self.progress.fed:,}/{self.progress.of:,}  {summary(self.metrics, self.rates, self.workers)}"

    @property
    def remark(self) -> str | None:
        """What to say once, when it is so."""
        return "All input is sent; Ctrl-C stops everything and keeps the data." if self.progress.ended else None

    def render(self, width: int = 120, height: int = 40) -> RenderableType:
        """The screen for a terminal of this width and height. A narrow terminal gets fewer columns."""
        narrow = width < WIDE
        tables = Table.grid(padding=(0, 2 if narrow else 4))
        tables.add_row(
            networks(self.metrics, self.rates, self.networks, narrow=narrow),
            cases(self.metrics),
            departments(self.metrics, narrow=narrow),
        )
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

    def _last(self, rows: int, *, narrow: bool) -> Table:
        table = Table(box=None, pad_edge=False, header_style="dim")
        fixed = {"last routed": 8 if narrow else 14, "cell": 15}
        for name in ("last routed", "matter", "cell", "to", "by rule"):
            table.add_column(name, no_wrap=True, overflow="ellipsis", min_width=fixed.get(name))
        for routed in self.routed[:rows]:
            to = safe(routed.lead or "?", "bold")
            if not narrow:
                to.append("".join(f" +{sanitize(name)}" for name in routed.assists), "dim")
            at = f"{routed.at:%H:%M:%S}" if narrow else f"{routed.at:%m-%d %H:%M:%S}"
            table.add_row(at, safe(routed.matter), safe(routed.cell), to, safe(routed.rule))
        if not self._routed:
            table.add_row("none")
        return table

    def _foot(self) -> Text:
        foot = Text("Ctrl-C stops everything and keeps the data. Try in another terminal:", "dim")
        for hint in self.hints:
            foot.append(f"\n  {sanitize(hint)}", "cyan")
        return foot
