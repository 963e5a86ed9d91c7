"""A mutant whose producers have aiokafka's own sender: it sends an EndTxn without an answer again, in the same epoch.

Its transactions are sent in several requests, as large ones are: what one Produce request carries is visible together.
"""

import asyncio
from typing import Any

from router.kafka import transactional_producer
from router.kafka.record_batches import Writer
from tests.chaos import labelled_worker

BETWEEN_S = 0.02


async def _send_apart(writer: Writer) -> list[Any]:
    sent = []
    for (topic, partition), batch in writer.batches:
        sent.append(await writer._producer.send_batch(batch, topic, partition=partition))
        await asyncio.sleep(BETWEEN_S)
    return sent


if __name__ == "__main__":
    transactional_producer.end_transactions_once = lambda _: None
    labelled_worker.send = _send_apart
    labelled_worker.main()
