"""The dashboards are those of the code, name what exists, and show every metric."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.monitoring import generate
from deploy.monitoring.panels import counted, measured
from router.wire.gateway_metrics import GATEWAY_METRICS
from router.wire.metrics import METRICS
from tests.support.monitoring import needs_promtool, promtool, series
from tests.support.promql import labels_of, problems, read
from tests.support.repository import ROOT

DASHBOARDS = {name: json.loads(text) for name, text in generate.dashboards().items()}
RUNBOOK = ROOT / "docs" / "how-to" / "runbook.md"


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (panel for panel in dashboard["panels"] if panel["type"] != "row")


PANELS = [(name, panel) for name, dashboard in DASHBOARDS.items() for panel in panels(dashboard)]


def test_the_files_are_what_the_code_makes() -> None:
    assert generate.main(["--check"]) == 0, "run `make dashboards`"


def test_a_file_that_differs_or_is_too_many_fails_the_check(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(generate.FOLDER, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(generate, "FOLDER", tmp_path)
    assert generate.main(["--check"]) == 0
    (tmp_path / "city.json").write_text("{}", encoding="utf-8")
    (tmp_path / "old.json").write_text("{}", encoding="utf-8")
    assert generate.main(["--check"]) == 1
    assert [line.split("/")[3].split()[0] for line in capsys.readouterr().out.splitlines()] == ["city.json", "old.json"]
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(DASHBOARDS)


@pytest.mark.parametrize(("name", "panel"), PANELS, ids=[f"{name}-{panel['title']}" for name, panel in PANELS])
def test_a_panel_names_metrics_labels_and_values_that_exist(name: str, panel: dict[str, Any]) -> None:
    assert panel["targets"], name
    for target in panel["targets"]:
        assert list(problems(target["expr"], series())) == []
        assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= labels_of(target["expr"], series())
        assert all("job" in one.matchers for one in read(target["expr"]).selectors), (
            "other deployments would count, too"
        )


@pytest.mark.parametrize("name", DASHBOARDS)
def test_variables_name_what_exists_and_panels_use_no_other(name: str) -> None:
    variables = DASHBOARDS[name]["templating"]["list"]
    for one in variables:
        if one["type"] == "query":
            [(metric, label)] = re.findall(r"^label_values\((\w+)(?:\{.*\})?, (\w+)\)$", one["query"]["query"])
            assert label in series()[metric]
    used = set(re.findall(r"\$\{?([a-z]\w*)", json.dumps(DASHBOARDS[name]["panels"])))
    assert used == {one["name"] for one in variables}


def test_every_metric_is_on_a_dashboard() -> None:
    shown = {one.metric for _, panel in PANELS for target in panel["targets"] for one in read(target["expr"]).selectors}
    assert [
        one.name for one in (*METRICS, *GATEWAY_METRICS) if one.name not in shown and f"{one.name}_bucket" not in shown
    ] == []


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_have_a_sentence_and_a_place_of_their_own(name: str) -> None:
    dashboard, taken = DASHBOARDS[name], set[tuple[int, int]]()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken
        assert max(x for x, _ in cells) < generate.COLUMNS
        taken |= cells
    assert all(panel["description"].endswith(".") for panel in panels(dashboard))
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_the_runbook_names_dashboards_rows_and_panels_that_exist() -> None:
    titles = {panel["title"] for dashboard in DASHBOARDS.values() for panel in dashboard["panels"]}
    titles |= {dashboard["title"].removeprefix("grid-router: ") for dashboard in DASHBOARDS.values()}
    named = set(re.findall(r"(?<!\*)\*([A-Z][^*\n]+)\*(?!\*)", RUNBOOK.read_text(encoding="utf-8")))
    assert named - titles == {"Status, Targets"}, "that one is a page of Prometheus"


@needs_promtool
def test_promtool_reads_the_expressions_of_the_panels(tmp_path: Path) -> None:
    expressions = [target["expr"] for _, panel in PANELS for target in panel["targets"]]
    asked = [
        {"record": f"panel:{at}", "expr": one.replace("$__rate_interval", "5m")} for at, one in enumerate(expressions)
    ]
    rules = tmp_path / "rules.yaml"
    rules.write_text(json.dumps({"groups": [{"name": "panels", "rules": asked}]}), encoding="utf-8")
    promtool("check", "rules", rules)


def test_a_label_that_a_metric_has_not_makes_no_panel() -> None:
    with pytest.raises(ValueError, match=r"grid_ticks_total is a counter .*\['stage'\]"):
        counted("Ticks", "ticks", "stage")
    with pytest.raises(ValueError, match="grid_ticks_total is a counter"):
        measured("Ticks", "ticks")
