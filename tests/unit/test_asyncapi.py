"""The AsyncAPI document: its references lead somewhere, and it says of every topic what the declaration says."""

import re
from typing import Any

from router.domain.networks.registry import NETWORKS
from router.wire.topics import Names, declared
from tests.support.schemas import ASYNCAPI, FILES, ROOT, SCHEMAS, nodes


def pointed(document: Any, pointer: str) -> Any:
    """What a JSON pointer leads to; KeyError when to nothing."""
    for part in pointer.split("/")[1:]:
        document = document[part.replace("~1", "/").replace("~0", "~")]
    return document


def test_every_reference_leads_somewhere() -> None:
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


def test_every_declared_topic_has_a_channel_that_says_how_it_is_kept() -> None:
    channels = {c["address"].replace("{department}", "ocb"): c for c in ASYNCAPI["channels"].values()}
    topics = declared(Names(), networks=NETWORKS, departments=["ocb"], partitions=8)
    assert sorted(channels) == sorted(topic.name for topic in topics)
    for topic in topics:
        kept = channels[topic.name]["bindings"]["kafka"]["topicConfiguration"]
        assert kept["cleanup.policy"] == [topic.cleanup]
        assert channels[topic.name]["bindings"]["kafka"]["bindingVersion"] == "0.5.0"
        assert kept["retention.ms"] == (topic.retention_ms or -1)
    assert list(channels["tasks.ocb"]["parameters"]) == ["department"]
    assert channels["grid.cases"]["bindings"]["kafka"]["topicConfiguration"]["cleanup.policy"] == ["compact"]


def test_the_router_receives_reports_and_events_and_sends_the_rest() -> None:
    done = {
        (one["action"], one["channel"]["$ref"].removeprefix("#/channels/")) for one in ASYNCAPI["operations"].values()
    }
    tables = ("grid.catalogue", "grid.repairs", *(f"grid.places.{network}" for network in NETWORKS))
    assert done == {
        *((action, table) for action in ("send", "receive") for table in tables),
        *(("receive", f"reports.{network}") for network in NETWORKS),
        ("receive", "grid.events"),
        *(("send", name) for name in ("grid.events", "grid.cases", "tasks", "grid.dead-letters")),
    }
    for one in ASYNCAPI["operations"].values():
        channel = pointed(ASYNCAPI, one["channel"]["$ref"][1:])
        messages = [pointed(ASYNCAPI, message["$ref"][1:]) for message in one["messages"]]
        assert messages == list(channel["messages"].values())


def test_the_document_has_no_anchors_and_asyncapi_3() -> None:
    assert ASYNCAPI["asyncapi"] == "3.0.0"
    assert not re.search(r"[&*]id\d", FILES["asyncapi.yaml"])
