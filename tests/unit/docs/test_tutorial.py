"""The tutorial's rule and its test, applied to a copy of the city: the commands print what the page shows."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from router.cli.main import app
from tests.support.repository import ROOT
from tests.unit.docs.markdown import code_blocks

PAGE = ROOT / "docs" / "tutorial" / "first-city.md"
CITY = "los-angeles"


@pytest.fixture(scope="module")
def cities(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the city as the tutorial leaves it, and `before`."""
    folder = tmp_path_factory.mktemp("cities")
    for name in (CITY, "before"):
        shutil.copytree(ROOT / "deploy" / "cities" / CITY, folder / name, ignore=shutil.ignore_patterns("history"))
    duty, test = code_blocks(PAGE, "yaml")
    duties = folder / CITY / "catalogue" / "duties.yaml"
    text = duties.read_text(encoding="utf-8")
    below = "  street-lighting:\n"
    assert text.count(below) == 1
    duties.write_text(text.replace(below, duty + below), encoding="utf-8")
    with (folder / CITY / "tests.yaml").open("a", encoding="utf-8") as tests:
        tests.write("\n" + test)
    return folder


def printed(cities: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), env={"GRID_ROUTER_CITIES": str(cities)})
    return result.stdout + result.stderr


def shown(beginning: str) -> str:
    """The block of the page that begins so."""
    return next(block for block in code_blocks(PAGE) if block.startswith(beginning))


def test_explain_prints_what_the_page_shows() -> None:
    block = shown("1. beautification")
    output = printed(
        ROOT / "deploy" / "cities", "catalogue", "explain", CITY,
        "--matter", "graffiti", "--cell", "060373005009001", "--at", "2018-01-03T09:00",
    )  # fmt: skip
    assert output.replace(f"{ROOT}/", "") == block


def test_diff_prints_what_the_page_shows(cities: Path) -> None:
    block = shown("graffiti in 060373")
    output = printed(cities, "catalogue", "diff", str(cities / "before"), CITY)
    assert output.splitlines() == block.splitlines()


def test_the_new_test_reaches_the_new_duty(cities: Path) -> None:
    assert f"{CITY}: 19 tests, 0 failed; 11 of 11 duties tested (100 %), 100 % required: passed" in printed(
        cities, "catalogue", "test", CITY
    )


def test_without_the_new_test_the_command_fails_as_the_page_shows(cities: Path) -> None:
    file = cities / CITY / "tests.yaml"
    whole = file.read_text(encoding="utf-8")
    try:
        file.write_text(whole.replace(code_blocks(PAGE, "yaml")[1], ""), encoding="utf-8")
        assert printed(cities, "catalogue", "test", CITY) == shown("los-angeles: no test")
    finally:
        file.write_text(whole, encoding="utf-8")
