"""The folder `schemas/` matches the models, and every schema in it is valid."""

import re
import subprocess
import sys

import jsonschema_rs
import pytest

from router.domain.networks.registry import NETWORKS
from router.wire.record_kinds import KINDS
from tests.support.schemas import FILES, ROOT, SCHEMAS, nodes

NOT_MADE = {"samples", "released"}
"""Folders whose files no model makes: manually written, and the last release's."""


def test_the_files_of_the_repository_match_the_models() -> None:
    files = {path.relative_to(ROOT / "schemas"): path for path in (ROOT / "schemas").rglob("*") if path.is_file()}
    held = {
        name.as_posix(): path.read_text("utf-8")
        for name, path in files.items()
        if name.name != "README.md" and name.parts[0] not in NOT_MADE
    }
    assert sorted(held) == sorted(FILES)
    assert [path for path in FILES if held[path] != FILES[path]] == []


def test_every_run_makes_the_same_bytes() -> None:
    code = "import hashlib, json; from router.cli.schemas import made; print(hashlib.sha256(json.dumps(made()).encode()).hexdigest())"
    said = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1


def test_every_report_and_record_has_a_schema() -> None:
    assert {f"reports/{network}.v1.json" for network in NETWORKS} <= set(SCHEMAS)
    for kind in KINDS.values():
        assert {path for path in (kind.schema_path, kind.header_path) if path} <= set(SCHEMAS), kind.name


@pytest.mark.parametrize("path", SCHEMAS)
def test_a_schema_is_valid_named_and_described(path: str) -> None:
    schema = SCHEMAS[path]
    jsonschema_rs.meta.validate(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    name, version = path.removesuffix(".json").rsplit(".", 1)
    assert schema["$id"] == f"urn:grid-router:schema:{name.replace('/', ':')}:{version}"
    assert schema["title"]
    assert schema["description"]
    assert FILES[path].endswith("}\n")


def test_a_default_is_a_value_its_own_schema_accepts() -> None:
    for path, schema in SCHEMAS.items():
        for node in nodes(schema):
            if "default" in node and not isinstance(node["default"], dict):
                own = {name: value for name, value in node.items() if name != "description"} | {
                    "$defs": schema.get("$defs", {})
                }
                assert jsonschema_rs.is_valid(own, node["default"]), (path, node)


def test_patterns_mean_the_same_in_ecma_script() -> None:
    patterns = {p for schema in SCHEMAS.values() for n in nodes(schema) if isinstance(p := n.get("pattern"), str)}
    assert len(patterns) > 10
    for pattern in patterns:
        assert re.fullmatch(r"\^.*\$", pattern), f"{pattern} does not cover the whole text"
        # Escapes other than of punctuation, groups with a question mark and possessive repeats differ between engines.
        assert not re.search(r"\\[^.t]|\(\?|[*+}]\+|\[\[|&&|[^\x20-\x7e]", pattern), pattern


def test_schemas_of_messages_use_only_what_asyncapi_tools_know() -> None:
    """AsyncAPI reads schemas by draft 7: keywords of later drafts would be passed over or mean something else."""
    later = {"discriminator", "prefixItems", "dependentRequired", "unevaluatedProperties", "$dynamicRef", "$anchor"}
    for path, schema in SCHEMAS.items():
        if not path.startswith("city/"):
            assert [name for node in nodes(schema) for name in later & set(node)] == [], path


def test_fields_have_descriptions_with_their_units() -> None:
    location = SCHEMAS["events/grid.report.received.v1.json"]["$defs"]["Location"]["properties"]
    assert location["accuracy_m"]["description"].startswith("Radius in metres")
    duty = SCHEMAS["city/duties.v1.json"]["$defs"]["DutyNode"]["properties"]
    assert duty["from"]["description"] == "First day, in the city's zone."
