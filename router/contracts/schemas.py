"""JSON Schemas (2020-12) of networks' reports, of the router's records, and of a city's files.

They are made from the models alone, and equal models give equal bytes: keywords have one order, fields have the order
of their model, and definitions are sorted by name. The docstring under a field is its description.
"""

import ast
import inspect
import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from importlib import import_module
from itertools import pairwise
from typing import Any, get_args

import msgspec
from msgspec import Struct
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from router.domain.catalogue.model import digits, one_or_more
from router.domain.feedback.message import FeedbackMessage
from router.domain.model.feedback import SUPERVISION
from router.domain.networks.registry import NETWORKS
from router.wire.record_kinds import KINDS, RecordKind
from router.wire.topic_names import Names

DIALECT = "https://json-schema.org/draft/2020-12/schema"
URN = "urn:grid-router:schema:"
"""Prefix of every `$id`: a name, not an address."""
FOLDERS = ("reports", "feedback", "events", "headers", "city")
"""Folders of schemas; this package makes every schema in them whose `$id` begins with `URN`."""
COMMENT = "Generated from the models by `make schemas`; changes made here are lost."
FEEDBACK_PATH = "feedback/feedback.v1.json"
"""Path of the schema of what departments and supervision write."""
_NAMES = Names()
_FIRST = ("$schema", "$id", "$comment", "title", "description", "type")
_LAST = ("$defs",)
_VALUES = ("const", "default", "enum", "examples", "required")
"""Keywords that hold values, not schemas."""


CITY_VERSIONS = {"merging": 2}
"""Version of the schema of a city's file, for the files that are not at version 1."""
_VERSION = re.compile(r"\.(v[0-9]+)\.json\Z")


def city_path(name: str) -> str:
    """Path of the schema of a city's file `<name>.yaml`."""
    return f"city/{name}.v{CITY_VERSIONS.get(name, 1)}.json"


def report_path(network: str) -> str:
    """Path of the schema of a network's reports, relative to the folder of schemas."""
    return f"reports/{network}.v1.json"


def report_schemas() -> dict[str, str]:
    """Path -> text of the schema of each network's reports, in the network's own format."""
    made = {}
    for network in NETWORKS.values():
        schema = network.schema.model_json_schema(by_alias=True, mode="validation", schema_generator=_Generator)
        schema["title"] = f"{network.title} ({network.title_zh})"
        text = "One JSON object in UTF-8, or in GB 18030 if the record's header declares it"
        schema["description"] += f" {text}, on the topic `{_NAMES.reports(network.name)}`."
        made[report_path(network.name)] = schema_text(report_path(network.name), schema)
    return made


def feedback_schema() -> dict[str, str]:
    """Path -> text of the schema of feedback."""
    schema = FeedbackMessage.model_json_schema(by_alias=True, mode="validation", schema_generator=_Generator)
    schema["title"] = "Feedback (反馈)"
    schema["description"] += (
        f" One JSON object in UTF-8, on the topic `{_NAMES.feedback('<department>')}` or `{_NAMES.feedback(SUPERVISION)}`."
    )
    return {FEEDBACK_PATH: schema_text(FEEDBACK_PATH, schema)}


def record_schemas(kinds: Iterable[RecordKind] = KINDS.values()) -> dict[str, str]:
    """Path -> text of the schema of every value that the router writes; a dead letter has the value of its source."""
    made = {}
    for kind in kinds:
        path = kind.schema_path
        if kind.struct is None or path is None:
            continue
        schema = _struct_schema(kind.struct)
        what = f"CloudEvents type `{kind.name}`" if kind.event else "A value of the router's own tables"
        topic = kind.topics[0].replace("{", "<").replace("}", ">")
        schema["description"] += f" {what}, on the topic `{topic}`."
        made[path] = schema_text(path, schema)
    return made


def city_schemas(models: Mapping[str, type[BaseModel]]) -> dict[str, str]:
    """Path -> text of the schema of every YAML file of a city, for editors.

    Args:
        models: name of the file without `.yaml` -> its model.
    """
    made = {}
    for name, model in models.items():
        path = city_path(name)
        schema = model.model_json_schema(by_alias=True, mode="validation", schema_generator=_Generator)
        made[path] = schema_text(path, schema | {"title": f"{name}.yaml of a city"})
    return made


def schema_text(path: str, schema: Mapping[str, Any]) -> str:
    """A schema as the text of its file; its `$id` is made from its path, e.g. `reports/policing.v1.json`."""
    name = _VERSION.sub(r":\1", path).replace("/", ":")
    whole = {"$schema": DIALECT, "$id": f"{URN}{name}", "$comment": COMMENT, **schema}
    return json.dumps(_ordered(whole), ensure_ascii=False, indent=2) + "\n"


def _ordered(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_ordered(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    ordered: dict[str, Any] = {}
    for keyword in sorted(schema, key=_rank):
        value = schema[keyword]
        if keyword == "properties":
            value = {name: _ordered(field) for name, field in value.items()}
        elif keyword == "$defs":
            value = {name: _ordered(value[name]) for name in sorted(value)}
        elif keyword not in _VALUES:
            value = _ordered(value)
        ordered[keyword] = value
    return ordered


def _rank(keyword: str) -> tuple[int, str]:
    if keyword in _FIRST:
        return _FIRST.index(keyword), keyword
    return len(_FIRST) + (keyword in _LAST), keyword


class _Generator(GenerateJsonSchema):
    """Adds what pydantic's own generator omits, and omits what is no JSON Schema."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """No titles: they would repeat the keys."""
        del schema
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """The docstring under a field is its description."""
        made = super().model_schema(schema)
        fields = schema["cls"].model_fields
        for name, text in _docs(schema["cls"]).items():
            field = made.get("properties", {}).get(fields[name].alias or name) if name in fields else None
            if field is not None:
                field.setdefault("description", text)
        return made

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """No null defaults: they only say that a field is optional, and not every optional field accepts null."""
        made = super().default_schema(schema)
        if made.get("default", ...) is None:
            del made["default"]
        return made

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        """No `discriminator` of OpenAPI: it is no JSON Schema, and has another meaning in AsyncAPI."""
        made = super().tagged_union_schema(schema)
        made.pop("discriminator", None)
        return made

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """A key that does not match the pattern is an error, not an unknown key."""
        made = super().dict_schema(schema)
        for pattern, values in made.pop("patternProperties", {}).items():
            made["propertyNames"] = {**made.get("propertyNames", {}), "pattern": pattern}
            made["additionalProperties"] = values
        return made

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        """The shorthands of a city's files."""
        made = super().function_before_schema(schema)
        function: Any = schema["function"]["function"]
        choices = made.get("anyOf", [made])
        if function is digits:
            return {"anyOf": [*choices, {"type": "integer"}]}
        if function is one_or_more:
            return {"anyOf": [*(one["items"] for one in choices if one.get("type") == "array"), *choices]}
        return made


def _struct_schema(root: type[Struct]) -> dict[str, Any]:
    """The schema of a struct as msgspec makes it, with the format of times and descriptions of fields."""
    definitions: dict[str, dict[str, Any]] = msgspec.json.schema(root)["$defs"]
    for struct in _structs(root):
        properties, docs = definitions[struct.__name__]["properties"], _docs(struct)
        for field in msgspec.structs.fields(struct):
            made = properties[field.encode_name]
            if field.name in docs:
                made["description"] = docs[field.name]
            if made.get("default", ...) is None:
                del made["default"]
            if datetime in (field.type, *get_args(field.type)):
                one = made["items"] if made.get("type") == "array" else made
                texts = [choice for choice in one.get("anyOf", [one]) if choice["type"] == "string"]
                texts[0]["format"] = "date-time"
    schema = definitions.pop(root.__name__)
    return schema | {"$defs": definitions} if definitions else schema


def _structs(root: type[Struct]) -> list[type[Struct]]:
    """The struct and every struct in its fields, at any depth."""
    found = [root]
    for struct in found:
        for field in msgspec.structs.fields(struct):
            for part in (field.type, *get_args(field.type)):
                if isinstance(part, type) and issubclass(part, Struct) and part not in found:
                    found.append(part)
    return found


def _docs(cls: type) -> dict[str, str]:
    """Field -> the docstring under it, with inherited fields."""
    docs: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if base.__module__.startswith("router."):
            docs |= _docs_of_module(base.__module__).get(base.__name__, {})
    return docs


@cache
def _docs_of_module(module: str) -> dict[str, dict[str, str]]:
    """Class -> field -> the docstring under it."""
    tree = ast.parse(inspect.getsource(import_module(module)))
    return {node.name: _docs_of_class(node) for node in tree.body if isinstance(node, ast.ClassDef)}


def _docs_of_class(node: ast.ClassDef) -> dict[str, str]:
    docs = {}
    for field, below in pairwise(node.body):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                docs[name] = " ".join(text.split())
    return docs
