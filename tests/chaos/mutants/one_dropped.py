"""A worker that drops one record of the grid stream without a word, as a full batch builder would."""

import sys
from typing import Any

from router.stream import __main__
from router.stream.engine import batch_writer as writer
from tests.chaos.mutants import once

add = writer.Writer.add


def add_most(self: writer.Writer, topic: str, *record: Any) -> None:
    if not (topic.endswith("grid.events") and once.now("one_dropped")):
        add(self, topic, *record)


if __name__ == "__main__":
    writer.Writer.add = add_most
    sys.exit(__main__._run())
