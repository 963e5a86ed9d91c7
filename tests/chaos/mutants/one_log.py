"""A mutant for which a topic that was made again is the log that it read before: it goes on at the old offset."""

import sys

from router.stream import __main__
from router.stream.engine import changelog_reader
from router.stream.engine.log_position import LogBounds, ResumePoint, resume_point
from router.wire.stored_offsets import StoredOffset


def at_the_old_offset(where: str, stored: StoredOffset | None, log: LogBounds) -> ResumePoint:
    return resume_point(where, stored, log._replace(topic_id=""))


if __name__ == "__main__":
    changelog_reader.resume_point = at_the_old_offset
    sys.exit(__main__._run())
