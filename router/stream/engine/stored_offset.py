"""The position that a partition noted beside its state, taken out of what was read of its changelog."""

from aiokafka import TopicPartition

from router.domain.intake.rejections import printable
from router.stream.engine.changelog_reader import ChangelogReader
from router.stream.engine.processor import UnreadableStateError
from router.wire.codec import UNREADABLE
from router.wire.stored_offsets import STORED_OFFSET_KEY, decode_stored_offset


async def read_single_stored_offset(logs: ChangelogReader, positions: TopicPartition) -> int | None:
    """The position of a partition that holds nothing else; None when none was ever noted."""
    return pop_stored_offset(
        await logs.newest(positions, STORED_OFFSET_KEY, lambda record: record.key == STORED_OFFSET_KEY), positions
    )


async def read_last_stored_offset(logs: ChangelogReader, changelog: TopicPartition) -> int | None:
    """The position of a partition that holds other records of ours, without reading those that stand before it."""
    return pop_stored_offset(await logs.newest(changelog, STORED_OFFSET_KEY), changelog)


def pop_stored_offset(latest: dict[bytes, bytes], changelog: TopicPartition) -> int | None:
    """Remove the position from the latest values; None when none was ever noted.

    Args:
        latest: by key.
        changelog: where they were read.

    Raises:
        UnreadableStateError: something else wrote it, or a later version of the router.
    """
    value = latest.pop(STORED_OFFSET_KEY, None)
    if value is None:
        return None
    try:
        return decode_stored_offset(value)
    except UNREADABLE as error:
        said = printable(str(error), 100)
        raise UnreadableStateError(
            f"{changelog.topic}/{changelog.partition}: the noted position cannot be read ({said}), so nothing of the partition goes on; "
            "start the version of the router that wrote it, or write it once more as it was."
        ) from error
