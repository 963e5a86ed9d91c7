"""Every client of Kafka connects with the settings of security: no other place of the project opens one."""

import ast
import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import KafkaError

import router
from router.gateway.problems import ProblemError
from router.gateway.publisher import CheckedRecord, Publisher
from router.kafka.connecting import authentication, connect_options
from router.kafka.consumers import LazyConsumer
from router.kafka.transactional_producer import TransactionalProducer
from router.stream.faust_adapter.app import _credentials
from router.wire.security import Security
from tests.support.certificates import made

NOWHERE = "127.0.0.1:1"
SOURCES = Path(router.__file__).parent
CLIENTS = {
    "AIOKafkaAdminClient",
    "AIOKafkaConsumer",
    "AIOKafkaProducer",
    "AdminClient",
    "KafkaAdminClient",
    "KafkaConsumer",
    "KafkaProducer",
}
SAYS_HOW = {"connect_options", "reconnect_options", "options"}
"""Calls that give the options: the function, the one for running processes that calls it, and `Connection.options` of a department's client, which calls it."""
PLACES = {
    "backup/writing.py",
    "client/connection.py",
    "gateway/publisher.py",
    "kafka/blocking.py",
    "kafka/consumers.py",
    "kafka/transactional_producer.py",
    "rule_sets/store.py",
    "simulator/departments/stepped_run.py",
    "simulator/replay/feed.py",
    "stream/preflight.py",
}


def calls(file: Path) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call)]


def name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def opens_a_client(call: ast.Call) -> bool:
    """Whether the call makes a client, or hands its class to a function that does."""
    return bool(CLIENTS & {name(call.func), *(name(one) for one in call.args)}) and bool(call.keywords)


def says_how_to_connect(call: ast.Call) -> bool:
    starred = [one.value for one in call.keywords if one.arg is None]
    return any(isinstance(node, ast.Call) and name(node.func) in SAYS_HOW for one in starred for node in ast.walk(one))


def test_every_client_gets_the_options_of_its_connection() -> None:
    opened = [(file, call) for file in SOURCES.rglob("*.py") for call in calls(file) if opens_a_client(call)]
    assert [f"{file}:{call.lineno}" for file, call in opened if not says_how_to_connect(call)] == []
    assert {str(file.relative_to(SOURCES)) for file, _ in opened} == PLACES


def test_no_other_place_names_servers_or_secrets() -> None:
    for option in ("bootstrap_servers", "security_protocol", "ssl_context", "sasl_plain_password"):
        files = {
            str(file.relative_to(SOURCES))
            for file in SOURCES.rglob("*.py")
            if f'"{option}"' in file.read_text("utf-8") or f"{option}=" in file.read_text("utf-8")
        }
        assert files <= {"kafka/connecting.py", "stream/faust_adapter/app.py"}, option


def test_the_app_of_a_worker_gets_credentials() -> None:
    (app,) = [call for call in calls(SOURCES / "stream/faust_adapter/app.py") if name(call.func) == "BatchApp"]
    assert "broker_credentials" in {one.arg for one in app.keywords}
    apps = [file for file in SOURCES.rglob("*.py") for call in calls(file) if name(call.func) in {"App", "BatchApp"}]
    assert [str(file.relative_to(SOURCES)) for file in apps] == ["stream/faust_adapter/app.py"]


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"])
def test_both_libraries_and_faust_get_the_same(tmp_path: Path, mechanism: str) -> None:
    ca = made(tmp_path).ca
    sasl = Security(protocol="SASL_SSL", mechanism=mechanism, user="police", password="p", ca=ca)
    options = authentication(sasl)
    assert options["ssl_context"].check_hostname
    assert options | {"ssl_context": None} == {
        "security_protocol": "SASL_SSL",
        "ssl_context": None,
        "sasl_mechanism": mechanism,
        "sasl_plain_username": "police",
        "sasl_plain_password": "p",
    }
    of_faust = _credentials(sasl)
    assert (of_faust.protocol.value, of_faust.mechanism.value) == ("SASL_SSL", mechanism)
    assert (of_faust.username, of_faust.password, of_faust.ssl_context.check_hostname) == ("police", "p", True)


def test_each_protocol_names_only_what_it_uses(tmp_path: Path) -> None:
    ca = made(tmp_path).ca
    tls = Security(protocol="SSL", ca=ca)
    clear = Security(protocol="SASL_PLAINTEXT", user="police", password="p")
    assert set(authentication(tls)) == {"security_protocol", "ssl_context"}
    assert "ssl_context" not in authentication(clear)
    assert _credentials(tls).protocol.value == "SSL"
    assert _credentials(clear).protocol.value == "SASL_PLAINTEXT"
    assert _credentials(Security()) is None
    assert connect_options("a:1,b:2", Security()) == {
        "bootstrap_servers": ["a:1", "b:2"],
        "security_protocol": "PLAINTEXT",
    }


async def _read() -> None:
    await LazyConsumer(NOWHERE).connected()


async def _transact() -> None:
    TransactionalProducer(NOWHERE, "id", batch_bytes=1024)


async def _take() -> None:
    publisher = Publisher(NOWHERE)
    assert not await publisher.answers()
    await publisher.publish(CheckedRecord(topic="reports.policing", key=b"k", value=b"v", headers=[]))


@pytest.mark.parametrize(
    ("opens", "error", "says"),
    [(_read, KafkaError, "cannot be read"), (_transact, KafkaError, "cannot be read"), (_take, ProblemError, "Kafka")],
)
def test_a_password_file_that_is_gone_is_a_cluster_that_does_not_answer_for_a_running_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, opens: Callable[[], Any], error: type[Exception], says: str
) -> None:
    monkeypatch.setenv("GRID_ROUTER_KAFKA_PROTOCOL", "SASL_PLAINTEXT")
    monkeypatch.setenv("GRID_ROUTER_KAFKA_USER", "router")
    monkeypatch.setenv("GRID_ROUTER_KAFKA_PASSWORD_FILE", str(tmp_path / "gone"))
    with pytest.raises(error, match=says):
        asyncio.run(opens())
