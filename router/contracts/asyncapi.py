"""AsyncAPI 3.0.0: every topic of the router, its messages, who writes it and who reads it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

import router
from router.contracts.headers import FEEDBACK_HEADERS, REPORT_HEADERS
from router.contracts.schemas import COMMENT, FEEDBACK_PATH, report_path
from router.domain.model.feedback import SUPERVISION
from router.domain.networks.registry import NETWORKS
from router.wire.declared_topics import Topic, declared
from router.wire.record_kinds import KINDS, RecordKind
from router.wire.topic_names import Names

ASYNCAPI = "asyncapi.yaml"
SAMPLES = Path(router.__file__).parents[1] / "schemas" / "samples"
"""The sample messages of the source tree; an installed router has none, and then the document has no examples."""
SERVERS = {
    "local": {
        "host": "127.0.0.1:19092",
        "protocol": "kafka",
        "description": "The embedded broker that `grid-router broker start` starts, on loopback, in plain text and without a "
        "password. A deployment names its own cluster in GRID_ROUTER_KAFKA.",
    }
}
BINDING_VERSION = "0.5.0"
"""Version of AsyncAPI's Kafka binding."""
_DEPARTMENT = "{department}"
_NAMES = Names()
_FEEDBACK = "feedback"
"""Name of the message on the topics of feedback."""
_ACTIONS: Mapping[str, Sequence[str]] = {"read": ["receive"], "written": ["send"], "both": ["send", "receive"]}


def asyncapi_text() -> str:
    """The document as YAML; its references lead to the schemas beside it."""
    document = asyncapi_document()
    return f"# {COMMENT}\n" + yaml.dump(document, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)


class _Plain(yaml.SafeDumper):
    """Writes every value in full, without anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


def asyncapi_document(kinds: Iterable[RecordKind] = KINDS.values()) -> dict[str, Any]:
    """The document, from the declared topics and kinds of record."""
    kinds = list(kinds)
    topics = declared(_NAMES, networks=NETWORKS, departments=[_DEPARTMENT], partitions=1)
    messages = _messages_by_topic(kinds)
    channels = {_channel_id(topic): _channel(topic, messages[topic.name]) for topic in topics}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "grid-router",
            "version": "1.0.0",
            "description": "Reports of many networks become one stream, keyed by grid cell (`grid.events`). The router "
            "merges these reports into cases, and each case becomes tasks of departments, which answer with feedback. A deployment may put a "
            "namespace before every address, e.g. `drill.`. The router writes all its records in transactions: read "
            "them with `isolation.level=read_committed`.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": SERVERS,
        "channels": channels,
        "operations": _operations(topics, channels),
        "components": {"messages": _messages(kinds)},
    }


def _messages_by_topic(kinds: Sequence[RecordKind]) -> dict[str, list[str]]:
    """Topic -> names of its messages; a network's own topic carries the message of its name."""
    messages = {_NAMES.reports(network): [_NAMES.reports(network)] for network in NETWORKS}
    messages |= {_NAMES.feedback(sender): [_FEEDBACK] for sender in (_DEPARTMENT, SUPERVISION)}
    for kind in kinds:
        for topic in kind.topics:
            for name in (
                [topic.replace("{network}", network) for network in NETWORKS] if "{network}" in topic else [topic]
            ):
                messages.setdefault(name, []).append(kind.name)
    return messages


def _channel_id(topic: Topic) -> str:
    return topic.name.removesuffix(f".{_DEPARTMENT}")


def _channel(topic: Topic, messages: Sequence[str]) -> dict[str, Any]:
    parameter = {"department": {"description": "Id of a department in the city's departments.yaml."}}
    return {
        "address": topic.name,
        "description": f"{topic.about} Keyed by {topic.key}.",
        **({"parameters": parameter} if _DEPARTMENT in topic.name else {}),
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {"kafka": {"topicConfiguration": _configuration(topic), "bindingVersion": BINDING_VERSION}},
    }


KEPT_KEYS = ("cleanup.policy", "retention.ms", "max.message.bytes")
"""The part of a topic's configuration that AsyncAPI's Kafka binding (0.5.0) can express."""


def _configuration(topic: Topic) -> dict[str, Any]:
    """As the binding spells it: policies are a list, numbers are numbers."""
    config = topic.config()
    return {key: config[key].split(",") if key == "cleanup.policy" else int(config[key]) for key in KEPT_KEYS}


def _messages(kinds: Sequence[RecordKind]) -> dict[str, Any]:
    return {
        **{_NAMES.reports(network): _report_message(network) for network in NETWORKS},
        _FEEDBACK: _feedback_message(),
        **{kind.name: _message(kind) for kind in kinds},
    }


def _feedback_message() -> dict[str, Any]:
    key = {"type": "string", "description": "The task's id, so that what is said about a task stays in order."}
    return {
        "title": "Feedback of a department or of supervision",
        "contentType": "application/json",
        "headers": {"$ref": f"./{FEEDBACK_HEADERS}"},
        "payload": {"$ref": f"./{FEEDBACK_PATH}"},
        "bindings": {"kafka": {"key": key, "bindingVersion": BINDING_VERSION}},
        **_examples(headers=FEEDBACK_HEADERS, payload=FEEDBACK_PATH),
    }


def _report_message(network: str) -> dict[str, Any]:
    key = {"type": "string", "description": "The source's report id; the router itself reads the id in the value."}
    return {
        "title": NETWORKS[network].title,
        "contentType": "application/json",
        "headers": {"$ref": f"./{REPORT_HEADERS}"},
        "payload": {"$ref": f"./{report_path(network)}"},
        "bindings": {"kafka": {"key": key, "bindingVersion": BINDING_VERSION}},
        **_examples(headers=REPORT_HEADERS, payload=f"reports/{network}.json"),
    }


def _message(kind: RecordKind) -> dict[str, Any]:
    rejected = "The rejected record's own bytes; the headers say why it was rejected and which record it was."
    return {
        "title": kind.title,
        **({} if kind.struct else {"summary": rejected}),
        "contentType": "application/json" if kind.struct else "application/octet-stream",
        **({"headers": {"$ref": f"./{kind.header_path}"}} if kind.header_path else {}),
        **({"payload": {"$ref": f"./{kind.schema_path}"}} if kind.schema_path else {}),
        "bindings": {"kafka": {**({"key": dict(kind.key)} if kind.key else {}), "bindingVersion": BINDING_VERSION}},
        **_examples(headers=kind.header_path, payload=kind.schema_path),
    }


def _examples(**parts: str | None) -> dict[str, Any]:
    """A message's one example, from the samples at these paths below `SAMPLES`."""
    files = {part: SAMPLES / path for part, path in parts.items() if path is not None}
    example = {part: json.loads(file.read_text("utf-8")) for part, file in files.items() if file.is_file()}
    return {"examples": [example]} if example else {}


def _operations(topics: Sequence[Topic], channels: Mapping[str, Any]) -> dict[str, Any]:
    """What the router does with each topic."""
    made = {}
    for topic in topics:
        name = _channel_id(topic)
        for action in _ACTIONS[topic.access]:
            made[f"{action}.{name}"] = {
                "action": action,
                "channel": {"$ref": f"#/channels/{name}"},
                "messages": [
                    {"$ref": f"#/channels/{name}/messages/{message}"} for message in channels[name]["messages"]
                ],
            }
    return made
