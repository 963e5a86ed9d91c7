"""Receipts over HTTP without Kafka: who may read them, and what they say."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from msgspec.structs import replace

from router.gateway.receipts import SOON_S
from tests.support.cases import case, report
from tests.support.cities import shipped
from tests.support.gateway import CITY, TestedGateway

NETWORK, ID = "policing", "J-2026-1"
LEAD = next(iter(shipped(CITY).catalogue.departments))


def asked(folder: Path, work: Callable[[TestedGateway], Awaitable[Any]], **more: Any) -> Any:
    async def run() -> Any:
        gateway = TestedGateway(folder, **{"ready": True, **more})
        try:
            return await work(gateway)
        finally:
            await gateway.close()

    return asyncio.run(run())


def token(gateway: TestedGateway, age_s: float = 0) -> str:
    assert gateway.receipts is not None
    return gateway.receipts.token_of(NETWORK, ID, int((time.time() - age_s) * 1000), 0, 5)


async def read(gateway: TestedGateway, of: str) -> Any:
    return await gateway.call("GET", f"/v1/receipts/{of}", token=None)


def test_a_receipt_says_with_whom_its_case_is_and_nothing_of_it(tmp_path: Path) -> None:
    async def work(gateway: TestedGateway) -> Any:
        made = case("case-77", report(ID, 5, NETWORK), report("J-2", 6, NETWORK), lead=LEAD)
        gateway.index.add_case(replace(made, description="a secret text", revision=4))
        answered = await read(gateway, token(gateway))
        schema = (await gateway.call("GET", "/openapi.json")).json()
        return answered, schema, gateway.log[:1]

    answered, description, log = asked(tmp_path, work)
    assert answered.status_code == 200
    assert answered.headers["cache-control"] == "no-store"
    body = answered.json()
    name = shipped(CITY).catalogue.departments[LEAD].name
    assert (body["stage"], body["reports"]) == ("dispatched", 2)
    assert body["departments"] == [{"department": LEAD, "role": "lead", "name": {"en": name.en, "zh": name.zh}}]
    assert name.en in body["said"]["en"]
    assert str(name.zh) in body["said"]["zh"]
    for secret in (ID, "case-77", "060371001001001", "secret", "graffiti"):
        assert secret not in answered.text
    schema = {"$ref": "#/components/schemas/ReportProgress", "components": description["components"]}
    jsonschema_rs.validator_for(schema).validate(body)
    operation = description["paths"]["/v1/receipts/{token}"]["get"]
    assert operation["security"] == []
    assert {"200", "404", "503"} <= set(operation["responses"])
    assert [(line["route"], line["status"], line.get("holder")) for line in log] == [
        ("/v1/receipts/{token}", 200, None)
    ]


def test_another_gateway_answers_the_same_after_a_restart(tmp_path: Path) -> None:
    """The key alone is kept; the cases come from Kafka."""

    async def made(gateway: TestedGateway) -> str:
        return token(gateway)

    async def ask(gateway: TestedGateway, of: str) -> Any:
        gateway.index.add_case(case("c", report(ID, 5, NETWORK), lead=LEAD))
        return (await read(gateway, of)).json()

    given = asked(tmp_path / "1", made)
    said = [asked(tmp_path / f"{number}", lambda gateway: ask(gateway, given)) for number in (2, 3)]
    assert said[0] == said[1]
    assert said[0]["stage"] == "dispatched"
    other_key = asked(tmp_path / "4", lambda gateway: read(gateway, given), receipt_key=bytes(64))
    assert (other_key.status_code, other_key.json()["code"]) == (404, "unknown-receipt")


def test_without_a_case_a_receipt_says_what_is_known(tmp_path: Path) -> None:
    async def work(gateway: TestedGateway) -> list[Any]:
        soon, late = token(gateway), token(gateway, SOON_S + 60)
        found = [await read(gateway, soon), await read(gateway, late)]
        gateway.index.add_rejection(NETWORK, 0, 5, "unknown-code")
        found.append(await read(gateway, soon))
        known = replace(report(ID, 9, NETWORK), received_at=datetime.now(UTC))
        gateway.index.add_case(case("c", known, lead=LEAD))
        found.append(await read(gateway, soon))
        return [one.json() for one in found]

    found = asked(tmp_path, work)
    assert [one["stage"] for one in found] == ["received", "unknown", "rejected", "dispatched"]
    assert [one.get("rejected") for one in found] == [None, None, "unknown-code", "unknown-code"]
    assert all(one["said"]["zh"].startswith("上报已于") for one in found)
    assert [one.get("departments") is None for one in found] == [True, True, True, False]


@pytest.mark.parametrize("wrong", ["x", "A" * 80, "A" * 4000, "%00", "..%2f..%2fmetrics", "é"])
def test_what_no_gateway_has_given_is_not_found(tmp_path: Path, wrong: str) -> None:
    async def work(gateway: TestedGateway) -> Any:
        return [await read(gateway, wrong), await gateway.call("POST", f"/v1/receipts/{token(gateway)}", token=None)]

    found, posted = asked(tmp_path, work)
    assert found.status_code == 404
    assert found.json()["code"] in {"unknown-receipt", "not-found"}
    assert posted.status_code == 405


def test_before_the_cases_are_read_a_gateway_is_not_ready(tmp_path: Path) -> None:
    async def work(gateway: TestedGateway) -> Any:
        return [await read(gateway, token(gateway)), await gateway.call("GET", "/readyz", token=None)]

    found, ready = asked(tmp_path, work, ready=False)
    assert (found.status_code, found.json()["code"]) == (503, "not-ready")
    assert found.headers["retry-after"]
    assert ready.status_code == 503


def test_without_keys_there_are_no_receipts(tmp_path: Path) -> None:
    async def work(gateway: TestedGateway) -> Any:
        return await read(gateway, "A" * 80), (await gateway.call("GET", "/openapi.json")).json()["paths"]

    found, paths = asked(tmp_path, work, receipt_key=None)
    assert (found.status_code, found.json()["code"]) == (404, "not-found")
    assert "/v1/receipts/{token}" not in paths
