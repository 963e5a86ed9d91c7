"""The schema of a network's reports accepts and rejects what the network's model accepts and rejects."""

import json
from typing import Any

import jsonschema_rs
import pytest
from pydantic import ValidationError

from router.domain.networks.registry import NETWORKS
from tests.support.samples import NAMES, sample
from tests.support.schemas import SCHEMAS, nodes, schema_accepts

ALARM = {
    "jjdbh": "J4109022026112400017",
    "jjdwdm": "410902500000",
    "gxdwdm": "410902003000",
    "bjlbdm": "03",
    "bjlxdm": "0304",
    "bjxldm": "030402",
    "bjsj": "20261124093000",
    "sfsj": "20261124091500",
    "jd": 115.0412,
    "wd": 35.7689,
    "dwjd": 25.0,
    "sfdz": "中原路与京开大道交叉口东北角",
    "bjnr": "两辆电动车相撞, 无人受伤",
    "bjrbs": "138****5678",
    "jqdj": "4",
    "csbz": "0",
    "xzb": "a column that no schema names",
}
EVENT = {
    "taskNum": "CG-2026-000123",
    "eventCode": "4109020104",
    "codeVersion": "GB/T 30428.2-2013",
    "cellCode": "410902003001007",
    "x": 115.0355,
    "y": 35.7641,
    "foundTime": "2026-11-24 09:28:00",
    "reportTime": "2026-11-24 09:30:12",
    "channel": "inspector",
    "address": "中原路 12 号",
    "description": "垃圾堆放",
    "reporterRef": "cg-0417",
    "photos": [{"url": "https://photos.example.org/a.jpg", "sha256": "0f" * 32}],
    "status": "Actual",
}
COMPONENT = {
    "taskNum": "CG-2026-000124",
    "componentCode": "4109020103000042",
    "codeVersion": "GB/T 30428.2-2013",
    "reportTime": "2026-11-24 09:31:00",
}
READING = {
    "kind": "reading",
    "id": "EN-R-7781",
    "stationId": "py-03",
    "pollutant": "PM2.5",
    "value": 182.5,
    "limit": 75,
    "unit": "ug/m3",
    "observedAt": "2026-11-24T09:00:00+08:00",
    "longitude": 115.03,
    "latitude": 35.76,
}
COMPLAINT = {
    "kind": "complaint",
    "id": "EN-C-1",
    "category": "odour",
    "reportedAt": "2026-11-24T09:30:00.250Z",
    "occurredAt": "2026-11-24T08:00:00+08:00",
    "longitude": 115.031,
    "latitude": 35.761,
    "communityCode": "410902003001",
    "address": "胜利路",
    "content": "刺激性气味",
    "complainantRef": "c-**17",
    "status": "Test",
}
NEED = {
    "id": "SS-2026-55",
    "matterCode": "DB0101",
    "communityCode": "410902003001",
    "reportedAt": "2026-11-24 10:00:00",
    "occurredAt": "2026-11-23 18:00:00",
    "personRef": "p-4109**********0012",
    "reporterRef": "w-17",
    "level": "soon",
    "content": "独居老人需要上门探访",
    "status": "Actual",
}
REQUEST = {
    "SRNumber": "1-870704814",
    "CreatedDate": "01/01/2018 12:00:09 AM",
    "UpdatedDate": "01/06/2018 10:18:29 AM",
    "ActionTaken": "SR Created",
    "Owner": "BOS",
    "RequestType": "Bulky Items",
    "Status": "Closed",
    "RequestSource": "Mobile App",
    "Anonymous": "Y",
    "ServiceDate": "",
    "ClosedDate": "01/06/2018 10:18:29 AM",
    "Latitude": "34.0676390557",
    "Longitude": "-118.294017712",
    "APC": "Central APC",
    "NCName": "WILSHIRE CENTER - KOREATOWN NC",
    "PolicePrecinct": "OLYMPIC",
}
SAMPLES = [
    ("policing", ALARM),
    ("urban-management", EVENT),
    ("urban-management", COMPONENT),
    ("environment", READING),
    ("environment", COMPLAINT),
    ("social-security", NEED),
    ("hotline", REQUEST),
    *((one.network, json.loads(one.text)) for one in map(sample, NAMES)),
]


def errors_of_model(network: str, message: Any) -> list[str]:
    """Kinds of the errors the network's model finds; empty: accepted."""
    try:
        NETWORKS[network].schema.model_validate_json(json.dumps(message))
    except ValidationError as error:
        return [detail["type"] for detail in error.errors()]
    return []


@pytest.mark.parametrize(("network", "message"), SAMPLES)
def test_a_realistic_report_is_accepted_by_schema_and_model(network: str, message: dict[str, Any]) -> None:
    assert errors_of_model(network, message) == []
    assert schema_accepts(f"reports/{network}.v1.json", message)


MUTANTS = {
    "full-width digits in the id": dict.fromkeys(("jjdbh", "taskNum", "id", "SRNumber"), "１２３"),
    "a newline behind the id": dict.fromkeys(("jjdbh", "taskNum", "id", "SRNumber"), "A-1\n"),
    "a number as id": dict.fromkeys(("jjdbh", "taskNum", "id", "SRNumber"), 17),
    "null as id": dict.fromkeys(("jjdbh", "taskNum", "id", "SRNumber")),
    "latitude 91": dict.fromkeys(("wd", "y", "latitude", "Latitude"), 91),
    "longitude -180.5": dict.fromkeys(("jd", "x", "longitude", "Longitude"), -180.5),
    "true as longitude": dict.fromkeys(("jd", "x", "longitude", "Longitude"), True),
    "a time in full-width digits": {
        "bjsj": "２０２６１１２４０９３０００",
        "reportTime": "２０２６-11-24 09:30:12",
        "reportedAt": "２０２６-11-24T10:00:00Z",
        "observedAt": "２０２６-11-24T09:00:00+08:00",
        "CreatedDate": "０１/01/2018 12:00:09 AM",
    },
    "a newline behind the time": {
        "bjsj": "20261124093000\n",
        "reportTime": "2026-11-24 09:30:12\n",
        "reportedAt": "2026-11-24T10:00:00Z\n",
        "observedAt": "2026-11-24T09:00:00+08:00\n",
        "CreatedDate": "01/01/2018 12:00:09 AM\n",
    },
    "a time without zone or in another form": {
        "bjsj": "2026-11-24 09:30:00",
        "reportTime": "20261124093012",
        "reportedAt": "2026-11-24T10:00:00",
        "observedAt": "2026-11-24T09:00:00",
        "CreatedDate": "2018-01-01T00:00:09Z",
    },
    "one digit too many in a code": {
        "gxdwdm": "4109020030001",
        "eventCode": "41090201045",
        "componentCode": "41090201030000425",
        "communityCode": "4109020030011",
        "cellCode": "4109020030010071",
    },
    "an unknown word where a list of words holds": {
        "jqdj": "5",
        "channel": "drone",
        "kind": "measurement",
        "level": "now",
        "status": "actual",
    },
}


@pytest.mark.parametrize(("network", "message"), SAMPLES)
def test_a_report_without_its_id_is_rejected_by_schema_and_model(network: str, message: dict[str, Any]) -> None:
    without = {name: value for name, value in message.items() if name != NETWORKS[network].id_field}
    assert errors_of_model(network, without)
    assert not schema_accepts(f"reports/{network}.v1.json", without)


@pytest.mark.parametrize("what", MUTANTS)
@pytest.mark.parametrize(("network", "message"), SAMPLES)
def test_a_mutant_is_rejected_by_schema_and_model(network: str, message: dict[str, Any], what: str) -> None:
    for name, value in MUTANTS[what].items():
        if name in message:
            assert errors_of_model(network, message | {name: value}), name
            assert not schema_accepts(f"reports/{network}.v1.json", message | {name: value}), name


def test_a_photo_needs_an_address_and_a_hash() -> None:
    good = EVENT["photos"][0]  # type: ignore[index]
    wrong = [{}, good | {"sha256": "0F" * 32}, good | {"url": "file:///etc/passwd"}, {"url": good["url"]}, "a.jpg"]
    for photos in (*([one] for one in wrong), [good] * 21, "none"):
        assert errors_of_model("urban-management", EVENT | {"photos": photos})
        assert not schema_accepts("reports/urban-management.v1.json", EVENT | {"photos": photos})


RULES = {"bad_time", "personal_data", "event_or_component", "not_over", "degrees", "half_a_point", "no_place"} | {
    "polygon",
    "circle",
    "no_references",
}
"""Kinds of the errors of our own rules."""
VALUES: list[Any] = [
    *(None, True, 0, -1, 1.5, 91, -91, 181, "", " ", "1", "03", "１２３", "abc", "Abc\n", "ABC", [], [1], {}, {"a": 1}),
    *("x" * 16, "x" * 17, "x" * 64, "x" * 65, "x" * 100, "x" * 101, "x" * 200, "x" * 201, "x" * 4000, "x" * 4001),
    *("0" * digits for digits in (4, 6, 10, 12, 14, 15, 16)),
    *("Test", "inspector", "urgent", "reading", "20261124093000", "2026-11-24 09:30:12", "2026-11-24T09:00:00Z"),
    *("01/01/2018 12:00:09 AM", "34.06", "-118.3", "a-1", "4109**********0012"),
]


@pytest.mark.parametrize(("network", "message"), SAMPLES)
def test_schema_and_model_agree_on_any_value_of_any_field(network: str, message: dict[str, Any]) -> None:
    """Except that a model may reject by one of its own rules, which no schema can express."""
    validator = jsonschema_rs.Draft202012Validator(SCHEMAS[f"reports/{network}.v1.json"], validate_formats=True)
    fields = {name for node in nodes(SCHEMAS[f"reports/{network}.v1.json"]) for name in node.get("properties", {})}
    disagreed = []
    for name in sorted(fields):
        for value in VALUES:
            kinds = errors_of_model(network, message | {name: value})
            accepted = validator.is_valid(message | {name: value})
            if accepted != (not kinds) and not (accepted and RULES & set(kinds)):
                disagreed.append((name, value, kinds))
    assert disagreed == []
