"""A cluster of three embedded brokers: its configuration, its folders, and who gets new replicas."""

import os
from pathlib import Path

import pytest
from kafka import TopicPartition

from router.broker import server
from router.broker.process import cluster_id
from router.broker.properties import BrokerNode, server_properties
from router.broker.replicas import fewest, widened
from router.wire.errors import InputError
from router.wire.settings import Settings


def properties(node: BrokerNode) -> dict[str, str]:
    return dict(line.split("=", 1) for line in server_properties(19092, Path("data"), node).splitlines())


def test_three_brokers_are_one_quorum_on_loopback() -> None:
    brokers = [properties(BrokerNode(number, 3)) for number in (1, 2, 3)]
    assert {broker["controller.quorum.voters"] for broker in brokers} == {
        "1@127.0.0.1:19093,2@127.0.0.1:19095,3@127.0.0.1:19097"
    }
    assert [broker["node.id"] for broker in brokers] == ["1", "2", "3"]
    assert [broker["advertised.listeners"] for broker in brokers] == [
        f"PLAINTEXT://127.0.0.1:{port}" for port in (19092, 19094, 19096)
    ]


@pytest.mark.parametrize(("of", "copies", "needed"), [(1, "1", "1"), (3, "3", "2")])
def test_each_broker_keeps_as_many_copies_as_there_are_brokers(of: int, copies: str, needed: str) -> None:
    found = properties(BrokerNode(1, of))
    for name in ("default", "offsets.topic", "transaction.state.log"):
        assert found[f"{name}.replication.factor"] == copies
    assert found["min.insync.replicas"] == found["transaction.state.log.min.isr"] == needed
    assert found["unclean.leader.election.enable"] == "false"


def test_the_brokers_of_a_cluster_have_folders_of_their_own_and_one_cluster_id(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, broker_port=19092)
    alone, several = server.folders(settings, 1), server.folders(settings, 3)
    assert len({folder.data for folder in (*alone, *several)}) == 4
    assert len({cluster_id(folder) for folder in several}) == 1
    assert cluster_id(alone[0]) != cluster_id(several[0])
    assert server.ports(settings, alone) == [19092, 19093]
    assert server.ports(settings, several) == [19092, 19093, 19094, 19095, 19096, 19097]


@pytest.mark.parametrize("brokers", [0, 2, 4])
def test_another_number_of_brokers_is_one_sentence(brokers: int, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{brokers} brokers are no cluster .* use --brokers 1 or 3"):
        server.start(Settings(home=tmp_path), brokers)


def test_a_stopped_cluster_stays_the_one_in_use(tmp_path: Path) -> None:
    """So `serve` after `broker stop` finds its topics, and not a new broker alone."""
    settings = Settings(home=tmp_path, broker_port=19092, kafka=None)
    alone, several = server.folders(settings, 1), server.folders(settings, 3)
    assert server.bootstrap(settings) == "127.0.0.1:19092"
    for found, at in ((several, 1_000), (alone, 2_000), (several[1:], 3_000)):
        for folder in found:
            folder.root.mkdir(parents=True, exist_ok=True)
            folder.write(settings.broker_port)
            os.utime(folder.properties, (at, at))
        assert server.status(settings).address == ",".join(
            f"127.0.0.1:{port}" for port in ((19092,) if found is alone else (19092, 19094, 19096))
        )


def partition(number: int) -> TopicPartition:
    return TopicPartition("grid.cases", number)


def test_a_partition_keeps_its_brokers_and_gets_those_that_have_the_fewest() -> None:
    held = {partition(0): [1], partition(1): [1], partition(2): [4, 2, 3]}
    assert widened(held, [1, 2, 3, 4], 3) == {partition(0): [1, 2, 3], partition(1): [1, 4, 2]}


def test_a_partition_with_enough_replicas_is_left_alone() -> None:
    assert widened({partition(0): [3, 1, 2], partition(1): [1, 2, 3, 4]}, [1, 2, 3, 4], 3) == {}


def test_the_partition_with_the_fewest_replicas_counts() -> None:
    assert fewest({partition(0): [1, 2, 3], partition(1): [1]}) == {"grid.cases": 1}
