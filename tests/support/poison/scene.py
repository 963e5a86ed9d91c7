"""A deployment of the city with all networks on a real broker: sends records and reads the outputs."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from router.broker.admin import apply
from router.cities.folder import load_city
from router.domain.rules.city import City
from router.simulator.replay.consumer_group import ConsumerGroup
from router.wire.codec import DeadLetter, decode_case, decode_task, is_case, read_dead_letter
from router.wire.declared_topics import topics_of
from router.wire.settings import Settings
from router.wire.topic_names import Names
from router.workers.pool import WorkerPool
from tests.support.broker import free_ports
from tests.support.poison import city
from tests.support.poison.reading import Record, read
from tests.support.poison.sending import RecordAddress, Sent, send

LIMIT_S = 90.0


class Scene:
    """One namespace with all topics of the city.

    Args:
        kafka: address of the broker.
        namespace: of the topics.
        folder: for the city and the workers' logs.
    """

    def __init__(self, kafka: str, namespace: str, folder: Path) -> None:
        cities = city.folder(folder)
        self.kafka, self.names = kafka, Names(namespace)
        self.settings = Settings(
            kafka=kafka, home=folder, namespace=namespace, cities=cities, partitions=2, metrics_port=free_ports(2)
        )
        self.city: City = load_city(city.NAME, cities)
        apply(kafka, topics_of(self.city, self.settings))

    def pool(self, workers: int = 2) -> WorkerPool:
        """Workers of the city, not started."""
        return WorkerPool(city.NAME, self.settings, workers, "wall")

    def send(self, records: Sequence[Sent], codec: int = 0) -> list[RecordAddress]:
        """Write records; where each stands."""
        return asyncio.run(send(self.kafka, records, codec))

    def read(self, *topics: str) -> list[Record]:
        """Everything committed on topics."""
        return asyncio.run(read(self.kafka, *topics))

    def dead_letters(self) -> list[DeadLetter]:
        """All dead letters."""
        return [read_dead_letter(r.key, r.value, list(r.headers)) for r in self.read(self.names.dead_letters)]

    def held(self) -> Counter[str]:
        """Report ids in the cases, and in how many."""
        latest = {r.key: r.value for r in self.read(self.names.cases) if is_case(r.headers)}
        return Counter(report.id for value in latest.values() for report in decode_case(value).reports)

    def tasks(self) -> Counter[tuple[str, str, str]]:
        """Topic, case and kind of every task record."""
        topics = [self.names.tasks(department) for department in self.city.catalogue.departments]
        read = [(record.topic, decode_task(record.value)) for record in self.read(*topics)]
        return Counter((topic, task.case, task.state) for topic, task in read)

    def drain(self, pool: WorkerPool) -> None:
        """Wait until the workers have committed past everything there is to read; none of them may end meanwhile."""
        admin = KafkaAdminClient(bootstrap_servers=self.kafka)
        consumer = KafkaConsumer(bootstrap_servers=self.kafka, isolation_level="read_committed")
        group = ConsumerGroup(
            admin,
            consumer,
            Names(self.settings.namespace).group,
            sources=[tp for network in self.city.codes for tp in self._partitions(self.names.reports(network))],
            events=self._partitions(self.names.events),
        )
        deadline = time.monotonic() + LIMIT_S
        try:
            while not group.finished():
                pool.poll()
                assert pool.restarts == 0, "a worker ended"
                assert time.monotonic() < deadline, "\n".join(log.read_text()[-3000:] for log in pool.logs)
                time.sleep(0.2)
        finally:
            consumer.close()
            admin.close()

    def _partitions(self, topic: str) -> list[TopicPartition]:
        return [TopicPartition(topic, number) for number in range(self.settings.partitions)]
