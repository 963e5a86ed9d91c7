"""Runtime and development dependencies are apart: `make run` installs only what the router imports."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from tests.support.repository import ROOT

OWN = {"router", "tests", "docs", "deploy"}
NOT_IMPORTED = {"tzdata"}
"""`zoneinfo` reads it (router/cities/zones.py)."""
CORE = {"pydantic-core"}
"""pydantic documents this package as part of its interface, and pins its version."""
BROUGHT = {"packaging"}
"""hatchling, of the group `build`, brings it into both locks; deploy/audit reads locks with it."""
COMMANDS = {
    "coverage",
    "furo",
    "import-linter",
    "mypy",
    "myst-parser",
    "pip-audit",
    "pytest-timeout",
    "pytest-xdist",
    "ruff",
    "sphinx",
    "types-pyyaml",
}
"""Development tools that run as commands or plugins; no test imports them."""


@cache
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def names(requirements: list[Any]) -> set[str]:
    found = (re.match(r"[\w.-]+", one) for one in requirements if isinstance(one, str))
    return {canonical(match.group()) for match in found if match}


def base() -> set[str]:
    """What a department installs."""
    return names(project()["project"]["dependencies"])


def runtime() -> set[str]:
    extras = project()["project"]["optional-dependencies"]
    return base() | names([*extras["router"], *extras["otel"]])


def development() -> set[str]:
    groups = project()["dependency-groups"]
    return names([*groups["dev"], *groups["build"]])


def imported(folder: Path) -> Iterator[tuple[str, Path]]:
    """Top-level modules of other distributions that the modules below a folder import, and where."""
    for file in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                modules = [node.module or ""]
            for module in modules:
                top = module.partition(".")[0]
                if top not in sys.stdlib_module_names and top not in OWN:
                    yield top, file.relative_to(ROOT)


@cache
def installed() -> Mapping[str, list[str]]:
    return packages_distributions()


def distributions(module: str) -> set[str]:
    return {canonical(name) for name in installed().get(module, [module])}


def test_the_router_imports_only_runtime_dependencies() -> None:
    undeclared = [
        (module, str(file))
        for module, file in imported(ROOT / "router")
        if not distributions(module) & (runtime() | CORE)
    ]
    assert undeclared == []


def test_every_runtime_dependency_is_imported() -> None:
    used = {name for module, _ in imported(ROOT / "router") for name in distributions(module)}
    assert runtime() - used == NOT_IMPORTED


def test_tests_and_deployment_import_only_declared_dependencies() -> None:
    declared = runtime() | development() | CORE | BROUGHT
    files = [*(ROOT / "tests" / name for name in ("unit", "stream", "chaos", "replay", "support")), ROOT / "deploy"]
    undeclared = [
        (module, str(file))
        for folder in files
        for module, file in imported(folder)
        if not distributions(module) & declared
    ]
    assert undeclared == []


def test_every_development_dependency_is_imported_or_a_command() -> None:
    files = [*imported(ROOT / "tests"), *imported(ROOT / "deploy")]
    used = {name for module, _ in files for name in distributions(module)}
    build = names(project()["dependency-groups"]["build"])
    assert development() - used - build == COMMANDS


def locked(file: str) -> dict[str, str]:
    lines = (ROOT / file).read_text("utf-8").splitlines()
    return dict(re.findall(r"^([a-z0-9][a-z0-9.-]*)==(\S+)", "\n".join(lines), re.MULTILINE))


def test_the_runtime_lock_holds_no_development_tool() -> None:
    build = names(project()["dependency-groups"]["build"])
    assert set(locked("requirements.lock")) & (development() - build) == set()
    assert runtime() | build <= set(locked("requirements.lock"))


def test_both_locks_hold_the_same_versions() -> None:
    run, dev = locked("requirements.lock"), locked("requirements-dev.lock")
    assert run.items() <= dev.items()
    assert development() | runtime() <= set(dev)


@pytest.mark.parametrize("file", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_names_no_package_index(file: str) -> None:
    assert (
        re.findall(r"https?://\S+|--index-url|--extra-index-url|--find-links", (ROOT / file).read_text("utf-8")) == []
    )
