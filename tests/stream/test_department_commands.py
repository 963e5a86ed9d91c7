"""`grid-router department` and `grid-router report send` on a real broker: what they print, send, and say about bad input."""

import json
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from router.cli.main import main
from router.client import connection as connections
from router.domain.model.feedback import FeedbackRejection
from router.wire.rejected_feedback import encode_rejected_feedback
from tests.stream.test_department_client import START, Department, send_rejection, task
from tests.support.repository import ROOT
from tests.support.topics import committed

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]

HOSTILE = "\x1b]0;owned\x07\u202e\nfake line"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def department(kafka: str, namespace: str) -> Department:
    found = Department(kafka, namespace)
    found.dispatch(
        task(1, due_at=START + timedelta(hours=9)),
        task(2, unit="410902001", description=HOSTILE, matter=HOSTILE),
        task(3),
        task(3, state="withdrawn", revision=2),
        task(4, due_at=None, stage="closed"),
    )
    return found


@pytest.fixture
def run(department: Department, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("GRID_ROUTER_KAFKA", department.kafka)
    monkeypatch.setenv("GRID_ROUTER_NAMESPACE", department.names.namespace)

    def command(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["grid-router", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return command


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_list_shows_what_is_to_do_in_order_of_due(run: Run) -> None:
    code, out, err = run("department", "list", "sanitation", "-o", "json")
    assert (code, err) == (0, "2 of 4 tasks of sanitation.\n")
    assert [(one["id"], one["stage"], one["state"]) for one in rows(out)] == [
        ("c2.1", "dispatched", "dispatched"),
        ("c1.1", "dispatched", "dispatched"),
    ]
    assert [one["id"] for one in rows(run("department", "list", "sanitation", "--all", "-o", "json")[1])] == [
        "c2.1",
        "c3.1",
        "c1.1",
        "c4.1",
    ]
    assert [
        one["id"] for one in rows(run("department", "list", "sanitation", "--unit", "410902001", "-o", "json")[1])
    ] == ["c2.1"]


def test_no_text_of_a_report_is_printed_raw(run: Run) -> None:
    for words in (("list",), ("tail", "--from", "beginning"), ("list", "-o", "json")):
        _, out, _ = run("department", words[0], "sanitation", *words[1:])
        assert all(line.isprintable() for line in out.splitlines()), words
    assert len(run("department", "list", "sanitation")[1].splitlines()) == 2


def test_tail_shows_every_record(run: Run) -> None:
    code, out, err = run("department", "tail", "sanitation", "--from", "beginning", "-o", "json")
    assert (code, err) == (0, "5 records of sanitation since beginning.\n")
    assert [(one["id"], one["state"]) for one in rows(out)][2:4] == [("c3.1", "dispatched"), ("c3.1", "withdrawn")]
    assert run("department", "tail", "sanitation", "--from", "now") == (0, "", "0 records of sanitation since now.\n")


def test_answers_are_sent_once_under_one_id(run: Run, department: Department) -> None:
    words = ("accept", "sanitation", "c1.1", "--actor", "hw-17", "--at", "2026-11-30T10:00:00+08:00", "-o", "json")
    (first,), (second,) = (rows(run("department", *words)[1]) for _ in range(2))
    assert first["id"] == second["id"]
    assert [first["topic"], first["offset"], second["offset"]] == [department.names.feedback("sanitation"), 0, 1]
    returned = run(
        "department", "return", "sanitation", "c2.1", "--actor", "hw-17", "--reason", "not ours", "--to", "parks"
    )
    assert returned[0] == 0
    assert returned[1].startswith("return of c2.1 is stored as auto-")
    photo = f"https://photos.example/1.jpg?a=b={'a' * 64}"
    assert (
        run("department", "handled", "sanitation", "c1.1", "--actor", "hw-17", "--evidence", photo, "--id", "HW-1")[0]
        == 0
    )
    said = department.said()
    assert [(one.kind, one.task, one.reason, one.department) for one in said[1:]] == [
        ("accept", "c1.1", "", None),
        ("return", "c2.1", "not ours", "parks"),
        ("handled", "c1.1", "", None),
    ]
    assert (said[3].id, said[3].evidence[0].url) == ("HW-1", "https://photos.example/1.jpg?a=b")
    assert said[0].digest == said[1].digest


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("list", "sanitatoin"), "no such department; the nearest name is sanitation."),
        (("accept", "sanitation", "c9.1", "--actor", "a"), "the department sanitation has no task 'c9.1'; `grid-router department list"),
        (("accept", "sanitation", "c3.1", "--actor", "a"), "task c3.1: `accept` is not possible: it is withdrawn; read its next record."),
        (("accept", "sanitation", "c1.1", "--actor", "13812345678"), "field `actor`: looks like an identity or phone number"),
        (("return", "sanitation", "c1.1", "--actor", "a"), "field `reason`: missing, and `return` needs it; say why."),
        (("handled", "sanitation", "c1.1", "--actor", "a", "--evidence", "x"), "--evidence: 'x' is no address and hash; write URL=SHA256."),
        (("tail", "sanitation", "--from", "noon"), "--from: 'noon' is not a time;"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence(run: Run, words: tuple[str, ...], sentence: str) -> None:
    code, out, err = run("department", *words)
    assert (code, out) == (2, "")
    assert sentence in err
    assert len(err.splitlines()) == 1


def test_rejections_are_shown(run: Run, department: Department) -> None:
    run("department", "accept", "sanitation", "c1.1", "--actor", "hw-17")
    (said,) = department.said()
    rejection = FeedbackRejection(code="not-legal", reason=f"Why {HOSTILE}.", legal=("progress",))
    send_rejection(department, *encode_rejected_feedback(said, rejection, rejection.legal))
    code, out, err = run("department", "rejections", "sanitation", "--from", "beginning", "-o", "json")
    assert (code, err) == (0, "1 rejections of sanitation since beginning.\n")
    assert [(one["feedback_id"], one["legal"]) for one in rows(out)] == [(said.id, ["progress"])]
    (line,) = run("department", "rejections", "sanitation", "--from", "beginning")[1].splitlines()
    assert line.isprintable()


def test_no_broker_is_one_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRID_ROUTER_KAFKA", "127.0.0.1:1")
    monkeypatch.setattr(connections, "LOOK_MS", 500)
    for words in (("list", "sanitation"), ("accept", "sanitation", "c1.1", "--actor", "a")):
        code, out, err = run("department", *words)
        assert (code, out) == (2, "")
        assert err.startswith("127.0.0.1:1: Kafka does not answer (KafkaTimeoutError); start the cluster")


@pytest.fixture
def reports(department: Department) -> str:
    admin = KafkaAdminClient(bootstrap_servers=department.kafka)
    name = department.names.reports("policing")
    admin.create_topics([NewTopic(name=name, num_partitions=1, replication_factor=1)])
    admin.close()
    return name


def test_reports_are_sent_under_their_ids_in_order(
    run: Run, department: Department, reports: str, tmp_path: Path
) -> None:
    sample = json.loads((ROOT / "schemas" / "samples" / "reports" / "policing.json").read_text("utf-8"))
    versions = [{**sample, "jjdbh": id_} for id_ in ("J-1", "J-2", "J-1", "J-3")]
    file = tmp_path / "policing.jsonl"
    file.write_text("\n".join(json.dumps(one, ensure_ascii=False) for one in versions), encoding="utf-8")
    code, out, err = run("report", "send", str(file), "--city", "puyang", "-o", "json")
    assert (code, err) == (0, f"{file}: 4 stored on {reports}.\n")
    assert [(one["record"], one["id"], one["offset"]) for one in rows(out)] == [
        (1, "J-1", 0), (2, "J-2", 1), (3, "J-1", 2), (4, "J-3", 3),
    ]  # fmt: skip
    found = committed(department.kafka, reports)
    assert [(one.key.decode(), json.loads(one.value)) for one in found] == [(one["jjdbh"], one) for one in versions]


def test_nothing_is_sent_when_one_would_be_rejected(
    run: Run, department: Department, reports: str, tmp_path: Path
) -> None:
    sample = (ROOT / "schemas" / "samples" / "reports" / "policing.json").read_text("utf-8")
    file = tmp_path / "policing.jsonl"
    file.write_text(json.dumps(json.loads(sample)) + '\n{"jjdbh": "J-2"}\n', encoding="utf-8")
    code, out, err = run("report", "send", str(file), "--city", "puyang", "-o", "json")
    assert (code, err) == (1, f"{file}: 1 of 2 would be rejected, nothing was sent.\n")
    assert [(one["record"], one["id"], one["outcome"]) for one in rows(out)] == [(2, "J-2", "rejected")]
    assert committed(department.kafka, reports) == []
    assert run("report", "send", str(file), "--city", "puyang", "--unchecked")[0] == 0
    assert len(committed(department.kafka, reports)) == 2
