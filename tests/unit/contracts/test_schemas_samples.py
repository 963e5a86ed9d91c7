"""Every sample message is valid today and for the release before, and readers of that release read it."""

import copy
import gzip
import json
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from router.contracts.compatibility import OPEN, promise_of
from router.contracts.headers import FEEDBACK_HEADERS, REPORT_HEADERS
from router.contracts.schemas import FEEDBACK_PATH
from router.domain.lifecycle.journal import hash_of
from router.domain.model.feedback import Feedback, FeedbackRejection
from router.domain.model.rejection import Rejection
from router.domain.model.report import Provenance
from router.domain.model.source_record import PlainRecord
from router.domain.networks.registry import NETWORKS
from router.wire import codec
from router.wire.record_kinds import KINDS
from router.wire.rejected_feedback import encode_rejected_feedback, encode_unreadable_feedback
from router.wire.rejected_feedback_value import decode_rejected_feedback
from router.wire.rejections import decode_rejection, encode_rejection
from router.wire.repairs import decode_repair, encode_repair
from router.wire.rule_sets import decode_rule_set, encode_rule_set
from router.wire.trace_context import TRACE_HEADERS, carried
from tests.support.readers import reader_of
from tests.support.samples import NAMES, sample
from tests.support.schemas import ROOT, SCHEMAS, nodes, released, schema_accepts

FOLDER = ROOT / "schemas" / "samples"
OURS = {
    path.relative_to(FOLDER).as_posix(): json.loads(path.read_text("utf-8"))
    for folder in ("feedback", "events", "headers")
    for path in sorted((FOLDER / folder).glob("*.json"))
}
"""Path of the schema -> the sample at the same path."""
KEPT = sorted(path for path in OURS if path in released() and promise_of(path) == "kept")
"""Samples of the kinds that the last release has."""
EVENTS = [path for path in OURS if path.replace("events/", "headers/") in OURS and path.startswith("events/")]


def old_accepts(schema: dict[str, Any], value: Any) -> bool:
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True).is_valid(value)


def opened(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema as a reader must use it: an open list accepts any text."""
    made = copy.deepcopy(schema)
    for node in nodes(made):
        for name in OPEN:
            if isinstance(node.get("properties"), dict) and name in node["properties"]:
                node["properties"][name] = {"type": "string"}
    return made


def with_unknown_fields(value: Any) -> Any:
    """A later version of the same message: every object in it has one more field."""
    if isinstance(value, dict):
        return {name: with_unknown_fields(one) for name, one in value.items()} | {"field of tomorrow": {"a": [1]}}
    return [with_unknown_fields(one) for one in value] if isinstance(value, list) else value


def test_there_is_a_sample_of_every_record_and_of_its_headers() -> None:
    kinds = [path for kind in KINDS.values() for path in kind.sample_paths]
    assert sorted(OURS) == sorted([*kinds, REPORT_HEADERS, FEEDBACK_PATH, FEEDBACK_HEADERS])
    assert sorted(OURS) == sorted(path for path in SCHEMAS if path.split("/")[0] in ("feedback", "events", "headers"))
    assert {one.network for one in map(sample, NAMES)} == set(NETWORKS)


@pytest.mark.parametrize("path", OURS)
def test_a_sample_is_valid_by_its_current_schema(path: str) -> None:
    assert schema_accepts(path, OURS[path])


@pytest.mark.parametrize("path", OURS)
def test_a_sample_shows_every_field_that_a_record_can_have(path: str) -> None:
    """Else a field could change unseen by the readers below."""
    shown = {name for node in nodes(OURS[path]) for name in node}
    named = {name for node in nodes(SCHEMAS[path]) for name in node.get("properties", {})}
    assert named - shown <= UNSHOWN.get(path, set())


UNSHOWN = {
    "events/grid.report.received.v1.json": {"version", "partition_key", "first_received_at", "redriven"},
    "events/grid.task.dispatched.v1.json": {"state", "updated_at", "stage", "erased_at"},
    "events/grid.task.transitioned.v1.json": {"erased"},
    "events/grid.case.changed.v1.json": {"state", "earlier_omitted"},
    "events/grid.case.archived.v1.json": {"state", "earlier_omitted"},
}
"""Fields that a record of this kind never has, or that the codec omits because they have their default."""


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_report_is_valid_now_and_by_the_last_release(name: str) -> None:
    """The second holds for what a network sent then; a new sample must not need a field of today."""
    path = f"reports/{sample(name).network}.v1.json"
    value = json.loads(sample(name).text)
    assert schema_accepts(path, value)
    if path in released():
        assert old_accepts(released()[path], value)


@pytest.mark.parametrize("path", KEPT)
def test_a_validator_of_the_last_release_accepts_current_records(path: str) -> None:
    """Asserted: the released schema, its open lists open, holds for the sample, also when later versions add fields."""
    schema = opened(released()[path])
    assert old_accepts(schema, OURS[path])
    assert old_accepts(schema, with_unknown_fields(OURS[path]))


@pytest.mark.parametrize("path", KEPT)
def test_a_reader_of_the_last_release_reads_current_records(path: str) -> None:
    """Asserted: a struct made from the released schema alone decodes the sample, and every field it knows comes out
    with the value that was sent, or with the default of the released schema when nothing was sent."""
    schema = released()[path]
    for sent in (OURS[path], with_unknown_fields(OURS[path])):
        read = msgspec.json.decode(json.dumps(sent).encode(), type=reader_of(schema))
        got = json.loads(msgspec.json.encode(read))
        for name, part in schema["properties"].items():
            assert agrees(got[name], sent.get(name, part.get("default"))), name


def agrees(got: Any, sent: Any) -> bool:
    """Whether the reader has the values that were sent, except unknown fields and defaults."""
    if isinstance(got, dict) and isinstance(sent, dict):
        return all(agrees(value, sent[name]) for name, value in got.items() if name in sent) and bool(
            set(got) & set(sent) or not got
        )
    if isinstance(got, list) and isinstance(sent, list):
        return len(got) == len(sent) and all(map(agrees, got, sent))
    if isinstance(got, str) and isinstance(sent, str) and got != sent:
        return datetime.fromisoformat(got) == datetime.fromisoformat(sent)
    return bool(got == sent)


@pytest.mark.parametrize("path", [path for path in KEPT if path.startswith("events/")])
def test_a_reader_of_the_last_release_rejects_wrong_records(path: str) -> None:
    """Asserted: the same reader rejects the sample when a field it needs is missing or has another type."""
    schema, reader = released()[path], reader_of(released()[path])
    for name in schema["required"]:
        for wrong in ({k: v for k, v in OURS[path].items() if k != name}, OURS[path] | {name: {"no": "such"}}):
            if isinstance(OURS[path][name], dict) and name in wrong:
                wrong[name] = 7
            with pytest.raises(msgspec.ValidationError):
                msgspec.json.decode(json.dumps(wrong).encode(), type=reader)


@pytest.mark.parametrize("path", KEPT)
def test_a_current_reader_reads_records_of_the_last_release(path: str) -> None:
    """Asserted: the sample without any field that came since is valid today: it may stand on a topic."""
    old = only_named(OURS[path], opened(released()[path]), released()[path])
    assert schema_accepts(path, old)


def only_named(value: Any, part: dict[str, Any], root: dict[str, Any]) -> Any:
    """The value without fields that the schema does not name."""
    while "$ref" in part:
        part = root["$defs"][part["$ref"].removeprefix("#/$defs/")]
    if isinstance(value, list):
        return [only_named(one, part.get("items", {}), root) for one in value]
    if not isinstance(value, dict) or "properties" not in part:
        return value
    fields = part["properties"]
    return {name: only_named(one, fields[name], root) for name, one in value.items() if name in fields}


WRITERS: dict[str, Any] = {
    "grid.feedback.received.v1": codec.encode_feedback,
    "grid.erasure.requested.v1": codec.encode_erasure,
}


@pytest.mark.parametrize("path", EVENTS)
def test_the_codec_reads_and_writes_each_sample_event(path: str) -> None:
    """Asserted: the codec reads the sample, and writes the same value and headers again."""
    value, headers = OURS[path], untraced(OURS[path.replace("events/", "headers/")])
    body = json.dumps(value).encode()
    kind = path.removeprefix("events/").removesuffix(".json")
    if kind.startswith("grid.report."):
        _, again, said = codec.encode_report(codec.decode_event([("ce_type", kind.encode())], body))  # type: ignore[arg-type]
    elif kind == "grid.clock.ticked.v1":
        _, again, said = codec.encode_tick(codec.decode_event([("ce_type", kind.encode())], body), 3)  # type: ignore[arg-type]
    elif kind == "grid.case.changed.v1":
        _, again, said = codec.encode_case(codec.decode_case(body))
    elif kind == "grid.case.archived.v1":
        _, again, said = codec.encode_archived(codec.decode_case(body), datetime.fromisoformat(headers["ce_time"]))
    elif kind in WRITERS:
        _, again, said = WRITERS[kind](codec.decode_event([("ce_type", kind.encode())], body))
    elif kind == "grid.escalation.sent.v1":
        _, again, said = codec.encode_escalation(codec.decode_escalation(body))
    elif kind == "grid.task.transitioned.v1":
        transition = codec.decode_transition(body)
        assert transition.hash == hash_of(transition)
        _, again, said = codec.encode_transition(transition, headers["ce_subject"])
    elif kind == "grid.feedback.rejected.v1":
        assert_rejected_feedback(value, headers)
        return
    elif kind == "grid.record.rejected.v1":
        assert_rejection(value, headers)
        return
    else:
        _, again, said = codec.encode_task(codec.decode_task(body))
    assert json.loads(again) == value
    assert {name: content.decode() for name, content in said} == headers


def untraced(headers: dict[str, str]) -> dict[str, str]:
    """The headers that the codec writes; the stages add those of a trace, which are the last ones."""
    trace = [(name, text.encode()) for name, text in headers.items() if name in TRACE_HEADERS]
    assert carried(trace) == trace
    return {name: text for name, text in headers.items() if name not in TRACE_HEADERS}


def assert_rejected_feedback(value: dict[str, Any], headers: dict[str, str]) -> None:
    """The sample is what the rejections of feedback give together: that of the fold, and that of a value that cannot be read."""
    event = json.dumps(OURS["events/grid.feedback.received.v1.json"]).encode()
    feedback = codec.decode_event([("ce_type", b"grid.feedback.received.v1")], event)
    assert isinstance(feedback, Feedback)
    at = datetime.fromisoformat(value["rejected_at"])
    source = Provenance(topic=value["topic"], partition=value["partition"], offset=value["offset"])
    feedback = msgspec.structs.replace(feedback, id=value["feedback_id"], received_at=at, provenance=source)
    rejection = FeedbackRejection(code=value["code"], reason=value["reason"])
    key, again, said = encode_rejected_feedback(feedback, rejection, value["legal"])
    assert (key, json.loads(again)) == (
        b"cg-7f3a.1",
        {name: one for name, one in value.items() if name not in ("size", "sha256")},
    )
    assert {name: text.decode() for name, text in said} == headers
    content = b'{"id": "HW-2026-000118"}'
    record = PlainRecord(
        topic=value["topic"],
        partition=value["partition"],
        offset=value["offset"],
        timestamp=int(at.timestamp() * 1000),
        key=b"k",
        value=content,
        headers=[],
    )
    key, again, said = encode_unreadable_feedback(record, Rejection(code="schema", reason=value["reason"]))
    unread = {name: one for name, one in value.items() if name not in ("kind", "task", "legal")}
    assert (key, json.loads(again)) == (
        b"k",
        unread | {"code": "schema", "size": len(content), "sha256": sha256(content).hexdigest()},
    )
    assert {name: text.decode() for name, text in said} == headers
    assert decode_rejected_feedback(json.dumps(value).encode()).legal == ("progress", "handled")


def assert_rejection(value: dict[str, Any], headers: dict[str, str]) -> None:
    """The sample is what a rejected record gives, apart from its value, which the sample does not have."""
    content = b'{"jjdbh": "J4109-0881"}'
    record = PlainRecord(
        topic=value["topic"],
        partition=value["partition"],
        offset=value["offset"],
        timestamp=int(datetime.fromisoformat(value["rejected_at"]).timestamp() * 1000),
        key=b"J4109-0881",
        value=content,
        headers=[],
    )
    rejection = Rejection(code=value["code"], reason=value["reason"])
    key, again, said = encode_rejection(record, rejection, NETWORKS["policing"])
    assert key == record.key
    assert json.loads(again) == value | {"size": len(content), "sha256": sha256(content).hexdigest()}
    assert {name: text.decode() for name, text in said} == headers
    assert decode_rejection(json.dumps(value).encode()).report_id == "J4109-0881"


def test_the_codec_reads_and_writes_samples_of_own_tables() -> None:
    place, rule_set, repair = (
        json.dumps(OURS[f"events/grid.{name}.v1.json"], ensure_ascii=False).encode()
        for name in ("dedup-entry", "rule-set", "repair")
    )
    assert json.loads(codec.encode_dedup_entry("CG-1", codec.decode_dedup_entry(place))[1]) == json.loads(place)
    _, packed, _ = encode_rule_set(decode_rule_set(gzip.compress(rule_set)))
    assert json.loads(gzip.decompress(packed)) == json.loads(rule_set)
    dead_letter = json.loads(repair)["dead_letter"].encode()
    assert json.loads(encode_repair(decode_repair(dead_letter, repair))[1]) == json.loads(repair)


def test_a_sample_dead_letter_names_its_source_record() -> None:
    headers = [(name, text.encode()) for name, text in OURS["headers/dead-letter.v1.json"].items()]
    dead_letter = codec.read_dead_letter(b"J1", None, headers)
    assert (dead_letter.id, dead_letter.code, dead_letter.network) == ("reports.policing/1/881", "bad-time", "policing")


def test_samples_are_indented_for_people() -> None:
    for path in sorted(Path(FOLDER).glob("*/*.json")):
        if not path.stem.endswith("-gb18030"):
            assert path.read_text("utf-8").startswith('{\n  "'), path
