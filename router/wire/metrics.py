"""Every metric of the router, defined once: name, kind, labels, unit, help. The registry is handed in.

Names follow `grid_<noun>_<unit>_total`; labels stay low in number (networks, departments, codes), never ids or cells.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
RECORDS = (1, 5, 10, 50, 100, 250, 500, 1000, 2000, 4000, 8000)


class Metrics:
    """The metrics of one worker process.

    Args:
        registry: where they are registered; a fresh one makes a test independent of every other.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.reports = Counter(
            "grid_reports", "Source records read, by what became of them.", ["network", "outcome"], registry=registry
        )
        """outcome: accepted, updated, redelivered, rejected."""
        self.merges = Counter("grid_merges", "Reports folded, by decision.", ["decision"], registry=registry)
        """decision: opened, near, component, community, redelivered, updated, rerouted."""
        self.tasks = Counter("grid_tasks", "Tasks dispatched.", ["department", "role"], registry=registry)
        self.task_changes = Counter(
            "grid_task_changes", "Tasks updated or withdrawn.", ["department", "state"], registry=registry
        )
        self.rule_hits = Counter(
            "grid_rule_hits", "Tasks that a duty of the catalogue decided.", ["rule"], registry=registry
        )
        self.dead_letters = Counter("grid_dead_letters", "Records rejected.", ["network", "code"], registry=registry)
        self.ticks = Counter("grid_ticks", "Ticks folded.", registry=registry)
        self.lag_records = Gauge(
            "grid_lag_records", "Records not yet processed.", ["topic", "partition"], registry=registry
        )
        self.lag_seconds = Gauge(
            "grid_lag_seconds",
            "Age of the last processed record while more wait, else 0.",
            ["topic", "partition"],
            registry=registry,
        )
        self.uncommitted_seconds = Gauge(
            "grid_oldest_uncommitted_seconds",
            "Time since the oldest fetched record that is not committed yet.",
            registry=registry,
        )
        self.transaction_seconds = Histogram(
            "grid_transaction_seconds",
            "Duration of a transaction, begin to commit.",
            ["stage"],
            buckets=SECONDS,
            registry=registry,
        )
        self.restore_seconds = Histogram(
            "grid_restore_seconds",
            "Duration of opening a partition: fence, position, restore.",
            buckets=SECONDS,
            registry=registry,
        )
        self.matchable_cases = Gauge(
            "grid_matchable_cases", "Cases whose merge window is open.", ["partition"], registry=registry
        )
        self.batch_records = Histogram(
            "grid_batch_records", "Records in one transaction.", ["stage"], buckets=RECORDS, registry=registry
        )
        self.healthy = Gauge("grid_healthy", "1 when /health says ok, else 0.", registry=registry)
        self.partitions = Gauge("grid_partitions", "Partitions this worker has open.", ["topic"], registry=registry)
        self.reopened = Counter(
            "grid_partitions_reopened", "Partitions dropped and restored after a failure.", ["topic"], registry=registry
        )
