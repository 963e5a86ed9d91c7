"""Every command that prints what other programs wrote to Kafka, on a terminal, against records that want to control it."""

import json
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from kafka import KafkaProducer

from router.broker.admin import apply
from router.cities.folder import city_folder
from router.cities.packing import pack
from router.cli.text.sanitize import INVISIBLE
from router.domain.model.rejection import Rejection
from router.domain.model.source_record import PlainRecord
from router.wire.codec import encode_dead_letter
from router.wire.declared_topics import topics_of
from router.wire.repairs import Repair, Step, encode_repair
from router.wire.rule_sets import RuleSetRecord, encode_rule_set
from router.wire.settings import Settings
from router.wire.topic_names import Names
from tests.support.cities import shipped
from tests.support.pty_run import SGR, run_on_terminal

pytestmark = pytest.mark.broker
CITY = "los-angeles"
COLOUR = "\x1b[38;5;199m"
"""A colour that the router never uses."""
HOSTILE = f"A{COLOUR}B\x1b[2JC\x1b]0;title\x07D\x7fE\x9b31mF\x90qG\u202eH\u2066I\u200bJ\ufeffK\u2028L\ue000M\U000e0041N\rO\x08P\x00Q"
"""ESC sequences, DEL, C1 controls, bidi controls, invisible characters, line ends, private use, tags."""
DEPARTMENT = "lapd"
Run = Callable[..., str]


def hostile_json() -> bytes:
    """The text as key and value, unescaped as far as JSON allows it."""
    text = HOSTILE
    for low in range(0x20):
        text = text.replace(chr(low), f"\\u{low:04x}")
    return f'{{"{text}": "{text}", "cell": "{text}", "location": {{"cell": "{text}"}}}}'.encode()


def dead_letter(names: Names, offset: int, value: bytes) -> tuple[bytes | None, bytes | None, Any]:
    record = PlainRecord(
        topic=names.reports("hotline"),
        partition=0,
        offset=offset,
        timestamp=1_800_000_000_000,
        key=HOSTILE.encode(),
        value=value,
        headers=[(HOSTILE, HOSTILE.encode()), ("content-type", HOSTILE.encode())],
    )
    return encode_dead_letter(record, Rejection(code=HOSTILE, reason=f"{HOSTILE}; {HOSTILE}."), HOSTILE)


@pytest.fixture(scope="module")
def deployment(kafka: str) -> Names:
    """The topics of a city, each with hostile records: keys, values, header names and header values."""
    names = Names("hostile-text.")
    settings = Settings(kafka=kafka, namespace=names.namespace, partitions=1)
    city = shipped(CITY)
    apply(kafka, topics_of(city, settings))
    producer = KafkaProducer(bootstrap_servers=kafka, acks="all")
    raw = [(HOSTILE, HOSTILE.encode())]
    for topic in (names.reports("hotline"), names.events, names.cases, names.tasks(DEPARTMENT), names.dead_letters):
        for value in (HOSTILE.encode(), hostile_json(), b"\xff\x1b[2J" + HOSTILE.encode()):
            producer.send(topic, key=HOSTILE.encode(), value=value, headers=raw)
    for offset, value in enumerate((HOSTILE.encode(), hostile_json())):
        key, content, headers = dead_letter(names, offset, value)
        producer.send(names.dead_letters, key=key, value=content, headers=headers)
    step = Step(
        at=datetime(2026, 11, 29, tzinfo=UTC),
        done="repaired",
        actor=HOSTILE,
        why=HOSTILE,
        patch=[{"op": "add", "path": f"/{HOSTILE}", "value": HOSTILE}],
    )
    repair = Repair(dead_letter=f"{names.reports('hotline')}/0/1", value=hostile_json().decode(), steps=(step,))
    key, content, headers = encode_repair(repair)
    producer.send(names.repairs, key=key, value=content, headers=headers)
    record = RuleSetRecord(
        version=HOSTILE,
        city=CITY,
        published_at=datetime(2026, 11, 29, tzinfo=UTC),
        effective_from=datetime(2026, 11, 29, tzinfo=UTC),
        actor=HOSTILE,
        note=HOSTILE,
        texts=pack(city_folder(CITY)),
    )
    key, content, headers = encode_rule_set(record)
    producer.send(names.rule_sets, key=key, value=content, headers=headers)
    producer.close()
    return names


@pytest.fixture
def run(deployment: Names, kafka: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A command in that deployment, on a terminal."""
    monkeypatch.setenv("GRID_ROUTER_KAFKA", kafka)
    monkeypatch.setenv("GRID_ROUTER_NAMESPACE", deployment.namespace)
    monkeypatch.setenv("GRID_ROUTER_PARTITIONS", "1")
    return lambda *arguments: run_on_terminal(monkeypatch, *arguments)


def unseen(shown: str) -> set[str]:
    """Characters that a terminal obeys or hides, apart from line ends and the router's own colours."""
    assert COLOUR not in shown
    return {char for char in SGR.sub("", shown) if unicodedata.category(char) in INVISIBLE and char != "\n"}


TOPICS = ("reports.hotline", "events", "cases", f"tasks.{DEPARTMENT}", "dead-letters", "repairs", "rule-sets")
REDRIVE = ("dead-letters", "redrive", "--all", "--dry-run", "--actor", "a", "--why", "w")
REPAIR = ("dead-letters", "repair", "--city", CITY, "--actor", "a", "--why", "w", "--dry-run", "--from", "beginning")
COMMANDS = {
    **{f"tail {topic}": ("tail", topic, "--from", "beginning") for topic in TOPICS},
    "tail by cell": ("tail", "events", "--from", "beginning", "--cell", "*A*"),
    "list": ("dead-letters", "list"),
    "show": ("dead-letters", "show", "reports.hotline/0/0"),
    "show repaired": ("dead-letters", "show", "reports.hotline/0/1"),
    "redrive": REDRIVE,
    "repair": (*REPAIR, "--patch", '[{"op": "add", "path": "/a", "value": 1}]'),
    "rule-sets": ("catalogue", "rule-sets", CITY),
    "doctor": ("doctor", CITY),
    "topics": ("topics", "plan", CITY),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_text_obeys_no_record(run: Run, command: tuple[str, ...]) -> None:
    shown = run(*command)
    assert len(shown) > 30, shown
    assert unseen(shown) == set()


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_json_escapes_and_stays_json(run: Run, command: tuple[str, ...]) -> None:
    shown = run(*command, "-o", "json")
    assert unseen(shown) == set()
    values = [json.loads(line) for line in shown.split("\n") if line.startswith("{")]
    assert values
    assert [orjson.loads(line) for line in shown.split("\n") if line.startswith("{")] == values


def test_json_means_what_was_sent(run: Run) -> None:
    shown = run("tail", "cases", "--from", "beginning", "-o", "json")
    assert r"\u001b" in shown
    assert r"\u009b" in shown
    assert r"\u202e" in shown
    text, whole, binary = (json.loads(line) for line in shown.split("\n") if line.startswith("{"))
    assert (text["key"], text["value"], text["headers"]) == (HOSTILE, HOSTILE, [[HOSTILE, HOSTILE]])
    assert whole["value"][HOSTILE] == HOSTILE
    assert bytes.fromhex(binary["value"]) == b"\xff\x1b[2J" + HOSTILE.encode()
