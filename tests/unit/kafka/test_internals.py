"""The private names of aiokafka and Faust exist, and no other files use private names of a client."""

import asyncio
import re
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import KafkaConnectionError
from aiokafka.producer.message_accumulator import BatchBuilder, MessageAccumulator, MessageBatch
from aiokafka.producer.sender import EndTxnHandler, Sender

from router.kafka import internals
from tests.support.poison.sending import Sent, _append, _Batch
from tests.support.repository import ROOT

INTERNALS = "router/kafka/internals.py"
MAY = {INTERNALS, "router/kafka/abort.py", "router/kafka/requests.py", "router/kafka/blocking_internals.py"}


def a_batch() -> bytes:
    builder = _Batch(0)
    assert _append(builder, Sent(topic="", partition=0, value=b"1", headers=()))
    return bytes(builder._build())


async def instances() -> dict[Any, Any]:
    """One object of each class, without a broker."""
    consumer = AIOKafkaConsumer(group_id="g")
    producer = AIOKafkaProducer()
    coordinator = GroupCoordinator(consumer._client, consumer._subscription, group_id="g")
    records = internals.PyMemoryRecords(a_batch())
    sender = producer._sender
    made = {
        AIOKafkaConsumer: consumer,
        AIOKafkaProducer: producer,
        AIOKafkaAdminClient: AIOKafkaAdminClient(),
        GroupCoordinator: coordinator,
        Sender: sender,
        EndTxnHandler: EndTxnHandler(sender, True),
        BatchBuilder: BatchBuilder(1000, 0),
        MessageAccumulator: sender._message_accumulator,
        MessageBatch: MessageBatch(TopicPartition("t", 0), BatchBuilder(1000, 0), 1, 0),
        internals.PyMemoryRecords: records,
        internals.PyRecordBatch: internals.PyRecordBatch(a_batch()),
        internals.BasePartitionRecords: internals.BasePartitionRecords(
            TopicPartition("t", 0), records, [], 0, None, None, True, 0
        ),
    }
    await coordinator.close()
    await consumer.stop()
    await producer.stop()
    return made


@pytest.mark.parametrize("owner", internals.CLASS_NAMES, ids=lambda owner: owner.__name__)
def test_private_names_of_classes_and_modules_exist(owner: Any) -> None:
    assert [name for name in internals.CLASS_NAMES[owner] if not hasattr(owner, name)] == []


def test_private_names_of_instances_exist() -> None:
    made = asyncio.run(instances())
    for owner, names in internals.INSTANCE_NAMES.items():
        assert [name for name in names if not hasattr(made[owner], name)] == [], owner


def test_the_listed_names_are_those_that_the_functions_use() -> None:
    listed = {name for names in (*internals.CLASS_NAMES.values(), *internals.INSTANCE_NAMES.values()) for name in names}
    source = (ROOT / INTERNALS).read_text("utf-8")
    used = set(re.findall(r"\b(?:builder|consumer|producer|group|sender|self)\.(_[a-z_]+)", source))
    assert used <= listed


def test_no_other_file_reads_private_names_of_a_client() -> None:
    exempted = re.compile(r"#\s*(?:ruff: )?noqa\b.*SLF001")
    private_import = re.compile(r"^from (?:aiokafka|faust|kafka)\b.* import .*\b_[a-zA-Z]", re.MULTILINE)
    files = [path for path in ROOT.glob("router/**/*.py") if path.relative_to(ROOT).as_posix() not in MAY]
    assert files
    for path in files:
        source = path.read_text("utf-8")
        assert not exempted.search(source), path
        assert not private_import.search(source), path


class Brokers:
    """The part of a client that sends: of three brokers, some have just died, and the metadata still name them."""

    def __init__(self, dead: set[int]) -> None:
        self.cluster, self._dead = self, dead

    def brokers(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(nodeId=number) for number in (1, 2, 3)]

    async def send(self, node: int, request: str) -> tuple[int, str]:
        if node in self._dead:
            raise KafkaConnectionError(f"no answer of {node}")
        return node, request


async def asked(dead: set[int], node: int | None = None) -> Any:
    admin = internals.AdminClient()
    client, admin._client = admin._client, Brokers(dead)
    try:
        return await admin._send_request("which topics?", node)
    finally:
        await client.close()


@pytest.mark.parametrize("dead", [{1}, {2, 3}, {1, 2}, set[int]()], ids=str)
def test_the_admin_client_asks_until_a_broker_answers(dead: set[int]) -> None:
    for _ in range(10):
        node, request = asyncio.run(asked(dead))
        assert node in {1, 2, 3} - dead
        assert request == "which topics?"


def test_the_admin_client_fails_when_no_broker_answers_or_the_one_that_must() -> None:
    with pytest.raises(KafkaConnectionError):
        asyncio.run(asked({1, 2, 3}))
    with pytest.raises(KafkaConnectionError, match="no answer of 2"):
        asyncio.run(asked({2}, node=2))
