"""The client of a department on a real broker: what is acknowledged, what comes again, and what is waited for."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic
from msgspec.structs import replace

from router.broker import server
from router.client import BrokerError, Client, Connection, TopicError, subscription
from router.client import connection as connections
from router.domain.feedback.reading import read_feedback
from router.domain.model.feedback import Feedback, FeedbackRejection
from router.domain.model.task import Task
from router.wire.codec import encode_task
from router.wire.rejected_feedback import encode_rejected_feedback
from router.wire.settings import Settings
from router.wire.topic_names import Names
from tests.support.broker import free_ports
from tests.support.patience import PATIENCE_S
from tests.support.poison.sending import Sent, send
from tests.support.topics import committed

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
START = datetime(2026, 11, 30, 9, tzinfo=UTC)
SESSION_MS = 6000
"""The shortest that a broker allows: a test waits for it after it killed a member."""
TASK = Task(
    id="c1.1",
    case="c1",
    department="sanitation",
    role="lead",
    matter="exposed-rubbish",
    cell="410902001001001",
    rule="sanitation",
    catalogue="v",
    reason="",
    dispatched_at=START,
    due_at=START + timedelta(hours=8),
    revision=1,
    partition_key="410902001001001",
)
PROGRAM = """
import sys
from router.client import Client, Connection, connection
connection.SESSION_MS = {session}
with Client(Connection(kafka=sys.argv[1], namespace=sys.argv[2]), actor="hw-17") as client:
    for task in client.tasks("sanitation"):
        print(task.id, flush=True)
        {body}
print("ended", flush=True)
"""


def task(number: int, **more: Any) -> Task:
    return replace(TASK, id=f"c{number}.1", case=f"c{number}", **more)


class Department:
    """Its topics, and records on them."""

    def __init__(self, kafka: str, namespace: str, partitions: int = 1) -> None:
        self.kafka, self.names = kafka, Names(namespace)
        admin = KafkaAdminClient(bootstrap_servers=kafka)
        topics = [self.names.tasks("sanitation"), self.names.feedback("sanitation")]
        topics.append(self.names.rejected_feedback("sanitation"))
        admin.create_topics([NewTopic(name=name, num_partitions=partitions, replication_factor=1) for name in topics])
        admin.close()

    def client(self, **more: Any) -> Client:
        return Client(Connection(kafka=self.kafka, namespace=self.names.namespace, **more), actor="hw-17")

    def dispatch(self, *tasks: Task, aborted: bool = False) -> None:
        more = {"transactional_id": f"{self.names.namespace}aborted"} if aborted else {}
        producer = KafkaProducer(bootstrap_servers=self.kafka, acks="all", **more)
        if aborted:
            producer.init_transactions()
            producer.begin_transaction()
        for one in tasks:
            key, value, headers = encode_task(one)
            producer.send(self.names.tasks("sanitation"), key=key, value=value, headers=headers)
        producer.flush()
        if aborted:
            producer.abort_transaction()
        producer.close()

    def said(self) -> list[Feedback]:
        found = [read_feedback(one, "sanitation") for one in committed(self.kafka, self.names.feedback("sanitation"))]
        return [one for one in found if isinstance(one, Feedback)]

    def run(self, body: str) -> "subprocess.Popen[str]":
        """A department's program of its own, with `body` in the loop over its tasks."""
        code = PROGRAM.format(session=SESSION_MS, body=body)
        command = [sys.executable, "-c", code, self.kafka, self.names.namespace]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def department(kafka: str, namespace: str, monkeypatch: pytest.MonkeyPatch) -> Department:
    monkeypatch.setattr(connections, "SESSION_MS", SESSION_MS)
    return Department(kafka, namespace)


def take(found: Iterator[Any], number: int) -> list[Any]:
    return [next(found) for _ in range(number)]


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Exit code and what it printed to stderr."""
    _, errors = process.communicate(timeout=PATIENCE_S)
    return process.returncode, errors


def test_what_is_not_acknowledged_comes_again(department: Department) -> None:
    department.dispatch(*(task(number) for number in range(1, 6)))
    department.dispatch(task(99), aborted=True)
    with department.client() as client:
        tasks = client.tasks("sanitation")
        first = take(tasks, 4)
        for one in (first[0], first[2], first[3]):
            one.acknowledge()
    department.dispatch(task(6))
    with department.client() as client:
        tasks = client.tasks("sanitation")
        again = take(tasks, 5)
        assert [one.id for one in again] == ["c2.1", "c3.1", "c4.1", "c5.1", "c6.1"]
        for one in again:
            one.acknowledge()
    department.dispatch(task(7))
    with department.client() as client:
        assert next(client.tasks("sanitation")).id == "c7.1"


def test_a_killed_department_gets_its_task_again(department: Department) -> None:
    department.dispatch(task(1), task(2))
    killed = department.run("import time; time.sleep(600)")
    assert line(killed) == "c1.1"
    os.kill(killed.pid, signal.SIGKILL)
    assert ended(killed)[0] == -signal.SIGKILL
    with department.client() as client:
        assert [one.id for one in take(client.tasks("sanitation"), 2)] == ["c1.1", "c2.1"]


def test_members_of_a_group_share_and_take_over(kafka: str, namespace: str) -> None:
    """A second member joins, and the first one leaves: together they acknowledge everything, and nothing twice."""
    department = Department(kafka, namespace, partitions=3)
    tasks = [f"c{number}.1" for number in range(60)]
    department.dispatch(*(task(number) for number in range(30)))
    seen: dict[str, list[str]] = {"first": [], "second": []}

    def work(name: str, client: Client, most: int) -> None:
        for one in client.tasks("sanitation"):
            seen[name].append(one.id)
            one.acknowledge()
            if len(seen[name]) == most or {*seen["first"], *seen["second"]} == set(tasks):
                break

    with department.client() as first, department.client() as second:
        threads = [Thread(target=work, args=("first", first, 20)), Thread(target=work, args=("second", second, 60))]
        threads[0].start()
        await_(lambda: bool(seen["first"]))
        threads[1].start()
        await_(lambda: not threads[0].is_alive())
        department.dispatch(*(task(number) for number in range(30, 60)))
        await_(lambda: not threads[1].is_alive())
    assert sorted(seen["first"] + seen["second"]) == sorted(tasks)


HOSTILE = {
    "a record cannot be decoded": (
        Sent(topic="", partition=0, value=b"{}", headers=((b"caf\xe9", b""),)),
        0,
    ),
    "a compressed batch of records unpacks to more than 41943040 bytes": (
        Sent(topic="", partition=0, value=bytes(42 << 20)),
        4,
    ),
}


@pytest.mark.parametrize("sentence", HOSTILE)
def test_a_batch_that_cannot_be_read_is_one_sentence(department: Department, sentence: str) -> None:
    """A program without the router's rights wrote it: broker ACLs prevent that. The client neither loses nor skips what is behind it."""
    record, codec = HOSTILE[sentence]
    topic = department.names.tasks("sanitation")
    asyncio.run(send(department.kafka, [replace(record, topic=topic)], codec))
    with department.client() as client:
        for found in (client.tasks("sanitation"), client.replay("sanitation", BEGINNING)):
            with pytest.raises(BrokerError, match=sentence):
                next(found)


def test_sigterm_ends_after_the_task_that_is_worked_on(department: Department) -> None:
    """Asserted: the last task is answered and acknowledged, the loop ends, and the next member need not wait for the session."""
    department.dispatch(task(1), task(2))
    body = "import os, signal; os.kill(os.getpid(), signal.SIGTERM); task.accept(); task.acknowledge()"
    process = department.run(body)
    assert (line(process), line(process)) == ("c1.1", "ended")
    assert ended(process) == (0, "")
    assert [(one.task, one.kind) for one in department.said()] == [("c1.1", "accept")]
    began = time.monotonic()
    with department.client() as client:
        assert next(client.tasks("sanitation")).id == "c2.1"
    assert time.monotonic() - began < SESSION_MS / 1000


def test_sigterm_ends_the_wait_for_a_dead_broker() -> None:
    code = PROGRAM.format(session=SESSION_MS, body="pass")
    code = code.replace("for task", "print('waits', flush=True)\n    for task")
    process = subprocess.Popen(
        [sys.executable, "-c", code, "127.0.0.1:1", ""], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert line(process) == "waits"
    process.terminate()
    assert line(process) == "ended"
    assert ended(process)[0] == 0


def test_a_repeated_record_is_recognised_and_an_update_is_not(department: Department) -> None:
    update = task(1, state="updated", revision=2)
    department.dispatch(task(1), task(1), update, task(1), update, task(2))
    seen = []
    with department.client() as client:
        for one in client.tasks("sanitation"):
            seen.append((one.id, one.revision))
            one.acknowledge()
            if one.id == "c2.1":
                break
    assert seen == [("c1.1", 1), ("c1.1", 2), ("c2.1", 1)]


def test_who_acknowledges_nothing_gets_no_more(department: Department, monkeypatch: pytest.MonkeyPatch) -> None:
    """And more when another thread acknowledges: the queue is bounded by what is stored, not by what is handed out."""
    monkeypatch.setattr(subscription, "MOST", 5)
    monkeypatch.setattr(subscription, "BATCH", 5)
    department.dispatch(*(task(number) for number in range(12)))
    handed: list[Any] = []
    with department.client() as client:
        thread = Thread(target=lambda: [handed.append(one) for one in client.tasks("sanitation")])
        thread.start()
        await_(lambda: len(handed) == 5)
        thread.join(1)
        assert len(handed) == 5
        for one in handed[:3]:
            one.acknowledge()
        await_(lambda: len(handed) > 5)
        client.stop()
        thread.join(PATIENCE_S)


def test_a_unit_gets_its_own_tasks(department: Department) -> None:
    department.dispatch(task(1, unit="410902001"), task(2), task(3, unit="410902002"), task(4, unit="410902001"))
    with department.client() as client:
        assert [one.id for one in take(client.tasks("sanitation", unit="410902001"), 2)] == ["c1.1", "c4.1"]
    with department.client() as client:  # another unit is another group
        assert next(client.tasks("sanitation", unit="410902002")).id == "c3.1"


def test_replay_from_a_time(department: Department) -> None:
    department.dispatch(task(1))
    time.sleep(0.01)  # Kafka's times are whole milliseconds
    between = datetime.now(UTC)
    department.dispatch(task(2), task(3))
    with department.client() as client:
        for _ in range(2):
            assert [one.id for one in client.replay("sanitation", between)] == ["c2.1", "c3.1"]
        assert next(client.tasks("sanitation")).id == "c1.1"  # a replay moves no group
        following = client.replay("sanitation", BEGINNING, follow=True)
        assert [one.id for one in take(following, 3)] == ["c1.1", "c2.1", "c3.1"]
        department.dispatch(task(4))
        assert next(following).id == "c4.1"


def test_an_answer_sent_twice_is_one_for_the_router_and_its_rejection_is_read(department: Department) -> None:
    department.dispatch(task(1))
    with department.client() as client:
        first = next(client.tasks("sanitation")).accept(occurred_at=START)
        again = next(client.replay("sanitation", BEGINNING))
        second = again.accept(occurred_at=START)
        assert (first.id, first.offset, second.offset) == (second.id, 0, 1)
        said = department.said()
        assert said[0].digest == said[1].digest
        rejection = FeedbackRejection(code="not-legal", reason="Why.", legal=("progress",))
        send_rejection(department, *encode_rejected_feedback(said[0], rejection, rejection.legal))
        rejected = next(client.rejections("sanitation"))
        assert (rejected.feedback_id, rejected.code, rejected.legal) == (first.id, "not-legal", ("progress",))
        rejected.acknowledge()


def test_an_unknown_department_is_one_sentence(department: Department) -> None:
    with department.client() as client:
        with pytest.raises(
            TopicError, match=r"tasks\.sanitatoin: .*no such department; the nearest name is sanitation\."
        ):
            next(client.tasks("sanitatoin"))
        with pytest.raises(TopicError, match="no such department"):
            next(client.replay("zzz", START))
        with pytest.raises(TopicError, match="no such department"):
            next(client.rejections("zzz"))


def test_an_answer_to_an_absent_topic_is_one_sentence(department: Department, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAX_BLOCK_MS", 500)
    department.dispatch(replace(TASK, department="gone"))
    with department.client() as client, pytest.raises(TopicError, match=r"feedback\.gone: there is no such topic"):
        next(client.tasks("sanitation")).accept()


def test_no_broker_is_one_sentence_when_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "LOOK_MS", 500)
    client = Client(Connection(kafka="127.0.0.1:1", patience_s=0), actor="hw-17")
    with client, pytest.raises(BrokerError, match=r"127\.0\.0\.1:1: Kafka does not answer \(KafkaTimeoutError\)"):
        next(client.tasks("sanitation"))


def test_a_dead_broker_is_waited_for(tmp_path: Path, namespace: str) -> None:
    settings = Settings(home=tmp_path, broker_port=free_ports(2))
    department = Department(server.start(settings).address, namespace)
    department.dispatch(task(1))
    answered, read, stop = Event(), Event(), Event()
    with department.client() as client, department.client() as late:
        tasks = client.tasks("sanitation")
        one = next(tasks)
        server.stop(settings)
        threads = [
            Thread(target=_then(one.accept, answered)),
            Thread(target=_then(lambda: next(late.tasks("sanitation", group="late")), read)),
        ]
        for thread in threads:
            thread.start()
        assert not answered.wait(3)  # it waits, and so does who starts now
        assert not read.is_set()
        server.start(settings)
        try:
            assert answered.wait(PATIENCE_S)
            assert read.wait(PATIENCE_S)
            assert {(said.task, said.kind) for said in department.said()} == {("c1.1", "accept")}
            one.acknowledge()
            department.dispatch(task(2))
            assert next(tasks).id == "c2.1"
        finally:
            stop.set()
            for thread in threads:
                thread.join(PATIENCE_S)
            server.stop(settings)


def _then(act: Callable[[], object], done: Event) -> Callable[[], None]:
    def run() -> None:
        act()
        done.set()

    return run


def send_rejection(department: Department, key: bytes | None, value: bytes, headers: list[tuple[str, bytes]]) -> None:
    producer = KafkaProducer(bootstrap_servers=department.kafka, acks="all")
    producer.send(department.names.rejected_feedback("sanitation"), key=key, value=value, headers=headers)
    producer.flush()
    producer.close()


def await_(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)
