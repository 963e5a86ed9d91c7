"""One name for one thing: a public class name stands for one class."""

import ast
from collections import Counter

from tests.support.repository import ROOT


def test_no_public_class_name_is_used_twice() -> None:
    names = Counter(
        node.name
        for path in (ROOT / "router").rglob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, number in names.items() if number > 1] == []
