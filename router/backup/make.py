"""Makes a backup: copies every committed record of a deployment whose workers have ended."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from kafka import KafkaAdminClient

from router import __version__
from router.backup.cluster import configs_of, ends_of, groups_of, members_of, partitions_of, topics_of_deployment
from router.backup.manifest import (
    FORMAT,
    KEYS,
    CopiedPartition,
    CopiedTopic,
    Manifest,
    file_of,
    fingerprints,
    write_manifest,
)
from router.backup.record_files import RecordFile, records_in
from router.backup.stored import all_found_offsets
from router.broker.admin import connected
from router.kafka.consumers import partition_consumer
from router.kafka.rejection import unreachable
from router.wire.errors import BrokerError, InputError, TopicError
from router.wire.offset_signing import NO_KEYS, read_offset_keys
from router.wire.private_files import private_folder, write_private
from router.wire.topic_names import Names

WAIT_MS = 200
FETCH_BYTES = 4 << 20
SILENCE_S = 90.0
"""Longer than Kafka lets a transaction of a dead worker stay open."""
OnTopic = Callable[[str, int], None]
"""Called with a topic and its number of records when it is copied."""


def make_backup(
    bootstrap: str,
    namespace: str,
    folder: Path,
    now: datetime,
    *,
    keys: Mapping[str, Path],
    copy_keys: bool = False,
    on_topic: OnTopic = lambda _topic, _records: None,
) -> Manifest:
    """Copy a deployment into a folder. Its workers have ended; apps and departments may go on, and what they send meanwhile is not in it.

    Args:
        bootstrap: `host:port` list of the cluster.
        namespace: of the deployment.
        folder: is made; must be empty if it exists.
        now: time of the backup.
        keys: name of a setting -> the file of keys that it names.
        copy_keys: whether to copy these files, too. Otherwise the backup only has their fingerprints.
        on_topic: see `OnTopic`.

    Raises:
        BrokerError: the cluster cannot be reached, a transaction stays open, or a program of the router wrote meanwhile.
        TopicError: there is no deployment, or its workers run.
        InputError: the folder cannot be used; or the copy is complete, and the file of offset keys does not verify it.
    """
    names = Names(namespace)
    _prepare(folder)
    with connected(bootstrap) as admin:
        topics = topics_of_deployment(admin, namespace)
        if names.offsets not in topics:
            hint = "name its namespace in GRID_ROUTER_NAMESPACE and its cluster in GRID_ROUTER_KAFKA"
            raise TopicError("there is no deployment to copy", where=f"{bootstrap}, {names.offsets}", hint=hint)
        _reject_members(admin, names)
        own = [place for place in partitions_of(topics) if not names.is_input(place.topic)]
        _await_transactions(admin, own)
        ends = ends_of(admin, partitions_of(topics))
        configs, groups = configs_of(admin, topics), groups_of(admin, topics)
    try:
        copied = asyncio.run(_copied(bootstrap, topics, ends, folder, on_topic))
    except KafkaError as error:
        raise unreachable(bootstrap, error) from error
    with connected(bootstrap) as admin:
        _reject_members(admin, names)
        _reject_changes(ends, ends_of(admin, own))
    if copy_keys:
        _copy_keys(folder, keys)
    manifest = Manifest(
        format=FORMAT,
        made_at=now,
        router=__version__,
        namespace=namespace,
        topics=[CopiedTopic(topic, configs.get(topic, {}), found) for topic, found in zip(topics, copied, strict=True)],
        groups=groups,
        keys={setting: fingerprints(file) for setting, file in keys.items()},
    )
    write_manifest(folder, manifest)
    _check_stored(folder, manifest, keys.get("offset-keys"))
    return manifest


def _check_stored(folder: Path, manifest: Manifest, keys: Path | None) -> None:
    """Raise InputError when a restore with these keys would be rejected."""
    try:
        verifying = NO_KEYS if keys is None else read_offset_keys(keys)
        all_found_offsets(
            manifest.topics, lambda place: records_in(file_of(folder, *place)), Names(manifest.namespace), verifying
        )
    except InputError as error:
        raise InputError(
            f"the backup is complete, but these keys cannot restore it: {error.what}",
            where=error.where,
            hint=error.hint,
        ) from error


def _prepare(folder: Path) -> None:
    try:
        private_folder(folder)
        if any(folder.iterdir()):
            raise InputError("the folder is not empty", where=str(folder), hint="name a new one for each backup")
    except OSError as error:
        hint = "name a folder that can be made and is yours"
        raise InputError(f"the folder cannot be used ({error.strerror})", where=str(folder), hint=hint) from error


def _reject_members(admin: KafkaAdminClient, names: Names) -> None:
    if members := members_of(admin, names.group):
        raise TopicError(
            f"{len(members)} workers are in the group, such as {members[0]}, and a copy beside them would not fit together",
            where=names.group,
            hint="end all workers first; apps and departments may go on",
        )


def _await_transactions(admin: KafkaAdminClient, own: Sequence[TopicPartition]) -> None:
    """Wait until no transaction of a dead worker is open: its end adds a marker, so the end of a log is known only then.

    Raises:
        BrokerError: one stays open.
    """
    deadline = time.monotonic() + SILENCE_S
    while True:
        stable = ends_of(admin, own, committed=True)
        is_open = sorted(place for place, end in ends_of(admin, own).items() if end != stable[place])
        if not is_open:
            return
        if time.monotonic() > deadline:
            raise _silent(is_open[0], stable[is_open[0]])
        time.sleep(WAIT_MS / 1000)


def _silent(place: TopicPartition, position: int) -> BrokerError:
    return BrokerError(
        f"nothing arrived behind offset {position} for {SILENCE_S:.0f} s",
        where=f"{place.topic}/{place.partition}",
        hint="a transaction may be open: see `kafka-transactions.sh find-hanging`, then run it again",
    )


def _reject_changes(before: Mapping[TopicPartition, int], now: Mapping[TopicPartition, int]) -> None:
    changed = sorted(place for place, end in now.items() if end != before[place])
    if changed:
        raise BrokerError(
            "the topic got records while it was copied",
            where=changed[0].topic,
            hint="end workers, redrives, erasures and publications of rules, remove the folder, and run it again",
        )


async def _copied(
    bootstrap: str, topics: Mapping[str, int], ends: Mapping[TopicPartition, int], folder: Path, on_topic: OnTopic
) -> list[list[CopiedPartition]]:
    """Copy all partitions, topic by topic."""
    copied = []
    async with partition_consumer(bootstrap, max_partition_fetch_bytes=FETCH_BYTES) as consumer:
        for topic, count in topics.items():
            places = [TopicPartition(topic, number) for number in range(count)]
            copied.append([await _copy(consumer, place, ends[place], folder) for place in places])
            on_topic(topic, sum(one.records for one in copied[-1]))
    return copied


async def _copy(consumer: AIOKafkaConsumer, place: TopicPartition, end: int, folder: Path) -> CopiedPartition:
    """Copy the committed records of one partition up to its end. Waits for a transaction that is still open."""
    with RecordFile(file_of(folder, place.topic, place.partition)) as file:
        position, progress = 0, time.monotonic()
        if end:
            consumer.assign([place])
            await consumer.seek_to_beginning(place)
            position = await consumer.position(place)
        while position < end:
            for record in (await consumer.getmany(place, timeout_ms=WAIT_MS)).get(place, ()):
                if record.offset < end:
                    file.add(record)
            before, position = position, await consumer.position(place)
            if position != before:
                progress = time.monotonic()
            elif time.monotonic() - progress > SILENCE_S:
                raise _silent(place, position)
    return CopiedPartition(place.partition, file.records, end)


def _copy_keys(folder: Path, keys: Mapping[str, Path]) -> None:
    target = private_folder(folder / KEYS)
    try:
        for setting, file in keys.items():
            write_private(target / setting, file.read_bytes())
    except OSError as error:
        raise InputError(
            f"it cannot be copied ({error.strerror})", where=str(error.filename), hint="run it as its user"
        ) from error
