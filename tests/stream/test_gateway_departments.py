"""Departments over HTTP with a real Kafka: tasks from a cursor, a poll that waits, answers that Kafka has, and what was rejected."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from msgspec.structs import replace

from router.domain.feedback.reading import read_feedback
from router.domain.model.feedback import Feedback, FeedbackRejection
from router.domain.model.task import Task
from router.wire.codec import encode_task
from router.wire.rejected_feedback import encode_rejected_feedback
from router.wire.topic_names import Names
from tests.support.cases import task as task_of
from tests.support.cities import shipped
from tests.support.gateway import CITY, TestedGateway
from tests.support.topics import committed, create_topics

pytestmark = pytest.mark.broker
DEPARTMENT, OTHER = list(shipped(CITY).catalogue.departments)[:2]
IN, OUT = "410902001001001", "410922001001001"


@pytest.fixture
def names(kafka: str, namespace: str) -> Names:
    """Names of topics of two departments that exist."""
    names = Names(namespace)
    topics = [of(one) for one in (DEPARTMENT, OTHER) for of in (names.tasks, names.feedback, names.rejected_feedback)]
    asyncio.run(create_topics(kafka, *topics))
    return names


def made(number: int, **changed: Any) -> Task:
    return replace(
        task_of("c", f".{number}"), id=f"c.{number}", department=DEPARTMENT, cell=IN, partition_key=IN, **changed
    )


async def written(kafka: str, id_: str, topic: str, *records: Any, partition: int = 0, commit: bool = True) -> None:
    """Write records in one transaction, as the workers do."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=id_)
    await producer.start()
    await producer.begin_transaction()
    for key, value, headers in records:
        await producer.send(topic, value, key=key, headers=headers, partition=partition)
    await (producer.commit_transaction() if commit else producer.abort_transaction())
    await producer.stop()


def through(folder: Path, kafka: str, names: Names, work: Callable[[TestedGateway], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        gateway = TestedGateway(folder, kafka, names)
        try:
            return await work(gateway)
        finally:
            await gateway.close()

    return asyncio.run(run())


async def polled(gateway: TestedGateway, token: str, path: str = "/v1/tasks", **query: Any) -> Any:
    answered = await gateway.call("GET", path, token=token, params={"wait": 0, **query})
    assert answered.status_code == 200, answered.text
    return answered.json()


def ids(page: Any) -> list[str]:
    return [one["id"] for one in page["tasks"]]


def test_tasks_are_read_once_from_cursor_to_cursor(kafka: str, names: Names, tmp_path: Path) -> None:
    """Committed records only, at any gateway; a foreign record says nothing and stops nothing."""
    topic, foreign = names.tasks(DEPARTMENT), (b"x", b"not json", [("ce_type", b"grid.task.dispatched.v1")])
    first = [made(number, unit="north" if number % 2 else None) for number in range(5)]

    async def begin(gateway: TestedGateway) -> tuple[Any, Any, Any]:
        token = gateway.add("office", f"department:{DEPARTMENT}")
        empty = await polled(gateway, token)
        await written(kafka, f"{topic}-a", topic, *map(encode_task, first), foreign)
        await written(kafka, f"{topic}-b", topic, encode_task(made(9)), commit=False)
        return empty, await polled(gateway, token, limit=3), await polled(gateway, token, unit="north")

    empty, some, north = through(tmp_path / "1", kafka, names, begin)
    assert (ids(empty), ids(some), ids(north)) == ([], ["c.0", "c.1", "c.2"], ["c.1", "c.3"])
    assert some["tasks"][0] == json.loads(encode_task(first[0])[1])

    async def go_on(gateway: TestedGateway) -> list[Any]:
        token = gateway.add("office", f"department:{DEPARTMENT}")
        rest = await polled(gateway, token, after=some["next"])
        nothing = await polled(gateway, token, after=rest["next"])
        again = await polled(gateway, token, after=empty["next"])
        late = await polled(gateway, token, since=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
        early = await polled(gateway, token, since=(datetime.now(UTC) - timedelta(hours=1)).isoformat())
        return [rest, nothing, again, late, early]

    rest, nothing, again, late, early = through(tmp_path / "2", kafka, names, go_on)
    every = [one.id for one in first]
    assert [ids(one) for one in (rest, nothing, again, late, early)] == [["c.3", "c.4"], [], every, [], every]


def test_a_poll_waits_for_what_comes_and_ends_with_the_gateway(kafka: str, names: Names, tmp_path: Path) -> None:
    topic = names.tasks(DEPARTMENT)

    async def work(gateway: TestedGateway) -> list[Any]:
        token = gateway.add("office", f"department:{DEPARTMENT}")
        cursor = (await polled(gateway, token))["next"]
        waiting = asyncio.create_task(polled(gateway, token, after=cursor, wait=25))
        while not gateway.departments.polls.number:
            await asyncio.sleep(0.01)
        await written(kafka, f"{topic}-a", topic, encode_task(made(1)))
        came = await waiting
        gateway.departments.polls.ending = lambda: True
        begun = time.monotonic()
        ended = await polled(gateway, token, after=came["next"], wait=25)
        assert time.monotonic() - begun < 20
        assert gateway.departments.polls.number == 0
        return [came, ended]

    came, ended = through(tmp_path, kafka, names, work)
    assert (ids(came), ids(ended)) == (["c.1"], [])
    assert ended["next"] == came["next"]


def test_a_cursor_fits_its_topic_alone_and_a_grown_one(kafka: str, names: Names, tmp_path: Path) -> None:
    topic = names.tasks(DEPARTMENT)

    async def work(gateway: TestedGateway) -> list[Any]:
        token = gateway.add("office", "department:* area:410902")
        here = {"department": DEPARTMENT}
        await written(kafka, f"{topic}-a", topic, encode_task(made(1)), encode_task(replace(made(2), cell=OUT)))
        page = await polled(gateway, token, **here)
        other = await gateway.call("GET", f"/v1/tasks?department={OTHER}&after={page['next']}", token=token)
        beyond = await gateway.call("GET", f"/v1/tasks?department={DEPARTMENT}&after={page['next']}0", token=token)
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        await admin.start()
        await admin.create_partitions({topic: NewPartitions(2)})
        await admin.close()
        await written(kafka, f"{topic}-b", topic, encode_task(made(3)), partition=1)
        return [page, other, beyond, await polled(gateway, token, **here, after=page["next"], wait=20)]

    page, other, beyond, grown = through(tmp_path, kafka, names, work)
    assert ids(page) == ["c.1"]  # the other one is in another area
    assert [(one.status_code, one.json()["code"]) for one in (other, beyond)] == [(410, "cursor-gone")] * 2
    assert ids(grown) == ["c.3"]


def test_feedback_is_on_its_topic_and_its_rejection_is_read(kafka: str, names: Names, tmp_path: Path) -> None:
    body = {
        "id": "A-1", "task": "c.1", "partition_key": IN, "kind": "accept", "actor": "officer-17",
        "occurred_at": datetime.now(UTC).isoformat(),
    }  # fmt: skip
    content = json.dumps(body, indent=1).encode()
    forged = {"grid-received-at": "2018-01-01T00:00:00Z", "grid-principal": "mayor"}
    headers = {"Content-Type": "application/json", **forged}

    async def send(gateway: TestedGateway) -> list[Any]:
        token = gateway.add("office", f"department:{DEPARTMENT}")
        path = "/v1/tasks/c.1/feedback"
        return [
            (await gateway.call("POST", path, token=token, headers=headers, content=content)).json() for _ in range(2)
        ]

    stored, again = through(tmp_path / "1", kafka, names, send)
    first, second = committed(kafka, names.feedback(DEPARTMENT))
    assert (first.key, first.value) == (b"c.1", content)
    assert dict(first.headers) == {"content-type": b"application/json", "grid-principal": b"office"}
    assert (first.offset, second.offset) == (stored["offset"], again["offset"])
    read, repeated = (read_feedback(one, DEPARTMENT) for one in (first, second))
    assert isinstance(read, Feedback)
    assert isinstance(repeated, Feedback)
    assert (read.id, read.kind, read.task, read.digest) == (stored["id"], "accept", "c.1", repeated.digest)

    rejection = FeedbackRejection(code="not-legal", reason="it is accepted already.", legal=("progress",))
    topic = names.rejected_feedback(DEPARTMENT)
    encoded = encode_rejected_feedback(read, rejection, rejection.legal)
    asyncio.run(written(kafka, f"{topic}-a", topic, encoded))

    async def hear(gateway: TestedGateway) -> list[Any]:
        token = gateway.add("office", f"department:{DEPARTMENT}")
        page = await polled(gateway, token, "/v1/rejections")
        return [page, await polled(gateway, token, "/v1/rejections", after=page["next"])]

    page, nothing = through(tmp_path / "2", kafka, names, hear)
    (heard,) = page["rejections"]
    assert (heard["code"], heard["feedback_id"], heard["legal"]) == ("not-legal", "A-1", ["progress"])
    assert (heard["topic"], heard["offset"]) == (stored["topic"], stored["offset"])
    assert nothing["rejections"] == []
