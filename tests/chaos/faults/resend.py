"""A network sends all records of its topic again."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

from router.simulator.messages import SourceMessage
from router.wire.topics import Names
from tests.chaos.audit.topics import KafkaLog
from tests.chaos.deployment import Deployment
from tests.chaos.schedule import Fault

MAX_RECORDS = 10_000
"""Maximum number of records, so that the fault does not dominate a long run."""


def replayed(deployment: Deployment, fault: Fault) -> dict[str, float]:
    """Send every record once more with equal bytes, in addition to the load."""
    networks = sorted(deployment.city.codes)
    network = networks[int(fault.share * len(networks))]
    names, settings = Names(deployment.settings.namespace), deployment.settings
    with KafkaLog(str(settings.kafka), settings.partitions, {}) as log:
        redeliveries = list(islice(_messages(network, log.read([names.reports(network)])), MAX_RECORDS))
    deployment.load.send_again(redeliveries)
    deployment.until(lambda: not deployment.load.sending_again, 120, f"{network} could not be sent again")
    return {"injected": float(bool(redeliveries)), "records": len(redeliveries)}


def _messages(network: str, records: Iterator) -> Iterator[SourceMessage]:
    for record in records:
        yield SourceMessage(
            network=network,
            source_id=record.key.decode(),
            value=record.value,
            received_at=datetime.now(UTC),
            kind="redelivered",
        )
