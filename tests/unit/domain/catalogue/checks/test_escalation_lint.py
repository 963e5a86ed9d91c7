"""What is wrong with escalations.yaml, each at its line and column."""

import pytest

from router.domain.calendar import lint as calendar_lint
from router.domain.catalogue.checks import escalation_lint
from router.domain.catalogue.lists import read_lists
from tests.support.calendars import puyang
from tests.support.catalogue_lists import catalogue, lists, sources

RIGHT = """\
authorities:
  village: {name: {en: Village}, digits: 12}
  town: {name: {en: Town}, digits: 9}
  county: {name: {en: County}, digits: 6}
ladders:
  usual:
    remind: [1wd, 4wh]
    rungs:
      - {to: village, after: 0h}
      - {to: town, after: 1wd}
      - {to: county, after: 3wd}
  short:
    rungs: [{to: town, after: 2h}]
default: {lead: usual}
groups: {street: {lead: short, assist: short}}
matters: {tree: {assist: short}}
"""
ONE_UNIT = RIGHT.replace("[1wd, 4wh]", "[1wd]")


def found(text: str) -> list[tuple[str, int, int, str]]:
    read, wrong = read_lists(sources(escalations=text))
    findings = list(escalation_lint.check(read)) if read is not None else wrong
    return [(one.code, one.line, one.column, one.message) for one in findings]


def test_a_right_file_has_no_findings() -> None:
    assert found(ONE_UNIT) == []


@pytest.mark.parametrize(
    ("old", "new", "code", "place", "message"),
    [
        ("{to: town, after: 1wd}", "{to: twon, after: 1wd}", "GR080", (10, 14), "no authority `twon`"),
        ("      - {to: town, after: 1wd}\n", "", "GR082", (10, 14), "from `village` to `county` and leaves out `town`"),
        ("{to: town, after: 1wd}", "{to: village, after: 1wd}", "GR083", (10, 14), "`village`, which is not above it"),
        ("{to: county, after: 3wd}", "{to: county, after: 1wd}", "GR083", (11, 29), "1wd where less than 1wd belongs"),
        ("{to: county, after: 3wd}", "{to: county, after: 30h}", "GR083", (11, 29), "1wd beside 30h"),
        ("[1wd]", "[1wd, 2wd]", "GR083", (7, 19), "has 2wd where less than 1wd belongs"),
        ("[1wd]", "[0h]", "GR083", (7, 14), "a reminder comes before the end"),
        ("digits: 6", "digits: 12", "GR083", (4, 40), "`county` has 12 digits, more than"),
        ("lead: usual", "lead: usaul", "GR081", (14, 17), "no ladder `usaul`"),
        ("street:", "streets:", "GR014", (15, 10), "no group `streets`"),
        ("tree:", "trees:", "GR011", (16, 11), "no matter `trees`"),
        ("digits: 6", "digits: 7", "GR003", (4, 40), "an area has one of 0, 2, 4, 6, 9, 12, 15 digits"),
        ("after: 1wd", "after: soon", "GR003", (10, 27), "a limit is a number"),
    ],
)
def test_one_mistake_is_one_finding(old: str, new: str, code: str, place: tuple[int, int], message: str) -> None:
    (one,) = found(ONE_UNIT.replace(old, new, 1))
    assert one[0] == code
    assert one[1:3] == place
    assert message in one[3]


def test_times_in_working_hours_need_a_calendar() -> None:
    read = lists(escalations=ONE_UNIT)
    assert read.escalations is not None
    document = read.documents["escalations.yaml"]
    missing = list(calendar_lint.check_ladders(read.escalations, document, None))
    assert [(one.code, one.line, one.column) for one in missing] == [
        ("GR070", 7, 14),
        ("GR070", 10, 27),
        ("GR070", 11, 29),
    ]
    assert list(calendar_lint.check_ladders(read.escalations, document, puyang())) == []


def test_matter_then_group_then_default_say_which_ladder() -> None:
    made = catalogue(escalations=ONE_UNIT)
    ids = {
        (matter, role): one.id if (one := made.ladder(matter, role)) else None  # type: ignore[arg-type]
        for matter in ("tree", "grass", "hole", "moon")
        for role in ("lead", "assist")
    }
    assert ids == {
        ("tree", "lead"): "usual",
        ("tree", "assist"): "short",
        ("grass", "lead"): "usual",
        ("grass", "assist"): None,
        ("hole", "lead"): "short",
        ("hole", "assist"): "short",
        ("moon", "lead"): "usual",
        ("moon", "assist"): None,
    }


def test_the_file_is_part_of_the_version_and_optional() -> None:
    assert catalogue().version != catalogue(escalations=ONE_UNIT).version
    assert catalogue().ladders == {}
