"""The explanation of a route: every duty of the matter, in order, with its verdict."""

from datetime import UTC, datetime

from router.domain.catalogue.explain import explain
from tests.support.catalogue_lists import catalogue

DUTIES = """\
fallback: {department: locality, unit: street}
duties:
  all: {matters: ['*'], lead: police}
  greens: {matters: [green], lead: parks}
  spring: {matters: [tree], area: '410902', from: 2026-03-01, until: 2026-05-31, lead: roads}
  north: {matters: [tree], area: '410902001', lead: parks}
  coming: {matters: [tree], area: '410902002', from: 2027-01-01, lead: parks}
  holes: {matters: [hole], lead: roads}
"""


def test_every_duty_is_listed_in_order_with_its_verdict() -> None:
    city = catalogue(duties=DUTIES)
    at = datetime(2026, 5, 1, tzinfo=UTC)
    explanation = explain(city, "tree", "410902002001001", at)
    assert [(one.rule, one.verdict, one.why) for one in explanation.considered] == [
        ("coming", "not-in-effect", "begins on 2027-01-01"),
        ("north", "elsewhere", "the cell is not in 410902001"),
        ("spring", "won", "the most specific in effect: names the matter in 410902"),
        ("greens", "lost", "less specific than spring: it names its group only"),
        ("all", "lost", "less specific than spring: it names every matter only"),
    ]
    assert explanation.considered[2].place == "duties.yaml:5:3"
    assert explanation.others == 1
    assert explanation.route == city.route("tree", "410902002001001", at)


def test_ended_and_wider_duties_are_explained() -> None:
    city = catalogue(
        duties=DUTIES
        + "  always: {matters: [tree], area: '410902', lead: parks}\n  wide: {matters: [tree], lead: parks}\n"
    )
    verdicts = {
        one.rule: (one.verdict, one.why)
        for one in explain(city, "tree", "410902002001001", datetime(2026, 7, 1, tzinfo=UTC)).considered
    }
    assert verdicts["spring"] == ("not-in-effect", "ended on 2026-05-31")
    assert verdicts["wide"] == ("lost", "less specific than always: the whole city is wider than 410902")
    spring = explain(city, "tree", "410902002001001", datetime(2026, 4, 1, tzinfo=UTC)).considered
    assert {one.rule: one.why for one in spring}["always"] == "less specific than spring: its time is wider"


def test_a_matter_without_duty_is_explained() -> None:
    city = catalogue(duties="fallback: {department: locality}\nduties: {holes: {matters: [hole], lead: roads}}")
    explanation = explain(city, "tree", "410902002001001", datetime(2026, 7, 1, tzinfo=UTC))
    assert explanation.considered == ()
    assert explanation.route.assigned[0].rule == "fallback"
