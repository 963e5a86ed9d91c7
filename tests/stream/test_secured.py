"""A secured broker: reports become tasks through it, and whoever does not say who he is gets one sentence and no record."""

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from router.broker import admin, server
from router.broker.folder import Folder
from router.cli.gateway import gateway
from router.client import Client, Connection
from router.client import connection as connections
from router.kafka.blocking import open_consumer
from router.kafka.rejection import rejection
from router.simulator.replay.feed import Feed
from router.stream.preflight import check_topics
from router.wire.codec import decode_case
from router.wire.errors import BrokerError
from router.wire.security import Security, security_for
from router.wire.settings import Settings
from router.wire.topic_names import Names
from router.wire.topics import topics_of
from router.workers.pool import WorkerPool
from tests.support.cities import open_requests, shipped
from tests.support.patience import PATIENCE_S
from tests.support.secured import secured_broker
from tests.support.topics import committed

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]
CITY = "los-angeles"
NAMES = Names()
REQUESTS = 5


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with secured_broker(tmp_path_factory.mktemp("secured")) as settings:
        admin.apply(server.bootstrap(settings), topics_of(shipped(CITY), settings))
        yield settings


def secrets_of(settings: Settings) -> list[str]:
    credentials = Folder(settings).credentials
    return [credentials.password(user) for user in ("admin", "broker")]


def reports_in_cases(address: str) -> list[str]:
    latest = {record.key: record.value for record in committed(address, NAMES.cases)}
    return sorted(report.id for value in latest.values() for report in decode_case(value).reports)


def commands_of(pids: list[int]) -> bytes:
    return b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids)


def test_workers_make_tasks_of_reports_on_it(secured: Settings) -> None:
    """Producers, transactions, the consumer group, readers and a department's client, all as users with a password."""
    address, departments = server.bootstrap(secured), sorted(shipped(CITY).catalogue.departments)
    own = secured.model_copy(update={"kafka": address})
    sent = open_requests(CITY, REQUESTS)
    with WorkerPool(CITY, own, 2, "wall") as pool:
        Feed(address, NAMES, secured.partitions, None).run(sent)
        deadline = time.monotonic() + PATIENCE_S
        while reports_in_cases(address) != sorted(one.report for one in sent):
            pool.poll()
            assert time.monotonic() < deadline, [log.read_text()[-2000:] for log in pool.logs]
        processes, logs = [*pool.pids.values(), server.status(secured).pid or 0], pool.logs
        for secret in secrets_of(secured):
            assert secret.encode() not in commands_of(processes)
    assert pool.restarts == 0
    tasks = committed(address, *map(NAMES.tasks, departments))
    department = tasks[0].topic.removeprefix(NAMES.tasks(""))
    with Client(Connection(kafka=address), actor="inspector-17") as client:
        found = list(client.replay(department, datetime(2000, 1, 1, tzinfo=UTC)))
        assert found[0].id
        found[0].accept()
    assert [record.topic for record in committed(address, NAMES.feedback(department))] == [NAMES.feedback(department)]
    written = "".join(file.read_text("utf-8", "replace") for file in (*logs, Folder(secured).log, Folder(secured).out))
    assert [secret for secret in secrets_of(secured) if secret in written] == []


def test_it_stays_secured_and_its_files_are_private(secured: Settings) -> None:
    folder = Folder(secured)
    assert server.start(secured).pid == folder.running_pid()
    assert "listeners=SASL_SSL://127.0.0.1:" in folder.properties.read_text()
    assert folder.port() == secured.broker_port
    assert not folder.arguments.exists()
    private = [folder.properties, *folder.credentials.folder.iterdir()]
    assert {file.stat().st_mode & 0o077 for file in private} == {0}


KINDS: dict[str, Callable[[str], object]] = {
    "reader": lambda address: open_consumer(address, connect_ms=300).__enter__(),
    "topics": lambda address: admin.plan(address, []),
    "worker": lambda address: asyncio.run(check_topics(address, topics_of(shipped(CITY), Settings()), "")),
    "gateway": lambda _: gateway(CITY),
    "client": lambda address: next(Client(Connection(kafka=address, patience_s=0.0)).tasks("dot")),
}
WRONG = {
    "wrong password": (
        {"user": "admin", "password": "wrong-secret"},
        (
            "the cluster rejects the user admin or the password; correct GRID_ROUTER_KAFKA_USER, or the password that "
            "GRID_ROUTER_KAFKA_PASSWORD_FILE names."
        ),
    ),
    "plain text": (
        {"protocol": "PLAINTEXT"},
        "the cluster rejects plain text; set GRID_ROUTER_KAFKA_PROTOCOL to SASL_SSL or SSL, as the cluster has it.",
    ),
    "no password": (
        {"protocol": "SSL"},
        (
            "the cluster asks for a user and a password; set GRID_ROUTER_KAFKA_PROTOCOL to SASL_SSL, GRID_ROUTER_KAFKA_USER "
            "and GRID_ROUTER_KAFKA_PASSWORD_FILE."
        ),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wrong", WRONG)
def test_a_client_that_is_not_let_in_is_told_why(
    secured: Settings, monkeypatch: pytest.MonkeyPatch, kind: str, wrong: str
) -> None:
    monkeypatch.setattr(connections, "LOOK_MS", 300)
    settings, sentence = WRONG[wrong]
    for name, value in settings.items():
        monkeypatch.setenv(f"GRID_ROUTER_KAFKA_{name.upper()}", value)
    address = server.bootstrap(secured)
    with pytest.raises(BrokerError) as raised:
        KINDS[kind](address)
    assert str(raised.value) == f"{address}: {sentence}"
    assert "wrong-secret" not in repr(raised.getrepr(style="long"))


def test_other_mistakes_are_named_as_well(secured: Settings) -> None:
    address, right = server.bootstrap(secured), security_for(server.bootstrap(secured), secured)
    mechanism = Security(protocol="SASL_SSL", mechanism="PLAIN", user=right.user, password=right.password, ca=right.ca)
    assert "does not take the mechanism PLAIN" in str(rejection(address, mechanism))
    system = Security(protocol="SASL_SSL", user=right.user, password=right.password)
    assert "the cluster's certificate is not trusted" in str(rejection(address, system))
    controller = f"127.0.0.1:{secured.broker_port + 1}"
    assert "does not take the client's certificate, or asks for one" in str(
        rejection(controller, Security(protocol="SSL", ca=right.ca))
    )
    assert rejection(address, right) is None


@pytest.mark.long
def test_three_secured_brokers_keep_each_record_on_two(tmp_path: Path) -> None:
    """Brokers know each other by password, controllers by certificate."""
    topics = topics_of(shipped(CITY), Settings())
    with secured_broker(tmp_path, brokers=3) as settings:
        address = server.bootstrap(settings)
        admin.apply(address, topics, replication=None)
        found = admin.durability_of(address, topics, replication=None, min_insync=None)
        assert (found.declared.replication, found.declared.min_insync) == (3, 2)
        assert len(server.status(settings).nodes) == 3
        wrong = Security(protocol="SASL_SSL", user="broker", password="wrong", ca=Folder(settings).credentials.ca)
        assert "the cluster rejects the user broker or the password" in str(rejection(address, wrong))
