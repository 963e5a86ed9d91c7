"""The broker's clock jumps forward by 45 days for some records of a network, and back.

The router knows that clock by the timestamps of records alone. So the topic takes the timestamps of its producer for a while.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from router.domain.networks.registry import NETWORKS
from router.simulator.messages import SourceMessage
from router.wire.topic_names import Names
from tests.chaos.audit.topics import KafkaLog
from tests.chaos.deployment import Deployment
from tests.chaos.faults.resend import sendings_of
from tests.chaos.load import Sending, own_id
from tests.chaos.schedule import Fault
from tests.support.patience import PATIENCE_S
from tests.support.poison.record import sound, written
from tests.support.topics import set_config

NETWORK = "policing"
JUMP = timedelta(days=45)
"""Longer than the 30 days for which the dedup index remembers a report."""
REPORTS, SENT_AGAIN = 300, 2000
NO_LIMIT = str((1 << 63) - 1)


def jumped(deployment: Deployment, fault: Fault) -> dict[str, float]:
    """Send reports 45 days ahead. Then, with the right time, send what the network had sent before: the router must know it."""
    load, bootstrap = deployment.load, str(deployment.settings.kafka)
    topic = Names(deployment.settings.namespace).reports(NETWORK)
    deployment.until(lambda: load.ledger.sent > SENT_AGAIN // 2, PATIENCE_S, "too little was sent")
    with KafkaLog(bootstrap, {}) as log:
        before = list(log.read([topic]))[-SENT_AGAIN:]
    set_config(bootstrap, topic, message_timestamp_type="CreateTime", message_timestamp_after_max_ms=NO_LIMIT)
    load.send(ahead(f"{fault.round}", datetime.now(UTC) + JUMP))
    deployment.until(lambda: not load.sending, PATIENCE_S, "the reports could not be sent")
    load.hold()
    set_config(bootstrap, topic, message_timestamp_type="LogAppendTime")
    with KafkaLog(bootstrap, {}) as log:
        latest = max(record.timestamp for record in log.read([topic]))
    load.go_on()
    load.send(sendings_of(NETWORK, before, load.ledger.source_ids))
    deployment.until(lambda: not load.sending, PATIENCE_S, f"{NETWORK} could not be sent again")
    ahead_s = latest / 1000 - datetime.now(UTC).timestamp()
    return {"injected": float(ahead_s > JUMP.total_seconds() / 2), "records": len(before)}


def ahead(name: str, at: datetime) -> Iterator[Sending]:
    """New reports that Kafka stores at this instant."""
    id_field = NETWORKS[NETWORK].id_field
    for number in range(REPORTS):
        message = sound(NETWORK, f"ahead {name} {number}")
        one = SourceMessage(
            network=NETWORK,
            source_id=str(message[id_field]),
            value=written(message),
            received_at=datetime.now(UTC),
            kind="simulated",
        )
        yield Sending(one, own_id(one), round(at.timestamp() * 1000))
