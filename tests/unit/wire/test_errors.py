"""Every error is one sentence with one full stop at its end."""

import ast
from pathlib import Path

import pytest

import router
from router.wire.errors import CityError, RouterError

ROOM = Path(router.__file__).parent
ERRORS = {one.__name__ for one in (RouterError, *RouterError.__subclasses__())}


def endings(node: ast.expr) -> list[str]:
    """The literal ends of a text: of a plain one, of an f-string, of the two sides of a condition."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return endings(node.values[-1])
    if isinstance(node, ast.IfExp):
        return [*endings(node.body), *endings(node.orelse)]
    return endings(node.right) if isinstance(node, ast.BinOp) else []


def clauses() -> list[tuple[str, str]]:
    """File and line -> the literal end of each cause, and of each hint."""
    found = []
    for file in sorted(ROOM.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            parts = []
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ERRORS:
                parts = [*node.args[:1], *(word.value for word in node.keywords if word.arg == "hint")]
            elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "hint":
                parts = [node.value]
            found += [(f"{file.relative_to(ROOM)}:{one.lineno}", end) for one in parts for end in endings(one)]
    return found


def test_no_clause_ends_with_a_full_stop_of_its_own() -> None:
    assert len(clauses()) > 150
    assert [(where, end) for where, end in clauses() if end.endswith((".", ";", ",", " "))] == []


@pytest.mark.parametrize("hint", ["set it to `drill.`", "choose a, b or c"])
def test_an_error_ends_with_one_full_stop(hint: str) -> None:
    assert str(CityError("it is wrong", where="city.yaml", hint=hint)) == f"city.yaml: it is wrong; {hint}."
