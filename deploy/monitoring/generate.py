"""`python -m deploy.monitoring.generate`: write the dashboards for Grafana; `--check` prints those that differ and exits with 1.

A panel names an entry of `router.wire.metrics.METRICS`. Its query, unit and description follow from that entry, so that no panel names what
does not exist. `layout.py` has the panels.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from deploy.monitoring.layout import DASHBOARDS
from deploy.monitoring.panels import Dashboard, Panel, Row

FOLDER = Path(__file__).parent / "dashboards"
COLUMNS, HEIGHT = 24, 8
"""Grafana's grid, and the height of a panel in its rows."""
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


def dashboards() -> dict[str, str]:
    """File name -> text of every dashboard."""
    return {f"{one.name}.json": json.dumps(_dashboard(one), indent=2, ensure_ascii=False) + "\n" for one in DASHBOARDS}


def _dashboard(one: Dashboard) -> dict[str, Any]:
    return {
        "uid": f"grid-router-{one.name}",
        "title": f"grid-router: {one.title}",
        "description": one.about,
        "tags": ["grid-router"],
        "editable": False,
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": one.since, "to": "now"},
        "templating": {"list": list(_variables(one))},
        "panels": list(_panels(one.rows)),
    }


def _variables(one: Dashboard) -> Iterator[dict[str, Any]]:
    yield {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    yield _variable("job", f"label_values({one.of}, job)", "Deployment")
    if one.department:
        yield _variable("department", 'label_values(grid_tasks_total{job=~"$job"}, department)', "Department")


def _variable(name: str, query: str, label: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "sort": 1,
    }


def _panels(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    number, top = 0, 0
    for row in rows:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "gridPos": _place(0, top, COLUMNS, 1),
        }
        top += 1
        width = COLUMNS // len(row.panels)
        for at, panel in enumerate(row.panels):
            number += 1
            yield _panel(panel, number, _place(at * width, top, width, HEIGHT))
        top += HEIGHT


def _place(x: int, y: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": width, "h": height}


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.about,
        "datasource": DATASOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0, "custom": {"fillOpacity": 10}}, "overrides": []},
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": [
            {"refId": chr(ord("A") + at), "datasource": DATASOURCE, "expr": query.expr, "legendFormat": query.legend}
            for at, query in enumerate(panel.queries)
        ],
    }


def main(arguments: Sequence[str]) -> int:
    """Write the dashboards, or compare them; the exit code."""
    texts = dashboards()
    written = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    different = sorted(name for name in texts.keys() | written.keys() if texts.get(name) != written.get(name))
    for name in different:
        if "--check" in arguments:
            sys.stdout.write(f"deploy/monitoring/dashboards/{name} differs from the code; run `make dashboards`.\n")
        elif name in texts:
            FOLDER.mkdir(exist_ok=True)
            (FOLDER / name).write_text(texts[name], encoding="utf-8")
            sys.stdout.write(f"deploy/monitoring/dashboards/{name}: written\n")
        else:
            (FOLDER / name).unlink()
            sys.stdout.write(f"deploy/monitoring/dashboards/{name}: removed\n")
    return 1 if different and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
