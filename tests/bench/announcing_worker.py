"""Runs a worker that prints when it got its partitions and its first records: `python -m tests.bench.announcing_worker CITY ...`.

It is the product with two more lines on standard output: `ASSIGNED <seconds since 1970>`, each time, and `FIRST <seconds since 1970>`.
"""

import sys
import time
from collections.abc import Collection, Iterable, Sequence

from aiokafka import TopicPartition

from router.stream.__main__ import _run
from router.stream.engine.assignment import AssignedPartitions
from router.stream.engine.processor import Record
from tests.bench.reference.job import first


def announce() -> None:
    """Patch `AssignedPartitions` so that it prints both lines."""
    offer, assigned = AssignedPartitions.offer, AssignedPartitions.assigned

    def print_first(
        self: AssignedPartitions, topic: str, number: int, records: Sequence[Record], generation: int
    ) -> None:
        first()
        AssignedPartitions.offer = offer
        offer(self, topic, number, records, generation)

    async def print_assigned(
        self: AssignedPartitions,
        sources: Iterable[tuple[str, int]],
        generation: int,
        standbys: Collection[TopicPartition] = (),
    ) -> None:
        partitions = list(sources)
        if partitions:
            print(f"ASSIGNED {time.time():.4f}", flush=True)
        await assigned(self, partitions, generation, standbys)

    AssignedPartitions.offer, AssignedPartitions.assigned = print_first, print_assigned


if __name__ == "__main__":
    announce()
    sys.exit(_run())
