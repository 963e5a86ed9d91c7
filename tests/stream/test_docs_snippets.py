"""The code in docs/how-to/produce-reports.md, consume-tasks.md, answer-tasks.md and department-client.md, run as it is printed."""

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import jsonschema_rs
import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic

from router.client import Client, Connection, Evidence
from router.domain.feedback.reading import read_feedback
from router.domain.model.feedback import Feedback, FeedbackRejection
from router.domain.model.rejection import Rejection
from router.domain.model.source_record import PlainRecord
from router.domain.model.task import Task
from router.domain.networks.registry import NETWORKS
from router.wire.codec import encode_task
from router.wire.rejected_feedback import encode_rejected_feedback
from router.wire.rejections import encode_rejection
from router.wire.topic_names import Names
from tests.support.patience import PATIENCE_S
from tests.support.repository import ROOT
from tests.support.topics import committed

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]

HOW_TO = ROOT / "docs" / "how-to"
START = datetime(2026, 11, 24, tzinfo=UTC)


def snippet(page: str, name: str) -> dict[str, Any]:
    """What a page's code block defines; the comment `<!-- snippet: NAME -->` precedes the block."""
    text = (HOW_TO / page).read_text(encoding="utf-8")
    (source,) = re.findall(rf"<!-- snippet: {name} -->\n```python\n(.*?)```", text, re.DOTALL)
    defined: dict[str, Any] = {}
    exec(compile(source, f"{page}:{name}", "exec"), defined)
    return defined


def within_limit(done: Callable[[], bool]) -> Callable[[], bool]:
    """A `stop` for a snippet's loop: true when `done` is; fails after the limit."""
    deadline = monotonic() + PATIENCE_S

    def stop() -> bool:
        assert monotonic() < deadline, "the snippet has not read its records"
        return done()

    return stop


@pytest.fixture
def names(namespace: str) -> Names:
    return Names(namespace)


@pytest.fixture
def topic(kafka: str) -> Callable[[str], str]:
    """Creates a topic of one partition."""

    def create(name: str) -> str:
        admin = KafkaAdminClient(bootstrap_servers=kafka)
        admin.create_topics([NewTopic(name=name, num_partitions=1, replication_factor=1)])
        admin.close()
        return name

    return create


def task(number: int, **more: object) -> Task:
    fields: dict[str, Any] = {
        "id": f"c{number}.1",
        "case": f"c{number}",
        "department": "sanitation",
        "role": "lead",
        "matter": "exposed-rubbish",
        "cell": "410902001001001",
        "rule": "sanitation",
        "catalogue": "v",
        "reason": "",
        "dispatched_at": START,
        "due_at": START + timedelta(hours=8),
        "unit": "410902001",
    }
    return Task(**fields | more)


def send(
    kafka: str, topic: str, *records: tuple[bytes | None, bytes | None, list[tuple[str, bytes]]], **more: Any
) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka, acks="all", **more)
    if more:
        producer.init_transactions()
        producer.begin_transaction()
    for key, value, headers in records:
        producer.send(topic, key=key, value=value, headers=headers)
    producer.flush()
    if more:
        producer.abort_transaction()
    producer.close()


def test_the_producer_sends_a_valid_report_under_its_id(kafka: str, names: Names, topic: Callable[[str], str]) -> None:
    page = snippet("produce-reports.md", "produce")
    reports = topic(names.reports("urban-management"))
    page["send_reports"](kafka, reports, [page["REPORT"]])
    (record,) = committed(kafka, reports)
    assert record.key == page["REPORT"]["taskNum"].encode()
    report = json.loads(record.value)
    assert report == page["REPORT"]
    schema = (ROOT / "schemas" / "reports" / "urban-management.v1.json").read_text(encoding="utf-8")
    jsonschema_rs.validator_for(json.loads(schema)).validate(report)


def test_a_resent_report_has_the_same_bytes(kafka: str, names: Names, topic: Callable[[str], str]) -> None:
    page = snippet("produce-reports.md", "produce")
    reports = topic(names.reports("urban-management"))
    for _ in range(2):
        page["send_reports"](kafka, reports, [page["REPORT"]])
    first, second = committed(kafka, reports)
    assert (first.key, first.value) == (second.key, second.value)


def test_a_network_reads_its_own_rejections(kafka: str, names: Names, topic: Callable[[str], str]) -> None:
    own = topic(names.rejections("policing"))
    record = PlainRecord(
        topic=names.reports("policing"),
        partition=0,
        offset=7,
        timestamp=0,
        key=b"J-1",
        value=b'{"jjdbh": "J-1", "bjnr": "private"}',
        headers=[("photo", b"\xff")],
    )
    reason = Rejection(code="bad-time", reason="field `bjsj`: not a real time.")
    send(kafka, own, (b"J-1", b"{}", [("ce_type", b"grid.record.tomorrow.v1")]))
    send(kafka, own, encode_rejection(record, reason, NETWORKS["policing"]))
    read: Iterator[tuple[bytes, dict[str, Any]]] = snippet("produce-reports.md", "rejections")["rejections"](
        kafka, own, f"{names.namespace}rejections", within_limit(lambda: False)
    )
    key, found = next(read)
    assert (key, found["code"], found["reason"]) == (b"J-1", "bad-time", "field `bjsj`: not a real time.")
    assert (found["topic"], found["partition"], found["offset"]) == (names.reports("policing"), 0, 7)
    assert found["report_id"] == "J-1"
    assert "private" not in str(found)


def test_the_consumer_stores_a_task_and_skips_its_duplicate(
    kafka: str, names: Names, topic: Callable[[str], str], tmp_path: Path
) -> None:
    page = snippet("consume-tasks.md", "consume")
    tasks = topic(names.tasks("sanitation"))
    first, other = encode_task(task(1)), encode_task(task(2, unit=None))
    withdrawn = encode_task(task(1, state="withdrawn", updated_at=START + timedelta(hours=1), revision=2))
    unknown = (b"c1", b"not JSON", [("ce_type", b"grid.task.sung.v1")])
    aborted = encode_task(task(3))
    send(kafka, tasks, first, first, unknown, withdrawn, first)
    send(kafka, tasks, aborted, transactional_id=f"{names.namespace}aborted")
    send(kafka, tasks, other)
    database = page["open_database"](str(tmp_path / "tasks.db"))
    rows = "SELECT id, state, unit FROM tasks ORDER BY id"
    stop = within_limit(lambda: any(row[0] == "c2.1" for row in database.execute(rows)))
    page["consume"](kafka, tasks, f"{names.namespace}sanitation", database, stop)
    assert database.execute(rows).fetchall() == [
        ("c1.1", "withdrawn", "410902001"),  # not `dispatched`: the duplicate behind it is skipped
        ("c2.1", "dispatched", None),
    ]
    assert database.execute("SELECT count(*) FROM seen").fetchone() == (3,)
    assert page["store"](database, {name: content.decode() for name, content in first[2]}, first[1]) is False
    database.close()


def test_answer_tasks(kafka: str, names: Names, topic: Callable[[str], str]) -> None:
    """Asserted: the router reads what the page's code sends, and the page's code reads what the router rejects."""
    page = snippet("answer-tasks.md", "answer")
    answers, rejections = topic(names.feedback("sanitation")), topic(names.rejected_feedback("sanitation"))
    value = json.loads(encode_task(task(1, partition_key="410902001001001"))[1])
    producer = page["open_producer"](kafka)
    page["answer"](producer, answers, value, "return", "HW-1", "hw-officer-17", reason="not ours", department="parks")
    producer.close()
    (record,) = committed(kafka, answers)
    read = read_feedback(record, "sanitation")
    assert isinstance(read, Feedback)
    assert (read.id, read.task, read.kind, read.department) == ("HW-1", "c1.1", "return", "parks")
    rejection = FeedbackRejection(code="not-legal", reason="Why.", legal=("progress",))
    send(kafka, rejections, encode_rejected_feedback(read, rejection, rejection.legal))
    found = page["rejected"](kafka, rejections, f"{names.namespace}sanitation", within_limit(lambda: False))
    one = next(found)
    found.close()
    assert (one["code"], one["feedback_id"], one["legal"]) == ("not-legal", "HW-1", ["progress"])


def test_the_department_client(kafka: str, names: Names, topic: Callable[[str], str], tmp_path: Path) -> None:
    """Asserted: what the page's code stores and says; and that another start gets nothing again."""
    page = snippet("department-client.md", "client")
    tasks, answers = topic(names.tasks("sanitation")), topic(names.feedback("sanitation"))
    accepted = task(1, state="updated", stage="accepted", revision=2, partition_key="410902001001001")
    send(kafka, tasks, encode_task(task(1, partition_key="410902001001001", revision=1)), encode_task(accepted))
    database = sqlite3.connect(tmp_path / "tasks.db")
    database.execute("CREATE TABLE tasks (id TEXT PRIMARY KEY, value TEXT)")
    connection = Connection(kafka=kafka, namespace=names.namespace)

    def store(number: int) -> None:
        """Run the page's loop until it has stored this number of records."""
        stored = []
        with Client(connection, actor="hw-officer-17") as client:

            def seen(statement: str) -> None:
                stored.extend([statement] if statement.startswith("INSERT") else [])
                if len(stored) == number:
                    client.stop()

            database.set_trace_callback(seen)
            page["store"](client, database)
            database.set_trace_callback(None)

    store(2)
    with Client(connection, actor="hw-officer-17") as client:
        page["done"](client, database, "c1.1", Evidence(url="https://photos.example/1.jpg", sha256="a" * 64))
    send(kafka, tasks, encode_task(task(2, partition_key="410902001001001", revision=1)))
    store(1)
    found = [read_feedback(record, "sanitation") for record in committed(kafka, answers)]
    assert all(isinstance(one, Feedback) for one in found)
    assert [(one.task, one.kind, one.actor) for one in found if isinstance(one, Feedback)] == [
        ("c1.1", "accept", "hw-officer-17"),
        ("c1.1", "handled", "hw-officer-17"),
        ("c2.1", "accept", "hw-officer-17"),
    ]
    database.close()
