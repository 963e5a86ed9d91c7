"""Cursors: how far a department has read a topic, in its own hands. Who keeps the cursor decides what counts as read.

A cursor is the topic's id, then the next offset of each partition: `nGP3mRPTQ0uXgYdT1w2bTA.12.0.7`. The id is another after the topic was
made again (KIP-516), and of another topic. It is no secret and no right.
"""

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from router.gateway.problems import ProblemError

_CURSOR = re.compile(r"([A-Za-z0-9_-]{0,22})((?:\.[0-9]{1,19}){1,1024})")


class Cursor(Struct, frozen=True):
    """How far a topic was read."""

    topic_id: str
    offsets: tuple[int, ...]
    """The next offset to read, by partition."""

    def __str__(self) -> str:
        return ".".join([self.topic_id, *map(str, self.offsets)])

    def after(self, positions: Mapping[int, int]) -> "Cursor":
        """The cursor after some partitions were read further."""
        return Cursor(self.topic_id, tuple(positions.get(number, one) for number, one in enumerate(self.offsets)))


def read_cursor(text: str) -> Cursor:
    """The cursor in a text. Raises ProblemError when it is none."""
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise ProblemError("malformed", "`after` is no cursor; send `next` of the last answer, as it is.")
    return Cursor(found[1], tuple(map(int, found[2][1:].split("."))))


def check_cursor(cursor: Cursor, topic_id: str, beginnings: Sequence[int], ends: Sequence[int]) -> Cursor:
    """The cursor with an offset for each partition of a topic, as it is now.

    Args:
        cursor: of an earlier answer.
        topic_id: of the topic now.
        beginnings: the first offset that each partition has.
        ends: where each partition ends.

    Raises:
        ProblemError: the topic was made again or is another one, or it has fewer records than were read.
    """
    offsets = (*cursor.offsets, *beginnings[len(cursor.offsets) :])
    if cursor.topic_id != topic_id or len(offsets) > len(ends) or any(map(int.__gt__, offsets, ends)):
        detail = (
            "the cursor belongs to another topic, or to one that was made again or restored since; "
            "read again with `since`, from before the last task that you have stored."
        )
        raise ProblemError("cursor-gone", detail)
    return Cursor(topic_id, tuple(map(max, offsets, beginnings)))
