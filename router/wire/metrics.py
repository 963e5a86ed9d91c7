"""Every metric of a worker, declared once: name, kind, labels, unit, help.

Names follow Prometheus: `grid_<noun>_<unit>`, and counters end with `_total`. Labels have few values (networks,
departments, codes), never ids or cells. The documentation is generated from `METRICS`.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
RECORDS = (1, 5, 10, 50, 100, 250, 500, 1000, 2000, 4000, 8000)
_TOPIC = {"topic": "Kafka topic"}
_PARTITION = {"topic": "Kafka topic", "partition": "number of the partition"}
_STAGE = {"stage": "`normalise` or `merge`"}


class Metric(Struct, frozen=True, kw_only=True):
    """One metric."""

    attribute: str
    """Its attribute of `Metrics`."""
    name: str
    """As Prometheus shows it."""
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    help: str
    labels: Mapping[str, str] = {}
    """Label -> its meaning or its values."""
    buckets: Sequence[float] = ()
    """Upper bounds of the buckets of a histogram."""

    def register(self, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
        """The metric, registered."""
        labels = list(self.labels)
        if self.kind == "histogram":
            return Histogram(self.name, self.help, labels, buckets=self.buckets, registry=registry)
        kind = Counter if self.kind == "counter" else Gauge
        return kind(self.name, self.help, labels, registry=registry)


METRICS: Sequence[Metric] = (
    Metric(
        attribute="reports",
        name="grid_reports_total",
        kind="counter",
        unit="records",
        help="Records of networks that the normalise stage processed.",
        labels={"network": "code of the network", "outcome": "`accepted`, `updated`, `redelivered` or `rejected`"},
    ),
    Metric(
        attribute="outside_points",
        name="grid_points_outside_cells_total",
        kind="counter",
        unit="reports",
        help="New versions of reports whose point lies in no cell and near none. What else they name decided their cell.",
        labels={"network": "code of the network"},
    ),
    Metric(
        attribute="merges",
        name="grid_merges_total",
        kind="counter",
        unit="reports",
        help="Reports that the merge stage processed, by decision.",
        labels={
            "decision": "`opened`, `near`, `component`, `reference`, `community`, `redelivered`, `updated`, `rerouted`, `moved` or `rejected`"
        },
    ),
    Metric(
        attribute="tasks",
        name="grid_tasks_total",
        kind="counter",
        unit="tasks",
        help="Dispatched tasks.",
        labels={"department": "id of the department", "role": "`lead` or `assist`"},
    ),
    Metric(
        attribute="task_changes",
        name="grid_task_changes_total",
        kind="counter",
        unit="tasks",
        help="Updates and withdrawals of tasks.",
        labels={"department": "id of the department", "state": "`updated` or `withdrawn`"},
    ),
    Metric(
        attribute="feedback",
        name="grid_feedback_total",
        kind="counter",
        unit="records",
        help="Feedback of departments and supervision, by what became of it.",
        labels={
            "sender": "id of the department, or `supervision`",
            "kind": "what was said, e.g. `accept`; `unreadable` for a record that is no feedback",
            "decision": "`applied`, `redelivered`, or the code of the rejection",
        },
    ),
    Metric(
        attribute="erasures",
        name="grid_erasures_total",
        kind="counter",
        unit="records",
        help="Requests to erase the data of a person, by what became of them.",
        labels={"decision": "`erased`, `nothing` (there was none), or `unknown-case`"},
    ),
    Metric(
        attribute="escalations",
        name="grid_escalations_total",
        kind="counter",
        unit="records",
        help="Reminders, escalations, and those that were settled.",
        labels={
            "kind": "`reminder`, `escalation` or `cleared`",
            "to": "`department`, `supervision`, or id of the authority in escalations.yaml",
        },
    ),
    Metric(
        attribute="missed_limits",
        name="grid_missed_limits_total",
        kind="counter",
        unit="tasks",
        help="Tasks whose limit ended without an answer, so that the first authority of their ladder heard of it. After a reopening again.",
        labels={"department": "id of the department", "role": "`lead` or `assist`"},
    ),
    Metric(
        attribute="rule_hits",
        name="grid_rule_hits_total",
        kind="counter",
        unit="tasks",
        help="Dispatched tasks, by the duty of the catalogue that assigned them.",
        labels={"rule": "id of the duty"},
    ),
    Metric(
        attribute="dead_letters",
        name="grid_dead_letters_total",
        kind="counter",
        unit="records",
        help="Rejected records.",
        labels={
            "network": "code of the network, `feedback` for records of `feedback.*`, `grid` for those of `grid.events`",
            "code": "rejection code",
        },
    ),
    Metric(
        attribute="masked",
        name="grid_masked_records_total",
        kind="counter",
        unit="records",
        help="Records in whose texts or unknown fields personal numbers were masked.",
        labels={
            "network": "code of the network, `feedback` for records of `feedback.*`",
            "kind": "`identity-number` or `phone-number`; a record with both counts in each",
        },
    ),
    Metric(
        attribute="disbelieved_times",
        name="grid_disbelieved_received_times_total",
        kind="counter",
        unit="records",
        help="Headers `grid-received-at` that do not count, because they are far from Kafka's time.",
        labels={
            "network": "code of the network",
            "cause": "`past`: more than 30 days earlier; `future`: more than an hour later",
        },
    ),
    Metric(
        attribute="ticks", name="grid_ticks_total", kind="counter", unit="ticks", help="Ticks that the merge processed."
    ),
    Metric(
        attribute="archived",
        name="grid_archived_cases_total",
        kind="counter",
        unit="cases",
        help="Cases that left `grid.cases` for `grid.archive`, because nothing reaches them any more.",
    ),
    Metric(
        attribute="lag_records",
        name="grid_lag_records",
        kind="gauge",
        unit="records",
        help="Records of the partition that are not processed yet.",
        labels=_PARTITION,
    ),
    Metric(
        attribute="lag_seconds",
        name="grid_lag_seconds",
        kind="gauge",
        unit="seconds",
        help="Age of the last processed record while the partition has a lag, else 0.",
        labels=_PARTITION,
    ),
    Metric(
        attribute="uncommitted_seconds",
        name="grid_oldest_uncommitted_seconds",
        kind="gauge",
        unit="seconds",
        help="Time since the worker fetched the oldest record that is not committed.",
    ),
    Metric(
        attribute="transaction_seconds",
        name="grid_transaction_seconds",
        kind="histogram",
        unit="seconds",
        help="Duration of a transaction from begin to commit.",
        labels=_STAGE,
        buckets=SECONDS,
    ),
    Metric(
        attribute="restore_seconds",
        name="grid_restore_seconds",
        kind="histogram",
        unit="seconds",
        help="Time to take over a partition: fence, read the stored offset, restore the state.",
        buckets=SECONDS,
    ),
    Metric(
        attribute="restored_records",
        name="grid_restored_records_total",
        kind="counter",
        unit="records",
        help="Records of changelogs that were read to take over partitions; removed ones count, too. With a standby copy only the last ones.",
        labels=_STAGE,
    ),
    Metric(
        attribute="restore_records",
        name="grid_restore_records",
        kind="gauge",
        unit="records",
        help="Records of the changelogs of partitions that restore their state now; removed ones count, too. 0 when none restores.",
        labels={"state": "`done` or `remaining`"},
    ),
    Metric(
        attribute="matchable_cases",
        name="grid_matchable_cases",
        kind="gauge",
        unit="cases",
        help="Cases that further reports can join, because their merge window is open.",
        labels={"partition": "number of the partition"},
    ),
    Metric(
        attribute="batch_records",
        name="grid_batch_records",
        kind="histogram",
        unit="records",
        help="Input records of a transaction.",
        labels=_STAGE,
        buckets=RECORDS,
    ),
    Metric(
        attribute="healthy",
        name="grid_healthy",
        kind="gauge",
        unit="0 or 1",
        help="1 while /health reports ok, else 0.",
    ),
    Metric(
        attribute="partitions",
        name="grid_partitions",
        kind="gauge",
        unit="partitions",
        help="Partitions that are assigned to this worker.",
        labels=_TOPIC,
    ),
    Metric(
        attribute="rebalances",
        name="grid_rebalances_total",
        kind="counter",
        unit="rebalances",
        help="How often the group assigned partitions to this worker, or none.",
    ),
    Metric(
        attribute="standby_partitions",
        name="grid_standby_partitions",
        kind="gauge",
        unit="partitions",
        help="Partitions of another worker of whose state this worker keeps a copy.",
        labels=_TOPIC,
    ),
    Metric(
        attribute="standby_ready",
        name="grid_standby_ready_partitions",
        kind="gauge",
        unit="partitions",
        help="Those of these copies that have caught up, so that this worker could process the partition at once.",
        labels=_TOPIC,
    ),
    Metric(
        attribute="standby_lag",
        name="grid_standby_lag_records",
        kind="gauge",
        unit="records",
        help="Records of the changelogs that these copies do not have yet, as far as it is known.",
        labels=_TOPIC,
    ),
    Metric(
        attribute="reopened",
        name="grid_partitions_reopened_total",
        kind="counter",
        unit="partitions",
        help="Partitions that the worker released and restored after a failure.",
        labels=_TOPIC,
    ),
    Metric(
        attribute="ignored_offsets",
        name="grid_ignored_stored_offsets_total",
        kind="counter",
        unit="records",
        help="Stored offsets without a signature of this deployment's keys, met while partitions opened: another program wrote them.",
        labels=_TOPIC,
    ),
    Metric(
        attribute="log_changes",
        name="grid_log_changes_total",
        kind="counter",
        unit="partitions",
        help="Partitions whose log was not what it had been: the sentence is in the worker's log.",
        labels={
            **_TOPIC,
            "change": "`replaced` (topic deleted and made again), `cut` (last records lost) or `expired` (removed unread)",
        },
    ),
    Metric(
        attribute="unread_records",
        name="grid_unread_records",
        kind="gauge",
        unit="records",
        help="Records of a topic `reports.*` or `feedback.*` that no worker of the deployment reads.",
        labels=_TOPIC,
    ),
)
"""Every metric, in the order of the documentation."""
PROCESS_METRICS = (
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_virtual_memory_bytes",
)
"""What `prometheus_client` says of a worker's process on Linux, under the names that Prometheus gives to every process."""


class Metrics:
    """The metrics of one worker process, one attribute for each entry of `METRICS`.

    Args:
        registry: where they are registered; with a registry of its own, a test shares no counts with other tests.
    """

    reports: Counter
    outside_points: Counter
    merges: Counter
    tasks: Counter
    task_changes: Counter
    feedback: Counter
    erasures: Counter
    escalations: Counter
    missed_limits: Counter
    rule_hits: Counter
    dead_letters: Counter
    masked: Counter
    disbelieved_times: Counter
    ticks: Counter
    archived: Counter
    lag_records: Gauge
    lag_seconds: Gauge
    uncommitted_seconds: Gauge
    transaction_seconds: Histogram
    restore_seconds: Histogram
    restored_records: Counter
    restore_records: Gauge
    matchable_cases: Gauge
    batch_records: Histogram
    healthy: Gauge
    partitions: Gauge
    rebalances: Counter
    standby_partitions: Gauge
    standby_ready: Gauge
    standby_lag: Gauge
    reopened: Counter
    ignored_offsets: Counter
    log_changes: Counter
    unread_records: Gauge

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        for metric in METRICS:
            setattr(self, metric.attribute, metric.register(registry))

    def remove_lag(self, topic: str, partition: int) -> None:
        """Drop the lag of a revoked partition: its next owner reports it, and a stale value would count twice."""
        for gauge in (self.lag_records, self.lag_seconds):
            gauge.remove(topic, str(partition))
