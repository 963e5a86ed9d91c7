"""The dashboards: which panels they have, in which order."""

from collections.abc import Sequence

from deploy.monitoring.panels import JOB, Dashboard, Row, counted, derived, hourly, measured, spread

_OF_DEPARTMENT = f'{{{JOB}, department="$department"}}[1d]'
MISSED_IN_A_DAY = (
    f"sum(increase(grid_missed_limits_total{_OF_DEPARTMENT})) / sum(increase(grid_tasks_total{_OF_DEPARTMENT}))"
)
OPERATIONS = Dashboard(
    name="operations",
    title="Operations",
    about="Workers, stages and state of a deployment.",
    rows=[
        Row(
            "Intake to task",
            [
                derived(
                    "Intake to task",
                    "How long the oldest report waits in both stages together. The objective is 10 s.",
                    "s",
                    (f"job:grid_intake_to_task_seconds:max{{{JOB}}}", "{{job}}"),
                ),
                derived(
                    "Slow time",
                    "Share of the time in which a report waits longer than 10 s. The objective is 0.1 % over 30 days.",
                    "percentunit",
                    (f"job:grid_slow:avg1h{{{JOB}}}", "{{job}} 1 h"),
                    (f"job:grid_slow:avg3d{{{JOB}}}", "{{job}} 3 d"),
                ),
                counted("Reports by network", "reports", "network"),
            ],
        ),
        Row(
            "Workers",
            [
                measured("Healthy", "healthy", "instance", over="min"),
                measured("Partitions of workers", "partitions", "instance"),
                counted("Rebalances", "rebalances", "instance"),
                derived(
                    "Age of the process",
                    "Time since each worker started; a fall is a restart.",
                    "s",
                    (f"time() - process_start_time_seconds{{{JOB}}}", "{{instance}}"),
                ),
            ],
        ),
        Row(
            "Process",
            [
                derived(
                    "CPU",
                    "Cores that each worker uses; it cannot use more than one.",
                    "short",
                    (f"rate(process_cpu_seconds_total{{{JOB}}}[$__rate_interval])", "{{instance}}"),
                ),
                derived(
                    "Memory",
                    "Resident memory of each worker.",
                    "bytes",
                    (f"process_resident_memory_bytes{{{JOB}}}", "{{instance}}"),
                ),
                derived(
                    "Files",
                    "Share of its files that each worker has open.",
                    "percentunit",
                    (f"process_open_fds{{{JOB}}} / process_max_fds{{{JOB}}}", "{{instance}}"),
                ),
            ],
        ),
        Row(
            "Stages",
            [
                measured("Lag in records", "lag_records", "topic"),
                measured("Lag in seconds", "lag_seconds", "topic", over="max"),
                measured("Oldest record without a commit", "uncommitted_seconds", "instance", over="max"),
            ],
        ),
        Row(
            "Transactions",
            [
                spread("Duration of transactions", "transaction_seconds", "stage"),
                spread("Records of a transaction", "batch_records", "stage"),
                counted("Aborted and restored", "reopened", "topic"),
            ],
        ),
        Row(
            "State",
            [
                measured("Matchable cases", "matchable_cases"),
                spread("Duration of takeovers", "restore_seconds"),
                counted("Restored records", "restored_records", "stage"),
                measured("Restoring now", "restore_records", "state"),
            ],
        ),
        Row(
            "Standby copies",
            [
                measured("Copies", "standby_partitions", "topic"),
                measured("Copies that have caught up", "standby_ready", "topic"),
                measured("Lag of copies", "standby_lag", "topic"),
            ],
        ),
        Row(
            "Logs and time",
            [
                counted("Changes of logs", "log_changes", "topic", "change"),
                counted("Stored offsets of other programs", "ignored_offsets", "topic"),
                measured("Unread records", "unread_records", "topic", over="max"),
                counted("Ticks", "ticks"),
            ],
        ),
    ],
)
CITY = Dashboard(
    name="city",
    title="City",
    about="What the networks send, what becomes of it, and whether departments keep their limits.",
    since="now-24h",
    rows=[
        Row(
            "Reports",
            [
                counted("Reports by network", "reports", "network"),
                counted("Reports by outcome", "reports", "outcome"),
                counted("Points outside cells", "outside_points", "network"),
            ],
        ),
        Row(
            "Cases",
            [
                counted("Merged by", "merges", "decision"),
                measured("Matchable cases", "matchable_cases"),
                counted("Archived cases", "archived"),
            ],
        ),
        Row(
            "Tasks",
            [
                hourly("Tasks by department", "tasks", "department"),
                hourly("Updates and withdrawals", "task_changes", "state"),
                hourly("Duties that decide most", "rule_hits", "rule"),
            ],
        ),
        Row(
            "Limits",
            [
                derived(
                    "Missed limits",
                    "Missed limits by dispatched tasks. The objective is 5 % over 30 days.",
                    "percentunit",
                    (f"job:grid_missed_limits:ratio_increase6h{{{JOB}}}", "{{job}} 6 h"),
                    (f"job:grid_missed_limits:ratio_increase3d{{{JOB}}}", "{{job}} 3 d"),
                ),
                hourly("Missed limits by department", "missed_limits", "department"),
                hourly("Reminders and escalations", "escalations", "kind", "to"),
            ],
        ),
        Row(
            "Answers",
            [
                hourly("Feedback by kind", "feedback", "kind"),
                hourly("Feedback by decision", "feedback", "decision"),
                hourly("Erasures", "erasures", "decision"),
            ],
        ),
        Row(
            "Rejected and doubtful",
            [
                hourly("Dead letters by network", "dead_letters", "network"),
                hourly("Dead letters by code", "dead_letters", "code"),
                hourly("Masked personal numbers", "masked", "network", "kind"),
                hourly("Times of receipt that do not count", "disbelieved_times", "network", "cause"),
            ],
        ),
    ],
)
DEPARTMENT = Dashboard(
    name="department",
    title="One department",
    about="What a department gets, what it answers, and which limits it misses.",
    since="now-7d",
    department=True,
    rows=[
        Row(
            "Tasks",
            [
                hourly("Tasks by role", "tasks", "role", department="$department"),
                hourly("Updates and withdrawals", "task_changes", "state", department="$department"),
                hourly("Missed limits by role", "missed_limits", "role", department="$department"),
            ],
        ),
        Row(
            "Answers",
            [
                hourly("Feedback by kind", "feedback", "kind", sender="$department"),
                hourly("Feedback by decision", "feedback", "decision", sender="$department"),
                derived(
                    "Missed limits in a day",
                    "Missed limits by dispatched tasks, over the last day.",
                    "percentunit",
                    (MISSED_IN_A_DAY, "missed"),
                ),
            ],
        ),
    ],
)
GATEWAY = Dashboard(
    name="gateway",
    title="Gateway",
    about="What apps and departments send over HTTP, and how fast they are answered.",
    of="grid_gateway_waiting_bytes",
    rows=[
        Row(
            "Requests",
            [
                counted("Requests by route", "gateway.requests", "route"),
                counted("Requests by status", "gateway.requests", "status"),
                # those for tasks and rejections wait for the next one
                spread(
                    "Time of requests that do not wait",
                    "gateway.request_seconds",
                    "route",
                    route="/v1/tasks|/v1/rejections",
                ),
            ],
        ),
        Row(
            "Reports of apps",
            [
                counted("Reports by network", "gateway.reports", "network"),
                counted("Reports by outcome", "gateway.reports", "outcome"),
                measured("Waiting for Kafka", "gateway.waiting_bytes", "instance"),
                measured("Reports that receipts know", "gateway.known_reports", "instance"),
            ],
        ),
        Row(
            "Departments over HTTP",
            [
                counted("Feedback by outcome", "gateway.feedback", "outcome"),
                counted("Feedback by department", "gateway.feedback", "department"),
                measured("Waiting polls", "gateway.polls", "instance"),
            ],
        ),
    ],
)
DASHBOARDS: Sequence[Dashboard] = (OPERATIONS, CITY, DEPARTMENT, GATEWAY)
