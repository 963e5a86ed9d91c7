"""The screen of `grid-router top`: what the metrics of the workers say, without a terminal, a network or a clock."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from router.cli.live_view.metrics_poller import Key, WorkerMetrics
from router.cli.live_view.tables import WIDE, ReportRates, cases, departments, networks, safe, summary, table

TOPICS = 8
"""Number of topics with a lag on the screen, the longest first."""


class WorkerRow(NamedTuple):
    """What one worker says of itself."""

    address: str
    state: str
    """`ok`, `not healthy`, or `silent`."""
    metrics: WorkerMetrics
    """Of this worker alone."""


class TopView:
    """The content of the screen.

    Args:
        title: of the deployment.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self.metrics = WorkerMetrics()
        self.rates = ReportRates(self.metrics)
        self._workers: dict[int, WorkerRow] = {}
        self._seen: set[int] = set()

    def update(self, number: int, address: str, page: Mapping[Key, float] | None) -> None:
        """Take the samples of one worker; None if it did not answer."""
        samples = None if page is None else dict(page)
        self.metrics.update(number, samples)
        one = WorkerMetrics()
        one.update(0, samples)
        state = "silent" if page is None else "ok" if one.total("grid_healthy") else "not healthy"
        self._workers[number] = WorkerRow(address, state, one)
        if page is not None and number not in self._seen:  # what it counted before is no rate
            self._seen.add(number)
            self.rates = ReportRates(self.metrics)

    @property
    def remark(self) -> None:
        """What to say once: nothing."""
        return

    def line(self) -> str:
        """The state in one line of text, for output that is not a terminal."""
        line = summary(self.metrics, self.rates, len(self._workers))
        problems = "; ".join(self.problems())
        return f"{line}  {problems}" if problems else line

    def problems(self) -> Iterator[str]:
        """A clause for each thing that an operator should look at."""
        for one in self._workers.values():
            if one.state != "ok":
                yield f"{one.address} is {one.state}"
        for topic, records in self.metrics.by("grid_unread_records", "topic").items():
            if records:
                yield f"no worker reads {topic} ({records:,} records)"
        if remaining := self.metrics.total("grid_restore_records", state="remaining"):
            yield f"{remaining:,} records to restore"
        for change, logs in self.metrics.by("grid_log_changes_total", "change").items():
            yield f"{logs:,} logs were {change}"
        if defects := self.metrics.total("grid_dead_letters_total", code="defect"):
            yield f"{defects:,} defects"

    def render(self, width: int = 120, height: int = 40) -> RenderableType:
        """The screen for a terminal of this width and height. A narrow terminal gets fewer columns."""
        narrow = width < WIDE
        names = sorted(self.metrics.by("grid_reports_total", "network"))
        upper = Table.grid(padding=(0, 2 if narrow else 4))
        upper.add_row(
            networks(self.metrics, self.rates, names, narrow=narrow),
            cases(self.metrics),
            departments(self.metrics, narrow=narrow),
        )
        rows = max(3, height - 5 - max(len(names) + 2, 11))
        lower = Table.grid(padding=(0, 2 if narrow else 4))
        parts = [self._table_of_workers(rows, narrow=narrow)]
        lower.add_row(*(parts if narrow else [*parts, self._lags(rows), self._answers()]))
        return Group(
            self._head(), upper, Text(), lower, Text("Ctrl-C ends this screen; the deployment goes on.", "dim")
        )

    def _head(self) -> Group:
        answering = sum(one.state == "ok" for one in self._workers.values())
        head = Text.assemble(("grid-router top ", "bold"), safe(self.title, "bold cyan"), overflow="ellipsis")
        head.no_wrap = True
        head.append(f"  {answering} of {len(self._workers)} workers ok  {self.rates.rate():,.0f} reports/s")
        problems = safe("; ".join(self.problems()), "bold red")
        problems.no_wrap, problems.overflow = True, "ellipsis"
        return Group(head, problems)

    def _table_of_workers(self, rows: int, *, narrow: bool) -> Table:
        made = table("worker", "state", "partitions", "lag", *([] if narrow else ["uncommitted", "copies"]))
        order = sorted(self._workers.values(), key=lambda one: one.state == "ok")
        shown = order if len(order) <= rows - 1 else order[: rows - 2]
        for one in shown:
            state = safe(one.state, "" if one.state == "ok" else "bold red")
            if one.state == "silent":
                made.add_row(safe(one.address), state)
                continue
            ready, copies = (one.metrics.total(f"grid_standby_{what}partitions") for what in ("ready_", ""))
            figures = [f"{one.metrics.total(f'grid_{what}'):,}" for what in ("partitions", "lag_records")]
            more = [f"{one.metrics.maximum('grid_oldest_uncommitted_seconds'):.1f} s", f"{ready:,} of {copies:,}"]
            made.add_row(safe(one.address), state, *figures, *([] if narrow else more))
        if rest := len(order) - len(shown):
            made.add_row(f"{rest} more")
        return made

    def _lags(self, rows: int) -> Table:
        lags = self.metrics.by("grid_lag_records", "topic")
        seconds = self.metrics.maximum_by("grid_lag_seconds", "topic")
        made = table("lag of", "records", "age")
        for topic in sorted(lags, key=lambda name: (-seconds.get(name, 0.0), -lags[name], name))[
            : min(TOPICS, rows - 1)
        ]:
            made.add_row(safe(topic), f"{lags[topic]:,}", f"{seconds.get(topic, 0.0):.1f} s")
        return made

    def _answers(self) -> Table:
        total = self.metrics.total
        feedback = self.metrics.by("grid_feedback_total", "decision")
        applied = feedback.pop("applied", 0)
        again = feedback.pop("redelivered", 0)
        made = table("limits and answers", "")
        made.add_row("reminders", f"{total('grid_escalations_total', kind='reminder'):,}")
        made.add_row("missed limits", f"{total('grid_missed_limits_total'):,}")
        made.add_row("escalations", f"{total('grid_escalations_total', kind='escalation'):,}")
        made.add_row("feedback", f"{applied:,}")
        made.add_row("  redelivered", f"{again:,}")
        made.add_row("  rejected", f"{sum(feedback.values()):,}")
        return made
