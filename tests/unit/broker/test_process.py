"""The broker's process at its start, with programs in the place of Java: one dies, one does nothing, one is slow."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.broker import process, progress, server
from router.broker.folder import Folder
from router.broker.properties import server_properties
from router.wire.errors import BrokerError, InputError
from router.wire.settings import Settings
from tests.support.broker import free_ports

FORMAT = "mkdir -p data && touch data/meta.properties"
"""What stands for Kafka's storage tool."""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A broker whose Java is a script; it is ended when the test ends."""
    monkeypatch.delenv("GRID_ROUTER_KAFKA", raising=False)
    monkeypatch.setattr(server, "classpath", lambda: "none.jar")
    own = Settings(home=tmp_path / "home", broker_port=free_ports(2))
    yield own
    server.stop(own)


def java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kafka: str) -> None:
    """Let a shell script stand for Java: it prints a version, formats the data, and runs `kafka` as the broker."""
    program = tmp_path / "jdk" / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(
        f"""#!/bin/sh
case "$*" in
-version) echo 'openjdk version "25"' >&2 ;;
*StorageTool*) {FORMAT} ;;
*) {kafka} ;;
esac
"""
    )
    program.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))


def test_one_that_died_is_reported_at_once_with_its_last_lines(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "echo 'first cause'; echo '\tat a.b.C(D.java:1)'; printf 'second \\033[31mcause\\n'; exit 3"
    java(tmp_path, monkeypatch, said)
    with pytest.raises(BrokerError) as reported:
        server.start(settings)
    out = Folder(settings).out
    assert str(reported.value) == (
        f"{out}: the broker ended during its start (first cause | second  [31mcause); read that log."
    )
    assert server.status(settings).state == "stopped"


def test_the_lines_of_an_earlier_start_are_not_its_cause(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(settings)
    folder.root.mkdir(parents=True)
    folder.log.write_text("a cause of yesterday\n")
    java(tmp_path, monkeypatch, "exit 1")
    with pytest.raises(BrokerError, match="it wrote no line"):
        server.start(settings)
    java_log = "echo 'a cause of today' >> kafka.log"
    (tmp_path / "jdk").rename(tmp_path / "jdk-before")
    java(tmp_path, monkeypatch, f"{java_log}; exit 1")
    with pytest.raises(BrokerError, match=r"kafka\.log: the broker ended during its start \(a cause of today\)"):
        server.start(settings)


def test_passwords_of_a_secured_home_are_in_no_arguments(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRID_ROUTER_KAFKA_PASSWORD", "of-another-cluster")
    java(tmp_path, monkeypatch, "exit 1")
    script = tmp_path / "jdk" / "bin" / "java"
    note = '@*) echo "$*" > seen; cp "${1#@}" copied; env > environment; ' + FORMAT + " ;;\n*StorageTool*)"
    script.write_text(script.read_text().replace("*StorageTool*)", note, 1))
    with pytest.raises(BrokerError, match="the broker ended during its start"):
        server.start(settings, secure=True)
    folder = Folder(settings)
    secrets = [folder.credentials.password(user) for user in ("admin", "broker")]
    assert (folder.root / "seen").read_text() == f"@{folder.arguments.name}\n"
    assert [one in (folder.root / "copied").read_text() for one in secrets] == [True, True]
    assert "of-another-cluster" not in (folder.root / "environment").read_text()
    assert not folder.arguments.exists()


def test_a_home_with_data_is_not_secured_afterwards(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java(tmp_path, monkeypatch, "exit 1")
    with pytest.raises(BrokerError):
        server.start(settings)
    with pytest.raises(InputError, match="the broker of this folder has data, and was made without security"):
        server.start(settings, secure=True)
    assert not Folder(settings).credentials


def test_one_that_does_nothing_is_reported_and_left_running(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "STALLED_SECONDS", 0.5)
    monkeypatch.setattr(progress, "LOOK_SECONDS", 0.1)
    java(tmp_path, monkeypatch, "exec 3>&1; read never < fifo")
    folder = Folder(settings)
    folder.root.mkdir(parents=True)
    os.mkfifo(folder.root / "fifo")
    with pytest.raises(BrokerError, match=r"its process \d+ has done nothing for 0 s; .* `grid-router broker stop`"):
        server.start(settings)
    assert server.status(settings).state == "unreachable"


def test_one_that_works_for_longer_than_the_limit_without_work_is_waited_for(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It computes in silence, three times as long as one without work may take, and then ends."""
    monkeypatch.setattr(progress, "STALLED_SECONDS", 2.0)
    monkeypatch.setattr(progress, "LOOK_SECONDS", 0.1)
    compute = "i=0; end=$(($(date +%s) + 6)); while [ $(date +%s) -lt $end ]; do i=$((i+1)); done"
    java(tmp_path, monkeypatch, f"{compute}; echo 'ended by itself'; exit 1")
    with pytest.raises(BrokerError, match="ended by itself"):
        server.start(settings)


def test_a_broker_that_answers_late_gets_more_time_for_each_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    from router.broker import reach

    asked: list[int] = []
    monkeypatch.setattr(reach, "listens", lambda _: True)
    monkeypatch.setattr(reach, "answers", lambda _, limit, __: bool(asked.append(limit)) or limit > 8_000)
    patient = reach.PatientAnswer("127.0.0.1:1")
    while not patient():
        pass
    assert asked == [2_000, 4_000, 8_000, 16_000]


@pytest.mark.parametrize("umask", [0o022, 0o000, 0o077])
def test_what_a_broker_writes_is_its_users_alone(
    umask: int, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what an earlier version left open to others."""
    folder = Folder(settings)
    before = os.umask(umask)
    try:
        folder.root.mkdir(parents=True)
        folder.root.chmod(0o755)
        folder.out.touch()
        folder.out.chmod(0o644)
        java(tmp_path, monkeypatch, "echo line > kafka.log; mkdir data/topic-0; exit 1")
        with pytest.raises(BrokerError, match="line"):
            server.start(settings)
    finally:
        os.umask(before)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (folder.root, *folder.root.rglob("*"))}
    assert len(modes) >= 8
    for path, mode in modes.items():
        assert mode == (0o700 if path.is_dir() else 0o600), path


def test_properties_hold_any_path() -> None:
    """Java reads them as ISO 8859-1 with `\\uXXXX`, UTF-16; a backslash is written twice."""
    (line,) = [one for one in server_properties(1, Path("/城 𠮷\\a")).splitlines() if one.startswith("log.dirs")]
    assert line == r"log.dirs=/\u57ce \ud842\udfb7\\a"
    assert server_properties(1, Path("data")).isascii()


def test_the_locale_of_java_decodes_paths_as_python_encodes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setattr(process.sys, "getfilesystemencoding", lambda: "utf-8")
    assert process._environment()["LC_ALL"] == "C.UTF-8"
    monkeypatch.setattr(process.sys, "getfilesystemencoding", lambda: "gb18030")
    assert process._environment()["LC_ALL"] == "C"
