"""A cluster of three brokers: its life, what is declared for each record, and transactions whose partitions have several leaders."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import count

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError
from kafka.admin import ConfigResource, ConfigResourceType

from router.broker import server
from router.broker.admin import apply, connected, durability_of, plan
from router.broker.reach import answers
from router.broker.replicas import fewest, replicas_of
from router.cli.checks import cluster as cluster_checks
from router.cli.checks import machine
from router.cli.checks.outcome import Skipped
from router.kafka.transactional_producer import TransactionalProducer
from router.stream.preflight import check_durability, check_topics
from router.wire.declared_topics import Topic
from router.wire.durability import INTERNAL_TOPICS
from router.wire.errors import BrokerError, TopicError
from tests.chaos.cluster import Cluster
from tests.chaos.late_requests import LateRequests, after
from tests.stream import test_late_requests as late
from tests.stream.test_late_requests import Network, plain_client  # noqa: F401 - a fixture
from tests.support.patience import PATIENCE_S
from tests.support.topics import set_config

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]
numbers = count()
ASKED = 10
"""For some seconds the metadata name a broker that has died, and a client that asks any of three meets it every third time."""


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with (
        Cluster(tmp_path_factory.mktemp("three"), brokers=3) as cluster,
        LateRequests(cluster.proxy, cluster.behind_proxy) as proxy,
    ):
        yield Network(cluster, proxy, "")


# Durability


def topics_of_test() -> list[Topic]:
    namespace = f"d{next(numbers)}."
    return [
        Topic(name=f"{namespace}grid.events", key="cell", partitions=2),
        Topic(name=f"{namespace}grid.cases", key="case id", partitions=2, cleanup="compact"),
    ]


def described(cluster: Cluster, names: Sequence[str]) -> dict[str, tuple[int, str, str]]:
    """Topic -> fewest replicas, least in sync, unclean election."""
    with connected(cluster.address) as admin:
        replicas = fewest(replicas_of(admin.describe_topics(list(names))))
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        configs = next(iter(admin.describe_configs(resources, config_filter="all").values()))
    wanted = ("min.insync.replicas", "unclean.leader.election.enable")
    return {name: (replicas[name], *(configs[name][key]["value"] for key in wanted)) for name in names}


def check(cluster: Cluster, topics: Sequence[Topic], **asked: int) -> None:
    asyncio.run(check_durability(cluster.address, topics, cluster.settings.model_copy(update=asked)))


def rejection(cluster: Cluster, topics: Sequence[Topic]) -> str:
    """Why a worker does not start; empty if it does."""
    try:
        check(cluster, topics)
    except TopicError as error:
        return str(error)
    return ""


def until_all_say(say: Callable[[], object]) -> None:
    """Wait until several looks in a row agree. A change is known to one broker before the others, and a client asks any of them."""
    deadline, agreed = time.monotonic() + PATIENCE_S, 0
    while agreed < LOOKS:
        agreed = agreed + 1 if say() else 0
        assert time.monotonic() < deadline


SAFE = (3, "2", "false")
LOOKS = 5


def test_doctor_finds_nothing_wrong_with_a_new_cluster(three: Network) -> None:
    settings = three.cluster.settings.model_copy(update={"metrics_port": 0})
    with pytest.raises(Skipped, match=r"no topics yet; `grid-router topics apply CITY` gives each 3 replicas"):
        cluster_checks.durability(settings, ["puyang"])
    assert re.search(r"in use by our brokers \(processes \d+, \d+, \d+\)$", machine.ports(settings))


def test_topics_of_one_replica_are_named_copied_and_then_as_declared(three: Network) -> None:
    """Also Kafka's own topics, which a new cluster does not have: they are made first."""
    cluster, topics = three.cluster, topics_of_test()
    apply(cluster.address, topics, replication=1)
    set_config(cluster.address, topics[0].name, min_insync_replicas="1")
    with pytest.raises(TopicError, match=r"replicas is 1, 3 is declared, .*topics apply CITY`, which corrects it"):
        check(cluster, topics)
    check(cluster, topics, replication=1)
    changes = plan(cluster.address, topics, replication=None).changes
    assert [(one.action, one.what) for one in changes if one.topic == topics[0].name] == [
        ("replicate", "replicas"),
        ("set", "min.insync.replicas"),
    ]
    apply(cluster.address, topics, replication=None)
    assert plan(cluster.address, topics, replication=None).changes == []
    names = [*(topic.name for topic in topics), *INTERNAL_TOPICS]
    assert described(cluster, names) == dict.fromkeys(names, SAFE)
    check(cluster, topics)


@pytest.mark.parametrize("internal", [False, True])
@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"min_insync_replicas": "1"}, r"min\.insync\.replicas is 1, 2 is declared"),
        ({"unclean_leader_election_enable": "true"}, r"unclean\.leader\.election\.enable is true, false is declared"),
    ],
)
def test_a_topic_that_may_lose_records_is_rejected_named_and_corrected(
    three: Network, internal: bool, config: dict[str, str], said: str
) -> None:
    cluster, topics = three.cluster, topics_of_test()
    apply(cluster.address, topics, replication=None)
    worse = "__transaction_state" if internal else topics[1].name
    set_config(cluster.address, worse, **config)
    until_all_say(lambda: re.match(rf"{worse}: {said}", rejection(cluster, topics)))
    found = durability_of(cluster.address, topics, replication=None, min_insync=None)
    assert [one.topic for one in found.shortfalls] == [worse]
    apply(cluster.address, topics, replication=None)
    until_all_say(lambda: not rejection(cluster, topics))


def test_more_replicas_than_brokers_is_one_sentence(three: Network) -> None:
    cluster, topics = three.cluster, topics_of_test()
    rejected = r"each record needs 4 brokers, and the cluster has 3 now; .*GRID_ROUTER_REPLICATION to no more than 3"
    with pytest.raises(BrokerError, match=rejected):
        apply(cluster.address, topics, replication=4)
    apply(cluster.address, topics, replication=None)
    with pytest.raises(BrokerError, match=rejected):
        check(cluster, topics, replication=4)


# Transactions


@pytest.fixture
def network(three: Network) -> Network:
    """Outputs and positions have different leaders."""
    name = f"late{next(numbers)}"

    async def create() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=three.cluster.address)
        await admin.start()
        led = {f"{name}.outputs": [1, 2, 3], f"{name}.positions": [2, 3, 1]}
        await admin.create_topics([NewTopic(topic, -1, -1, {0: replicas}) for topic, replicas in led.items()])
        await admin.close()

    three.proxy.limit_s = 60.0
    asyncio.run(create())
    return Network(three.cluster, three.proxy, name)


def test_one_transaction_is_one_request_a_leader(network: Network) -> None:
    async def scenario() -> None:
        async with late.opened(network) as producer:
            for number in (1, 2):  # the first one waits for the leaders of its new topics
                network.proxy.passed.clear()
                await producer.begin()
                await late.write(producer, network.name, outputs=b"case-%d" % number, positions=b"%d" % number)
                await producer.commit()

    network.proxy.hold = lambda _: None
    asyncio.run(scenario())
    passed = [request.api for request in network.proxy.passed if request.transactional_id == network.name]
    assert [api for api in passed if api != "AddPartitionsToTxn"] == ["Produce", "Produce", "EndTxn"]


@pytest.mark.usefixtures("plain_client")
def test_the_plain_client_tears_a_transaction_of_two_leaders(network: Network) -> None:
    asyncio.run(late.outputs_without_position(network))


@pytest.mark.parametrize("end", late.ENDS, ids=["commit", "abort"])
@pytest.mark.parametrize("due", [after("AddPartitionsToTxn"), after("Produce")], ids=["added", "produced"])
def test_a_late_end_is_fenced_on_every_leader(network: Network, due: late.Due, end: late.End) -> None:
    asyncio.run(late.late_end_is_fenced(network, due, end))


@pytest.mark.long
@pytest.mark.parametrize("gone", ["coordinator", "leader"])
def test_a_broker_that_dies_within_a_transaction_leaves_all_of_it_or_nothing(network: Network, gone: str) -> None:
    """The stored offset decides which, and the next producer goes on behind it."""
    cluster = network.cluster

    async def scenario() -> None:
        producer = await opened(network)
        await producer.begin()
        await late.write(producer, network.name, outputs=b"case-1", positions=b"1")
        kill_one(cluster, network.name if gone == "coordinator" else f"{network.name}.positions", gone)
        with suppress(KafkaError):
            await producer.commit()
        with suppress(KafkaError):
            await producer.stop()
        successor = await opened(network)
        outputs, positions = await network.visible()
        assert (outputs, positions) in [([], []), ([b"case-1"], [b"1"])]
        await successor.begin()
        await late.write(successor, network.name, outputs=b"case-2", positions=b"2")
        await successor.commit()
        await late.until_visible(network, ([*outputs, b"case-2"], [*positions, b"2"]))
        await successor.stop()

    network.proxy.hold = lambda _: None
    try:
        asyncio.run(scenario())
    finally:
        cluster.start()


async def opened(network: Network) -> TransactionalProducer:
    """An open producer, as soon as the coordinator answers."""
    async with asyncio.timeout(120):
        while True:
            producer = network.producer()
            try:
                await producer.open()
            except KafkaError:
                with suppress(KafkaError):
                    await producer.stop()
            else:
                return producer


def kill_one(cluster: Cluster, name: str, which: str) -> None:
    """Kill the coordinator of a transactional id, or the leader of a topic's partition."""
    if which == "leader":
        cluster.kill(cluster.leader(name, 0))
        return
    with connected(cluster.address) as admin:
        coordinator = admin.describe_transactions([name])[name].coordinator_id
    cluster.kill(coordinator)


# Life; last, because it starts a broker without its proxy


def test_a_broker_that_is_away_is_named_and_started_again(three: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = three.cluster.settings
    monkeypatch.delenv("GRID_ROUTER_KAFKA", raising=False)
    running = server.start(settings)
    assert [node.node for node in running.nodes] == [1, 2, 3]
    assert server.bootstrap(settings) == three.cluster.address
    assert server.start(settings, 3).nodes == running.nodes
    with pytest.raises(
        BrokerError, match=r"a cluster of 3 brokers runs in this folder.*`grid-router broker stop` first"
    ):
        server.start(settings, 1)
    topics = topics_of_test()
    apply(three.cluster.address, topics, replication=None)

    three.cluster.kill(2)
    for _ in range(ASKED):
        assert answers(three.cluster.address)
        asyncio.run(check_topics(three.cluster.address, topics, ""))
        with connected(three.cluster.address) as admin:
            assert admin.describe_cluster()["brokers"]
    away = server.status(settings)
    assert away.running
    assert [node.pid for node in away.nodes] == [running.nodes[0].pid, None, running.nodes[2].pid]
    back = server.start(settings)
    assert [node.pid for node in back.nodes][::2] == [node.pid for node in running.nodes][::2]
    assert back.nodes[1].pid not in {None, running.nodes[1].pid}
    assert cluster_checks.broker(settings).endswith("3 brokers, running")

    assert server.stop(settings)
    assert server.status(settings).state == "stopped"
