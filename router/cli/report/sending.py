"""Sends the records of a file to their network's topic, as a producer of the network would."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from router.broker.server import bootstrap
from router.client.connection import Connection
from router.client.sender import KeyedRecord, Sender
from router.client.stopping import StopRequest
from router.domain.intake.source_ids import source_id_of
from router.domain.model.source_record import RecordHeaders
from router.domain.networks.registry import NETWORKS
from router.wire.errors import InputError
from router.wire.settings import Settings

PATIENCE_S = 0.0
"""A command makes one attempt, of five seconds."""


class SentReport(Struct, frozen=True, kw_only=True):
    """Where Kafka has stored one record of a file."""

    record: int
    """Its line in the file, or its number, from 1."""
    id: str
    topic: str
    partition: int
    offset: int


def send_reports(
    network: str, records: Sequence[tuple[int, bytes]], headers: list[tuple[str, bytes]]
) -> Iterator[SentReport]:
    """Send records in their order. A version of a report is sent only after Kafka has stored the one before.

    Args:
        network: whose they are.
        records: number and value of each.
        headers: of every record.

    Raises:
        InputError: no id can be read from one; nothing was sent.
        TopicError: the network has no topic.
        BrokerError: Kafka does not answer, or denies access.
    """
    settings = Settings()
    connection = Connection(kafka=bootstrap(settings), namespace=settings.namespace, patience_s=PATIENCE_S)
    topic = connection.names.reports(network)
    ids = [_id(network, number, value, headers) for number, value in records]
    keyed = [KeyedRecord(id_.encode(), value, headers) for id_, (_, value) in zip(ids, records, strict=True)]
    sender = Sender(connection, StopRequest())
    try:
        stored = sender.send_all(topic, keyed)
    finally:
        sender.close()
    for id_, (number, _), (partition, offset) in zip(ids, records, stored, strict=True):
        yield SentReport(record=number, id=id_, topic=topic, partition=partition, offset=offset)


def _id(network: str, number: int, value: bytes, headers: RecordHeaders) -> str:
    id_ = source_id_of(NETWORKS[network], value, headers)
    if id_ is None:
        field = NETWORKS[network].id_field
        raise InputError(
            "no id can be read from it, so it has no key", where=f"record {number}", hint=f"give it the field {field}"
        )
    return id_
