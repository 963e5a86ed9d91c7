"""Says when a worker of the router has its partitions, and when its first records; `python -m tests.bench.announcing_worker CITY ...`.

The product itself, with two lines on standard output: `ASSIGNED <seconds since 1970>` and `FIRST <seconds since 1970>`.
"""

import sys
import time
from collections.abc import Iterable, Sequence

from router.stream.__main__ import _run
from router.stream.engine.assignment import AssignedPartitions
from router.stream.engine.processor import Record
from tests.bench.reference.job import first


def announce() -> None:
    """Let the partitions' owner tell it."""
    offer, assigned = AssignedPartitions.offer, AssignedPartitions.assigned

    def tell(self: AssignedPartitions, topic: str, number: int, records: Sequence[Record], generation: int) -> None:
        first()
        AssignedPartitions.offer = offer
        offer(self, topic, number, records, generation)

    async def say(self: AssignedPartitions, sources: Iterable[tuple[str, int]], generation: int) -> None:
        given = list(sources)
        if given:
            print(f"ASSIGNED {time.time():.4f}", flush=True)
        await assigned(self, given, generation)

    AssignedPartitions.offer, AssignedPartitions.assigned = tell, say


if __name__ == "__main__":
    announce()
    sys.exit(_run())
