"""The stored offset: the input offset that a partition keeps beside its state. Docs: docs/explanation/exactly-once.md."""

from aiokafka import TopicPartition

from router.domain.intake.rejections import printable
from router.stream.engine.changelog_reader import ChangelogReader
from router.stream.engine.processor import UnreadableStateError
from router.wire.codec import UNREADABLE
from router.wire.stored_offsets import STORED_OFFSET_KEY, StoredOffset, decode_stored_offset


async def read_stored_offset(
    logs: ChangelogReader, changelog: TopicPartition, *, exclusive: bool = False
) -> StoredOffset | None:
    """Read the stored offset from the end of a partition, without reading the records before it.

    Args:
        logs: reads the partition.
        changelog: where the offset is stored.
        exclusive: only stored offsets belong into this partition, so any other record is logged as a foreign record.

    Returns:
        The offset; None when none was stored.

    Raises:
        UnreadableStateError: see `pop_stored_offset`.
    """
    if exclusive:
        latest = await logs.newest(changelog, STORED_OFFSET_KEY, lambda record: record.key == STORED_OFFSET_KEY)
    else:
        latest = await logs.newest(changelog, STORED_OFFSET_KEY)
    return pop_stored_offset(latest, changelog)


def pop_stored_offset(latest: dict[bytes, bytes], changelog: TopicPartition) -> StoredOffset | None:
    """Remove the stored offset from the latest values and return it; None when none was stored.

    Args:
        latest: key -> value.
        changelog: where they were read.

    Raises:
        UnreadableStateError: another program or a later version of the router wrote it.
    """
    value = latest.pop(STORED_OFFSET_KEY, None)
    if value is None:
        return None
    try:
        return decode_stored_offset(value)
    except UNREADABLE as error:
        raise UnreadableStateError(
            f"{changelog.topic}/{changelog.partition}: the stored offset cannot be read ({printable(str(error), 100)}), "
            "so this partition stops; start the version of the router that wrote it, or write the offset again."
        ) from error
