"""The rules of `deploy/monitoring`, and every series that they and the workers give."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.promql import labels_of, served
from tests.support.repository import ROOT

FOLDER = ROOT / "deploy" / "monitoring"
RULES = sorted((FOLDER / "rules").glob("*.yaml"))
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed; Debian's package `prometheus` has it"
)


def rules() -> Iterator[dict[str, Any]]:
    """Every recording rule and alert."""
    for path in RULES:
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            yield from group["rules"]


def series() -> dict[str, frozenset[str]]:
    """What workers serve, and what the rules record from it in their order, with its labels."""
    known = served()
    for rule in rules():
        if "record" in rule:
            known[rule["record"]] = labels_of(rule["expr"], known)
    return known


def promtool(*arguments: str | Path) -> None:
    """Run promtool, which must succeed."""
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
