"""Lifecycles of tasks in work.yaml: each mistake gives one finding with its position, and the shipped cities' lifecycles are whole."""

from zoneinfo import ZoneInfo

import pytest

from router.domain.catalogue.checks.lifecycle_lint import check, check_calendar
from router.domain.catalogue.compile import compile_catalogue
from router.domain.documents import Finding
from router.domain.lifecycle.lifecycles import ALWAYS, CHECKED, UNCHECKED, Lifecycle, Step
from router.domain.model.transition import TaskStage
from tests.support.catalogue_lists import DUTIES, lists
from tests.support.cities import shipped

WHOLE = """\
workflows:
  field:
    name: {en: Field}
    lifecycle: three
    steps:
      dispatch: {text: {en: Sent}}
      handling: {text: {en: Done}}
lifecycles:
  three:
    name: {en: Three states}
    stages:
      dispatched:
        on: {accept: handling, return: returned, handled: closed, reroute: withdrawn, close: closed}
      handling:
        on: {progress: handling, handled: closed, suspend: suspended, close: closed}
      suspended:
        limit: 5d
        on: {resume: handling, close: closed}
      closed:
        on: {reopen: handling}
unused: [ask-extension, ask-support, answer, transfer, supervise, check-passed, check-failed, grant-extension, reject-extension]
"""
CHECKING = "      checking: {text: {en: Looked at}}\n"


def seen(work: str) -> list[tuple[str, int, int, str]]:
    return [(one.code, one.line, one.column, one.level) for one in check(lists(work=work))]


def test_a_whole_lifecycle_has_no_finding() -> None:
    assert seen(WHOLE) == []


@pytest.mark.parametrize(
    ("work", "code", "line", "column"),
    [
        (WHOLE.replace("lifecycle: three", "lifecycle: tree"), "GR090", 4, 16),
        (WHOLE.replace("accept: handling", "accept: closed"), "GR091", 13, 22),
        (WHOLE.replace("reopen: handling", "reopen: dispatched"), "GR091", 20, 22),
        (WHOLE.replace("accept: handling", "accept: accepted"), "GR092", 13, 22),
        (WHOLE.replace("suspend: suspended, ", "").replace("unused: [", "unused: [suspend, "), "GR093", 16, 7),
        (WHOLE.replace("resume: handling, ", "").replace("unused: [", "unused: [resume, "), "GR094", 16, 7),
        (WHOLE.replace("        limit: 5d\n", ""), "GR095", 16, 7),
        (WHOLE.replace("      closed:\n", "      closed:\n        limit: 1d\n"), "GR095", 20, 16),
        (WHOLE.replace("unused: [ask-extension", "unused: [accept, ask-extension"), "GR096", 21, 10),
        (WHOLE.replace("lifecycles:", CHECKING + "lifecycles:"), "GR097", 4, 16),
    ],
)  # fmt: skip
def test_each_mistake_gives_one_finding(work: str, code: str, line: int, column: int) -> None:
    found = [
        one for one in seen(work) if one[0] != "GR093" or code == "GR093"
    ]  # a misspelt lifecycle is used by no workflow
    assert found == [(code, line, column, "error")]


def test_a_lifecycle_that_no_workflow_names_is_found() -> None:
    assert ("GR093", 9, 3, "error") in seen(WHOLE.replace("lifecycle: three", "lifecycle: tree"))


def test_a_lifecycle_without_its_first_stage_is_found() -> None:
    lines = WHOLE.splitlines(keepends=True)
    assert ("GR092", 11, 5, "error") in seen("".join(lines[:11] + lines[13:]))


def test_a_stage_that_only_force_ends_is_a_dead_end() -> None:
    """`handled` that no inspector may decide about: only a supervisor's `close` would end it."""
    work = WHOLE.replace("handled: closed, suspend", "handled: handled, suspend").replace(
        "      closed:", "      handled:\n        limit: 1d\n        on: {close: closed}\n      closed:"
    )
    work = work.replace("lifecycles:", CHECKING + "lifecycles:")
    assert ("GR094", 20, 7, "error") in seen(work)


def test_feedback_that_no_workflow_uses_is_a_warning() -> None:
    (finding,) = check(lists(work=WHOLE.replace("unused: [ask-extension, ", "unused: [")))
    assert (finding.code, finding.line, finding.level) == ("GR096", 8, "warning")
    assert finding.message == "no workflow uses the feedback `ask-extension`"


def test_a_city_without_lives_has_those_of_the_standard() -> None:
    work = WHOLE[: WHOLE.index("lifecycles:")].replace("    lifecycle: three\n", "")
    read = lists(work=work)
    assert list(check(read)) == []
    assert compile_catalogue(read, ZoneInfo("UTC")).lifecycles == {"field": UNCHECKED}
    checked = lists(work=work + CHECKING)
    assert compile_catalogue(checked, ZoneInfo("UTC")).lifecycles == {"field": CHECKED}
    assert compile_catalogue(lists(work=work + CHECKING.replace("}}", "}, required: false}")), ZoneInfo("UTC")).lifecycles == {
        "field": UNCHECKED
    }  # fmt: skip


def test_a_limit_needs_its_calendar() -> None:
    authority = DUTIES.replace("duties:", "arbitration: {department: police, limit: 4wh}\nduties:", 1)
    (other,) = check_calendar(lists(duties=authority), None)
    assert (other.code, other.file, other.line, other.column) == ("GR070", "duties.yaml", 2, 42)
    found: list[Finding] = list(check_calendar(lists(work=WHOLE.replace("5d", "5wd")), None))
    assert [(one.code, one.line, one.column) for one in found] == [("GR070", 17, 16)]
    assert list(check_calendar(lists(work=WHOLE), None)) == []


def written(lifecycle: Lifecycle) -> dict[Step, TaskStage]:
    """The entries of a lifecycle that a city writes: a silence is possible in each."""
    return {step: after for step, after in lifecycle.table.items() if step[1] not in ALWAYS}


FILED = WHOLE.replace(
    "      dispatched:\n",
    """\
      verifying:
        limit: 4h
        on: {verified: filing, reject: rejected}
      filing:
        limit: 1d
        on: {file: dispatched, reject: rejected}
      dispatched:
""",
    1,
)
"""Verified and filed before the dispatch."""


def test_a_lifecycle_that_verifies_and_files_has_no_finding() -> None:
    assert seen(FILED) == []


@pytest.mark.parametrize(
    ("work", "code", "line", "column"),
    [
        (FILED.replace("verified: filing", "verified: dispatched"), "GR093", 15, 7),  # no case comes to `filing`
        (FILED.replace("        limit: 4h\n", ""), "GR095", 12, 7),
        (FILED.replace("        limit: 1d\n", ""), "GR095", 15, 7),
        (FILED.replace("file: dispatched, ", "").replace("unused: [", "unused: [file, "), "GR094", 12, 7),
        (FILED.replace("file: dispatched", "file: handling"), "GR091", 17, 20),
        (FILED.replace("reject: rejected}\n      filing", "reject: closed}\n      filing"), "GR091", 14, 40),
        (FILED.replace("unused: [", "unused: [silence, "), "GR096", 27, 10),
        (FILED.replace(", reject: rejected", ""), "GR096", 8, 1),  # a case that is not so could not be rejected
    ],
)
def test_each_mistake_before_the_dispatch_is_found(work: str, code: str, line: int, column: int) -> None:
    assert (code, line, column) in [one[:3] for one in seen(work)]


def test_puyang_has_the_lifecycle_of_the_standard() -> None:
    lifecycles = shipped("puyang").catalogue.lifecycles
    assert dict(lifecycles["field-work"].table) == written(CHECKED)
    assert dict(lifecycles["desk-work"].table) == written(UNCHECKED)
    assert {stage: str(limit) for stage, limit in lifecycles["field-work"].limits.items()} == {
        "suspended": "720h",
        "handled": "1wd",
    }


@pytest.mark.parametrize("city", ["los-angeles", "seattle"])
def test_cities_without_field_checks_have_three_states(city: str) -> None:
    for one in shipped(city).catalogue.lifecycles.values():
        assert one.stages == {"dispatched", "handling", "closed"}
        assert "handled" not in one.table.values()
