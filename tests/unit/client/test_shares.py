"""Which records a member still has after its group has shared the partitions out again."""

from typing import Any

import pytest
from kafka import TopicPartition

from router.client.connection import Connection
from router.client.outstanding import OutstandingRecords
from router.client.stopping import StopRequest
from router.client.subscription import Subscription, Waiting, _Listener

A, B = TopicPartition("t", 0), TopicPartition("t", 1)


class Member:
    """It holds one waiting record of each partition, at offset 7."""

    def __init__(self) -> None:
        self.subscription: Any = Subscription(
            Connection(kafka="127.0.0.1:1"), topic="t", group="g", stop=StopRequest(), read=str, mark=str
        )
        self.listener = _Listener(self.subscription._shares)
        for partition in (A, B):
            outstanding = OutstandingRecords()
            outstanding.read(7)
            self.subscription._partitions[partition] = outstanding
            self.subscription._waiting.append(Waiting(partition, outstanding))  # type: ignore[arg-type]

    def has(self) -> tuple[set[TopicPartition], list[TopicPartition], bool]:
        """The partitions, what waits, and whether nothing may be handed out."""
        self.subscription._follow_shares()
        return (
            set(self.subscription._partitions),
            [one.record for one in self.subscription._waiting],
            self.subscription._joining,
        )


@pytest.mark.parametrize(
    ("given", "kept"),
    [({A, B}, [A, B]), ({A}, [A]), ({B, TopicPartition("t", 2)}, [B]), (set(), [])],
    ids=["both", "one", "one and a new one", "none"],
)
def test_what_the_member_gets_back_is_kept(given: set[TopicPartition], kept: list[TopicPartition]) -> None:
    member = Member()
    member.listener.on_partitions_revoked({A, B})
    assert member.has() == ({A, B}, [A, B], True)
    member.listener.on_partitions_assigned(given)
    assert member.has() == (set(kept), kept, False)


def test_what_the_member_has_lost_is_forgotten_even_if_it_gets_it_again() -> None:
    member = Member()
    member.listener.on_partitions_lost({A, B})
    assert member.has() == (set(), [], True)
    member.listener.on_partitions_assigned({A, B})
    assert member.has() == (set(), [], False)


def test_shares_between_two_polls_count_in_their_order() -> None:
    """Another member had B in the meantime: kafka-python reads it from the committed offset."""
    member = Member()
    for given in ({A}, {A, B}):
        member.listener.on_partitions_revoked({A, B})
        member.listener.on_partitions_assigned(given)
    assert member.has() == ({A}, [A], False)
