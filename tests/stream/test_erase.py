"""`grid-router erase` on a real broker with a real worker: after compaction and retention no file of the broker has a byte of the data."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from kafka import KafkaProducer
from typer.testing import CliRunner, Result

from router.broker import folder, server
from router.broker.admin import apply
from router.broker.properties import server_properties
from router.cli.main import app
from router.domain.lifecycle.journal import broken_at, in_order
from router.domain.model.case import Case
from router.domain.model.task import Task
from router.domain.rules.city import City
from router.wire.codec import decode_case, decode_task, decode_transition, encode_archived, encode_transition
from router.wire.declared_topics import Topic, topics_of
from router.wire.errors import InputError
from router.wire.settings import PREFIX, Settings
from router.wire.topic_names import Names
from router.workers.pool import WorkerPool
from tests.support.broker import free_ports
from tests.support.cities import shipped
from tests.support.driver import Driver, report
from tests.support.patience import PATIENCE_S
from tests.support.topics import committed, set_config

pytestmark = pytest.mark.broker

CITY = "los-angeles"
CELL = "060371002014001"
MARK = "QZXW-the-person-QZXW"
"""In every text of the person in this test, and nowhere else."""
BY = ("--actor", "zhang.min", "--reason", "PIPL article 47")
QUICK = {
    "log.retention.check.interval.ms": "500",
    "log.initial.task.delay.ms": "100",
    "log.cleaner.backoff.ms": "200",
    "log.segment.delete.delay.ms": "100",
}


class Scene:
    """A broker that looks for old segments all the time, and a worker of Los Angeles."""

    def __init__(self, settings: Settings, pool: WorkerPool, topics: list[Topic]) -> None:
        self.settings, self.pool, self.names, self.topics = settings, pool, Names(settings.namespace), topics
        self.producer = KafkaProducer(bootstrap_servers=settings.kafka, acks="all")

    def send(self, topic: str, value: Mapping[str, Any], key: str) -> None:
        self.producer.send(topic, json.dumps(value).encode(), key=key.encode(), partition=0).get(PATIENCE_S)

    def alarm(self, **fields: Any) -> dict[str, Any]:
        """An alarm of the police that was called in just now, with texts of the person."""
        said = {"jjdbh": "P1", "bjlxdm": "1204", "bjsj": _now(), "bjnr": f"{MARK} was hurt", "sfdz": f"house of {MARK}"}
        return said | fields

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            self.pool.poll()
            assert time.monotonic() < deadline, self.pool.logs[0].read_text()[-3000:]
            time.sleep(0.2)

    def values(self, topic: str) -> list[bytes]:
        return [one.value for one in committed(str(self.settings.kafka), topic) if one.value is not None]

    def cases(self) -> dict[bytes, Case]:
        """The table of cases."""
        found = committed(str(self.settings.kafka), self.names.cases)
        return {one.key: decode_case(one.value) for one in found if one.value is not None and one.headers}

    def tasks(self) -> list[Task]:
        departments = [one.name for one in self.topics if ".tasks." in one.name]
        return [decode_task(value) for name in departments for value in self.values(name)]

    def journal(self, case: str) -> Any:
        found = [decode_transition(value) for value in self.values(self.names.transitions) if value != b"filler"]
        return in_order([one for one in found if one.case == case])

    def marked(self) -> set[str]:
        """Folders of topics, and other files, that have the mark."""
        return {self._name(path) for path in self.settings.home.rglob("*") if _has_mark(path)}

    def _name(self, path: Path) -> str:
        folder_ = path.parent.name.rpartition("-")[0]
        return folder_.removeprefix(self.names.namespace) if folder_ else path.name

    def roll_and_clean(self) -> None:
        """Let the broker begin segments, compact, and expire as it does in 97 days, at once."""
        for one in self.topics:
            if one.cleanup == "delete":
                set_config(str(self.settings.kafka), one.name, retention_ms="100", file_delete_delay_ms="100")
            elif one.personal:
                quick = {"min_cleanable_dirty_ratio": "0.001", "max_compaction_lag_ms": "100", "segment_ms": "100"}
                set_config(str(self.settings.kafka), one.name, **quick, file_delete_delay_ms="100")

    def write_on(self) -> None:
        """Append a record to every compacted topic: Kafka begins a segment at a write."""
        for one in self.topics:
            if one.personal:
                self.producer.send(one.name, b"filler", key=b"filler", partition=0).get(PATIENCE_S)


def _now() -> str:
    return datetime.now(ZoneInfo("America/Los_Angeles")).strftime("%Y%m%d%H%M%S")


def _has_mark(path: Path) -> bool:
    try:
        return path.is_file() and MARK.encode() in path.read_bytes()
    except FileNotFoundError:
        return False  # Kafka has deleted it just now


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.delenv(f"{PREFIX}KAFKA", raising=False)  # a broker of its own, whose files are here

    def quick_properties(*arguments: Any) -> str:
        return server_properties(*arguments) + "".join(f"{name}={value}\n" for name, value in QUICK.items())

    monkeypatch.setattr(folder, "server_properties", quick_properties)
    monkeypatch.setenv("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")
    embedded = Settings(home=tmp_path, broker_port=free_ports(2))
    address = server.start(embedded).address
    settings = Settings(kafka=address, home=tmp_path, namespace="e.", partitions=1, metrics_port=free_ports(1))
    for name, value in {"KAFKA": address, "HOME": str(tmp_path), "NAMESPACE": "e."}.items():
        monkeypatch.setenv(f"{PREFIX}{name}", value)
    topics = topics_of(shipped(CITY), settings)
    try:
        apply(address, topics)
        with WorkerPool(CITY, settings, 1, "wall") as pool:
            scene = Scene(settings, pool, topics)
            yield scene
            scene.producer.close()
    finally:
        monkeypatch.delenv(f"{PREFIX}KAFKA")
        server.stop(embedded)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200", "NO_COLOR": "1"})


def erase(*arguments: str) -> list[dict[str, str]]:
    """The rows of a run that must succeed."""
    found = run("erase", *arguments, *BY, "-o", "json")
    assert found.exit_code == 0, (found.output, found.exception)
    return [json.loads(line) for line in found.stdout.splitlines()]


def lives(scene: Scene) -> Case:
    """A case whose texts stand on every topic that can have one: reported, returned with a reason, and with a repaired dead letter."""
    scene.send(scene.names.reports("policing"), scene.alarm(), "P1")
    scene.until(lambda: any(one.role == "lead" for one in scene.tasks()))
    task = next(one for one in scene.tasks() if one.role == "lead")
    said = {
        "id": "r1",
        "task": task.id,
        "partition_key": task.partition_key,
        "kind": "return",
        "actor": "officer-17",
        "occurred_at": datetime.now(UTC).isoformat(),
        "reason": f"{MARK} is not at home",
    }
    scene.send(scene.names.feedback(task.department), said, task.id)
    scene.until(lambda: any(one.stage == "returned" for one in scene.tasks()))
    scene.send(scene.names.reports("policing"), scene.alarm(bjlxdm="9999"), "P1")
    scene.until(lambda: len(scene.values(scene.names.dead_letters)) == 1)
    patch = json.dumps(
        [
            {"op": "replace", "path": "/bjlxdm", "value": "1204"},
            {"op": "replace", "path": "/bjnr", "value": f"{MARK} again"},
        ]
    )
    repaired = run(
        "dead-letters",
        "repair",
        "--report-id",
        "P1",
        "--actor",
        "li",
        "--why",
        "typing error",
        "--city",
        CITY,
        "--patch",
        patch,
    )
    assert repaired.exit_code == 0, (repaired.output, repaired.exception)
    return scene.cases()[task.case.encode()]


def archived(scene: Scene, city: City) -> Case:
    """A case of the archive, as a worker has written it."""
    driver = Driver(city)
    driver.pipe(report("17", matter="graffiti", cell=CELL, rule_set=city.rule_set, description=f"{MARK} painted it"))
    (case,) = driver.cases
    producer = KafkaProducer(bootstrap_servers=scene.settings.kafka, acks="all")
    for topic, (key, value, headers) in (
        (scene.names.archive, encode_archived(case, case.updated_at)),
        *((scene.names.transitions, encode_transition(one, case.partition_key)) for one in driver.transitions),
    ):
        producer.send(topic, value, key=key, headers=headers, partition=0).get(PATIENCE_S)
    producer.close()
    return case


def test_no_file_has_a_byte_of_it(scene: Scene) -> None:
    live, kept = lives(scene), archived(scene, shipped(CITY))
    departments = {one.department for one in live.assignments}
    everywhere = {
        *("grid.cases", "grid.archive", "grid.transitions", "grid.repairs", "grid.dead-letters", "grid.events"),
        *("reports.policing", f"feedback.{live.answers[0].sender}"),
        *(f"tasks.{name}" for name in departments),
    }
    scene.until(lambda: scene.marked() >= everywhere)
    assert scene.marked() == everywhere, "and nowhere else, so not in a log or in a file of a command"

    planned = erase(live.id)
    assert {row["topic"].removeprefix("e.") for row in planned} >= everywhere - {"grid.archive"}
    assert scene.cases()[live.id.encode()] == live, "nothing is written without --yes"

    assert [row["topic"] for row in erase(live.id, "--yes")] == [row["topic"] for row in planned]
    assert "e.grid.archive" in {row["topic"] for row in erase(kept.id, "--yes")}
    asserted_erased(scene, live)
    found = run("erase", f"{live.id}.1", *BY, "--yes")
    assert (found.exit_code, "Nothing is left to erase: it was erased by zhang.min on" in found.output) == (0, True)
    for unknown, said in (
        ("C-00000000000000000000", "there is no such case"),
        ("policing:P9", "no case has this report"),
    ):
        found = run("erase", unknown, *BY, "--yes")
        assert isinstance(found.exception, InputError)
        assert said in str(found.exception)

    scene.roll_and_clean()

    def gone() -> bool:
        scene.write_on()
        return not scene.marked()

    scene.until(gone)
    for id_ in (live.id, kept.id, "policing:P1"):
        verified = run("case", "verify", id_)
        assert (verified.exit_code, "is whole" in verified.output) == (0, True), verified.output
    assert "had data of persons erased" in run("case", "history", kept.id).output
    corrected_brings_nothing_back(scene, live)


def asserted_erased(scene: Scene, before: Case) -> None:
    """Ids, times, stages and deadlines are as they were; the journal says who and why, and every department heard of it."""
    after = scene.cases()[before.id.encode()]
    assert [(one.task, one.stage, one.due_at) for one in after.assignments] == [
        (one.task, one.stage, one.due_at) for one in before.assignments
    ]
    assert (after.description, after.address) == ("", "")
    journal = scene.journal(before.id)
    assert broken_at(journal) is None
    assert (journal[-1].cause, journal[-1].actor, journal[-1].reason) == ("erasure", "zhang.min", "PIPL article 47")
    assert [one.to for one in journal[:-1]] == ["dispatched", "dispatched", "returned", "dispatched"]
    heard = {one.department for one in scene.tasks() if one.erased_at is not None and not one.description}
    assert heard == {one.department for one in before.assignments}
    shown = run("dead-letters", "list", "-o", "json").stdout
    assert MARK not in shown
    assert [json.loads(line)["state"] for line in shown.splitlines()] == ["erased"]
    redriven = run("dead-letters", "redrive", "--all", "--force", "--actor", "li", "--why", "again")
    assert "0 redriven, 1 skipped" in redriven.output, redriven.output


def corrected_brings_nothing_back(scene: Scene, live: Case) -> None:
    scene.send(scene.names.reports("policing"), scene.alarm(bjnr=f"{MARK} called again", jqdj="1"), "P1")
    scene.until(lambda: scene.cases()[live.id.encode()].reports[0].version > 1)
    case = scene.cases()[live.id.encode()]
    assert MARK not in repr(case)
    assert case.severity == "Extreme", "what is no text still counts"
