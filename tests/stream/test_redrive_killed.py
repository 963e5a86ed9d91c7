"""A dead-letter command that is killed or fenced leaves both records and repairs, or neither."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from router.dead_letters.redrive_producer import OutgoingRecord, open_redrive_producer
from router.wire.errors import BrokerError
from router.wire.settings import Settings
from router.wire.topic_names import Names
from router.workers.pool import environment
from tests.support.dead_letters import (
    ATTRIBUTION,
    MANY,
    Run,
    applied,
    deployment,
    publish_dead_letters,
    publish_many,
    records,
    redriven,
    rejected_record,
    repair_log,
    run_command,
)
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.broker


@pytest.fixture
def settings(kafka: str, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    return deployment(kafka, namespace, tmp_path, monkeypatch)


@pytest.fixture
def names(settings: Settings) -> Names:
    return applied(settings)


@pytest.fixture
def run(names: Names) -> Run:
    del names  # its topics exist
    return run_command


HANGS = """
import time
from router.dead_letters.redrive_producer import RedriveProducer

send = RedriveProducer.send
def send_and_hang(producer, records):
    offsets = send(producer, records)
    if records[0].topic.endswith("grid.repairs"):
        print("sent", flush=True)
        time.sleep(600)
    return offsets
RedriveProducer.send = send_and_hang
from router.cli.main import app
app(["dead-letters", "redrive", "--all", "--actor", "a", "--why", "w"])
"""
"""A redrive that hangs when the records and repairs of its first chunk are on the broker, before the commit."""


def kill_when_it_prints(command: list[str], settings: Settings, line: str) -> None:
    process = subprocess.Popen(command, env=environment(settings), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process, process.stdout:
        assert line in process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE_S)


def test_killed_before_the_commit_leaves_neither_record_nor_repair(settings: Settings, names: Names, run: Run) -> None:
    ids = publish_dead_letters(settings, names, [rejected_record(names, n, b'{"n":%d}' % n) for n in range(700)])
    kill_when_it_prints([sys.executable, "-c", HANGS], settings, "sent")
    with open_redrive_producer(str(settings.kafka), settings.namespace):
        pass  # the next owner aborts the transaction that was left open
    assert (redriven(settings, names.reports("hotline")), repair_log(settings, names)) == ({}, {})
    done = run("redrive", "--all", *ATTRIBUTION)
    assert "700 redriven" in done.stderr
    assert {id_: len(found) for id_, found in redriven(settings, names.reports("hotline")).items()} == dict.fromkeys(
        ids, 1
    )
    assert set(repair_log(settings, names)) == set(ids)


def test_killed_between_chunks_leaves_both_of_each_or_neither(settings: Settings, names: Names, run: Run) -> None:
    dead_letters = publish_many(settings, names)
    command = [sys.executable, "-m", "router.cli.main", "dead-letters", "redrive", "--all", *ATTRIBUTION, "-o", "json"]
    kill_when_it_prints(command, settings, '"redriven"')
    with open_redrive_producer(str(settings.kafka), settings.namespace):
        pass
    first = redriven(settings, names.reports("hotline"))
    assert set(first) == set(repair_log(settings, names))
    assert 500 <= len(first) < MANY
    assert set(map(len, first.values())) == {1}
    done = run("redrive", "--all", *ATTRIBUTION)
    assert f"{MANY - len(first):,} redriven, {len(first):,} skipped" in done.stderr
    once = redriven(settings, names.reports("hotline"))
    assert {id_: len(found) for id_, found in once.items()} == dict.fromkeys(dead_letters, 1)


def test_opening_the_redrive_producer_fences_the_earlier_one(settings: Settings, names: Names) -> None:
    record = OutgoingRecord(topic=names.repairs, partition=0, key=b"k", value=b"first", headers=[])
    later = OutgoingRecord(topic=names.repairs, partition=0, key=b"k", value=b"second", headers=[])

    def write_after_the_fence() -> None:
        with open_redrive_producer(str(settings.kafka), settings.namespace) as first:
            with open_redrive_producer(str(settings.kafka), settings.namespace) as second, second.transaction():
                second.send([later])
            with first.transaction():
                first.send([record])

    with pytest.raises(BrokerError, match="another `dead-letters repair`, `redrive` or `erase` has begun"):
        write_after_the_fence()
    assert [one.value for one in records(settings, names.repairs)] == [b"second"]
