"""Finds one case and its journal: by the file of positions, then by reading the few records that it names."""

import asyncio
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from msgspec import Struct

from router.cli.case.following import follow, open_positions
from router.cli.case.positions import CasePositions, Place, mark_of
from router.domain.explanation.case_life import CaseLife
from router.domain.lifecycle.journal import in_order
from router.domain.model.case import Case
from router.domain.model.escalation import Escalation
from router.domain.model.transition import Transition
from router.kafka.consumers import partition_consumer
from router.kafka.rejection import unreachable
from router.wire.codec import UNREADABLE, decode_case, decode_escalation, decode_transition
from router.wire.errors import InputError
from router.wire.topic_names import Names

WAIT_MS = 20
"""How long a broker may wait for more: a consumer that is moved or closed waits for its answer."""
FETCH_BYTES = 4 << 20
FEW_BYTES = 16 << 10
"""To read one record: a broker sends whole batches, at least one."""
READ_S = 20.0
"""Longest time to read the records of one case."""
TRIES = 3
"""A case changes while it is read, so that its journal is longer or shorter than it says."""
_CASE = re.compile(r"C-[0-9a-f]{20}")
_TASK = re.compile(r"(C-[0-9a-f]{20})\.[0-9]{1,6}")


class Wanted(Struct, frozen=True, kw_only=True):
    """What a person asked for: a case, or the case of a report."""

    case: str | None = None
    report: str | None = None
    task: str | None = None
    """A task of that case."""


def wanted(text: str) -> Wanted:
    """What an id names. Raises InputError if it is neither a case's, nor a task's, nor a report's."""
    if _CASE.fullmatch(text):
        return Wanted(case=text)
    if task := _TASK.fullmatch(text):
        return Wanted(case=task[1], task=text)
    network, colon, source_id = text.partition(":")
    if network and colon and source_id:
        return Wanted(report=text)
    raise InputError(
        f"{text[:80]!r} is no id",
        where="ID",
        hint="give that of a case (`C-` and 20 hexadecimal digits), of a task (a case's with `.1` behind it) or of a report "
        "(`network:id`)",
    )


def read_life(bootstrap: str, names: Names, home: Path, asked: Wanted) -> CaseLife:
    """The case that was asked for, and its journal.

    Args:
        bootstrap: `host:port` list of the cluster.
        names: of the topics.
        home: folder of the file of positions.
        asked: a case, a report or a task.

    Raises:
        BrokerError: no Kafka answers.
        TopicError: a topic is missing.
        InputError: no case has the id.
    """
    try:
        return asyncio.run(_life(bootstrap, names, home, asked))
    except (KafkaError, OSError, TimeoutError) as error:
        raise unreachable(bootstrap, error, "the case cannot be read") from error


async def _life(bootstrap: str, names: Names, home: Path, asked: Wanted) -> CaseLife:
    async with (
        partition_consumer(bootstrap, fetch_max_wait_ms=WAIT_MS, max_partition_fetch_bytes=FETCH_BYTES) as reader,
        partition_consumer(bootstrap, fetch_max_wait_ms=WAIT_MS, max_partition_fetch_bytes=FEW_BYTES) as picker,
    ):
        positions = await open_positions(reader, names, home)
        try:
            for _ in range(TRIES):
                await follow(reader, names, positions)
                life = await _found(picker, names, positions, asked)
                if len(life.transitions) == life.case.transitions:
                    break
        finally:
            positions.close()
    if asked.task is not None and all(one.task != asked.task for one in life.case.assignments):
        tasks = ", ".join(one.task for one in life.case.assignments) or "none"
        raise InputError("the case has no such task", where=asked.task, hint=f"its tasks are: {tasks}")
    return life


async def _found(picker: AIOKafkaConsumer, names: Names, positions: CasePositions, asked: Wanted) -> CaseLife:
    mark = mark_of(asked.case) if asked.case is not None else positions.holder(mark_of(asked.report or ""))
    row, kept = positions.case(mark) if mark is not None else (None, None)
    found, archived, place = (await _case(picker, names.cases, row)) if row else None, False, row
    if found is None and kept is not None:
        found, archived, place = await _case(picker, names.archive, kept), True, kept
    case = found and found.case
    if found is None or case is None or place is None or (asked.case is not None and case.id != asked.case):
        raise _unknown(asked, names)
    if asked.report is not None and all(one.id != asked.report for one in case.reports):
        raise _unknown(asked, names)
    own = mark_of(case.id)
    changes = await _pick(picker, names.transitions, positions.entries("change", own))
    sent = await _pick(picker, names.escalations, positions.entries("escalation", own))
    return CaseLife(
        case=case,
        transitions=in_order(_entries(changes, decode_transition, case.id)),
        escalations=_entries(sent, decode_escalation, case.id),
        archived=archived,
        partition=place.partition,
        written_at=datetime.fromtimestamp(found.timestamp_ms / 1000, UTC),
    )


def _unknown(asked: Wanted, names: Names) -> InputError:
    if asked.report is not None:
        return InputError(
            "no case has this report",
            where=asked.report,
            hint="`grid-router dead-letters list --report-id` finds it if it was rejected; a report whose number was used "
            "before has the id `network@time:id`",
        )
    return InputError(
        "there is no such case",
        where=str(asked.case),
        hint=f"look for it with `grid-router tail {names.cases} --from beginning`; the archive keeps a case for "
        "GRID_ROUTER_ARCHIVE_YEARS",
    )


class _CaseRecord(NamedTuple):
    case: Case
    timestamp_ms: int
    """Of the record."""


async def _case(picker: AIOKafkaConsumer, topic: str, place: Place) -> _CaseRecord | None:
    """The case of a record; None for a tombstone, or when compaction or retention has taken the record."""
    for record in await _pick(picker, topic, [place]):
        try:
            return _CaseRecord(decode_case(record.value), record.timestamp) if record.value is not None else None
        except UNREADABLE:
            return None
    return None


Entry = TypeVar("Entry", Transition, Escalation)


def _entries(records: Sequence[Any], decode: Callable[[bytes], Entry], case: str) -> tuple[Entry, ...]:
    """The entries of records, without those that are unreadable, or about another case whose id has the same mark."""
    found: list[Entry] = []
    for record in records:
        try:
            one = decode(record.value or b"")
        except UNREADABLE:
            continue
        if one.case == case:
            found.append(one)
    return tuple(found)


async def _pick(picker: AIOKafkaConsumer, topic: str, places: Sequence[Place]) -> list[Any]:
    """The records at these places, in their order. Those that are gone are left out."""
    found: dict[Place, Any] = {}
    partitions = {TopicPartition(topic, place.partition) for place in places}
    async with asyncio.timeout(READ_S):
        ends = await picker.end_offsets(list(partitions))
        for place in places:
            partition = TopicPartition(topic, place.partition)
            if place in found:  # it came with an earlier one
                continue
            if picker.assignment() != {partition}:
                picker.assign([partition])
            if place.offset >= ends[partition]:
                continue
            picker.seek(partition, place.offset)
            while await picker.position(partition) <= place.offset:
                fetched = await picker.getmany(partition, timeout_ms=500)
                found |= {Place(one.partition, one.offset): one for one in fetched.get(partition, ())}
    return [found[place] for place in places if place in found]
