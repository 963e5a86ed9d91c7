"""The lock of the broker's jars: what is on disk must be exactly what is locked."""

from pathlib import Path

import pytest

from router.broker import jars
from router.wire.errors import BrokerError

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""SHA-256 of nothing."""


def test_every_kafka_jar_has_the_declared_version() -> None:
    """Once a log binding's managed versions pulled kafka-clients down to 3.8.0, and the broker died."""
    names = [name for name in jars.locked() if name.startswith("kafka")]
    assert {"kafka-clients-4.1.2.jar", "kafka-server-4.1.2.jar", "kafka_2.13-4.1.2.jar"} <= set(names)
    assert [name for name in names if not name.endswith(f"-{jars.KAFKA_VERSION}.jar")] == []


def test_the_lock_names_no_host() -> None:
    assert not [name for name in jars.locked() if "/" in name or ":" in name]


def test_a_jar_as_locked_does_not_differ(tmp_path: Path) -> None:
    jar = tmp_path / "a-1.jar"
    jar.touch()
    assert jars.differing([jar], {"a-1.jar": EMPTY}) == []


def test_a_changed_a_missing_and_an_unknown_jar_differ(tmp_path: Path) -> None:
    changed, strange = tmp_path / "a-1.jar", tmp_path / "c-1.jar"
    changed.write_bytes(b"changed")
    strange.touch()
    lock = {"a-1.jar": EMPTY, "b-1.jar": EMPTY}
    assert jars.differing([changed, strange], lock) == ["a-1.jar", "b-1.jar", "c-1.jar"]


def test_a_folder_that_cannot_be_written_to_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(BrokerError, match=r"cannot be stored.*XDG_CACHE_HOME"):
        jars.classpath()


def test_the_cache_is_in_the_users_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert jars.cache_folder() == Path("/cache/grid-router/kafka-4.1.2")
