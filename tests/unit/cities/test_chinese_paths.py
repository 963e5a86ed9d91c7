"""A home folder with Chinese characters and a blank, also where the locale of the process is C."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from router.cities.folder import city_folder

HOME = "张三 的主目录"
LOCALES = [{"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, {"LC_ALL": "C.UTF-8"}]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a city whose lint has one error."""
    home = tmp_path / HOME
    shutil.copytree(city_folder("seattle"), home / "cities" / "seattle", ignore=shutil.ignore_patterns("history"))
    about = home / "cities" / "seattle" / "city.yaml"
    about.write_text(about.read_text("utf-8").replace("zone: America", "zone: Amerika"), "utf-8")
    return home


def run(home: Path, locale: dict[str, str], *words: str) -> subprocess.CompletedProcess[bytes]:
    folders = {"HOME": str(home), "GRID_ROUTER_HOME": str(home / "router"), "GRID_ROUTER_CITIES": str(home / "cities")}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
    command = [str(Path(sys.executable).parent / "grid-router"), *words]
    return subprocess.run(
        command, env=environment | folders | locale, cwd="/", capture_output=True, check=False, timeout=120
    )


@pytest.mark.parametrize("locale", LOCALES, ids=["C", "C.UTF-8"])
def test_a_finding_names_the_file_as_its_people_do(home: Path, locale: dict[str, str]) -> None:
    done = run(home, locale, "catalogue", "lint", "seattle", "-o", "json")
    assert b"Traceback" not in done.stderr
    assert done.returncode == 1
    (finding,) = [one for one in map(orjson.loads, done.stdout.splitlines()) if one["level"] == "error"]
    assert finding["file"].endswith(f"{HOME}/cities/seattle/city.yaml")


def test_files_are_written_where_the_path_is_chinese(home: Path) -> None:
    about = home / "cities" / "seattle" / "city.yaml"
    about.write_text(about.read_text("utf-8").replace("zone: Amerika", "zone: America"), "utf-8")
    done = run(home, LOCALES[0], "catalogue", "test", "seattle", "--junit", str(home / "结果" / "junit.xml"))
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"<testsuite" in (home / "结果" / "junit.xml").read_bytes()
