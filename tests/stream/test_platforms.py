"""What the deployment files promise, with a real Kafka: the programs run without rights on a root that is read only."""

import subprocess
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.platforms import brokers
from deploy.platforms.deployment import GATEWAY, HOME, SECRETS, STOP_S, TOPICS, USER, WORKER, Program, environment
from router.broker.jars import classpath
from router.broker.java import find_java
from router.gateway.receipt_keys import make_receipt_keys
from router.gateway.token_file import add_token
from router.wire.offset_signing import make_offset_keys
from tests.support.broker import HOST, free_ports
from tests.support.patience import PATIENCE_S
from tests.support.repository import ROOT
from tests.support.sandbox import USABLE, ask_to_end, contained

pytestmark = pytest.mark.broker
contains = pytest.mark.skipif(not USABLE, reason="needs root and namespaces of Linux")
PARTITIONS = "2"


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """The files that an operator makes."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    make_offset_keys(folder / "offset-keys", datetime.now(UTC))
    add_token(folder / "gateway-tokens", "prometheus", "metrics")
    make_receipt_keys(folder / "receipt-keys")
    return folder


def variables(kafka: str, namespace: str, one: Program | None) -> tuple[dict[str, str], int]:
    """The rendered environment for this machine: its cities, a namespace, and a port that is free. And that port."""
    port = free_ports(1)
    own = {
        "GRID_ROUTER_CITIES": str(ROOT / "deploy" / "cities"),
        "GRID_ROUTER_NAMESPACE": namespace,
        "GRID_ROUTER_PARTITIONS": PARTITIONS,
    }
    ports = {name: str(port) for name in ("GRID_ROUTER_METRICS_PORT", "GRID_ROUTER_GATEWAY_PORT")}
    rendered = environment(kafka, one)
    return {**rendered, **own, **{name: value for name, value in ports.items() if name in rendered}}, port


def answers(port: int, path: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=3) as page:
            return page.status == 200
    except (OSError, urllib.error.URLError):
        return False


def await_answer(process: subprocess.Popen[bytes], port: int, path: str, log: Path) -> None:
    end = time.monotonic() + PATIENCE_S
    while not answers(port, path):
        assert process.poll() is None, log.read_text("utf-8")
        assert time.monotonic() < end, log.read_text("utf-8")
        time.sleep(0.1)


@pytest.fixture
def topics(kafka: str, namespace: str, secrets: Path, tmp_path: Path) -> None:
    """The topics, applied as the deployment applies them."""
    log = tmp_path / "topics.log"
    with contained(TOPICS, variables(kafka, namespace, None)[0], secrets, log) as process:
        assert process.wait(PATIENCE_S) == 0, log.read_text("utf-8")


@contains
def test_the_sandbox_is_one(secrets: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    tries = (
        f"id -u; echo $$; cat {SECRETS}/offset-keys | head -c 4; echo; "
        f"touch {HOME}/x /tmp/x && echo writes; for place in / /run /var/lib {ROOT}; do touch $place/x 2>/dev/null && echo $place; done; "
        "grep -E 'CapBnd|NoNewPrivs' /proc/self/status | tr -d '\\t'"
    )
    with contained(["/bin/sh", "-c", tries], {"PATH": "/usr/bin:/bin"}, secrets, log) as process:
        process.wait(30)
    assert log.read_text("utf-8").split() == [
        str(USER),
        "1",
        "key",
        "writes",
        "CapBnd:0000000000000000",
        "NoNewPrivs:1",
    ]


@contains
@pytest.mark.usefixtures("topics")
def test_worker_and_gateway_run_without_rights_on_a_root_that_is_read_only(
    kafka: str, namespace: str, secrets: Path, tmp_path: Path
) -> None:
    logs = {one.name: tmp_path / f"{one.name}.log" for one in (WORKER, GATEWAY)}
    worker, worker_port = variables(kafka, namespace, WORKER)
    gateway, gateway_port = variables(kafka, namespace, GATEWAY)
    with (
        contained(WORKER.command, worker, secrets, logs["worker"]) as first,
        contained(GATEWAY.command, gateway, secrets, logs["gateway"]) as second,
    ):
        await_answer(first, worker_port, WORKER.ready.path, logs["worker"])
        await_answer(second, gateway_port, GATEWAY.ready.path, logs["gateway"])
        assert GATEWAY.alive is not None
        assert answers(gateway_port, GATEWAY.alive.path)
        assert not answers(gateway_port, "/metrics"), "it needs the token"
        for process in (first, second):
            ask_to_end(process)
        assert [first.wait(STOP_S), second.wait(STOP_S)] == [0, 0], [log.read_text("utf-8") for log in logs.values()]


@pytest.mark.parametrize("number", [1, 3])
def test_kafka_accepts_the_configuration_of_a_broker(number: int, tmp_path: Path) -> None:
    """Kafka's own tool reads the whole of it when it makes a data folder."""
    settings = {**brokers.properties(number), "log.dirs": str(tmp_path / "data")}
    file = tmp_path / "server.properties"
    file.write_text("".join(f"{key}={value}\n" for key, value in settings.items()), encoding="utf-8")
    tool = [str(find_java().path), "-cp", classpath(), "kafka.tools.StorageTool", "format", "-c", str(file)]
    done = subprocess.run(
        [*tool, f"--cluster-id={brokers.CLUSTER_ID}"], capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stdout + done.stderr
    meta = (tmp_path / "data" / "meta.properties").read_text("utf-8")
    assert f"cluster.id={brokers.CLUSTER_ID}" in meta
    assert f"node.id={number}" in meta
