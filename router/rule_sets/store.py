"""The rule-set store: the topic `grid.rule-sets`, read to its end and appended to."""

import asyncio

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from router.kafka.connecting import connect_options
from router.kafka.consumers import LazyConsumer
from router.wire.declared_topics import MAX_RULE_SET_BYTES
from router.wire.principal import with_principal
from router.wire.rule_sets import RuleSetRecord, decode_rule_set, encode_rule_set
from router.wire.security import security_for

log = structlog.get_logger(__name__)


class RuleSetStore:
    """Reads the published rule sets of one deployment.

    Args:
        bootstrap: `host:port` list of the cluster.
        topic: `grid.rule-sets` of the deployment.
    """

    def __init__(self, bootstrap: str, topic: str) -> None:
        self.bootstrap, self.topic = bootstrap, topic
        self._partition = TopicPartition(topic, 0)
        self._position = 0
        self._consumer = LazyConsumer(
            bootstrap, fetch_max_bytes=MAX_RULE_SET_BYTES, max_partition_fetch_bytes=MAX_RULE_SET_BYTES
        )
        self.polls = 0
        """Polls that have read everything published until then."""
        self.withdrawn: list[str] = []
        """Keys whose publication the last `read` found deleted."""

    async def read(self) -> list[RuleSetRecord]:
        """The rule sets published since the last call, up to the present end of the topic, in the order of the log.

        A tombstone withdraws what was published under its key before. Logs an error for each record that is no rule set, or
        has the key of another one, and leaves it out.

        Raises:
            KafkaError: the broker is down. After `close` the next call starts at the same offset.
        """
        consumer = await self._at_position()
        end = (await consumer.end_offsets([self._partition]))[self._partition]
        rule_sets: list[RuleSetRecord] = []
        withdrawn: list[str] = []
        position = self._position
        while position < end:
            fetched = await consumer.getmany(self._partition, timeout_ms=500)
            for record in fetched.get(self._partition, []):
                key = (record.key or b"").decode("utf-8", "backslashreplace")
                if record.value is None:
                    withdrawn.append(key)
                    rule_sets = [one for one in rule_sets if one.key != key]
                elif (rule_set := await asyncio.to_thread(_decoded, key, record.value)) is not None:
                    rule_sets.append(rule_set)
            position = await consumer.position(self._partition)
        self._position, self.withdrawn = position, withdrawn
        return rule_sets

    async def _at_position(self) -> AIOKafkaConsumer:
        """The consumer; a new one starts at the offset that the last successful `read` reached."""
        consumer = await self._consumer.connected()
        if not consumer.assignment():
            consumer.assign([self._partition])
            consumer.seek(self._partition, self._position)
        return consumer

    async def close(self) -> None:
        """Close the connection; a later `read` opens another."""
        await self._consumer.close()


async def publish(bootstrap: str, topic: str, record: RuleSetRecord) -> None:
    """Append a rule set, acknowledged by all in-sync replicas, with the user who does it. Raises KafkaError."""
    key, value, headers = encode_rule_set(record)
    headers = with_principal(headers, security_for(bootstrap).user)
    producer = AIOKafkaProducer(
        **connect_options(bootstrap), acks="all", enable_idempotence=True, max_request_size=MAX_RULE_SET_BYTES
    )
    await producer.start()
    try:
        await producer.send_and_wait(topic, value, key=key, headers=headers, partition=0)
    finally:
        await producer.stop()


def _decoded(key: str, value: bytes) -> RuleSetRecord | None:
    try:
        rule_set = decode_rule_set(value)
        if rule_set.key != key:
            raise ValueError("its key is that of another rule set")
    except ValueError:
        log.exception("a record of the rule-set topic is not a rule set")
        return None
    return rule_set
