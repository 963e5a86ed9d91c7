"""Installs the peers on first use in the folder of the benchmarks: virtual environments, jars, compiled Java."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from jgo.env import EnvironmentBuilder
from jgo.maven import MavenContext

from router.broker.jars import KAFKA_VERSION
from router.broker.java import find_java

HERE = Path(__file__).parent
STREAMS = f"org.apache.kafka:kafka-streams:{KAFKA_VERSION}"
HEAP = "-Xmx2g"


class NotInstalledError(Exception):
    """A peer cannot be installed here; the text has the reason."""


def python_with(peer: str, folder: Path) -> str:
    """The Python of a virtual environment with a peer's pinned packages.

    Raises:
        NotInstalledError: pip fails.
    """
    pinned, environment = HERE / "requirements" / f"{peer}.txt", folder / f"{peer}-env"
    python, done = environment / "bin" / "python", environment / "installed.txt"
    if not (done.exists() and done.read_bytes() == pinned.read_bytes()):
        _run([sys.executable, "-m", "venv", "--clear", str(environment)])
        _run([str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", str(pinned)])
        done.write_bytes(pinned.read_bytes())
    return str(python)


def kafka_streams(folder: Path) -> list[str]:
    """The command line of the compiled Router, without its argument.

    Raises:
        NotInstalledError: there is no compiler, or the jars cannot be fetched.
    """
    java = find_java().path.resolve()
    javac = next(
        (
            one
            for one in (java.with_name("javac"), Path(shutil.which("javac") or java.with_name("javac")))
            if one.exists()
        ),
        None,
    )
    if javac is None:
        raise NotInstalledError("no javac: install a JDK of Java 17 or newer")
    source, classes = HERE / "kafka_streams" / "Router.java", folder / "kafka-streams" / "classes"
    path = os.pathsep.join([str(classes), *map(str, _jars(folder / "kafka-streams"))])
    compiled = classes / "Router.class"
    if not compiled.exists() or compiled.stat().st_mtime < source.stat().st_mtime:
        classes.mkdir(parents=True, exist_ok=True)
        _run([str(javac), "--release", "17", "-cp", path, "-d", str(classes), str(source)])
    return [str(java), HEAP, "-cp", path, "Router"]


def _jars(folder: Path) -> list[Path]:
    builder = EnvironmentBuilder(MavenContext(repo_cache=folder / "repository"), cache_dir=folder / "environments")
    try:
        environment = builder.from_endpoint(STREAMS)
    except Exception as error:  # jgo raises many kinds: network, checksum, parsing
        raise NotInstalledError(f"{STREAMS} cannot be fetched ({type(error).__name__}: {error})") from error
    return sorted(jar for folder in (environment.jars_dir, environment.modules_dir) for jar in folder.glob("*.jar"))


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        output = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no output"]
        raise NotInstalledError(f"{Path(command[0]).name} fails: {output[0][:200]}")
