"""Says when a worker of the router has its partitions, and when its first records; `python -m tests.bench.announcing_worker CITY ...`.

The product itself, with two lines on standard output: `ASSIGNED <seconds since 1970>` and `FIRST <seconds since 1970>`.
"""

import sys
import time
from collections.abc import Iterable, Sequence

from router.stream.__main__ import _run
from router.stream.engine.assignment import Owned
from router.stream.engine.processor import Record
from tests.bench.reference.job import first


def announce() -> None:
    """Let the partitions' owner tell it."""
    offer, assigned = Owned.offer, Owned.assigned

    def tell(self: Owned, topic: str, number: int, records: Sequence[Record], generation: int) -> None:
        first()
        Owned.offer = offer
        offer(self, topic, number, records, generation)

    async def say(self: Owned, sources: Iterable[tuple[str, int]], generation: int) -> None:
        given = list(sources)
        if given:
            print(f"ASSIGNED {time.time():.4f}", flush=True)
        await assigned(self, given, generation)

    Owned.offer, Owned.assigned = tell, say


if __name__ == "__main__":
    announce()
    sys.exit(_run())
