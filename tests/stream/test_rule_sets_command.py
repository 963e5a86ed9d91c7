"""`grid-router catalogue rule-sets` without topics: one sentence, and no line of a Kafka client."""

import subprocess
import sys
import time

import pytest

from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.broker

LIMIT_S = 60


def test_rule_sets_without_topics_is_one_sentence(kafka: str, namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRID_ROUTER_KAFKA", kafka)
    monkeypatch.setenv("GRID_ROUTER_NAMESPACE", namespace)
    started = time.monotonic()
    command = [sys.executable, "-m", "router.cli.main", "catalogue", "rule-sets", "puyang"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert time.monotonic() - started < LIMIT_S
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"{namespace}grid.rule-sets: the topic does not exist" in done.stderr
    assert "run `grid-router topics apply CITY`" in done.stderr
