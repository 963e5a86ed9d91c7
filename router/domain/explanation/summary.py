"""What a case is now: incident, place, state, and who has it."""

from collections.abc import Iterator

from router.domain.explanation.case_life import CaseLife, Sentence
from router.domain.explanation.wording import RESOLVED, ROLES, STAGES, STATES, STATUSES, Bilingual, Wording
from router.domain.lifecycle.lifecycles import PLANNED
from router.domain.lifecycle.stages import is_live, stage_of
from router.domain.model.case import Assignment, Case


def describe_case(life: CaseLife, wording: Wording) -> Iterator[Sentence]:
    """The case as it is now, then a sentence for each of its tasks."""
    case = life.case
    matter, state, status = wording.matter(case.matter), STATES[case.state], STATUSES[case.status]
    archived = Bilingual(" and archived", "，已归档") if life.archived else Bilingual("", "")
    opened, changed = wording.time(case.opened_at), wording.time(case.updated_at)
    number = Bilingual(
        *(
            ("1 report", "1 件上报")
            if len(case.reports) == 1
            else (f"{len(case.reports)} reports", f"{len(case.reports)} 件上报")
        )
    )
    yield Sentence(
        kind="state",
        en=f"{case.id} is {state.en}{archived.en}: {matter.en}, {status.en}, {number.en}; opened on {opened}, "
        f"changed last on {changed}, revision {case.revision}.",
        zh=f"{case.id}：{state.zh}{archived.zh}；事项 {matter.zh}，{status.zh}，{number.zh}；{opened} 立案，"
        f"{changed} 最近变更，第 {case.revision} 次修订。",
        at=case.updated_at,
    )
    yield _place(case)
    if case.description:
        yield Sentence(kind="text", en=f"It says: {case.description}", zh=f"描述：{case.description}")
    for one in case.assignments:
        yield _task(one, wording)
    silenced = case.silenced_until
    if silenced is not None and silenced > case.updated_at:
        until = wording.time(silenced)
        yield Sentence(
            kind="silence",
            en=f"Its reminders and escalations are muted until {until}.",
            zh=f"催办与升级上报静默至 {until}。",
            at=silenced,
        )
    yield _reason(case, wording)


def _place(case: Case) -> Sentence:
    how = RESOLVED[case.resolved_by]
    address = f"{case.address}, " if case.address else ""
    point = f"{case.lon:.5f} {case.lat:.5f}, " if case.lon is not None and case.lat is not None else ""
    doubt = (
        Bilingual(f"; in doubt: {case.place_doubt}", f"；存疑：{case.place_doubt}")
        if case.place_doubt
        else Bilingual("", "")
    )
    return Sentence(
        kind="place",
        en=f"Where: {address}{point}cell {case.cell}, within {case.accuracy_m:.0f} m; {how.en}{doubt.en}.",
        zh=f"位置：{address}{point}网格 {case.cell}，误差 {case.accuracy_m:.0f} 米；{how.zh}{doubt.zh}。",
    )


def _task(one: Assignment, wording: Wording) -> Sentence:
    stage, role = STAGES[stage_of(one)], ROLES[one.role]
    department = wording.department(one.department, one.unit)
    en, zh = f"{one.task}: {role.en} {department.en}, {stage.en}", f"{one.task}：{role.zh} {department.zh}，{stage.zh}"
    if one.stage_at is not None:
        en, zh = f"{en} since {wording.time(one.stage_at)}", f"{zh}（自 {wording.time(one.stage_at)}）"
    if is_live(one) and one.due_at is not None:
        sure = Bilingual(" (provisional)", "（暂定）") if one.due_provisional else Bilingual("", "")
        en, zh = f"{en}, due on {wording.time(one.due_at)}{sure.en}", f"{zh}，截止 {wording.time(one.due_at)}{sure.zh}"
    for part in one.milestones:
        en, zh = f"{en}; {part.id}", f"{zh}；{part.id}"
        if part.done_at is not None:
            en, zh = f"{en} done on {wording.time(part.done_at)}", f"{zh} {wording.time(part.done_at)} 完成"
        elif part.due_at is not None:
            en, zh = f"{en} due on {wording.time(part.due_at)}", f"{zh} 截止 {wording.time(part.due_at)}"
    return Sentence(kind="task", en=f"{en}.", zh=f"{zh}。", at=one.stage_at, task=one.task)


def _reason(case: Case, wording: Wording) -> Sentence:
    rules = case.rule_set or case.catalogue
    if not case.assignments or not any(is_live(one) for one in case.assignments):
        return Sentence(
            kind="reason",
            en=f"No department has a task now. Recorded reason: {case.reason}.",
            zh=f"目前没有部门持有任务。记录的原因：{case.reason}。",
        )
    departments = {one.department: wording.department(one.department) for one in case.assignments if is_live(one)}
    return Sentence(
        kind="reason",
        en=f"Recorded reason, by rule set {rules}: {case.reason}.",
        zh=f"{'拟派遣给' if case.state in PLANNED else '派遣给'} {'、'.join(one.zh for one in departments.values())}，依据规则集 {rules}；记录的原因：{case.reason}。",
    )
