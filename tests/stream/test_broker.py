"""The embedded broker as a process. Starts brokers of its own, so it takes longer than its neighbours."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from router.broker import server
from router.broker.admin import apply, connected
from router.broker.folder import Folder
from router.wire.declared_topics import Topic
from router.wire.errors import BrokerError
from router.wire.settings import Settings
from tests.support.broker import free_ports
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.broker
TOPIC = Topic(name="kept.reports", key="id", partitions=1)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A broker of the test's own, stopped at its end whatever happens."""
    monkeypatch.delenv("GRID_ROUTER_KAFKA", raising=False)
    own = Settings(home=tmp_path / "home", broker_port=free_ports(2))
    yield own
    server.stop(own)


def test_life_of_a_broker(settings: Settings) -> None:
    """Starting twice is starting once, a second start keeps the data, and a killed one starts again."""
    assert server.status(settings).state == "stopped"
    assert not server.stop(settings)
    first = server.start(settings)
    assert server.status(settings) == first
    assert server.start(settings).pid == first.pid
    assert server.ensure_running(settings) == first.address

    _send(first.address)
    assert server.stop(settings)
    assert server.status(settings).state == "stopped"

    second = server.start(settings)
    assert second.pid != first.pid
    assert _values(second.address) == [b"still here"]

    assert second.pid is not None
    os.kill(second.pid, signal.SIGKILL)
    os.waitpid(second.pid, 0)
    assert server.status(settings).state == "stopped"
    assert server.start(settings).pid != second.pid
    assert _values(second.address) == [b"still here"]


def _send(address: str) -> None:
    apply(address, [TOPIC])
    producer = KafkaProducer(bootstrap_servers=address, acks="all")
    producer.send(TOPIC.name, b"still here").get(PATIENCE_S)
    producer.close()


def _values(address: str) -> list[bytes]:
    consumer = KafkaConsumer(
        bootstrap_servers=address, auto_offset_reset="earliest", consumer_timeout_ms=round(1000 * PATIENCE_S)
    )
    consumer.assign([TopicPartition(TOPIC.name, 0)])
    first = next(consumer).value
    consumer.close()
    return [first]


def test_two_starts_at_once_start_one_broker(settings: Settings) -> None:
    found: list[server.Status] = []
    starts = [threading.Thread(target=lambda: found.append(server.start(settings))) for _ in range(2)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert len(found) == 2
    assert found[0].pid == found[1].pid


def test_a_broker_that_runs_on_another_port_is_named(settings: Settings) -> None:
    server.start(settings)
    moved = settings.model_copy(update={"broker_port": free_ports(2)})
    with pytest.raises(BrokerError, match=f"GRID_ROUTER_BROKER_PORT={settings.broker_port}"):
        server.start(moved)


@pytest.mark.parametrize("offset", [0, 1])
def test_a_port_in_use_is_named(settings: Settings, offset: int) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", settings.broker_port + offset))
        other.listen()
        with pytest.raises(BrokerError, match=rf":{settings.broker_port + offset}: the port is in use"):
            server.start(settings)


def test_the_pid_of_another_process_is_not_ours(settings: Settings) -> None:
    folder = Folder(settings)
    folder.root.mkdir(parents=True)
    folder.pid.write_text(str(os.getpid()))
    assert folder.running_pid() is None
    assert not server.stop(settings)


@pytest.mark.parametrize("text", ["", "no number", "999999999"])
def test_a_stale_or_broken_pid_file_means_stopped(settings: Settings, text: str) -> None:
    folder = Folder(settings)
    folder.root.mkdir(parents=True)
    folder.pid.write_text(text)
    assert server.status(settings).state == "stopped"


def test_a_broker_that_ends_at_its_start_names_its_log(settings: Settings) -> None:
    folder = Folder(settings)
    folder.data.mkdir(parents=True)
    (folder.data / "meta.properties").write_text("version=1\ncluster.id=another\nnode.id=7\n")
    with pytest.raises(BrokerError, match=r"kafka\.log: the broker ended during its start") as caught:
        server.start(settings)
    assert "node" in str(caught.value)
    assert server.status(settings).state == "stopped"


def test_an_outside_cluster_is_never_started_nor_stopped(settings: Settings) -> None:
    outside = settings.model_copy(update={"kafka": "127.0.0.1:1"})
    assert server.status(outside).state == "unreachable"
    with pytest.raises(BrokerError, match=r"no Kafka broker answers; .*GRID_ROUTER_KAFKA"):
        server.ensure_running(outside)
    with pytest.raises(BrokerError, match="GRID_ROUTER_KAFKA names an outside cluster"):
        server.start(outside)
    assert not Folder(outside).root.exists()


def test_a_write_does_not_create_a_topic(kafka: str, namespace: str) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka, max_block_ms=1_000)
    with pytest.raises(KafkaError):
        producer.send(f"{namespace}never-declared", b"x").get(5)
    producer.close()
    with connected(kafka) as admin:
        assert f"{namespace}never-declared" not in admin.list_topics()


@pytest.mark.skipif(not Path("/proc/self/net").exists(), reason="reads Linux's table of sockets")
def test_the_broker_listens_on_loopback_only(settings: Settings) -> None:
    pid = server.start(settings).pid
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # Kafka opens and closes files all the time
            inodes.add(str(link.readlink()).removeprefix("socket:[").rstrip("]"))
    listening = [
        fields[1].split(":")[0]
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
        if (fields := line.split())[3] == "0A" and fields[9] in inodes
    ]
    loopback = {"0100007F", "0000000000000000FFFF00000100007F"}
    assert len(listening) == 2
    assert set(listening) <= loopback


@pytest.mark.parametrize(("name", "locale"), [("home", "C.UTF-8"), ("网格 数据, a%20b", "C"), ("网格 数据", "C.UTF-8")])
def test_the_broker_outlives_the_process_that_started_it(settings: Settings, name: str, locale: str) -> None:
    """`grid-router broker start` ends while Kafka goes on, and a reader of its output is not kept waiting.

    Also when the path has Chinese characters, blanks, a comma, or a percent sign, and the locale has only ASCII. What the
    broker writes is its user's alone.
    """
    home = settings.home.with_name(name)
    settings = settings.model_copy(update={"home": home})
    environment = {
        **os.environ,
        "GRID_ROUTER_HOME": str(settings.home),
        "GRID_ROUTER_BROKER_PORT": str(settings.broker_port),
        "LC_ALL": locale,
    }
    command = [sys.executable, "-m", "router.cli.main", "broker", "start"]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        found = server.status(settings)
        assert found.state == "running"
        _send(found.address)
        assert (home / "kafka" / "data" / f"{TOPIC.name}-0").is_dir()
        assert (home / "kafka" / "kafka.log").is_file()
        assert [path for path in home.rglob("*") if path.stat().st_mode & 0o077] == []
    finally:
        server.stop(settings)
