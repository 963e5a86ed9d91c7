"""Feedback through a real broker and a worker: a task's life to its end, what is rejected and why, and a worker that is killed."""

import json
import os
import signal
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from router.broker.admin import apply
from router.cities.folder import city_folder, load_city
from router.cli.figures import app as figures_app
from router.domain.lifecycle.journal import broken_at
from router.domain.model.feedback import SUPERVISION, Feedback
from router.domain.model.task import Task
from router.domain.model.transition import Transition
from router.simulator.scenario import history_of
from router.wire.codec import decode_case, decode_event, decode_task, decode_transition, read_dead_letter
from router.wire.declared_topics import topics_of
from router.wire.rejected_feedback_value import RejectedFeedback, decode_rejected_feedback
from router.wire.settings import Settings
from router.wire.topic_names import Names
from router.workers.pool import WorkerPool
from tests.support.broker import free_ports
from tests.support.patience import PATIENCE_S
from tests.support.topics import committed

pytestmark = pytest.mark.broker

CITY = "los-angeles"
REQUESTS, FLOOD = 60, 20_000


class Scene:
    """A worker of Los Angeles, and what its topics have."""

    def __init__(self, settings: Settings, pool: WorkerPool) -> None:
        self.settings, self.pool, self.names = settings, pool, Names(settings.namespace)
        self.producer = KafkaProducer(bootstrap_servers=settings.kafka, acks="all")
        self._at = datetime.now(UTC).isoformat()

    def report(self, number: int) -> list[Task]:
        """Send requests of the hotline, as they were before they were closed; their tasks, when each is in a case."""
        messages = list(history_of(load_city(CITY), city_folder(CITY)).messages(number))
        for message in messages:
            value = json.dumps(json.loads(message.value) | {"Status": "Open", "ClosedDate": ""}).encode()
            self.producer.send(self.names.reports("hotline"), value, key=message.source_id.encode())
        self.producer.flush()
        self.until(lambda: sum(len(decode_case(v).reports) for v in self.cases().values()) == number)
        return self.tasks()

    def answer(self, sender: str, task: Task, kind: str, id_: str = "", **fields: Any) -> dict[str, Any]:
        """Send feedback about a task; what was sent."""
        said = {
            "id": id_ or f"{sender}-{kind}",
            "task": task.id,
            "partition_key": task.partition_key,
            "kind": kind,
            "actor": "officer-17",
            "occurred_at": self._at,
            **fields,
        }
        self.send(sender, json.dumps(said).encode(), task.id)
        return said

    def send(self, sender: str, value: bytes | None, key: str = "k") -> None:
        """Send any value to a topic of feedback, and wait for its acknowledgement."""
        self.producer.send(self.names.feedback(sender), value, key=key.encode()).get(PATIENCE_S)

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition, with the pool alive."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            self.pool.poll()
            assert time.monotonic() < deadline, self.pool.logs[0].read_text()[-3000:]
            time.sleep(0.2)

    def _records(self, topic: str) -> list[Any]:
        return committed(str(self.settings.kafka), topic)

    def cases(self) -> dict[bytes, bytes]:
        """The table of cases."""
        return {record.key: record.value for record in self._records(self.names.cases) if record.value is not None}

    def tasks(self) -> list[Task]:
        """Every record on the topics of all departments."""
        departments = load_city(CITY).catalogue.departments
        return [decode_task(one.value) for name in departments for one in self._records(self.names.tasks(name))]

    def stages(self, task: Task) -> list[str]:
        """The stages that the task had by its records, in order."""
        records = [decode_task(one.value) for one in self._records(self.names.tasks(task.department))]
        return [one.stage for one in records if one.id == task.id]

    def transitions(self) -> Mapping[str, list[Transition]]:
        """Case -> its transitions, in the order of the log."""
        found: dict[str, list[Transition]] = {}
        for record in self._records(self.names.transitions):
            one = decode_transition(record.value)
            found.setdefault(one.case, []).append(one)
        return found

    def rejected(self, sender: str) -> list[RejectedFeedback]:
        """What the sender reads about its rejected records."""
        return [decode_rejected_feedback(one.value) for one in self._records(self.names.rejected_feedback(sender))]

    def feedback(self) -> list[Feedback]:
        """Feedback on the grid stream."""
        events = [decode_event(list(one.headers), one.value) for one in self._records(self.names.events)]
        return [one for one in events if isinstance(one, Feedback)]

    def counted(self) -> Counter[tuple[str, str, str]]:
        """What the worker has counted: sender, kind, decision -> number."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.settings.metrics_port}/metrics", timeout=5) as answer:
            families = text_string_to_metric_families(answer.read().decode())
            samples = [one for family in families for one in family.samples if one.name == "grid_feedback_total"]
        return Counter(
            {(one.labels["sender"], one.labels["kind"], one.labels["decision"]): int(one.value) for one in samples}
        )


@pytest.fixture
def scene(kafka: str, namespace: str, tmp_path: Path) -> Iterator[Scene]:
    settings = Settings(kafka=kafka, home=tmp_path, namespace=namespace, partitions=2, metrics_port=free_ports(1))
    apply(kafka, topics_of(load_city(CITY), settings))
    with WorkerPool(CITY, settings, 1, "wall") as pool:
        scene = Scene(settings, pool)
        yield scene
        scene.producer.close()


def alone(tasks: Sequence[Task]) -> list[Task]:
    """Tasks of one duty's kind of work, each the only one of its case."""
    a_case = Counter(task.case for task in tasks)
    return [one for one in tasks if one.workflow == "field-work" and one.role == "lead" and a_case[one.case] == 1]


def test_a_task_is_answered_until_its_case_is_closed(scene: Scene) -> None:
    """A chained transition for each change, and a sentence for each sender whose feedback changes nothing."""
    task, other, *_ = alone(scene.report(REQUESTS))
    department = task.department
    foreign = next(name for name in load_city(CITY).catalogue.departments if name != department)

    accepted = scene.answer(department, task, "accept")
    scene.send(department, json.dumps(dict(reversed(accepted.items())), indent=1).encode(), task.id)
    scene.until(lambda: scene.stages(task) == ["dispatched", "handling"])
    scene.answer(SUPERVISION, task, "supervise", reason="the mayor has asked")
    scene.until(lambda: scene.stages(task) == ["dispatched", "handling", "handling"])
    scene.answer(department, task, "handled", evidence=[{"url": "https://p.example.org/1.jpg", "sha256": "a" * 64}])
    scene.until(lambda: scene.stages(task)[-1] == "closed")

    life = scene.transitions()[task.case]
    assert [(one.number, one.to, one.kind, one.sender) for one in life] == [
        (1, "dispatched", None, None),
        (2, "handling", "accept", department),
        (3, "handling", "supervise", SUPERVISION),
        (4, "closed", "handled", department),
    ]
    assert broken_at(life) is None
    case = decode_case(scene.cases()[task.case.encode()])
    assert (case.state, case.transitions, case.chain) == ("closed", 4, life[-1].hash)
    assert (case.closed_at, len(case.answers)) == (life[-1].at, 3)

    scene.answer(department, other, "answer", reason="an assistant would")
    scene.answer(foreign, other, "accept")
    scene.answer(department, replace(other, id="C-none.1"), "accept", "nothing")
    scene.send(department, json.dumps(accepted | {"kind": "handled"}).encode(), task.id)
    scene.send(department, b'{"id": "7", "task": 1}')
    scene.send(SUPERVISION, b"\xff not text")
    codes = {department: ["id-reused", "not-legal", "schema", "unknown-task"], foreign: ["foreign-task"]}
    codes[SUPERVISION] = ["not-utf8"]
    for sender, expected in codes.items():
        scene.until(lambda sender=sender, expected=expected: sorted(o.code for o in scene.rejected(sender)) == expected)  # type: ignore[misc]
    rejected = {one.code: one for sender in codes for one in scene.rejected(sender)}
    assert rejected["not-legal"].legal[:3] == ("accept", "return", "progress")
    assert (rejected["unknown-task"].feedback_id, rejected["unknown-task"].task) == ("nothing", "C-none.1")
    assert (rejected["schema"].feedback_id, rejected["schema"].size) == ("7", 22)
    assert scene.stages(other) == ["dispatched"]
    dead = [read_dead_letter(r.key, r.value, list(r.headers)) for r in committed_dead(scene)]
    assert sorted((one.network, one.code, one.topic) for one in dead) == [
        ("feedback", "not-utf8", scene.names.feedback(SUPERVISION)),
        ("feedback", "schema", scene.names.feedback(department)),
    ]
    decisions = Counter(
        {
            (department, "accept", "applied"): 1,
            (department, "accept", "redelivered"): 1,
            (department, "handled", "applied"): 1,
            (SUPERVISION, "supervise", "applied"): 1,
            (department, "answer", "not-legal"): 1,
            (foreign, "accept", "foreign-task"): 1,
            (department, "accept", "unknown-task"): 1,
            (department, "handled", "id-reused"): 1,
            (department, "unreadable", "schema"): 1,
            (SUPERVISION, "unreadable", "not-utf8"): 1,
        }
    )
    scene.until(lambda: scene.counted() == decisions)
    figures = figures_after_a_return(scene, other)
    assert [(one["returned_by"], one["returns"], one["cases"]) for one in figures] == [(department, 1, 1)]
    assert figures[0]["duty"] == other.rule


def figures_after_a_return(scene: Scene, task: Task) -> list[dict[str, Any]]:
    """What `figures returns` prints when a department has returned a task."""
    scene.answer(task.department, task, "return", reason="not ours")
    scene.until(lambda: scene.stages(task)[-1] == "returned")
    environment = {"GRID_ROUTER_KAFKA": str(scene.settings.kafka), "GRID_ROUTER_NAMESPACE": scene.settings.namespace}
    printed = CliRunner().invoke(figures_app, ["returns", "-o", "json"], env=environment)
    assert printed.exit_code == 0, printed.output
    rows: list[dict[str, Any]] = json.loads(printed.stdout)
    return rows


def committed_dead(scene: Scene) -> list[Any]:
    """The dead letters."""
    return committed(str(scene.settings.kafka), scene.names.dead_letters)


def test_a_killed_worker_loses_no_feedback_and_applies_none_twice(scene: Scene) -> None:
    """It is killed twice: with feedback that it has read, and while more arrives."""
    tasks = alone(scene.report(REQUESTS))
    half = len(tasks) // 2
    for task in tasks[:half]:
        scene.answer(task.department, task, "accept", f"a-{task.id}")
    scene.until(lambda: len(scene.feedback()) > 0)
    os.kill(scene.pool.pids[0], signal.SIGKILL)
    for number, task in enumerate(tasks):
        scene.answer(task.department, task, "accept", f"a-{task.id}")  # of the first half, a second time
        if number == half:
            scene.until(lambda: 0 in scene.pool.pids)
            os.kill(scene.pool.pids[0], signal.SIGKILL)
    lives = {task.case: [(1, "dispatched"), (2, "handling")] for task in tasks}
    scene.until(lambda: {one.id for one in scene.tasks() if one.stage == "handling"} == {one.id for one in tasks})
    sent = half + len(tasks)
    scene.until(lambda: len(scene.feedback()) == sent)
    found = scene.transitions()
    assert {case: [(one.number, one.to) for one in found[case]] for case in lives} == lives
    assert all(broken_at(one) is None for one in found.values())
    sources = [(one.provenance.topic, one.provenance.partition, one.provenance.offset) for one in scene.feedback()]
    assert len(set(sources)) == sent
    assert not any(scene.rejected(sender) for sender in {task.department for task in tasks})
    assert committed_dead(scene) == []


def test_a_flood_of_impossible_feedback_does_not_stop_the_city(scene: Scene) -> None:
    """Reports that wait beside it are read while it lasts, each of its records is rejected once, and no case grows without end."""
    tasks = alone(scene.report(REQUESTS))
    known = {one.case for one in tasks}
    pid = scene.pool.pids[0]
    os.kill(pid, signal.SIGSTOP)
    flood(scene, tasks)
    messages = history_of(load_city(CITY), city_folder(CITY)).messages(2 * REQUESTS)
    for message in list(messages)[REQUESTS:]:
        value = json.dumps(json.loads(message.value) | {"Status": "Open", "ClosedDate": ""}).encode()
        scene.producer.send(scene.names.reports("hotline"), value, key=message.source_id.encode())
    scene.producer.flush()
    os.kill(pid, signal.SIGCONT)
    scene.until(lambda: sum(scene.counted().values()) == FLOOD)
    scene.until(lambda: sum(len(decode_case(v).reports) for v in scene.cases().values()) == 2 * REQUESTS)
    behind = []
    for partition in range(scene.settings.partitions):
        events = [one for one in scene._records(scene.names.events) if one.partition == partition]
        kinds = [dict(one.headers)["ce_type"].decode() for one in events]
        last = max(number for number, kind in enumerate(kinds) if "report" in kind)
        behind.append(sum("feedback" in kind for kind in kinds[last:]))
    assert sum(behind) > FLOOD // 4, "the reports came before most of the flood"
    codes = Counter(code for (_, _, code), number in scene.counted().items() for _ in range(number))
    assert codes == {"not-legal": 64 * len(known), "too-many": FLOOD - 64 * len(known)}
    assert all(len(decode_case(value).answers) <= 64 for value in scene.cases().values())


def flood(scene: Scene, tasks: Sequence[Task]) -> None:
    """Feedback that its tasks do not allow, each under an id of its own, as fast as Kafka takes it."""
    for number in range(FLOOD):
        task = tasks[number % len(tasks)]
        said = {
            "id": f"f{number}",
            "task": task.id,
            "partition_key": task.partition_key,
            "kind": "check-passed",
            "actor": "officer-17",
            "occurred_at": scene._at,
        }
        scene.producer.send(scene.names.feedback(task.department), json.dumps(said).encode(), key=task.id.encode())
