"""Recording rules and alerts name what exists, and each alert has its tests and its section of the runbook."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from router.domain.model.rejection import REJECTION_CODES
from tests.support.monitoring import FOLDER, RULES, needs_promtool, promtool, rules, series
from tests.support.promql import Expression, Selector, labels_of, problems, read, served
from tests.support.repository import ROOT
from tests.unit.docs.markdown import anchors

TESTS = sorted((FOLDER / "tests").glob("*.yaml"))

ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}


def rule_tests() -> Iterator[tuple[str, bool]]:
    """Every alert that a test asks for, and whether it fires there."""
    for path in TESTS:
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            for asked in test["alert_rule_test"]:
                yield asked["alertname"], bool(asked.get("exp_alerts"))


@pytest.mark.parametrize("rule", list(rules()), ids=lambda rule: rule.get("alert") or rule["record"])
def test_an_expression_names_metrics_labels_and_values_that_exist(rule: dict[str, Any]) -> None:
    assert list(problems(rule["expr"], series())) == []


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_fires_in_one_test_and_keeps_still_in_another(name: str) -> None:
    assert {fires for asked, fires in rule_tests() if asked == name} == {True, False}


def test_no_test_asks_for_an_alert_that_does_not_exist() -> None:
    assert {asked for asked, _ in rule_tests()} == set(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_who_looks_what_it_is_and_what_to_do(name: str) -> None:
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"].endswith(".")
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert (page, anchor) == ("docs/how-to/runbook.md", name.lower())
    assert anchor in anchors(ROOT / page)


@pytest.mark.parametrize("name", ALERTS)
def test_a_summary_names_labels_that_the_alert_has(name: str) -> None:
    rule = ALERTS[name]
    named = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    assert named <= labels_of(rule["expr"], series())


def test_the_runbook_has_no_section_of_an_alert_that_does_not_exist() -> None:
    sections = re.findall(r"^### (\w+)$", (ROOT / "docs/how-to/runbook.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(sections) == sorted(ALERTS)


def test_the_code_of_a_defect_exists() -> None:
    assert "defect" in REJECTION_CODES
    assert 'code="defect"' in ALERTS["GridRouterDefect"]["expr"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sum by (job) (rate(grid_ticks_total[5m])) > 0", []),
        ("grid_tick_total > 0", ["no metric grid_tick_total"]),
        ('grid_ticks_total{stage="merge"}', ["grid_ticks_total has no label stage"]),
        ("sum by (job, topic) (grid_ticks_total)", ["nothing has the label topic"]),
        ('grid_batch_records_bucket{stage="merger"}', ["the label stage of grid_batch_records_bucket is never merger"]),
        ("grid_batch_records", ["no metric grid_batch_records"]),
    ],
)
def test_what_does_not_exist_is_named(text: str, expected: list[str]) -> None:
    assert list(problems(text, served())) == expected


def test_an_expression_is_read_whole() -> None:
    text = 'max by (job, topic) (a:b{c=~"x[.]{y}|z", d="e"} offset 1w) - on (job) f(g[5m:1m]) > bool 1e3 or vector(2)'
    matchers = {"c": ("=~", "x[.]{y}|z"), "d": ("=", "e")}
    assert read(text) == Expression([Selector("a:b", matchers), Selector("g", {})], frozenset({"job", "topic"}))


@needs_promtool
@pytest.mark.parametrize("command", [["check", "rules"], ["check", "config"]], ids=" ".join)
def test_promtool_accepts_the_files(command: list[str]) -> None:
    files = RULES if command[1] == "rules" else [FOLDER / "prometheus.yaml"]
    promtool(*command, *files)


@needs_promtool
@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_alerts_fire_and_keep_still(path: Path) -> None:
    promtool("test", "rules", path)
