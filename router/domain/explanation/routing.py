"""Why a department has a task: the duty that decided, looked up again in the rule set that the case names."""

from collections.abc import Iterator
from datetime import datetime

from router.domain.catalogue.lists import Duty
from router.domain.catalogue.model import FALLBACK
from router.domain.catalogue.resolve import Candidate
from router.domain.explanation.case_life import Decisions, Sentence
from router.domain.explanation.wording import ROLES, Bilingual, Wording
from router.domain.lifecycle.stages import is_live
from router.domain.model.case import Assignment, Case

_NAMED = {
    2: Bilingual("names the matter", "指明该事项"),
    1: Bilingual("names its group", "指明其类别"),
    0: Bilingual("names every matter", "涵盖所有事项"),
}


def explain_routing(case: Case, one: Assignment, decisions: Decisions | None) -> Iterator[Sentence]:
    """Why the department of an assignment was chosen.

    Args:
        case: as it is now.
        one: its assignment.
        decisions: of the case's rule set; None if that cannot be read.
    """
    wording = Wording(decisions)
    role, department = ROLES[one.role], wording.department(one.department, one.unit)
    start = one.dispatched_at or case.opened_at
    when = wording.time(start)
    yield Sentence(
        kind="assigned",
        en=f"{one.task}: {department.en} got it as {role.en} on {when}.",
        zh=f"{one.task}：{when} 派遣 {department.zh}，角色为{role.zh}。",
        at=start,
        task=one.task,
    )
    if one.why:
        yield _about(
            one, "decision", Bilingual(f"No duty decided it: {one.why}.", f"不按职责清单，另有决定：{one.why}。")
        )
        return
    if decisions is None:
        yield _about(one, "duty", Bilingual(f"Rule {one.rule} decided it.", f"依据规则 {one.rule}。"))
        return
    yield _about(one, "duty", _duty(case, one, start, decisions))


def _about(one: Assignment, kind: str, said: Bilingual) -> Sentence:
    return Sentence(kind=kind, en=said.en, zh=said.zh, task=one.task)


def _duty(case: Case, one: Assignment, start: datetime, decisions: Decisions) -> Bilingual:
    catalogue, rules = decisions.catalogue, decisions.rule_set
    matter = Wording(decisions).matter(case.matter)
    winner = catalogue.winner(case.matter, case.cell, start)
    again = winner.duty.id if winner is not None else FALLBACK
    if again == one.rule and is_live(one):
        return _won(matter, winner, case.cell, rules)
    known = next((duty for duty in catalogue.duties if duty.id == one.rule), None)
    return _recorded(one, known, rules)


def _won(matter: Bilingual, winner: Candidate | None, cell: str, rules: str) -> Bilingual:
    """The duty that wins for what the case says now is the one on record."""
    if winner is None:
        return Bilingual(
            f"No duty covers {matter.en} in cell {cell}, so the locality answers for it (rule set {rules}).",
            f"职责清单未涵盖 {matter.zh}（网格 {cell}），由属地兜底（规则集 {rules}）。",
        )
    duty, named = winner.duty, _NAMED[winner.named]
    area = Bilingual(winner.area or "the whole city", winner.area or "全市")
    return Bilingual(
        f"Duty {duty.id} ({duty.mark}) decides: of those in effect it is the most specific for {matter.en} in cell {cell}, "
        f"it {named.en} in {area.en} (rule set {rules}).",
        f"依据职责 {duty.id}（{duty.mark}）：对 {matter.zh}、网格 {cell}，在有效职责中最具体，{named.zh}，范围 {area.zh}（规则集 {rules}）。",
    )


def _recorded(one: Assignment, known: Duty | None, rules: str) -> Bilingual:
    """What is on record, where the case now says something else, or the task has ended."""
    if one.rule == FALLBACK:
        return Bilingual(
            "No duty covered it then, so the locality answered for it.", "当时职责清单未涵盖，由属地兜底。"
        )
    if known is None:
        return Bilingual(
            f"Duty {one.rule} decided it then; rule set {rules} does not have it.",
            f"当时依据职责 {one.rule}；规则集 {rules} 中没有该职责。",
        )
    return Bilingual(
        f"Duty {one.rule} ({known.mark}) decided it then, for what the case said.",
        f"当时依据职责 {one.rule}（{known.mark}），按当时的案情。",
    )
