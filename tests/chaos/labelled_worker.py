"""`python -m tests.chaos.labelled_worker CITY ...`: a worker that labels its transactions and writes small record batches.

Every record has a header with the id of its transaction and the number of its records. So `observer.py` sees whether a reader
gets all of them or none. Small batches make several Produce requests a transaction, as several brokers do.
"""

import sys
import uuid
from typing import Any

from router.kafka.record_batches import Writer
from router.stream import __main__
from router.stream.engine import transaction

LABEL = "transaction"
BATCH_BYTES = 4 << 10
add, send = Writer.add, Writer.send
collected: dict[Writer, list[tuple[Any, ...]]] = {}
"""Records of the writers that have not sent them."""


def collect(self: Writer, *record: Any) -> None:
    collected.setdefault(self, []).append(record)


async def send_labelled(self: Writer) -> Any:
    records = collected.pop(self, [])
    label = (LABEL, f"{uuid.uuid4().hex}/{len(records)}".encode())
    for topic, partition, key, value, *headers in records:
        add(
            self, topic, partition, key, value, [label, *(headers[0] or [] if headers else [])]
        )  # a dead letter's own headers come last
    return await send(self)


def main() -> None:
    Writer.add, Writer.send = collect, send_labelled  # type: ignore[method-assign,assignment]
    transaction.BATCH_BYTES = BATCH_BYTES
    sys.exit(__main__._run())


if __name__ == "__main__":
    main()
