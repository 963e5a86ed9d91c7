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
    assert {"kafka-clients-4.1.1.jar", "kafka-server-4.1.1.jar", "kafka_2.13-4.1.1.jar"} <= set(names)
    assert [name for name in names if not name.endswith(f"-{jars.KAFKA_VERSION}.jar")] == []


def test_the_lock_names_no_host() -> None:
    assert not [name for name in jars.locked() if "/" in name or ":" in name]


def test_as_locked(tmp_path: Path) -> None:
    jar = tmp_path / "a-1.jar"
    jar.touch()
    jars.check([jar], {"a-1.jar": EMPTY})


def test_a_changed_a_missing_and_a_strange_jar_are_refused(tmp_path: Path) -> None:
    jar = tmp_path / "a-1.jar"
    jar.write_bytes(b"changed")
    with pytest.raises(BrokerError, match=r"the jar a-1\.jar is not as locked; delete that folder"):
        jars.check([jar], {"a-1.jar": EMPTY})
    with pytest.raises(BrokerError, match=r"b-1\.jar"):
        jars.check([], {"b-1.jar": EMPTY})
    with pytest.raises(BrokerError, match=r"a-1\.jar"):
        jars.check([jar], {})
