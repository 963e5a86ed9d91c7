"""The generated schemas, parsed once, and validation with them."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

from router.cli.schemas import made
from router.contracts.releases import read_released

ROOT = Path(__file__).parents[2]
FILES = made()
SCHEMAS = {path: json.loads(text) for path, text in FILES.items() if path.endswith(".json")}
ASYNCAPI = yaml.safe_load(FILES["asyncapi.yaml"])


@cache
def released() -> dict[str, Any]:
    """Path -> JSON Schema or AsyncAPI document of the last release."""
    last = read_released(ROOT / "schemas")
    assert last is not None
    return last.documents


def schema_accepts(path: str, value: Any) -> bool:
    """Whether a value is valid by the schema, its formats included."""
    return jsonschema_rs.Draft202012Validator(SCHEMAS[path], validate_formats=True).is_valid(value)


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a document."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from nodes(inner)
