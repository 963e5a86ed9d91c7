"""The group's assignor: stream tasks stay whole, and user data of others is harmless."""

from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata

from router.stream.faust_adapter.assignor import GroupAssignor, Holdings

NETWORKS = ["reports.hotline", "reports.policing", "reports.environment"]
TOPICS = ["grid.events", *NETWORKS]


class Cluster:
    def __init__(self, **counts: int) -> None:
        self._counts = counts

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        count = self._counts.get(topic.replace(".", "_"), 4)
        return set(range(count)) if count else None


def member(holdings: Holdings | None = None, topics: list[str] = TOPICS) -> ConsumerProtocolMemberMetadata:
    sent = GroupAssignor(1, lambda: holdings or Holdings()).metadata(topics)
    return cast(ConsumerProtocolMemberMetadata, ConsumerProtocolMemberMetadata.decode(sent.encode()))


def assigned(
    members: dict[str, ConsumerProtocolMemberMetadata], cluster: Cluster | None = None
) -> dict[str, dict[str, list[int]]]:
    answers = GroupAssignor(1, Holdings).assign(cast(Any, cluster or Cluster()), members)
    return {name: dict(received(answer).assignment) for name, answer in answers.items()}


def received(answer: ConsumerProtocolMemberAssignment) -> ConsumerProtocolMemberAssignment:
    return cast(ConsumerProtocolMemberAssignment, ConsumerProtocolMemberAssignment.decode(answer.encode()))


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 5, 7])
def test_partition_n_of_all_topics_goes_to_one_worker(workers: int) -> None:
    """Two workers with parts of one stream task fence each other without end. Round robin did that with three workers."""
    got = assigned({f"w{number}": member() for number in range(workers)})
    assert sorted(n for topics in got.values() for n in topics.get("grid.events", [])) == [0, 1, 2, 3]
    for topics in got.values():
        assert len({tuple(numbers) for numbers in topics.values()}) <= 1
        assert set(topics) in ({*TOPICS}, set())


def test_a_topic_with_another_number_of_partitions_is_assigned_alone() -> None:
    got = assigned({"a": member(), "b": member()}, Cluster(reports_hotline=5, reports_policing=0))
    assert sorted(n for topics in got.values() for n in topics["reports.hotline"]) == [0, 1, 2, 3, 4]
    assert not any("reports.policing" in topics for topics in got.values())
    assert got["a"]["grid.events"] == got["a"]["reports.environment"]


@pytest.mark.parametrize("restarted", range(4))
def test_in_a_rolling_restart_no_stream_task_has_two_workers(restarted: int) -> None:
    """A network is added. The workers that restarted hear it, and the others do not yet."""
    added = [*TOPICS, "reports.added"]
    members = {f"w{n}": member(topics=added if n < restarted else TOPICS) for n in range(3)}
    got = assigned(members)
    for topic in TOPICS:
        assert sorted(n for topics in got.values() for n in topics.get(topic, [])) == [0, 1, 2, 3]
    for name, topics in got.items():
        wanted = topics["grid.events"] if name < f"w{restarted}" else []
        assert topics.get("reports.added", []) == wanted
        assert {tuple(numbers) for numbers in topics.values()} == {tuple(topics["grid.events"])}


def test_copies_of_an_added_topic_are_kept_by_workers_that_hear_it() -> None:
    members = {"a": member(), "b": member(topics=[*TOPICS, "reports.added"])}
    answers = GroupAssignor(1, Holdings).assign(cast(Any, Cluster()), members)
    for name, topics in (("a", TOPICS), ("b", [*TOPICS, "reports.added"])):
        worker = GroupAssignor(1, Holdings)
        worker.on_assignment(received(answers[name]))
        assert {copy.topic for copy in worker.standbys()} == set(topics)


def test_what_a_worker_copies_it_takes_over() -> None:
    """The copies of one assignment are what the worker has in the next one."""
    both = {"a": member(), "b": member()}
    answer = received(GroupAssignor(1, Holdings).assign(cast(Any, Cluster()), both)["a"])
    worker = GroupAssignor(1, Holdings)
    worker.on_assignment(answer)
    assert {TopicPartition("grid.events", n) for n in (1, 3)} <= worker.standbys()
    assert worker.warm_ups() == set()
    ready = {topic: [1, 3] for topic in TOPICS}
    got = assigned({"a": member(Holdings(owned={t: [0, 2] for t in TOPICS}, ready=ready)), "new": member()})
    assert got["a"]["grid.events"] == [0, 1, 2, 3]


def test_a_copy_that_lags_in_one_topic_is_not_ready() -> None:
    holdings = Holdings(ready={"grid.events": [1], "reports.hotline": [2]}, following={"reports.hotline": [1]})
    held = holdings.of(TOPICS)
    assert (held.ready, held.following) == ({2}, {1})


@pytest.mark.parametrize(
    "content", [None, b"", b"\xff", b"{", b"[]", b'{"owned":7}', b'{"owned":{"grid.events":["x"]}}']
)
def test_user_data_of_another_program_counts_as_none(content: bytes | None) -> None:
    foreign = ConsumerProtocolMemberMetadata(0, TOPICS, content)
    got = assigned({"a": member(), "foreign": foreign})
    assert sorted(map(len, (topics["grid.events"] for topics in got.values()))) == [2, 2]
    worker = GroupAssignor(1, Holdings)
    worker.on_assignment(ConsumerProtocolMemberAssignment(0, [], content))
    assert worker.standbys() == set()
