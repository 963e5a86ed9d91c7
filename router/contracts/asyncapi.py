"""AsyncAPI 3.0.0: every topic of the router, what is on it, and who writes it; and the JSON Schemas of record headers.

The headers are CloudEvents 1.0 attributes in Kafka's binary content mode, or what a dead letter adds. Kafka's header
values are bytes; the schemas describe them read as UTF-8.
"""

from collections.abc import Mapping
from typing import Any

import yaml

from router.contracts.schemas import (
    COMMENT,
    DEDUP_ENTRY,
    REPAIR,
    RULE_SET,
    STORED_OFFSET,
    record_path,
    report_path,
    schema_text,
)
from router.domain.intake.normalise import RECEIVED_AT
from router.domain.intake.rejections import CODES
from router.domain.networks.registry import NETWORKS
from router.wire.codec import (
    CASE_CHANGED,
    CLOCK_TICKED,
    DEAD_LETTER,
    REPORT_RECEIVED,
    REPORT_UPDATED,
    TASK_DISPATCHED,
    TASK_UPDATED,
    TASK_WITHDRAWN,
)
from router.wire.repairs import REDRIVEN, REDRIVEN_BY
from router.wire.stored_offsets import STORED_OFFSET_KEY
from router.wire.topics import Names, Topic, declared

ASYNCAPI = "asyncapi.yaml"
BINDING_VERSION = "0.5.0"
"""Version of AsyncAPI's Kafka binding."""
DEAD_LETTERED = "grid.dead-letter"
"""The message on `grid.dead-letters`: no CloudEvent of ours, its value is the rejected record's."""
_DEAD_LETTER_HEADERS = "headers/dead-letter.v1.json"
_REPORT_HEADERS = "headers/report.v1.json"
_DEPARTMENT = "{department}"
_NAMES = Names()
_DEDUP = _NAMES.dedup_index("")
_DEDUP_IS = "Where each report of a network went first; the router's own memory, written beside what it passes on. One record says "
"where the reading of the network's topic goes on."
_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_TIME: dict[str, Any] = {"type": "string", "format": "date-time"}
_CELL: dict[str, Any] = {"type": "string", "pattern": "^[0-9]{15}$", "description": "Grid cell, 15 digits."}
_NUMBER: dict[str, Any] = {"type": "string", "pattern": "^[0-9]+$"}


def header_schemas() -> dict[str, str]:
    """Path -> text of the schema of the headers of every kind of record."""
    network = {"type": "string", "pattern": "^/networks/[a-z][a-z0-9-]*$"}
    unit = _TEXT | {"description": "Receiver within the department; absent when the department itself is meant."}
    made = {
        _REPORT_HEADERS: _received_headers(),
        _header_path(REPORT_RECEIVED): _event_headers(REPORT_RECEIVED, network, "When it occurred, UTC."),
        _header_path(REPORT_UPDATED): _event_headers(REPORT_UPDATED, network, "When it occurred, UTC."),
        _header_path(CLOCK_TICKED): _event_headers(
            CLOCK_TICKED, None, "The instant that has come, UTC.", subject=False
        ),
        _header_path(CASE_CHANGED): _event_headers(CASE_CHANGED, None, "When it changed, UTC."),
        _header_path(TASK_DISPATCHED): _event_headers(TASK_DISPATCHED, None, "When it was dispatched, UTC.", unit=unit),
        _header_path(TASK_UPDATED): _event_headers(TASK_UPDATED, None, "When it was updated, UTC.", unit=unit),
        _header_path(TASK_WITHDRAWN): _event_headers(TASK_WITHDRAWN, None, "When it was withdrawn, UTC.", unit=unit),
        _DEAD_LETTER_HEADERS: _dead_letter_headers(),
    }
    return {path: schema_text(path, schema) for path, schema in made.items()}


def _header_path(event_type: str) -> str:
    return f"headers/{event_type}.json"


def _received_headers() -> dict[str, Any]:
    received = _TIME | {
        "description": "When an intake took it, RFC 3339 with zone; without it Kafka's timestamp holds."
    }
    charset = _TEXT | {"description": "E.g. `application/json; charset=GB18030`; without it the value is UTF-8."}
    letter = _TEXT | {"description": "Id of the dead letter that was redriven as this record."}
    actor = _TEXT | {"description": "Who drove it again."}
    return {
        "title": "Headers of a network's report",
        "description": "All optional: a network may send bare records.",
        "type": "object",
        "properties": {RECEIVED_AT: received, "content-type": charset, REDRIVEN: letter, REDRIVEN_BY: actor},
    }


def _event_headers(
    event_type: str, source: dict[str, Any] | None, instant: str, *, subject: bool = True, **more: Any
) -> dict[str, Any]:
    """Binary-mode headers; `instant` says what `ce_time` is, `more` are optional ones."""
    properties = {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_type": {"type": "string", "const": event_type},
        "ce_source": source or {"type": "string", "const": "/grid-router"},
        "ce_id": _TEXT | {"description": "Unique with `ce_source`: a record with the same two is the same event."},
        **({"ce_subject": _CELL} if subject else {}),
        "ce_time": _TIME | {"description": instant},
        "content-type": {"type": "string", "const": "application/json"},
    }
    return {
        "title": f"Headers of {event_type}",
        "description": "CloudEvents 1.0 attributes in Kafka's binary content mode.",
        "type": "object",
        "properties": properties | more,
        "required": list(properties),
    }


def _dead_letter_headers() -> dict[str, Any]:
    said: dict[str, dict[str, Any]] = {
        "code": {"type": "string", "enum": list(CODES), "description": "Why, for programs."},
        "reason": _TEXT | {"description": "Why, in one sentence with the hint."},
        "network": _TEXT | {"description": "Network whose record it is."},
        "topic": _TEXT | {"description": "Topic of the rejected record."},
        "partition": _NUMBER | {"description": "Partition of the rejected record."},
        "offset": _NUMBER | {"description": "Offset of the rejected record."},
        "at": _TIME | {"description": "Kafka timestamp of the rejected record, UTC."},
    }
    omitted = _TEXT | {
        "description": "Stands last, with no value, when the rejected one has more than 6 MiB: size, hash."
    }
    return {
        "title": "Headers of a dead letter",
        "description": "Key, value and headers are the rejected record's, byte for byte. These seven stand behind its "
        "own headers: of two with one name the last holds.",
        "type": "object",
        "properties": {DEAD_LETTER + name: schema for name, schema in (said | {"omitted": omitted}).items()},
        "required": [DEAD_LETTER + name for name in said],
    }


def asyncapi_text() -> str:
    """The document as YAML; its references lead to the schemas beside it."""
    document = asyncapi_document()
    return f"# {COMMENT}\n" + yaml.dump(document, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)


class _Plain(yaml.SafeDumper):
    """Writes every value where it stands, without anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


def asyncapi_document() -> dict[str, Any]:
    """The document, from the declared topics."""
    topics = declared(_NAMES, networks=NETWORKS, departments=[_DEPARTMENT], partitions=1)
    channels = {_channel_id(topic): _channel(topic) for topic in topics}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "grid-router",
            "version": "1.0.0",
            "description": "Reports of many networks become one stream keyed by grid cell (`grid.events`), its reports "
            "are merged into cases, and each case becomes tasks of departments. A deployment may put a namespace in "
            "front of every address, e.g. `drill.`. All records of the router are written in transactions: read them "
            "with `isolation.level=read_committed`.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": _operations(channels),
        "components": {"messages": _messages()},
    }


def _channel_id(topic: Topic) -> str:
    return topic.name.removesuffix(f".{_DEPARTMENT}")


def _channel(topic: Topic) -> dict[str, Any]:
    messages = {
        _NAMES.events: [REPORT_RECEIVED, REPORT_UPDATED, CLOCK_TICKED],
        _NAMES.cases: [CASE_CHANGED],
        _NAMES.tasks(_DEPARTMENT): [TASK_DISPATCHED, TASK_UPDATED, TASK_WITHDRAWN],
        _NAMES.dead_letters: [DEAD_LETTERED],
        _NAMES.offsets: [STORED_OFFSET],
        _NAMES.rule_sets: [RULE_SET],
        _NAMES.repairs: [REPAIR],
    }.get(topic.name, [DEDUP_ENTRY, STORED_OFFSET] if topic.name.startswith(_DEDUP) else [topic.name])
    parameter = {"department": {"description": "Id of a department in the city's departments.yaml."}}
    return {
        "address": topic.name,
        "description": f"{_about(topic.name)} Keyed by {topic.key}.",
        **({"parameters": parameter} if _DEPARTMENT in topic.name else {}),
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {"kafka": {"topicConfiguration": _configuration(topic), "bindingVersion": BINDING_VERSION}},
    }


def _about(name: str) -> str:
    return {
        _NAMES.events: "The all-purpose grid stream (全科网格): every report in the router's words, and ticks.",
        _NAMES.cases: "The table of cases: the last record of a key is the case as it is.",
        _NAMES.tasks(_DEPARTMENT): "What one department is asked to do.",
        _NAMES.dead_letters: "Every rejected record, once, as it was, and why.",
        _NAMES.offsets: "Where the reading of the grid stream goes on: the last record of a partition. Not for others.",
        _NAMES.rule_sets: "Editions of a city's rules, gzipped; each holds from an instant of received time.",
        _NAMES.repairs: "What was done about dead letters: by whom, why, and where they were driven to again.",
    }.get(name, _DEDUP_IS if name.startswith(_DEDUP) else "A network's own records, in its own words.")


KEPT_KEYS = ("cleanup.policy", "retention.ms", "max.message.bytes")
"""What AsyncAPI's Kafka binding (0.5.0) knows of a topic's configuration."""


def _configuration(topic: Topic) -> dict[str, Any]:
    """As the binding spells it: policies are a list, numbers are numbers."""
    config = topic.config()
    return {key: config[key].split(",") if key == "cleanup.policy" else int(config[key]) for key in KEPT_KEYS}


def _messages() -> dict[str, Any]:
    home = _CELL | {"description": "Grid cell of the report's first version, 15 digits."}
    cell, case = _CELL, _TEXT | {"description": "Id of the case."}
    tick = {"type": "string", "const": "tick", "description": "The same for all: a tick belongs to its partition."}
    position = {"type": "string", "const": STORED_OFFSET_KEY.decode(), "description": "The same for all."}
    headers, payload = _header_path, record_path
    return {
        **{_NAMES.reports(name): _report_message(name) for name in NETWORKS},
        REPORT_RECEIVED: _message("Report", headers(REPORT_RECEIVED), payload(REPORT_RECEIVED), key=cell),
        REPORT_UPDATED: _message("Report updated", headers(REPORT_UPDATED), payload(REPORT_UPDATED), key=home),
        CLOCK_TICKED: _message("Tick", headers(CLOCK_TICKED), payload(CLOCK_TICKED), key=tick),
        CASE_CHANGED: _message("Case", headers(CASE_CHANGED), payload(CASE_CHANGED), key=case),
        TASK_DISPATCHED: _message("Task", headers(TASK_DISPATCHED), payload(TASK_DISPATCHED), key=case),
        TASK_UPDATED: _message("Task updated", headers(TASK_UPDATED), payload(TASK_UPDATED), key=case),
        TASK_WITHDRAWN: _message("Task withdrawn", headers(TASK_WITHDRAWN), payload(TASK_WITHDRAWN), key=case),
        DEDUP_ENTRY: _message(
            "Place of a report", None, payload(DEDUP_ENTRY), key=_TEXT | {"description": "The source's id."}
        ),
        STORED_OFFSET: _message("StoredOffset", None, payload(STORED_OFFSET), key=position),
        RULE_SET: _message(
            "Rule set", None, payload(RULE_SET), key=_TEXT | {"description": "Since when, and version."}
        ),
        REPAIR: _message("Repair", None, payload(REPAIR), key=_TEXT | {"description": "Id of the dead letter."}),
        DEAD_LETTERED: {
            "title": "Dead letter",
            "summary": "The rejected record's own bytes; its headers say why it was rejected and where it stands.",
            "contentType": "application/octet-stream",
            "headers": {"$ref": f"./{_DEAD_LETTER_HEADERS}"},
            "bindings": {"kafka": {"bindingVersion": BINDING_VERSION}},
        },
    }


def _report_message(network: str) -> dict[str, Any]:
    key = {"type": "string", "description": "The source's report id; the router itself reads the id in the value."}
    return _message(NETWORKS[network].title, _REPORT_HEADERS, report_path(network), key=key)


def _message(title: str, headers: str | None, payload: str, *, key: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title": title,
        "contentType": "application/json",
        **({"headers": {"$ref": f"./{headers}"}} if headers else {}),
        "payload": {"$ref": f"./{payload}"},
        "bindings": {"kafka": {"key": dict(key), "bindingVersion": BINDING_VERSION}},
    }


def _operations(channels: Mapping[str, Any]) -> dict[str, Any]:
    """The router reads what networks send and writes all the rest; its stream and its own tables it reads back."""
    own = (_NAMES.events, _NAMES.rule_sets, _NAMES.repairs, _NAMES.offsets, *map(_NAMES.dedup_index, NETWORKS))
    foreign = {_NAMES.reports(network) for network in NETWORKS}
    made = {}
    for name, channel in channels.items():
        actions = ["receive"] if name in foreign else ["send", "receive"] if name in own else ["send"]
        for action in actions:
            made[f"{action}.{name}"] = {
                "action": action,
                "channel": {"$ref": f"#/channels/{name}"},
                "messages": [{"$ref": f"#/channels/{name}/messages/{message}"} for message in channel["messages"]],
            }
    return made
