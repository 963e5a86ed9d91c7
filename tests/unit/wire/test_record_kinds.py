"""A kind of record is declared once, and everything that describes records reads the declaration."""

import json
from typing import get_args

from msgspec import Struct

from router.contracts.asyncapi import asyncapi_document
from router.contracts.headers import header_schemas
from router.contracts.schemas import record_schemas
from router.domain.model.task import Task, TaskState
from router.wire.declared_topics import declared
from router.wire.record_kinds import KINDS, TEXT, EventAttributes, RecordKind, kinds_on
from router.wire.topic_names import Names


class CaseClosed(Struct, frozen=True, kw_only=True):
    """A case that is closed."""

    case: str
    """Its id."""


NEW = RecordKind(
    name="grid.case.closed.v1",
    title="Case closed",
    topics=("grid.cases",),
    struct=CaseClosed,
    key=TEXT,
    event=EventAttributes(source="router", time="When it was closed, UTC."),
    headers={"unit": TEXT},
)
KINDS_AND_NEW = [*KINDS.values(), NEW]


def test_one_entry_makes_the_schemas_and_the_message() -> None:
    value = json.loads(record_schemas(KINDS_AND_NEW)["events/grid.case.closed.v1.json"])
    assert value["properties"]["case"]["type"] == "string"
    assert value["description"].endswith("CloudEvents type `grid.case.closed.v1`, on the topic `grid.cases`.")
    headers = json.loads(header_schemas(KINDS_AND_NEW)["headers/grid.case.closed.v1.json"])
    assert headers["properties"]["ce_type"]["const"] == NEW.name
    assert "unit" in headers["properties"]
    assert "unit" not in headers["required"]
    document = asyncapi_document(KINDS_AND_NEW)
    assert list(document["channels"]["grid.cases"]["messages"]) == ["grid.case.changed.v1", NEW.name]
    assert document["components"]["messages"][NEW.name]["payload"] == {"$ref": "./events/grid.case.closed.v1.json"}
    sent = document["operations"]["send.grid.cases"]["messages"]
    assert {"$ref": f"#/channels/grid.cases/messages/{NEW.name}"} in sent


def test_every_kind_is_on_declared_topics() -> None:
    topics = declared(Names(), networks=["{network}"], departments=["{department}"], partitions=1)
    names = {topic.name for topic in topics if topic.access != "read"}
    assert {topic for kind in KINDS.values() for topic in kind.topics} == names


def test_every_declared_topic_says_what_it_carries() -> None:
    for topic in declared(Names(), networks=["hotline"], departments=["ocb"], partitions=1):
        assert topic.about.endswith("."), topic.name


def test_every_task_state_has_exactly_one_kind() -> None:
    states = [kind.task_state for kind in KINDS.values() if kind.struct is Task]
    assert sorted(map(str, states)) == sorted(get_args(TaskState))


def test_tables_of_the_router_are_not_published() -> None:
    assert [kind.name for kind in KINDS.values() if not kind.published] == [
        "grid.dedup-entry.v1",
        "grid.stored-offset.v1",
        "grid.rule-set.v1",
        "grid.repair.v1",
    ]


def test_the_kinds_of_a_topic_are_found_by_its_name() -> None:
    assert [kind.title for kind in kinds_on("grid.events")] == [
        "Report",
        "Report updated",
        "Feedback",
        "Erasure requested",
        "Tick",
    ]
    assert kinds_on("grid.nothing") == []
