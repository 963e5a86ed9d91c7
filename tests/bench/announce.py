"""Says when a worker of the router has its first records in hand; `python -m tests.bench.announce CITY ...` runs the product so."""

import sys
from collections.abc import Sequence

from router.stream.__main__ import _run
from router.stream.hop import Record
from router.stream.owned import Owned
from tests.bench.reference.job import first


def announce() -> None:
    """Let the partitions' owner tell it, on standard output."""
    offer = Owned.offer

    def tell(self: Owned, topic: str, number: int, records: Sequence[Record], generation: int) -> None:
        first()
        Owned.offer = offer
        offer(self, topic, number, records, generation)

    Owned.offer = tell


if __name__ == "__main__":
    announce()
    sys.exit(_run())
