"""Where an input partition goes on in its log, and what has become of that log since the offset was stored. Pure.

A stored offset belongs to one log: a topic that is deleted and made again begins at 0 and has another id. Going back is always
safe, because the state knows what it has processed; going on too far loses reports. Docs: docs/explanation/exactly-once.md.
"""

from typing import Literal, NamedTuple

from router.wire.stored_offsets import StoredOffset

LogChange = Literal["replaced", "cut", "expired"]
"""`replaced`: the topic was deleted and made again. `cut`: the log lost its last records. `expired`: records were removed before
they were read."""


class StoppedError(Exception):
    """The partition cannot go on until an operator acts. The sentence says where, why, and what to do; `/health` shows it."""


class BeyondEndError(StoppedError):
    """The position lies behind the end of the log. The log was cut, so going on would skip the next records."""


class LogChangedError(Exception):
    """The log changed while its partition ran; the partition opens again and looks where to go on."""


class LogBounds(NamedTuple):
    """What the broker says of a partition now."""

    topic_id: str
    """Empty when unknown."""
    begin: int
    """The first offset that is left."""
    end: int
    """The next offset to be written, open transactions included."""
    epoch_end: int | None = None
    """Where the leader epoch of the stored offset ends; None when unknown."""


class ResumePoint(NamedTuple):
    """Where to go on."""

    position: int
    change: LogChange | None = None
    """What has become of the log."""


def resume_point(where: str, stored: StoredOffset | None, log: LogBounds) -> ResumePoint:
    """Where a partition goes on.

    Args:
        where: `topic/partition`, for the sentence.
        stored: the stored offset; None when there is none.
        log: as it is now.

    Raises:
        BeyondEndError: the log is shorter than the offset, and nothing says since when.
    """
    if stored is None:
        return ResumePoint(0)
    if stored.topic_id and log.topic_id and stored.topic_id != log.topic_id:
        return ResumePoint(0, "replaced")
    position = stored.offset
    if log.epoch_end is not None and log.epoch_end < position:
        return ResumePoint(log.epoch_end, "cut")
    if position > log.end:
        raise BeyondEndError(
            f"{where}: position {position}, end {log.end}: the log lost records that were processed, so the next ones would be "
            "skipped; restore the topic, or delete it and make it again (`grid-router topics apply`): it is then read from the "
            "beginning."
        )
    return ResumePoint(position, "expired" if 0 < position < log.begin else None)
