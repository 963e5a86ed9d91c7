"""The departments of `deploy/examples/` in Java, Node and Go, each on a real broker and with its language's own tools."""

import json
import os
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from kafka import KafkaAdminClient

from router.domain.feedback.reading import read_feedback
from router.domain.model.feedback import Feedback
from tests.stream.test_department_client import Department, ended, line, task
from tests.support import toolchains
from tests.support.repository import ROOT
from tests.support.topics import committed

pytestmark = [pytest.mark.broker, pytest.mark.long, pytest.mark.timeout(600)]


def start(command: list[str], department: Department, journal: Path) -> "subprocess.Popen[str]":
    environment = os.environ | {"KAFKA": department.kafka, "NAMESPACE": department.names.namespace}
    words = [*command, "sanitation", str(journal)]
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def answers(department: Department) -> list[tuple[str, str]]:
    """Task and kind of each answer on the topic, in order. Asserted: each is valid feedback and a valid CloudEvent."""
    schema = json.loads((ROOT / "schemas" / "feedback" / "feedback.v1.json").read_text("utf-8"))
    validator = jsonschema_rs.validator_for(schema)
    found = []
    for record in committed(department.kafka, department.names.feedback("sanitation")):
        said = read_feedback(record, "sanitation")
        assert isinstance(said, Feedback)
        headers = dict(record.headers)
        event: Any = from_binary(KafkaMessage(headers, record.key, record.value), JSONFormat(), CloudEvent)
        validator.validate(event.get_data())
        assert event.get_id() == said.id
        assert isinstance(event.get_time(), datetime)
        assert record.key == said.task.encode()
        found.append((said.task, said.kind))
    return found


@pytest.mark.parametrize("language", [toolchains.java, toolchains.node, toolchains.go])
def test_an_example_answers_each_task_once(
    language: Callable[[Path], list[str]], kafka: str, namespace: str, tmp_path: Path
) -> None:
    command, journal = language(tmp_path), tmp_path / "journal"
    department = Department(kafka, namespace)
    department.dispatch(task(1), task(1), task(1, state="updated", revision=2, stage="accepted"))
    department.dispatch(task(9), aborted=True)
    department.dispatch(task(2))
    process = start(command, department, journal)
    assert [line(process) for _ in range(3)] == ["answered c1.1", "duplicate c1.1", "answered c2.1"]
    process.terminate()
    _, errors = ended(process)
    assert process.poll() is not None, errors
    both = [(one, kind) for one in ("c1.1", "c2.1") for kind in ("accept", "handled")]
    assert answers(department) == both

    # as after a crash before the journal had the last line, and before the group had its offsets
    lines = journal.read_text("utf-8").splitlines(keepends=True)
    journal.write_text("".join(lines[:-1]), "utf-8")
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    admin.delete_groups([f"{namespace}sanitation-example"])
    admin.close()
    department.dispatch(task(3))
    process = start(command, department, journal)
    printed = [line(process) for _ in range(4)]
    assert printed == ["duplicate c1.1", "duplicate c1.1", "answered c2.1", "answered c3.1"]
    process.terminate()
    ended(process)
    assert answers(department) == [*both, *both[2:], ("c3.1", "accept"), ("c3.1", "handled")]
    records = committed(kafka, department.names.feedback("sanitation"))
    assert [one.value for one in records[2:4]] == [one.value for one in records[4:6]]  # sent again, the same bytes
