"""What is promised for each record, and what a topic lacks of it."""

import pytest

from router.wire.durability import Durability, Shortfall, declared_durability
from router.wire.errors import InputError

SAFE = {"min.insync.replicas": "2", "unclean.leader.election.enable": "false"}


@pytest.mark.parametrize(
    ("replication", "min_insync", "brokers", "declared"),
    [
        (None, None, 1, Durability(1, 1)),
        (None, None, 2, Durability(1, 1)),
        (None, None, 3, Durability(3, 2)),
        (None, None, 9, Durability(3, 2)),
        (1, None, 3, Durability(1, 1)),
        (2, None, 2, Durability(2, 2)),
        (3, None, 1, Durability(3, 2)),
        (3, 3, 3, Durability(3, 3)),
        (5, None, 5, Durability(5, 3)),
    ],
)
def test_three_brokers_keep_three_replicas_unless_the_settings_say_otherwise(
    replication: int | None, min_insync: int | None, brokers: int, declared: Durability
) -> None:
    assert declared_durability(replication, min_insync, brokers) == declared


@pytest.mark.parametrize(
    ("replication", "min_insync", "said"),
    [
        (3, 1, r"GRID_ROUTER_MIN_INSYNC_REPLICAS=1: a record that one broker alone has .* set it to 2, or unset it"),
        (3, 4, r"GRID_ROUTER_MIN_INSYNC_REPLICAS=4: 4 brokers must have each record, and 3 get it; set it to 2"),
        (1, 2, r"2 brokers must have each record, and 1 gets it; set it to 1, or unset it"),
    ],
)
def test_a_promise_that_no_cluster_can_keep_is_one_sentence(replication: int, min_insync: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        declared_durability(replication, min_insync, 3)


@pytest.mark.parametrize(
    ("replicas", "config", "lacking"),
    [
        (3, SAFE, []),
        (5, SAFE | {"min.insync.replicas": "3"}, []),
        (1, SAFE, [Shortfall("replicas", "1", "3")]),
        (3, SAFE | {"min.insync.replicas": "1"}, [Shortfall("min.insync.replicas", "1", "2")]),
        (3, {}, [Shortfall("min.insync.replicas", "1", "2")]),
        (
            3,
            SAFE | {"unclean.leader.election.enable": "true"},
            [Shortfall("unclean.leader.election.enable", "true", "false")],
        ),
    ],
)
def test_what_a_topic_lacks(replicas: int, config: dict[str, str], lacking: list[Shortfall]) -> None:
    assert Durability(3, 2).shortfalls(replicas, config) == lacking


def test_what_is_declared_is_no_shortfall() -> None:
    declared = Durability(3, 2)
    assert declared.config() == SAFE
    assert declared.shortfalls(3, declared.config()) == []


def test_one_replica_needs_no_configuration_and_lacks_nothing() -> None:
    """A deployment on one broker stays as it was."""
    assert Durability().config() == {}
    assert Durability().shortfalls(1, {"min.insync.replicas": "1", "unclean.leader.election.enable": "true"}) == []
