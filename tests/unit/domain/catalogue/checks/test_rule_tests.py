"""Rule tests of a city: their assertions, and that they can fail."""

from typing import Any

import pytest

from router.domain.catalogue.checks.rule_tests import RuleTestContext, RuleTestRun, RuleTests, run
from router.domain.catalogue.code_tables import CodeTable, load_codes
from router.domain.documents import Source, read_yaml, validate
from tests.support.catalogue_lists import CELLS, ZONE, catalogue

DUTIES = """\
fallback: {department: locality, unit: street}
duties:
  greens: {matters: [green], lead: parks, assist: [police]}
  holes: {matters: [hole], area: '410902', lead: roads}
"""
CODES = load_codes("code,version,matter,name\n0101,,hole,x\n0102,2013,tree,x\n", "hotline.csv")


def trial(*tests: str, coverage: float = 0) -> RuleTestRun:
    text = f"at: 2026-10-01T09:00\ncoverage: {{min: {coverage}}}\ntests:\n" + "\n".join(f"  - {one}" for one in tests)
    document, _ = read_yaml(Source("tests.yaml", text))
    assert document is not None
    read, findings = validate(RuleTests, document)
    assert read is not None, findings
    assert isinstance(CODES, CodeTable)
    ground = RuleTestContext(
        catalogue=catalogue(duties=DUTIES),
        codes={"hotline": CODES},
        cells=dict.fromkeys(CELLS, None),
        zone=ZONE,
        calendar=None,
    )
    return run(read, document, ground)


def one(ask: str, said: str) -> str:
    return f"{{name: t, {ask}, cell: '410902001001001', {said}}}"


TREE, HOLE = "matter: tree", "matter: hole"


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (TREE, "expect: {lead: parks, assist: [police], rule: greens, unit: none, limit: 72h, workflow: field}"),
        (TREE, "expect: {due: 2026-10-04T09:00}"),
        (TREE, "expect: {due: '2026-10-04T01:00:00Z'}"),
        ("matter: tree, at: '2026-10-01T00:00:00+00:00'", "expect: {due: 2026-10-04T08:00}"),
        (HOLE, "expect: {lead: roads, assist: [], rule: holes}"),
        ("network: hotline, code: 0101", "expect: {rule: holes}"),
        ("network: hotline, code: '0102', version: 2013", "expect: {rule: greens}"),
        (TREE, "not: {lead: roads, assist: [roads, parks], rule: [holes, fallback]}"),
    ],
)
def test_a_true_expectation_passes(ask: str, said: str) -> None:
    result = trial(one(ask, said))
    assert result.verdicts[0].failures == ()
    assert result.passed


@pytest.mark.parametrize(
    ("ask", "said", "column", "message"),
    [
        (
            TREE,
            "expect: {lead: roads}",
            63,
            "lead is parks, not roads (duty greens: tree (group green) in the whole city",
        ),
        (TREE, "expect: {assist: []}", 63, "assist is police, not none"),
        (HOLE, "expect: {assist: [police]}", 63, "assist is none, not police"),
        (TREE, "expect: {rule: holes}", 63, "rule is greens, not holes"),
        (TREE, "expect: {unit: north}", 63, "unit is none, not north"),
        (TREE, "expect: {limit: 2d}", 63, "limit is 72h, not 48h"),
        (TREE, "expect: {workflow: helpdesk}", 63, "workflow is field, not helpdesk"),
        (
            TREE,
            "expect: {due: 2026-10-04T10:00}",
            63,
            "due is 2026-10-04T09:00:00+08:00, not 2026-10-04T10:00:00+08:00",
        ),
        (TREE, "expect: {due: soon}", 63, "'soon' is no time"),
        (TREE, "not: {lead: parks}", 60, "lead is parks, which it must not be"),
        (TREE, "not: {assist: [roads, police]}", 60, "assist is police, which it must not be"),
        (TREE, "not: {rule: hoels}", 60, "the catalogue knows no rule hoels, so this can never fail"),
    ],
)
def test_a_false_expectation_fails_at_its_position(ask: str, said: str, column: int, message: str) -> None:
    result = trial(one(ask, said))
    (failure,) = result.verdicts[0].failures
    assert failure.message.startswith(message)
    assert (failure.mark.file, failure.mark.line, failure.mark.column) == ("tests.yaml", 4, column)
    assert not result.passed


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ("{name: t, matter: ufo, cell: '410902001001001', expect: {lead: x}}", "the catalogue has no matter ufo"),
        ("{name: t, matter: tree, cell: '410902001001999', expect: {lead: x}}", "the city has no cell 410902001001999"),
        (one("network: hotlin, code: 1", "expect: {lead: x}"), "the city has no code table for the network hotlin"),
        (one("network: hotline, code: 9", "expect: {lead: x}"), "hotline has no code 9"),
        (one("matter: tree, at: noon", "expect: {lead: x}"), "'noon' is no time"),
    ],
)
def test_an_impossible_question_fails(test: str, message: str) -> None:
    result = trial(test)
    assert result.verdicts[0].failures[0].message.startswith(message)
    assert result.verdicts[0].route is None
    assert not result.passed


def test_rule_coverage_has_a_threshold() -> None:
    half = one(TREE, "expect: {lead: parks}")
    assert trial(half, coverage=50).passed
    short = trial(half, coverage=51)
    assert (short.coverage, short.untested, short.passed) == (50, ("holes",), False)
    assert trial(half, one(HOLE, "expect: {lead: roads}"), coverage=100).passed


@pytest.mark.parametrize(
    "test",
    [
        "{name: t, cell: '410902001001001', expect: {lead: x}}",
        "{name: t, matter: tree, network: hotline, code: 1, cell: '410902001001001', expect: {lead: x}}",
        "{name: t, network: hotline, cell: '410902001001001', expect: {lead: x}}",
        "{name: t, matter: tree, cell: '410902001001001'}",
        "{name: t, matter: tree, cell: '4109020010', expect: {lead: x}}",
        "{name: t, matter: tree, cell: '410902001001001', expect: {led: x}}",
    ],
)
def test_a_test_with_missing_or_extra_keys_is_rejected(test: str) -> None:
    document, _ = read_yaml(Source("tests.yaml", f"at: 2026-10-01T09:00\ntests: [{test}]"))
    assert document is not None
    read: Any
    read, findings = validate(RuleTests, document)
    assert read is None
    assert findings[0].code in {"GR002", "GR003"}
