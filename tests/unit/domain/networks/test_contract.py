"""What every reporting network must be, by registry; a further one is its file, its code table and one line."""

import re
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema_rs
import orjson
import pytest
from pydantic import BaseModel

import router.domain.networks
from router.cities.folder import city_folder
from router.domain.cells.registry import Claim
from router.domain.intake.normalise import normalise
from router.domain.networks.registry import NETWORKS
from router.domain.networks.schema.fields import SourceId, SpacedTime
from router.domain.networks.schema.local_time import instant
from router.domain.networks.schema.network import Draft, Message, Network
from router.domain.networks.schema.patterns import pattern_of
from router.domain.rules.city import City
from router.simulator.recorded.hotline_history import read_history
from router.simulator.recorded.message_writers import MESSAGE_WRITERS, Observation
from router.simulator.scenario import HISTORY
from router.wire.declared_topics import topics_of
from router.wire.settings import Settings
from tests.support.records import Record, city, report, shipped_codes, table
from tests.support.samples import NAMES, listening, sample, tables

PARTS = {"__init__", "registry"}
"""Files beside the networks that are none."""
LOS_ANGELES = ZoneInfo("America/Los_Angeles")
KEPT = {
    *("personRef", "branchCode", "QYBS", "partyRef", "parties", "defendantRef"),
    *("identifier", "sender", "expires", "instruction", "responseType"),
}
"""Known fields that a report has no place for but its extensions."""


def samples() -> Iterator[tuple[str, bytes, City]]:
    """A message of each network that the simulator can write, for every code of Los Angeles' tables, and all sample files."""
    for name, witness in MESSAGE_WRITERS.items():
        for code in shipped_codes()[name].codes:
            sight = Observation(
                number=7,
                network=name,
                code=code.code,
                version=code.version,
                lon=-118.25,
                lat=34.05,
                cell="060371002014021",
                reported_at=datetime(2018, 1, 1, 20, tzinfo=UTC),
                zone=LOS_ANGELES,
            )
            yield name, orjson.dumps(witness(sight, Random(1))[1]), city()
    columns = [field.alias or name for name, field in NETWORKS["hotline"].schema.model_fields.items()]
    recorded = read_history(city_folder("los-angeles") / HISTORY, columns, LOS_ANGELES)
    yield from (("hotline", message.value, city()) for message in recorded.messages(20))
    yield from ((one.network, one.text, listening()) for one in map(sample, NAMES))


SAMPLES = list(samples())


def kinds(network: Network) -> list[dict[str, Any]]:
    """The schema of each kind of message that the network sends."""
    schema = network.schema.model_json_schema()
    return [schema["$defs"][one["$ref"].rpartition("/")[2]] for one in schema.get("oneOf", ())] or [schema]


def test_every_file_of_a_network_is_registered_under_its_name() -> None:
    folder = Path(router.domain.networks.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - PARTS
    assert {file.replace("_", "-") for file in files} == set(NETWORKS)
    assert all(sys.modules[f"router.domain.networks.{file}"].NETWORK.name == file.replace("_", "-") for file in files)


@pytest.mark.parametrize("name", NETWORKS)
class TestEveryNetwork:
    def test_a_network_has_a_topic_name_and_titles(self, name: str) -> None:
        network = NETWORKS[name]
        assert network.name == name
        assert all(part.isascii() and part.isalnum() and part.islower() for part in name.split("-"))
        assert network.title
        assert not network.title_zh.isascii()

    def test_a_shipped_city_has_a_code_table_for_each_network(self, name: str) -> None:
        assert tables()[name].codes

    def test_every_network_has_a_sample(self, name: str) -> None:
        assert sample(name).network == name

    def test_its_id_field_is_required_by_its_schema(self, name: str) -> None:
        for kind in kinds(NETWORKS[name]):
            assert NETWORKS[name].id_field in kind["properties"]
            assert NETWORKS[name].id_field in kind["required"]

    def test_the_schema_is_valid_json_schema(self, name: str) -> None:
        jsonschema_rs.meta.validate(NETWORKS[name].schema.model_json_schema())

    def test_the_topic_of_a_network_follows_from_its_code_table(self, name: str) -> None:
        assert f"reports.{name}" in {topic.name for topic in topics_of(listening(), Settings(namespace=""))}


def test_the_simulator_only_writes_for_existing_networks() -> None:
    assert set(MESSAGE_WRITERS) <= set(NETWORKS)
    assert {name for name, _, of in SAMPLES if of is not listening()} == {*MESSAGE_WRITERS, "hotline"}
    assert {name for name, _, _ in SAMPLES} == set(NETWORKS)


@pytest.mark.parametrize(("name", "message", "of"), SAMPLES)
def test_a_sample_matches_its_schema_and_becomes_a_report(name: str, message: bytes, of: City) -> None:
    network = NETWORKS[name]
    jsonschema_rs.validate(network.schema.model_json_schema(), orjson.loads(message))
    made = report(name, message, of)
    assert made.id == f"{name}:{orjson.loads(message)[network.id_field]}"
    assert made.extensions.keys() <= KEPT  # all of its fields are known
    assert (made.occurred_at.tzinfo, made.reported_at.tzinfo) == (UTC, UTC)


@pytest.mark.parametrize(("name", "message", "of"), SAMPLES)
def test_the_patterns_of_a_network_match_what_it_sends(name: str, message: bytes, of: City) -> None:
    network = NETWORKS[name]
    draft = network.draft(network.schema.model_validate_json(message), of.zone)
    assert all(re.fullmatch(network.codes, code) for code in draft.codes)
    if draft.claim.area is not None:
        assert network.grids is not None
        assert re.fullmatch(network.grids, draft.claim.area)


@pytest.mark.parametrize(
    ("schema", "field", "pattern"),
    [
        (NETWORKS["governance"].schema, "event_type", "(?:[0-9]{4})"),
        (NETWORKS["policing"].schema, "bjxldm", "(?:[0-9]{6})"),  # a union with the blank text and null
        (NETWORKS["social-security"].schema, "communityCode", "(?:[0-9]{12})"),  # a shared type
    ],
)
def test_a_pattern_is_that_of_the_schema(schema: type[BaseModel], field: str, pattern: str) -> None:
    assert pattern_of(schema, field) == pattern


def test_a_field_without_pattern_is_an_error() -> None:
    with pytest.raises(TypeError, match=r"Flood\.kind has no pattern"):
        pattern_of(Flood, "kind")


ADDRESSES = {
    "enforcement": "address",
    "environment": "address",
    "governance": "address",
    "party-building": "address",
    "petitions": "wtdz",
    "policing": "sfdz",
    "urban-management": "address",
    "work-safety": "DZ",
}
"""Network -> its field of the address."""


def test_every_field_of_an_address_is_listed() -> None:
    def of(fields: Iterable[str]) -> set[str]:
        return {field for field in fields if field.lower() in {"address", "wtdz", "sfdz", "dz"}}

    found = {name: of(field for kind in kinds(NETWORKS[name]) for field in kind["properties"]) for name in NETWORKS}
    assert {name: fields for name, fields in found.items() if fields} == {
        name: {one} for name, one in ADDRESSES.items()
    }


@pytest.mark.parametrize("name", ADDRESSES)
def test_an_address_stands_beside_the_text(name: str) -> None:
    """It was dropped when the report had a text, too."""
    messages = [(orjson.loads(text), of) for network, text, of in SAMPLES if network == name]
    allowed = {field for kind in kinds(NETWORKS[name]) for field in kind["properties"]}
    message, of = next((one, of) for one, of in messages if one.get("kind") != "reading")
    (text,) = allowed & {"facts", "content", "gynr", "bjnr", "description", "YHMS"}
    made = report(name, message | {ADDRESSES[name]: "胜利路 12 号", text: "rubbish"}, of)
    assert made.address == "胜利路 12 号"
    assert "rubbish" in made.description
    assert report(name, message | {ADDRESSES[name]: "胜利路 12 号", text: ""}, of).description == "胜利路 12 号"
    assert report(name, message | {ADDRESSES[name]: None}, of).address == ""


@pytest.mark.parametrize(("name", "message", "of"), SAMPLES)
def test_a_schema_is_strict_and_keeps_unknown_fields(name: str, message: bytes, of: City) -> None:
    fields_of = orjson.loads(message)
    kept = {"unknown": {"to": ["the", "schema"]}}
    assert report(name, orjson.dumps(fields_of | kept), of).extensions["unknown"] == kept["unknown"]
    validator = jsonschema_rs.Draft202012Validator(NETWORKS[name].schema.model_json_schema())
    assert validator.is_valid(fields_of | kept)
    assert not validator.is_valid({field: [value] for field, value in fields_of.items()})


# A further network


class Flood(Message):
    """防汛险情 in three fields."""

    number: SourceId
    kind: str
    found: SpacedTime


def translated(message: Flood, zone: tzinfo) -> Draft:
    at = instant(message.found, zone).at
    return Draft(
        source_id=message.number,
        codes=(message.kind,),
        occurred_at=at,
        reported_at=at,
        claim=Claim(network="flood-control", at=at),
        extensions=message.unknown(),
    )


def test_a_new_network_needs_a_schema_a_draft_and_a_code_table() -> None:
    network = Network(
        name="flood-control", title="Flood control", title_zh="防汛", schema=Flood, id_field="number", draft=translated
    )
    of = city(flood_control=table("F1,,other,water over the road\n"))
    good, bad = {"number": "W1", "kind": "F1", "found": "2018-01-01 08:00:00", "more": 1}, {"kind": "F1"}
    done = normalise(network, [Record(value=orjson.dumps(one)) for one in (good, bad)], of)
    assert [(made.id, made.matter, made.extensions) for made in done.reports] == [
        ("flood-control:W1", "other", {"more": 1})
    ]
    assert [rejected.code for _, rejected in done.rejections] == ["bad-id"]
    assert "reports.flood-control" in {topic.name for topic in topics_of(of, Settings(namespace=""))}
