"""A network that lost its memory sends its topic again from the beginning."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

from router.simulator.messages import SourceMessage
from router.wire.topics import Names
from tests.chaos.audit.topics import KafkaLog
from tests.chaos.deployment import Stage
from tests.chaos.schedule import Fault

MOST = 10_000
"""Records; a long run would otherwise do nothing else."""


def replayed(stage: Stage, fault: Fault) -> dict[str, float]:
    """Every record once more, its bytes equal, beside the load."""
    networks = sorted(stage.city.codes)
    network = networks[int(fault.share * len(networks))]
    names, settings = Names(stage.settings.namespace), stage.settings
    with KafkaLog(str(settings.kafka), settings.partitions, {}) as log:
        again = list(islice(_messages(network, log.read([names.reports(network)])), MOST))
    stage.load.send_again(again)
    stage.until(lambda: not stage.load.sending_again, 120, f"{network} could not be sent again")
    return {"injected": float(bool(again)), "records": len(again)}


def _messages(network: str, records: Iterator) -> Iterator[SourceMessage]:
    for record in records:
        yield SourceMessage(
            network=network,
            source_id=record.key.decode(),
            value=record.value,
            received_at=datetime.now(UTC),
            kind="redelivered",
        )
