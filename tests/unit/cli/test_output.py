"""One module writes to the terminal, and it prints no character that a terminal obeys or hides."""

import ast
import json
import logging
import unicodedata
from pathlib import Path

import pytest

import router.cli
from router.cli.text.output import json_out, lines_out, say, styled_out, table_out
from router.cli.text.sanitize import INVISIBLE
from router.stream.log_setup import VisibleText

ROOM = Path(router.cli.__file__).parent
HOSTILE = "a\x1b[2Jb\x9b31mc\x7fd\u202ee\u2028f\nnew line\rg\x00h"
WRITERS = {"echo", "secho", "print", "write", "writelines"}
ALLOWED = {
    ("text/output.py", "sys.stdout.write"): "the module itself",
    ("text/output.py", "sys.stdout.buffer.write"): "the module itself",
    ("text/output.py", "sys.stderr.write"): "the module itself",
    ("text/output.py", "_console().print"): "the module itself",
    ("main.py", "sys.stderr.write"): "sanitized there: starts without the libraries of the tables",
    ("main.py", "typer.echo"): "the version",
    ("live_view/screen.py", "self._console.print"): "the view sanitizes each of its texts; see test_view.py",
    ("replay.py", "console.print"): "numbers",
    ("catalogue/commands.py", "Console().print"): "a tree of sanitized texts",
}
"""Calls that write or print -> why they may."""


def calls(file: Path) -> set[str]:
    tree = ast.parse(file.read_text("utf-8"))
    functions = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {
        ast.unparse(function)
        for function in functions
        if (function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")) in WRITERS
    }


def test_no_other_module_writes_to_the_terminal() -> None:
    found = {(file.relative_to(ROOM).as_posix(), call) for file in sorted(ROOM.rglob("*.py")) for call in calls(file)}
    assert found == set(ALLOWED)


def test_every_kind_of_output_is_visible(capsys: pytest.CaptureFixture[str]) -> None:
    lines_out(HOSTILE, HOSTILE)
    table_out(["column"], [[HOSTILE]])
    styled_out((HOSTILE, "bold"), (HOSTILE, ""))
    json_out({HOSTILE: HOSTILE})
    say(HOSTILE)
    printed = capsys.readouterr()
    for text, lines in ((printed.out, 2 + 2 + 1 + 1), (printed.err, 1)):
        assert {char for char in text if unicodedata.category(char) in INVISIBLE} == {"\n"}
        assert text.count("\n") == lines
    assert json.loads(printed.out.splitlines()[-1]) == {HOSTILE: HOSTILE}


def test_a_log_line_is_visible() -> None:
    record = logging.LogRecord("name", logging.ERROR, "file", 1, "bad value %s", (HOSTILE,), None)
    text = VisibleText("%(message)s").format(record)
    assert text == "bad value a\ufffd[2Jb\ufffd31mc\ufffdd\ufffde\ufffdf\nnew line\ufffdg\ufffdh"
