"""The stored offsets that a backup has: of which input partition each is, which one counts, and how it is written in the restored log."""

import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from router.backup.manifest import CopiedTopic
from router.backup.record_files import CopiedRecord
from router.wire.codec import UNREADABLE
from router.wire.errors import InputError
from router.wire.offset_check import OffsetCheck, place_of
from router.wire.offset_signing import OffsetKeys
from router.wire.stored_offsets import (
    NO_EPOCH,
    STORED_OFFSET_KEY,
    StoredOffset,
    decode_stored_offset,
    encode_stored_offset,
)
from router.wire.topic_names import Names

SHARED_KEY = re.compile(rb"([A-Za-z0-9._-]{1,249})/(0|[1-9][0-9]{0,8})")
"""Of a stored offset on the topic of feedback: topic and partition."""
KEYS_HINT = "set GRID_ROUTER_OFFSET_KEYS to the file that the workers had; `backup make --keys` copies it"


class LogPlace(NamedTuple):
    """A partition; equal to the TopicPartition of either client."""

    topic: str
    partition: int


class FoundOffset(Struct, frozen=True):
    """The stored offset of one input partition that counts."""

    holder: LogPlace
    """The partition that has it."""
    key: bytes
    source: LogPlace
    """The input partition."""
    stored: StoredOffset
    timestamp: int
    """When Kafka stored it, in ms since 1970: retention goes by it."""


class _Addressed(Struct):
    """A record with the place that a check looks at."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


def holds_offsets(topic: str, names: Names) -> bool:
    """Whether stored offsets are on a topic."""
    return topic in {names.offsets, names.feedback_offsets} or topic.startswith(names.dedup_index(""))


def source_of(holder: LogPlace, key: bytes, names: Names) -> LogPlace | None:
    """The input partition whose offset a record is; None for any other record.

    Args:
        holder: where the record is.
        key: of the record.
        names: of the topics.
    """
    if holder.topic == names.feedback_offsets:
        found = SHARED_KEY.fullmatch(key)
        if found is None or names.sender_of(topic := found[1].decode()) is None:
            return None
        return LogPlace(topic, int(found[2]))
    if key != STORED_OFFSET_KEY:
        return None
    network = holder.topic.removeprefix(names.dedup_index(""))
    return LogPlace(names.events if holder.topic == names.offsets else names.reports(network), holder.partition)


def found_offsets(
    holder: LogPlace,
    records: Iterable[CopiedRecord],
    names: Names,
    keys: OffsetKeys,
    sources: Container[LogPlace],
) -> Iterator[FoundOffset]:
    """The stored offsets of one partition that count: the last one of each key that the deployment's keys verify.

    Args:
        holder: the partition.
        records: its records.
        names: of the topics.
        keys: verify.
        sources: the partitions that the backup has. A key of any other is left out: its topic was deleted, or never was.

    Raises:
        InputError: none of a key counts, so the keys are not those of the backup; or one cannot be read.
    """
    checks: dict[bytes, OffsetCheck] = {}
    counting: dict[bytes, CopiedRecord] = {}
    for record in records:
        if record.key is None or record.value is None or source_of(holder, record.key, names) not in sources:
            continue
        check = checks.setdefault(record.key, OffsetCheck(keys, lambda _: None, record.key))
        place = (*holder, record.offset, record.timestamp, record.key, record.value)
        if check(_Addressed(*place)):
            counting[record.key] = record
    for key in checks:
        source = source_of(holder, key, names)
        assert source is not None  # noqa: S101 - it was asked above
        last = counting.get(key)
        if last is None or last.value is None:
            where = f"{holder.topic}/{holder.partition}"
            raise InputError("no stored offset has a signature of these keys", where=where, hint=KEYS_HINT)
        yield FoundOffset(holder, key, source, _decoded(last.value, holder, keys), last.timestamp)


def all_found_offsets(
    topics: Iterable[CopiedTopic], records: Callable[[LogPlace], Iterable[CopiedRecord]], names: Names, keys: OffsetKeys
) -> list[FoundOffset]:
    """The stored offsets of a whole backup that count.

    Args:
        topics: of the backup.
        records: gives those of a partition.
        names: of the topics.
        keys: verify.

    Raises:
        InputError: see `found_offsets`.
    """
    places = [LogPlace(topic.name, one.partition) for topic in topics for one in topic.partitions]
    sources = frozenset(places)
    holders = [one for one in places if holds_offsets(one.topic, names)]
    return [found for holder in holders for found in found_offsets(holder, records(holder), names, keys, sources)]


def _decoded(value: bytes, holder: LogPlace, keys: OffsetKeys) -> StoredOffset:
    where = f"{holder.topic}/{holder.partition}"
    try:
        stored = decode_stored_offset(value)
    except UNREADABLE as error:
        hint = "restore it with the version of the router that made the backup"
        raise InputError(f"the stored offset cannot be read ({error})", where=where, hint=hint) from error
    if stored.signature and not keys:
        raise InputError("the stored offset is signed, and there are no keys", where=where, hint=KEYS_HINT)
    return stored


def moved(
    found: FoundOffset, offset: int, topic_ids: Mapping[str, str], names: Names, keys: OffsetKeys
) -> CopiedRecord:
    """The record with the stored offset for the restored log.

    Args:
        found: as it was.
        offset: the next one to read in the restored log.
        topic_ids: of the restored topics.
        names: of the topics.
        keys: sign it.
    """
    stored = replace(
        found.stored,
        offset=offset,
        topic_id=topic_ids[found.source.topic],
        leader_epoch=NO_EPOCH,  # those of the copied log mean nothing here
        cases_id=topic_ids[names.cases] if found.stored.cases_id else "",
        signature="",
    )
    signed = keys.sign(stored, *place_of(found.holder, found.key))
    key, value = encode_stored_offset(signed, found.key)
    return CopiedRecord(0, found.timestamp, key, value)


def sources_first(topics: Iterable[CopiedTopic], names: Names) -> list[CopiedTopic]:
    """The topics, so that each stored offset is written after its input; `grid.offsets`, without which no worker starts, last."""
    return sorted(topics, key=lambda one: (one.name == names.offsets, holds_offsets(one.name, names), one.name))
