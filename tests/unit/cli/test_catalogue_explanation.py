"""`grid-router catalogue explain` shows when each part of the work is due.

START is 09:00 in Shanghai on 1 October 2026: 40 hours later it is 01:00 on the 3rd, 50 hours later 11:00.
"""

import pytest

from router.cli.catalogue.explanation import explanation_json, explanation_text
from router.domain.catalogue.explain import explain
from tests.support.driver import CELL, START, tiny

STANDARDS = """\
default: {limit: 3d}
matters:
  tree: {lead: {limit: 3d, milestones: {stop: {limit: 40h, name: {en: Made safe}}, fine: {limit: 50h, name: {en: Fined}}}}}
"""
CITY = tiny(standards=STANDARDS)


def test_each_milestone_has_its_own_end(capsys: pytest.CaptureFixture[str]) -> None:
    explanation = explain(CITY.catalogue, "tree", CELL, START)
    explanation_text(explanation, CITY)
    shown = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "stop, Made safe: due 2026-10-03 01:00 (40h)" in shown
    assert "fine, Fined: due 2026-10-03 11:00 (50h)" in shown
    (lead, *_) = explanation_json(explanation, CITY)["route"]["assigned"]
    assert [(one["id"], one["due_at"]) for one in lead["milestones"]] == [
        ("stop", "2026-10-02T17:00:00.000Z"),
        ("fine", "2026-10-03T03:00:00.000Z"),
    ]


def test_a_matter_without_milestones_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    explanation = explain(tiny().catalogue, "tree", CELL, START)
    explanation_text(explanation, tiny())
    assert "stop" not in capsys.readouterr().out
    assert explanation_json(explanation, tiny())["route"]["assigned"][0]["milestones"] == []
