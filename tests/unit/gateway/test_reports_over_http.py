"""The application of the gateway without Kafka: who may send what, and what is wrong with it."""

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest

from router.domain.intake.normalise import MAX_BYTES
from router.gateway import app, http_request
from router.gateway.app import MAX_BATCH_BYTES
from router.gateway.http_request import BodyReader
from router.gateway.intake import MAX_BATCH, Intake
from router.gateway.openapi import described
from router.gateway.problems import PROBLEM_KINDS
from router.gateway.token_file import add_token
from tests.support.cities import shipped
from tests.support.city_messages import CALL, PROBLEM, WHISTLE
from tests.support.gateway import CITY, TestedGateway
from tests.support.samples import sample

NETWORK = "urban-management"
WRONG = PROBLEM | {"reportTime": "2026-13-24 08:58:00"}
Ask = Callable[[TestedGateway], Awaitable[httpx.Response]]


def answer(folder: Path, ask: Ask, **settings: Any) -> httpx.Response:
    """The answer of a gateway to one request."""
    return answers(folder, ask, **settings)[0]


def answers(folder: Path, *asked: Ask, **settings: Any) -> list[httpx.Response]:
    """The answers of one gateway, one after the other."""

    async def run() -> list[httpx.Response]:
        gateway = TestedGateway(folder, **settings)
        try:
            return [await ask(gateway) for ask in asked]
        finally:
            await gateway.close()

    return asyncio.run(run())


def problem(answered: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem details of an answer that has this status and code."""
    assert (answered.status_code, answered.headers["content-type"]) == (status, "application/problem+json")
    details: dict[str, Any] = answered.json()
    assert (details["status"], details["code"], details["type"]) == (status, code, f"urn:grid-router:problem:{code}")
    assert details["title"].endswith(".")
    assert details["detail"].endswith(".")
    return details


def test_what_the_router_would_reject_is_rejected_with_its_sentence(tmp_path: Path) -> None:
    details = problem(answer(tmp_path, lambda gateway: gateway.send(NETWORK, WRONG)), 422, "bad-time")
    sentence = "field `reportTime`: not a real time of the years 1970 to 2199 in the form 2018-01-01 00:00:09; send it as schemas/reports/urban-management.v1.json describes."
    assert details["detail"] == sentence
    assert details["errors"] == [{"pointer": "#/reportTime", "detail": sentence}]
    assert details["send_again"] is False


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        (b"", "empty", None),
        (b"{", "not-json", None),
        (b"[]", "schema", None),
        (b"\xff\xfe", "not-utf8", None),
        (json.dumps(PROBLEM | {"photos": [{"url": "x", "sha256": "y"}]}).encode(), "schema", "#/photos/0/url"),
        (json.dumps(PROBLEM | {"taskNum": "two words"}).encode(), "bad-id", "#/taskNum"),
        (json.dumps(PROBLEM | {"eventCode": "4109029999", "codeVersion": "none"}).encode(), "unknown-code", None),
        (json.dumps(PROBLEM | {"reporterRef": "410902199001011234"}).encode(), "personal-data", "#/reporterRef"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "not-json", None),
    ],
)
def test_a_problem_names_the_field_that_is_wrong(tmp_path: Path, body: bytes, code: str, pointer: str | None) -> None:
    details = problem(answer(tmp_path, lambda gateway: gateway.send(NETWORK, body)), 422, code)
    assert [one["pointer"] for one in details.get("errors", [])] == ([] if pointer is None else [pointer])


def test_without_kafka_a_sound_report_is_not_taken(tmp_path: Path) -> None:
    answered = answer(tmp_path, lambda gateway: gateway.send(NETWORK, PROBLEM))
    assert problem(answered, 503, "kafka-away")["send_again"] is True
    assert int(answered.headers["retry-after"]) > 0


def test_before_the_rules_are_read_no_report_is_taken(tmp_path: Path) -> None:
    ready, sent = answers(
        tmp_path, lambda gateway: gateway.call("GET", "/readyz", token=None),
        lambda gateway: gateway.send(NETWORK, PROBLEM), rules=False,
    )  # fmt: skip
    assert ready.status_code == 503
    problem(sent, 503, "not-ready")
    assert sent.headers["retry-after"]


def test_a_full_buffer_takes_no_report(tmp_path: Path) -> None:
    answered = answer(tmp_path, lambda gateway: gateway.send(NETWORK, PROBLEM), buffer_bytes=10)
    problem(answered, 503, "buffer-full")
    assert answered.headers["retry-after"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/reports/policing"),
        ("POST", "/v1/reports:batch"),
        ("GET", "/openapi.json"),
        ("GET", "/metrics"),
        ("GET", "/x"),
        ("PUT", "/"),
    ],
)
@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Bearer grt_x", "Basic eDp5", "bearer a b", "Bearer \xff"]
)
def test_nothing_is_readable_without_a_token(tmp_path: Path, method: str, path: str, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization.encode("latin-1")}
    answered = answer(tmp_path, lambda gateway: gateway.call(method, path, token=None, headers=headers))
    problem(answered, 401, "unauthorized")
    assert answered.headers["www-authenticate"].startswith("Bearer")


def test_the_probes_need_no_token(tmp_path: Path) -> None:
    alive, ready = answers(
        tmp_path,
        lambda gateway: gateway.call("GET", "/livez", token=None),
        lambda gateway: gateway.call("GET", "/readyz", token=None),
    )
    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json()) == (503, {"status": "not ready"})  # no broker answers


def test_a_token_is_for_its_networks_and_areas(tmp_path: Path) -> None:
    def with_scope(scope: str, network: str, report: dict[str, Any]) -> Ask:
        async def ask(gateway: TestedGateway) -> httpx.Response:
            token = gateway.add(f"app-{len(gateway.tokens.read_text().splitlines())}", scope)
            return await gateway.send(network, report, token=token)

        return ask

    other, outside, inside, anywhere = answers(
        tmp_path,
        with_scope("report:policing", NETWORK, PROBLEM),
        with_scope(f"report:{NETWORK} area:410922", NETWORK, PROBLEM),
        with_scope(f"report:{NETWORK} area:410922 area:410902001", NETWORK, PROBLEM),
        with_scope("report:policing", "policing", CALL),
    )
    assert "policing" in problem(other, 403, "network-not-granted")["detail"]
    assert "410902001001001" in problem(outside, 403, "area-not-granted")["detail"]
    problem(inside, 503, "kafka-away")  # it got so far
    problem(anywhere, 503, "kafka-away")


@pytest.mark.parametrize("network", ["hotline", "polcing", "%2e%2e", "policing%00"])
def test_an_unknown_network_is_named(tmp_path: Path, network: str) -> None:
    answered = answer(tmp_path, lambda gateway: gateway.send(network, PROBLEM))
    assert "policing" in problem(answered, 404, "unknown-network")["detail"]


def test_other_paths_and_methods_are_problems_too(tmp_path: Path) -> None:
    path, method, slash = answers(
        tmp_path,
        lambda gateway: gateway.call("GET", "/v1/nothing"),
        lambda gateway: gateway.call("GET", "/v1/reports/policing"),
        lambda gateway: gateway.call("POST", "/v1/reports/policing/"),
    )
    problem(path, 404, "not-found")
    problem(method, 405, "method-not-allowed")
    problem(slash, 404, "not-found")


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ({"Content-Type": "text/plain"}, b"{}", 415, "unsupported-type"),
        ({"Content-Type": "application/xml"}, b"<a/>", 415, "unsupported-type"),
        ({"Content-Type": "application/cloudevents+xml"}, b"<a/>", 415, "unsupported-type"),
        ({"Content-Type": "application/cloudevents-batch+json"}, b"{}", 400, "malformed"),
        ({"Content-Encoding": "gzip"}, gzip.compress(b" " * (64 << 20)), 415, "unsupported-type"),
        ({"Content-Encoding": "gzip, identity"}, b"{}", 415, "unsupported-type"),
        ({}, b" " * (MAX_BYTES + 1), 413, "body-too-large"),
        ({"Content-Type": "application/json; charset=latin-1"}, b"{}", 422, "bad-charset"),
        ({"Idempotency-Key": "x" * 256}, b"{}", 400, "malformed"),
        ({"Idempotency-Key": '""'}, b"{}", 400, "malformed"),
    ],
)
def test_a_request_that_is_not_read(
    tmp_path: Path, headers: dict[str, str], body: bytes, status: int, code: str
) -> None:
    problem(answer(tmp_path, lambda gateway: gateway.send(NETWORK, body, headers=headers)), status, code)


def test_a_body_without_a_length_is_read_no_further_than_the_limit(tmp_path: Path) -> None:
    read = 0

    async def endless() -> Any:
        nonlocal read
        while True:
            read += 64 << 10
            yield b" " * (64 << 10)

    async def ask(gateway: TestedGateway) -> httpx.Response:
        headers = {"Content-Type": "application/json"}
        return await gateway.call("POST", f"/v1/reports/{NETWORK}", headers=headers, content=endless())

    problem(answer(tmp_path, ask), 413, "body-too-large")
    assert read <= MAX_BYTES + (128 << 10)


def test_a_body_that_does_not_arrive_ends_the_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_request, "BODY_S", 0.05)

    async def slow() -> Any:
        yield b"{"
        await asyncio.sleep(60)

    async def ask(gateway: TestedGateway) -> httpx.Response:
        headers = {"Content-Type": "application/json"}
        return await gateway.call("POST", f"/v1/reports/{NETWORK}", headers=headers, content=slow())

    problem(answer(tmp_path, ask), 408, "timeout")


def test_bodies_that_arrive_at_once_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of 60 kB do not fit into 100 kB together, and each fits alone."""
    first_has_begun = asyncio.Event()
    body = json.dumps(PROBLEM | {"padding": "x" * 60_000}).encode()
    monkeypatch.setattr(app, "BodyReader", partial(BodyReader, 100_000))

    async def held() -> Any:
        yield body[:59_000]
        first_has_begun.set()
        await second_is_answered.wait()
        yield body[59_000:]

    second_is_answered = asyncio.Event()

    async def run() -> list[httpx.Response]:
        gateway = TestedGateway(tmp_path)
        path, headers = f"/v1/reports/{NETWORK}", {"Content-Type": "application/json"}
        first = asyncio.create_task(gateway.call("POST", path, headers=headers, content=held()))
        await first_has_begun.wait()
        second = await gateway.call("POST", path, headers=headers, content=body)
        second_is_answered.set()
        third = [await first, await gateway.call("POST", path, headers=headers, content=body)]
        await gateway.close()
        return [second, *third]

    second, first, third = asyncio.run(run())
    problem(second, 503, "buffer-full")
    problem(first, 503, "kafka-away")
    problem(third, 503, "kafka-away")


def test_a_connection_that_ends_before_its_body_is_no_defect(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run() -> list[Any]:
        gateway = TestedGateway(tmp_path)
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        fields = [(b"authorization", f"Bearer {gateway.token}".encode()), (b"content-type", b"application/json")]
        scope = {
            "type": "http",
            "method": "POST",
            "path": f"/v1/reports/{NETWORK}",
            "headers": fields,
            "query_string": b"",
        }
        await gateway.door(scope, receive, send)
        await gateway.close()
        return sent

    assert asyncio.run(run())[0]["status"] == 400
    assert "Traceback" not in capsys.readouterr().out


def test_a_field_that_stands_twice_counts_as_in_the_first_stage(tmp_path: Path) -> None:
    """The last one counts there, and the gateway runs the same translation: also for the area of the token."""
    twice = json.dumps(PROBLEM)[:-1] + ', "reportTime": "no time"}'

    async def elsewhere(gateway: TestedGateway) -> httpx.Response:
        body = '{"cellCode": "410922001001001", ' + json.dumps(PROBLEM)[1:]
        return await gateway.send(NETWORK, body.encode(), token=gateway.add("narrow", f"report:{NETWORK} area:410922"))

    wrong, foreign = answers(tmp_path, lambda gateway: gateway.send(NETWORK, twice.encode()), elsewhere)
    problem(wrong, 422, "bad-time")
    problem(foreign, 403, "area-not-granted")


def test_who_sends_too_much_waits(tmp_path: Path) -> None:
    """A rate of 0.2 reports a second gives two at once; another token has a bucket of its own."""

    async def other(gateway: TestedGateway) -> httpx.Response:
        return await gateway.send(NETWORK, WRONG, token=gateway.add("other", "report:*"))

    def send(gateway: TestedGateway) -> Awaitable[httpx.Response]:
        return gateway.send(NETWORK, WRONG)

    *first, limited, other_token = answers(tmp_path, send, send, send, other, gateway_rate=0.2)
    assert [one.status_code for one in first] == [422, 422]
    problem(limited, 429, "too-many-requests")
    assert 1 <= int(limited.headers["retry-after"]) <= 5
    assert other_token.status_code == 422


def test_each_report_of_a_batch_is_answered_by_itself_in_order(tmp_path: Path) -> None:
    items = [
        {"network": NETWORK, "report": WRONG},
        {"network": "policing", "report": CALL},
        {"network": "hotline", "report": {}},
        {"network": NETWORK, "reprot": {}},
        {"network": NETWORK, "report": PROBLEM, "idempotency_key": ""},
        5,
    ]
    answered = answer(tmp_path, lambda gateway: gateway.send_batch(*items))
    assert answered.status_code == 200
    results = answered.json()["results"]
    assert [(one["index"], one["outcome"], one["problem"]["code"]) for one in results] == [
        (0, "rejected", "bad-time"),
        (1, "unavailable", "kafka-away"),
        (2, "rejected", "unknown-network"),
        (3, "rejected", "malformed"),
        (4, "rejected", "malformed"),
        (5, "rejected", "malformed"),
    ]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed"),
        (b"[]", 400, "malformed"),
        (b'{"reports": 1}', 400, "malformed"),
        (b'{"reports": [], "more": 1}', 400, "malformed"),
        (b'{"reports": [\xff]}', 400, "malformed"),
        (b'{"reports": ' + b"[" * 100_000, 400, "malformed"),
        (b'{"reports": [' + b",".join([b"{}"] * (MAX_BATCH + 1)) + b"]}", 413, "batch-too-long"),
        (b" " * (MAX_BATCH_BYTES + 1), 413, "body-too-large"),
    ],
)
def test_a_batch_that_is_not_read(tmp_path: Path, body: bytes, status: int, code: str) -> None:
    headers = {"Content-Type": "application/json"}
    answered = answer(
        tmp_path, lambda gateway: gateway.call("POST", "/v1/reports:batch", headers=headers, content=body)
    )
    problem(answered, status, code)


def test_each_event_of_a_batch_is_answered_by_itself(tmp_path: Path) -> None:
    event = {"specversion": "1.0", "id": "1", "source": "/apps/x", "type": "x"}
    events = [event | {"data": WRONG}, event, PROBLEM | {"taskNum": "two words"}, event | {"data": PROBLEM}]
    headers = {"Content-Type": "application/cloudevents-batch+json"}
    answered = answer(tmp_path, lambda gateway: gateway.send(NETWORK, events, headers=headers))
    assert [one["problem"]["code"] for one in answered.json()["results"]] == [
        "bad-time",
        "schema",
        "bad-id",
        "kafka-away",
    ]


def test_an_empty_batch_has_no_results(tmp_path: Path) -> None:
    assert answer(tmp_path, lambda gateway: gateway.send_batch()).json() == {"results": []}


def test_a_batch_of_which_kafka_takes_nothing_is_unavailable(tmp_path: Path) -> None:
    items = [{"network": NETWORK, "report": PROBLEM | {"taskNum": f"CG-{number % 2}"}} for number in range(4)]
    answered = answer(tmp_path, lambda gateway: gateway.send_batch(*items))
    problem(answered, 503, "kafka-away")
    assert answered.headers["retry-after"]


def test_the_access_log_names_no_person_no_id_and_no_token(tmp_path: Path) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    async def run() -> list[dict[str, Any]]:
        gateway = TestedGateway(tmp_path)
        await gateway.send(NETWORK, WRONG, headers={"traceparent": trace, "Idempotency-Key": "secret-key"})
        await gateway.call("GET", "/13912345678/person?token=abc")
        await gateway.call("GET", "/livez", token=None)
        await gateway.call("BREW", "/", token="grt_wrong")
        await gateway.close()
        return gateway.log

    log = asyncio.run(run())
    assert [{name: one for name, one in line.items() if name not in {"at", "ms"}} for line in log] == [
        {
            "method": "POST", "route": f"/v1/reports/{NETWORK}", "status": 422, "holder": "every", "network": NETWORK,
            "trace": "0af7651916cd43dd8448eb211c80319c",
        },
        {"method": "GET", "route": "none", "status": 404, "holder": "every"},
        {"method": "other", "route": "none", "status": 401},
    ]  # fmt: skip


@pytest.mark.parametrize("failing", ["take", "check_rate"])
def test_a_defect_is_a_problem_that_keeps_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("a defect")

    monkeypatch.setattr(Intake, failing, fail)
    details = problem(answer(tmp_path, lambda gateway: gateway.send(NETWORK, PROBLEM)), 500, "defect")
    assert details["send_again"] is True
    assert "RuntimeError" not in str(details)
    assert capsys.readouterr().out.count("RuntimeError: a defect") == 1


def test_the_metrics_count_requests_and_reports_and_need_their_scope(tmp_path: Path) -> None:
    async def run() -> tuple[httpx.Response, str]:
        gateway = TestedGateway(tmp_path)
        await gateway.send(NETWORK, WRONG)
        await gateway.send("x" * 50, WRONG)
        await gateway.send_batch({"network": NETWORK, "report": WRONG}, {"network": "policing", "report": CALL}, 5)
        await gateway.call("GET", "/unknown/path")
        foreign = await gateway.call("GET", "/metrics")
        text = (await gateway.call("GET", "/metrics", token=gateway.add("prometheus", "metrics"))).text
        await gateway.close()
        return foreign, text

    foreign, text = asyncio.run(run())
    problem(foreign, 403, "metrics-not-granted")
    lines = {line for line in text.splitlines() if line.startswith("grid_gateway_") and "_created" not in line}
    assert lines >= {
        'grid_gateway_reports_total{network="urban-management",outcome="bad-time"} 2.0',
        'grid_gateway_reports_total{network="policing",outcome="kafka-away"} 1.0',
        'grid_gateway_reports_total{network="unknown",outcome="unknown-network"} 1.0',
        'grid_gateway_reports_total{network="unknown",outcome="malformed"} 1.0',
        'grid_gateway_requests_total{route="/v1/reports/urban-management",status="422"} 1.0',
        'grid_gateway_requests_total{route="/v1/reports/{network}",status="404"} 1.0',
        'grid_gateway_requests_total{route="/v1/reports:batch",status="200"} 1.0',
        'grid_gateway_requests_total{route="none",status="404"} 1.0',
        'grid_gateway_requests_total{route="/metrics",status="403"} 1.0',
        "grid_gateway_waiting_bytes 0.0",
    }


def test_changed_tokens_count_and_a_wrong_file_changes_nothing(tmp_path: Path) -> None:
    async def run() -> list[int]:
        gateway = TestedGateway(tmp_path)
        added = add_token(gateway.tokens, "later", "report:*")
        found = [(await gateway.call("GET", "/openapi.json", token=added)).status_code]
        for text in (None, "no token\n", ""):
            if text is not None:
                gateway.tokens.write_text(text)
            gateway.authenticator.look()
            found.append((await gateway.call("GET", "/openapi.json", token=added)).status_code)
        await gateway.close()
        return found

    assert asyncio.run(run()) == [401, 200, 200, 401]


def description(folder: Path) -> dict[str, Any]:
    async def run() -> dict[str, Any]:
        gateway = TestedGateway(folder)
        found: dict[str, Any] = (await gateway.call("GET", "/openapi.json")).json()
        assert found == json.loads(json.dumps(described(gateway.app, {})))
        await gateway.close()
        return found

    return asyncio.run(run())


def test_openapi_describes_every_network_and_its_examples_would_be_accepted(tmp_path: Path) -> None:
    whole = description(tmp_path)
    bodies = {
        path: operation["post"]["requestBody"]["content"]
        for path, operation in whole["paths"].items()
        if "post" in operation and path.startswith("/v1/reports")
    }
    assert {path.rpartition("/")[2] for path in bodies} - {"reports:batch"} == set(shipped(CITY).codes)
    for path, content in bodies.items():
        for media, described_body in content.items():
            schema = {**described_body["schema"], "components": whole["components"]}
            jsonschema_rs.validator_for(schema).validate(described_body["example"])

            async def ask(
                gateway: TestedGateway, to: str = path, kind: str = media, body: Any = described_body
            ) -> httpx.Response:
                return await gateway.call(
                    "POST", to, headers={"Content-Type": kind}, content=json.dumps(body["example"])
                )

            problem(answer(tmp_path / path.rpartition("/")[2] / media.rpartition("/")[2], ask), 503, "kafka-away")


def test_openapi_lists_what_the_operations_may_answer(tmp_path: Path) -> None:
    whole = description(tmp_path)
    listed = set(whole["paths"]["/v1/reports/policing"]["post"]["responses"])
    assert listed == {"200", "202", "422", *(str(kind.status) for kind in PROBLEM_KINDS.values())} - {
        "404",
        "405",
        "410",
        "500",
    }
    schema = {"$ref": "#/components/schemas/ProblemDetails", "components": whole["components"]}
    jsonschema_rs.validator_for(schema).validate(answer(tmp_path / "more", lambda g: g.send(NETWORK, WRONG)).json())
    assert whole["security"] == [{"token": []}]


def test_a_sample_in_gb18030_is_read_with_its_charset(tmp_path: Path) -> None:
    one = sample("petitions-gb18030")
    headers = {"Content-Type": "application/json; charset=GB18030"}
    with_charset, without = answers(
        tmp_path,
        lambda gateway: gateway.send(one.network, one.value, headers=headers),
        lambda gateway: gateway.send(one.network, one.value),
    )
    problem(with_charset, 503, "kafka-away")
    problem(without, 422, "not-utf8")


def test_whistle_of_another_network_is_no_report_of_this_one(tmp_path: Path) -> None:
    problem(answer(tmp_path, lambda gateway: gateway.send(NETWORK, WHISTLE)), 422, "bad-id")
