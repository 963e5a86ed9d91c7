"""A reader made from the JSON Schema of a record alone, as a department generates it from a released schema."""

from collections.abc import Mapping
from datetime import datetime
from functools import reduce
from typing import Any, Literal

import msgspec
from msgspec import Struct

from router.contracts.compatibility import OPEN

_PLAIN = {"integer": int, "number": float, "boolean": bool, "null": type(None)}


def reader_of(schema: Mapping[str, Any], name: str = "Record") -> type[Struct]:
    """A struct with the schema's fields. It ignores unknown fields, and a value of an open list is any text.

    A closed list accepts only its values, a required field must be present, and an absent field gets its default.
    """
    required, optional = [], []
    for field, part in schema["properties"].items():
        kind = str if field in OPEN else _type_of(part, schema, f"{name}_{field}")
        encoded = field.replace("-", "_")
        if field in schema.get("required", ()):
            required.append((encoded, kind))
        else:
            optional.append((encoded, kind | None, part.get("default")))
    fields = [*required, *((field, kind, _fresh(default)) for field, kind, default in optional)]
    renamed = {field.replace("-", "_"): field for field in schema["properties"] if "-" in field}
    return msgspec.defstruct(name, fields, kw_only=True, rename=renamed or None)


def _fresh(default: Any) -> Any:
    """A default of its own for each record when it is mutable."""
    return msgspec.field(default_factory=type(default)) if isinstance(default, (list, dict)) else default


def _type_of(part: Mapping[str, Any], root: Mapping[str, Any], name: str) -> Any:
    while "$ref" in part:
        part = root["$defs"][part["$ref"].removeprefix("#/$defs/")]
    if "anyOf" in part:
        kinds = [_type_of(one, root, f"{name}_{i}") for i, one in enumerate(part["anyOf"])]
        return reduce(lambda one, other: one | other, kinds)
    if "enum" in part or "const" in part:
        return Literal[tuple(part.get("enum", [part.get("const")]))]
    return _type_alone(part, root, name)


def _type_alone(part: Mapping[str, Any], root: Mapping[str, Any], name: str) -> Any:
    match part.get("type"):
        case None:
            return Any
        case "array":
            return list[_type_of(part.get("items", {}), root, f"{name}_item")]  # type: ignore[misc]
        case "object":
            return reader_of({"$defs": root.get("$defs", {}), **part}, name) if "properties" in part else dict[str, Any]
        case "string":
            return datetime if part.get("format") == "date-time" else str
        case kind:
            return _PLAIN[kind]
