"""From door to door on a secured cluster: a phone reports over HTTP, a department acts, the receipt says so, and who has no right reads nothing.

Workers, gateway, department and supervisor each come as their own user; `grid-router access apply` made users and rights, and nothing else did.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from kafka import KafkaProducer
from msgspec import structs

from router.broker import server
from router.broker.folder import Folder
from router.client.task import DepartmentTask
from router.domain.model.report import Media
from router.kafka.connecting import connect_options
from router.kafka.rejection import rejection
from router.simulator.messages import SourceMessage
from router.simulator.replay.feed import Feed
from router.wire.codec import decode_case, decode_task
from router.wire.declared_topics import topics_of
from router.wire.errors import TopicError
from router.wire.rejected_feedback_value import decode_rejected_feedback
from router.wire.security import Security
from router.wire.topic_names import Names
from tests.chaos.proxy import Proxy
from tests.support.cities import open_requests, shipped
from tests.support.city_messages import DUMPING, PROBLEM
from tests.support.doors import Doors, access, open_doors
from tests.support.raw_kafka import GROUP_DENIED, TOPIC_DENIED, raw_client
from tests.support.secured import ProxiedListener, secured_broker
from tests.support.topics import committed
from tests.support.traffic import Officers, Phones, at_work

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]
NAMES = Names()
REQUESTS = 5
PHOTO = Media(url="https://photos.example/1.jpg", sha256="0" * 64)
SHUT = {
    "GET": ("/v1/tasks", "/v1/rejections", "/openapi.json", "/metrics"),
    "POST": ("/v1/reports/hotline", "/v1/reports:batch"),
}
"""What the gateway answers to no one without a token."""


class Site(NamedTuple):
    """A deployment, and what stands between it and its cluster."""

    doors: Doors
    listener: ProxiedListener
    proxy: Proxy


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Los Angeles on one secured broker, with a worker and a gateway. All clients connect through a proxy, which can cut them off."""
    home = tmp_path_factory.mktemp("broker")
    listener = ProxiedListener(home)
    with (
        secured_broker(home, proxied=listener) as settings,
        Proxy(listener.advertised, listener.behind) as proxy,
        open_doors(settings, "los-angeles", tmp_path_factory.mktemp("doors"), proxied=listener) as doors,
    ):
        yield Site(doors, listener, proxy)


@pytest.fixture
def doors(site: Site) -> Doors:
    """The deployment alone."""
    return site.doors


def reported(doors: Doors, network: str, report: dict[str, Any]) -> str:
    """Report something as a phone does; the token of its receipt."""
    phone = doors.token("phone", f"report:{network}")
    answered = doors.http.post(f"/v1/reports/{network}", json=report, headers=phone)
    assert answered.status_code == httpx.codes.ACCEPTED, answered.text
    return str(answered.json()["receipt_token"])


def handled(doors: Doors, receipt: str, on_the_way: str) -> DepartmentTask:
    """Let the lead accept the task and report it as handled; the task. `on_the_way`: what the receipt says between."""
    lead = doors.receipt(receipt, "dispatched")["departments"][0]
    assert lead["role"] == "lead"
    with doors.department(lead["department"], actor="inspector-17") as client:
        task = next(iter(client.tasks(lead["department"])))
        task.accept()
        doors.receipt(receipt, on_the_way)
        task.handled(evidence=[PHOTO])
        task.acknowledge()
    return task


def reports_in_cases(address: str) -> set[str]:
    """The ids of all reports that a case has; none is in two."""
    latest = {record.key: record.value for record in committed(address, NAMES.cases)}
    found = [report.id for value in latest.values() if value for report in decode_case(value).reports]
    assert len(found) == len(set(found))
    return set(found)


def many_requests(city: str, run: int) -> Iterator[SourceMessage]:
    """Recorded requests under new numbers, at thousands of places: most open a case of their own, so a department gets new tasks."""
    for number, one in enumerate(open_requests(city, 20_000)[1000:]):
        id_ = f"{run}-{900_000_000 + number}"
        value = json.dumps(json.loads(one.value) | {"SRNumber": id_}).encode()
        yield structs.replace(one, source_id=id_, value=value)


def answers_nothing_without_a_token(doors: Doors, task: DepartmentTask) -> None:
    paths = [(method, path) for method, some in SHUT.items() for path in some]
    paths.append(("POST", f"/v1/tasks/{task.id}/feedback"))
    for headers in ({}, {"Authorization": "Bearer grt_unknown"}):
        codes = {
            (method, path): doors.http.request(method, path, headers=headers).status_code for method, path in paths
        }
        assert set(codes.values()) == {httpx.codes.UNAUTHORIZED}, codes
    assert doors.http.get(f"/v1/receipts/{'x' * 60}").status_code == httpx.codes.NOT_FOUND
    foreign = doors.token("other", "department:other")
    answered = doors.http.get(f"/v1/tasks?department={task.department}", headers=foreign)
    assert answered.status_code == httpx.codes.FORBIDDEN, answered.text


def lets_no_client_in_without_a_user(doors: Doors) -> None:
    ca = Folder(doors.settings).credentials.ca
    unnamed = {
        "the cluster rejects plain text": Security(),
        "the cluster asks for a user and a password": Security(protocol="SSL", ca=ca),
        "the cluster rejects the user foreign or the password": Security(
            protocol="SASL_SSL", user="foreign", password="guessed", ca=ca
        ),
    }
    for node in doors.cluster.split(","):
        for says, security in unnamed.items():
            assert says in str(rejection(node, security))


def reads_its_own_topics_alone(doors: Doors, department: str) -> None:
    """By Kafka's own answers about every topic of the deployment, and by the client."""
    other = next(one for one in shipped(doors.city).catalogue.departments if one != department)
    topics = [one.name for one in topics_of(shipped(doors.city), doors.settings)]
    own = {NAMES.tasks(other), NAMES.rejected_feedback(other)}
    with raw_client(doors.address.split(",")[0], doors.security_of(f"department-{other}")) as client:
        read = client.read(topics)
        assert client.join(department) == GROUP_DENIED
    assert {name for name, code in read.items() if code != TOPIC_DENIED} == own
    with (
        doors.department(other, actor="curious") as client,
        pytest.raises(TopicError, match=f"the user department-{other} has no right to it"),
    ):
        next(iter(client.replay(department, datetime(2000, 1, 1, tzinfo=UTC))))


def writes_no_secret(doors: Doors) -> None:
    """No password is in a command line, or in anything that was written beside its file."""
    brokers = server.status(doors.settings)
    pids = {*doors.pool.pids.values(), doors.gateway.pid, brokers.pid, *(one.pid for one in brokers.nodes)}
    commands = b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids)
    kafka = [file for file in (doors.settings.home / "kafka").rglob("kafka.*") if file.is_file()]
    written = b"".join(file.read_bytes() for file in (*doors.pool.logs, doors.gateway_log, *kafka))
    secrets = [file.read_bytes() for file in Folder(doors.settings).credentials.folder.rglob("*.password")]
    assert len(secrets) > len(shipped(doors.city).catalogue.departments)
    assert [secret for secret in secrets if secret in commands or secret in written] == []


def test_a_phones_report_is_handled_and_others_read_nothing(doors: Doors) -> None:
    receipt = reported(doors, "hotline", DUMPING)
    task = handled(doors, receipt, on_the_way="handling")
    closed = doors.receipt(receipt, "closed")
    assert (closed["departments"][0]["department"], closed["closed_at"] is not None) == (task.department, True)
    assert [json.loads(one.value)["kind"] for one in committed(doors.cluster, NAMES.feedback(task.department))] == [
        "accept",
        "handled",
    ]
    assert len(committed(doors.cluster, NAMES.reports("hotline"))) == 1
    answers_nothing_without_a_token(doors, task)
    lets_no_client_in_without_a_user(doors)
    reads_its_own_topics_alone(doors, task.department)
    writes_no_secret(doors)
    assert doors.pool.restarts == 0


def test_a_network_writes_as_its_own_user(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = open_requests(doors.city, REQUESTS)
    with monkeypatch.context() as network:
        network.setenv("GRID_ROUTER_KAFKA_USER", "network-hotline")
        network.setenv("GRID_ROUTER_KAFKA_PASSWORD_FILE", str(doors.password_file("network-hotline")))
        Feed(doors.cluster, NAMES, doors.settings.partitions, None).run(sent)
    doors.until(lambda: reports_in_cases(doors.cluster) >= {one.report for one in sent})
    assert doors.pool.restarts == 0


@pytest.mark.parametrize("rotations", [2, pytest.param(20, marks=[pytest.mark.long, pytest.mark.timeout(1200)])])
def test_secrets_change_while_everything_runs(site: Site, rotations: int) -> None:
    """All passwords and the cluster's authority change, then every connection is cut. No process ends, and nothing acknowledged is lost."""
    doors, department, messages = site.doors, "bos", many_requests(site.doors.city, rotations)
    phones = Phones(doors, doors.token(f"app-{rotations}", "report:*"), messages)
    officers = Officers(doors, department)
    before = reports_in_cases(doors.cluster)
    with at_work(phones, officers):
        for _ in range(rotations):
            old = replace(doors.security_of("router"), password_file=None)
            assert "have new passwords" in access("rotate", doors.city)
            site.listener.change_certificate(doors.cluster)
            rejected = rejection(doors.address, old)
            assert "the cluster rejects the user router or the password" in str(rejected)
            site.proxy.cut()
            sent, answered = len(phones.acknowledged), len(officers.accepted)
            doors.until(
                lambda least=(sent, answered): (
                    len(phones.acknowledged) > least[0] + 10 and len(officers.accepted) > least[1]
                )
            )
    doors.until(lambda: reports_in_cases(doors.cluster) >= before | {*phones.acknowledged})
    assert len(phones.acknowledged) == len(set(phones.acknowledged)) > 10 * rotations
    stored = {json.loads(one.value)["task"] for one in committed(doors.cluster, NAMES.feedback(department))}
    tasks = {(task := decode_task(one.value)).id: task for one in committed(doors.cluster, NAMES.tasks(department))}
    assert officers.accepted <= tasks.keys() & stored
    # a task may be withdrawn between the officer's look and the answer, and what was answered before counted once
    values = [one.value for one in committed(doors.cluster, NAMES.rejected_feedback(department))]
    rejected = [decode_rejected_feedback(value) for value in values]
    withdrawn = {one.id for one in tasks.values() if one.state == "withdrawn"}
    wrong = [one for one in rejected if one.code != "id-reused" and one.task not in withdrawn]
    assert wrong == [], values
    assert (doors.pool.restarts, doors.gateway.poll()) == (0, None)


@pytest.mark.long
def test_three_secured_brokers_and_a_check_on_site(tmp_path: Path) -> None:
    """As above in Puyang, where a supervisor's check closes what is handled."""
    with (
        secured_broker(tmp_path / "broker", brokers=3) as settings,
        open_doors(settings, "puyang", tmp_path / "doors", workers=2) as doors,
    ):
        receipt = reported(doors, "urban-management", PROBLEM)
        task = handled(doors, receipt, on_the_way="accepted")
        doors.receipt(receipt, "handled")
        passed = {
            "id": "check-1", "task": task.id, "partition_key": task.partition_key, "kind": "check-passed",
            "actor": "supervisor-3", "occurred_at": datetime.now(UTC).isoformat(),
        }  # fmt: skip
        producer = KafkaProducer(**connect_options(doors.address, doors.security_of("supervision")), acks="all")
        producer.send(NAMES.feedback("supervision"), json.dumps(passed).encode(), key=task.id.encode()).get(30)
        producer.close()
        assert doors.receipt(receipt, "closed")["departments"][0]["department"] == task.department
        answers_nothing_without_a_token(doors, task)
        lets_no_client_in_without_a_user(doors)
        reads_its_own_topics_alone(doors, task.department)
        writes_no_secret(doors)
        assert doors.pool.restarts == 0
