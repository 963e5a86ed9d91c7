"""The gateway with a real Kafka: what is acknowledged is on the network's topic, once in a case, and never lost."""

import asyncio
import gc
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from msgspec.structs import replace

from router.broker import server
from router.cities.folder import city_folder
from router.cities.packing import pack
from router.cli.demo_gateway import running_gateway
from router.domain.model.case import Case
from router.domain.model.rejection import Rejection
from router.domain.networks.registry import NETWORKS
from router.domain.rules.rule_sets import RuleSets
from router.gateway.intake import EARLIER
from router.rule_sets.bootstrap import rule_set_from_folder
from router.rule_sets.store import publish
from router.simulator.messages import SourceMessage
from router.wire.codec import encode_archived, encode_case, encode_task, encode_tombstone
from router.wire.rejections import encode_rejection
from router.wire.settings import Settings
from router.wire.topic_names import Names
from tests.replay.history import History
from tests.replay.sources import Sourced
from tests.support.broker import free_ports
from tests.support.cases import case as case_of
from tests.support.cases import report as report_of
from tests.support.cases import task as task_of
from tests.support.cities import shipped
from tests.support.city_messages import CALL, PROBLEM, WHISTLE
from tests.support.gateway import CITY, TestedGateway
from tests.support.gateway_page import GatewayOfPage, gateway_of_page
from tests.support.patience import PATIENCE_S
from tests.support.repository import ROOT
from tests.support.topics import committed, create_topics
from tests.unit.docs.markdown import code_blocks

pytestmark = pytest.mark.broker
NETWORK = "urban-management"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
BEGUN = datetime.now(UTC)


@pytest.fixture
def names(kafka: str, namespace: str) -> Names:
    """Names of topics that exist: of two networks, and of the rule sets."""
    names = Names(namespace)
    asyncio.run(create_topics(kafka, names.reports(NETWORK), names.reports("policing"), names.rule_sets))
    return names


def through(
    folder: Path, kafka: str, names: Names, work: Callable[[TestedGateway], Awaitable[Any]], **more: Any
) -> Any:
    """What some work with a gateway returns."""

    async def run() -> Any:
        gateway = TestedGateway(folder, kafka, names, **more)
        try:
            return await work(gateway)
        finally:
            await gateway.close()

    return asyncio.run(run())


def test_a_report_is_on_its_topic_with_key_and_headers(kafka: str, names: Names, tmp_path: Path) -> None:
    body = json.dumps(PROBLEM, indent=2).encode()
    headers = {"traceparent": TRACE, "tracestate": "a=1", "grid-redriven": "x", "X-Other": "y"}
    answered = through(tmp_path, kafka, names, lambda gateway: gateway.send(NETWORK, body, headers=headers))
    assert answered.status_code == 202, answered.text
    receipt = answered.json()
    (record,) = committed(kafka, names.reports(NETWORK))
    assert (record.key, record.value) == (b"CG-1", body)
    found = dict(record.headers)
    assert found.pop("grid-received-at").decode() == datetime.fromisoformat(receipt["received_at"]).isoformat(
        timespec="milliseconds"
    )
    assert found == {
        "content-type": b"application/json",
        "traceparent": TRACE.encode(),
        "tracestate": b"a=1",
        "ce_traceparent": TRACE.encode(),  # the gateway is where the report enters
        "ce_tracestate": b"a=1",
    }
    assert (receipt["network"], receipt["id"]) == (NETWORK, "CG-1")
    assert (receipt["topic"], receipt["partition"], receipt["offset"]) == (
        record.topic,
        record.partition,
        record.offset,
    )


def test_events_keep_their_mode(kafka: str, names: Names, tmp_path: Path) -> None:
    event = {"specversion": "1.0", "id": "7", "source": "/apps/x", "type": "x", "data": PROBLEM}

    async def work(gateway: TestedGateway) -> list[int]:
        structured = {"Content-Type": "application/cloudevents+json; charset=utf-8"}
        binary = {"ce-specversion": "1.0", "ce-id": "8", "ce-source": "/apps/%E7%BD%91", "ce-type": "x"}
        sent = [
            await gateway.send(NETWORK, event, headers=structured),
            await gateway.send(NETWORK, PROBLEM, headers=binary),
            await gateway.send(NETWORK, event | {"data": {}}, headers=structured),
            await gateway.send(NETWORK, [event], headers={"Content-Type": "application/cloudevents-batch+json"}),
        ]
        return [one.status_code for one in sent]

    assert through(tmp_path, kafka, names, work) == [202, 202, 422, 200]
    first, second, third = committed(kafka, names.reports(NETWORK))
    assert (first.key, json.loads(first.value)) == (b"CG-1", event)
    assert dict(first.headers)["content-type"] == b"application/cloudevents+json; charset=utf-8"
    assert json.loads(second.value) == PROBLEM
    assert (third.key, json.loads(third.value)) == (b"CG-1", event)
    assert dict(third.headers)["content-type"] == b"application/cloudevents+json"
    attributes = {name: value for name, value in second.headers if name.startswith("ce_")}
    assert attributes == {
        "ce_specversion": b"1.0", "ce_id": b"8", "ce_source": "/apps/网".encode(), "ce_type": b"x",
    }  # fmt: skip


def test_a_report_that_is_sent_again_is_in_one_case(kafka: str, names: Names, tmp_path: Path) -> None:
    """Twice with its own id, and twice with an idempotency key alone, each time through another gateway."""
    without_id = {name: value for name, value in CALL.items() if name != "jjdbh"}

    async def work(gateway: TestedGateway) -> list[str]:
        token = gateway.add("phone", "report:*")
        sent = [
            await gateway.send(NETWORK, PROBLEM, token=token),
            await gateway.send("policing", without_id, token=token, headers={"Idempotency-Key": '"k-1"'}),
            await gateway.send("policing", without_id, headers={"Idempotency-Key": '"k-1"'}),
        ]
        batch = await gateway.send_batch(
            {"network": "policing", "report": without_id, "idempotency_key": "k-1"}, token=token
        )
        assert [one.status_code for one in (*sent, batch)] == [202, 202, 202, 200]
        return [*(one.json()["id"] for one in sent), batch.json()["results"][0]["receipt"]["id"]]

    first = through(tmp_path / "1", kafka, names, work)
    second = through(tmp_path / "2", kafka, names, work)
    assert first == second
    problem, call, other_app, in_batch = first
    assert (problem, call) == ("CG-1", in_batch)
    assert other_app != call

    records = committed(kafka, names.reports(NETWORK)) + committed(kafka, names.reports("policing"))
    assert len(records) == 8
    assert len({(record.key, record.value) for record in records}) == 3
    history = History(shipped(CITY))
    for record in records:
        network = record.topic.rpartition(".")[2]
        assert not [one for one in history.replay([_sourced(network, record)]) if one.kind == "dead-letter"]
    reports = sorted(report.id for case in history.cases.values() for report in case.reports)
    assert reports == sorted([f"{NETWORK}:CG-1", f"policing:{call}", f"policing:{other_app}"])


def _sourced(network: str, record: Any) -> Sourced:
    return Sourced(
        network=network, partition=record.partition, offset=record.offset,
        timestamp=record.timestamp, key=record.key, value=record.value, headers=record.headers,
    )  # fmt: skip


def test_a_batch_keeps_the_order_of_versions(kafka: str, names: Names, tmp_path: Path) -> None:
    versions = [PROBLEM | {"description": f"{number}"} for number in range(20)]
    items = [{"network": NETWORK, "report": version} for version in versions]
    items[7:7] = [{"network": NETWORK, "report": {}}, {"network": "policing", "report": CALL}]
    answered = through(tmp_path, kafka, names, lambda gateway: gateway.send_batch(*items))
    results = answered.json()["results"]
    assert [one["outcome"] for one in results] == ["accepted"] * 7 + ["rejected"] + ["accepted"] * 14
    assert [json.loads(record.value) for record in committed(kafka, names.reports(NETWORK))] == versions
    offsets = [one["receipt"]["offset"] for one in results if one.get("receipt", {}).get("network") == NETWORK]
    assert offsets == list(range(20))


def test_a_version_is_not_sent_before_the_one_that_found_no_room(kafka: str, names: Names, tmp_path: Path) -> None:
    """The first one of three does not fit into the buffer; the second would."""
    large, small = PROBLEM | {"description": "x" * 3000}, PROBLEM | {"description": "y"}
    items = [{"network": NETWORK, "report": one} for one in (large, small, PROBLEM | {"taskNum": "CG-2"})]
    answered = through(tmp_path, kafka, names, lambda gateway: gateway.send_batch(*items), buffer_bytes=2000)
    results = answered.json()["results"]
    assert [one["outcome"] for one in results] == ["unavailable", "unavailable", "accepted"]
    assert results[1]["problem"]["detail"] == EARLIER
    assert [record.key for record in committed(kafka, names.reports(NETWORK))] == [b"CG-2"]


def test_a_missing_topic_costs_no_report_of_another_network(kafka: str, names: Names, tmp_path: Path) -> None:
    async def work(gateway: TestedGateway) -> list[int]:
        async def others() -> list[int]:
            sent = [await gateway.send("policing", CALL | {"jjdbh": f"J-{number}"}) for number in range(30)]
            return [one.status_code for one in sent]

        producer = await gateway.intake.publisher._connected()
        missing, taken = await asyncio.gather(gateway.send("party-building", WHISTLE), others())
        assert await gateway.intake.publisher._connected() is producer
        return [missing.status_code, *taken]

    assert through(tmp_path, kafka, names, work, limit_s=1.0) == [503, *[202] * 30]


def test_published_rules_are_followed(kafka: str, names: Names, tmp_path: Path) -> None:
    """Before the first worker has published rules the folder's count; then those that are published."""
    city = shipped(CITY)
    record = rule_set_from_folder(city, pack(city_folder(CITY)))

    async def work(gateway: TestedGateway) -> list[Any]:
        rules = gateway.rules
        await rules.read()
        before = rules.rule_sets
        assert before is not None
        await publish(kafka, names.rule_sets, record)
        while not rules._published:
            await rules.read()
        assert isinstance(rules.rule_sets, RuleSets)
        ready = await gateway.call("GET", "/readyz", token=None)
        return [before.networks == rules.rule_sets.networks, rules.rule_sets.versions, ready.status_code]

    assert through(tmp_path, kafka, names, work, rules=False, ready=True) == [True, [city.rule_set], 200]


Written = tuple[str, tuple[bytes | None, bytes | None, Any]]
"""A topic; key, value and headers of a record."""


async def written(kafka: str, id_: str, *records: Written) -> None:
    """Write records in one transaction, as the workers do."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=id_)
    await producer.start()
    async with producer.transaction():
        for topic, (key, value, headers) in records:
            await producer.send(topic, value, key=key, headers=headers)
    await producer.stop()


async def at_stage(gateway: TestedGateway, token: str, stage: str) -> dict[str, Any]:
    """What a receipt says, once it has come to this stage."""
    assert gateway.receipts is not None
    async with asyncio.timeout(PATIENCE_S):
        while True:
            await gateway.receipts.cases.read()
            answered = await gateway.call("GET", f"/v1/receipts/{token}", token=None)
            if answered.status_code == 200 and answered.json()["stage"] == stage:
                return dict(answered.json())


def test_a_receipt_follows_its_report_to_the_end_of_its_case(kafka: str, names: Names, tmp_path: Path) -> None:
    """Cases as the fold makes them, written in transactions as the workers write them; a gateway that starts later says the same."""
    rejections = names.rejections(NETWORK)

    async def before_the_topics(gateway: TestedGateway) -> bool:
        assert gateway.receipts is not None
        await gateway.receipts.cases.read()
        return gateway.receipts.cases.ready

    assert not through(tmp_path / "0", kafka, names, before_the_topics)
    asyncio.run(create_topics(kafka, names.cases, names.archive, rejections))
    history = History(shipped(CITY))

    async def sent(gateway: TestedGateway) -> tuple[str, str]:
        one, other = [await gateway.send(NETWORK, PROBLEM | {"taskNum": id_}) for id_ in ("CG-1", "CG-2")]
        return one.json()["receipt_token"], other.json()["receipt_token"]

    one, other = through(tmp_path / "1", kafka, names, sent)
    first, second = committed(kafka, names.reports(NETWORK))
    (case,) = [
        output.content for output in history.replay([_sourced(NETWORK, first)]) if isinstance(output.content, Case)
    ][-1:]
    rejection = encode_rejection(
        second,
        Rejection(code="unknown-code", reason="no such class."),
        NETWORKS[NETWORK],
    )

    async def follow(gateway: TestedGateway) -> list[dict[str, Any]]:
        said = [await at_stage(gateway, one, "received")]
        await written(kafka, names.namespace, (names.cases, encode_case(case)), (rejections, rejection))
        said += [await at_stage(gateway, one, "dispatched"), await at_stage(gateway, other, "rejected")]
        closed = replace(case, state="closed", revision=case.revision + 1)
        await written(
            kafka,
            names.namespace,
            (names.archive, encode_archived(closed, closed.updated_at)),
            (names.cases, encode_tombstone(closed)),
        )
        said.append(await at_stage(gateway, one, "closed"))
        ready = await gateway.call("GET", "/readyz", token=None)
        assert ready.status_code == 200
        return said

    said = through(tmp_path / "2", kafka, names, follow)
    assert said[1]["departments"][0]["department"] == case.assignments[0].department
    assert said[2]["rejected"] == "unknown-code"

    async def later(gateway: TestedGateway) -> Any:
        """A gateway is ready when it has read everything, and no sooner."""
        assert gateway.receipts is not None
        while not gateway.receipts.cases.ready:
            await gateway.receipts.cases.read()
        return (await gateway.call("GET", f"/v1/receipts/{one}", token=None)).json()

    assert through(tmp_path / "3", kafka, names, later) == said[3]


@pytest.fixture
def own_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A broker of the test's own, stopped at its end whatever happens."""
    monkeypatch.delenv("GRID_ROUTER_KAFKA", raising=False)
    own = Settings(home=tmp_path / "home", broker_port=free_ports(2))
    yield own
    server.stop(own)


def test_nothing_acknowledged_is_lost_while_the_broker_is_away(
    own_broker: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A broker that freezes, or is killed: 503 and never 202. After it answers again each 202 is in the log, in order."""
    found = server.start(own_broker)
    assert found.pid is not None
    names = Names()
    asyncio.run(create_topics(found.address, names.reports(NETWORK)))
    acknowledged: list[str] = []

    async def send(gateway: TestedGateway, id_: str) -> int:
        answered = await gateway.send(NETWORK, PROBLEM | {"taskNum": id_})
        if answered.status_code == 202:
            acknowledged.append(id_)
        else:
            assert answered.headers["retry-after"]
        return answered.status_code

    async def until_taken(gateway: TestedGateway, id_: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while await send(gateway, id_) != 202:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)

    async def work(gateway: TestedGateway) -> None:
        await until_taken(gateway, "before")
        os.kill(found.pid or 0, signal.SIGSTOP)
        await asyncio.to_thread(os.waitpid, found.pid or 0, os.WUNTRACED)  # until all its threads have stopped
        frozen = await asyncio.gather(*(send(gateway, f"frozen-{number}") for number in range(5)))
        os.kill(found.pid or 0, signal.SIGCONT)
        assert set(frozen) == {503}
        await until_taken(gateway, "thawed")

    through(tmp_path, found.address, names, work, limit_s=2.0)
    kept = [record.key.decode() for record in committed(found.address, names.reports(NETWORK))]
    assert acknowledged == ["before", "thawed"]
    assert [id_ for id_ in kept if id_ in acknowledged] == acknowledged

    async def killed(gateway: TestedGateway) -> None:
        assert (await gateway.call("GET", "/readyz", token=None)).status_code == 200
        os.kill(found.pid or 0, signal.SIGKILL)
        assert await send(gateway, "killed") == 503
        assert (await gateway.call("GET", "/readyz", token=None)).status_code == 503

    through(tmp_path / "killed", found.address, names, killed, limit_s=2.0, ready=True)
    gc.collect()
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


PAGE = ROOT / "docs" / "how-to" / "publish-over-http.md"


class GatewayProcess(NamedTuple):
    """A gateway that runs as the page says."""

    names: Names
    gateway: GatewayOfPage

    @property
    def token(self) -> str:
        return self.gateway.token

    @property
    def port(self) -> int:
        return self.gateway.port

    @property
    def log(self) -> Path:
        return self.gateway.log

    @property
    def url(self) -> str:
        return self.gateway.url

    def page(self, number: int, **more: str) -> Any:
        """Runs a block of the page by its number, and reads its JSON."""
        return json.loads(self.gateway.shell(self.gateway.blocks[number], **more))

    def shell(self, block: str, **more: str) -> str:
        """Runs a block of any page; keywords are variables."""
        return self.gateway.shell(block, **more)


@pytest.fixture(scope="module")
def process(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway process, made and started by the commands of the page. It ends with SIGTERM."""
    names = Names(f"t{os.getpid()}-gateway.")
    topics = [*map(names.reports, (NETWORK, "policing")), names.rule_sets, names.cases, names.archive]
    asyncio.run(create_topics(kafka, *topics))
    with gateway_of_page(PAGE, kafka, names, tmp_path_factory.mktemp("gateway")) as gateway:
        yield GatewayProcess(names, gateway)


def test_the_page_does_what_it_says(kafka: str, process: GatewayProcess) -> None:
    shown = [json.loads(block) for block in code_blocks(ROOT / "docs" / "how-to" / "publish-over-http.md", "json")]
    receipt = process.page(0)
    assert receipt.keys() == shown[0].keys()
    assert (receipt["network"], receipt["id"]) == (shown[0]["network"], shown[0]["id"])
    assert process.page(1) == shown[1]
    assert process.page(2)["id"] == process.page(2)["id"]
    assert [one["outcome"] for one in process.page(3)["results"]] == ["accepted", "rejected", "accepted"]
    progress = process.page(4, RECEIPT=receipt["receipt_token"])
    assert (progress.keys(), progress["stage"]) == (shown[2].keys(), shown[2]["stage"])
    assert progress["said"]["en"].endswith(" It is not in a case yet; that usually takes seconds.")
    records = committed(kafka, process.names.reports(NETWORK), process.names.reports("policing"))
    assert [record.key for record in records][:1] == [b"CG-2026-000123"]
    assert len(records) == 5


def test_the_page_of_departments_does_what_it_says(kafka: str, process: GatewayProcess) -> None:
    page, names, department = ROOT / "docs" / "how-to" / "tasks-over-http.md", process.names, "urban-management"
    topics = [of(department) for of in (names.tasks, names.feedback, names.rejected_feedback)]
    asyncio.run(create_topics(kafka, *topics))
    task = replace(task_of("c-1"), id="c-1.1", department=department, partition_key="410902001001001")
    asyncio.run(written(kafka, f"{names.namespace}tasks", (names.tasks(department), encode_task(task))))
    add, first, after, answer, rejections = code_blocks(page, "sh")
    shown, answered = [json.loads(block) for block in code_blocks(page, "json")]
    token = process.shell(add).strip()
    deadline = time.monotonic() + PATIENCE_S
    while "tasks" not in (found := json.loads(process.shell(first, TOKEN=token))):  # the file is read once a second
        assert time.monotonic() < deadline, found
    assert [one["id"] for one in found["tasks"]] == [one["id"] for one in shown["tasks"]]
    assert shown["tasks"][0].items() <= found["tasks"][0].items()
    stored = json.loads(process.shell(answer, TOKEN=token, TASK="c-1.1", PARTITION_KEY=task.partition_key))
    assert (stored.keys(), stored["kind"]) == (answered.keys(), "accept")
    (record,) = committed(kafka, names.feedback(department))
    assert record.key == b"c-1.1"
    assert json.loads(process.shell(rejections, TOKEN=token))["rejections"] == []
    waited = json.loads(process.shell(after.replace("wait=20", "wait=0"), TOKEN=token, NEXT=found["next"]))
    assert waited["tasks"] == []


def test_the_request_of_a_demo_is_received_at_the_time_of_its_history(kafka: str, names: Names, tmp_path: Path) -> None:
    """The file that the demo's line names, with curl; a message without its id gets one from the key."""
    asyncio.run(create_topics(kafka, names.cases, names.archive))
    own = Settings(
        kafka=kafka,
        namespace=names.namespace,
        home=tmp_path,
        cities=ROOT / "deploy" / "cities",
        gateway_port=free_ports(1),
    )
    message = SourceMessage(
        network="policing", source_id="J-1", value=json.dumps(CALL).encode(), received_at=BEGUN, kind="simulated"
    )
    at = datetime(2026, 3, 2, tzinfo=UTC)
    case = replace(case_of("c-1", report_of("J-9", 0, "policing")), updated_at=at)
    with running_gateway(CITY, own, [message]) as (line,):
        asyncio.run(written(kafka, names.namespace, (names.cases, encode_case(case))))
        deadline = time.monotonic() + PATIENCE_S
        while "receipt_token" not in (
            said := subprocess.run(line.split(), capture_output=True, check=False, text=True).stdout
        ):
            assert time.monotonic() < deadline, said + (tmp_path / "gateway" / "log").read_text()
            time.sleep(0.2)
        receipt = httpx.get(
            f"http://127.0.0.1:{own.gateway_port}/v1/receipts/{json.loads(said)['receipt_token']}"
        ).json()
    assert (receipt["stage"], receipt["received_at"]) == ("received", "2026-03-02T00:00:00+00:00")
    records = committed(kafka, names.reports("policing"))
    assert {dict(record.headers)["grid-received-at"] for record in records} == {b"2026-03-02T00:00:00.000+00:00"}
    assert json.loads(records[0].value) == {**CALL, "jjdbh": json.loads(said)["id"]}
    with socket.create_server(("127.0.0.1", own.gateway_port)), running_gateway(CITY, own, [message]) as in_use:
        assert in_use == []


def test_a_process_bounds_what_it_reads(process: GatewayProcess) -> None:
    port, begun = process.port, len(process.log.read_text().splitlines())
    headers = {"Authorization": f"Bearer {process.token}", "Content-Type": "application/json"}
    with httpx.Client(base_url=process.url, headers=headers) as client:
        assert client.post(f"/v1/reports/{NETWORK}", json={}).status_code == 422
        assert client.get("/openapi.json", headers={"Authorization": "none"}).status_code == 401
    many = b"".join(b"X-%d: 1\r\n" % number for number in range(100_000))
    twice = b"POST /v1/reports/policing HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"
    long = b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + b"y" * (1 << 20) + b"\r\n\r\n"
    tls = b"\x16\x03\x01\x02\x00\x01"
    for request in (b"GET /livez HTTP/1.1\r\nHost: x\r\n" + many + b"\r\n", twice, long, tls):
        assert _raw(port, request)[:13] in {b"HTTP/1.1 400 ", b""}  # a reset may overtake the answer
    assert httpx.get(f"{process.url}/livez").status_code == 200
    text = process.log.read_text()
    assert [json.loads(line)["status"] for line in text.splitlines()[begun:]] == [422, 401]
    assert process.token not in text
    assert "/v1/receipts/" not in text.replace("/v1/receipts/{token}", "")


def _raw(port: int, request: bytes) -> bytes:
    """What the gateway answers to bytes, until it closes the connection."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as connection:
        received = b""
        try:
            connection.sendall(request)
            while chunk := connection.recv(1 << 16):
                received += chunk
        except ConnectionError:
            pass
        return received
