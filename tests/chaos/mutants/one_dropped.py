"""A mutant that silently drops one record of the grid stream, as a full batch builder would."""

import sys
from typing import Any

from router.kafka.record_batches import Writer
from router.stream import __main__
from tests.chaos.mutants import once

add = Writer.add


def add_all_but_one(self: Writer, topic: str, *record: Any) -> None:
    if not (topic.endswith("grid.events") and once.now("one_dropped")):
        add(self, topic, *record)


if __name__ == "__main__":
    Writer.add = add_all_but_one
    sys.exit(__main__._run())
