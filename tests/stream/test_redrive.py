"""Dead letters are repaired and redriven on a real broker with a real worker; every id is compared."""

import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from router.cli.dead_letters.commands import app
from router.wire.codec import decode_case
from router.wire.errors import InputError, TopicError
from router.wire.settings import Settings
from router.wire.topic_names import Names
from router.workers.pool import WorkerPool
from tests.support.dead_letters import (
    ATTRIBUTION,
    CITY,
    MANY,
    PATCH,
    Run,
    address,
    applied,
    deployment,
    header,
    producer_of,
    publish_dead_letters,
    publish_many,
    records,
    redriven,
    rejected_record,
    repair_log,
    reports_in_cases,
    requests,
    run_command,
    send_until_accepted,
    tasks,
    wait_until,
    wait_until_redelivered,
    with_type,
)
from tests.support.patience import PATIENCE_S
from tests.support.topics import Record, set_config

pytestmark = pytest.mark.broker


@pytest.fixture
def settings(kafka: str, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    return deployment(kafka, namespace, tmp_path, monkeypatch)


@pytest.fixture
def names(settings: Settings) -> Names:
    return applied(settings)


@pytest.fixture
def worker(settings: Settings, names: Names) -> Iterator[WorkerPool]:
    del names  # its topics exist
    with WorkerPool(CITY, settings, 1, "wall") as pool:
        yield pool


@pytest.fixture
def run(names: Names) -> Run:
    del names  # its topics exist
    return run_command


def assert_history_is_shown(run: Run, ids: list[str], again: dict[str, list[Record]]) -> None:
    shown = orjson.loads(run("show", ids[0], "-o", "json").stdout)
    assert [step["done"] for step in shown["history"]] == ["repaired", "repaired", "redriven"]
    assert shown["history"][0] | {"at": None, "sha256": None} == {
        "done": "repaired",
        "actor": "li.wei",
        "why": "the code table was corrected",
        "at": None,
        "patch": orjson.loads(PATCH),
        "sha256": None,
    }
    assert shown["history"][2]["to"] == address(again[ids[0]][0])
    assert shown["value"]["RequestType"] == "No Such Thing"
    assert shown["repaired_value"]["RequestType"] == "Graffiti Removal"
    assert f"redriven by li.wei as {address(again[ids[0]][0])}: the code table" in run("show", ids[0]).stdout
    listed = run("list", "-o", "json").stdout.splitlines()
    assert Counter(orjson.loads(line)["state"] for line in listed) == {"redriven": 6, "open": 1}


def assert_second_redrive_changes_nothing(
    settings: Settings, names: Names, run: Run, worker: WorkerPool, ids: list[str]
) -> None:
    before, wanted = tasks(settings, names), reports_in_cases(settings, names)
    done = run("redrive", *ids, *ATTRIBUTION)
    assert "0 redriven, 6 skipped" in done.stderr
    assert run("redrive", *ids, "--force", *ATTRIBUTION).exit_code == 0
    wait_until_redelivered(settings, 6, worker)
    assert reports_in_cases(settings, names) == wanted
    assert tasks(settings, names) == before
    assert set(before.values()) == {1}


def test_repaired_and_redriven_records_end_in_one_case_each(
    settings: Settings, names: Names, worker: WorkerPool, run: Run, tmp_path: Path
) -> None:
    *unknown, broken, sound = requests(7)
    values = [
        *(with_type(one, "No Such Thing") for one in unknown),
        broken.value[:-5],
        b'{"SRNumber":"1-1"}',
        sound.value,
    ]
    keys = [*(one.source_id.encode() for one in (*unknown, broken)), b"1-1", sound.source_id.encode()]
    producer = producer_of(settings)
    sent = [
        producer.send(names.reports("hotline"), key=key, value=value, partition=n % 2).get(PATIENCE_S)
        for n, (key, value) in enumerate(zip(keys, values, strict=True))
    ]
    producer.close()
    ids = [f"{one.topic}/{one.partition}/{one.offset}" for one in sent]
    wait_until(lambda: len(records(settings, names.dead_letters)) == 7, worker)
    dead_letters_before = [(r.key, r.value, r.headers) for r in records(settings, names.dead_letters)]

    # a value that would be rejected again is named and not kept
    done = run("repair", ids[0], ids[6], "--city", CITY, "--patch", PATCH, *ATTRIBUTION)
    assert done.exit_code == 1, (done.stderr, done.exception)
    assert f"{ids[6]}  " in done.stdout
    assert ids[0] not in done.stdout
    assert "1 repaired, 1 would still be rejected" in done.stderr
    assert set(repair_log(settings, names)) == {ids[0]}
    done = run(
        "repair", "--reason", "unknown-code", "--network", "hotline", "--city", CITY, "--patch", PATCH, *ATTRIBUTION
    )
    assert (done.exit_code, done.stdout) == (0, ""), (done.stderr, done.exception)
    assert "5 repaired" in done.stderr
    file = tmp_path / "value.json"
    file.write_bytes(broken.value)
    done = run("repair", ids[5], "--city", CITY, "--value", str(file), *ATTRIBUTION)
    assert done.exit_code == 0, (done.stderr, done.exception)
    assert [(r.key, r.value, r.headers) for r in records(settings, names.dead_letters)] == dead_letters_before
    listed = run("list", "--state", "repaired", "-o", "json").stdout.splitlines()
    assert {orjson.loads(line)["id"] for line in listed} == set(ids[:6])

    # each redriven record ends in one case and keeps its first received time
    done = run("redrive", *ids[:6], *ATTRIBUTION)
    assert done.exit_code == 0, (done.stderr, done.exception)
    assert "6 redriven" in done.stderr
    wanted = sorted(one.report for one in (*unknown, broken, sound))
    wait_until(lambda: reports_in_cases(settings, names) == wanted, worker)
    again = redriven(settings, names.reports("hotline"))
    assert {id_: len(found) for id_, found in again.items()} == dict.fromkeys(ids[:6], 1)
    kept = {address(r): r for r in records(settings, names.reports("hotline"))}
    for id_, (record,) in again.items():
        assert (record.key, record.partition) == (kept[id_].key, kept[id_].partition)
        assert header(record, "grid-redriven-by") == b"li.wei"
        received_at = datetime.fromisoformat((header(record, "grid-received-at") or b"").decode())
        assert received_at == datetime.fromtimestamp(kept[id_].timestamp / 1000, UTC)
    cases = [decode_case(value) for value in {r.key: r.value for r in records(settings, names.cases)}.values()]
    received = {report.id: report.received_at for case in cases for report in case.reports}
    for id_, one in zip(ids, (*unknown, broken), strict=False):
        assert received[one.report] == datetime.fromtimestamp(kept[id_].timestamp / 1000, UTC)

    assert_history_is_shown(run, ids, again)
    assert_second_redrive_changes_nothing(settings, names, run, worker, ids[:6])


def test_a_redriven_event_is_recognised_as_redelivered(
    settings: Settings, names: Names, worker: WorkerPool, run: Run
) -> None:
    (sound,) = requests(1)
    producer = producer_of(settings)
    producer.send(names.reports("hotline"), key=sound.source_id.encode(), value=sound.value, partition=0).get(
        PATIENCE_S
    )
    producer.close()
    wait_until(lambda: reports_in_cases(settings, names) == [sound.report], worker)
    before = tasks(settings, names)
    (event,) = [r for r in records(settings, names.events) if header(r, "ce_id") == sound.report.encode()]
    poison = rejected_record(
        names,
        event.offset,
        event.value,
        topic=names.events,
        partition=event.partition,
        key=event.key,
        headers=event.headers,
    )
    (event_id,) = publish_dead_letters(settings, names, [poison], "grid")
    done = run("redrive", event_id, *ATTRIBUTION)
    assert done.exit_code == 0, (done.stderr, done.exception)
    wait_until_redelivered(settings, 1, worker)
    (back,) = redriven(settings, names.events)[event_id]
    assert (back.partition, back.key, back.value) == (event.partition, event.key, event.value)
    assert reports_in_cases(settings, names) == [sound.report]
    assert tasks(settings, names) == before
    assert before


def test_thousands_redriven_twice_are_in_cases_once(
    settings: Settings, names: Names, worker: WorkerPool, run: Run
) -> None:
    dead_letters = publish_many(settings, names)
    done = run("redrive", "--reason", "unknown-code", *ATTRIBUTION)
    assert done.exit_code == 0, (done.stderr, done.exception)
    assert f"{MANY:,} redriven" in done.stderr
    once = redriven(settings, names.reports("hotline"))
    assert {id_: [r.value for r in found] for id_, found in once.items()} == {
        id_: [message.value] for id_, message in dead_letters.items()
    }
    assert all(address(found[0]).split("/")[:2] == id_.split("/")[:2] for id_, found in once.items())
    assert {id_: repair.steps[-1].to for id_, repair in repair_log(settings, names).items()} == {
        id_: address(found[0]) for id_, found in once.items()
    }
    wanted = sorted(message.report for message in dead_letters.values())
    wait_until(lambda: reports_in_cases(settings, names) == wanted, worker, 120)
    before = tasks(settings, names)
    done = run("redrive", "--all", *ATTRIBUTION)
    assert f"0 redriven, {MANY:,} skipped" in done.stderr
    done = run("redrive", "--all", "--again", *ATTRIBUTION)  # the former name of --force
    assert "`--again` is now `--force`" in done.stderr
    assert f"{MANY:,} redriven" in done.stderr
    assert set(map(len, redriven(settings, names.reports("hotline")).values())) == {2}
    wait_until_redelivered(settings, MANY, worker)
    assert reports_in_cases(settings, names) == wanted
    assert tasks(settings, names) == before
    assert before
    assert records(settings, names.dead_letters)[MANY:] == []


def test_limit_and_dry_run(settings: Settings, names: Names, run: Run) -> None:
    ids = publish_dead_letters(settings, names, [rejected_record(names, n, b"{}") for n in range(6)])
    done = run("redrive", "--all", "--dry-run", *ATTRIBUTION)
    assert done.exit_code == 0, (done.stderr, done.exception)
    assert {line.split()[0] for line in done.stdout.splitlines()} == set(ids)
    assert (redriven(settings, names.reports("hotline")), repair_log(settings, names)) == ({}, {})
    assert "2 redriven" in run("redrive", "--all", "--limit", "2", *ATTRIBUTION).stderr
    first = set(redriven(settings, names.reports("hotline")))
    done = run("redrive", "--all", "--limit", "2", "-o", "json", *ATTRIBUTION)
    lines = [orjson.loads(line) for line in done.stdout.splitlines()]
    second = {line["id"] for line in lines if line["result"] == "redriven"}
    assert {line["id"] for line in lines if line["result"] == "skipped"} == first
    assert len(second) == 2
    assert set(redriven(settings, names.reports("hotline"))) == first | second
    assert "2 redriven, 4 skipped" in run("redrive", "--all", *ATTRIBUTION).stderr


def test_a_redrive_failure_is_reported_and_affects_no_other_record(settings: Settings, names: Names, run: Run) -> None:
    large = b"x" * (7 << 20)
    set_config(str(settings.kafka), names.reports("hotline"), compression_type="producer")  # as topics of 0.1 were
    large_record = send_until_accepted(settings, names.reports("hotline"), large)
    sound = [rejected_record(names, 100 + n, b'{"n":%d}' % n) for n in range(8)]
    ids = publish_dead_letters(
        settings,
        names,
        [
            *sound[:4],
            rejected_record(names, 7000, None, key=None),
            rejected_record(names, large_record.offset, large, partition=0, key=b"large"),
            rejected_record(names, 5000, large, partition=0),  # its topic has no such record
            rejected_record(names, 6000, os.urandom((4 << 20) - 200), partition=0),  # fitted without the added headers
            rejected_record(names, 8000, b"{}", topic=names.tasks("bos")),
            rejected_record(names, 9000, b"{}", partition=9),
            *sound[4:],
        ],
    )
    done = run("redrive", "--all", "-o", "json", *ATTRIBUTION)
    assert done.exit_code == 1, (done.stderr, done.exception)
    printed = {line["id"]: line for line in map(orjson.loads, done.stdout.splitlines())}
    assert [printed[id_].get("code") for id_ in ids[5:10]] == [
        "too-large",
        "original-gone",
        "too-large",
        "foreign-topic",
        "no-partition",
    ]
    assert all(line["reason"].endswith(".") for line in printed.values() if line["result"] == "rejected")
    again = redriven(settings, names.reports("hotline"))
    assert set(again) == set(repair_log(settings, names)) == {*ids[:5], *ids[10:]}
    assert records(settings, names.tasks("bos")) == []


def test_wrong_arguments_raise_one_sentence(kafka: str, run: Run, names: Names) -> None:
    del kafka, names
    for arguments, sentence in (
        (["redrive", "grid.dead-letters/0/99", *ATTRIBUTION], "no dead letter of that record"),
        (["redrive", *ATTRIBUTION], "no dead letters are named"),
        (["redrive", "--all", "--reason", "schema", *ATTRIBUTION], "--all is given, and conditions too"),
        (["repair", "a/1/1", "--city", CITY, *ATTRIBUTION], "either a patch or a value is needed"),
        (
            ["repair", "--reason", "x", "--city", CITY, "--value", "f", *ATTRIBUTION],
            "one value cannot be that of several",
        ),
        (["repair", "a/1/1", "--city", CITY, "--value", "/none/at/all", *ATTRIBUTION], "cannot be read"),
    ):
        done = run(*arguments)
        assert isinstance(done.exception, InputError), (arguments, done.exception)
        assert sentence in str(done.exception)


def test_missing_topics_raise_with_the_command_that_makes_them(
    kafka: str, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRID_ROUTER_KAFKA", kafka)
    monkeypatch.setenv("GRID_ROUTER_NAMESPACE", namespace)
    done = CliRunner().invoke(app, ["redrive", "--all", *ATTRIBUTION])
    assert isinstance(done.exception, TopicError)
    assert "topics apply" in str(done.exception)
