"""A request whose connection breaks, and that reaches the broker late: no transaction is ever torn.

The proxy holds one request back, cuts its client, and delivers it at a chosen moment. The levels of `transaction.version` are
those of KIP-890.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from itertools import count
from random import Random

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from msgspec import Struct

from router.broker.admin import connected
from router.dead_letters.redrive_producer import OutgoingRecord, open_redrive_producer
from router.kafka import transactional_producer
from router.kafka.transactional_producer import OutOfTurnError, TransactionalProducer
from router.stream.engine.status import StreamTaskStatus
from router.wire.errors import BrokerError
from tests.chaos.cluster import Cluster
from tests.chaos.frames import Api, Request
from tests.chaos.late_requests import Due, Late, LateRequests, after, after_answers, at_once
from tests.stream.test_partition import Tally, produce, read, until
from tests.stream.test_partition import opened as partition_opened
from tests.support.topics import create_topics

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]

FENCED = {47, 90}
"""INVALID_PRODUCER_EPOCH, PRODUCER_FENCED."""
CONCURRENT_TRANSACTIONS = 51
Values = list[bytes]
numbers = count()


class Network(Struct, frozen=True):
    """A broker behind a proxy, and two topics of one test."""

    cluster: Cluster
    proxy: LateRequests
    name: str

    def producer(self) -> TransactionalProducer:
        """A producer that connects through the proxy; all of one test have the same transactional id."""
        return TransactionalProducer(self.cluster.proxy, self.name, batch_bytes=1 << 20)

    def hold(self, api: Api, due: Due) -> None:
        """Hold the next request of this kind back."""
        once = iter([due])
        self.proxy.hold = lambda request: next(once, None) if request.api == api else None

    @property
    def late(self) -> Late:
        """The request that was held back in this test."""
        (late,) = [one for one in self.proxy.late if one.request.transactional_id == self.name]
        return late

    async def visible(self) -> tuple[Values, Values]:
        """What a read_committed reader sees now: outputs and positions."""
        topics = [TopicPartition(f"{self.name}.{topic}", 0) for topic in ("outputs", "positions")]
        seen: dict[TopicPartition, Values] = {topic: [] for topic in topics}
        reader = AIOKafkaConsumer(
            bootstrap_servers=self.cluster.address, isolation_level="read_committed", auto_offset_reset="earliest"
        )
        async with reader:
            reader.assign(topics)
            ends = await reader.end_offsets(topics)  # the last stable offsets
            for topic in topics:
                while await reader.position(topic) < ends[topic]:
                    fetched = await reader.getmany(topic, timeout_ms=50)
                    seen[topic] += [record.value for record in fetched.get(topic, [])]
        outputs, positions = seen.values()
        return outputs, positions


@pytest.fixture(
    scope="module",
    params=[pytest.param(0, marks=pytest.mark.long), pytest.param(1, marks=pytest.mark.long), 2],
    ids="transaction.version={}".format,
)
def broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with (
        Cluster(tmp_path_factory.mktemp("broker"), f"transaction.version={request.param}") as cluster,
        LateRequests(cluster.proxy, cluster.behind_proxy) as proxy,
    ):
        with connected(cluster.address) as admin:
            level = admin.describe_features()["transaction.version"]
        assert level.get("finalized", (0, 0))[1] == request.param
        yield Network(cluster, proxy, "")


@pytest.fixture
def network(broker: Network) -> Network:
    name = f"late{next(numbers)}"

    broker.proxy.limit_s = 60.0  # the moment of delivery is chosen, not timed
    asyncio.run(create_topics(broker.cluster.address, f"{name}.outputs", f"{name}.positions"))
    return Network(broker.cluster, broker.proxy, name)


@pytest.fixture
def plain_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """The producer with aiokafka's own sender."""
    monkeypatch.setattr(transactional_producer, "end_transactions_once", lambda _: None)


async def write(producer: TransactionalProducer, name: str, **values: bytes) -> None:
    """Send one record to each of these topics, in one Produce request."""
    writer = producer.writer()
    for topic, value in values.items():
        writer.add(f"{name}.{topic}", 0, None, value)
    await producer.send(writer)


async def until_visible(network: Network, expected: tuple[Values, Values]) -> None:
    """Wait until a reader sees this. A commit is answered before its markers are written."""
    seen: tuple[Values, Values] = [], []
    try:
        async with asyncio.timeout(120):
            while seen != expected:
                seen = await network.visible()
    except TimeoutError:
        assert seen == expected


async def first_transaction(network: Network, producer: TransactionalProducer) -> None:
    await producer.open()
    await producer.begin()
    await write(producer, network.name, outputs=b"case-1", positions=b"1")


async def answered(late: Late) -> int:
    """The error code with which the broker answered the late request."""
    async with asyncio.timeout(120):
        while late.code is None:
            await asyncio.sleep(0.01)
    return late.code


# Two Produce requests, as a transaction has on several brokers, or when it does not fit in one batch a partition.


async def outputs_without_position(network: Network) -> None:
    """A scenario in which the plain client is torn."""
    producer = network.producer()
    network.hold("EndTxn", after("Produce"))
    await first_transaction(network, producer)
    await producer.commit()  # the connection broke, and no error is raised
    await producer.begin()
    await write(producer, network.name, outputs=b"case-2")
    assert await answered(network.late) == 0
    await until_visible(network, ([b"case-1", b"case-2"], [b"1"]))
    await producer.stop()  # the worker ends here
    async with opened(network):
        assert await network.visible() == ([b"case-1", b"case-2"], [b"1"])


@pytest.mark.usefixtures("plain_client")
def test_the_plain_client_shows_outputs_without_their_position(network: Network) -> None:
    asyncio.run(outputs_without_position(network))


@pytest.mark.usefixtures("plain_client")
def test_the_plain_client_commits_a_position_without_its_outputs(network: Network) -> None:
    async def scenario() -> None:
        producer = network.producer()
        network.hold("EndTxn", after("Produce"))
        await first_transaction(network, producer)
        await producer.abort()
        await producer.begin()
        await write(producer, network.name, outputs=b"case-2")
        assert await answered(network.late) == 0
        await write(producer, network.name, positions=b"2")
        await producer.commit()
        await until_visible(network, ([], [b"2"]))
        await producer.stop()

    asyncio.run(scenario())


# One Produce request, as most transactions of the router have on one broker: all of it commits early, or nothing.


@pytest.mark.usefixtures("plain_client")
@pytest.mark.parametrize(
    ("api", "seen"),
    [
        ("EndTxn", ([b"case-1"], [b"1"])),
        ("AddPartitionsToTxn", ([b"case-1"], [b"1"])),
        ("Produce", ([b"case-1", b"case-2"], [b"1", b"2"])),
    ],
)
def test_the_plain_client_tears_no_transaction_of_one_request(
    network: Network, api: Api, seen: tuple[Values, Values]
) -> None:
    async def scenario() -> None:
        producer = network.producer()
        network.hold("EndTxn", after(api))
        await first_transaction(network, producer)
        await producer.commit()
        await producer.begin()
        with suppress(KafkaError):  # the broker rejects a Produce behind the late end
            await write(producer, network.name, outputs=b"case-2", positions=b"2")
        assert await answered(network.late) in {0, CONCURRENT_TRANSACTIONS}
        await producer.stop()
        async with opened(network):
            await until_visible(network, seen)

    asyncio.run(scenario())


def test_a_transaction_that_fits_in_its_batches_is_one_request(network: Network) -> None:
    async def scenario() -> None:
        async with opened(network) as producer:
            for number in (1, 2):  # the first one waits for the leaders of its new topics
                network.proxy.passed.clear()
                await producer.begin()
                await write(producer, network.name, outputs=b"case-%d" % number, positions=b"%d" % number)
                await producer.commit()

    network.proxy.hold = lambda _: None
    asyncio.run(scenario())
    passed = [request.api for request in network.proxy.passed if request.transactional_id == network.name]
    assert [api for api in passed if api != "AddPartitionsToTxn"] == ["Produce", "EndTxn"]


def opened(network: Network) -> "Owner":
    return Owner(network.producer())


class Owner:
    """A producer that is open within a context."""

    def __init__(self, producer: TransactionalProducer) -> None:
        self._producer = producer

    async def __aenter__(self) -> TransactionalProducer:
        await self._producer.open()
        return self._producer

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()


End = Callable[[TransactionalProducer], Awaitable[None]]
ENDS: list[End] = [TransactionalProducer.commit, TransactionalProducer.abort]


async def late_end_is_fenced(network: Network, due: Due, end: End) -> None:
    """A scenario in which a commit or abort of the router's producer arrives in the next transaction."""
    producer = network.producer()
    network.hold("EndTxn", due)
    await first_transaction(network, producer)
    with pytest.raises(KafkaError):
        await end(producer)
    with pytest.raises(OutOfTurnError, match="no answer; open another producer"):
        await producer.begin()
    async with opened(network) as successor:
        assert await network.visible() == ([], [])  # the stored offset decides: nothing was committed
        await successor.begin()
        await write(successor, network.name, outputs=b"case-2")
        assert await answered(network.late) in {*FENCED, CONCURRENT_TRANSACTIONS}  # neither ends anything
        assert await network.visible() == ([], [])
        await write(successor, network.name, positions=b"2")
        await successor.commit()
        await until_visible(network, ([b"case-2"], [b"2"]))
    await producer.stop()


@pytest.mark.parametrize("end", ENDS, ids=["commit", "abort"])
@pytest.mark.parametrize(
    "due",
    [
        lambda request, code: request.api == "InitProducerId" and code == CONCURRENT_TRANSACTIONS,
        after("InitProducerId"),
        after("AddPartitionsToTxn"),
        after("Produce"),
    ],
    ids=["while InitProducerId aborts", "after InitProducerId", "after AddPartitionsToTxn", "after Produce"],
)
def test_a_late_end_is_fenced_by_the_new_epoch(network: Network, due: Due, end: End) -> None:
    asyncio.run(late_end_is_fenced(network, due, end))


def test_a_commit_that_arrives_before_the_new_epoch_is_found_by_its_position(network: Network) -> None:
    async def scenario() -> None:
        producer = network.producer()
        network.hold("EndTxn", at_once)
        await first_transaction(network, producer)
        with pytest.raises(KafkaError):
            await producer.commit()
        assert await answered(network.late) == 0
        async with opened(network):
            assert await network.visible() == ([b"case-1"], [b"1"])
        await producer.stop()

    asyncio.run(scenario())


@pytest.mark.parametrize("after_api", ["AddPartitionsToTxn", "Produce", "EndTxn"])
@pytest.mark.parametrize("api", ["InitProducerId", "AddPartitionsToTxn", "Produce"])
def test_other_requests_may_be_repeated_and_arrive_late(network: Network, api: Api, after_api: Api) -> None:
    """aiokafka repeats them, too. The first copy never adds, removes or ends anything that a reader sees."""

    async def scenario() -> None:
        written = 0
        network.hold(api, after(after_api))
        while written < 3:
            async with opened(network) as producer:
                try:
                    while written < 3:
                        await producer.begin()
                        await write(producer, network.name, outputs=b"case-%d" % written)
                        await write(producer, network.name, positions=b"%d" % written)
                        await producer.commit()
                        written += 1
                except KafkaError:  # fenced by a late InitProducerId
                    outputs, positions = await network.visible()
                    assert len(outputs) == len(positions)
                    written = len(positions)
        await answered(network.late)
        await until_visible(network, ([b"case-0", b"case-1", b"case-2"], [b"0", b"1", b"2"]))

    asyncio.run(scenario())


def test_a_redrive_names_a_commit_of_unknown_outcome_and_writes_once(network: Network) -> None:
    topic, namespace = f"{network.name}.outputs", f"{network.name}."
    record = OutgoingRecord(topic=topic, partition=0, key=b"k", value=b"redriven", headers=[])

    def redrive() -> None:
        with open_redrive_producer(network.cluster.proxy, namespace) as producer, producer.transaction():
            producer.send([record])

    network.hold("EndTxn", after("InitProducerId"))
    with pytest.raises(BrokerError, match="whether it was committed is not known"):
        redrive()
    assert asyncio.run(network.visible()) == ([], [])
    redrive()
    (late,) = [one for one in network.proxy.late if one.request.transactional_id.startswith(namespace)]
    assert asyncio.run(answered(late)) in FENCED
    asyncio.run(until_visible(network, ([b"redriven"], [])))


def test_a_partition_writes_every_value_once_when_any_request_may_be_late(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router.stream.engine.transaction.BATCH_BYTES", 200)  # several Produce requests a transaction
    namespace, random = f"{network.name}.", Random(13)
    expected = [b"v%d" % number for number in range(200)]

    def hold(_: Request) -> Due | None:
        if random.random() > 0.15:
            return None
        return after_answers(random.randrange(1, 7))

    async def scenario() -> None:
        await create_topics(network.cluster.address, f"{namespace}in", f"{namespace}out", f"{namespace}changelog")
        await produce(network.cluster.address, f"{namespace}in", expected)
        records = await read(network.cluster.address, f"{namespace}in")
        async with partition_opened(network.cluster.proxy, namespace, Tally(namespace)) as partition:
            await until(lambda: partition.status is StreamTaskStatus.RUNNING)
            network.proxy.hold, network.proxy.limit_s = hold, 3.0
            for start in range(0, len(records), 10):
                partition.offer(records[start : start + 10])
                async with asyncio.timeout(240):
                    while partition.backlog:
                        await asyncio.sleep(0.01)
        del network.proxy.hold
        assert [record.value for record in await read(network.cluster.address, f"{namespace}out")] == expected

    asyncio.run(scenario())
    late = [one.request.api for one in network.proxy.late if one.request.transactional_id.startswith(namespace)]
    assert "EndTxn" in late
    assert "Produce" in late
