"""Open311 GeoReport v2 without Kafka: services, requests, tokens and errors, in both formats."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import httpx
import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from router.domain.networks.open311 import GeoReportRequest
from router.gateway.georeport import MAX_ARGUMENTS, NOT_KEPT, UNSEEN_PHOTO, read_form
from router.gateway.georeport_formats import written_xml
from router.gateway.georeport_routes import MAX_FORM
from router.gateway.problems import ProblemError
from tests.support.cases import case, report
from tests.support.cities import shipped
from tests.support.gateway import TestedGateway

CITY, NETWORK = "seattle", "open311"
FORM = {"service_code": "graffiti", "lat": "47.6097", "long": "-122.3331", "description": "on the wall"}
LEAD = "sdot"
Work = Callable[[TestedGateway], Awaitable[Any]]


def asked(folder: Path, work: Work, **more: Any) -> Any:
    """What some work returns with a gateway of Seattle."""

    async def run() -> Any:
        gateway = TestedGateway(folder, **{"city": CITY, "ready": True, **more})
        try:
            return await work(gateway)
        finally:
            await gateway.close()

    return asyncio.run(run())


def get(gateway: TestedGateway, path: str, **more: Any) -> Awaitable[httpx.Response]:
    return gateway.call("GET", f"/open311/v2/{path}", **more)


def post(gateway: TestedGateway, form: Any, ending: str = "json", **more: Any) -> Awaitable[httpx.Response]:
    body = form if isinstance(form, bytes) else urlencode(form).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", **more.pop("headers", {})}
    return gateway.call("POST", f"/open311/v2/requests.{ending}", content=body, headers=headers, **more)


def error(answered: httpx.Response, status: int) -> str:
    """The description of an error, which has one member in JSON and one element in XML."""
    assert answered.status_code == status, answered.text
    if answered.headers["content-type"].startswith("text/xml"):
        root = ET.fromstring(answered.text)
        assert (root.tag, [one.tag for one in root]) == ("errors", ["error"])
        assert root.findtext("error/code") == str(status)
        return root.findtext("error/description") or ""
    (one,) = answered.json()
    assert one.keys() == {"code", "description"}
    assert one["code"] == status
    return str(one["description"])


def test_services_are_the_codes_of_the_city(tmp_path: Path) -> None:
    """Everybody may ask for them, as the standard says."""

    async def work(gateway: TestedGateway) -> Any:
        return [await get(gateway, f"services.{form}", token=None) for form in ("json", "xml")]

    as_json, as_xml = asked(tmp_path, work)
    codes = [one.code for one in shipped(CITY).codes[NETWORK].codes]
    services = as_json.json()
    assert [one["service_code"] for one in services] == codes
    assert services[0] == {
        "service_code": "graffiti", "service_name": "Graffiti", "description": "Graffiti / 乱涂写", "metadata": True,
        "type": "batch", "keywords": "graffiti", "group": "services",
    }  # fmt: skip
    assert as_xml.headers["content-type"] == "text/xml; charset=utf-8"
    assert as_xml.text.startswith("<?xml version='1.0' encoding='utf-8'?>")
    root = ET.fromstring(as_xml.content)
    assert (root.tag, {one.tag for one in root}) == ("services", {"service"})
    assert {one.tag: one.text for one in root[0]} == services[0] | {"metadata": "true"}


def test_a_service_is_defined_by_the_attributes_of_the_schema(tmp_path: Path) -> None:
    async def work(gateway: TestedGateway) -> Any:
        paths = ("services/graffiti.json", "services/graffiti.xml", "services/unicorn.json", "services/a/b.xml")
        return [await get(gateway, path, token=None) for path in paths]

    as_json, as_xml, unknown, slash = asked(tmp_path, work)
    defined = as_json.json()
    assert defined["service_code"] == "graffiti"
    attributes = {one["code"]: one for one in defined["attributes"]}
    assert list(attributes) == ["media_sha256", "occurred_at", "component_id", "kind"]
    assert [one["order"] for one in attributes.values()] == [1, 2, 3, 4]
    assert attributes["occurred_at"]["datatype"] == "datetime"
    assert [one["key"] for one in attributes["kind"]["values"]] == ["actual", "exercise", "test"]
    root = ET.fromstring(as_xml.content)
    assert (root.tag, root.findtext("service_code")) == ("service_definition", "graffiti")
    assert [one.findtext("code") for one in root.findall("attributes/attribute")] == list(attributes)
    assert [one.text for one in root.findall("attributes/attribute/values/value/key")] == ["actual", "exercise", "test"]
    assert "service" in error(unknown, 404)
    error(slash, 404)


def test_a_request_without_a_key_makes_no_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A schema takes milliseconds, in which the gateway answers no other request."""

    def fail(*_: Any, **__: Any) -> Any:
        raise AssertionError

    monkeypatch.setattr(GeoReportRequest, "model_json_schema", fail)
    answered = asked(tmp_path, lambda gateway: get(gateway, "services/graffiti.json", token=None))
    described = {one["code"]: one["description"] for one in answered.json()["attributes"]}
    assert described["media_sha256"] == "SHA-256 of the photo; without it departments do not see the photo"


FORGED = {"service_request_id": "key-of-another-app", "service_code": "graffiti", "lat": 47.6097, "long": -122.3331}
PACKED = {
    "attribute[specversion]": "1.0", "attribute[id]": "1", "attribute[source]": "x", "attribute[type]": "x",
    "attribute[data_base64]": b64encode(json.dumps(FORGED).encode()).decode(),
}  # fmt: skip
"""An envelope (CloudEvents JSON format, 3) around a request whose id its sender has chosen."""
ANSWERED: list[tuple[Any, int, str]] = [
    ({**FORM, "service_code": "unicorn"}, 400, "unicorn"),
    ({**FORM, "lat": "north"}, 400, "lat"),
    ({**FORM, "lat": "91"}, 400, "lat"),
    ({**FORM, "lat": "NaN"}, 400, "lat"),
    ({**FORM, "lat": "1e999", "long": "1e999", "address_string": "Pike Street"}, 400, "`lat` is too large"),
    ({**FORM, "long": "-1e400", "address_string": "Pike Street"}, 400, "`long` is too large"),
    ({"service_code": "graffiti"}, 400, "address_string"),
    ({"service_code": "graffiti", "lat": "47.6"}, 400, "together"),
    ({**FORM, "attribute[occurred_at]": "yesterday"}, 400, "occurred_at"),
    ({**FORM, "attribute[kind]": "real"}, 400, "kind"),
    ({**FORM, "attribute[lat]": "1"}, 400, "is no attribute"),
    ({**FORM, "attribute[service_request_id]": "1"}, 400, "is no attribute"),
    (PACKED, 400, "`specversion` is no attribute"),
    ({**FORM, "attribute[specversion][]": "1.0"}, 400, "`specversion` is no attribute"),
    ({**FORM, "jurisdiction_id": "boston.gov"}, 404, "jurisdiction_id"),
    ([*FORM.items(), ("lat", "1")], 400, "occurs twice"),
    ([(f"attribute[{number}]", "") for number in range(MAX_ARGUMENTS + 1)], 400, "no form"),
    (b"service_code=%ff", 400, "no form"),
    ("service_code=\u00e4".encode(), 400, "no form"),
    (b"a=" + b"x" * MAX_FORM, 413, "bytes"),
    (FORM, 503, "Kafka"),  # all is right, and no broker answers
    ({**FORM, "jurisdiction_id": CITY, "attribute[size]": "large"}, 503, "Kafka"),
]


@pytest.mark.parametrize("ending", ["json", "xml"])
def test_a_request_is_answered_with_the_sentence_of_the_first_stage(tmp_path: Path, ending: str) -> None:
    async def work(gateway: TestedGateway) -> Any:
        return [await post(gateway, form, ending) for form, _, _ in ANSWERED]

    for answered, (_, status, said) in zip(asked(tmp_path, work, gateway_rate=1000), ANSWERED, strict=True):
        assert said in error(answered, status)


def test_the_key_may_be_a_header_an_argument_or_a_member_of_the_form(tmp_path: Path) -> None:
    async def work(gateway: TestedGateway) -> Any:
        other = gateway.add("other", "report:policing")
        return [
            await post(gateway, {**FORM, "api_key": gateway.token}, token=None),
            await gateway.call(
                "POST", f"/open311/v2/requests.json?api_key={gateway.token}", token=None, data=FORM
            ),
            await post(gateway, FORM, token=None),
            await post(gateway, {**FORM, "api_key": "grt_x"}, "xml", token=None),
            await post(gateway, {**FORM, "api_key": gateway.token}, headers={"Authorization": "Bearer grt_x"}, token=None),
            await post(gateway, FORM, token=other),
            await get(gateway, "requests.json?service_request_id=x", token=None),
            await get(gateway, "requests/x.xml", token=other),
        ]  # fmt: skip

    answered = asked(tmp_path, work)
    assert [one.status_code for one in answered] == [503, 503, 403, 403, 403, 403, 403, 403]
    assert "api_key" in error(answered[2], 403)
    assert "policing" in error(answered[5], 403)


def test_other_media_types_are_not_read(tmp_path: Path) -> None:
    async def work(gateway: TestedGateway) -> Any:
        kinds = ("application/json", "multipart/form-data; boundary=x", "", "text/xml")
        return [await post(gateway, b"{}", headers={"Content-Type": kind}) for kind in kinds]

    for answered in asked(tmp_path, work):
        error(answered, 415)


def test_a_city_without_open311_and_a_gateway_without_receipts_have_no_door(tmp_path: Path) -> None:
    assert "code table" in error(asked(tmp_path, lambda gateway: get(gateway, "services.json"), city="puyang"), 404)
    without = asked(tmp_path / "2", lambda gateway: get(gateway, "services.json"), receipt_key=None)
    assert without.status_code == 404
    assert error(asked(tmp_path / "3", lambda gateway: get(gateway, "services.json"), rules=False), 503)


def test_a_form_makes_the_same_value_in_any_order() -> None:
    form = [
        *FORM.items(),
        ("attribute[b]", "1"),
        ("attribute[a][]", "2"),
        ("attribute[a][]", "3"),
        ("address_string", " "),
    ]
    values = {read_form(urlencode(pairs).encode()).value for pairs in (form, form[:4][::-1] + form[4:])}
    assert [json.loads(value) for value in values] == [
        {
            "service_code": "graffiti", "lat": 47.6097, "long": -122.3331, "description": "on the wall", "a": ["2", "3"],
            "b": "1",
        }
    ]  # fmt: skip


def test_nothing_of_the_person_is_in_the_value() -> None:
    person = {
        "email": "x@example.org",
        "first_name": "Ada",
        "last_name": "L",
        "phone": "13812345678",
        "device_id": "d-1",
    }
    more = {"account_id": "a-1", "api_key": "grt_secret", "jurisdiction_id": CITY, "unknown": "u-1"}
    form = read_form(urlencode(FORM | person | more).encode())
    assert json.loads(form.value).keys() == FORM.keys()
    assert form.notice == NOT_KEPT
    photo = {"media_url": "https://photos.example.org/1.jpg"}
    assert read_form(urlencode(FORM | photo).encode()).notice == UNSEEN_PHOTO
    assert read_form(urlencode(FORM | photo | {"attribute[media_sha256]": "a" * 64}).encode()).notice == ""


@settings(max_examples=200)
@given(
    st.binary(max_size=80)
    | st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9))).map(
        lambda p: urlencode(p).encode("utf-8", "replace") if p else b""
    )
)
def test_whatever_is_sent_is_a_form_or_a_problem(body: bytes) -> None:
    try:
        assert isinstance(json.loads(read_form(body).value), dict)
    except ProblemError:
        with pytest.raises(ProblemError, match=r"the body is no form|occurs twice|is no attribute|is too large"):
            read_form(body)


def test_a_token_leads_to_the_case_and_the_case_to_its_state(tmp_path: Path) -> None:
    async def work(gateway: TestedGateway) -> Any:
        assert gateway.receipts is not None
        now = int(datetime.now(UTC).timestamp() * 1000)
        tokens = [gateway.receipts.token_of(NETWORK, id_, now, 0, offset) for offset, id_ in enumerate("ABC")]
        before = await get(gateway, f"tokens/{tokens[0]}.json", token=None)
        made = replace(case("case-9", report("A", 6, NETWORK), lead=LEAD), matter="graffiti")
        gateway.index.add_case(replace(made, description="a secret text", address="a secret place"))
        gateway.index.add_rejection(NETWORK, 0, 2, "superseded")
        return (
            before,
            [
                await get(gateway, f"tokens/{tokens[0]}.json", token=None),
                await get(gateway, f"tokens/{tokens[0]}.xml", token=None),
                await get(gateway, "requests/case-9.json"),
                await get(gateway, "requests/case-9.xml", headers={"Accept-Language": "zh-CN,en;q=0.5"}),
                await get(gateway, "requests.json?service_request_id=case-9,case-8,case-9"),
                await get(gateway, "requests/case-8.json"),
                await get(gateway, "requests.json"),
                await get(gateway, f"tokens/{tokens[2]}.json", token=None),
                await get(gateway, "tokens/xyz.xml", token=None),
            ],
            tokens[0],
        )

    before, (token, in_xml, one, zh, some, unknown, every, rejected, forged), sent = asked(tmp_path, work)
    assert before.json() == [{"service_request_id": None, "token": sent}]
    assert token.json() == [{"service_request_id": "case-9", "token": sent}]
    root = ET.fromstring(in_xml.content)
    assert (root.tag, root.findtext("request/service_request_id")) == ("service_requests", "case-9")
    (said,) = one.json()
    assert (said["status"], said["service_code"], said["service_name"]) == ("open", "graffiti", "Graffiti")
    assert said["agency_responsible"] == "Department of Transportation"
    assert datetime.fromisoformat(said["requested_datetime"]).utcoffset() != timedelta(0)
    assert ET.fromstring(zh.content).findtext("request/agency_responsible") == "交通局"
    assert some.json() == one.json()
    assert "secret" not in one.text + zh.text
    error(unknown, 404)
    assert "does not list" in error(every, 400)
    assert "newer version" in error(rejected, 404)
    error(forged, 404)


def test_a_closed_case_is_a_closed_request(tmp_path: Path) -> None:
    async def work(gateway: TestedGateway) -> Any:
        made = case("case-9", report("A", 6, NETWORK), lead=LEAD)
        found: list[str] = []
        for state in ("handling", "checking", "closed", "rejected"):
            gateway.index.add_case(replace(made, state=state, revision=made.revision + len(found) + 1))
            found.append((await get(gateway, "requests/case-9.json")).json()[0]["status"])
        return found

    assert asked(tmp_path, work) == ["open", "open", "closed", "closed"]


def test_the_log_names_the_route_and_never_the_key(tmp_path: Path) -> None:
    async def work(gateway: TestedGateway) -> Any:
        await gateway.call("POST", f"/open311/v2/requests.json?api_key={gateway.token}", token=None, data=FORM)
        await get(gateway, "tokens/secret.json", token=None)
        return gateway.log, gateway.token

    log, token = asked(tmp_path, work)
    assert [one["route"] for one in log] == ["/open311/v2/requests.json", "/open311/v2/tokens/{token}.json"]
    assert (log[0]["holder"], log[0]["network"]) == ("every", NETWORK)
    assert token not in json.dumps(log)
    assert "secret" not in json.dumps(log)


def test_openapi_describes_both_formats_and_its_example_is_taken(tmp_path: Path) -> None:
    async def work(gateway: TestedGateway) -> Any:
        whole = (await gateway.call("GET", "/openapi.json")).json()
        body = whole["paths"]["/open311/v2/requests.json"]["post"]["requestBody"]["content"]
        example = body["application/x-www-form-urlencoded"]["example"]
        answers = {
            "services": await get(gateway, "services.json", token=None),
            "services/{service_code}": await get(gateway, "services/graffiti.json", token=None),
        }
        return whole, await post(gateway, example), answers

    whole, taken, answers = asked(tmp_path, work)
    paths = {path.removeprefix("/open311/v2/") for path in whole["paths"] if path.startswith("/open311")}
    assert paths == {
        f"{path}.{form}" for form in ("json", "xml")
        for path in ("services", "services/{service_code}", "requests", "requests/{service_request_id}", "tokens/{token}")
    }  # fmt: skip
    assert "Kafka" in error(taken, 503)
    for path, answered in answers.items():
        operation = whole["paths"][f"/open311/v2/{path}.json"]["get"]
        assert operation["security"] == []
        jsonschema_rs.validator_for(schema := operation["responses"]["200"]["content"]["application/json"]["schema"])
        jsonschema_rs.validate(schema, answered.json())
    listed = whole["paths"]["/open311/v2/requests.xml"]["post"]
    assert set(listed["responses"]) == {"200", "400", "403", "404", "408", "413", "415", "429", "503"}
    assert {"token": []} in listed["security"]


def test_xml_has_no_character_that_xml_cannot_write() -> None:
    text = "a\x00\x0b\ud800<&>\ufffe\U0001f6a7\n"
    root = ET.fromstring(written_xml("errors", [{"code": 1, "description": text}]))
    assert root.findtext("error/description") == "a\ufffd\ufffd\ufffd<&>\ufffd\U0001f6a7\n"
