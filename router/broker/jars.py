"""Apache Kafka as a set of jars, resolved by `jgo` from their coordinates and checked against our own lock.

The log binding is resolved separately. Resolved together, the managed versions of its parent select an older
kafka-clients, and the broker ends with NoSuchMethodError. Every jar is compared by SHA-256 with `kafka.lock`.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from jgo.env import EnvironmentBuilder
from jgo.maven import MavenContext

from router.wire.errors import BrokerError

KAFKA_VERSION = "4.1.2"
KAFKA = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}"
LOGGING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.5"
LOGGING_JARS = ("log4j-slf4j-impl", "log4j-core", "log4j-api")
"""Jars that are taken from the binding's resolution alone, whatever Kafka resolves; slf4j comes with Kafka."""


def classpath() -> str:
    """The classpath of the broker. Downloads missing jars (about 15 s the first time), and damaged jars again.

    Raises:
        BrokerError: a jar cannot be fetched, or a fetched jar differs from the lock.
    """
    lock, folder = locked(), cache_folder()
    with _one_at_a_time(folder):
        jars = _present(folder, lock)  # jgo would link them again while a broker starts from them
        if differing(jars, lock):
            jars = _resolved(folder)
        if differing(jars, lock):
            shutil.rmtree(folder)
            jars = _resolved(folder)
        wrong = differing(jars, lock)
    for name in wrong:
        raise BrokerError(
            f"the jar {name} differs from the locked one",
            where=str(folder),
            hint="find out why the package registry serves another file, then run `grid-router broker install` again",
        )
    return os.pathsep.join(str(jar) for jar in jars)


def lock_text() -> str:
    """The lock of the current resolution: a line `<sha256>  <file>` for each jar, sorted by file. Raises BrokerError."""
    return "".join(f"{_sha256(jar)}  {jar.name}\n" for jar in _resolved(cache_folder()))


def locked() -> dict[str, str]:
    """SHA-256 of every jar of the broker, by file name."""
    lines = files("router.broker").joinpath("kafka.lock").read_text("ascii").splitlines()
    return {name: checksum for checksum, name in (line.split("  ") for line in lines)}


def differing(jars: list[Path], lock: dict[str, str]) -> list[str]:
    """Names of the jars that are missing, changed or not in the lock."""
    found = {jar.name: jar for jar in jars}
    changed = [name for name, jar in found.items() if name in lock and _sha256(jar) != lock[name]]
    return sorted({*(found.keys() ^ lock.keys()), *changed})


def cache_folder() -> Path:
    """Folder of this user's jars, apart from the broker's data."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "grid-router" / f"kafka-{KAFKA_VERSION}"


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = folder.with_suffix(".install").open("w", encoding="ascii")
    except OSError as error:
        raise BrokerError(
            f"the jars of Apache Kafka cannot be stored ({error.strerror})",
            where=str(folder.parent),
            hint="correct its permissions, or name another folder in XDG_CACHE_HOME",
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _present(folder: Path, lock: dict[str, str]) -> list[Path]:
    """Locked jars that an earlier run fetched."""
    found = {jar.name: jar for jar in (folder / "environments").rglob("*.jar") if jar.name in lock}
    return sorted(found.values(), key=lambda jar: jar.name)


def _resolved(folder: Path) -> list[Path]:
    # Our own repository: no other tool writes to it, as to ~/.m2, and deleting the folder repairs it.
    builder = EnvironmentBuilder(MavenContext(repo_cache=folder / "repository"), cache_dir=folder / "environments")
    try:
        kafka = [jar for jar in _jars_of(builder, KAFKA) if not jar.name.startswith(LOGGING_JARS)]
        logging = [jar for jar in _jars_of(builder, LOGGING) if jar.name.startswith(LOGGING_JARS)]
    except Exception as error:  # jgo raises many kinds: network, checksum, parsing
        reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        raise BrokerError(
            f"the jars of Apache Kafka {KAFKA_VERSION} cannot be fetched ({reason})",
            hint="check the connection to the package registries and run `grid-router broker install` again",
        ) from error
    return sorted({jar.name: jar for jar in (*kafka, *logging)}.values(), key=lambda jar: jar.name)


def _jars_of(builder: EnvironmentBuilder, coordinate: str) -> list[Path]:
    environment = builder.from_endpoint(coordinate)
    return [jar for folder in (environment.jars_dir, environment.modules_dir) for jar in folder.glob("*.jar")]


def _sha256(jar: Path) -> str:
    return hashlib.sha256(jar.read_bytes()).hexdigest()
