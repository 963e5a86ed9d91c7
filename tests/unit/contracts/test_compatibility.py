"""The promises of schemas: every rule with a change that breaks it and one that does not, and an independent judge."""

import copy
import re
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.contracts.compatibility import OPEN, broken, channel_breaks, promise_of, schema_breaks
from router.contracts.ended import ENDED, EndedSchema
from router.contracts.schema_changes import changes
from router.contracts.widened_patterns import WIDENED
from tests.support.schemas import ASYNCAPI, ROOT, SCHEMAS, nodes, released

TEXT = {"type": "string"}
NUMBER = {"type": "number"}
NOTHING = {"type": "null"}
READING = {"type": "object", "properties": {"kind": {"const": "reading"}, "value": NUMBER}, "required": ["kind"]}
COMPLAINT = {"type": "object", "properties": {"kind": {"const": "complaint"}, "text": TEXT}, "required": ["kind"]}
UNTAGGED = {"type": "object", "properties": {"text": TEXT}}


def words(*values: Any) -> dict[str, Any]:
    return {"enum": list(values)}


def either(*parts: Any) -> dict[str, Any]:
    return {"anyOf": list(parts)}


def record(*, required: tuple[str, ...] = (), **fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(required)}


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    return schema | {"additionalProperties": False}


def table(values: Any, names: Any = None) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": values, **({"propertyNames": names} if names else {})}


# What it is, the older schema, the newer one, and whether "accepted" and "kept" are then broken.
RULES: dict[str, tuple[Any, Any, bool, bool]] = {
    "the same": (record(a=TEXT), record(a=TEXT), False, False),
    "another order, other words about it": (
        record(a=TEXT, b=NUMBER) | {"title": "x"},
        record(b={**NUMBER, "description": "metres", "examples": [1]}, a=TEXT) | {"$comment": "y"},
        *(False, False),
    ),
    "a new optional field": (record(a=TEXT), record(a=TEXT, b=NUMBER), False, False),
    "a new optional field where others were rejected": (
        closed(record(a=TEXT)),
        closed(record(a=TEXT, b=TEXT)),
        *(False, True),
    ),
    "a new required field": (record(a=TEXT), record(a=TEXT, b=TEXT, required=("b",)), True, True),
    "a field is gone": (record(a=TEXT, b=TEXT), record(a=TEXT), True, True),
    "a field has another name": (record(a=TEXT), record(A=TEXT), True, True),
    "a required field becomes optional": (record(a=TEXT, required=("a",)), record(a=TEXT), False, True),
    "an optional field becomes required": (record(a=TEXT), record(a=TEXT, required=("a",)), True, True),
    "a field becomes nullable": (record(a=TEXT), record(a=either(TEXT, NOTHING)), False, True),
    "a nullable field is null no more": (record(a=either(TEXT, NOTHING)), record(a=TEXT), True, True),
    "a list of types loses one": (record(a={"type": ["string", "null"]}), record(a=TEXT), True, True),
    "a list of types is an anyOf": (
        record(a={"type": ["string", "null"]}),
        record(a=either(NOTHING, TEXT)),
        False,
        False,
    ),
    "another type": (record(a=TEXT), record(a=NUMBER), True, True),
    "integers become numbers": (record(a={"type": "integer"}), record(a=NUMBER), False, True),
    "numbers become integers": (record(a=NUMBER), record(a={"type": "integer"}), True, True),
    "a type comes to what had none": (record(a={}), record(a=TEXT), True, True),
    "any value in place of a type": (record(a=TEXT), record(a={}), False, True),
    "a word more": (record(a=words("x")), record(a=words("x", "y")), False, True),
    "a word less": (record(a=words("x", "y")), record(a=words("y")), True, True),
    "words in another order": (record(a=words("x", "y")), record(a=words("y", "x")), False, False),
    "a constant is a list of one word": (record(a={"const": "x"}), record(a=words("x")), False, False),
    "another constant": (record(a={"const": "x"}), record(a={"const": "y"}), True, True),
    "one is not true": (record(a=words(1)), record(a=words(True)), True, True),
    "words become free text": (record(a={**TEXT, **words("x")}), record(a=TEXT), False, True),
    "free text becomes words": (record(a=TEXT), record(a={**TEXT, **words("x")}), True, True),
    "a higher minimum": (record(a=NUMBER | {"minimum": 0}), record(a=NUMBER | {"minimum": 1}), True, True),
    "a lower minimum": (record(a=NUMBER | {"minimum": 0}), record(a=NUMBER | {"minimum": -1}), False, True),
    "a minimum is excluded": (
        record(a=NUMBER | {"minimum": 0}),
        record(a=NUMBER | {"exclusiveMinimum": 0}),
        True,
        True,
    ),
    "a lower maximum": (record(a=NUMBER | {"maximum": 9}), record(a=NUMBER | {"maximum": 8}), True, True),
    "no maximum any more": (record(a=NUMBER | {"exclusiveMaximum": 9}), record(a=NUMBER), False, True),
    "shorter texts only": (record(a=TEXT | {"maxLength": 9}), record(a=TEXT | {"maxLength": 8}), True, True),
    "longer texts too": (record(a=TEXT | {"maxLength": 8}), record(a=TEXT | {"maxLength": 9}), False, True),
    "no empty text any more": (record(a=TEXT), record(a=TEXT | {"minLength": 1}), True, True),
    "a minimum length of nothing": (record(a=TEXT), record(a=TEXT | {"minLength": 0}), False, False),
    "fewer items": (record(a={"type": "array", "maxItems": 9}), record(a={"type": "array", "maxItems": 8}), True, True),
    "a pattern comes": (record(a=TEXT), record(a=TEXT | {"pattern": "^a$"}), True, True),
    "a pattern goes": (record(a=TEXT | {"pattern": "^a$"}), record(a=TEXT), False, True),
    "another pattern, wider or not": (
        record(a=TEXT | {"pattern": "^a$"}),
        record(a=TEXT | {"pattern": "^a?$"}),
        True,
        True,
    ),
    "a second pattern beside the first": (
        record(a=TEXT | {"pattern": "^[0-9]{4}$"}),
        record(a=either(TEXT | {"pattern": "^[A-Z]{2}$"}, TEXT | {"pattern": "^[0-9]{4}$"})),
        *(False, True),
    ),
    "a format comes": (record(a=TEXT), record(a=TEXT | {"format": "date-time"}), True, True),
    "a format goes": (record(a=TEXT | {"format": "date-time"}), record(a=TEXT), False, True),
    "items of another type": (
        record(a={"type": "array", "items": TEXT}),
        record(a={"type": "array", "items": NUMBER}),
        *(True, True),
    ),
    "a pair's second is another": (
        record(a={"type": "array", "prefixItems": [TEXT, TEXT]}),
        record(a={"type": "array", "prefixItems": [TEXT, NUMBER]}),
        *(True, True),
    ),
    "one or many": (
        record(a={"type": "array", "items": TEXT}),
        record(a=either(TEXT, {"type": "array", "items": TEXT})),
        *(False, True),
    ),
    "unknown fields are rejected": (record(a=TEXT), closed(record(a=TEXT)), True, True),
    "unknown fields are possible": (closed(record(a=TEXT)), record(a=TEXT), False, True),
    "values of a table narrow": (table(TEXT), table(TEXT | {"maxLength": 3}), True, True),
    "values of a table widen": (table(TEXT), table(either(TEXT, NUMBER)), False, True),
    "a named field where any text stood": (
        table(TEXT),
        table(TEXT) | {"properties": {"a": NUMBER}},
        *(True, True),
    ),
    "names of a table narrow": (table(TEXT), table(TEXT, {"pattern": "^a$"}), True, True),
    "names of a table widen": (table(TEXT, {"maxLength": 3}), table(TEXT, {"maxLength": 4}), False, True),
    "a tagged alternative more": ({"oneOf": [READING]}, {"oneOf": [READING, COMPLAINT]}, False, True),
    "a tagged alternative less": ({"oneOf": [READING, COMPLAINT]}, {"oneOf": [READING]}, True, True),
    "an alternative that overlaps": ({"oneOf": [READING]}, {"oneOf": [READING, UNTAGGED]}, True, True),
    "alternatives in another order": ({"oneOf": [READING, COMPLAINT]}, {"oneOf": [COMPLAINT, READING]}, False, False),
    "texts that cannot be matched": (
        record(a=either(TEXT | {"maxLength": 1}, TEXT | {"pattern": "^b$"})),
        record(a=either(TEXT | {"maxLength": 2}, TEXT | {"pattern": "^c$"})),
        *(True, True),
    ),
    "an absent field means another thing": (
        record(a=TEXT | {"default": "x"}),
        record(a=TEXT | {"default": "y"}),
        *(True, True),
    ),
    "zero is not false": (record(a={"default": 0}), record(a={"default": False}), True, True),
    "a field that never was absent gets a default": (
        record(a=TEXT, required=("a",)),
        record(a=TEXT | {"default": "x"}),
        *(False, True),
    ),
    "through references": (
        record(a={"$ref": "#/$defs/A"}) | {"$defs": {"A": record(b=TEXT)}},
        record(a={"$ref": "#/$defs/B"}) | {"$defs": {"B": record(b=NUMBER)}},
        *(True, True),
    ),
    "a definition has another name": (
        record(a={"$ref": "#/$defs/A"}) | {"$defs": {"A": record(b=TEXT)}},
        record(a={"$ref": "#/$defs/B"}) | {"$defs": {"B": record(b=TEXT)}},
        *(False, False),
    ),
    "a tree of itself, narrower below": (
        {"$ref": "#/$defs/T", "$defs": {"T": table({"$ref": "#/$defs/T"}) | {"properties": {"a": TEXT}}}},
        {"$ref": "#/$defs/T", "$defs": {"T": table({"$ref": "#/$defs/T"}) | {"properties": {"a": NUMBER}}}},
        *(True, True),
    ),
    "an unsupported keyword": (
        record(a=NUMBER | {"multipleOf": 2}),
        record(a=NUMBER | {"multipleOf": 2}),
        *(True, True),
    ),
    "nothing at all is possible": (record(a=TEXT), record(a=False), True, True),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_change_breaks_the_promises_as_declared(rule: str) -> None:
    old, new, accepted, kept = RULES[rule]
    assert bool(schema_breaks(old, new, "accepted")) is accepted
    assert bool(schema_breaks(old, new, "kept")) is kept


@pytest.mark.parametrize("rule", RULES)
def test_an_independent_validator_agrees(rule: str) -> None:
    """`jsonschema_rs` decides by canonical forms whether one schema holds for all of another; we compare structures."""
    old, new, _, _ = RULES[rule]
    if rule in {"a new optional field", "an alternative that overlaps"}:
        return  # ours by decision: a new field narrows what an unknown one of its name might have been
    if not schema_breaks(old, new, "accepted"):
        assert covers(new, old) != "no"
    if not schema_breaks(old, new, "kept"):
        assert covers(old, new) != "no"


def covers(wide: Any, small: Any) -> str:
    return jsonschema_rs.canonicalize(wide).covers(jsonschema_rs.canonicalize(small)).value


def test_a_break_has_pointer_cause_and_hint() -> None:
    old = record(a={"type": "array", "items": {"$ref": "#/$defs/Duty~1"}}) | {
        "$defs": {"Duty/": record(**{"x/y": TEXT})}
    }
    new = copy.deepcopy(old)
    new["$defs"]["Duty/"]["properties"]["x/y"] = NUMBER
    new["properties"]["b"] = TEXT
    new["required"] = ["b"]
    found = {one.pointer: one for one in schema_breaks(old, new, "accepted")}
    assert list(found) == ["/$defs/Duty~1/properties/x~1y", "/required"]
    assert found["/required"].what == "the field `b` is required"
    assert found["/required"].hint == (
        "accept every document that was valid, or leave this version unchanged and add a new version beside it (docs/reference/schemas.md)"
    )


def test_a_definition_used_twice_is_one_break() -> None:
    old = record(a={"$ref": "#/$defs/A"}, b={"$ref": "#/$defs/A"}) | {"$defs": {"A": TEXT}}
    new = record(a={"$ref": "#/$defs/A"}, b={"$ref": "#/$defs/A"}) | {"$defs": {"A": NUMBER}}
    assert [one.pointer for one in schema_breaks(old, new, "accepted")] == ["/$defs/A"]


@pytest.mark.parametrize("keyword", ["multipleOf", "if", "patternProperties", "dependentRequired", "not", "allOf"])
def test_an_unknown_keyword_is_named_however_deep(keyword: str) -> None:
    schema = record(a={"type": "array", "items": either(record(b={keyword: 2}), NOTHING)})
    (found,) = schema_breaks(schema, schema, "kept")
    assert found.what == f"cannot compare the keyword `{keyword}`"
    assert found.pointer.endswith(f"/properties/b/{keyword}")
    assert "schema_changes.py" in found.hint


def test_every_keyword_of_our_schemas_is_supported() -> None:
    for path, schema in SCHEMAS.items():
        assert changes(schema, schema) == [], path
    for path, schema in released().items():
        if path.endswith(".json"):
            assert changes(schema, schema) == [], path


def test_input_is_accepted_and_output_is_kept() -> None:
    assert {path for path in SCHEMAS if promise_of(path) == "accepted"} == {
        path
        for path in SCHEMAS
        if path.split("/")[0] in ("reports", "feedback", "city")
        or path in ("headers/report.v1.json", "headers/feedback.v1.json")
    }


@pytest.mark.parametrize("name", OPEN)
def test_an_open_list_may_grow_and_only_grow(name: str) -> None:
    for wrap in (
        lambda schema: schema,
        lambda schema: either(schema, NOTHING),
        lambda schema: {"type": "array", "items": schema},
    ):
        old, new = record(**{name: wrap(words("x"))}), record(**{name: wrap(words("x", "y"))})
        assert schema_breaks(old, new, "kept") == []
        assert schema_breaks(new, old, "kept") != []
        assert schema_breaks(old, record(**{name: wrap(TEXT)}), "kept") != []
    below = record(**{name: record(role=words("lead"))})
    assert schema_breaks(below, record(**{name: record(role=words("lead", "assist"))}), "kept") != []


def test_every_open_list_is_an_output_field_and_documented() -> None:
    page = (ROOT / "docs" / "reference" / "schemas.md").read_text("utf-8")
    ours = [schema for path, schema in SCHEMAS.items() if promise_of(path) == "kept"]
    fields = [item for node in nodes(ours) for item in node.get("properties", {}).items()]
    listed = {name for name, field in fields if any("enum" in part for part in nodes(field))}
    assert set(OPEN) <= listed
    for name in OPEN:
        assert f"`{name}`" in page


def test_a_removed_schema_is_a_break_and_a_new_version_is_none() -> None:
    old, new = record(a=TEXT), record(a=NUMBER)
    assert broken({"events/x.v1.json": old}, {"events/x.v1.json": old, "events/x.v2.json": new}) == {}
    assert list(broken({"events/x.v1.json": old}, {"events/x.v2.json": new})) == ["events/x.v1.json"]
    assert list(broken({"events/x.v1.json": old}, {"events/x.v1.json": new, "events/x.v2.json": new})) == [
        "events/x.v1.json"
    ]


def test_the_current_models_keep_every_released_promise() -> None:
    assert broken(released(), SCHEMAS | {"asyncapi.yaml": ASYNCAPI}) == {}


END = EndedSchema(path="city/x.v1.json", version="2.0.0", replaced_by="city/x.v2.json", reason="why", hint="do it")


def test_a_declared_end_excuses_one_schema_and_needs_its_replacement() -> None:
    old, new = record(a=TEXT), record(b=TEXT)
    released = {"city/x.v1.json": old, "city/y.v1.json": old}
    after = {"city/x.v2.json": new, "city/y.v1.json": old}
    assert broken(released, after, [END]) == {}
    assert list(broken(released, after, [])) == ["city/x.v1.json"]
    assert list(broken(released, {"city/x.v2.json": new}, [END])) == ["city/y.v1.json"]
    (missing,) = broken(released, {"city/y.v1.json": old}, [END])["city/x.v1.json"]
    assert missing.what == "it ends in 2.0.0, and no model makes city/x.v2.json, which replaces it"
    (kept,) = broken(released, after | {"city/x.v1.json": old}, [END])["city/x.v1.json"]
    assert kept.what == "its end in 2.0.0 is declared, and a model still makes it"


def test_a_declared_end_says_why_and_what_to_do() -> None:
    assert str(END) == "city/x.v1.json: ends in 2.0.0, because why; do it."
    page = (ROOT / "docs" / "how-to" / "upgrade.md").read_text("utf-8")
    for end in ENDED:
        assert end.replaced_by in SCHEMAS
        assert end.path in page


def test_topics_and_messages_stay_and_new_ones_are_free() -> None:
    old = copy.deepcopy(ASYNCAPI)
    del old["channels"]["reports.hotline"]
    del old["channels"]["grid.events"]["messages"]["grid.clock.ticked.v1"]
    assert list(channel_breaks(old, ASYNCAPI)) == []
    assert [(one.pointer, one.what) for one in channel_breaks(ASYNCAPI, old)] == [
        ("/channels/reports.hotline", "the topic `reports.hotline` is gone"),
        ("/channels/grid.events/messages/grid.clock.ticked.v1", "the message is gone"),
    ]


def test_a_topic_keeps_its_name_and_a_message_its_schema_and_key() -> None:
    new = copy.deepcopy(ASYNCAPI)
    new["channels"]["grid.cases"]["address"] = "grid.case"
    message = new["components"]["messages"]["grid.case.changed.v1"]
    message["contentType"] = "application/avro"
    message["payload"] = {"$ref": "./events/grid.case.changed.v2.json"}
    message["bindings"]["kafka"]["key"] = {"type": "integer"}
    place = "/components/messages/grid.case.changed.v1"
    assert {one.pointer for one in channel_breaks(ASYNCAPI, new)} == {
        "/channels/grid.cases",
        f"{place}/contentType",
        f"{place}/payload",
        f"{place}/bindings/kafka/key",
    }


# --- real schemas, changed at random ----------------------------------------------------------------------------------

JUDGED = [path for path in sorted(released()) if path.endswith(".json")]
LIMITS = {
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    "integer": ("minimum", "maximum"),
}


def changed(schema: dict[str, Any], draw: st.DataObject) -> dict[str, Any]:
    """A copy of a schema with one random change."""
    made = copy.deepcopy(schema)
    node = draw.draw(st.sampled_from([one for one in nodes(made) if "type" in one or "enum" in one]))
    # A limit of listed values, or one that the pattern implies, changes nothing, and we say that it does.
    free = not {"enum", "const", "pattern"} & set(node)
    what = draw.draw(st.sampled_from(["type", "enum", "required", "properties", "null", "format", "limit"]))
    match what, node:
        case "type", {"type": str()}:
            node["type"] = draw.draw(st.sampled_from(["integer", "number", "string", "boolean"]))
        case "enum", {"enum": list(listed)}:
            node["enum"] = draw.draw(st.sampled_from([listed[1:] or listed, [*listed, "another"]]))
        case "required", {"properties": dict(fields)} if fields:
            name = draw.draw(st.sampled_from(sorted(fields)))
            node["required"] = sorted(set(node.get("required", [])) ^ {name})
        case "properties", {"properties": dict(fields)} if fields:
            del fields[draw.draw(st.sampled_from(sorted(fields)))]
        case "null", {"type": str(kind)} if free:
            node["type"] = [kind, "null"] if kind != "null" else kind
        case "format", {"type": "string"}:
            node.pop("format", None) or node.update(format="date")
        case "limit", {"type": str(kind)} if free and kind in LIMITS:
            node[draw.draw(st.sampled_from(LIMITS[kind]))] = draw.draw(st.integers(0, 300))
        case _:
            pass
    return made


@settings(max_examples=60)
@given(st.data(), st.sampled_from(JUDGED))
def test_an_independent_validator_agrees_on_random_changes(draw: st.DataObject, path: str) -> None:
    old = released()[path]
    new = changed(old, draw)
    jsonschema_rs.meta.validate(new)
    accepted = schema_breaks(old, new, "accepted")
    kept = [change for change in changes(old, new) if change.kind != "grown"]
    if not accepted:
        assert covers(new, old) != "no"
    if not changes(old, new):
        assert {covers(new, old), covers(old, new)} <= {"yes", "unknown"}
    # What no validator can see: a removed field that is still accepted, and a default.
    unseen = ("was removed", "the default was", "`format`", "cannot")
    if covers(new, old) == "yes":
        assert [one for one in accepted if not any(word in one.what for word in unseen)] == []
    if covers(new, old) == covers(old, new) == "yes":
        assert [one for one in kept if not any(word in one.what for word in unseen)] == []


# Widened patterns


@pytest.mark.parametrize(("older", "newer"), WIDENED)
def test_a_widened_pattern_matches_whatever_the_older_one_matched(older: str, newer: str) -> None:
    @given(text=st.from_regex(re.compile(older, re.ASCII), fullmatch=True))
    def check(text: str) -> None:
        assert re.fullmatch(newer, text, re.ASCII), text

    check()


@pytest.mark.parametrize(("older", "newer"), WIDENED)
def test_a_widened_pattern_is_in_a_schema_of_today(older: str, newer: str) -> None:
    before, now = {"type": "string", "pattern": older}, {"type": "string", "pattern": newer}
    assert [change.kind for change in changes(before, now)] == ["wider"]
    assert [change.kind for change in changes(now, before)] == ["either"]
    assert newer in {node.get("pattern") for node in nodes(SCHEMAS)}
