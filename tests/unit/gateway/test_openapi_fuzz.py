"""Requests that schemathesis makes of the OpenAPI description, right ones and wrong ones: each answer is one of the described ones.

No broker runs. So a report that would be taken is answered with the described 503, and the long polls with it, too.
"""

import asyncio
import json
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.generation.case import Case

from tests.support.cities import shipped
from tests.support.gateway import CITY, TestedGateway

EXAMPLES = 8
"""Requests of each operation and mode."""
UNAVAILABLE = {"kafka-away", "not-ready"}
NETWORKS = ("policing", "environment")
"""Networks that are fuzzed, of eleven alike: a flat schema, and one with two kinds of report."""
SKIPPED = {f"/v1/reports/{network}" for network in shipped(CITY).codes if network not in NETWORKS}


def asked(gateway: TestedGateway, runner: asyncio.Runner, case: Case) -> httpx.Response:
    """The answer to a request, with a token of all rights."""
    made = case.as_transport_kwargs(base_url="http://gateway")
    headers = {"Content-Type": "application/json"} if "json" in made else {}
    if isinstance(form := made.get("data"), dict):
        headers, made["data"] = {"Content-Type": "application/x-www-form-urlencoded"}, urlencode(form, doseq=True)
    headers |= {name: value for name, value in (made.get("headers") or {}).items() if name.lower() != "authorization"}
    content = json.dumps(made["json"]) if "json" in made else made.get("data") or b""
    return runner.run(
        gateway.call(
            made["method"],
            made["url"],
            token=gateway.every,
            headers=headers,
            params=made.get("params"),
            content=content,  # type: ignore[attr-defined]
        )
    )


def is_unavailable(answer: httpx.Response) -> bool:
    """Whether it says that Kafka is away: a problem by its code, the errors of Open311 by the status."""
    said = answer.json() if "json" in answer.headers["content-type"] else None
    return said["code"] in UNAVAILABLE if isinstance(said, dict) else answer.status_code == 503


def described(whole: dict[str, Any], operation: dict[str, Any], answer: httpx.Response) -> None:
    """Asserted: the description has the status, and the answer its schema."""
    said = operation["responses"].get(str(answer.status_code))
    assert said is not None, (answer.status_code, answer.text)
    media_type = answer.headers["content-type"].partition(";")[0]
    content = said.get("content", {}).get(media_type)
    if media_type.endswith("json") and content is not None and content.get("schema"):
        jsonschema_rs.validator_for({**content["schema"], "components": whole["components"]}).validate(answer.json())


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_answer_is_described_and_none_is_a_defect(tmp_path: Path, mode: GenerationMode) -> None:
    with asyncio.Runner() as runner:
        gateway = runner.run(_gateway(tmp_path))
        try:
            whole = runner.run(gateway.call("GET", "/openapi.json")).json()
            kept = {path: one for path, one in whole["paths"].items() if path not in SKIPPED}
            for found in schemathesis.openapi.from_dict({**whole, "paths": kept}).get_all_operations():
                _fuzz(gateway, runner, whole, found.ok(), mode)
        finally:
            runner.run(gateway.close())


async def _gateway(folder: Path) -> TestedGateway:
    gateway = TestedGateway(folder, gateway_rate=100_000, ready=True, limit_s=0.2)
    gateway.every = gateway.add("all", "report:* department:* metrics")  # type: ignore[attr-defined]
    return gateway


def _fuzz(gateway: TestedGateway, runner: asyncio.Runner, whole: dict[str, Any], operation: Any, mode: Any) -> None:
    raw = whole["paths"][operation.path][operation.method]
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=checks,
    )
    @given(operation.as_strategy(generation_mode=mode))
    def one(case: Case) -> None:
        answer = asked(gateway, runner, case)
        assert answer.status_code != 401  # the request is judged, not only its token
        if answer.status_code >= 500:
            assert operation.path == "/readyz" or is_unavailable(answer), answer.text
        if answer.status_code not in {404, 405}:  # another path or method is none of this operation
            described(whole, raw, answer)

    with suppress(Unsatisfiable) if mode is GenerationMode.NEGATIVE and "requestBody" not in raw else nullcontext():
        one()  # nothing can be wrong about a request that says nothing
