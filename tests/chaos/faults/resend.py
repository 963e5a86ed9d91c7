"""A network sends all records of its topic again."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice

from router.simulator.messages import SourceMessage
from router.wire.topic_names import Names
from tests.chaos.audit.sources import number_of
from tests.chaos.audit.topics import KafkaLog, Record
from tests.chaos.deployment import Deployment
from tests.chaos.load import Sending
from tests.chaos.schedule import Fault

MAX_RECORDS = 10_000
"""Maximum number of records, so that the fault does not dominate a long run."""


def replayed(deployment: Deployment, fault: Fault) -> dict[str, float]:
    """Send every record once more with equal bytes and key, in addition to the load."""
    networks = sorted(deployment.city.codes)
    network = networks[int(fault.share * len(networks))]
    names, settings = Names(deployment.settings.namespace), deployment.settings
    with KafkaLog(str(settings.kafka), {}) as log:
        records = islice(log.read([names.reports(network)]), MAX_RECORDS)
        redeliveries = list(sendings_of(network, records, deployment.load.ledger.source_ids))
    deployment.load.send(redeliveries)
    deployment.until(lambda: not deployment.load.sending, 120, f"{network} could not be sent again")
    return {"injected": float(bool(redeliveries)), "records": len(redeliveries)}


def sendings_of(network: str, records: Iterable[Record], source_ids: Sequence[str]) -> Iterator[Sending]:
    """The same records once more, as redeliveries."""
    for record in records:
        number = number_of(record)
        if number is None:
            continue
        message = SourceMessage(
            network=network,
            source_id=source_ids[number - 1],
            value=record.value,
            received_at=datetime.now(UTC),
            kind="redelivered",
        )
        yield Sending(message, record.key)
