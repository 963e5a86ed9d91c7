"""The configuration of an embedded broker: KRaft, broker and controller in one process, loopback only.

Alone it keeps one copy of each record. Of three, each record has a copy on every one, and is acknowledged when two have it.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct

HOST = "127.0.0.1"
ASCII_END = 0x80
SEGMENT_BYTES = 128 << 20
INDEX_BYTES = SEGMENT_BYTES // 4096 * 12
"""Enough for a time index with one entry (12 bytes) for every 4 KiB of a segment. Kafka maps a whole index, by default 10 MiB. The
first write to such a map takes milliseconds of CPU on file systems with large folios: we measured 28 ms a partition, and 0.1 ms with
this size. A city of thirty departments has hundreds of partitions."""

COORDINATOR_SEGMENT_BYTES = 1 << 20
"""Compaction then limits what a coordinator reads at its start to a few MiB. When leadership changes during that reading, Kafka 4.1
treats the part that it has read as complete: a killed broker that restarted slowly reported offsets of half an hour before."""


class BrokerNode(Struct, frozen=True):
    """One broker of an embedded cluster."""

    number: int = 1
    """From 1; its node id."""
    of: int = 1
    """Brokers of the cluster."""

    def port(self, first: int) -> int:
        """Its port on the loopback address, given the first port of the cluster. Its controller listens on the next one."""
        return first + 2 * (self.number - 1)

    def ports(self, first: int) -> tuple[int, int]:
        """Its port and its controller's."""
        return self.port(first), self.port(first) + 1


def server_properties(
    first: int,
    data: Path,
    node: BrokerNode = BrokerNode(),  # noqa: B008 - immutable
    secured: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """`server.properties` of one broker.

    Args:
        first: port of the cluster's first broker.
        data: the folder of its topics. Kafka reads a comma as the end of a path, so give a path relative to the
            broker's working folder when its parents are not known.
        node: which broker it is.
        secured: settings of a secured broker beside these; empty: it speaks plain text, and lets everybody in.
    """
    client, controller = ("SASL_SSL", "SSL") if secured else ("PLAINTEXT", "PLAINTEXT")
    port, copies, needed = node.port(first), str(node.of), str(node.of // 2 + 1)
    voters = (f"{number}@{HOST}:{BrokerNode(number).port(first) + 1}" for number in range(1, node.of + 1))
    settings = {
        "process.roles": "broker,controller",
        "node.id": str(node.number),
        "controller.quorum.voters": ",".join(voters),
        "listeners": f"{client}://{HOST}:{port},CONTROLLER://{HOST}:{port + 1}",
        "advertised.listeners": f"{client}://{HOST}:{port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": f"{client}:{client},CONTROLLER:{controller}",
        "log.dirs": str(data),
        "auto.create.topics.enable": "false",
        "default.replication.factor": copies,
        "min.insync.replicas": needed,
        "unclean.leader.election.enable": "false",
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": "4",
        "offsets.topic.segment.bytes": str(COORDINATOR_SEGMENT_BYTES),
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": needed,
        "transaction.state.log.num.partitions": "4",
        "transaction.state.log.segment.bytes": str(COORDINATOR_SEGMENT_BYTES),
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": needed,
        # A router that was stopped for a week must find its committed offsets, or it would read every record again.
        "offsets.retention.minutes": str(366 * 24 * 60),
        "log.cleaner.dedupe.buffer.size": str(32 << 20),
        "group.initial.rebalance.delay.ms": "0",
        "log.segment.bytes": str(SEGMENT_BYTES),
        "log.index.size.max.bytes": str(INDEX_BYTES),
        "delete.topic.enable": "true",
    }
    return _written({**settings, **secured})


def log_properties(log: Path) -> str:
    """`log4j2.properties`: warnings and errors in one file of limited size. A relative path is one in the working folder."""
    settings = {
        "status": "error",
        "rootLogger.level": "warn",
        "rootLogger.appenderRefs": "file",
        "rootLogger.appenderRef.file.ref": "file",
        "appender.file.type": "RollingFile",
        "appender.file.name": "file",
        "appender.file.fileName": str(log),
        "appender.file.filePattern": f"{log}.1",
        "appender.file.layout.type": "PatternLayout",
        "appender.file.layout.pattern": "%d %p %c %m%n",
        "appender.file.policies.type": "SizeBasedTriggeringPolicy",
        "appender.file.policies.size": "16MB",
    }
    return _written(settings)


def _written(settings: Mapping[str, str]) -> str:
    return "".join(f"{name}={_escaped(value)}\n" for name, value in settings.items())


def _escaped(value: str) -> str:
    r"""A value as `java.util.Properties` reads it: ISO 8859-1, other characters as UTF-16 in `\uXXXX`, `\\` for a backslash."""
    doubled = value.replace("\\", r"\\")
    if doubled.isascii():
        return doubled
    units = memoryview(doubled.encode("utf-16-be", "surrogatepass"))
    codes = [int.from_bytes(units[at : at + 2]) for at in range(0, len(units), 2)]
    return "".join(chr(code) if code < ASCII_END else f"\\u{code:04x}" for code in codes)
