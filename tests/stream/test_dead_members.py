"""A worker that was killed leaves its group when who started it says so, long before its session ends."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from router.broker.admin import apply, connected
from router.wire.declared_topics import Topic
from router.wire.errors import BrokerError
from router.wire.topic_names import Names
from router.workers.client_id import client_id
from router.workers.dead_members import DeadMembers
from tests.support.patience import PATIENCE_S

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]
JOINS = """
import asyncio, os, sys
from aiokafka import AIOKafkaConsumer
from router.workers.client_id import client_id

async def stay(kafka, group, topic):
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=kafka, group_id=group, client_id=client_id(os.getpid()), session_timeout_ms=300_000
    )
    await consumer.start()
    await asyncio.Event().wait()

asyncio.run(stay(*sys.argv[1:]))
"""
"""A member whose session ends after five minutes."""


@pytest.fixture
def member(kafka: str, namespace: str) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    names, running = Names(namespace), []
    apply(kafka, [Topic(name=names.events, key="cell", partitions=1)])

    def start() -> subprocess.Popen[bytes]:
        running.append(subprocess.Popen([sys.executable, "-c", JOINS, kafka, names.group, names.events]))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.wait()


def clients(kafka: str, group: str) -> list[str]:
    """The client ids of the group's members; empty while it rebalances."""
    try:
        with connected(kafka) as admin:
            found = admin.describe_groups([group])[group]
    except BrokerError:  # a broker that has just started has no coordinator yet
        return []
    return sorted(one["client_id"] for one in found["members"]) if found["group_state"] == "Stable" else []


def await_clients(kafka: str, group: str, *expected: int) -> None:
    """Wait until the group is stable and has exactly the members of these processes."""
    deadline = time.monotonic() + PATIENCE_S
    while (found := clients(kafka, group)) != sorted(map(client_id, expected)):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def test_a_dead_worker_leaves_the_group_and_the_others_stay(
    kafka: str, namespace: str, member: Callable[[], subprocess.Popen[bytes]]
) -> None:
    group, said = Names(namespace).group, list[str]()
    staying, killed = member(), member()
    await_clients(kafka, group, staying.pid, killed.pid)
    killed.kill()
    killed.wait()
    dead = DeadMembers(kafka, group, said.append)
    dead.remove(killed.pid).join(PATIENCE_S)
    await_clients(kafka, group, staying.pid)
    assert said == [f"the group goes on without {client_id(killed.pid)}, whose process has ended"]
    dead.remove(killed.pid).join(PATIENCE_S)
    assert len(said) == 1, "who has left already is not removed again"


def test_without_a_broker_nothing_happens(namespace: str) -> None:
    said: list[str] = []
    DeadMembers("127.0.0.1:1", Names(namespace).group, said.append).remove(1).join(PATIENCE_S)
    assert said == []
