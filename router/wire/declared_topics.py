"""Every topic, declared once: name, key, content, partitions, retention, compaction, and its name in an earlier version."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Literal

from msgspec import Struct

from router.domain.model.feedback import SUPERVISION
from router.domain.model.report import REPORTS_KEPT
from router.domain.rules.city import City
from router.wire.settings import Settings
from router.wire.topic_names import Names

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
YEAR_MS = 366 * DAY_MS
ARCHIVE_YEARS = 10
"""Default of the setting."""
TOMBSTONES_MS = DAY_MS
"""How long compaction keeps a tombstone. A state that has not reached the end of its changelog for half of it is read again."""
COMPACTED_MS = 7 * DAY_MS
"""By when compaction begins to take what an erasure has replaced, whatever share of a partition that is. A cleaner writes the whole partition
again then, so a shorter time costs more. Kafka begins a new segment as often, at the next write."""
MILLISECOND = timedelta(milliseconds=1)
COMPRESSION = "producer"
"""The broker keeps each batch as its producer sent it. With any other value it unpacks batches whole to write them again, and 300 KB of
gzip could end it. Workers read all four codecs, within a bound (`router/kafka/unpacking.py`)."""
OFFSETS_SEGMENT_BYTES = 1 << 20
"""The smallest that Kafka 4.1 accepts. Kafka does not compact the active segment, and only the last record counts."""
MAX_RULE_SET_BYTES = 32 << 20
"""A city of 40,000 cells is 1 MiB compressed."""


class Topic(Struct, frozen=True, kw_only=True):
    """What a topic must be on the broker. `name` includes the namespace."""

    name: str
    key: str
    """The key of its records, for people."""
    about: str = ""
    """Its content, in a sentence or two."""
    formerly: str | None = None
    """Its name in an earlier version. The router does not start while that topic exists, because it would miss its records."""
    access: Literal["read", "written", "both"] = "written"
    """What the router does with it; `both`: it reads back what it wrote."""
    partitions: int
    may_grow: bool = False
    """Whether it may have more partitions than declared, because its writer alone chooses a record's partition."""
    grows_with: str | None = None
    """The topic whose partitions it has at least: it holds the state of each."""
    cleanup: Literal["delete", "compact", "compact,delete"] = "delete"
    retention_ms: int | None = None
    """None: records do not expire."""
    largest_bytes: int = 4 << 20
    """Limit of a record, and of a batch as its producer packed it."""
    personal: bool = False
    """Whether data of persons is in records that compaction takes. Then it may not wait for the usual share of old records."""
    segment_bytes: int | None = None
    """None: the broker's default."""
    stamped: Literal["by producer", "by broker"] = "by broker"
    """Whose clock a record's timestamp is. With the broker's clock, no report is received in the future, and a worker
    with a wrong clock can write: Kafka rejects a producer's timestamp that is more than an hour ahead."""

    def config(self) -> dict[str, str]:
        """The configuration of this topic on the broker, with values as Kafka writes them."""
        own = {} if self.segment_bytes is None else {"segment.bytes": str(self.segment_bytes)}
        if self.cleanup != "delete":
            own["delete.retention.ms"] = str(TOMBSTONES_MS)
        if self.personal:
            own["max.compaction.lag.ms"] = str(COMPACTED_MS)
        return {
            **own,
            "cleanup.policy": self.cleanup,
            "compression.type": COMPRESSION,
            "retention.ms": str(-1 if self.retention_ms is None else self.retention_ms),
            "max.message.bytes": str(self.largest_bytes),
            "message.timestamp.type": "LogAppendTime" if self.stamped == "by broker" else "CreateTime",
        }

    def wanted_partitions(self, found: Mapping[str, int]) -> int:
        """How many partitions it must have on this cluster.

        Args:
            found: number of partitions of the topics that exist.
        """
        own = found.get(self.name, 0)
        source = found.get(self.grows_with, 0) if self.grows_with is not None else 0
        return max(self.partitions, own if self.may_grow else 0, source)


def declared(
    names: Names,
    *,
    networks: Iterable[str],
    departments: Iterable[str],
    partitions: int,
    archive_years: int = ARCHIVE_YEARS,
) -> list[Topic]:
    """All topics of a city, in a stable order.

    Topics keyed by place have one number of partitions, because a case is written to its event's partition.
    """
    networks, departments = sorted(networks), sorted(departments)
    senders = [*departments, SUPERVISION]
    return [
        *(_reports(names, network, partitions) for network in networks),
        *(_dedup_index(names, network, partitions) for network in networks),
        *(_network_rejections(names, network) for network in networks),
        *_stream(names, partitions),
        _archive(names, partitions, archive_years),
        _transitions(names, partitions, archive_years),
        _escalations(names, partitions),
        *(_tasks(names, department, partitions) for department in departments),
        *(_feedback(names, sender, partitions) for sender in senders),
        _feedback_offsets(names, partitions),
        *(_rejected_feedback(names, sender) for sender in senders),
        *_rejections(names, partitions),
    ]


def _reports(names: Names, network: str, partitions: int) -> Topic:
    return Topic(
        name=names.reports(network),
        key="source's report id",
        about="Reports of one network, in the network's own format.",
        access="read",
        partitions=partitions,
        may_grow=True,
        retention_ms=REPORTS_KEPT // MILLISECOND,
    )


def _dedup_index(names: Names, network: str, partitions: int) -> Topic:
    return Topic(
        name=names.dedup_index(network),
        formerly=f"{names.namespace}grid.places.{network}",
        key="source's report id",
        about="Dedup index of one network: where each report went first, and the digests of its versions. One record of "
        "each partition is the stored offset of the network's topic. For the router alone.",
        access="both",
        partitions=partitions,
        may_grow=True,
        grows_with=names.reports(network),
        cleanup="compact,delete",
        retention_ms=REPORTS_KEPT // MILLISECOND,
    )


def _network_rejections(names: Names, network: str) -> Topic:
    return Topic(
        name=names.rejections(network),
        key="source's report id",
        about="Rejections of one network's records: code, sentence, and which record, without its value. For that network.",
        partitions=1,  # few records, and their reader gets them in order
        retention_ms=REPORTS_KEPT // MILLISECOND,
    )


def _stream(names: Names, partitions: int) -> list[Topic]:
    """The rules, the grid stream, and the state of the merge stage."""
    return [
        Topic(
            name=names.rule_sets,
            formerly=f"{names.namespace}grid.catalogue",
            key="version of the rule set",
            about="Published rule sets of a city, gzipped. Each is in force from an instant of received time.",
            access="both",
            partitions=1,
            cleanup="compact",
            largest_bytes=MAX_RULE_SET_BYTES,
        ),
        Topic(
            name=names.events,
            key="cell",
            about="The all-purpose grid stream (全科网格): every report in one format, and ticks.",
            access="both",
            partitions=partitions,
            retention_ms=90 * DAY_MS,
        ),
        Topic(
            name=names.cases,
            key="case id",
            about="The table of cases: the last record of a key is the current case. A record without a value says that nothing "
            "reaches the case any more; its last state is in `grid.archive`.",
            partitions=partitions,
            cleanup="compact",
            personal=True,
        ),
        Topic(
            name=names.offsets,
            formerly=f"{names.namespace}grid.positions",
            key="the same for all: one record a partition",
            about="Stored offsets of the grid stream: the next offset to read. For the router alone.",
            access="both",
            partitions=partitions,
            cleanup="compact",
            segment_bytes=OFFSETS_SEGMENT_BYTES,
        ),
    ]


def _archive(names: Names, partitions: int, years: int) -> Topic:
    return Topic(
        name=names.archive,
        key="case id",
        about="The last state of each case that nothing reaches any more. Its key leaves `grid.cases` in the same transaction. A second record of a "
        "key has the case without the data of a person that was erased.",
        partitions=partitions,
        cleanup="compact,delete",
        personal=True,
        retention_ms=years * YEAR_MS,
    )


def _tasks(names: Names, department: str, partitions: int) -> Topic:
    return Topic(
        name=names.tasks(department),
        key="case id",
        about="Tasks of one department.",
        partitions=partitions,
        retention_ms=90 * DAY_MS,
    )


def _transitions(names: Names, partitions: int, years: int) -> Topic:
    return Topic(
        name=names.transitions,
        key="case id, `/`, number of the transition",
        about="What happened to each task (流转): one record a change, with the hash of the case's record before. A second record of a key lacks "
        "what people wrote, because it was erased.",
        partitions=partitions,
        cleanup="compact,delete",
        personal=True,
        retention_ms=years * YEAR_MS,
    )


def _escalations(names: Names, partitions: int) -> Topic:
    return Topic(
        name=names.escalations,
        key="case id",
        about="Reminders before the limit of a task ends, escalations after it (催办、升级上报), and what settled them. Each once.",
        partitions=partitions,
        retention_ms=YEAR_MS,
    )


def _feedback(names: Names, sender: str, partitions: int) -> Topic:
    about = (
        "What inspectors and supervisors say about tasks."
        if sender == SUPERVISION
        else "What one department answers about its tasks (反馈)."
    )
    return Topic(
        name=names.feedback(sender),
        key="task id, so that what is said about a task stays in order",
        about=about,
        access="read",
        partitions=partitions,
        may_grow=True,
        retention_ms=REPORTS_KEPT // MILLISECOND,
    )


def _feedback_offsets(names: Names, partitions: int) -> Topic:
    return Topic(
        name=names.feedback_offsets,
        key="topic and partition whose offset it is",
        about="Stored offsets of the topics of feedback: the next offset to read of each partition. For the router alone.",
        access="both",
        partitions=partitions,
        cleanup="compact",
        segment_bytes=OFFSETS_SEGMENT_BYTES,
    )


def _rejected_feedback(names: Names, sender: str) -> Topic:
    return Topic(
        name=names.rejected_feedback(sender),
        key="task id",
        about="Rejections of one sender's feedback: code, sentence, what is possible now, and which record. For that sender.",
        partitions=1,  # few records, and their reader gets them in order
        retention_ms=REPORTS_KEPT // MILLISECOND,
    )


def _rejections(names: Names, partitions: int) -> list[Topic]:
    """Rejected records, and what people did about them."""
    return [
        Topic(
            name=names.dead_letters,
            key="source's report id",
            about="Every rejected record, once: its own bytes, and headers with the reason.",
            partitions=partitions,
            retention_ms=90 * DAY_MS,
            largest_bytes=8 << 20,  # the rejected record and the reason: more than any other topic takes
        ),
        Topic(
            name=names.repairs,
            key="id of the dead letter",
            about="Repairs of dead letters: who, why, the new value, and the record that was redriven.",
            access="both",
            partitions=1,
            cleanup="compact",
            personal=True,
        ),
    ]


def topics_of(city: City, settings: Settings) -> list[Topic]:
    """The topics of a city in the deployment that the settings describe."""
    return declared(
        Names(settings.namespace),
        networks=city.codes,
        departments=city.catalogue.departments,
        partitions=settings.partitions,
        archive_years=settings.archive_years,
    )
