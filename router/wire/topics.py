"""Every topic, declared once: name, key, partitions, retention, compaction."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Literal

from msgspec import Struct

from router.domain.model.report import REPORTS_KEPT
from router.domain.rules.city import City
from router.wire.settings import Settings

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MILLISECOND = timedelta(milliseconds=1)
COMPRESSION = "uncompressed"
"""The broker unpacks what producers have packed, in any of Kafka's four ways, of which the worker's client reads one; and a record that
is small on the wire and gigabytes in memory is rejected by the topic's limit, before any worker has it."""
OFFSETS_SEGMENT_BYTES = 1 << 20
"""The least that Kafka 4.1 takes: a segment in use is not compacted, and of all its records one counts."""
MAX_RULE_SET_BYTES = 32 << 20
"""A city of 40,000 cells is 1 MiB compressed."""


class Topic(Struct, frozen=True, kw_only=True):
    """What a topic must be on the broker. `name` already carries the namespace."""

    name: str
    key: str
    """What its records are keyed by, for people."""
    partitions: int
    cleanup: Literal["delete", "compact", "compact,delete"] = "delete"
    retention_ms: int | None = None
    """None: kept for ever."""
    largest_bytes: int = 4 << 20
    """Of a record, and of a batch, unpacked."""
    segment_bytes: int | None = None
    """None: as the broker has it."""
    stamped: Literal["by producer", "by broker"] = "by broker"
    """Whose clock a record's timestamp is. The broker's: nobody can have received a report after now, and Kafka rejects what a
    producer whose clock is more than an hour ahead stamps, so that worker could write nothing at all."""

    def config(self) -> dict[str, str]:
        """The broker-side configuration of this topic, values as Kafka writes them."""
        own = {} if self.segment_bytes is None else {"segment.bytes": str(self.segment_bytes)}
        return {
            **own,
            "cleanup.policy": self.cleanup,
            "compression.type": COMPRESSION,
            "retention.ms": str(-1 if self.retention_ms is None else self.retention_ms),
            "max.message.bytes": str(self.largest_bytes),
            "message.timestamp.type": "LogAppendTime" if self.stamped == "by broker" else "CreateTime",
        }


ROOTS = ("grid.", "reports.", "tasks.")
"""How every name begins after its namespace."""


SHOWN = 5
"""Namespaces named in a sentence."""


class Names(Struct, frozen=True):
    """Topic names of one deployment; `namespace` is empty or ends with a dot."""

    namespace: str = ""

    @property
    def events(self) -> str:
        """The all-purpose grid stream (全科网格), keyed by cell."""
        return f"{self.namespace}grid.events"

    @property
    def cases(self) -> str:
        """Cases by id: the public table, and the changelog of the merge."""
        return f"{self.namespace}grid.cases"

    @property
    def dead_letters(self) -> str:
        """Every rejected record, once."""
        return f"{self.namespace}grid.dead-letters"

    @property
    def rule_sets(self) -> str:
        """Editions of the rules (catalogue, code tables, cells), by version."""
        return f"{self.namespace}grid.rule-sets"

    @property
    def repairs(self) -> str:
        """What was done about dead letters, by the dead letter's id."""
        return f"{self.namespace}grid.repairs"

    @property
    def offsets(self) -> str:
        """Where the reading of the grid stream goes on, partition by partition; that of a network's topic stands in its places."""
        return f"{self.namespace}grid.offsets"

    def dedup_index(self, network: str) -> str:
        """Where each report of a network went first: the changelog of its normalise stage, partition by partition."""
        return f"{self.namespace}grid.dedup.{network}"

    def reports(self, network: str) -> str:
        """A network's own topic."""
        return f"{self.namespace}reports.{network}"

    def tasks(self, department: str) -> str:
        """A department's own topic."""
        return f"{self.namespace}tasks.{department}"


def declared(names: Names, *, networks: Iterable[str], departments: Iterable[str], partitions: int) -> list[Topic]:
    """All topics of a city, in a stable order.

    Topics keyed by place share one number of partitions, because a case is written to its event's partition.
    """
    return [
        *(
            Topic(
                name=names.reports(n),
                key="source's report id",
                partitions=partitions,
                retention_ms=REPORTS_KEPT // MILLISECOND,
            )
            for n in sorted(networks)
        ),
        *(
            Topic(
                name=names.dedup_index(n),
                key="source's report id",
                partitions=partitions,
                cleanup="compact,delete",
                retention_ms=REPORTS_KEPT // MILLISECOND,
            )
            for n in sorted(networks)
        ),
        Topic(
            name=names.rule_sets,
            key="version of the rule set",
            partitions=1,
            cleanup="compact",
            largest_bytes=MAX_RULE_SET_BYTES,
        ),
        Topic(name=names.events, key="cell", partitions=partitions, retention_ms=90 * DAY_MS),
        Topic(name=names.cases, key="case id", partitions=partitions, cleanup="compact"),
        Topic(
            name=names.offsets,
            key="the same for all: one record a partition",
            partitions=partitions,
            cleanup="compact",
            segment_bytes=OFFSETS_SEGMENT_BYTES,
        ),
        *(
            Topic(name=names.tasks(d), key="case id", partitions=partitions, retention_ms=90 * DAY_MS)
            for d in sorted(departments)
        ),
        Topic(
            name=names.dead_letters,
            key="source's report id",
            partitions=partitions,
            retention_ms=90 * DAY_MS,
            largest_bytes=8 << 20,  # the rejected record and why: more than any other topic takes
        ),
        Topic(name=names.repairs, key="id of the dead letter", partitions=1, cleanup="compact"),
    ]


def topics_of(city: City, settings: Settings) -> list[Topic]:
    """The topics of a city in the deployment that the settings describe."""
    return declared(
        Names(settings.namespace),
        networks=city.codes,
        departments=city.catalogue.departments,
        partitions=settings.partitions,
    )


def elsewhere(there: Iterable[str], namespace: str) -> str:
    """What else may hint it when a deployment has no topics: others on its cluster have. Empty when none has.

    Args:
        there: names of all topics of the cluster.
        namespace: of the deployment that has none.
    """
    events = Names().events
    ends = {name.removesuffix(events) for name in there if name.endswith(events)} - {namespace}
    others = sorted(end for end in ends if not end or end.endswith("."))
    if not others:
        return ""
    if others == [""]:
        return ", or unset GRID_ROUTER_NAMESPACE: there are topics without one"
    shown = ", ".join([other or "none" for other in others[:SHOWN]] + ["..."] * (len(others) > SHOWN))
    return f", or set GRID_ROUTER_NAMESPACE: there are topics under {shown}"
