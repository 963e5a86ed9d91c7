"""The AsyncAPI document: valid by AsyncAPI's own schema, complete, and in agreement with the declared topics."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from router.contracts import asyncapi
from router.domain.networks.registry import NETWORKS
from router.wire.declared_topics import declared
from router.wire.record_kinds import KINDS
from router.wire.settings import Settings
from router.wire.topic_names import Names
from tests.support.schemas import ASYNCAPI, FILES, ROOT, SCHEMAS, nodes, schema_accepts


def pointed(document: Any, pointer: str) -> Any:
    """The target of a JSON pointer; KeyError when there is none."""
    for part in pointer.split("/")[1:]:
        document = document[part.replace("~1", "/").replace("~0", "~")]
    return document


OFFICIAL = json.loads((ROOT / "tests" / "support" / "asyncapi-3.0.0.json").read_text("utf-8"))
"""The official JSON Schema of AsyncAPI 3.0.0 with its Kafka binding; see tests/README.md."""
SOUND = jsonschema_rs.Draft7Validator(OFFICIAL)


def test_the_document_is_valid_by_the_official_schema() -> None:
    assert [(error.instance_path, error.message[:200]) for error in SOUND.iter_errors(ASYNCAPI)] == []


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/info/title", None),
        ("/channels/grid.cases/address", 7),
        ("/operations/send.grid.cases/action", "publish"),
        ("/channels/grid.cases/bindings/kafka/topicConfiguration/cleanup.policy", ["compact,delete"]),
        ("/components/messages/grid.case.changed.v1/payloads", {}),
    ],
)
def test_the_official_schema_rejects_errors(pointer: str, value: Any) -> None:
    wrong = copy.deepcopy(ASYNCAPI)
    place, _, name = pointer.rpartition("/")
    pointed(wrong, place)[name] = value
    assert not SOUND.is_valid(wrong)


def test_every_channel_message_and_operation_is_complete() -> None:
    """What the official schema leaves open: a channel without an address or messages, a message without a schema."""
    messages = ASYNCAPI["components"]["messages"]
    used = set()
    for name, channel in ASYNCAPI["channels"].items():
        assert channel["address"], name
        assert channel["messages"], name
        for message, led in channel["messages"].items():
            assert pointed(ASYNCAPI, led["$ref"][1:]) is messages[message]
            used.add(message)
    assert used == set(messages), "a message on no channel"
    assert {one["channel"]["$ref"] for one in ASYNCAPI["operations"].values()} == {
        f"#/channels/{name}" for name in ASYNCAPI["channels"]
    }, "a channel without an operation"
    for name, message in messages.items():
        parts = {part for part in ("headers", "payload") if part in message}
        kind = KINDS.get(name)
        without = {
            *({"payload"} if kind and kind.schema_path is None else set()),
            *({"headers"} if kind and not kind.published else set()),
        }
        assert parts == {"headers", "payload"} - without, name
        for part in parts:
            assert message[part]["$ref"].removeprefix("./") in SCHEMAS, name


def test_every_reference_has_a_target() -> None:
    references = [node["$ref"] for node in nodes(ASYNCAPI) if "$ref" in node]
    files = {reference for reference in references if not reference.startswith("#")}
    for reference in references:
        file, _, pointer = reference.partition("#")
        assert pointed(SCHEMAS[file.removeprefix("./")] if file else ASYNCAPI, pointer) is not None
        assert not file or (ROOT / "schemas" / file).is_file()
    described = {f"./{path}" for path in SCHEMAS if not path.startswith("city/")}
    assert files == described, "a schema of a message that no message has"
    for path, schema in SCHEMAS.items():
        for node in nodes(schema):
            assert "$ref" not in node or pointed(schema, node["$ref"].removeprefix("#")), path


def test_every_declared_topic_has_a_channel_with_its_retention() -> None:
    channels = {c["address"].replace("{department}", "ocb"): c for c in ASYNCAPI["channels"].values()}
    topics = declared(Names(), networks=NETWORKS, departments=["ocb"], partitions=8)
    assert sorted(channels) == sorted(topic.name for topic in topics)
    for topic in topics:
        kept = channels[topic.name]["bindings"]["kafka"]["topicConfiguration"]
        assert kept["cleanup.policy"] == topic.cleanup.split(",")
        assert channels[topic.name]["bindings"]["kafka"]["bindingVersion"] == "0.5.0"
        assert kept["retention.ms"] == (topic.retention_ms or -1)
    assert list(channels["tasks.ocb"]["parameters"]) == ["department"]
    assert channels["grid.cases"]["bindings"]["kafka"]["topicConfiguration"]["cleanup.policy"] == ["compact"]


def test_the_router_receives_reports_and_events_and_sends_the_rest() -> None:
    done = {
        (one["action"], one["channel"]["$ref"].removeprefix("#/channels/")) for one in ASYNCAPI["operations"].values()
    }
    tables = (
        "grid.rule-sets",
        "grid.repairs",
        "grid.offsets",
        "grid.feedback-offsets",
        *(f"grid.dedup.{network}" for network in NETWORKS),
    )
    assert done == {
        *((action, table) for action in ("send", "receive") for table in tables),
        *(("receive", f"reports.{network}") for network in NETWORKS),
        ("receive", "grid.events"),
        ("receive", "feedback"),
        ("receive", "feedback.supervision"),
        ("send", "feedback.rejected"),
        ("send", "feedback.rejected.supervision"),
        ("send", "grid.transitions"),
        ("send", "grid.escalations"),
        *(("send", f"rejections.{network}") for network in NETWORKS),
        *(("send", name) for name in ("grid.events", "grid.cases", "grid.archive", "tasks", "grid.dead-letters")),
    }
    for one in ASYNCAPI["operations"].values():
        channel = pointed(ASYNCAPI, one["channel"]["$ref"][1:])
        messages = [pointed(ASYNCAPI, message["$ref"][1:]) for message in one["messages"]]
        assert messages == list(channel["messages"].values())


def test_every_channel_says_what_it_carries_in_whole_sentences() -> None:
    for name, channel in ASYNCAPI["channels"].items():
        about, _, key = channel["description"].partition(" Keyed by ")
        assert about.endswith("."), name
        assert key.endswith("."), name


def test_the_document_has_no_anchors_and_asyncapi_3() -> None:
    assert ASYNCAPI["asyncapi"] == "3.0.0"
    assert not re.search(r"[&*]id\d", FILES["asyncapi.yaml"])


def described(document: Any, pointer: str = "") -> Iterator[tuple[str, str]]:
    """Pointer -> text, for each description and summary that people read. Examples hold data."""
    if isinstance(document, list):
        for number, inner in enumerate(document):
            yield from described(inner, f"{pointer}/{number}")
    elif isinstance(document, dict):
        for name, inner in document.items():
            if name in ("description", "summary") and isinstance(inner, str):
                yield f"{pointer}/{name}", inner
            elif name not in ("examples", "default", "const", "enum"):
                yield from described(inner, f"{pointer}/{name}")


LABELLED = ("reports/", "city/")
"""Folders of schemas whose fields have labels, some without a full stop."""


@pytest.mark.parametrize("path", [*SCHEMAS, "asyncapi.yaml"])
def test_no_description_is_cut(path: str) -> None:
    """Each bracket and quoted word that it opens is closed, and it ends with a full stop.

    A field of a network or a city has a label, which needs none.
    """
    found = dict(described(ASYNCAPI if path == "asyncapi.yaml" else SCHEMAS[path]))
    assert found
    for pointer, text in found.items():
        place = f"{path}#{pointer}: {text}"
        assert text.endswith(".") or (path.startswith(LABELLED) and (text[-1].isalnum() or text[-1] in ")`")), place
        assert text == text.strip(), place
        assert text.count("`") % 2 == 0, place
        for first, last in ("()", "（）", "[]", "“”"):
            assert nested(text, first, last), place


def nested(text: str, first: str, last: str) -> bool:
    """Whether each bracket is closed after it was opened. Quoted words between backticks are examples."""
    depth = 0
    for char in re.sub(r"`[^`]*`", "", text):
        depth += (char == first) - (char == last)
        if depth < 0:
            return False
    return depth == 0


@pytest.mark.parametrize("text", ["Cut (in a", "Cut) here.", "A `word.", "No full stop", "Cut (a (b)."])
def test_a_cut_description_is_noticed(text: str) -> None:
    sound = text.endswith(".") and text.count("`") % 2 == 0 and nested(text, "(", ")")
    assert not sound


def test_every_message_has_an_example_that_its_schemas_accept() -> None:
    for name, message in ASYNCAPI["components"]["messages"].items():
        (example,) = message["examples"]
        parts = {part for part in ("headers", "payload") if part in message}
        assert set(example) == parts, name
        for part in parts:
            assert schema_accepts(message[part]["$ref"].removeprefix("./"), example[part]), (name, part)


def test_the_server_is_on_loopback_and_needs_no_secret() -> None:
    (server,) = ASYNCAPI["servers"].values()
    assert server["host"] == f"127.0.0.1:{Settings.model_fields['broker_port'].default}"
    assert "security" not in server


def test_without_samples_the_document_has_no_examples(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(asyncapi, "SAMPLES", tmp_path)
    document = asyncapi.asyncapi_document()
    assert SOUND.is_valid(document)
    assert not [node for node in nodes(document) if "examples" in node]
