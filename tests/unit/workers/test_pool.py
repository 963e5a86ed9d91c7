"""The pool stops what it started, restarts what crashed, gives up on a crash loop, and its workers end with it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from router.wire.errors import WorkerError
from router.wire.settings import Settings
from router.workers.pool import WorkerPool, environment, last_line
from router.workers.restart_policy import ENDLESS, RestartPolicy

POLICY = RestartPolicy(first_s=0.05, most_s=0.1, healthy_s=60, crashes=3)
STOPS_IN_ORDER = """
import signal, sys, os
from router.workers import parent_watch
parent_watch.watch_parent()
signal.signal(signal.SIGTERM, lambda *_: (print("stopped in order", flush=True), sys.exit(0)))
print("up", *sys.argv[1:], os.environ.get("GRID_ROUTER_KAFKA"), flush=True)
while True: signal.pause()
"""
IGNORES_SIGTERM = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
while True: signal.pause()
"""
FAILS = "import sys; print('cannot open the city: no such folder'); print(); sys.exit({})"


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met"
        time.sleep(0.01)


def running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


WRITES = """
import pathlib, signal
pathlib.Path("written").touch()
print("up", flush=True)
while True: signal.pause()
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, kafka="127.0.0.1:1", namespace="t1.")


@pytest.fixture
def pool_of(settings: Settings) -> Iterator[Callable[..., WorkerPool]]:
    pools: list[WorkerPool] = []

    def make(program: str, workers: int = 1, **options: Any) -> WorkerPool:
        given = {"command": (sys.executable, "-c", program), "restart_policy": POLICY} | options
        pool = WorkerPool("los-angeles", settings, workers, "stream", **given)
        pools.append(pool)
        return pool

    yield make
    for pool in pools:
        pool.stop(0)


def text(pool: WorkerPool, number: int = 0) -> str:
    log = pool.logs[number]
    return log.read_text(encoding="utf-8") if log.exists() else ""


def test_a_worker_gets_its_arguments_and_settings_and_stops_in_order(pool_of: Callable[..., WorkerPool]) -> None:
    pool = pool_of(STOPS_IN_ORDER, 2)
    pool.start()
    until(lambda: "up" in text(pool, 0) and "up" in text(pool, 1))
    assert text(pool, 1).strip() == "up los-angeles --worker 1 --clock stream --exit-with-parent 127.0.0.1:1"
    pids = pool.pids
    assert sorted(pids) == [0, 1]
    assert pool.stop() is True
    assert not any(running(pid) for pid in pids.values())
    assert "stopped in order" in text(pool, 0)
    assert pool.pids == {}


def test_a_worker_that_ignores_sigterm_is_killed_at_the_deadline(pool_of: Callable[..., WorkerPool]) -> None:
    pool = pool_of(IGNORES_SIGTERM)
    pool.start()
    until(lambda: "up" in text(pool))
    pid = pool.pids[0]
    assert pool.stop(grace_s=0.2) is False
    assert not running(pid)


def test_a_killed_worker_is_restarted_and_does_not_count_as_a_crash(pool_of: Callable[..., WorkerPool]) -> None:
    pool = pool_of(STOPS_IN_ORDER)
    pool.start()
    for round_ in range(1, POLICY.crashes + 2):
        until(lambda expected=round_: text(pool).count("up") == expected)
        before = pool.pids[0]
        pool.kill(0)
        assert pool.pids == {}
        pool.poll()
        assert pool.pids[0] != before
    assert pool.restarts == POLICY.crashes + 1


def test_each_exit_is_reported_once_with_its_process(pool_of: Callable[..., WorkerPool]) -> None:
    ended: list[int] = []
    pool = pool_of(STOPS_IN_ORDER, 2, on_exit=ended.append, restart_policy=replace(POLICY, first_s=600, most_s=600))
    pool.start()
    until(lambda: "up" in text(pool, 0) and "up" in text(pool, 1))
    crashed = pool.pids[1]
    os.kill(crashed, signal.SIGKILL)
    until(lambda: 1 not in pool.pids)
    for _ in range(2):
        pool.poll()
    assert ended == [crashed]


def test_a_graceful_restart_stops_in_order_and_starts_at_once(pool_of: Callable[..., WorkerPool]) -> None:
    logged: list[str] = []
    pool = pool_of(STOPS_IN_ORDER, 2, log=logged.append)
    pool.start()
    until(lambda: "up" in text(pool, 0) and "up" in text(pool, 1))
    before = pool.pids
    pool.restart_gracefully(1)
    until(lambda: (pool.poll(), pool.pids.get(1, before[1]) != before[1])[1])
    assert pool.pids[0] == before[0]
    assert logged == [
        f"worker 0 started, process {before[0]}",
        f"worker 1 started, process {before[1]}",
        "worker 1 ended in order, restarts at once",
        f"worker 1 started, process {pool.pids[1]}",
    ]
    assert "stopped in order" in text(pool, 1)


def test_a_worker_that_ignores_a_restart_is_killed_at_its_deadline(pool_of: Callable[..., WorkerPool]) -> None:
    logged: list[str] = []
    pool = pool_of(IGNORES_SIGTERM, log=logged.append)
    pool.start()
    until(lambda: "up" in text(pool))
    before = pool.pids[0]
    pool.restart_gracefully(0, grace_s=0.2)
    until(lambda: (pool.poll(), pool.pids.get(0, before) != before)[1])
    assert logged[1] == "worker 0 ended by SIGKILL, restarts at once; last log line: up"


@pytest.mark.parametrize("code", [2, 3])
def test_a_service_never_gives_up_and_logs_each_exit_with_its_pause(
    pool_of: Callable[..., WorkerPool], code: int
) -> None:
    logged: list[str] = []
    restart_policy = replace(ENDLESS, first_s=0.1, most_s=0.3)
    pool = pool_of(FAILS.format(code), restart_policy=restart_policy, log=logged.append)
    pool.start()
    until(lambda: (pool.poll(), pool.restarts > POLICY.crashes)[1])
    ends = [line for line in logged if "ended" in line]
    assert f"({code}), restarts in 0.1 s; last log line: cannot open the city: no such folder" in ends[0]
    assert [line.split(" in ")[1].split(";")[0] for line in ends[:4]] == ["0.1 s", "0.2 s", "0.3 s", "0.3 s"]


def test_the_pause_of_a_service_doubles_up_to_half_a_minute() -> None:
    assert [ENDLESS.pause(ends) for ends in range(1, 9)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert ENDLESS.pause(5000) == 30, "after two days without a broker"


@pytest.mark.parametrize(("code", "ends"), [(1, POLICY.crashes), (2, POLICY.rejections)])
def test_a_crash_loop_ends_with_one_sentence_that_names_the_log(
    pool_of: Callable[..., WorkerPool], code: int, ends: int
) -> None:
    pool = pool_of(FAILS.format(code))
    pool.start()

    def given_up() -> WorkerError | None:
        try:
            pool.poll()
        except WorkerError as error:
            return error
        return None

    errors: list[WorkerError] = []
    until(lambda: (error := given_up()) and errors.append(error) is None)
    sentence = str(errors[0])
    assert f"worker 0 ended {ends} times in a row (exit code {code})" in sentence
    assert "cannot open the city: no such folder" in sentence
    assert str(pool.logs[0]) in sentence
    assert pool.restarts == ends - 1


def test_a_missing_program_is_one_sentence(settings: Settings) -> None:
    with pytest.raises(WorkerError, match="worker 0 cannot be started"):
        WorkerPool("x", settings, 1, command=("/no/such/program",)).start()


def test_workers_stop_when_the_process_of_the_pool_is_killed(tmp_path: Path) -> None:
    parent = f"""
import sys, time
from router.workers.pool import WorkerPool
from router.wire.settings import Settings
from pathlib import Path
pool = WorkerPool("c", Settings(home=Path({str(tmp_path)!r})), 2, command=(sys.executable, "-c", {STOPS_IN_ORDER!r}))
pool.start()
print(*pool.pids.values(), flush=True)
while True: time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        pids = [int(pid) for pid in process.stdout.readline().split()]
    logs = [tmp_path / "logs" / f"worker-{n}.log" for n in (0, 1)]
    until(lambda: all(log.exists() and "up" in log.read_text(encoding="utf-8") for log in logs))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    until(lambda: not any(running(pid) for pid in pids))
    assert all("stopped in order" in log.read_text(encoding="utf-8") for log in logs)


def test_the_environment_of_a_worker_is_exactly_the_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRID_ROUTER_CITIES", "/another/folder")
    monkeypatch.chdir(tmp_path)
    given = environment(Settings(home=Path("h"), kafka="a:1", partitions=7, cities=None))
    assert given["GRID_ROUTER_HOME"] == str(tmp_path / "h")
    assert given["GRID_ROUTER_PARTITIONS"] == "7"
    assert given["GRID_ROUTER_NAMESPACE"] == ""
    assert "GRID_ROUTER_CITIES" not in given
    assert "PATH" in given


def test_a_worker_gets_the_password_by_its_environment_alone(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, kafka="a:1", kafka_password=SecretStr("s3cret"), kafka_ca=Path("/etc/ca.pem"))
    assert environment(settings)["GRID_ROUTER_KAFKA_PASSWORD"] == "s3cret"
    assert environment(settings)["GRID_ROUTER_KAFKA_CA"] == "/etc/ca.pem"
    assert "s3cret" not in " ".join(WorkerPool("puyang", settings, 1)._arguments)


def test_the_last_line_of_a_log_has_no_control_characters(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("first\n\x1b[31mlast\x1b[0m words\n\n", encoding="utf-8")
    assert last_line(log) == "[31mlast[0m words"
    assert last_line(tmp_path / "none") == ""


def test_logs_and_what_a_worker_writes_are_their_users_alone(
    settings: Settings, pool_of: Callable[..., WorkerPool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also a folder and a log that an earlier version left open to others."""
    monkeypatch.chdir(settings.home)
    log = settings.home / "logs" / "t1.worker-0.log"
    log.parent.mkdir(mode=0o755)
    log.touch(0o644)
    before = os.umask(0o022)
    try:
        pool = pool_of(WRITES, workers=2)
        pool.start()
        until(lambda: all("up" in one.read_text() for one in pool.logs))
    finally:
        os.umask(before)
    assert log.parent.stat().st_mode & 0o777 == 0o700
    for file in (*pool.logs, settings.home / "written"):
        assert file.stat().st_mode & 0o777 == 0o600, file
