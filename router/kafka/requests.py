"""Requests of aiokafka's protocol to any broker, or to the leader of a partition. Loads no Faust; its private names are in internals.py."""

import random
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, LeaderNotAvailableError, NodeNotReadyError


async def send_to_any(consumer: AIOKafkaConsumer, request: Any) -> Any:
    """The answer to a request of aiokafka's protocol, from the first broker that gives one, in random order. Raises KafkaError."""
    return await first_answer(consumer._client, request)


async def send_to_leader(consumer: AIOKafkaConsumer, partition: TopicPartition, request: Any) -> Any:
    """The answer to a request of aiokafka's protocol, from the leader of a partition. Raises KafkaError."""
    client = consumer._client
    leader = client.cluster.leader_for_partition(partition)
    if leader is None or leader < 0:
        # the client knows the leaders of the topics that it has asked for
        await client.add_topic(partition.topic)
        leader = client.cluster.leader_for_partition(partition)
    if leader is None or leader < 0:
        raise LeaderNotAvailableError(f"{partition.topic}/{partition.partition} has no leader")
    return await client.send(leader, request)


async def first_answer(client: AIOKafkaClient, request: Any) -> Any:
    """The answer to a request from the first broker that gives one, in random order. Raises KafkaError."""
    nodes = [broker.nodeId for broker in client.cluster.brokers()]
    failure: KafkaError = NodeNotReadyError("no broker is known")
    for node in random.sample(nodes, len(nodes)):
        try:
            return await client.send(node, request)
        except KafkaError as error:
            failure = error
    raise failure
