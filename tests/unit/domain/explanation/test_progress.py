"""What a receipt says of a report: expectations are written first. START is 09:00 on 1 October 2026 in Shanghai."""

from typing import get_args

import pytest

from router.domain.explanation.progress import STAGE_OF_STATE, CaseProgress, ReceiptStage, ReceiptWords, progress_of
from router.domain.explanation.wording import Bilingual
from router.domain.model.case import CaseState
from router.domain.model.feedback import SUPERVISION
from router.domain.model.rejection import REJECTION_CODES
from tests.support.catalogue_lists import DUTIES, WORK, ZONE
from tests.support.driver import Driver, hours, report, tiny
from tests.support.feedback import feedback

NAMES = {"parks": Bilingual("the parks office", "园林局"), "police": Bilingual("the police", "公安局")}
WORDS = ReceiptWords(NAMES.__getitem__, ZONE)
RECEIVED = "The report was received on 2026-10-01 09:00."


def said(progress: CaseProgress) -> Bilingual:
    return WORDS.about(progress.stage, hours(0), progress)


CHECKED = WORK + "      checking: {text: {en: Looked at}}\n"
TOGETHER = DUTIES.replace("lead: parks", "lead: parks\n    assist: [police]")


def opened(matter: str = "tree", duties: str = DUTIES) -> Driver:
    driver = Driver(tiny(work=CHECKED, duties=duties))
    driver.pipe(report("17", 0, matter=matter))
    return driver


def test_a_task_on_its_way_from_dispatch_to_closing() -> None:
    driver = opened()
    (task,) = driver.tasks
    steps = [progress_of(driver.case_of("17"))]
    for event in (
        feedback("accept", task, 1),
        feedback("progress", task, 2),
        feedback("suspend", task, 3, SUPERVISION, reason="storm"),
        feedback("resume", task, 4, SUPERVISION),
        feedback("handled", task, 5),
        feedback("check-passed", task, 6, SUPERVISION),
    ):
        driver.pipe(event)
        steps.append(progress_of(driver.case_of("17")))
    assert [one.stage for one in steps] == [
        "dispatched", "accepted", "handling", "suspended", "handling", "handled", "closed",
    ]  # fmt: skip
    texts = [said(one) for one in steps]
    assert texts[0].en.startswith(
        f"{RECEIVED} It was given to the parks office, which has not taken it on yet. It is due on 2026-10-0"
    )
    assert texts[0].zh.startswith("上报已于 2026-10-01 09:00 接收。已派遣给园林局，尚未受理。办理时限为 2026-10-0")
    assert texts[3].en == f"{RECEIVED} It is suspended at the parks office: it cannot be done now."
    assert texts[5].en == f"{RECEIVED} The parks office has reported it as handled; an inspector will check it."
    assert texts[6].en == f"{RECEIVED} Its case was closed on 2026-10-01 15:00. The parks office handled it."
    assert texts[6].zh == "上报已于 2026-10-01 09:00 接收。由园林局办理，已于 2026-10-01 15:00 结案。"


def test_a_merged_report_with_an_assistant() -> None:
    driver = opened("grass", TOGETHER)
    driver.pipe(report("18", 1, matter="grass"), report("19", 1, matter="grass"))
    found = progress_of(driver.case_of("19"))
    assert (found.reports, found.lead, found.assistants) == (3, "parks", ("police",))
    assert "It is in one case with 2 other reports." in said(found).en
    assert said(found).en.endswith("Assisting: the police.")
    assert said(found).zh.endswith("协办：公安局。")
    assert "已与另外 2 件上报并为同一案卷。" in said(found).zh


def test_a_department_that_returned_its_task_is_named_no_more() -> None:
    driver = opened()
    driver.pipe(feedback("return", driver.tasks[0], 1, reason="not ours"))
    assert progress_of(driver.case_of("17")).lead != "parks"


def test_a_receipt_names_nothing_of_what_was_reported() -> None:
    driver = Driver(tiny())
    driver.pipe(report("17", 0, matter="grass"))
    case = driver.case_of("17")
    text = said(progress_of(case))
    for secret in (case.id, case.cell, case.reports[0].id, "17", "grass"):
        assert secret not in text.en.replace(RECEIVED, "") + text.zh.replace("2026-10-01", "")


@pytest.mark.parametrize("state", get_args(CaseState))
def test_every_state_has_a_sentence_in_both_languages(state: CaseState) -> None:
    stage = STAGE_OF_STATE[state]
    for lead in (None, "parks"):
        text = said(CaseProgress(revision=1, stage=stage, reports=1, changed_at=hours(0), lead=lead))
        assert text.en.startswith(f"{RECEIVED} ")
        assert text.zh.count("。") >= 2


def test_without_a_case_a_receipt_says_what_is_known() -> None:
    assert WORDS.about("received", hours(0)).en == f"{RECEIVED} It is not in a case yet; that usually takes seconds."
    assert "finished long ago" in WORDS.about("unknown", hours(0)).en
    rejected = WORDS.about("rejected", hours(0), None, "unknown-code")
    assert rejected.en == (
        f"{RECEIVED} It was rejected afterwards: The city's code table does not contain the class of the report. "
        "Correct it and send it again."
    )
    assert rejected.zh == "上报已于 2026-10-01 09:00 接收。接收后被拒收，原因：类别代码不在代码表内。请更正后重新上报。"


@pytest.mark.parametrize("code", [*REJECTION_CODES, "a-later-code"])
def test_every_rejection_is_said_in_both_languages(code: str) -> None:
    case = CaseProgress(revision=1, stage="closed", reports=1, changed_at=hours(0))
    for progress, stage in ((None, "rejected"), (case, "closed")):
        assert stage in get_args(ReceiptStage)
        text = WORDS.about(stage, hours(0), progress, code)  # type: ignore[arg-type]
        assert "rejected" in text.en
        assert "拒收" in text.zh
