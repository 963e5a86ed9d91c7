"""Departments over HTTP without Kafka: who may read and answer what, and what is wrong with it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.domain.feedback.reading import MAX_BYTES, read_feedback
from router.domain.model.rejection import Rejection
from router.domain.model.source_record import PlainRecord
from router.gateway.long_poll import POLLS_OF_HOLDER, LongPolls
from router.gateway.problems import ProblemError
from tests.support.cities import shipped
from tests.support.gateway import CITY, TestedGateway

DEPARTMENT, OTHER = list(shipped(CITY).catalogue.departments)[:2]
TASK = "case-1.1"
SAID: dict[str, Any] = {
    "id": "A-1",
    "task": TASK,
    "partition_key": "410902001001001",
    "kind": "accept",
    "actor": "officer-17",
    "occurred_at": datetime.now(UTC).isoformat(),
}
Work = Callable[[TestedGateway, str], Awaitable[Any]]


def with_token(folder: Path, scope: str, work: Work, **more: Any) -> Any:
    """What some work returns with a gateway and a token of this scope."""

    async def run() -> Any:
        gateway = TestedGateway(folder, **more)
        try:
            return await work(gateway, gateway.add("office", scope))
        finally:
            await gateway.close()

    return asyncio.run(run())


def said(gateway: TestedGateway, token: str, body: Any, task: str = TASK, query: str = "", **headers: str) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Content-Type": "application/json", **headers}
    return gateway.call("POST", f"/v1/tasks/{task}/feedback{query}", token=token, headers=fields, content=content)


def problem(answered: httpx.Response) -> tuple[int, str]:
    return answered.status_code, answered.json()["code"]


@pytest.mark.parametrize(
    ("scope", "query", "status", "code"),
    [
        ("report:*", "", 403, "department-not-granted"),
        ("metrics area:4109", f"?department={DEPARTMENT}", 403, "department-not-granted"),
        (f"department:{OTHER}", f"?department={DEPARTMENT}", 403, "department-not-granted"),
        (f"department:{OTHER} department:{DEPARTMENT}", "", 400, "malformed"),
        ("department:*", "", 400, "malformed"),
        ("department:*", "?department=supervision", 404, "unknown-department"),
        ("department:no-such", "", 404, "unknown-department"),
        (f"department:{DEPARTMENT}", "", 503, "kafka-away"),
        ("department:*", f"?department={DEPARTMENT}", 503, "kafka-away"),
    ],
)
def test_a_token_is_for_its_departments(tmp_path: Path, scope: str, query: str, status: int, code: str) -> None:
    async def work(gateway: TestedGateway, token: str) -> list[httpx.Response]:
        return [
            await gateway.call("GET", f"/v1/tasks{query}", token=token),
            await gateway.call("GET", f"/v1/rejections{query}", token=token),
            await said(gateway, token, SAID, query=query),
        ]

    found = with_token(tmp_path, scope, work, limit_s=1.0)
    assert [problem(one) for one in found] == [(status, code)] * 3
    assert [one.headers.get("retry-after") is not None for one in found] == [status == 503] * 3


@pytest.mark.parametrize(
    "query",
    ["after=x", "since=today", "since=2026-11-30T09:00:00", "limit=0", "limit=101", "wait=26", "wait=-1", "afer=x.1"],
)
def test_a_wrong_parameter_is_named(tmp_path: Path, query: str) -> None:
    found = with_token(
        tmp_path,
        f"department:{DEPARTMENT}",
        lambda gateway, token: gateway.call("GET", f"/v1/tasks?{query}", token=token),
    )
    assert problem(found) == (400, "malformed")
    if "afer" not in query:
        assert f"`{query.partition('=')[0]}`" in found.json()["detail"]


def test_feedback_is_rejected_with_the_sentence_of_the_first_stage(tmp_path: Path) -> None:
    wrong = {name: value for name, value in SAID.items() if name != "actor"}

    async def work(gateway: TestedGateway, token: str) -> list[httpx.Response]:
        bodies: list[Any] = [wrong, SAID | {"kind": "return"}, SAID | {"evidense": []}, b"", b" " * (MAX_BYTES + 1)]
        return [await said(gateway, token, body) for body in bodies] + [
            await said(gateway, token, SAID, task="case-1.2"),
            await said(gateway, token, SAID, **{"Content-Type": "text/plain"}),
        ]

    found = with_token(tmp_path, f"department:{DEPARTMENT}", work)
    assert [problem(one) for one in found] == [
        (422, "schema"), (422, "schema"), (422, "schema"), (422, "empty"), (413, "body-too-large"), (422, "other-task"),
        (415, "unsupported-type"),
    ]  # fmt: skip
    assert found[0].json()["errors"][0]["pointer"] == "#/actor"
    assert "`reason`: missing, and `return` needs it" in found[1].json()["detail"]
    assert {one.json()["send_again"] for one in found} == {False}


VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.lists(st.text(max_size=3), max_size=2)


@settings(max_examples=80)
@given(
    field=st.sampled_from([*SAID, "reason", "department", "limit", "evidence", "x"]),
    value=VALUES,
    cut=st.integers(0, 30),
)
def test_damaged_feedback_is_decided_as_by_the_first_stage(
    tmp_path_factory: Any, field: str, value: Any, cut: int
) -> None:
    body = json.dumps(SAID | {field: value}).encode("utf-8", "surrogatepass")
    headers = [("content-type", b"application/json")]

    async def work(gateway: TestedGateway, _: str) -> list[str]:
        found = []
        for sent in (body, body[: len(body) - cut], body[cut:]):
            try:
                await gateway.departments.answer(DEPARTMENT, TASK, sent, headers)
            except ProblemError as error:
                found.append(f"{error.code} {error.detail}" if error.kind.status == 422 else "")
        return found

    expected = []
    for sent in (body, body[: len(body) - cut], body[cut:]):
        now_ms = int(datetime.now(UTC).timestamp() * 1000)
        record = PlainRecord(
            topic=f"feedback.{DEPARTMENT}",
            partition=0,
            offset=0,
            timestamp=now_ms,
            key=b"",
            value=sent,
            headers=headers,
        )
        read = read_feedback(record, DEPARTMENT)
        if isinstance(read, Rejection):
            expected.append(f"{read.code} {read.reason}")
        else:
            expected.append("" if read.task == TASK else "other-task")
    found = with_token(Path(tmp_path_factory.mktemp("gateway")), "department:*", work, buffer_bytes=0)
    assert [one if not one.startswith("other-task") else "other-task" for one in found] == expected


def test_feedback_needs_the_acknowledgement_of_kafka(tmp_path: Path) -> None:
    async def work(gateway: TestedGateway, token: str) -> Any:
        answered = await said(gateway, token, SAID)
        return answered, gateway.log

    answered, log = with_token(tmp_path, f"department:{DEPARTMENT}", work, limit_s=1.0)
    assert problem(answered) == (503, "kafka-away")
    assert answered.json()["send_again"] is True
    assert {name: value for name, value in log[0].items() if name not in {"at", "ms"}} == {
        "method": "POST", "route": "/v1/tasks/{task}/feedback", "status": 503, "holder": "office", "department": DEPARTMENT,
    }  # fmt: skip


def test_a_token_has_a_bounded_number_of_polls() -> None:
    async def run() -> str:
        polls = LongPolls("127.0.0.1:1")
        polls._running["office"] = POLLS_OF_HOLDER
        try:
            async with polls._room("other"):
                assert polls.number == POLLS_OF_HOLDER + 1
            async with polls._room("office"):
                return "taken"
        except ProblemError as problem:
            assert polls.number == POLLS_OF_HOLDER
            return problem.code

    assert asyncio.run(run()) == "too-many-requests"


def test_openapi_describes_what_departments_read_and_write(tmp_path: Path) -> None:
    async def work(gateway: TestedGateway, token: str) -> Any:
        whole = (await gateway.call("GET", "/openapi.json")).json()
        content = whole["paths"]["/v1/tasks/{task}/feedback"]["post"]["requestBody"]["content"]["application/json"]
        jsonschema_rs.validator_for({**content["schema"], "components": whole["components"]}).validate(
            content["example"]
        )
        example = content["example"] | {"occurred_at": SAID["occurred_at"]}
        return whole, await said(gateway, token, example, task=example["task"])

    whole, answered = with_token(tmp_path, f"department:{DEPARTMENT}", work, limit_s=1.0)
    assert problem(answered) == (503, "kafka-away")
    for path in ("/v1/tasks", "/v1/rejections"):
        operation = whole["paths"][path]["get"]
        assert {"200", "401", "403", "404", "410", "429", "503"} <= set(operation["responses"])
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        member = next(iter(schema["properties"]))
        jsonschema_rs.validator_for({**schema, "components": whole["components"]}).validate({member: [], "next": "x.1"})


def test_a_parameter_that_would_be_ignored_is_rejected(tmp_path: Path) -> None:
    """Rejections have no unit."""

    async def work(gateway: TestedGateway, token: str) -> list[httpx.Response]:
        paths = ("/v1/tasks?unit=u1", "/v1/rejections?unit=u1")
        return [await gateway.call("GET", path, token=token) for path in paths]

    answers = with_token(tmp_path, f"department:{DEPARTMENT}", work)
    assert [problem(one) for one in answers] == [(503, "kafka-away"), (400, "malformed")]
