"""Every `grid-router` command in README and docs exists and takes the arguments and options that the page gives it."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from router.cli.main import app
from tests.support.repository import ROOT
from tests.unit.docs.markdown import commands, pages

OLD_NAMES = {"CHANGELOG.md", "upgrade.md"}
"""Pages that name commands of earlier versions."""
PAGES = [page for page in pages() if page.name not in OLD_NAMES and page.parent.name != "adr"]
PLACEHOLDERS = "|<>"


def problem(line: str) -> str | None:
    """Why the command line does not parse; None when it does. Nothing is run."""
    words = [word.strip("[]") for word in shlex.split(line)][1:]
    command: Any = get_command(app)
    context = command.make_context("grid-router", [], resilient_parsing=True)
    while hasattr(command, "get_command") and words and not words[0].startswith("-"):
        name = words.pop(0)
        found = None if not name.isascii() else command.get_command(context, name)
        if found is None:
            return f"no command {name}"
        command = found
        context = command.make_context(name, [], parent=context, resilient_parsing=True)
    options = {name: one for one in command.params for name in (*one.opts, *one.secondary_opts)}
    return next(_wrong(words, options), None)


def _wrong(words: list[str], options: dict[str, Any]) -> Iterator[str]:
    takes_value = False
    for word in words:
        name, equals, _ = word.partition("=")
        if takes_value or not word.startswith("-"):
            takes_value = False
        elif name not in options and name not in {"--help", "--version"}:
            yield f"no option {name}"
        else:
            takes_value = not equals and name in options and not options[name].is_flag


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_of_the_page_parses(page: Path) -> None:
    lines = [line for line in commands(page) if not any(mark in line for mark in PLACEHOLDERS) and "..." not in line]
    assert {line: why for line in lines if (why := problem(line))} == {}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("grid-router replay puyang --speed max", None),
        ("grid-router catalogue explain --matter x --cell 1", None),
        ("grid-router catalogue explian x", "no command explian"),
        ("grid-router tail grid.cases --form -1h", "no option --form"),
    ],
)
def test_a_wrong_command_or_option_is_named(line: str, why: str | None) -> None:
    assert problem(line) == why


def test_readme_and_tutorial_have_commands() -> None:
    assert len(list(commands(ROOT / "README.md"))) >= 2
    assert len(list(commands(ROOT / "docs" / "tutorial" / "first-city.md"))) >= 12
