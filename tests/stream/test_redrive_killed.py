"""Commands about dead letters that are killed or overtaken leave records and notes together, or neither."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from router.broker.admin import apply
from router.cities.folder import load_city
from router.cli.dead_letters import app
from router.dead_letters.producer import Outgoing, open_exclusive_producer
from router.wire.errors import BrokerError
from router.wire.settings import Settings
from router.wire.topics import Names, topics_of
from router.workers.pool import environment
from tests.support.broker import free_ports
from tests.support.dead_letters import (
    CITY,
    MANY,
    WHO,
    Run,
    driven,
    lay,
    many,
    records,
    refused_record,
    repair_log,
)

pytestmark = pytest.mark.broker


@pytest.fixture
def settings(kafka: str, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("GRID_ROUTER_KAFKA", kafka)
    monkeypatch.setenv("GRID_ROUTER_NAMESPACE", namespace)
    return Settings(kafka=kafka, home=tmp_path, namespace=namespace, partitions=2, metrics_port=free_ports(1))


@pytest.fixture
def names(settings: Settings) -> Names:
    apply(str(settings.kafka), topics_of(load_city(CITY), settings))
    return Names(settings.namespace)


@pytest.fixture
def run(names: Names) -> Run:
    del names  # its topics exist
    return lambda *arguments: CliRunner().invoke(app, arguments, env={"COLUMNS": "160", "NO_COLOR": "1"})


HANGS = """
import time
from router.dead_letters.producer import Desk

send = Desk.send
def send_and_hang(desk, records):
    offsets = send(desk, records)
    if records[0].topic.endswith("grid.repairs"):
        print("sent", flush=True)
        time.sleep(600)
    return offsets
Desk.send = send_and_hang
from router.cli.main import app
app(["dead-letters", "redrive", "--all", "--actor", "a", "--why", "w"])
"""
"""A redrive that stands still when records and notes of its first portion are on the broker, before it commits."""


def killed_when_it_says(command: list[str], settings: Settings, line: str) -> None:
    process = subprocess.Popen(command, env=environment(settings), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process, process.stdout:
        assert line in process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.wait(20)


def test_killed_before_the_commit_leaves_neither_record_nor_note(settings: Settings, names: Names, run: Run) -> None:
    ids = lay(settings, names, [refused_record(names, n, b'{"n":%d}' % n) for n in range(700)])
    killed_when_it_says([sys.executable, "-c", HANGS], settings, "sent")
    with open_exclusive_producer(str(settings.kafka), settings.namespace):
        pass  # whoever comes next ends what was left open
    assert (driven(settings, names.reports("hotline")), repair_log(settings, names)) == ({}, {})
    done = run("redrive", "--all", *WHO)
    assert "700 redriven" in done.stderr
    assert {id_: len(found) for id_, found in driven(settings, names.reports("hotline")).items()} == dict.fromkeys(
        ids, 1
    )
    assert set(repair_log(settings, names)) == set(ids)


def test_killed_between_portions_leaves_both_of_each_or_none(settings: Settings, names: Names, run: Run) -> None:
    dead_letters = many(settings, names)
    command = [sys.executable, "-m", "router.cli.main", "dead-letters", "redrive", "--all", *WHO, "-o", "json"]
    killed_when_it_says(command, settings, '"redriven"')
    with open_exclusive_producer(str(settings.kafka), settings.namespace):
        pass
    first = driven(settings, names.reports("hotline"))
    assert set(first) == set(repair_log(settings, names))
    assert 500 <= len(first) < MANY
    assert set(map(len, first.values())) == {1}
    done = run("redrive", "--all", *WHO)
    assert f"{MANY - len(first):,} redriven, {len(first):,} skipped" in done.stderr
    once = driven(settings, names.reports("hotline"))
    assert {id_: len(found) for id_, found in once.items()} == dict.fromkeys(dead_letters, 1)


def test_whoever_opens_the_desk_shuts_the_earlier_one_out(settings: Settings, names: Names) -> None:
    record = Outgoing(topic=names.repairs, partition=0, key=b"k", value=b"first", headers=[])
    later = Outgoing(topic=names.repairs, partition=0, key=b"k", value=b"second", headers=[])

    def overtaken() -> None:
        with open_exclusive_producer(str(settings.kafka), settings.namespace) as first:
            with open_exclusive_producer(str(settings.kafka), settings.namespace) as second, second.transaction():
                second.send([later])
            with first.transaction():
                first.send([record])

    with pytest.raises(BrokerError, match="another `dead-letters repair` or `redrive` has begun"):
        overtaken()
    assert [one.value for one in records(settings, names.repairs)] == [b"second"]
