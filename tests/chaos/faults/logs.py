"""A network's topic is deleted and made again while records are unread; partitions are added to it."""

from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any
from uuid import UUID

from kafka import KafkaAdminClient, TopicPartition

from router.broker.admin import apply, connected
from router.wire.declared_topics import topics_of
from router.wire.errors import BrokerError
from router.wire.stored_offsets import STORED_OFFSET_KEY, decode_stored_offset
from router.wire.topic_names import Names
from tests.chaos.audit.sources import number_of, received_of
from tests.chaos.audit.topics import KafkaLog, Record
from tests.chaos.deployment import Deployment
from tests.chaos.faults.resend import MAX_RECORDS, sendings_of
from tests.chaos.faults.worker import frozen_workers
from tests.chaos.ledger import Gone
from tests.chaos.schedule import Fault
from tests.support.patience import PATIENCE_S

BEHIND_S = 1.0
"""How long records arrive unread before the topic is deleted."""
ADDED = 2
BUSIEST, LEAST = 3, 40
"""One of the three busiest networks is taken, when each has sent this number of records."""
LONGER = 0.5
"""With a share below it, the new log becomes longer than the stored offsets."""


def made_again(deployment: Deployment, fault: Fault) -> dict[str, float]:
    """Delete a network's topic and make it again. The workers are frozen meanwhile, so that the log takes unread records with it.

    A topic that had grown gets its declared partitions again, so reports come from partitions that knew other ids.

    Then either the workers go on, and nothing is sent until they have noticed; or the network sends all its records again, so that the new
    log is longer than the stored offsets, and the workers are killed. The ledger gets the place of every record of the deleted log.
    The audit finds out which of them had been read.
    """
    network, load, longer = network_of(deployment, fault), deployment.load, fault.share < LONGER
    bootstrap, topic = str(deployment.settings.kafka), Names(deployment.settings.namespace).reports(network)
    with connected(bootstrap) as admin, frozen_workers(deployment.pool):
        deployment.pause(BEHIND_S)
        load.hold()
        with KafkaLog(bootstrap, {}) as log:
            records = list(log.read([topic]))
        before = topic_id(admin, topic)
        load.ledger.topic_deleted(_gone(records, before))
        admin.delete_topics([topic])
        deployment.until(lambda: _made(deployment, admin, topic, before), PATIENCE_S, f"{topic} was not made again")
        load.grown.pop(network, None)
        if longer:
            load.send(sendings_of(network, records, load.ledger.source_ids))
            load.go_on()
            deployment.until(lambda: not load.sending, PATIENCE_S, f"{network} could not be sent again")
            deployment.pause(BEHIND_S)
            for number in list(deployment.pool.pids):
                deployment.pool.kill(number)
        now = topic_id(admin, topic)
    partitions = deployment.settings.partitions
    if not longer:
        changelog = Names(deployment.settings.namespace).dedup_index(network)
        with KafkaLog(bootstrap, {}) as log:
            deployment.until(
                lambda: _noticed(log, changelog, before, now, partitions), PATIENCE_S, f"{topic}: no worker noticed"
            )
        load.go_on()
    deployment.monitor.measure_recovery()  # the offsets begin again
    return {"injected": float(bool(records)), "records": len(records), "longer": float(longer)}


def grown(deployment: Deployment, fault: Fault) -> dict[str, float]:
    """Add partitions to a network's topic while nothing of it is unread (ADR 0015). Once they are assigned, the network sends again.

    Most of its reports come to another partition then, which must know them.
    """
    network, load = network_of(deployment, fault), deployment.load
    bootstrap, topic = str(deployment.settings.kafka), Names(deployment.settings.namespace).reports(network)
    before = load.grown.get(network, deployment.settings.partitions)
    load.hold()
    deployment.until(lambda: _read(deployment, topic), PATIENCE_S, f"{topic} is not read to its end")
    with connected(bootstrap) as admin:
        admin.create_partitions({topic: before + ADDED})
        apply(bootstrap, topics_of(deployment.city, deployment.settings), replication=None)
        deployment.observer.follow_partitions()
        added = [TopicPartition(topic, number) for number in range(before, before + ADDED)]
        deployment.until(lambda: deployment.monitor.assigned(added), PATIENCE_S, f"{added} are not assigned")
    with KafkaLog(bootstrap, {}) as log:
        records = list(islice(log.read([topic]), MAX_RECORDS))
    load.grown[network] = before + ADDED
    load.go_on()
    load.send(sendings_of(network, records, load.ledger.source_ids))
    deployment.until(lambda: not load.sending, PATIENCE_S, f"{network} could not be sent again")
    return {"injected": 1.0, "partitions": float(before + ADDED)}


def network_of(deployment: Deployment, fault: Fault) -> str:
    """One of the networks that have sent most, by the fault's random number."""
    names = Names(deployment.settings.namespace)
    networks = {names.reports(network): network for network in deployment.city.codes}

    def busiest() -> list[tuple[str, int]]:
        sent: Counter[str] = Counter()
        for tp, end in deployment.monitor.latest.ends.items() if deployment.monitor.latest is not None else ():
            sent[tp.topic] += end if tp.topic in networks else 0
        return [(topic, number) for topic, number in sent.most_common(BUSIEST) if number >= LEAST]

    deployment.until(lambda: len(busiest()) == BUSIEST, PATIENCE_S, f"no {BUSIEST} networks sent {LEAST} records")
    topic, _ = busiest()[int(fault.share * 1000) % BUSIEST]
    return networks[topic]


def topic_id(admin: KafkaAdminClient, topic: str) -> str:
    """The id of a topic as Kafka prints it and stored offsets have it; empty when it does not exist."""
    described: list[dict[str, Any]] = admin.describe_topics([topic])
    if not described or described[0].get("error_code"):
        return ""
    return urlsafe_b64encode(UUID(str(described[0]["topic_id"])).bytes).decode().rstrip("=")


def _made(deployment: Deployment, admin: KafkaAdminClient, topic: str, before: str) -> bool:
    if topic_id(admin, topic) not in {"", before}:
        return True
    with suppress(BrokerError):  # the name is free a moment later
        apply(str(deployment.settings.kafka), topics_of(deployment.city, deployment.settings), replication=None)
    return False


def _gone(records: list[Record], id_: str) -> Iterator[Gone]:
    for record in records:
        number = number_of(record)
        if number is not None:
            yield Gone(number, record.topic, id_, record.partition, record.offset, received_of(record))


def _noticed(log: KafkaLog, changelog: str, before: str, now: str, partitions: int) -> bool:
    """Whether each partition of the new log that had an offset of the old one has stored one of the new one."""
    stored = [
        (record.partition, decode_stored_offset(record.value).topic_id)
        for record in log.read([changelog])
        if record.key == STORED_OFFSET_KEY and record.partition < partitions
    ]
    return {number for number, of in stored if of == before} <= {number for number, of in stored if of == now}


def _read(deployment: Deployment, topic: str) -> bool:
    latest = deployment.monitor.latest
    return latest is not None and latest.passed({tp: end for tp, end in latest.ends.items() if tp.topic == topic})
