"""A JSON Schema taken apart for comparison: references followed, alternatives listed, values written as JSON."""

import json
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Kind = Literal["narrower", "wider", "grown", "either"]
"""Accepts fewer values; accepts more; accepts more because a list of values grew; another meaning, or undecidable."""
ANNOTATIONS = frozenset({"$schema", "$id", "$comment", "$defs", "title", "description", "examples", "default"})
"""Keywords without influence on validity; a default is compared together with its field."""
KNOWN = ANNOTATIONS | {
    *("$ref", "anyOf", "oneOf", "type", "const", "enum"),
    *("properties", "required", "additionalProperties", "propertyNames", "minProperties", "maxProperties"),
    *("items", "prefixItems", "minItems", "maxItems", "uniqueItems"),
    *("minLength", "maxLength", "pattern", "format"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
}
"""Keywords that the comparison supports."""
ANY = "anything"
UNTYPED = "no type"
ABSENT = object()
"""Stands for a missing default, because null is a value."""
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}


class SchemaChange(NamedTuple):
    """One difference."""

    pointer: str
    """JSON pointer into the older schema; of a new field, into the newer one."""
    kind: Kind
    what: str


class Node(NamedTuple):
    """A schema, and the document that its references point into."""

    schema: Mapping[str, Any]
    root: Mapping[str, Any]

    def at(self, schema: Any) -> "Node":
        """Another schema of the same document; a missing one, or `true`, accepts every value."""
        if schema is None or schema is True:
            return Node({}, self.root)
        return Node({"not": {}} if schema is False else schema, self.root)

    def followed(self) -> "Node":
        """The target of its reference, in the same document; itself when it has none."""
        if "$ref" not in self.schema:
            return self
        target: Any = self.root
        for part in self.schema["$ref"].removeprefix("#").split("/")[1:]:
            target = target[part.replace("~1", "/").replace("~0", "~")]
        return self.at(target)


class Choice(NamedTuple):
    """One alternative of a schema."""

    node: Node
    place: str
    family: str
    """Its type; integers are numbers."""
    tags: tuple[tuple[str, str], ...]
    """Its required constant fields, which distinguish alternatives of one type."""
    key: str
    """Its name: type, tags, and whether its values are listed."""


def choices_of(node: Node, place: str) -> list[Choice]:
    """The alternatives of a schema, nested ones and those behind references included; itself when it has none."""
    whole = node.followed()
    for word in ("anyOf", "oneOf"):
        if word in whole.schema:
            parts = enumerate(whole.schema[word])
            found = [one for i, part in parts for one in choices_of(whole.at(part), f"{place}/{word}/{i}")]
            nulls = [one for one in found if one.key == "null"]
            return [one for one in found if one.key != "null"] + nulls[:1]  # one null is enough
    kinds = _kinds(whole.schema)
    if len(kinds) == 1:
        return [_choice(node, place, *kinds)]
    listed = {"enum", "const"} & set(whole.schema)
    parts_of = {
        kind: {"type": kind} if kind == "null" and not listed else {**whole.schema, "type": kind} for kind in kinds
    }
    return [_choice(whole.at(part), place, kind) for kind, part in parts_of.items()]


def _kinds(schema: Mapping[str, Any]) -> list[str]:
    named = schema.get("type")
    if named is not None:
        return [named] if isinstance(named, str) else list(named)
    values = values_of(schema)
    if values is not None:
        return sorted({_TYPES.get(type(value), "null") for value in values.values()})
    return [UNTYPED if set(schema) - ANNOTATIONS else ANY]


def _choice(node: Node, place: str, kind: str) -> Choice:
    schema = node.followed().schema
    family = "number" if kind == "integer" else kind
    fields = ((name, schema.get("properties", {}).get(name)) for name in schema.get("required", ()))
    tags = tuple((name, str(field["const"])) for name, field in fields if isinstance(field, dict) and "const" in field)
    listed = [] if values_of(schema) is None else ["of a list"]
    return Choice(node, place, family, tags, " ".join([family, *(f"{name}={tag}" for name, tag in tags), *listed]))


def values_of(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The values of `enum` or `const` by their JSON text; None: any value."""
    listed = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if listed is None:
        return None
    return {json.dumps(value, sort_keys=True, ensure_ascii=False): value for value in listed}


def escaped(name: str) -> str:
    """A name as one part of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
