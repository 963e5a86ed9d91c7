"""The position that a partition noted beside its state, taken out of what was read of its changelog."""

from aiokafka import TopicPartition

from router.domain.intake.rejections import printable
from router.stream.engine.changelog_reader import Logs
from router.stream.engine.processor import UnreadableStateError
from router.wire.codec import UNREADABLE
from router.wire.stored_offsets import POSITION_KEY, decode_position


async def noted_alone(logs: Logs, positions: TopicPartition) -> int | None:
    """The position of a partition that holds nothing else; None when none was ever noted."""
    return take_position(
        await logs.newest(positions, POSITION_KEY, lambda record: record.key == POSITION_KEY), positions
    )


async def noted_last(logs: Logs, changelog: TopicPartition) -> int | None:
    """The position of a partition that holds other records of ours, without reading those that stand before it."""
    return take_position(await logs.newest(changelog, POSITION_KEY), changelog)


def take_position(latest: dict[bytes, bytes], changelog: TopicPartition) -> int | None:
    """Remove the position from the latest values; None when none was ever noted.

    Args:
        latest: by key.
        changelog: where they were read.

    Raises:
        UnreadableStateError: something else wrote it, or a later version of the router.
    """
    value = latest.pop(POSITION_KEY, None)
    if value is None:
        return None
    try:
        return decode_position(value)
    except UNREADABLE as error:
        said = printable(str(error), 100)
        raise UnreadableStateError(
            f"{changelog.topic}/{changelog.partition}: the noted position cannot be read ({said}), so nothing of the partition goes on; "
            "start the version of the router that wrote it, or write it once more as it was."
        ) from error
