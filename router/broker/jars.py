"""Apache Kafka as a set of jars, resolved by `jgo` from their coordinates and checked against our own lock.

The log binding is resolved by itself: together with it, its parent's managed versions pull kafka-clients down to
another release and the broker dies with NoSuchMethodError. Every jar is checked by SHA-256 against `kafka.lock`.
"""

import hashlib
import os
from importlib.resources import files
from pathlib import Path

import jgo

from router.wire.errors import BrokerError

KAFKA_VERSION = "4.1.1"
KAFKA = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}"
LOGGING = "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3"
LOGGING_JARS = ("log4j-slf4j-impl", "log4j-core", "log4j-api")
"""Of the binding's own resolution only these; slf4j is Kafka's."""


def classpath() -> str:
    """The classpath of the broker; resolves and downloads what is missing (about 15 s the first time).

    Raises:
        BrokerError: a jar cannot be fetched, or is not the locked one.
    """
    jars = _resolved()
    check(jars, locked())
    return os.pathsep.join(str(jar) for jar in jars)


def lock_text() -> str:
    """The lock of what resolves now: `<sha256>  <file>` a line, sorted by file."""
    return "".join(f"{_sha256(jar)}  {jar.name}\n" for jar in _resolved())


def _resolved() -> list[Path]:
    try:
        kafka = _jars_of(KAFKA)
        logging = [jar for jar in _jars_of(LOGGING) if jar.name.startswith(LOGGING_JARS)]
    except Exception as error:  # jgo raises many kinds: network, checksum, parsing
        reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        raise BrokerError(
            f"the jars of Apache Kafka {KAFKA_VERSION} cannot be fetched ({reason})",
            cure="check the way to the package registries and run `grid-router broker install` again",
        ) from error
    return sorted({jar.name: jar for jar in (*kafka, *logging)}.values(), key=lambda jar: jar.name)


def _jars_of(coordinate: str) -> list[Path]:
    environment = jgo.build(coordinate)
    return [jar for folder in (environment.jars_dir, environment.modules_dir) for jar in folder.glob("*.jar")]


def locked() -> dict[str, str]:
    """SHA-256 of every jar of the broker, by file name."""
    lines = files("router.broker").joinpath("kafka.lock").read_text("ascii").splitlines()
    return {name: checksum for checksum, name in (line.split("  ") for line in lines)}


def check(jars: list[Path], lock: dict[str, str]) -> None:
    """Whether these are exactly the locked jars.

    Raises:
        BrokerError: one is missing, changed or not in the lock.
    """
    found = {jar.name: jar for jar in jars}
    strange = sorted(found.keys() ^ lock.keys()) or [name for name, jar in found.items() if _sha256(jar) != lock[name]]
    if strange:
        raise BrokerError(
            f"the jar {strange[0]} is not as locked",
            where=str(found[strange[0]].parent if strange[0] in found else "kafka.lock"),
            cure="delete that folder and run `grid-router broker install` again",
        )


def _sha256(jar: Path) -> str:
    return hashlib.sha256(jar.read_bytes()).hexdigest()
